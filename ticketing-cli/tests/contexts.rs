//! Contexts: which server or store a command works on, what a context demands of changes, and that what it keeps to
//! itself is never printed.
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use support::{Place, Ran};

const TOKEN: &str = "tok-hunter2";
const PASSWORD: &str = "pw-hunter2";

impl Place {
    fn config(&self) -> PathBuf {
        self.0.path().join("config/ticketctl")
    }

    fn run_with(&self, args: &[&str], set: &[(&str, &str)], stdin: &str) -> Ran {
        let mut command = self.command(args);
        self.finish(command.envs(set.iter().copied()), stdin)
    }

    fn set(&self, args: &[&str]) -> Ran {
        self.run(&[&["context", "set"], args].concat()).ok()
    }
}

/// `ticketctl up`, until it is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(place: &Place, data_dir: &str) -> Self {
        let mut command = place.command(&["up", "--port", "0", "--data-dir", data_dir]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("Serving at ")).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self { url: line.strip_prefix("Serving at ").unwrap().to_owned(), child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[cfg(unix)]
fn mode(path: impl AsRef<std::path::Path>) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_flag_beats_the_context_and_the_context_the_environment() {
    let place = Place::new();
    for (folder, is_seeded) in [("a", true), ("b", true), ("data", false)] {
        let command: &[&str] = if is_seeded { &["seed", "demo"] } else { &["migrate", "up"] };
        place.run(&[command, &["-q", "--data-dir", folder]].concat()).ok();
    }
    place.set(&["a", "--data-dir", "a"]);
    place.set(&["b", "--data-dir", "b"]);
    let store = |args: &[&str], set: &[(&str, &str)]| {
        let ran = place.run_with(&[&["status", "-o", "json"], args].concat(), set, "").ok();
        let store = ran.json()["writeStore"].as_str().unwrap().to_owned();
        let folder = PathBuf::from(store).parent().unwrap().file_name().unwrap().to_owned();
        folder.into_string().unwrap()
    };
    let variable = [("TICKETCTL_CONTEXT", "b")];
    let server = ("TICKETCTL_SERVER", "http://127.0.0.1:1");
    assert_eq!(store(&[], &[]), "data");
    place.run(&["context", "use", "a"]).ok();
    assert_eq!(store(&[], &[]), "a");
    assert_eq!(store(&[], &variable), "b");
    assert_eq!(store(&["--context", "a"], &variable), "a");
    assert_eq!(store(&["--data-dir", "data"], &variable), "data");
    assert_eq!(store(&[], &[server]), "a", "a context beats TICKETCTL_SERVER");
    assert_eq!(store(&[], &[server, ("TICKETCTL_CONTEXT", "")]), "a", "an empty variable is none");
    assert_eq!(store(&[], &[("DATA_DIR", "b"), ("DATABASE_URL", "postgres://127.0.0.1:1/x")]), "a");
    // Without a context the variable names the server, which wants a token.
    place.run(&["context", "use", "--none"]).ok();
    assert_eq!(place.run_with(&["status"], &[server], "").code, 4);
    let there = ["status", "--server", "http://127.0.0.1:1"];
    assert_eq!(place.run_with(&there, &[("TICKETCTL_CONTEXT", "a"), ("TICKETCTL_TOKEN", "t")], "").code, 7);
    let both = place.run(&["status", "--context", "a", "--data-dir", "b"]);
    assert_eq!((both.code, both.out.as_str()), (2, ""), "{both:?}");
    // A folder is kept from the root: it is the same store from elsewhere.
    let mut elsewhere = place.command(&["status", "--context", "a"]);
    place.finish(elsewhere.current_dir("/"), "").ok();
}

#[test]
fn an_unknown_context_is_a_usage_error_that_names_near_ones() {
    let place = Place::new();
    let none = place.run(&["status", "--context", "prod"]);
    assert_eq!(none.code, 2, "{none:?}");
    assert!(none.err.contains("None has been made yet"), "{}", none.err);
    place.set(&["prod", "--data-dir", "a"]);
    place.set(&["staging", "--data-dir", "b"]);
    for args in [
        &["status", "--context", "pord"][..],
        &["context", "use", "pord"],
        &["context", "show", "pord"],
        &["context", "delete", "pord"],
        &["up", "--context", "pord"],
    ] {
        let ran = place.run(&[args, &["-o", "json"]].concat());
        let error = ran.error();
        assert_eq!((ran.code, &error["code"]), (2, &"UNKNOWN_CONTEXT".into()), "{args:?}");
        assert_eq!(error["message"], "There is no context \"pord\". Did you mean prod?", "{args:?}");
    }
    let by_variable = place.run_with(&["status"], &[("TICKETCTL_CONTEXT", "elsewhere")], "");
    assert!(by_variable.err.contains("TICKETCTL_CONTEXT names it."), "{by_variable:?}");
    assert!(by_variable.err.contains("There is prod, staging."), "{by_variable:?}");
    // What needs no store needs no context.
    place.run_with(&["version"], &[("TICKETCTL_CONTEXT", "elsewhere")], "").ok();
    place.run_with(&["context", "ls"], &[("TICKETCTL_CONTEXT", "elsewhere")], "").ok();
}

#[test]
fn the_one_before_comes_back_and_the_one_in_use_is_marked() {
    let place = Place::new();
    assert_eq!(place.run(&["context", "use", "-"]).code, 2);
    for name in ["a", "b"] {
        place.set(&[name, "--data-dir", name]);
    }
    let in_use = || {
        let all = place.run(&["context", "ls", "-o", "json"]).ok().json();
        let all = all.as_array().unwrap().clone();
        let names = all.iter().filter(|context| context["inUse"] == true);
        names.map(|context| context["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(in_use().is_empty());
    assert_eq!(place.run(&["context", "show"]).code, 3);
    place.run(&["context", "use", "a"]).ok();
    place.run(&["context", "use", "b"]).ok();
    assert_eq!(in_use(), ["b"]);
    place.run(&["context", "use", "-"]).ok();
    assert_eq!(in_use(), ["a"]);
    place.run(&["context", "use", "-"]).ok();
    assert_eq!(in_use(), ["b"]);
    assert_eq!(place.run(&["context", "show", "-o", "name"]).ok().out, "b\n");
    assert_eq!(place.run(&["context", "show", "--context", "a", "-o", "name"]).ok().out, "a\n");
    place.run(&["context", "use", "--none"]).ok();
    assert!(in_use().is_empty());
    place.run(&["context", "use", "-"]).ok();
    assert_eq!(in_use(), ["b"]);
    let deleted = place.run(&["context", "delete", "b"]).ok();
    assert!(deleted.err.contains("now none is"), "{deleted:?}");
    assert_eq!(place.run(&["context", "ls", "-o", "name"]).ok().out, "a\n");
    for format in ["table", "wide", "json", "jsonl", "yaml", "csv", "name"] {
        let list = place.run(&["context", "ls", "-o", format]).ok();
        let show = place.run(&["context", "show", "a", "-o", format]).ok();
        assert!(list.out.contains('a') && show.out.contains('a'), "{format}");
    }
}

#[cfg(unix)]
#[test]
fn no_secret_is_ever_printed_and_its_file_is_for_its_owner_alone() {
    let place = Place::new();
    let mut printed = Vec::new();
    let set = ["context", "set", "prod", "--server", "http://127.0.0.1:1", "--token", "-"];
    printed.push(place.run_with(&set, &[], &format!("{TOKEN}\n")).ok());
    let url = format!("postgres://u:{PASSWORD}@127.0.0.1:1/x?password={PASSWORD}");
    printed.push(place.run_with(&["context", "set", "pg", "--database-url", "-"], &[], &url).ok());
    printed.push(place.set(&["pg2", "--database-url", &url]));
    fs::write(place.0.path().join("t"), format!("{TOKEN}\n")).unwrap();
    printed.push(place.set(&["file", "--server", "http://127.0.0.1:1", "--token-file", "t"]));
    for (name, secret) in [("prod.token", TOKEN), ("file.token", TOKEN), ("pg.database-url", &url)] {
        let file = place.config().join("secrets").join(name);
        assert_eq!(fs::read_to_string(&file).unwrap().trim(), secret);
        assert_eq!(mode(&file), 0o600, "{name}");
    }
    assert_eq!((mode(place.config()), mode(place.config().join("secrets"))), (0o700, 0o700));
    assert_eq!(mode(place.config().join("contexts.toml")), 0o600);
    let book = fs::read_to_string(place.config().join("contexts.toml")).unwrap();
    assert!(!book.contains("hunter2"), "{book}");

    let shown = place.run(&["context", "show", "prod", "-o", "json"]).ok().json();
    let file = place.config().join("secrets/prod.token");
    assert_eq!(shown["token"], format!("kept in {}", file.display()));
    for name in ["prod", "pg", "pg2", "file"] {
        for format in ["table", "wide", "json", "jsonl", "yaml", "csv", "name"] {
            printed.push(place.run(&["context", "show", name, "-o", format]).ok());
            printed.push(place.run(&["context", "ls", "-o", format]).ok());
        }
        printed.push(place.run(&["context", "use", name]).ok());
        printed.push(place.run(&["context", "set", name, "--protected", "--colour", "red"]).ok());
        for args in [
            &["status", "--timeout", "1s"][..],
            &["status", "--timeout", "1s", "-vv"],
            &["booking", "list", "--timeout", "1s", "-o", "json"],
            &["hold", "expire", "--query", "age>1s", "--timeout", "1s"],
            &["up"],
            &["status", "--help"],
        ] {
            let mut command = place.command(args);
            // A server may start, if there is nothing in its way: there is, but were there not, it would be seen.
            let ran = place.finish(command.env("RUST_LOG", "debug"), "");
            assert_ne!(ran.code, 101, "{ran:?}");
            printed.push(ran);
        }
    }
    printed.push(place.run(&["context", "delete", "prod"]).ok());
    for ran in printed {
        assert!(!(ran.out.clone() + &ran.err).contains("hunter2"), "{ran:?}");
    }
    assert!(!file.exists(), "a forgotten context's token is forgotten");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::seeded();
    place.set(&["here", "--data-dir", "data"]);
    place.run(&["context", "use", "here"]).ok();
    assert_eq!(place.run(&["route", "list"]).ok().err, "");
    let open = |name: &str, mode| {
        fs::set_permissions(place.config().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    open("contexts.toml", 0o644);
    for args in [&["status"][..], &["context", "ls"], &["context", "show"], &["booking", "list", "-q"]] {
        let ran = place.run(args).ok();
        assert!(
            ran.err.contains("contexts.toml is open to other users") && ran.err.contains("chmod 600"),
            "{ran:?}"
        );
    }
    // Writing it closes it.
    place.set(&["here", "--colour", "green"]);
    assert_eq!(place.run(&["route", "list"]).ok().err, "");
    let set = ["context", "set", "far", "--server", "http://127.0.0.1:1", "--token", "-"];
    place.run_with(&set, &[], TOKEN).ok();
    open("secrets/far.token", 0o640);
    let ran = place.run(&["status", "--context", "far"]);
    assert_eq!(ran.code, 7);
    assert!(ran.err.contains("far.token is open to other users"), "{ran:?}");
}

#[test]
fn a_protected_context_wants_a_reason_and_a_read_only_one_changes_nothing() {
    let place = Place::seeded();
    place.set(&["prod", "--data-dir", "data", "--protected"]);
    place.run(&["context", "use", "prod"]).ok();
    let booking = place.booking(&["--reason", "by phone"]);
    let cancel = ["booking", "cancel", &booking, "--yes", "-o", "json"];
    let refused = place.run(&cancel);
    assert_eq!((refused.code, &refused.error()["code"]), (9, &"REASON_REQUIRED".into()), "{refused:?}");
    place.set(&["prod", "--readonly"]);
    let refused = place.run(&[&cancel[..], &["--reason", "asked to"]].concat());
    assert_eq!((refused.code, &refused.error()["code"]), (9, &"READ_ONLY_CONTEXT".into()), "{refused:?}");
    for args in [&["up"][..], &["serve", "--roles", "api"]] {
        let refused = place.run(args);
        assert_eq!(refused.code, 9, "{refused:?}");
    }
    place.run(&["booking", "get", &booking]).ok();
    place.run(&[&cancel[..], &["--dry-run"]].concat()).ok();
    place.set(&["prod", "--readonly=false"]);
    place.run(&[&cancel[..], &["--reason", "asked to"]].concat()).ok();
    // A severe change wants the context's name, too; a flag that names the store sets all of this aside.
    let rebuild = ["projection", "rebuild", "tickets", "--yes"];
    let refused = place.run(&[&rebuild[..], &["--reason", "drill"]].concat());
    assert_eq!(refused.code, 9, "{refused:?}");
    assert!(refused.err.contains("--confirm prod"), "{refused:?}");
    place.run(&[&rebuild[..], &["--reason", "drill", "--confirm", "prod"]].concat()).ok();
    place.run(&[&rebuild[..], &["--data-dir", "data"]].concat()).ok();
}

#[test]
fn a_context_of_a_server_works_through_it_and_its_demands_hold_there_too() {
    let place = Place::seeded();
    let server = Server::start(&place, "data");
    let token = place.run(&["user", "token", "ann", "--role", "operator"]).ok().out;
    let set = ["context", "set", "far", "--server", &server.url, "--token", "-", "--protected"];
    place.run_with(&set, &[], &token).ok();
    place.run(&["context", "use", "far"]).ok();
    let status = place.run(&["status", "-o", "json"]).ok().json();
    assert!(status["server"]["address"].is_string(), "{status}");
    let booking = place.booking(&["--reason", "by phone"]);
    let audit = place.run(&["audit", "list", "-o", "json"]).ok().json();
    assert_eq!((&audit[0]["actor"], &audit[0]["reason"]), (&"ann".into(), &"by phone".into()));
    let refused = place.run(&["booking", "cancel", &booking, "--yes"]);
    assert_eq!(refused.code, 9, "{refused:?}");
    assert!(refused.err.contains("The context far is protected"), "{refused:?}");
    place.run(&["booking", "cancel", &booking, "--yes", "--reason", "asked to"]).ok();
    // A token that a flag or the context has beats the environment's; another server is not given this one.
    place.run_with(&["status"], &[("TICKETCTL_TOKEN", "nonsense")], "").ok();
    assert_eq!(place.run(&["status", "--token", "nonsense"]).code, 4);
    let moved = place.set(&["far", "--server", "http://127.0.0.1:1"]);
    assert!(moved.err.contains("is forgotten"), "{moved:?}");
    let none = place.run(&["status"]);
    assert_eq!(none.code, 4);
    assert!(none.err.contains("ticketctl context set far --token -"), "{none:?}");
    // What runs here is refused, and says which context is why.
    for args in [&["up"][..], &["serve", "--roles", "api"]] {
        let ran = place.run(args);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("The context far names the server"), "{ran:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.set(&["prod", "--data-dir", "a"]);
    let before = fs::read(place.config().join("contexts.toml")).unwrap();
    for args in [
        &["new"][..],
        &["new", "--protected"],
        &["-", "--data-dir", "a"],
        &["../x", "--data-dir", "a"],
        &["new", "--server", "tickets.example.org"],
        &["new", "--server", "https://u:p@h"],
        &["new", "--server", "https://h", "--data-dir", "a"],
        &["prod", "--token", "t"],
        &["prod", "--colour", "loud"],
        &["prod", "--protected=maybe"],
        &["prod", "--database-url", "mysql://x"],
        &["prod", "--token-file", "nowhere"],
    ] {
        let ran = place.run(&[&["context", "set"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {ran:?}");
    }
    assert_eq!(place.run(&["context", "set", "prod", "--server", "https://h", "--token", "-"]).code, 4);
    assert_eq!(fs::read(place.config().join("contexts.toml")).unwrap(), before);
}

#[test]
fn a_file_that_is_not_understood_stops_commands_rather_than_letting_them_work_elsewhere() {
    let place = Place::seeded();
    place.set(&["prod", "--data-dir", "data"]);
    place.run(&["context", "use", "prod"]).ok();
    let file = place.config().join("contexts.toml");
    let text = fs::read_to_string(&file).unwrap();
    for broken in
        [text.replace("data_dir", "data_dri"), text.replace("[contexts", "[[contexts"), "\u{0}".into()]
    {
        fs::write(&file, broken).unwrap();
        for args in [&["status"][..], &["context", "ls"], &["context", "use", "prod"]] {
            let ran = place.run(args);
            assert_eq!(ran.code, 2, "{ran:?}");
            assert!(ran.err.contains("contexts.toml is no file of contexts"), "{ran:?}");
        }
        place.run(&["status", "--data-dir", "data"]).ok();
        place.run(&["version"]).ok();
    }
    fs::write(&file, text.replace("current = \"prod\"", "current = \"gone\"")).unwrap();
    assert_eq!(place.run(&["status"]).code, 2);
}

#[cfg(unix)]
#[test]
fn changes_made_at_once_are_all_kept_and_a_link_is_followed() {
    let place = Place::new();
    let real = place.0.path().join("dotfiles.toml");
    fs::write(&real, "").unwrap();
    fs::create_dir_all(place.config()).unwrap();
    std::os::unix::fs::symlink(&real, place.config().join("contexts.toml")).unwrap();
    let names: Vec<String> = (0..8).map(|n| format!("c{n}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| place.set(&[name, "--data-dir", "a"]));
        }
    });
    assert_eq!(place.run(&["context", "ls", "-o", "name"]).ok().names(), names);
    assert!(fs::symlink_metadata(place.config().join("contexts.toml")).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("c7"));
    let left = fs::read_dir(place.0.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".ticketctl"));
    assert_eq!(left.count(), 0, "drafts are removed");
}

#[test]
fn without_a_home_only_contexts_are_missing() {
    let place = Place::seeded();
    let run = |args: &[&str], home: Option<&str>| {
        let mut command = place.command(args);
        command.env_remove("XDG_CONFIG_HOME").env_remove("HOME");
        if let Some(home) = home {
            command.env("HOME", home);
        }
        place.finish(&mut command, "")
    };
    run(&["status"], None).ok();
    for args in
        [&["context", "ls"][..], &["context", "set", "a", "--data-dir", "a"], &["status", "--context", "a"]]
    {
        let ran = run(args, None);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(ran.err.contains("XDG_CONFIG_HOME"), "{ran:?}");
    }
    let home = place.0.path().display().to_string();
    run(&["context", "set", "a", "--data-dir", "data"], Some(&home)).ok();
    assert!(place.0.path().join(".config/ticketctl/contexts.toml").exists());
    run(&["status"], Some("/dev/null")).ok();
}

/// By `script` of util-linux, which gives a program a terminal of its own.
#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_a_change_says_in_which_context_it_is_made() {
    let place = Place::seeded();
    place.set(&["prod", "--data-dir", "data", "--colour", "red"]);
    place.run(&["context", "use", "prod"]).ok();
    let at_terminal = |command: &str| {
        let environment = place.command(&[]);
        let mut script = std::process::Command::new("script");
        let line = format!("{} {command}", env!("CARGO_BIN_EXE_ticketctl"));
        script.args(["-qec", &line, "/dev/null"]).current_dir(place.0.path());
        for (name, value) in environment.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script.env("TERM", "xterm").env("SHELL", "/bin/sh");
        place.finish(&mut script, "").out
    };
    let schedule = place.schedule();
    let reserve =
        format!("booking reserve {schedule} --passenger-name Ada --passenger-email ada@example.org");
    let out = at_terminal(&format!("{reserve} --dry-run"));
    let line = format!("Context \u{1b}[1;7;31m prod \u{1b}[0m ({}/data)", place.0.path().display());
    assert_eq!(out.matches(&line).count(), 1, "{out:?}");
    assert!(!at_terminal("schedule list").contains("Context"), "what only looks does not say it");
    assert!(!at_terminal(&format!("{reserve} --dry-run -q")).contains("Context"));
    assert!(!at_terminal(&format!("{reserve} --dry-run --data-dir data")).contains("Context"));
    assert!(!place.run(&["hold", "expire", "--query", "age>1s"]).err.contains("Context"), "nor into a pipe");
}

#[test]
fn a_token_that_is_too_long_is_refused_and_not_cut() {
    let place = Place::new();
    let long = "t".repeat((16 << 10) + 1);
    fs::write(place.0.path().join("long"), &long).unwrap();
    let server = ["--server", "http://127.0.0.1:9"];
    let by_file = place.run(&[&server[..], &["--token-file", "long", "saga", "list"]].concat());
    assert!(by_file.code == 2 && by_file.err.contains("longer than 16 KiB"), "{by_file:?}");
    let mut piped = place.command(&[&server[..], &["--token", "-", "saga", "list"]].concat());
    let piped = place.finish(&mut piped, &long);
    assert!(piped.code == 2 && piped.err.contains("longer than 16 KiB"), "{piped:?}");
    let mut kept = place.command(&[&["context", "set", "far"], &server[..], &["--token", "-"]].concat());
    assert_eq!(place.finish(&mut kept, &long).code, 2);
}

#[test]
fn a_token_on_its_way_in_clear_is_warned_about() {
    let place = Place::new();
    // Nobody answers there: the warning comes before the token is sent.
    let ran = |server: &str| {
        let mut command = place.command(&["--server", server, "--timeout", "200ms", "saga", "list"]);
        place.finish(command.env("TICKETCTL_TOKEN", "t"), "")
    };
    let open = ran("http://192.0.2.1:9");
    assert!(
        open.code == 7 && open.err.contains("the token can be read by whoever is on the way"),
        "{open:?}"
    );
    let near = ran("http://127.0.0.1:9");
    assert!(near.code == 7 && !near.err.contains("can be read"), "{near:?}");
}
