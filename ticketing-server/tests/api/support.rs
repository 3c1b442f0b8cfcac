//! A running server with the demo city, and a client whose every answer is held against the document.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;
use ticketing_core::adapters::seed_file::demo_city;
use ticketing_core::app::config::Settings;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::seed;
use ticketing_server::auth::{Role, mint};
use ticketing_server::openapi;
use ticketing_server::{Running, ServerConfig, start};

/// A server, its folder and a client.
pub struct City {
    pub running: Running,
    pub folder: TempDir,
    client: reqwest::Client,
    document: Value,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

/// A configuration for a server in this folder, at any free port.
pub fn config(folder: &TempDir) -> ServerConfig {
    let settings = Settings::default();
    let stores = settings.stores(Some(folder.path()), None).unwrap();
    let mut config = ServerConfig::read(&settings, stores).unwrap();
    config.port = 0;
    config
}

impl City {
    /// Starts a server on a seeded city.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts one whose configuration is changed.
    pub async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        change(&mut config);
        let running = start(config).await.unwrap();
        let app = running.app();
        let plan = seed::plan(app, "seed demo", demo_city(app.clock.now())).await.unwrap();
        let actor = Actor { name: "test".into(), reason: None, correlation_id: None };
        let seeded = seed::execute(app, plan, &actor, &mut |_, _| {}).await.unwrap();
        while !app.read.reached(&app.stores, seeded.position).await.unwrap() {}
        Self::of(running, folder)
    }

    /// A client of a server that runs.
    pub fn of(running: Running, folder: TempDir) -> Self {
        let client = client().timeout(Duration::from_secs(60)).build().unwrap();
        let document = serde_json::to_value(openapi::document()).unwrap();
        Self { running, folder, client, document }
    }

    pub fn token(&self, user: &str) -> String {
        self.token_as(user, Role::User)
    }

    pub fn token_as(&self, user: &str, role: Role) -> String {
        mint(self.running.secret(), user, role, Duration::from_secs(3600)).unwrap()
    }

    /// Sends a request; every error must be as documented.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let url = format!("http://{}{path}", self.running.address());
        let mut request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let reply = Reply { status, headers, text: response.text().await.unwrap() };
        if status >= 400 {
            self.assert_fits(&reply, "Failure");
        }
        reply
    }

    /// Asks; a success must fit the shape.
    pub async fn get(&self, path: &str, token: Option<&str>, shape: &str) -> Reply {
        let reply = self.send("GET", path, token, &[], None).await;
        if reply.status < 400 {
            self.assert_fits(&reply, shape);
        }
        reply
    }

    /// Sends a command; a success must be a booking.
    pub async fn command(&self, name: &str, token: &str, body: &Value) -> Reply {
        self.command_with(name, token, &[], body.to_string()).await
    }

    pub async fn command_with(
        &self,
        name: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let path = format!("/api/tickets/commands/{name}");
        let reply = self.send("POST", &path, Some(token), headers, Some(body)).await;
        if reply.status < 400 {
            self.assert_fits(&reply, "Success_Booking");
            assert!(reply.json()["meta"]["position"].is_string(), "{}", reply.text);
        }
        reply
    }

    pub fn assert_fits(&self, reply: &Reply, shape: &str) {
        let faults = openapi::check(&self.document, shape, &reply.json());
        assert!(faults.is_empty(), "{faults:?} in {}", reply.text);
        let id = reply.headers["x-correlation-id"].to_str().unwrap();
        assert_eq!(reply.json()["meta"]["correlationId"], id);
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    }

    /// Departures of a route that are far enough away, in order.
    pub async fn schedules(&self, route: &str) -> Vec<Value> {
        // All pages of them: late in the day many of the first one have left.
        let mut found = Vec::new();
        for page in 1.. {
            let path = format!("/api/routes/{route}/schedules?limit=100&page={page}");
            let more = self.get(&path, None, "Page_Schedule").await.data().as_array().unwrap().clone();
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        found.retain(|schedule| schedule["status"] == "SCHEDULED");
        // The first ones may leave while the test runs.
        found.split_off(2)
    }

    /// A departure of the coach: four stops, 52 seats.
    pub async fn coach(&self) -> Value {
        self.schedules("X90").await.remove(0)
    }

    /// Waits until the read model has what an answer tells, and returns the query for it.
    pub fn after(reply: &Reply) -> String {
        format!("minPosition={}", reply.json()["meta"]["position"].as_str().unwrap())
    }

    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.send("GET", "/metrics", None, &[], None).await.text;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("{name} in\n{text}")).parse().unwrap()
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    /// The `data`, byte for byte.
    pub fn data_text(&self) -> &str {
        let from = self.text.find(r#""data":"#).unwrap() + 7;
        let to = self.text.rfind(r#","meta":"#).unwrap();
        &self.text[from..to]
    }

    pub fn detail(&self) -> Value {
        self.json()["error"]["details"][0].clone()
    }

    pub fn id(&self) -> String {
        self.data()["id"].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned()
    }

    #[track_caller]
    pub fn is(&self, status: u16, code: &str) {
        let found = self.json()["error"]["code"].as_str().unwrap_or("-").to_owned();
        assert_eq!((self.status, found.as_str()), (status, code), "{}", self.text);
    }
}

/// The body of a booking of this departure, with fields set or, by `null`, taken away.
pub fn hold_of(schedule: &Value, change: Value) -> Value {
    let mut body = json!({
        "routeId": schedule["routeId"],
        "scheduleId": schedule["id"],
        "passengerName": "Ada Lovelace",
        "passengerEmail": "ada@example.org",
        "price": schedule["price"],
        "currency": schedule["currency"],
    });
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => _ = body.as_object_mut().unwrap().remove(name),
            value => body[name] = value.clone(),
        }
    }
    body
}

/// A client to be built: TLS must be chosen before, though none is spoken.
pub fn client() -> reqwest::ClientBuilder {
    ticketing_core::adapters::tls::use_ring();
    reqwest::Client::builder()
}
