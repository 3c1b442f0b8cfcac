use super::Shell;
use crate::answer::{Answer, Json};
use crate::auth::{Auth, Caller, Role, mint};
use crate::command::CommandRequest;
use crate::correlation::CorrelationId;
use crate::error::ApiError;
use crate::headers::SECURITY_HEADERS;
use crate::metrics::Metrics;
use crate::query::{PathId, read_query};
use crate::routes::Routes;
use crate::secret::Secret;
use crate::settings::HttpSettings;
use axum::body::Body;
use axum::extract::{FromRef, Path};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use ticketing_core::domain::booking::rejection::Rejection;

#[derive(Clone)]
struct App {
    auth: Arc<Auth>,
    metrics: Arc<Metrics>,
}

impl FromRef<App> for Arc<Auth> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.auth)
    }
}

fn secret() -> Secret {
    Secret::new("0123456789abcdef-for-tests-only-0123456789").unwrap()
}

fn token() -> String {
    mint(&secret(), "ada", Role::User, Duration::from_secs(600)).unwrap()
}

async fn book(command: CommandRequest) -> Result<Answer, ApiError> {
    let name = command.fields(|f| f.text("passengerName", 200))?;
    let key = command.idempotency.as_ref().map(|i| i.key.clone());
    let data =
        json!({"user": command.caller.user, "name": name, "key": key, "cid": command.correlation.as_str()});
    Ok(Answer::created(Json::of(&data)?).at(42))
}

async fn whoami(caller: Caller) -> Result<Answer, ApiError> {
    Ok(Answer::ok(Json::of(&caller.user)?))
}

async fn list(uri: Uri) -> Result<Answer, ApiError> {
    let page = read_query(&uri, |q| q.page())?;
    Ok(Answer::ok(Json::of(&page.page)?))
}

/// Answers as an extractor of the framework would: without an envelope.
async fn foreign(Path(number): Path<u32>) -> Result<Answer, ApiError> {
    Ok(Answer::ok(number.to_string()))
}

fn shell_with(variables: &'static [(&'static str, &'static str)]) -> Shell {
    let find = |name: &str| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_owned());
    let settings =
        HttpSettings { request_timeout: Duration::from_millis(200), ..HttpSettings::read(find).unwrap() };
    let metrics = Arc::new(Metrics::new());
    let app = App { auth: Arc::new(Auth::new(&secret())), metrics: Arc::clone(&metrics) };
    let router = Routes::new(Arc::clone(&metrics), settings.request_timeout)
        .route("/api/health", get(async || Answer::ok("null".to_owned())))
        .route("/book", post(book))
        .route("/me", get(whoami))
        .route("/list", get(list))
        .route("/foreign/{n}", get(foreign))
        .route("/id/{id}", get(async |PathId(id): PathId| Json::of(&id).map(Answer::ok)))
        .route("/taken", post(async || ApiError::from(Rejection::SeatTaken { seat: "A1".into() })))
        .route(
            "/panic",
            post(async || {
                assert!(std::hint::black_box(false), "a bug of this test");
                Answer::ok("1".to_owned())
            }),
        )
        .route("/slow", get(std::future::pending::<Answer>).post(std::future::pending::<Answer>))
        .route("/replay", post(async || Answer::ok("1".to_owned()).replayed()))
        .route(
            "/metrics",
            get(async |axum::extract::State(app): axum::extract::State<App>| app.metrics.answer()),
        )
        .finish(app);
    Shell::new(router, &settings, metrics)
}

fn shell() -> Shell {
    shell_with(&[])
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }
}

async fn send_from(
    shell: &Shell,
    peer: &str,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = shell.handle(peer.parse::<IpAddr>().unwrap(), request).await;
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Reply { status: parts.status.as_u16(), headers: parts.headers, text }
}

async fn send(shell: &Shell, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    send_from(shell, "127.0.0.1", method, uri, headers, body).await
}

fn assert_shell_headers(reply: &Reply, what: &str) {
    for (name, value) in SECURITY_HEADERS {
        assert_eq!(reply.headers.get(&name).map(|v| v.to_str().unwrap()), Some(value), "{what}: {name}");
    }
    let id = reply.headers["x-correlation-id"].to_str().unwrap();
    assert!(CorrelationId::parse(id).is_some(), "{what}: {id}");
    assert_eq!(reply.headers["cache-control"], "no-store", "{what}");
    assert!(!reply.headers.contains_key("access-control-allow-origin"), "{what}");
}

