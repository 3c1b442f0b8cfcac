//! The program as a whole: how soon it speaks, and how soon it serves.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs counted of each.
const RUNS: usize = 15;

/// Returns `ticketctl` beside this program, if it was built.
pub(crate) fn ticketctl() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("ticketctl");
    path.exists().then_some(path)
}

/// The median time of `ticketctl --help`.
pub(crate) fn help(ticketctl: &Path) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            let status = Command::new(ticketctl).arg("--help").stdout(Stdio::null()).status();
            assert!(status.is_ok_and(|s| s.success()), "--help is an answer");
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

/// The median time from the start of `ticketctl up` on an existing data folder to its first good health.
pub(crate) fn up(ticketctl: &Path, data_dir: &Path, port: u16) -> Duration {
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let began = Instant::now();
            let mut server = Command::new(ticketctl)
                .args(["up", "-q", "--port", &port.to_string(), "--data-dir"])
                .arg(data_dir)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("ticketctl starts");
            let mut took = None;
            while took.is_none() && began.elapsed() < Duration::from_secs(10) {
                if healthy(port) {
                    took = Some(began.elapsed());
                } else {
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
            server.kill().expect("it stops");
            let _ = server.wait();
            took.expect("it answers within ten seconds")
        })
        .collect();
    times.sort_unstable();
    times[2]
}

fn healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}
