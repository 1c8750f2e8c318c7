//! `POST /`: one message in, its answer out.
//!
//! Every well-formed exchange is a 200, whatever the answer says; what wants no answer is a 204.
//! Other statuses are for trouble of the transport.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jsonrpsee::server::HttpBody;
use tokio::time::timeout;

use super::{gate::Gate, health::plain, server::SILENCE};

/// Answers a request of the control API that is not about health.
pub(super) async fn answer<B>(request: Request<B>, gate: Gate, max_bytes: usize) -> Response<HttpBody>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if request.method() != Method::POST {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "a call is a POST\n");
        refused.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return refused;
    }
    if !says_json(request.headers()) {
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a call has `content-type: application/json`\n");
    }
    let body = timeout(SILENCE, Limited::new(request.into_body(), max_bytes).collect());
    let Ok(body) = body.await else {
        return plain(StatusCode::REQUEST_TIMEOUT, "the request did not come to its end\n");
    };
    let body = match body {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return json(StatusCode::PAYLOAD_TOO_LARGE, gate.too_large(max_bytes).into_json());
        }
        Err(_) => return plain(StatusCode::BAD_REQUEST, "the request broke off\n"),
    };
    let Some(answer) = gate.answer(&body).await else {
        let mut nothing = Response::new(HttpBody::empty());
        *nothing.status_mut() = StatusCode::NO_CONTENT;
        return nothing;
    };
    json(StatusCode::OK, answer.into_json())
}

/// A web page cannot send this type to another origin without being asked first.
fn says_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.eq_ignore_ascii_case("application/json-rpc")
}

fn json(status: StatusCode, message: String) -> Response<HttpBody> {
    let mut response = Response::new(HttpBody::from(message));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
