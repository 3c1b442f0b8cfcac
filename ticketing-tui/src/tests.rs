//! The loop on a screen in memory, and the whole dashboard at a terminal of its own.

use super::{Ended, Hands, Input, News, Options, Signal, Sources, Stopped, Theme, TuiError, attend};
use crate::desk::{Answer, Desk, Place, Refusal, Running};
use crate::input::{Gate, Key};
use crate::sample::{self, Recorded};
use crate::screen::Canvas;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use ticketing_core::clock::Clock;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const THEME: Theme = Theme { has_colour: false };
const PATIENCE: Duration = Duration::from_secs(30);

/// A screen in memory, which remembers what else it was told.
struct InMemory {
    terminal: Terminal<TestBackend>,
    told: Vec<String>,
}

impl InMemory {
    fn new() -> Self {
        Self { terminal: Terminal::new(TestBackend::new(80, 24)).unwrap(), told: Vec::new() }
    }

    fn shows(&self, text: &str) -> bool {
        self.terminal.backend().to_string().contains(text)
    }
}

impl Canvas for InMemory {
    type Backend = TestBackend;

    fn terminal(&mut self) -> &mut Terminal<TestBackend> {
        &mut self.terminal
    }

    fn leave(&mut self) {
        self.told.push("leave".into());
    }

    fn retake(&mut self) -> io::Result<()> {
        self.told.push("retake".into());
        Ok(())
    }

    fn mouse(&mut self, is_taken: bool) -> io::Result<()> {
        self.told.push(format!("mouse {is_taken}"));
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.told.push(format!("copy {text}"));
        Ok(())
    }
}

/// The other ends of what the loop listens to.
struct Person {
    inputs: mpsc::Sender<io::Result<Input>>,
    signals: mpsc::Sender<Signal>,
}

