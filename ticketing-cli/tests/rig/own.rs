//! Services of a test's own, which it may stop without anybody else noticing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Services that are stopped, with their data, when this value is dropped.
pub struct OwnServices {
    folder: TempDir,
    names: Vec<&'static str>,
    /// What `scripts/services up` told to set.
    pub set: BTreeMap<String, String>,
}

impl OwnServices {
    /// Starts them; `None` if one can't be had here, which was said.
    ///
    /// # Panics
    /// If one does not start.
    pub fn start(names: &[&'static str], settings: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut own = Self { folder, names: names.to_vec(), set: BTreeMap::new() };
        let said = own.script(&[&["up"], names].concat(), settings);
        for line in said.lines() {
            let (name, value) = line.trim_start_matches("export ").split_once('=').unwrap();
            own.set.insert(name.to_owned(), value.to_owned());
        }
        (own.set.len() >= names.len()).then_some(own)
    }

    /// An outage begins: in order, or by `kill -9`.
    pub fn stop(&self, name: &str, kill: bool) {
        let args: &[&str] = if kill { &["stop", name, "--kill"] } else { &["stop", name] };
        self.script(args, &[]);
    }

    /// And ends.
    pub fn start_again(&self, name: &str) {
        self.script(&["start", name], &[]);
    }

    fn script(&self, args: &[&str], settings: &[(&str, &str)]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
        let mut command = Command::new(script);
        command.args(args).env("TICKETING_SERVICES_DIR", self.folder.path()).stdin(Stdio::null());
        command.envs(settings.iter().copied()).stderr(Stdio::piped());
        let output = tokio::task::block_in_place(|| command.output().unwrap());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "scripts/services {args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for OwnServices {
    fn drop(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
        let mut command = Command::new(script);
        command.arg("down").args(&self.names).env("TICKETING_SERVICES_DIR", self.folder.path());
        // Best effort: what is left says so by itself.
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
