//! `ticketctl tui` at a real terminal: it is drawn, it ends, and the terminal is as it was.
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use support::Place;

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let place = Place::new();
    for args in [&["tui"][..], &["tui", "--readonly"], &["tui", "-o", "json"]] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(
            ran.err.contains("needs a terminal") && ran.err.contains("ticketctl status --watch"),
            "{ran:?}"
        );
    }
}

#[test]
fn what_the_dashboard_says_of_filters_is_what_the_lists_take() {
    let place = Place::seeded();
    for (command, fields) in ticketing_tui::filters() {
        let mut args = command;
        args.extend(["--query", "no-such-field=1", "-o", "json"]);
        let ran = place.run(&args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
        let (_, named) = error["error"]["message"].as_str().unwrap().split_once("Fields:").unwrap();
        let named: Vec<&str> = named.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(fields, named, "{args:?}");
    }
}

/// By `script` of util-linux, which gives a program a terminal of its own.
#[cfg(target_os = "linux")]
mod at_a_terminal {
    use super::support::Place;
    use std::io::{Read as _, Write as _};
    use std::process::{Child, Command, Stdio};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    const ENTER: &str = "\u{1b}[?1049h";
    const LEAVE: &str = "\u{1b}[?1049l";
    const SHOW_CURSOR: &str = "\u{1b}[?25h";
    const PATIENCE: Duration = Duration::from_secs(60);

    /// The dashboard at a terminal, and all that came out of it.
    struct Running {
        child: Child,
        out: Arc<Mutex<Vec<u8>>>,
    }

    impl Running {
        /// Starts it; its exit code and the terminal's settings are printed behind it.
        fn start(place: &Place, flags: &str) -> Self {
            Self::start_with(place, flags, &[])
        }

        fn start_with(place: &Place, flags: &str, variables: &[(&str, &str)]) -> Self {
            Self::start_program(place, &format!("tui {flags}"), variables)
        }

        fn start_program(place: &Place, words: &str, variables: &[(&str, &str)]) -> Self {
            let program = env!("CARGO_BIN_EXE_ticketctl");
            let shell = format!(
                "stty cols 80 rows 24; sh -c 'echo $$ > pid; exec \"{program}\" {words}'; echo code=$?; stty -a"
            );
            let environment = place.command(&[]);
            let mut command = Command::new("script");
            command.args(["-qec", &shell, "/dev/null"]).current_dir(place.0.path());
            for (name, value) in environment.get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
            command.envs(variables.iter().copied());
            let mut child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap();
            let (mut from, out) = (child.stdout.take().unwrap(), Arc::new(Mutex::new(Vec::new())));
            let into = Arc::clone(&out);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = from.read(&mut buffer) {
                    into.lock().unwrap().extend_from_slice(&buffer[..n]);
                }
            });
            Self { child, out }
        }

        fn text(&self) -> String {
            String::from_utf8_lossy(&self.out.lock().unwrap()).into_owned()
        }

        fn wait_for(&self, text: &str) {
            let begun = Instant::now();
            while !self.text().contains(text) {
                assert!(begun.elapsed() < PATIENCE, "no {text:?} in {:?}", self.text());
                std::thread::sleep(Duration::from_millis(20));
            }
        }

        fn press(&mut self, keys: &str) {
            self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
        }

        fn signal(place: &Place, name: &str) {
            let pid = std::fs::read_to_string(place.0.path().join("pid")).unwrap();
            assert!(Command::new("kill").args(["-s", name, pid.trim()]).status().unwrap().success());
        }

        /// Waits for its end and returns what it left behind.
        fn finish(mut self) -> String {
            self.wait_for("speed ");
            self.wait_for(" icanon");
            drop(self.child.stdin.take());
            self.child.wait().unwrap();
            self.text()
        }
    }

    fn assert_given_back(text: &str) {
        let (entered, left) = (text.find(ENTER).unwrap(), text.rfind(LEAVE).unwrap());
        assert!(entered < left, "{text:?}");
        assert!(text[left..].contains(SHOW_CURSOR), "{text:?}");
        let settings = text.split("code=").nth(1).unwrap();
        assert!(settings.contains(" icanon") && settings.contains(" echo "), "{settings}");
    }

    #[test]
    fn keys_and_signals_end_it_and_the_terminal_is_given_back() {
        let place = Place::seeded();
        let rows: [(&str, Option<&str>, &str, i32); 6] = [
            ("q", None, "", 0),
            ("\u{3}", None, "", 0),
            ("q", None, "--readonly", 0),
            ("", Some("INT"), "", 130),
            ("", Some("TERM"), "", 143),
            ("", Some("HUP"), "", 143),
        ];
        for (keys, signal, flags, code) in rows {
            let mut running = Running::start(&place, flags);
            running.wait_for("live");
            running.press(keys);
            if let Some(signal) = signal {
                Running::signal(&place, signal);
            }
            let text = running.finish();
            assert_given_back(&text);
            assert!(text.contains(&format!("code={code}")), "{keys:?} {signal:?}: {text:?}");
        }
    }

    #[test]
    fn a_store_that_is_not_there_is_told_and_waited_for() {
        let place = Place::new();
        let mut running = Running::start(&place, "");
        // Blanks are jumped over, so that words come one by one.
        for word in ["Try:", "seed", "demo"] {
            running.wait_for(word);
        }
        assert!(place.run(&["seed", "demo"]).code == 0);
        running.wait_for("live");
        running.press("q");
        let text = running.finish();
        assert_given_back(&text);
        assert!(text.contains("code=0"), "{text:?}");
    }

    #[test]
    fn what_is_sold_is_on_the_demonstration_from_a_show_to_a_seat_of_its_hall() {
        let place = Place::new();
        let mut running = Running::start(&place, "--demo --at shows");
        for (keys, words) in [
            ("", &["Tempest", "Rivertown"][..]),
            ("\r", &["STALLS", "GALLERY", "PREMIUM"]),
            ("\r", &["STALLS-A1"]),
            ("l", &["Listings", "open"]),
            (":venues\r", &["Playhouse"]),
            ("4", &["Kind"]),
            ("q", &[]),
        ] {
            running.press(keys);
            for word in words {
                running.wait_for(word);
            }
        }
        let text = running.finish();
        assert_given_back(&text);
        assert!(text.contains("code=0"), "{text:?}");
    }

    #[test]
    fn a_server_with_a_dashboard_whose_port_is_taken_leaves_no_folder_behind() {
        let place = Place::new();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let words = format!("up --tui --data-dir new/data --port {port}");
        let text = Running::start_program(&place, &words, &[]).finish();
        assert!(text.contains("code=1") && text.contains("Address already in use"), "{text:?}");
        assert!(!place.0.path().join("new").exists());
        let kept = place.0.path().join("kept");
        std::fs::create_dir(&kept).unwrap();
        let words = format!("up --tui --data-dir kept --port {port}");
        assert!(Running::start_program(&place, &words, &[]).finish().contains("code=1"));
        assert!(kept.join("server.log").exists(), "in a folder that was there the log tells what happened");
    }

    /// Draws once; what is written meanwhile is drawn at once, and without it nothing is.
    #[test]
    fn a_watched_list_is_drawn_anew_when_something_has_changed() {
        let place = Place::seeded();
        let running = Running::start_program(&place, "booking list --watch", &[]);
        running.wait_for("No bookings");
        let drawn = |text: &str| text.matches("\u{1b}[2J").count();
        std::thread::sleep(Duration::from_secs(3));
        let before = drawn(&running.text());
        assert!(before <= 2, "nothing has changed, and it was drawn {before} times in three seconds");
        place.booking(&[]);
        running.wait_for("RESERVED");
        Running::signal(&place, "INT");
        let text = running.finish();
        assert!(text.contains("code=130"), "{text:?}");
    }

    #[test]
    fn it_opens_where_it_is_told_and_a_place_that_is_none_is_a_mistake() {
        let place = Place::seeded();
        let mut running = Running::start(&place, "--at holds");
        for word in ["Holds", "held."] {
            running.wait_for(word);
        }
        running.press("q");
        assert!(running.finish().contains("code=0"));
        let text = Running::start(&place, "--at nowhere").finish();
        assert!(text.contains("code=2") && text.contains("sagas") && !text.contains(ENTER), "{text:?}");
    }

    /// How long it takes until something is seen is printed: `--nocapture` shows it.
    #[test]
    fn the_first_frame_waits_for_nobody() {
        let place = Place::new();
        for flags in [
            // Nobody is there; nobody answers; there is no store.
            "--server http://127.0.0.1:9 --token t",
            "--server http://192.0.2.1 --token t",
            "--database-url postgres://u@192.0.2.1/none",
            "--data-dir nowhere",
        ] {
            let running = Running::start_with(&place, flags, &[("TICKETCTL_TUI_FIRST_FRAME", "1")]);
            let text = running.finish();
            assert_given_back(&text);
            let (_, told) = text.split_once("The first frame was drawn after ").unwrap();
            let millis: f64 = told.split(' ').next().unwrap().parse().unwrap();
            println!("{flags}: {millis} ms");
            // Without optimisation, on a busy machine; what is waited for would take seconds.
            assert!(millis < 2_000.0, "{flags}: {millis} ms");
        }
    }
}
