//! What is no server, a server that is not to be trusted, and who may not ask.

use crate::Far;
use crate::support::{Place, Ran};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Answers one connection with these bytes, and returns what was asked; keeps it open for `lingers`.
fn answering(answer: Vec<u8>, lingers: Duration) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut asked = Vec::new();
        // It ends with the timeout: whoever asks waits for the answer.
        let _ = stream.read_to_end(&mut asked);
        stream.write_all(&answer).unwrap();
        std::thread::sleep(lingers);
        asked
    });
    (url, asked)
}

fn frames(lines: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
    format!("{head}{lines}").into_bytes()
}

fn ask(place: &Place, url: &str, args: &[&str]) -> Ran {
    let mut command = place.command(&[args, &["--server", url]].concat());
    place.finish(command.env("TICKETCTL_TOKEN", "t"), "stdin of the operator\n")
}

#[test]
fn a_server_gets_no_file_that_the_command_line_does_not_name_as_one() {
    let place = Place::new();
    for (name, text) in
        [("secret", "s3cret"), ("list", "s3cret"), ("a=secret", "s3cret"), ("city.yaml", "c1ty")]
    {
        std::fs::write(place.0.path().join(name), text).unwrap();
    }
    let rows: [(&[&str], &str); 6] = [
        (&["booking", "list"], "/etc/passwd"),
        (&["booking", "list"], "list"),
        (&["booking", "list"], "-"),
        (&["booking", "list", "--query", "a=secret"], "secret"),
        (&["seed", "apply", "-f", "city.yaml", "--reason", "secret"], "secret"),
        (&["seed", "apply", "-f", "city.yaml"], "./city.yaml"),
    ];
    for (args, name) in rows {
        let want = format!("{}\n", json!({"want": [name]}));
        let (url, _) = answering(frames(&want), Duration::ZERO);
        let ran = ask(&place, &url, args);
        assert_eq!(ran.code, 9, "{ran:?}");
        assert!(ran.err.contains("which the command does not name") && ran.err.contains("It was not sent."));
    }
    // Nobody is here to be asked: a question is no reason to read an answer.
    let question = json!({"ask": {"text": "Sure? ", "plan": "0", "declined": "Did not do it."}});
    let (url, _) = answering(frames(&format!("{question}\n")), Duration::ZERO);
    let ran = ask(&place, &url, &["booking", "list"]);
    assert_eq!((ran.code, ran.err.contains("Did not do it.")), (9, true), "{ran:?}");
}

#[test]
fn what_is_no_server_or_a_silent_or_broken_one_is_told_apart() {
    let place = Place::new();
    let out = json!({"out": "half\n"});
    let whole = format!("{out}\n{}\n", json!({"end": {"exit": 3, "failure": null}}));
    let redirect =
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://elsewhere.example/\r\ncontent-length: 0\r\n\r\n";
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<html";
    let not_found = "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\n<html";
    let rows: [(Vec<u8>, i32, &str); 6] = [
        (frames(&whole), 3, ""),
        (frames(&format!("{out}\n")), 7, "broke off"),
        (frames(&out.to_string()), 7, "broke off"),
        (redirect.into(), 1, "elsewhere.example"),
        (page.into(), 7, "broke off"),
        (not_found.into(), 1, "not as a ticketing server does"),
    ];
    for (answer, code, words) in rows {
        let (url, asked) = answering(answer, Duration::ZERO);
        let ran = ask(&place, &url, &["booking", "list"]);
        assert_eq!((ran.code, ran.err.contains(words)), (code, true), "{ran:?}");
        assert!(String::from_utf8(asked.join().unwrap()).unwrap().contains("uthorization: Bearer t"));
    }
    let (url, _) = answering(Vec::new(), Duration::from_secs(5));
    let began = Instant::now();
    let ran = ask(&place, &url, &["booking", "list", "--timeout", "1s"]);
    assert_eq!((ran.code, ran.err.contains("was silent for 1 s")), (7, true), "{ran:?}");
    assert!(began.elapsed() < Duration::from_secs(4));
    let nobody = ask(&place, "http://127.0.0.1:1", &["booking", "list"]);
    assert_eq!((nobody.code, nobody.err.contains("does not answer")), (7, true), "{nobody:?}");
    for url in ["localhost:3002", "ftp://localhost", "http://ada:hunter2@localhost"] {
        let ran = ask(&place, url, &["booking", "list"]);
        assert_eq!((ran.code, ran.err.contains("hunter2")), (2, false), "{ran:?}");
    }
}

#[test]
fn who_may_not_is_told_what_token_to_use_and_files_are_the_sender_s() {
    let far = Far::on(Place::seeded());
    let with = |token: &str| {
        let mut command = far.command(&["booking", "list", "-o", "json"]);
        far.place.finish(command.env("TICKETCTL_TOKEN", token), "")
    };
    let token =
        |args: &[&str]| far.place.run(&[&["user", "token", "ada"], args].concat()).ok().out.trim().to_owned();
    let brief = token(&["--role", "operator", "--ttl", "1s"]);
    std::thread::sleep(Duration::from_millis(1_100));
    for (token, code) in [
        ("nonsense".to_owned(), "UNAUTHORIZED"),
        (brief, "UNAUTHORIZED"),
        (token(&[]), "FORBIDDEN"),
        (token(&["--role", "service"]), "FORBIDDEN"),
    ] {
        let ran = with(&token);
        assert_eq!((ran.code, ran.error()["code"].as_str()), (4, Some(code)), "{ran:?}");
        assert!(ran.error()["hint"].as_str().unwrap().contains("--role operator"), "{ran:?}");
    }
    assert_eq!(with("").code, 4);
    let folder = far.place.0.path();
    std::fs::write(folder.join("token"), format!("{}\n", far.token)).unwrap();
    std::fs::create_dir(folder.join("feed")).unwrap();
    let mut by_file = far.place.command(&["route", "list", "--server", &far.url, "--token-file", "token"]);
    far.place.finish(&mut by_file, "").ok();
    let mut piped = far.place.command(&["route", "list", "--server", &far.url, "--token", "-"]);
    far.place.finish(&mut piped, &far.token).ok();
    let both = ["hold", "expire", "-", "--dry-run", "--server", &far.url, "--token", "-"];
    let ran = far.place.finish(&mut far.place.command(&both), &far.token);
    assert_eq!((ran.code, ran.err.contains("Stdin can't be")), (2, true), "{ran:?}");
    let sent = far.run(&["seed", "gtfs", "feed", "--from", "2026-11-23", "--days", "1", "--dry-run"]);
    assert!(sent.code != 0 && sent.err.contains("only files are sent to a server"), "{sent:?}");
    // What lies where the server runs is not read by its name.
    let there = far.run(&["seed", "apply", "-f", "none/../data/write.db", "--dry-run"]);
    assert_eq!(there.code, 3, "{there:?}");
    far.run(&["booking", "list", "-v"]).ok();
}