#[tokio::test]
async fn every_refusal_has_its_envelope_and_all_headers() {
    let shell = shell();
    let bearer = format!("Bearer {}", token());
    let auth = ("authorization", bearer.as_str());
    let large = format!("{{\"passengerName\":\"{}\"}}", "x".repeat(256 * 1024));
    let good = r#"{"passengerName":"Ada"}"#;
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);
    let rows: &[Row<'_>] = &[
        ("GET", "/nowhere", &[], "", 404, "NOT_FOUND"),
        ("BREW", "/nowhere", &[], "", 404, "NOT_FOUND"),
        ("DELETE", "/book", &[], "", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/foreign/x", &[], "", 400, "BAD_REQUEST"),
        ("GET", "/id/%ff", &[], "", 404, "NOT_FOUND"),
        ("GET", "/id/a%00b", &[], "", 404, "NOT_FOUND"),
        ("GET", "/list?page=0", &[], "", 422, "VALIDATION_FAILED"),
        ("GET", "/me", &[], "", 401, "UNAUTHORIZED"),
        ("GET", "/me", &[("authorization", "Bearer x.y.z")], "", 401, "UNAUTHORIZED"),
        ("POST", "/book", &[], good, 401, "UNAUTHORIZED"),
        ("POST", "/book", &[auth], "", 400, "INVALID_JSON"),
        ("POST", "/book", &[auth], "{", 400, "INVALID_JSON"),
        ("POST", "/book", &[auth, ("content-type", "text/plain")], "[1]", 400, "INVALID_JSON"),
        ("POST", "/book", &[auth], "{}", 422, "VALIDATION_FAILED"),
        ("POST", "/book", &[auth], &large, 413, "PAYLOAD_TOO_LARGE"),
        ("POST", "/book", &[auth, ("idempotency-key", "a b")], good, 400, "IDEMPOTENCY_KEY_INVALID"),
        ("POST", "/taken", &[], "", 409, "SEAT_TAKEN"),
        ("POST", "/panic", &[], "", 500, "INTERNAL"),
        ("POST", "/slow", &[], "", 504, "TIMEOUT"),
        ("GET", "/slow", &[], "", 504, "TIMEOUT"),
    ];
    for (method, uri, headers, body, status, code) in rows {
        let what = format!("{method} {uri} {body:.20}");
        let reply = send(&shell, method, uri, headers, body).await;
        assert_eq!(reply.status, *status, "{what}: {}", reply.text);
        assert_eq!(reply.headers["content-type"], "application/json", "{what}");
        let json = reply.json();
        assert_eq!((&json["success"], &json["error"]["code"]), (&json!(false), &json!(code)), "{what}");
        assert!(json["error"]["details"].is_array(), "{what}");
        assert_eq!(json["meta"]["correlationId"], reply.headers["x-correlation-id"].to_str().unwrap());
        assert_eq!(reply.headers.contains_key("www-authenticate"), *status == 401, "{what}");
        assert_shell_headers(&reply, &what);
    }
    let reply = send(&shell, "DELETE", "/slow", &[], "").await;
    assert_eq!(reply.headers["allow"], "GET,HEAD,POST");
}

#[tokio::test]
async fn a_command_that_timed_out_may_have_happened_and_says_how_to_find_out() {
    let shell = shell();
    let command = send(&shell, "POST", "/slow", &[], "").await.json();
    let question = send(&shell, "GET", "/slow", &[], "").await.json();
    assert!(command["error"]["message"].as_str().unwrap().contains("Idempotency-Key"));
    assert!(question["error"]["message"].as_str().unwrap().contains("Nothing was changed"));
}

