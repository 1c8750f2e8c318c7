//! `GET /livez` and `GET /readyz`: for machines, which look at the status code only.
//!
//! Alive means that the process answers; ready means that every check holds. With `?verbose` the
//! checks are listed, one a line.

use std::{fmt, sync::Arc};

use http::{Method, Request, Response, StatusCode, header};
use jsonrpsee::server::HttpBody;

/// One thing that must hold for the daemon to be ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is about, in one word.
    pub name: &'static str,
    /// Why it does not hold; none when it does.
    pub trouble: Option<String>,
}

/// Asks for the checks, whenever somebody wants to know.
#[derive(Clone)]
pub struct Health(Arc<dyn Fn() -> Vec<Check> + Send + Sync>);

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Health").finish()
    }
}

// === impl Health ===

impl Health {
    /// Health as `checks` tells it.
    pub fn new(checks: impl Fn() -> Vec<Check> + Send + Sync + 'static) -> Self {
        Self(Arc::new(checks))
    }

    /// The answer, if the request asks for health.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Option<Response<HttpBody>> {
        let checks = match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/livez") => Vec::new(),
            (&Method::GET | &Method::HEAD, "/readyz") => (self.0)(),
            _ => return None,
        };
        let is_verbose = request.uri().query().is_some_and(|query| query.split('&').any(|part| part == "verbose"));
        let holds = checks.iter().all(|check| check.trouble.is_none());
        let line = |Check { name, trouble }: &Check| format!("{name}: {}\n", trouble.as_deref().unwrap_or("ok"));
        let listed: String = checks.iter().filter(|_| is_verbose).map(line).collect();
        let text = listed + if holds { "ok\n" } else { "not ready\n" };
        Some(plain(if holds { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, text))
    }
}

/// A reply in plain text.
pub(super) fn plain(status: StatusCode, text: impl Into<String>) -> Response<HttpBody> {
    let mut response = Response::new(HttpBody::from(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(health: &Health, method: Method, path: &str) -> Option<StatusCode> {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        health.answer(&request).map(|response| response.status())
    }

    #[test]
    fn alive_is_not_ready() {
        let ready = Health::new(|| vec![Check { name: "stores", trouble: None }]);
        let waiting = Health::new(|| vec![Check { name: "chain", trouble: Some("no block yet".into()) }]);
        assert_eq!(status(&ready, Method::GET, "/readyz"), Some(StatusCode::OK));
        assert_eq!(status(&waiting, Method::GET, "/readyz?verbose"), Some(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(status(&waiting, Method::GET, "/livez"), Some(StatusCode::OK));
        assert_eq!(status(&ready, Method::POST, "/livez"), None);
        assert_eq!(status(&ready, Method::GET, "/"), None);
    }
}
