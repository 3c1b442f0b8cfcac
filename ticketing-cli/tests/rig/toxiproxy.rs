//! A connection that is slow, cut or half open, by toxiproxy.

use super::service::client;
use serde_json::{Value, json};
use uuid::Uuid;

/// A door to a service, removed with this value.
pub struct Proxy {
    api: String,
    name: String,
    /// Where it listens.
    pub address: String,
}

impl Proxy {
    /// Opens a door at a port (0 is any) to `upstream`.
    pub async fn open(api: &str, port: u16, upstream: &str) -> Self {
        let name = format!("ticketing-{}", Uuid::new_v4().simple());
        let body = json!({
            "name": name, "listen": format!("127.0.0.1:{port}"), "upstream": upstream, "enabled": true,
        });
        let made = send("POST", &format!("{api}/proxies"), Some(&body)).await;
        let address = made["listen"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        Self { api: api.to_owned(), name, address }
    }

    /// All that goes through takes so much longer, both ways together.
    pub async fn slow(&self, latency_ms: u64) {
        self.toxic("downstream", "latency", &json!({"latency": latency_ms})).await;
    }

    /// What is sent vanishes, and nobody says so.
    pub async fn half_open(&self) {
        for way in ["downstream", "upstream"] {
            self.toxic(way, "timeout", &json!({"timeout": 0})).await;
        }
    }

    /// Connections are cut, and no new one is taken.
    pub async fn cut(&self) {
        self.enabled(false).await;
    }

    /// All is well again.
    pub async fn heal(&self) {
        self.enabled(true).await;
        let proxy = send("GET", &self.path(""), None).await;
        for toxic in proxy["toxics"].as_array().unwrap() {
            let path = self.path(&format!("/toxics/{}", toxic["name"].as_str().unwrap()));
            send("DELETE", &path, None).await;
        }
    }

    async fn enabled(&self, enabled: bool) {
        send("POST", &self.path(""), Some(&json!({"enabled": enabled}))).await;
    }

    async fn toxic(&self, way: &str, kind: &str, attributes: &Value) {
        let body =
            json!({"name": format!("{kind}-{way}"), "type": kind, "stream": way, "attributes": attributes});
        send("POST", &self.path("/toxics"), Some(&body)).await;
    }

    fn path(&self, rest: &str) -> String {
        format!("{}/proxies/{}{rest}", self.api, self.name)
    }
}

impl Drop for Proxy {
    /// On a thread of its own: a test's runtime may be gone.
    fn drop(&mut self) {
        let path = self.path("");
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(client().build().unwrap().delete(path).send()).is_ok())
        });
        // Best effort: a proxy that stays harms nobody.
        let _ = removal.join();
    }
}

async fn send(method: &str, url: &str, body: Option<&Value>) -> Value {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = client().build().unwrap().request(method, url);
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "toxiproxy at {url}: {status} {text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}
