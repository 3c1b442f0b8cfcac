//! Calls to the server: connections that stay open, answers of which only what the load needs is looked at. No
//! redirects, no proxies: what is measured is the server that was named.

use super::record::{Lost, Outcome};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Request, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use std::time::Duration;
use ticketing_core::adapters::tls;
use ticketing_desk::failure::Failure;
use uuid::Uuid;

/// The longest answer that is read.
const BODY_LEN_MAX: usize = 4 << 20;

/// What every body before its facts begins with, as the contract has it.
const CODE_MARK: &[u8] = b"\"code\":\"";
const ID_MARK: &[u8] = b"\"id\":\"";
/// The longest error code that is counted by its name.
const CODE_LEN_MAX: usize = 64;

/// The server, as the load calls it.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    base: Url,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// A request of the load, and when it is new, what it asks.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where to.
    pub url: Url,
    /// The body of a command; a query without.
    pub body: Option<String>,
    /// Who asks.
    pub token: HeaderValue,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// The first id in it, if it succeeded and was asked for one: the booking's.
    pub id: Option<Uuid>,
}

impl Api {
    /// Prepares to call `base` over up to `connections`.
    ///
    /// # Errors
    /// The system gives us no client.
    pub fn new(base: Url, connections: usize, timeout: Duration) -> Result<Self, Failure> {
        tls::use_ring();
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .http1_only()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(connections)
            .timeout(timeout)
            .user_agent(concat!("ticketctl/", env!("CARGO_PKG_VERSION"), " load run"))
            .build()
            .map_err(|error| Failure::error(format!("No connections can be made: {error}.")))?;
        Ok(Self { client, base, timeout })
    }

    /// Returns the address of a path of the API.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }

    /// The server's address as it was given.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Sends a request and reads its answer to the end, so that the connection is free for the next.
    pub async fn call(&self, call: Call) -> Answer {
        let wants_id = call.body.is_some();
        match self.exchange(call).await {
            Ok((status, body)) => {
                let (mut id, mut code) = (None, None);
                if !status.is_success() {
                    code = text_after(&body, CODE_MARK).map(Box::from);
                } else if wants_id {
                    id = text_after(&body, ID_MARK).and_then(|text| Uuid::parse_str(text).ok());
                }
                Answer { outcome: Outcome::Answered { status: status.as_u16(), code }, id }
            }
            Err(lost) => Answer { outcome: Outcome::Lost(lost), id: None },
        }
    }

    async fn exchange(&self, call: Call) -> Result<(StatusCode, Vec<u8>), Lost> {
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::new(method, call.url);
        request.headers_mut().insert(AUTHORIZATION, call.token);
        if let Some(body) = call.body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        let response = self.client.execute(request).await.map_err(|error| Lost::of(&error))?;
        let status = response.status();
        Ok((status, read_body(response).await?))
    }

    /// Asks for what a load needs to know before it begins.
    ///
    /// # Errors
    /// No answer; a refusal, in the server's words; an answer of another shape.
    pub async fn ask<T: DeserializeOwned>(&self, path: &str, token: &HeaderValue) -> Result<T, Failure> {
        let call = Call { url: self.url(path), body: None, token: token.clone() };
        let (status, body) = self.exchange(call).await.map_err(|lost| self.unreachable(lost))?;
        if !status.is_success() {
            return Err(self.refused(path, status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| {
            Failure::error(format!("{} did not answer as a ticketing server does.", self.base()))
                .why(format!("GET {path}: {error}."))
                .hint("check --url")
        })
    }

    /// The failure of a server that does not answer.
    pub fn unreachable(&self, lost: Lost) -> Failure {
        let timeout = self.timeout.as_secs_f32();
        let why = match lost {
            Lost::Connect => "No connection can be made.".to_owned(),
            Lost::Timeout => format!("No answer came within {timeout} s."),
            Lost::Broken => "It closed the connection without an answer.".to_owned(),
        };
        Failure::unreachable(format!("{} does not answer.", self.base()))
            .why(why)
            .hint("start the server (ticketctl up), or name another by --url")
    }

    fn refused(&self, path: &str, status: StatusCode, body: &[u8]) -> Failure {
        let code = text_after(body, CODE_MARK).unwrap_or("UNKNOWN");
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::new(
                ticketing_desk::failure::Exit::Auth,
                code,
                format!("{} does not accept the buyers' tokens.", self.base()),
            )
            .why("They are signed with another secret than the server's JWT_SECRET.")
            .hint("give the server's own by --jwt-secret-file FILE or JWT_SECRET, or its folder by --data-dir DIR"),
            StatusCode::TOO_MANY_REQUESTS => Failure::error(format!(
                "{} limits how often this machine may ask, before the load has begun.",
                self.base()
            ))
            .code(code)
            .why("It answers 429 by its RATE_LIMIT, which would be all that is measured.")
            .hint(RATE_LIMIT_HINT)
            .retryable(),
            StatusCode::NOT_FOUND => {
                Failure::not_found(format!("{} has no {path}.", self.base())).code(code).hint("check --schedule and --url")
            }
            _ => Failure::error(format!("{} answered {status} to GET {path}.", self.base())).code(code),
        }
    }
}

/// What to do about 429.
pub const RATE_LIMIT_HINT: &str = "start the server with RATE_LIMIT=1000000/1s for the test, or leave it unset in \
                                   development, where this machine is spared";

async fn read_body(mut response: Response) -> Result<Vec<u8>, Lost> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Lost::of(&error))? {
        if body.len() + chunk.len() > BODY_LEN_MAX {
            return Err(Lost::Broken);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns the plain text behind a mark, up to its closing quote. Codes and ids have no escapes in them.
fn text_after<'a>(body: &'a [u8], mark: &[u8]) -> Option<&'a str> {
    let begin = body.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let rest = &body[begin..];
    let end = rest.iter().take(CODE_LEN_MAX + 1).position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok().filter(|text| text.bytes().all(|b| b.is_ascii_graphic()))
}

#[cfg(test)]
mod tests {
    use super::{Api, CODE_MARK, ID_MARK, text_after};
    use std::time::Duration;

    #[test]
    fn the_first_id_and_code_are_found_without_reading_the_rest() {
        let body = br#"{"success":true,"data":{"id":"01a1fdc9-1ee5-766e-a6cd-2bea249a40ea","userId":"ada"}}"#;
        assert_eq!(text_after(body, ID_MARK), Some("01a1fdc9-1ee5-766e-a6cd-2bea249a40ea"));
        let body = br#"{"success":false,"error":{"code":"SEAT_TAKEN","message":"Seat \"code\":\"X\""}}"#;
        assert_eq!(text_after(body, CODE_MARK), Some("SEAT_TAKEN"));
        for body in [&b""[..], b"{}", b"{\"code\":\"", b"{\"code\":\"a\x1b[2J\"}", &[b'"'; 9]] {
            assert_eq!(text_after(body, CODE_MARK), None, "{body:?}");
        }
    }

    #[test]
    fn paths_are_put_behind_the_base() {
        let api = |base: &str| Api::new(base.parse().unwrap(), 1, Duration::from_secs(1)).unwrap();
        let url = |base: &str| api(base).url("/api/routes?page=2").to_string();
        assert_eq!(url("http://127.0.0.1:3002"), "http://127.0.0.1:3002/api/routes?page=2");
        assert_eq!(url("http://127.0.0.1/base/"), "http://127.0.0.1/base/api/routes?page=2");
    }
}
