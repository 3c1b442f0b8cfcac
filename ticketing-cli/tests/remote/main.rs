//! `ticketctl --server`: every command says and does through a server what it says and does on the stores.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod parity;
mod programs;
mod strangers;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;
mod tls;
#[cfg(target_os = "linux")]
mod while_it_runs;

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Place, Ran};

/// A server on the stores of a place, and a token for it.
struct Far {
    place: Place,
    server: Child,
    url: String,
    token: String,
}

impl Drop for Far {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Far {
    fn on(place: Place) -> Self {
        Self::with(place, &[])
    }

    fn with(place: Place, env: &[(&str, &str)]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = place.command(&["up", "--port", &free.port().to_string()]);
        let server = command
            .envs(env.iter().copied())
            // What is set where the server runs is nothing to whoever asks it.
            .env("TICKETCTL_ACTOR", "the-server")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(place.0.path().join("server.log")).unwrap())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while TcpStream::connect(free).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "the server answers");
            std::thread::sleep(Duration::from_millis(20));
        }
        let token = place.run(&["user", "token", "olga", "--role", "operator"]).ok().out.trim().to_owned();
        Self { place, server, url: format!("http://{free}"), token }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.command(&[&["--server", &self.url][..], args].concat());
        command.env("TICKETCTL_TOKEN", &self.token);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.fed(args, "")
    }

    fn fed(&self, args: &[&str], stdin: &str) -> Ran {
        self.place.finish(&mut self.command(args), stdin)
    }

    /// Asks as a program does that is no `ticketctl`; returns the status, the head and the body.
    fn post(&self, args: &[&str], headers: &[(&str, &str)]) -> (u16, String, Value) {
        let body = json!({ "args": args }).to_string();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "POST /api/admin/commands HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             {headers}content-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), serde_json::from_str(body).unwrap())
    }

    /// Asks for what is public; returns the status and the body.
    fn get(&self, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// A folder's name that is as long as the server's address, so that tables come out alike.
    fn folder(&self) -> String {
        let long = format!("--server {}", self.url).len() - "--data-dir ".len();
        let dots = (long - "data".len()) / 2;
        let slash = if (long - "data".len()) % 2 == 1 { "/" } else { "" };
        format!("{}{slash}data", "./".repeat(dots))
    }

    fn near(&self, args: &[&str], stdin: &str) -> Ran {
        let folder = self.folder();
        let mut command = self.place.command(&[&["--data-dir", &folder][..], args].concat());
        self.place.finish(command.env("TICKETCTL_ACTOR", "olga"), stdin)
    }

    /// What is the same from near and from afar.
    fn plain(&self, ran: &Ran, sameness: Same) -> (i32, String, String) {
        let near = format!("--data-dir {}", self.folder());
        let far = format!("--server {}", self.url);
        let place = "P".repeat(far.len());
        let plain = |text: &str| {
            let text = text.replace(&near, &place).replace(&far, &place).replace(&self.folder(), "./data");
            // YAML puts an address into quotes, and a folder not.
            let unquoted = |line: &str| match line.contains(&place) {
                true => line.replace('"', ""),
                false => line.to_owned(),
            };
            let text: String = text.split_inclusive('\n').map(unquoted).collect();
            match sameness {
                Same::Bytes => text,
                // Digits and what is aligned by them.
                Same::ButForTheTime => {
                    let words = text.split_whitespace().map(|word| {
                        let word: String =
                            word.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
                        word.replace("##", "#").replace("##", "#").replace("##", "#")
                    });
                    words.collect::<Vec<_>>().join(" ")
                }
                Same::Shape => text.lines().map(|line| format!("{}\n", line.len())).collect(),
            }
        };
        (ran.code, plain(&ran.out), plain(&ran.err))
    }

    /// What is not the same of a command from near and from afar.
    fn difference(&self, args: &[&str], stdin: &str, sameness: Same) -> Option<String> {
        let (near, far) = (self.near(args, stdin), self.fed(args, stdin));
        let (near, far) = (self.plain(&near, sameness), self.plain(&far, sameness));
        (near != far).then(|| format!("{args:?}\nnear {near:?}\nfar  {far:?}"))
    }
}

/// What two answers have in common.
#[derive(Clone, Copy, Debug)]
enum Same {
    Bytes,
    ButForTheTime,
    Shape,
}
