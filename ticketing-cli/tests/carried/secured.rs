//! Kafka behind TLS and passwords: what is booked comes to the topics and back, and without the password nothing
//! does. Only a program that was built with `--features kafka-tls` can do it, so only then it is tested.

use crate::rig::broker::{Notice, PaymentService, Wire};
use crate::rig::feed;
use crate::rig::own::OwnServices;
use crate::rig::platform::Platform;
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// All has come by then.
const COMES_WITHIN: Duration = Duration::from_secs(60);

/// What is set to come in, with this password.
fn settings<'a>(own: &'a OwnServices, files: &'a [String; 3], password: &'a str) -> [(&'a str, &'a str); 8] {
    let [ca, certificate, key] = files;
    [
        ("KAFKA_BROKERS", &own.set["TEST_KAFKA_SECURED_BROKERS"]),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
        ("KAFKA_SASL_USERNAME", "ticketing"),
        ("KAFKA_SASL_PASSWORD", password),
        ("KAFKA_SSL_CA_LOCATION", ca),
        ("KAFKA_SSL_CERTIFICATE_LOCATION", certificate),
        ("KAFKA_SSL_KEY_LOCATION", key),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_to_kafka_and_come_from_it_over_tls_with_a_password() {
    let Some(own) = OwnServices::start(&["kafka"], &[("TICKETING_KAFKA_SECURED", "1")]) else { return };
    let folder = Path::new(&own.set["TEST_KAFKA_SECURED_FOLDER"]);
    let files =
        ["ca.pem", "client.pem", "client.key"].map(|file| folder.join(file).to_str().unwrap().to_owned());
    let prefix = format!("t{}-", Uuid::new_v4().simple());
    let secured = settings(&own, &files, &own.set["TEST_KAFKA_SECURED_PASSWORD"]);
    let all = [&secured[..], &[("TOPIC_PREFIX", prefix.as_str()), ("HOLD_SECONDS", "3600")]].concat();
    let platform = Platform::new(&all);
    platform.start("api,relay,projector,saga,expiry");
    let schedule = feed::seed(&platform)[0]["id"].as_str().unwrap().to_owned();
    let people = ["--passenger-name", "Ada", "--passenger-email", "ada@example.org", "--yes", "-o", "json"];
    let booked = platform.run(&[&["booking", "reserve", &schedule], &people[..]].concat()).ok().json();
    let (id, price) = (booked["id"].as_str().unwrap(), booked["price"].to_string());

    // The payment service comes in by the door without a lock, which the platform does not know of.
    let wire = Wire::Kafka { brokers: own.set["TEST_KAFKA_BROKERS"].clone(), prefix: prefix.clone() };
    let currency = booked["currency"].as_str().unwrap();
    PaymentService::start(wire.clone())
        .tell(Notice::new("PaymentSucceeded", id, "pay-1", &price, currency))
        .await;
    let began = Instant::now();
    loop {
        let status = platform.status();
        let shown = platform.run(&["booking", "list", "-o", "json", "--all"]).ok().json();
        let is_published = status["carriers"][0]["lag"] == 0 && status["lag"] == 0;
        if is_published && shown[0]["status"] == "CONFIRMED" {
            assert_eq!(status["carriers"][0]["carrier"], "kafka");
            break;
        }
        assert!(began.elapsed() < COMES_WITHIN, "{status:#}\n{shown:#}\n{}", platform.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let published = wire.published().await.unwrap();
    let types: Vec<&str> =
        published.iter().filter(|r| r.key == id).map(|r| r.headers["ce_type"].as_str()).collect();
    assert!(types.contains(&"TicketReserved") && types.contains(&"TicketConfirmed"), "{types:?}");
    assert!(!platform.logs().contains(&own.set["TEST_KAFKA_SECURED_PASSWORD"]), "the password is in a log");

    // What stands in the way is named, with what to do, by whatever asks the broker.
    let [ca, certificate, _] = &files;
    let nowhere = format!("{ca}.nowhere");
    let off = ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "KAFKA_SSL_CA_LOCATION"]
        .into_iter()
        .chain(["KAFKA_SSL_CERTIFICATE_LOCATION", "KAFKA_SSL_KEY_LOCATION"])
        .map(|variable| (variable, ""));
    let plain: Vec<_> = std::iter::once(("KAFKA_SECURITY_PROTOCOL", "plaintext")).chain(off).collect();
    let rows: [(&[(&str, &str)], i32, &str, &str); 5] = [
        (&[("KAFKA_SASL_PASSWORD", "not the password")], 1, "authentication failed", "KAFKA_SASL_PASSWORD"),
        (&[("KAFKA_SASL_USERNAME", "nobody")], 1, "authentication failed", "KAFKA_SASL_USERNAME"),
        // It vouches for nobody.
        (&[("KAFKA_SSL_CA_LOCATION", certificate)], 1, "certificate", "KAFKA_SSL_CA_LOCATION"),
        (&[("KAFKA_SSL_CA_LOCATION", &nowhere)], 1, "ssl_ca_location", "KAFKA_SSL_"),
        // It looks like a broker that is away.
        (&plain, 7, "can't be reached", "a port that speaks TLS needs KAFKA_SECURITY_PROTOCOL"),
    ];
    for (set, code, why, remedy) in rows {
        let refused = platform.run_with(&["group", "list"], set);
        assert_eq!(refused.code, code, "{set:?}: {refused:?}");
        assert!(
            refused.err.to_lowercase().contains(why) && refused.err.contains(remedy),
            "{set:?}: {refused:?}"
        );
        let doctor = platform.run_with(&["doctor"], set);
        let told = doctor.out.replace(['\n', ' '], "");
        assert!(
            told.contains("failbroker") && (code == 7 || told.contains(&remedy.replace(' ', ""))),
            "{set:?}: {doctor:?}"
        );
    }
}
