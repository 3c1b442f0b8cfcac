//! The document and the server name the same addresses and methods.

use crate::support::City;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use ticketing_server::metrics::Metrics;
use ticketing_server::routes::{Routes, table};

#[tokio::test]
async fn every_address_is_documented_and_every_documented_address_is_there() {
    let city = City::start().await;
    let document: Value = city.send("GET", "/api/openapi.json", None, &[], None).await.json();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        documented.extend(methods.as_object().unwrap().keys().map(|m| (path.clone(), m.to_uppercase())));
    }
    let routes = Routes::new(Arc::new(Metrics::new()), Duration::from_secs(1));
    let routes = table::api(table::operations(routes));
    let mut served = BTreeSet::new();
    for template in routes.templates() {
        let path = template.replace(['{', '}'], "");
        // A method that nobody takes is answered with those that the address takes.
        let refused = city.send("BREW", &path, None, &[], None).await;
        refused.is(405, "METHOD_NOT_ALLOWED");
        let allowed = refused.headers["allow"].to_str().unwrap().to_owned();
        let methods = allowed.split(',').map(str::trim).filter(|method| *method != "HEAD");
        served.extend(methods.map(|method| (template.clone(), method.to_owned())));
    }
    assert_eq!(served, documented);
}

#[tokio::test]
async fn every_call_documents_its_refusals_and_what_needs_a_token_says_so() {
    let city = City::start().await;
    let document: Value = city.send("GET", "/api/openapi.json", None, &[], None).await.json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            let statuses: BTreeSet<&str> =
                call["responses"].as_object().unwrap().keys().map(String::as_str).collect();
            assert!(statuses.iter().any(|s| s.starts_with('2')), "{method} {path}");
            let is_webhook = path.starts_with("/v1/webhooks/");
            // Who has no token yet, or may have a cookie instead.
            let is_open = path.starts_with("/api/users/")
                || ["/v1/users/register", "/v1/users/login"].contains(&path.as_str());
            // What is for sale is for everybody to see.
            let is_shown = method == "get" && ["/api/tickets", "/api/tickets/{id}"].contains(&path.as_str());
            let catalogue = ["/v1/venues", "/v1/events", "/v1/seats/availability"];
            let is_catalogue = method == "get" && catalogue.iter().any(|begin| path.starts_with(begin));
            let needs_token = path.starts_with("/api/tickets") && !is_shown
                || ["/api/orders", "/api/orders/{id}", "/api/payments"].contains(&path.as_str())
                || path.starts_with("/api/admin/")
                || path.starts_with("/v1/") && !is_webhook && !is_open && !is_catalogue;
            assert_eq!(call["security"].is_array(), needs_token, "{method} {path}");
            assert_eq!(statuses.contains("401"), needs_token || is_open, "{method} {path}");
            assert!(!needs_token || statuses.contains("403"), "{method} {path}");
            assert!(call["summary"].is_string(), "{method} {path}");
            if is_webhook {
                for status in ["400", "404", "413", "503"] {
                    assert!(statuses.contains(status), "{method} {path} {status}");
                }
            } else if ["post", "put", "delete"].contains(&method.as_str()) && !path.starts_with("/api/admin/")
            {
                for status in ["400", "404", "409", "413", "422", "429", "503"] {
                    assert!(statuses.contains(status), "{method} {path} {status}");
                }
                let key = &call["parameters"][0];
                assert_eq!(key["name"], "Idempotency-Key", "{path}");
                assert_eq!(key["required"] == true, path == "/v1/charge", "{path}");
                let refused = call["responses"]["400"]["description"].as_str().unwrap();
                assert_eq!(refused.contains("IDEMPOTENCY_KEY_REQUIRED"), path == "/v1/charge", "{path}");
            }
        }
    }
}
