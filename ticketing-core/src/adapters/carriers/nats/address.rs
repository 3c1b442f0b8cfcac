//! Where NATS is, read from `NATS_URL`: the servers, and apart from them the user and password or the token, so
//! that a server can be named without its secret.

use std::fmt;

/// The port of a server that names none.
const PORT: u16 = 4222;

/// The servers and who we are to them.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// `nats://host:port` each, without a secret.
    pub servers: Vec<String>,
    /// Who we are, if we are anybody.
    pub login: Option<Login>,
}

/// Who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// `user:password@`.
    User(String, String),
    /// `token@`.
    Token(String),
}

/// Shows the servers alone.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.servers.join(","))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Reads a list of addresses.
///
/// # Errors
/// What is wrong, as the rest of a sentence that begins with the variable. Nothing of the value is in it: any part
/// of a wrong address may be a password.
pub fn parse(list: &str) -> Result<Address, String> {
    let (mut servers, mut login) = (Vec::new(), None);
    let parts: Vec<&str> = list.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    for (index, part) in parts.iter().enumerate() {
        let which = if parts.len() == 1 {
            "is".to_owned()
        } else {
            format!("has, as number {} of {},", index + 1, parts.len())
        };
        let (server, found) = one(part).ok_or_else(|| {
            format!("{which} no address such as nats://user:password@localhost:4222 (or tls://…)")
        })?;
        match (&login, found) {
            (_, None) => {}
            (None, found) => login = found,
            (Some(known), Some(found)) if *known == found => {}
            (Some(_), Some(_)) => {
                return Err("names two different users: all servers are given the same one".into());
            }
        }
        servers.push(server);
    }
    if servers.is_empty() {
        return Err("names no server: it is an address such as nats://localhost:4222".into());
    }
    Ok(Address { servers, login })
}

fn one(part: &str) -> Option<(String, Option<Login>)> {
    let (scheme, rest) = part.split_once("://").unwrap_or(("nats", part));
    if !matches!(scheme, "nats" | "tls") {
        return None;
    }
    let (login, server) = match rest.rsplit_once('@') {
        None => (None, rest),
        Some((login, server)) => match login.split_once(':') {
            Some((user, password)) => (Some(Login::User(decoded(user)?, decoded(password)?)), server),
            None if !login.is_empty() => (Some(Login::Token(decoded(login)?)), server),
            None => return None,
        },
    };
    let server = server.strip_suffix('/').unwrap_or(server);
    // What is in brackets is an IPv6 address, colons and all.
    let (host, port) = match server.rfind(']') {
        Some(at) => (&server[..=at], server[at + 1..].strip_prefix(':')),
        None => server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port))),
    };
    let bracketed = host.len() > 2
        && host.starts_with('[')
        && host.ends_with(']')
        && host[1..host.len() - 1].chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    let plain =
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let port = match port {
        None => PORT,
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
    };
    (bracketed || plain).then(|| (format!("{scheme}://{host}:{port}"), login))
}

/// Reads `%40` as `@`, as in every URL.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{Login, parse};

    #[test]
    fn an_address_is_read_and_its_secret_is_kept_apart() {
        let user = |u: &str, p: &str| Some(Login::User(u.into(), p.into()));
        let rows = [
            ("localhost", "nats://localhost:4222", None),
            ("nats://h:1/", "nats://h:1", None),
            ("tls://u:p%40%3A@h", "tls://h:4222", user("u", "p@:")),
            ("u:p@w@h:7", "nats://h:7", user("u", "p@w")),
            ("nats://tok-en@[::1]", "nats://[::1]:4222", Some(Login::Token("tok-en".into()))),
            (
                "nats://u:p@a, b:2,u:p@[fe80::1]:3",
                "nats://a:4222,nats://b:2,nats://[fe80::1]:3",
                user("u", "p"),
            ),
        ];
        for (list, servers, login) in rows {
            let address = parse(list).unwrap();
            assert_eq!(address.to_string(), servers, "{list}");
            assert!(address.login == login, "{list}");
            assert_eq!(format!("{address:?}"), format!("Address({servers})"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_shown() {
        let rows = [
            "",
            ",",
            "http://secret@h",
            "nats://u:secret@",
            "nats://h:0",
            "nats://h:secret",
            "@h",
            "nats://",
            "ws://h",
            "a,b c",
            "u:secret%zz@h",
            "u:secret@h:1:2",
            "[secret]",
            "a/secret",
        ];
        for list in rows {
            let said = parse(list).expect_err(list);
            assert!(!said.contains("secret") && said.len() > 20, "{list}: {said}");
        }
        let said = parse("u:secret@a,v:secret@b").unwrap_err();
        assert_eq!(said, "names two different users: all servers are given the same one");
        assert!(parse("a,b c").unwrap_err().starts_with("has, as number 2 of 2, no address"));
    }
}
