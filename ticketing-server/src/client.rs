//! Which client a request is from: the peer of the connection, or, behind proxies that are trusted, the
//! last address that none of them vouches to be another proxy.

use crate::settings::SettingsError;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client that a request is from, as the shell found out and told the handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // A router used without the shell has one client.
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED))))
    }
}

/// A block of addresses: the first `prefix` bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    address: IpAddr,
    prefix: u32,
}

impl Block {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse::<IpAddr>().ok()?, Some(prefix.parse::<u32>().ok()?)),
            None => (text.parse::<IpAddr>().ok()?, None),
        };
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        (prefix <= bits).then_some(Self { address, prefix })
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differing = (a.to_bits() ^ b.to_bits()).leading_zeros();
                differing >= self.prefix
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differing = (a.to_bits() ^ b.to_bits()).leading_zeros();
                differing >= self.prefix
            }
            _ => false,
        }
    }
}

/// The proxies whose `X-Forwarded-For` is believed. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Block>);

impl TrustedProxies {
    /// Reads a comma list of addresses and CIDR blocks.
    ///
    /// # Errors
    /// Names the entry that is neither.
    pub fn parse(list: &str) -> Result<Self, SettingsError> {
        let entries = list.split(',').map(str::trim).filter(|e| !e.is_empty());
        let block = |entry: &str| {
            Block::parse(entry).ok_or_else(|| SettingsError {
                variable: "TRUSTED_PROXIES",
                problem: format!(
                    "has `{entry}`, which is no address or block; write `10.0.0.1, 10.1.0.0/16`"
                ),
            })
        };
        entries.map(block).collect::<Result<_, _>>().map(Self)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(address))
    }

    /// Returns the client of a request that came over a connection from `peer`.
    ///
    /// Walks `X-Forwarded-For` from its end, which the nearest proxy wrote, to the first address that is
    /// no trusted proxy. What stands before that, or is no address, anybody could have written.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if self.0.is_empty() || !self.trusts(client) {
            return client;
        }
        let lines: Vec<&str> =
            headers.get_all(X_FORWARDED_FOR).iter().map(|v| v.to_str().unwrap_or_default()).collect();
        for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(address) = parse_hop(entry.trim()) else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        client
    }
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|s| s.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::TrustedProxies;
    use axum::http::{HeaderMap, HeaderValue};
    use std::net::IpAddr;

    #[test]
    fn forwarded_for_counts_only_from_trusted_proxies_and_only_up_to_the_first_stranger() {
        let rows: &[(&str, &str, &[&str], &str)] = &[
            ("", "192.0.2.1", &["1.1.1.1"], "192.0.2.1"),
            ("10.0.0.1", "192.0.2.1", &["1.1.1.1"], "192.0.2.1"),
            ("10.0.0.1", "10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", "10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", "10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            ("10.0.0.0/8", "10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.9.9.9"], "1.1.1.1"),
            ("10.0.0.0/8", "10.0.0.1", &["6.6.6.6", "1.1.1.1,10.9.9.9"], "1.1.1.1"),
            ("10.0.0.0/8", "10.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            ("10.0.0.0/8", "10.0.0.1", &["1.1.1.1, nonsense, 10.2.2.2"], "10.2.2.2"),
            ("10.0.0.0/8", "10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", &["1.1.1.1:4711"], "1.1.1.1"),
            ("10.0.0.0/8", "10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.0/8", "10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.0/8", "::ffff:10.0.0.1", &["::ffff:1.1.1.1"], "1.1.1.1"),
            ("0.0.0.0/0", "9.9.9.9", &["1.1.1.1"], "1.1.1.1"),
            ("2001:db8::/32, ::1", "::1", &["2001:db9::1, 2001:db8:ff::1"], "2001:db9::1"),
        ];
        for (trusted, peer, forwarded, expected) in rows {
            let proxies = TrustedProxies::parse(trusted).unwrap();
            let mut headers = HeaderMap::new();
            for line in *forwarded {
                headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
            }
            let client = proxies.client(peer.parse().unwrap(), &headers);
            assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{trusted} {peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_list_with_anything_else_in_it_is_refused() {
        for bad in ["10.0.0.0/33", "::/129", "10.0.0", "proxy.example", "10.0.0.1/", "10.0.0.1/-1", "*"] {
            let error = TrustedProxies::parse(&format!("127.0.0.1,{bad}")).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
        }
        assert_eq!(TrustedProxies::parse(" , ").unwrap(), TrustedProxies::default());
    }
}