impl Person {
    /// Presses keys one after the other, with time for the desk to answer.
    async fn press(&self, keys: &str) {
        for c in keys.chars() {
            let key = if c == '\n' { Key::Enter } else { Key::Char(c) };
            self.inputs.send(Ok(Input::Key(key))).await.unwrap();
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn set(desk: Arc<dyn Desk>) -> (Person, Sources, Hands) {
    let (inputs_in, inputs) = mpsc::channel(8);
    let (signals_in, signals) = mpsc::channel(8);
    let (news_in, news) = mpsc::channel(8);
    let clock = Clock::manual(sample::noon());
    let hands = Hands { desk, news: news_in, patience: PATIENCE, gate: Arc::new(Gate::default()) };
    (
        Person { inputs: inputs_in, signals: signals_in },
        Sources { inputs, news, hints: None, signals, clock },
        hands,
    )
}

/// Runs the loop on a desk while a person does something; returns the screen as it was at the end, and why it ended.
async fn run<F: Future<Output = Person>>(
    desk: Arc<dyn Desk>,
    person_does: impl FnOnce(Person) -> F,
) -> (InMemory, io::Result<Stopped>) {
    let (person, sources, hands) = set(desk);
    let mut screen = InMemory::new();
    let running = attend(&mut screen, sample::state(), THEME, sources, &hands);
    let (stopped, _person) =
        timeout(PATIENCE, async { tokio::join!(running, person_does(person)) }).await.unwrap();
    (screen, stopped)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_frame_is_drawn_while_nobody_answers_and_keys_are_heeded() {
    let desk = Arc::new(Recorded { is_dumb: true, ..Recorded::default() });
    let (screen, stopped) = run(desk.clone(), |person| async {
        person.press("3").await;
        person.signals.send(Signal::End(Ended::Terminated)).await.unwrap();
        person
    })
    .await;
    assert!(matches!(stopped, Ok(Stopped::By(Ended::Terminated))));
    assert!(screen.shows("Asking embedded ./data"));
    let asked = desk.asked.lock().unwrap();
    assert_eq!(*asked, [vec!["status"], vec!["hold", "list", "--limit", "1000"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_shown_and_a_key_ends_it() {
    let (screen, stopped) = run(Arc::new(Recorded::default()), |person| async {
        sleep(Duration::from_millis(200)).await;
        person.press("q").await;
        person
    })
    .await;
    assert!(matches!(stopped, Ok(Stopped::By(Ended::Quit))));
    assert!(screen.shows("56,789"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_shown_is_asked_and_once_a_second_at_most() {
    let desk = Arc::new(Recorded::default());
    let (_, _) = run(desk.clone(), |person| async {
        sleep(Duration::from_millis(1_500)).await;
        person.press("q").await;
        person
    })
    .await;
    let asked = desk.asked.lock().unwrap();
    // The clock stands still, so that no answer grows old.
    assert_eq!(*asked, [vec!["status"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_made_once_with_its_reason_and_exactly_as_it_was_planned() {
    let desk = Arc::new(Recorded::default());
    let (screen, _) = run(desk.clone(), |person| async {
        person.press("3").await;
        sleep(Duration::from_millis(200)).await;
        person.press("ax").await;
        for input in [Input::Key(Key::Tab), Input::Paste("it's asked\nfor".into()), Input::Key(Key::Enter)] {
            person.inputs.send(Ok(input)).await.unwrap();
        }
        person.press("yyy").await;
        sleep(Duration::from_millis(200)).await;
        person.press("\nq").await;
        person
    })
    .await;
    assert!(!screen.shows("Do it"));
    let asked = desk.asked.lock().unwrap();
    let made: Vec<_> = asked.iter().filter(|command| command.iter().any(|word| word == "--yes")).collect();
    let id = "01928a7c-0002-7000-8000-000000000000";
    assert_eq!(made, [&["hold", "expire", id, "--reason", "it's asked for", "--yes", "--expect", "d1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_keyboard_ends_it() {
    let (_, stopped) = run(Arc::new(Recorded::default()), |person| async {
        person.inputs.send(Err(io::Error::other("gone"))).await.unwrap();
        person
    })
    .await;
    assert!(matches!(stopped, Ok(Stopped::Keyboard(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_goes_to_the_terminal_and_the_mouse_is_taken_only_when_asked_for() {
    let (screen, _) = run(Arc::new(Recorded::default()), |person| async {
        person.press("2").await;
        sleep(Duration::from_millis(200)).await;
        person.press("yYmmq").await;
        person
    })
    .await;
    assert_eq!(
        screen.told,
        [
            "copy 01928a7c-0001-7000-8000-000000000000",
            "copy ticketctl --data-dir ./data saga list --limit 1000",
            "mouse true",
            "mouse false"
        ]
    );
}

/// A desk that breaks.
struct Broken;

impl Desk for Broken {
    fn run(&self, _: Vec<String>) -> Running<'_> {
        Box::pin(async { panic!("the report") })
    }

    fn place(&self) -> Place {
        Place::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_panics_ends_it_with_its_own_panic() {
    let (_, stopped) = run(Arc::new(Broken), |person| async { person }).await;
    let Ok(Stopped::Crash(crash)) = stopped else { panic!("it went on") };
    assert_eq!(crash.downcast_ref::<&str>(), Some(&"the report"));
}

/// A desk that takes its time.
struct Slow;

impl Desk for Slow {
    fn run(&self, _: Vec<String>) -> Running<'_> {
        Box::pin(async {
            sleep(Duration::from_millis(300)).await;
            Ok::<Answer, Refusal>(Answer::default())
        })
    }

    fn place(&self) -> Place {
        Place::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_takes_too_long_is_given_up_and_a_change_is_waited_for() {
    let ask = |to| crate::state::Ask { question: 1, to, command: Vec::new() };
    let patience = Duration::from_millis(20);
    for (to, is_patient) in [(crate::state::To::Plan, false), (crate::state::To::Change, true)] {
        let News::Told(told) = super::answer(Arc::new(Slow), ask(to), patience).await else {
            panic!("it crashed")
        };
        assert_eq!(told.result.is_ok(), is_patient);
        if let Err(refusal) = told.result {
            assert!(refusal.is_unreachable() && refusal.message.contains("0.02 s"), "{refusal:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_none_is_told_before_the_terminal_is_taken() {
    let options = Options {
        at: Some("nowhere".into()),
        readonly: false,
        time: crate::TimeStyle::Relative,
        colour: false,
        timeout: PATIENCE,
        commands: Vec::new(),
    };
    let error = super::run(Arc::new(Recorded::default()), options).await.unwrap_err();
    assert!(matches!(error, TuiError::At(why) if why.contains("sagas")));
}

#[cfg(target_os = "linux")]
mod at_a_terminal {
    //! The whole dashboard at a terminal of its own, which `script` makes: it is given back on every way out.

    use super::{Options, PATIENCE};
    use crate::sample::Recorded;
    use crate::{Ended, TimeStyle};
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    const CHILD: &str = "TICKETING_TUI_TEST_DASHBOARD";

    /// Not a test by itself: the dashboard that the tests below run.
    #[test]
    fn child() {
        let Ok(pid_file) = std::env::var(CHILD) else { return };
        std::fs::write(&pid_file, std::process::id().to_string()).unwrap();
        let options = Options {
            at: None,
            readonly: false,
            time: TimeStyle::Relative,
            colour: true,
            timeout: PATIENCE,
            commands: Vec::new(),
        };
        let is_dumb = std::env::var_os("TICKETING_TUI_TEST_DUMB").is_some();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let desk = Arc::new(Recorded { is_dumb, ..Recorded::default() });
        let ended = runtime.block_on(crate::run(desk, options)).unwrap();
        println!("ended: {ended:?}");
        runtime.shutdown_background();
        let is_by_signal = ended != Ended::Quit;
        std::process::exit(if is_by_signal { 143 } else { 0 });
    }

    /// Runs the dashboard, does something to it once it has drawn, and returns all that the terminal was sent.
    fn run(envs: &[(&str, &str)], then: impl FnOnce(&str, &mut dyn std::io::Write)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (pid_file, log) = (folder.path().join("pid"), folder.path().join("log"));
        let this = std::env::current_exe().unwrap();
        let test = "tests::at_a_terminal::child";
        let shell = format!("stty rows 24 cols 80; '{}' --exact {test} --nocapture; stty -a", this.display());
        let mut command = Command::new("script");
        command
            .args(["-qefc", &shell, &log.display().to_string()])
            .env("SHELL", "/bin/sh")
            .env(CHILD, &pid_file);
        let mut running = command
            .envs(envs.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let written = |path: &Path| {
            std::fs::read(path).map(|it| String::from_utf8_lossy(&it).into_owned()).unwrap_or_default()
        };
        let begun = Instant::now();
        while !written(&log).contains("\u{1b}[?1049h") && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        // The keyboard's thread and the signals' task have begun by the first frame.
        std::thread::sleep(Duration::from_millis(400));
        let mut stdin = running.stdin.take().unwrap();
        then(written(&pid_file).trim(), &mut stdin);
        let begun = Instant::now();
        while running.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "it never ended: {}", written(&log));
            std::thread::sleep(Duration::from_millis(20));
        }
        written(&log)
    }

    fn signal(name: &str, pid: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), pid]).status().unwrap().success());
    }

    /// Says whether the terminal was taken, then given back once, then told of the end, in that order, and reads lines again.
    fn is_given_back(text: &str, report: &str) {
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in {text:?}"));
        let order = [place("\u{1b}[?1049h"), place("\u{1b}[?1049l"), place(report), place(" icanon")];
        assert!(order.is_sorted(), "{text:?}");
        for (taken, given) in [("\u{1b}[?1049h", "\u{1b}[?1049l"), ("\u{1b}[?2004h", "\u{1b}[?2004l")] {
            assert_eq!(text.matches(taken).count(), text.matches(given).count(), "{taken:?} in {text:?}");
        }
        assert!(place("\u{1b}[?25h") < place(report), "the cursor is hidden: {text:?}");
    }

    #[test]
    fn it_is_given_back_after_a_key_and_each_signal() {
        let text = run(&[], |_, keys| keys.write_all(b"q").unwrap());
        is_given_back(&text, "ended: Quit");
        for (name, ended) in [("INT", "Interrupted"), ("TERM", "Terminated"), ("HUP", "HungUp")] {
            let text = run(&[], |pid, _| signal(name, pid));
            is_given_back(&text, &format!("ended: {ended}"));
        }
    }

    #[test]
    fn it_is_given_back_after_a_panic() {
        let text = run(&[("TICKETCTL_TUI_PANIC", "1")], |_, _| ());
        is_given_back(&text, "TICKETCTL_TUI_PANIC is set");
    }

    #[test]
    fn a_signal_ends_it_while_nobody_answers() {
        let text = run(&[("TICKETING_TUI_TEST_DUMB", "1")], |pid, _| signal("TERM", pid));
        is_given_back(&text, "ended: Terminated");
        assert!(text.contains("Asking"), "{text:?}");
    }

    #[test]
    fn another_program_has_the_terminal_while_the_pager_runs() {
        let text = run(
            &[("PAGER", "cat; stty -a < /dev/tty | grep -o ' .icanon\\| icanon'; echo paged")],
            |_, keys| {
                for part in ["2", "e"] {
                    keys.write_all(part.as_bytes()).unwrap();
                    std::thread::sleep(Duration::from_millis(900));
                }
                keys.write_all(b"q").unwrap();
            },
        );
        let paged = text.find("paged").unwrap_or_else(|| panic!("not paged: {text:?}"));
        let (before, after) = text.split_at(paged);
        assert!(before.contains("\"lastError\"") && before.ends_with(" icanon\r\n"), "{before:?}");
        is_given_back(after, "ended: Quit");
    }
}
