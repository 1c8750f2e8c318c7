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

    /// Whether both are one node: the scheme, the host in whatever case, the port and what is behind it are the same.
    /// The port of the scheme, and a path of nothing, need not be written.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0 || self.in_full().zip(other.in_full()).is_some_and(|(ours, theirs)| ours == theirs)
    }

    /// The URL as it is written when nothing is left out, and one node has one; none where it is no such URL.
    fn in_full(&self) -> Option<String> {
        let (scheme, rest) = self.0.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "ws" => 80,
            "wss" => 443,
            _ => return None,
        };
        let (authority, behind) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let before = &authority[..authority.len() - place.len()];
        // The colons in an address of version 6 stand between brackets.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, "")) => (host, usual),
            Some((host, port)) if !port.contains(']') => (host, port.parse::<u16>().ok()?),
            _ => (place, usual),
        };
        let behind = if behind.is_empty() { "/" } else { behind };
        Some(format!("{scheme}://{before}{}:{port}{behind}", host.to_ascii_lowercase()))
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
    fn one_node_is_known_by_whatever_spelling() {
        let is_same = |one: &str, other: &str| {
            let (one, other) = (Endpoint::from(one), Endpoint::from(other));
            assert_eq!(one.is_same(&other), other.is_same(&one));
            one.is_same(&other)
        };
        for (one, other) in [
            ("wss://node.example", "wss://node.example:443"),
            ("wss://Node.Example:443/", "WSS://node.example"),
            ("ws://node.example/", "ws://node.example:80"),
            ("ws://[::1]:80", "ws://[::1]/"),
            ("wss://node.example:/?key=A", "wss://node.example:443/?key=A"),
            ("not a url", "not a url"),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("ws://node.example", "wss://node.example"),
            ("ws://node.example:443", "wss://node.example:443"),
            ("ws://node.example:9944", "ws://node.example:9945"),
            ("ws://node.example/a", "ws://node.example/A"),
            ("ws://node.example/a", "ws://node.example"),
            ("ws://a@node.example", "ws://b@node.example"),
            ("ws://[::1]:9944", "ws://[::1]"),
            ("ws://[::1]", "ws://[::2]"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
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
