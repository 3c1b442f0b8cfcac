//! Kafka by kcat, which knows nothing of this project.

use super::broker::{Notice, Published};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// How long a record may take to be taken, in milliseconds.
const TAKEN_WITHIN_MS: &str = "message.timeout.ms=8000";

/// Publishes in order; an error says that some may not have been taken.
pub async fn publish(brokers: &str, topic: &str, batch: &[Notice]) -> Result<(), String> {
    let lines: String = batch.iter().map(|notice| format!("{}|{}\n", notice.key, notice.body)).collect();
    let args = ["-b", brokers, "-t", topic, "-P", "-K", "|", "-X", "enable.idempotence=true"];
    let args: Vec<String> = args.iter().chain(&["-X", TAKEN_WITHIN_MS]).map(|&arg| arg.into()).collect();
    let run = move || {
        let mut child = Command::new("kcat")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that has given up already does not read.
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && !said.contains("Delivery failed") { Ok(()) } else { Err(said) }
}

/// Reads a topic from its beginning to its end.
async fn records(brokers: &str, name: &str) -> Vec<Value> {
    let args = ["-b", brokers, "-t", name, "-C", "-o", "beginning", "-e", "-q", "-J"].map(str::to_owned);
    let output = tokio::task::spawn_blocking(|| Command::new("kcat").args(args).output().unwrap());
    let output = output.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(record: &Value, value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{record}")).to_owned()
}

/// Reads all that the platform published to a topic.
pub async fn read(brokers: &str, prefix: &str, topic: &str) -> Vec<Published> {
    let published = |record: &Value| {
        let headers = record["headers"].as_array().unwrap().iter();
        let headers: Vec<String> = headers.map(|word| text(record, word)).collect();
        Published {
            topic: topic.to_owned(),
            subject: topic.to_owned(),
            key: text(record, &record["key"]),
            headers: headers.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect(),
            body: serde_json::from_str(&text(record, &record["payload"])).unwrap(),
        }
    };
    records(brokers, &format!("{prefix}{topic}")).await.iter().map(published).collect()
}

/// Reads all that the platform was told on a topic: what stands where.
pub async fn told(brokers: &str, prefix: &str, topic: &str) -> BTreeMap<(i64, i64), String> {
    let records = records(brokers, &format!("{prefix}{topic}")).await;
    let place = |record: &Value| (record["partition"].as_i64().unwrap(), record["offset"].as_i64().unwrap());
    records.iter().map(|record| (place(record), text(record, &record["payload"]))).collect()
}
