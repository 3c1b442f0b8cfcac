//! The processes of one platform: started, asked who holds what, killed by their ids, started again.

use serde_json::Value;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What signs the tokens.
pub const SECRET: &str = "b7c1f0a94be34d3c8a51e0d2f6a7c983";
/// How long a process may take to answer.
const START_MAX: Duration = Duration::from_secs(60);
/// Lines of a log that are shown when something is wrong.
const LOG_LINES: usize = 40;

/// Where all that answer buyers are. A killed one stays in the list until it is back, as with any load balancer that
/// has not noticed yet.
pub type Doors = Arc<RwLock<Vec<String>>>;

/// One platform: its settings and its processes.
pub struct Platform {
    pub folder: TempDir,
    settings: Vec<(String, String)>,
    programs: Mutex<Vec<Program>>,
    pub doors: Doors,
}

struct Program {
    roles: String,
    child: Child,
    base: String,
    log: PathBuf,
    starts: usize,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came of running a command.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Platform {
    /// A platform with these settings; no process runs yet.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let common = [
            ("DATA_DIR", folder.path().join("data").to_str().unwrap().to_owned()),
            ("JWT_SECRET", SECRET.to_owned()),
            ("PAYMENT_PROVIDER", "external".to_owned()),
            ("RATE_LIMIT", "1000000/1s".to_owned()),
            ("TICKETCTL_ACTOR", "tester".to_owned()),
            ("LOG", "info".to_owned()),
        ];
        let mut all: Vec<(String, String)> = common.map(|(name, value)| (name.to_owned(), value)).into();
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self { folder, settings: all, programs: Mutex::default(), doors: Doors::default() }
    }

    fn command(&self, args: &[&str], more: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ticketctl"));
        // Nothing of whoever runs the tests gets through.
        command.args(args).env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("XDG_CONFIG_HOME", self.folder.path().join("config"));
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.envs(more.iter().copied());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[])
    }

    /// The same with more settings.
    pub fn run_with(&self, args: &[&str], more: &[(&str, &str)]) -> Ran {
        self.run_on(args, more, "")
    }

    /// The same with a text to read.
    pub fn run_on(&self, args: &[&str], more: &[(&str, &str)], stdin: &str) -> Ran {
        let mut command = self.command(args, more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = tokio::task::block_in_place(|| {
            let mut child = command.spawn().unwrap();
            // A program that never reads its stdin may be gone by now.
            let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
            child.wait_with_output().unwrap()
        });
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a process with these roles, and returns its number.
    pub fn start(&self, roles: &str) -> usize {
        self.start_with(roles, &[])
    }

    /// The same with more settings.
    pub fn start_with(&self, roles: &str, more: &[(&str, &str)]) -> usize {
        let number = self.programs.lock().unwrap().len();
        let program = self.launch(roles, number, 0, more);
        if roles.split(',').any(|role| role == "api") {
            self.doors.write().unwrap().push(program.base.clone());
        }
        self.programs.lock().unwrap().push(program);
        number
    }

    fn launch(&self, roles: &str, number: usize, starts: usize, more: &[(&str, &str)]) -> Program {
        let log = self.folder.path().join(format!("{number}-{starts}-{}.log", roles.replace(',', "-")));
        let mut command = self.command(&["serve", "--roles", roles, "--port", "0"], more);
        let child = command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut program =
            Program { roles: roles.to_owned(), child, base: String::new(), log: log.clone(), starts };
        let began = Instant::now();
        program.base = loop {
            let text = std::fs::read_to_string(&log).unwrap();
            let at = text.lines().find_map(|line| line.split_once("Serving at ")).map(|(_, at)| at.trim());
            if let Some(at) = at.filter(|_| text.ends_with('\n')) {
                break at.to_owned();
            }
            let ended = program.child.try_wait().unwrap();
            assert!(ended.is_none(), "{roles} ended with {ended:?}:\n{}", tail(&log));
            assert!(began.elapsed() < START_MAX, "{roles} does not start:\n{}", tail(&log));
            tokio::task::block_in_place(|| std::thread::sleep(Duration::from_millis(10)));
        };
        program
    }

    /// Kills a process without warning (`kill -9`).
    pub fn kill(&self, number: usize) {
        let mut programs = self.programs.lock().unwrap();
        let program = &mut programs[number];
        assert!(program.child.try_wait().unwrap().is_none(), "it ended by itself:\n{}", tail(&program.log));
        program.child.kill().unwrap();
        program.child.wait().unwrap();
    }

    /// Starts a process again, at another port.
    pub fn start_again(&self, number: usize) {
        let (roles, starts, before) = {
            let programs = self.programs.lock().unwrap();
            let program = &programs[number];
            (program.roles.clone(), program.starts + 1, program.base.clone())
        };
        let program = self.launch(&roles, number, starts, &[]);
        for door in self.doors.write().unwrap().iter_mut().filter(|door| **door == before) {
            door.clone_from(&program.base);
        }
        self.programs.lock().unwrap()[number] = program;
    }

    /// Kills all that run.
    pub fn stop(&self) {
        self.programs.lock().unwrap().clear();
    }

    /// No process may have ended by itself, or panicked.
    pub fn assert_all_well(&self) {
        for program in self.programs.lock().unwrap().iter_mut() {
            let ended = program.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended with {ended:?}:\n{}", program.roles, tail(&program.log));
        }
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|name| name == "log") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains("panicked at"), "{}:\n{text}", path.display());
            }
        }
    }

    /// `ticketctl status`.
    pub fn status(&self) -> Value {
        self.run(&["status", "-o", "json"]).ok().json()
    }

    /// The number of the process that holds a lease.
    pub fn holder(&self, lease: &str) -> Option<usize> {
        let status = self.status();
        let holds = |process: &&Value| {
            process["leases"].as_str().unwrap_or_default().split(',').any(|name| name == lease)
        };
        let pid = status["processes"].as_array().unwrap().iter().find(holds)?["pid"].as_i64()?;
        let mut programs = self.programs.lock().unwrap();
        programs.iter_mut().position(|program| {
            i64::from(program.child.id()) == pid && program.child.try_wait().unwrap().is_none()
        })
    }

    /// Waits until a process of ours that lives holds a lease.
    pub async fn held(&self, lease: &str, within: Duration) -> usize {
        let began = Instant::now();
        loop {
            if let Some(number) = self.holder(lease) {
                return number;
            }
            assert!(began.elapsed() < within, "nobody has {lease} for {within:?}:\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The ends of all logs, for whoever looks for what went wrong.
    pub fn logs(&self) -> String {
        let programs = self.programs.lock().unwrap();
        let each = programs.iter().map(|program| format!("== {}\n{}", program.roles, tail(&program.log)));
        each.collect::<Vec<_>>().join("\n")
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
