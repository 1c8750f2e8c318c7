//! `GET /health` and `GET /health/readiness`, for what watches over nodes.
//!
//! Both are answered from `system_health`, so that faults hold them up as they do any call. Paths, statuses and bodies
//! are those of a Substrate node; no other path means anything to it.

use std::{
    future::{Future, ready},
    pin::Pin,
    task::{Context, Poll},
};

use http_body_util::BodyExt;
use hyper::{
    Method, StatusCode, Uri,
    body::Incoming,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use jsonrpsee::{
    core::BoxError,
    server::{HttpBody, HttpRequest, HttpResponse},
};
use serde::{Deserialize, Serialize};
use tower::Service;

const CALL: &str = r#"{"jsonrpc":"2.0","method":"system_health","id":0}"#;
const JSON: &str = "application/json; charset=utf-8";

/// Answers those who watch, and hands everything else on.
#[derive(Debug, Clone)]
pub(super) struct Watched<S>(pub(super) S);

/// What is asked for by a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Health,
    Readiness,
}

impl Asked {
    fn of(path: &str) -> Option<Self> {
        match path {
            "/health" => Some(Self::Health),
            "/health/readiness" => Some(Self::Readiness),
            _ => None,
        }
    }

    fn answer(self, health: &Health) -> HttpResponse {
        match self {
            Self::Health => match serde_json::to_string(health) {
                Ok(text) => response(StatusCode::OK, HttpBody::from(text)),
                Err(_) => response(StatusCode::INTERNAL_SERVER_ERROR, HttpBody::empty()),
            },
            Self::Readiness if health.is_ready() => response(StatusCode::OK, HttpBody::empty()),
            Self::Readiness => response(StatusCode::INTERNAL_SERVER_ERROR, HttpBody::empty()),
        }
    }
}

/// The answer of `system_health`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    peers: u64,
    is_syncing: bool,
    should_have_peers: bool,
}

#[derive(Deserialize)]
struct Answered {
    result: Health,
}

impl Health {
    /// Whether it has caught up with its peers, or needs none.
    fn is_ready(&self) -> bool {
        (!self.is_syncing && self.peers > 0) || !self.should_have_peers
    }
}

impl<S> Service<HttpRequest<Incoming>> for Watched<S>
where
    S: Service<HttpRequest, Response = HttpResponse, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = HttpResponse;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: HttpRequest<Incoming>) -> Self::Future {
        let Some(asked) = Asked::of(request.uri().path()) else {
            return Box::pin(self.0.call(request.map(HttpBody::new)));
        };
        if request.method() != Method::GET {
            return Box::pin(ready(Ok(response(StatusCode::METHOD_NOT_ALLOWED, HttpBody::empty()))));
        }
        let mut request = request.map(|_| HttpBody::from(CALL));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("/");
        for name in [CONTENT_TYPE, ACCEPT] {
            request.headers_mut().insert(name, HeaderValue::from_static(JSON));
        }
        let answer = self.0.call(request);
        Box::pin(async move {
            let body = answer.await?.into_body().collect().await?.to_bytes();
            Ok(match serde_json::from_slice::<Answered>(&body) {
                Ok(answered) => asked.answer(&answered.result),
                // It was refused: there are too many connections, say.
                Err(_) => response(StatusCode::INTERNAL_SERVER_ERROR, HttpBody::empty()),
            })
        })
    }
}

fn response(status: StatusCode, body: HttpBody) -> HttpResponse {
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_who_has_caught_up_or_needs_nobody() {
        for (peers, is_syncing, should_have_peers, want) in [
            (0, false, false, StatusCode::OK),
            (0, true, false, StatusCode::OK),
            (3, false, true, StatusCode::OK),
            (0, false, true, StatusCode::INTERNAL_SERVER_ERROR),
            (3, true, true, StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            let health = Health { peers, is_syncing, should_have_peers };
            assert_eq!(Asked::Readiness.answer(&health).status(), want, "{health:?}");
            assert_eq!(Asked::Health.answer(&health).status(), StatusCode::OK, "{health:?}");
        }
    }
}
