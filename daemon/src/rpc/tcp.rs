//! The guard of the loopback listener: a token, a known `Host`, and no browser.
//!
//! Any program on the host can reach a loopback port, and so can a web page in a browser on it. The
//! token keeps the first out; the checks of `Host` (against DNS rebinding), `Origin` and `Referer`
//! (which only browsers send) keep out the second, before the token is looked at.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    net::SocketAddr,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use http::{HeaderMap, StatusCode, header};

use super::TcpConfig;

/// Why the loopback listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TcpError {
    /// The address can be reached from other hosts.
    #[error(
        "`rpc.tcp.listen` = {address} is not a loopback address\nhint: reach btd from other hosts through ssh, which can forward its socket"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address is taken or forbidden.
    #[error("cannot listen on {address} for the control API: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The token cannot be read or made.
    #[error("cannot use the token file {}: {source}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others could read the token.
    #[error("the token file {} can be read by others (mode {mode:04o})\nhint: chmod 600 it, or delete it and a new one is made", path.display())]
    TokenExposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The token is too weak.
    #[error("the token in {} is shorter than 32 characters\nhint: delete the file and a new one is made", path.display())]
    TokenShort {
        /// The file.
        path: PathBuf,
    },
}

/// Looks at each request of the loopback listener.
#[derive(Clone)]
pub struct Guard {
    token: String,
    hosts: Vec<String>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("token", &"…").field("hosts", &self.hosts).finish()
    }
}

// === impl Guard ===

impl Guard {
    /// A guard with the token in `path`, which is made if it is not there.
    ///
    /// # Errors
    /// When the token cannot be read or made, is too short, or others could read it.
    pub fn new(config: &TcpConfig, path: &Path) -> Result<Self, TcpError> {
        let token = match read_token(path)? {
            Some(token) => token,
            None => make_token(path).map_err(|source| TcpError::Token { path: path.to_owned(), source })?,
        };
        let local = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let hosts = local.into_iter().chain(config.hosts.iter().map(|host| host.to_ascii_lowercase())).collect();
        Ok(Self { token, hosts })
    }

    /// Passes a request, or says with which status and words it is refused.
    ///
    /// # Errors
    /// 403 for what a browser could have sent, 401 without the token.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        if headers.contains_key(header::ORIGIN) || headers.contains_key(header::REFERER) {
            return Err((StatusCode::FORBIDDEN, "requests of web pages are not answered\n"));
        }
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
        if hosts.next().is_some() || !host.is_some_and(|host| self.knows(&host)) {
            return Err((StatusCode::FORBIDDEN, "the Host header names none of the hosts that are answered\n"));
        }
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown =
            shown.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if shown.is_some_and(|(_, token)| same(token.trim(), &self.token)) {
            Ok(())
        } else {
            Err((StatusCode::UNAUTHORIZED, "send the token of the token file as `Authorization: Bearer TOKEN`\n"))
        }
    }

    /// Whether a host is known, with or without a port.
    fn knows(&self, host: &str) -> bool {
        let without_port = match host.rsplit_once(':') {
            Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        self.hosts.iter().any(|known| known == host || known == without_port)
    }
}

/// Compares in a time that does not depend on where the texts differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

fn read_token(path: &Path) -> Result<Option<String>, TcpError> {
    let failed = |source| TcpError::Token { path: path.to_owned(), source };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(TcpError::TokenExposed { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text).map_err(failed)?;
    let token = text.trim();
    if token.len() < 32 {
        return Err(TcpError::TokenShort { path: path.to_owned() });
    }
    Ok(Some(token.to_owned()))
}

/// 256 bits from the kernel, written for btd's user alone.
fn make_token(path: &Path) -> io::Result<String> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let token = hex::encode(bytes);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(token.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn guard() -> (tempfile::TempDir, PathBuf, Guard) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rpc.token");
        let config = TcpConfig { hosts: vec!["btd.example".into()], ..TcpConfig::default() };
        let guard = Guard::new(&config, &path).unwrap();
        (dir, path, guard)
    }

    fn check(guard: &Guard, headers: &[(&str, &str)]) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        guard.check(&map).err().map(|(status, _)| status.as_u16())
    }

    #[test]
    fn the_token_is_made_once_and_for_its_owner_alone() {
        let (_dir, path, guard) = guard();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(guard.token.len(), 64);
        assert_eq!(Guard::new(&TcpConfig::default(), &path).unwrap().token, guard.token);
        assert!(!format!("{guard:?}").contains(&guard.token));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Guard::new(&TcpConfig::default(), &path).unwrap_err();
        assert!(matches!(error, TcpError::TokenExposed { mode: 0o640, .. }), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short\n").unwrap();
        assert!(matches!(Guard::new(&TcpConfig::default(), &path), Err(TcpError::TokenShort { .. })));
    }

    #[test]
    fn only_the_token_and_a_known_host_pass() {
        let (_dir, _path, guard) = guard();
        let bearer = format!("Bearer {}", guard.token);
        let authorized = ("authorization", bearer.as_str());
        for host in ["127.0.0.1:9933", "localhost", "[::1]:9933", "BTD.example:80"] {
            assert_eq!(check(&guard, &[("host", host), authorized]), None, "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost:", "", "::1"] {
            assert_eq!(check(&guard, &[("host", host), authorized]), Some(403), "{host}");
        }
        assert_eq!(check(&guard, &[authorized]), Some(403));
        assert_eq!(check(&guard, &[("host", "localhost"), ("host", "evil.example"), authorized]), Some(403));
        assert_eq!(check(&guard, &[("host", "localhost")]), Some(401));
        for wrong in ["Bearer x", "Bearer ", "Basic abc", &bearer[..bearer.len() - 1], &guard.token] {
            assert_eq!(check(&guard, &[("host", "localhost"), ("authorization", wrong)]), Some(401), "{wrong}");
        }
        for browser in [("origin", "http://localhost"), ("referer", "http://localhost/")] {
            assert_eq!(check(&guard, &[("host", "localhost"), authorized, browser]), Some(403));
        }
    }
}
