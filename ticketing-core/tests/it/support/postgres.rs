//! A PostgreSQL database for one test.
//!
//! The server is the one of `TEST_POSTGRES_URL`, which `eval "$(scripts/services up)"` starts and sets. Without
//! it these tests are left out, with one line that says so; with `TICKETING_REQUIRE_SERVICES=1`, as in
//! `.ci/run`, they fail.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::io::Write;
use std::sync::Once;
use uuid::Uuid;

/// A database of its own, dropped with this value, also when the test fails.
pub struct TestDatabase {
    server_url: String,
    name: String,
}

/// Makes a database for one test; `None` if there is no server and the test is to be left out.
///
/// # Panics
/// If there is no server although one is required, or it can't make a database.
pub async fn database() -> Option<TestDatabase> {
    let server_url = server_url()?;
    let name = format!("ticketing_test_{}", Uuid::new_v4().simple());
    run(&server_url, &format!("CREATE DATABASE {name}")).await.expect("TEST_POSTGRES_URL makes databases");
    Some(TestDatabase { server_url, name })
}

impl TestDatabase {
    /// Where it is, as `DATABASE_URL` takes it.
    pub fn url(&self) -> String {
        with_name(&self.server_url, &self.name)
    }
}

impl Drop for TestDatabase {
    /// Drops the database, whoever is still connected, on a thread of its own: a test's runtime may be
    /// busy, or gone. Best effort: a server that is away has nothing to drop.
    fn drop(&mut self) {
        let (url, statement) =
            (self.server_url.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(run(&url, &statement)))
        });
        let outcome = dropper.join();
        if !matches!(outcome, Ok(Ok(Ok(())))) {
            say(&format!("the database {} could not be dropped: {outcome:?}", self.name));
        }
    }
}

fn server_url() -> Option<String> {
    static SAID: Once = Once::new();
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(url) = set("TEST_POSTGRES_URL") {
        return Some(url);
    }
    let start = "set TEST_POSTGRES_URL, or start one: eval \"$(scripts/services up)\"";
    assert!(
        set("TICKETING_REQUIRE_SERVICES").as_deref() != Some("1"),
        "TICKETING_REQUIRE_SERVICES=1, but there is no PostgreSQL; {start}"
    );
    SAID.call_once(|| say(&format!("PostgreSQL tests left out: {start}")));
    None
}

/// Writes past the test harness, which keeps what passing tests print to itself.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

async fn run(url: &str, statement: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute(AssertSqlSafe(statement.to_owned())).await?;
    connection.close().await
}

/// Puts another database's name into a URL.
fn with_name(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let host_from = address.find("://").map_or(0, |at| at + 3);
    let host_to = address[host_from..].find('/').map_or(address.len(), |at| host_from + at);
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{}/{name}{query}", &address[..host_to])
}

#[test]
fn a_name_goes_into_any_url() {
    let rows = [
        ("postgres://u:p@h:5432/postgres", "postgres://u:p@h:5432/t"),
        ("postgres://h", "postgres://h/t"),
        ("postgres://h/?sslmode=disable", "postgres://h/t?sslmode=disable"),
        ("postgres://h/a?options=/x", "postgres://h/t?options=/x"),
    ];
    for (url, expected) in rows {
        assert_eq!(with_name(url, "t"), expected);
    }
}

#[tokio::test]
async fn a_test_has_a_database_of_its_own_and_leaves_none_behind() {
    let (Some(one), Some(other)) = (database().await, database().await) else {
        return;
    };
    run(&one.url(), "CREATE TABLE mine (id bigint)").await.unwrap();
    run(&other.url(), "CREATE TABLE mine (id bigint)").await.unwrap();
    let still_connected = PgConnection::connect(&one.url()).await.unwrap();
    let url = one.url();
    drop(one);
    assert!(PgConnection::connect(&url).await.is_err(), "{url} is still there");
    drop(still_connected);
}
