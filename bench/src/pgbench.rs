//! The usual way, at its best: one transaction a booking, as one statement, by pgbench on our own tables.

use std::process::Command;
use std::time::Duration;

/// The same durable work as one reserve of the engine: the seat's claim, the booking, the passenger, the
/// stored answer and the event, with all their keys. Ids are in order, as v7 ids are; positions come from a
/// sequence, which leaves gaps but costs nothing. (pgbench would take a colon for one of its variables.)
const SCRIPT: &str = "\
\\set o random(0, 999)
\\set seat random(1, 100000000)
WITH n AS (
  SELECT lpad(to_hex(nextval('bench_ids')), 32, '0')::uuid AS id
), c AS (
  INSERT INTO claims (offering_id, seat_no, leg, booking_id)
  SELECT lpad(to_hex(:o::int), 32, '0')::uuid, :seat::int, 0, id FROM n
  ON CONFLICT DO NOTHING RETURNING offering_id, booking_id
), b AS (
  INSERT INTO bookings (id, offering_id, user_id, seats, from_leg, to_leg, price_minor, currency, state,
    hold_expires_at, created_at, version)
  SELECT booking_id, offering_id, '1763700000000-17', '7.H1', 0, 1, 2500, 'USD', 'RESERVED',
    4102444800000 + (random() * 1000)::bigint, 1763700000000, 1 FROM c
), p AS (
  INSERT INTO passengers (booking_id, name, email, phone)
  SELECT booking_id, 'Rosalind Franklin', 'rosalind.franklin@example.org', NULL FROM c
), i AS (
  INSERT INTO idempotency (caller, key, request_hash, status, data, position, created_at)
  SELECT '1763700000000-17', booking_id::text, '\\x0707070707070707070707070707070707070707070707070707070707070707',
    201, '{\"id\";\"019a0000-0000-7000-8000-000000000000\",\"userId\";\"1763700000000-17\",\"routeId\";\"019a0000-0000-7000-8000-000000000000\",\"scheduleId\";\"019a0000-0000-7000-8000-000000000000\",\"seatNumber\";\"H1\",\"status\";\"RESERVED\",\"price\";25.00,\"currency\";\"USD\",\"holdExpiresAt\";\"2026-11-20T09.30.00.000Z\",\"createdAt\";\"2026-11-20T09.30.00.000Z\"}',
    1, 1763700000000 FROM c
)
INSERT INTO events (position, stream_id, stream_version, event_type, recorded_at, actor, correlation_id,
  causation_id, data)
SELECT nextval('bench_positions'), booking_id, 1, 'TicketReserved', 1763700000000, '1763700000000-17',
  '1763700000000-17-1', '1763700000000-17-1',
  '{\"offeringId\";\"019a0000-0000-7000-8000-000000000000\",\"userId\";\"1763700000000-17\",\"seats\";[{\"no\";7,\"label\";\"H1\"}],\"legs\";{\"from\";0,\"to\";1},\"price\";{\"amount_minor\";2500,\"currency\";\"USD\"},\"holdExpiresAt\";\"2026-11-20T09.30.00.000Z\"}'
FROM c;
";

/// Client counts that are tried; the best one counts.
const CLIENTS: &[u32] = &[16, 32, 64];

/// Runs pgbench on a migrated, empty database and returns its best rate and the client count of it.
pub(crate) fn best(url: &str, seconds: u64) -> Result<(f64, u32), String> {
    sql(
        url,
        "CREATE SEQUENCE IF NOT EXISTS bench_ids CACHE 50; CREATE SEQUENCE IF NOT EXISTS bench_positions CACHE 50",
    )?;
    let script = std::env::temp_dir().join(format!("ticketing-bench-{}.sql", std::process::id()));
    std::fs::write(&script, SCRIPT).map_err(|e| e.to_string())?;
    let mut best = (0.0, 0);
    for &clients in CLIENTS {
        sql(url, "TRUNCATE claims, bookings, passengers, idempotency, events")?;
        settle(url)?;
        let rate = run(url, &script, clients, seconds);
        if let Ok(rate) = rate
            && rate > best.0
        {
            best = (rate, clients);
        }
        rate?;
    }
    let _ = std::fs::remove_file(&script);
    Ok(best)
}

/// Returns the mean time of one client's bare durable commit: one small row.
pub(crate) fn bare_commit(url: &str, seconds: u64) -> Result<Duration, String> {
    sql(url, "CREATE TABLE IF NOT EXISTS bench_commit (n BIGINT)")?;
    let script = std::env::temp_dir().join(format!("ticketing-commit-{}.sql", std::process::id()));
    std::fs::write(&script, "INSERT INTO bench_commit (n) VALUES (1);\n").map_err(|e| e.to_string())?;
    let rate = run(url, &script, 1, seconds);
    let _ = std::fs::remove_file(&script);
    Ok(Duration::from_secs_f64(1.0 / rate?))
}

/// Lets the server write down what earlier measurements left, so that the next one does not pay for it.
pub(crate) fn settle(url: &str) -> Result<(), String> {
    sql(url, "CHECKPOINT")
}

/// Renews the planner's statistics.
pub(crate) fn analyze(url: &str) -> Result<(), String> {
    sql(url, "ANALYZE")
}

fn run(url: &str, script: &std::path::Path, clients: u32, seconds: u64) -> Result<f64, String> {
    let output = Command::new(program("pgbench"))
        .args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "2",
            "-c",
            &clients.to_string(),
            "-T",
            &seconds.to_string(),
            "-f",
        ])
        .arg(script)
        .arg(url)
        .output()
        .map_err(|e| format!("pgbench can't be run: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let tps = text.lines().find_map(|l| l.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.ok_or_else(|| format!("pgbench said: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn sql(url: &str, text: &str) -> Result<(), String> {
    let output = Command::new(program("psql")).args([url, "-qc", text]).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(e) => Err(format!("psql can't be run: {e}")),
    }
}

/// Returns the newest installed program of this name; on Debian they stand beside each server version.
fn program(name: &str) -> std::path::PathBuf {
    let mut found: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

/// Makes an empty database beside the one of `url` and returns its URL.
pub(crate) fn fresh(url: &str, name: &str) -> Result<String, String> {
    sql(url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
    sql(url, &format!("CREATE DATABASE {name}"))?;
    let (server, _) = url.rsplit_once('/').ok_or("the URL names no database")?;
    Ok(format!("{server}/{name}"))
}
