//! Where Redis is, by `REDIS_URL`, or by `REDIS_HOST` and `REDIS_PORT`.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use std::fmt;

/// The port where none is given.
const PORT_DEFAULT: u16 = 6379;

/// A setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct RedisConfigError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong, and what to write instead. Never the value of a URL: it may have a password.
    pub problem: String,
}

/// Where Redis is, and who we are there.
#[derive(Clone)]
pub struct RedisConfig(ConnectionInfo);

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisConfig({})", self.address())
    }
}

impl RedisConfig {
    /// Reads the settings by their variables' names; `None` if none says where Redis is. An empty value counts as
    /// none, and `REDIS_URL` counts first.
    ///
    /// # Errors
    /// The variable that can't be used.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, RedisConfigError> {
        let get = |name| variable(name).map(|v| v.trim().to_owned()).filter(|value| !value.is_empty());
        if let Some(url) = get("REDIS_URL") {
            return Self::parse(&url).map(Some);
        }
        let Some(host) = get("REDIS_HOST") else {
            // A port alone says nothing. Kubernetes sets one for each service that is called redis.
            return Ok(None);
        };
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&host);
        if bare.is_empty()
            || bare.contains(['/', '@', ' '])
            || bare.contains(':') && bare.parse::<std::net::Ipv6Addr>().is_err()
        {
            let problem = "is no host; write a name or an address alone, and the port in REDIS_PORT, or all in \
                           REDIS_URL";
            return Err(RedisConfigError { variable: "REDIS_HOST", problem: problem.into() });
        }
        let port = match get("REDIS_PORT") {
            None => PORT_DEFAULT,
            Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| RedisConfigError {
                variable: "REDIS_PORT",
                problem: format!("is `{text}`; write a whole number from 1 to 65535"),
            })?,
        };
        Self::of(ConnectionAddr::Tcp(bare.to_owned(), port).into_connection_info(), "REDIS_HOST").map(Some)
    }

    /// Reads `redis://user:password@host:6379/0`; everything but the host may be missing. `rediss://` is TLS.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(url: &str) -> Result<Self, RedisConfigError> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let fault = |problem: &str| RedisConfigError { variable: "REDIS_URL", problem: problem.to_owned() };
        if !matches!(scheme.as_deref(), Some("redis" | "rediss")) {
            return Err(fault("is no address of Redis; write it as redis://user:password@host:6379/0"));
        }
        if url.contains('#') {
            return Err(fault("has a `#`; write one in a password as %23. Certificates are always checked"));
        }
        Self::of(url.into_connection_info(), "REDIS_URL")
    }

    fn of(
        info: redis::RedisResult<ConnectionInfo>,
        variable: &'static str,
    ) -> Result<Self, RedisConfigError> {
        let fault = |problem: String| RedisConfigError { variable, problem };
        let info = info.map_err(|error| {
            // Of the kind alone: what the crate says may quote the URL.
            let part = match error.kind() {
                redis::ErrorKind::InvalidClientConfig => "its host, its database's number or its password",
                _ => "it",
            };
            fault(format!("can't be used, for {part}; write it as redis://user:password@host:6379/0"))
        })?;
        if info.redis_settings().db() < 0 {
            return Err(fault("names a database below 0; write it as redis://host:6379/0".into()));
        }
        Ok(Self(info))
    }

    pub(super) fn info(&self) -> ConnectionInfo {
        self.0.clone()
    }

    /// Returns where it is, without user and password.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}/{}", self.0.addr(), self.0.redis_settings().db())
    }
}

#[cfg(test)]
mod tests {
    use super::RedisConfig;

    type Set<'a> = &'a [(&'a str, &'a str)];

    fn read(set: Set<'_>) -> Result<Option<String>, String> {
        let find = |name: &str| set.iter().find(|v| v.0 == name).map(|v| v.1.to_owned());
        RedisConfig::read(find).map(|c| c.map(|c| c.address())).map_err(|e| e.to_string())
    }

    #[test]
    fn it_is_where_a_url_or_a_host_says() {
        let rows: &[(Set<'_>, Option<&str>)] = &[
            (&[], None),
            (&[("REDIS_URL", " "), ("REDIS_HOST", "")], None),
            (&[("REDIS_PORT", "tcp://10.0.0.1:6379")], None),
            (&[("REDIS_URL", "redis://h")], Some("h:6379/0")),
            (&[("REDIS_URL", " redis://ann:pa%23ss@h:7/3 ")], Some("h:7/3")),
            (&[("REDIS_URL", "rediss://:pass@h")], Some("h:6379/0")),
            (&[("REDIS_URL", "redis://[::1]:7")], Some("::1:7/0")),
            (&[("REDIS_URL", "redis://h"), ("REDIS_HOST", "other")], Some("h:6379/0")),
            (&[("REDIS_HOST", "h")], Some("h:6379/0")),
            (&[("REDIS_HOST", "[::1]"), ("REDIS_PORT", "7")], Some("::1:7/0")),
        ];
        for (set, expected) in rows {
            assert_eq!(read(set), Ok(expected.map(str::to_owned)), "{set:?}");
        }
    }

    #[test]
    fn what_can_not_be_used_is_named_without_its_password() {
        let rows: &[Set<'_>] = &[
            &[("REDIS_URL", "h:6379")],
            &[("REDIS_URL", "http://u:geheim@h")],
            &[("REDIS_URL", "redis+unix:///tmp/geheim")],
            &[("REDIS_URL", "redis://u:geheim@h:notaport")],
            &[("REDIS_URL", "redis://u:geheim@h/x")],
            &[("REDIS_URL", "redis://u:geheim@h/-1")],
            &[("REDIS_URL", "redis://u:ge%FFheim@h")],
            &[("REDIS_URL", "rediss://u:geheim@h#insecure")],
            &[("REDIS_URL", "redis://:geheim@0.0.0.0")],
            &[("REDIS_HOST", "redis://geheim@h")],
            &[("REDIS_HOST", "h:6379")],
            &[("REDIS_PORT", "0"), ("REDIS_HOST", "h")],
            &[("REDIS_PORT", "tcp://10.0.0.1:6379"), ("REDIS_HOST", "h")],
        ];
        for set in rows {
            let error = read(set).unwrap_err();
            assert!(error.starts_with(set[0].0), "{set:?}: {error}");
            assert!(!error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let config = RedisConfig::parse("redis://ann:geheim@h").unwrap();
        assert_eq!(format!("{config:?}"), "RedisConfig(h:6379/0)");
        assert_eq!(config.info().redis_settings().password(), Some("geheim"));
    }
}
