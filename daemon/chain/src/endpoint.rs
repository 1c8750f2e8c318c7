//! A node's URL, and the form of it that may be seen.
//!
//! Providers put keys into URLs: before the host, as the path, in the query. The URL itself is for
//! connecting alone. What is logged, shown, kept in errors or served is the form that
//! [`Display`](fmt::Display) and `Debug` write, which names scheme, host and port and nothing else.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

/// A WebSocket URL. Printing it leaves out whatever may be a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Endpoint(String);

// === impl Endpoint ===

impl Endpoint {
    /// The whole URL, keys included: for connecting, and for nothing that is seen.
    pub fn url(&self) -> &str {
        &self.0
    }

    /// The name of its host; none where it is an address, or is written in a way that is translated before
    /// it is looked up.
    pub(crate) fn host_name(&self) -> Option<&str> {
        let (_, rest) = self.0.split_once("://")?;
        let authority = rest.split(['/', '\\', '?', '#']).next()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let name = host.split_once(':').map_or(host, |(name, _)| name);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        (!name.is_empty() && name.bytes().all(is_plain) && name.parse::<IpAddr>().is_err()).then_some(name)
    }

    /// Whether this is a WebSocket URL with a host. `ws://` is taken for what it says: unencrypted.
    pub(crate) fn is_websocket(&self) -> bool {
        let rest = self.0.strip_prefix("ws://").or_else(|| self.0.strip_prefix("wss://"));
        rest.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && !host.contains(char::is_whitespace))
    }
}

impl From<String> for Endpoint {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl From<&str> for Endpoint {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = match self.0.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, self.0.as_str()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if let Some(scheme) = scheme {
            write!(f, "{scheme}://")?;
        }
        if host.len() < authority.len() {
            f.write_str("…@")?;
        }
        f.write_str(host)?;
        if matches!(behind, "" | "/") { Ok(()) } else { f.write_str("/…") }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_key_is_never_printed() {
        for (url, shown) in [
            ("ws://127.0.0.1:9944", "ws://127.0.0.1:9944"),
            ("wss://node.example:443/", "wss://node.example:443"),
            ("wss://user:hunter2@node.example", "wss://…@node.example"),
            ("wss://user:p@ss@node.example/x", "wss://…@node.example/…"),
            ("wss://node.example/v1/0123456789abcdef", "wss://node.example/…"),
            ("wss://node.example?apikey=hunter2", "wss://node.example/…"),
            ("wss://node.example#hunter2", "wss://node.example/…"),
            ("hunter2@node", "…@node"),
        ] {
            let endpoint = Endpoint::from(url);
            assert_eq!(endpoint.to_string(), shown, "{url}");
            assert_eq!(format!("{endpoint:?}"), format!("Endpoint({shown})"));
            assert_eq!(endpoint.url(), url);
        }
    }
    #[test]
    fn a_name_is_one_that_can_be_looked_up_as_it_stands() {
        for (url, name) in [
            ("wss://node.example:443/v1/key", Some("node.example")),
            ("wss://user:p@ss@node-1.example?key", Some("node-1.example")),
            ("ws://localhost", Some("localhost")),
            ("ws://127.0.0.1:9944", None),
            ("ws://[::1]:9944", None),
            ("ws://b\u{fc}cher.example", None),
            ("ws://b%C3%BCcher.example", None),
            ("ws://:9944", None),
        ] {
            assert_eq!(Endpoint::from(url).host_name(), name, "{url}");
        }
    }
}