#[tokio::test]
async fn a_command_reaches_its_handler_with_caller_key_and_correlation_id() {
    let shell = shell();
    let bearer = format!("bearer {}", token());
    let headers =
        [("authorization", bearer.as_str()), ("idempotency-key", "k-1"), ("x-correlation-id", "trip:7")];
    let reply = send(&shell, "POST", "/book", &headers, r#"{"passengerName":"Ada"}"#).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.headers["x-correlation-id"], "trip:7");
    assert!(!reply.headers.contains_key("idempotent-replay"));
    let expected = json!({
        "success": true,
        "data": {"user": "ada", "name": "Ada", "key": "k-1", "cid": "trip:7"},
        "meta": {"correlationId": "trip:7", "position": "42"},
    });
    assert_eq!(reply.json(), expected);
    assert_shell_headers(&reply, "book");
    let reply = send(&shell, "POST", "/replay", &[("x-correlation-id", "not good")], "").await;
    assert_eq!(reply.headers["idempotent-replay"], "true");
    assert_ne!(reply.headers["x-correlation-id"], "not good");
}

#[tokio::test]
async fn the_limit_counts_by_client_and_spares_health() {
    let shell = shell_with(&[("RATE_LIMIT", "2/1h"), ("TRUSTED_PROXIES", "10.0.0.0/8")]);
    for (remaining, expected) in [("1", 200), ("0", 200), ("", 429), ("", 429)] {
        let reply = send_from(&shell, "192.0.2.1", "GET", "/list", &[], "").await;
        assert_eq!(reply.status, expected);
        if expected == 200 {
            assert_eq!((&reply.headers["ratelimit-limit"]), "2");
            assert_eq!((&reply.headers["ratelimit-remaining"]), remaining);
        } else {
            assert_eq!(reply.json()["error"]["code"], "RATE_LIMITED");
            let wait: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1799..=1800).contains(&wait), "{wait}");
            assert_shell_headers(&reply, "429");
        }
    }
    assert_eq!(send_from(&shell, "192.0.2.1", "GET", "/api/health", &[], "").await.status, 200);
    assert_eq!(send_from(&shell, "192.0.2.1", "GET", "/nowhere", &[], "").await.status, 429);
    // A stranger's word about who it is for counts for nothing; a proxy's does.
    let forged = [("x-forwarded-for", "192.0.2.99")];
    assert_eq!(send_from(&shell, "192.0.2.1", "GET", "/list", &forged, "").await.status, 429);
    assert_eq!(send_from(&shell, "10.0.0.1", "GET", "/list", &forged, "").await.status, 200);
    let blamed = [("x-forwarded-for", "192.0.2.99, 192.0.2.1")];
    assert_eq!(send_from(&shell, "10.0.0.1", "GET", "/list", &blamed, "").await.status, 429);
}

#[tokio::test]
async fn pages_of_listed_origins_may_call_and_no_others() {
    let shell = shell_with(&[("CORS_ALLOWED_ORIGINS", "https://shop.example"), ("RATE_LIMIT", "2/1h")]);
    let (listed, other) = (("origin", "https://shop.example"), ("origin", "https://evil.example"));
    let asks = ("access-control-request-method", "POST");
    let preflight = send(&shell, "OPTIONS", "/book", &[listed, asks], "").await;
    assert_eq!((preflight.status, preflight.text.as_str()), (204, ""));
    assert_eq!(preflight.headers["access-control-allow-origin"], "https://shop.example");
    assert_eq!(preflight.headers["access-control-allow-credentials"], "true");
    assert!(preflight.headers["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    assert!(preflight.headers["access-control-allow-headers"].to_str().unwrap().contains("Idempotency-Key"));
    assert!(!preflight.headers.contains_key("content-type"));
    for (expected, headers) in [(200, [listed]), (200, [listed]), (429, [listed])] {
        let reply = send(&shell, "GET", "/list", &headers, "").await;
        assert_eq!(reply.status, expected, "a refusal can be read by the page, too");
        assert_eq!(reply.headers["access-control-allow-origin"], "https://shop.example");
        assert_eq!(reply.headers["cross-origin-resource-policy"], "cross-origin");
        assert_eq!(reply.headers["vary"], "Origin");
        let exposed = reply.headers["access-control-expose-headers"].to_str().unwrap();
        assert!(["X-Correlation-Id", "Idempotent-Replay", "Retry-After"].iter().all(|h| exposed.contains(h)));
    }
    let refused = send_from(&shell, "192.0.2.9", "OPTIONS", "/book", &[other, asks], "").await;
    assert_eq!(refused.status, 405);
    assert_shell_headers(&refused, "another origin");
    assert_eq!(refused.headers["vary"], "Origin");
}

#[tokio::test]
async fn requests_are_counted_under_their_templates() {
    let shell = shell();
    for uri in ["/id/1", "/id/2", "/nowhere", "/elsewhere"] {
        send(&shell, "GET", uri, &[], "").await;
    }
    send(&shell, "PUT", "/id/1", &[], "").await;
    send(&shell, "POST", "/panic", &[], "").await;
    let reply = send(&shell, "GET", "/metrics", &[], "").await;
    assert_eq!(reply.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert_shell_headers(&reply, "metrics");
    for line in [
        r#"http_requests_total{method="GET",route="/id/{id}",status="200"} 2"#,
        r#"http_requests_total{method="PUT",route="/id/{id}",status="405"} 1"#,
        r#"http_requests_total{method="POST",route="/panic",status="500"} 1"#,
        r#"http_requests_total{method="GET",route="unmatched",status="404"} 2"#,
    ] {
        assert!(reply.text.contains(line), "{line} in\n{}", reply.text);
    }
}

#[tokio::test]
async fn head_is_answered_like_get() {
    let reply = send(&shell(), "HEAD", "/list", &[], "").await;
    assert_eq!(reply.status, StatusCode::OK.as_u16());
}
