//! A folder with the program in it, and what came of running it.

#[allow(dead_code, reason = "each file of tests uses its part")]
pub mod paid;

use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn error(&self) -> Value {
        serde_json::from_str::<Value>(&self.err).unwrap_or_else(|error| panic!("{error}: {self:?}"))["error"]
            .clone()
    }

    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    pub fn names(&self) -> Vec<&str> {
        self.out.lines().collect()
    }
}

/// A folder, and the program in it.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn seeded() -> Self {
        let place = Self::new();
        place.run(&["seed", "demo", "-q"]).ok();
        place
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ticketctl"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars() {
            let is_ours = ["TICKETCTL_", "POSTGRES_", "DATABASE_URL", "READ_DATABASE_URL", "JWT_SECRET"];
            if is_ours.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        for name in [
            "NO_COLOR",
            "COLUMNS",
            "KAFKA_BROKERS",
            "NATS_URL",
            "APP_ENV",
            "HOLD_SECONDS",
            "DATA_DIR",
            "SMTP_URL",
            "MAIL_FROM",
        ] {
            command.env_remove(name);
        }
        command.env("TICKETCTL_ACTOR", "tester");
        // Whoever runs the tests may have contexts, too.
        command.env("XDG_CONFIG_HOME", self.0.path().join("config"));
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.finish(&mut self.command(args), "")
    }

    pub fn finish(&self, command: &mut Command, stdin: &str) -> Ran {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that never reads its stdin may be gone by now.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A departure of the harbour's bus, whose seats are all for sale, that does not leave while the test runs:
    /// whatever the hour is.
    pub fn schedule(&self) -> String {
        let all = self.run(&["schedule", "list", "-o", "json"]).ok().json();
        let is_it = |schedule: &&Value| {
            schedule["status"] == "SCHEDULED"
                && schedule["routeName"].as_str().is_some_and(|name| name.starts_with("Harbour"))
        };
        let found =
            all.as_array().unwrap().iter().filter(is_it).nth(2).expect("a departure of the harbour's bus");
        found["id"].as_str().unwrap().to_owned()
    }

    pub fn reserve(&self, schedule: &str, more: &[&str]) -> Ran {
        let passenger = ["--passenger-name", "Ada", "--passenger-email", "ada@example.org", "-o", "json"];
        self.run(&[&["booking", "reserve", schedule], &passenger[..], more].concat())
    }

    pub fn booking(&self, more: &[&str]) -> String {
        self.reserve(&self.schedule(), more).ok().json()["id"].as_str().unwrap().to_owned()
    }

    pub fn audit_rows(&self) -> usize {
        self.run(&["audit", "list", "-o", "json"]).ok().json().as_array().unwrap().len()
    }
}
