//! A question at the terminal: asked on stderr, answered by a line on stdin or by the signal that came instead.

use crate::failure::Failure;
use crate::output::Printer;
use crate::signals::StopSignals;
use std::io::BufRead as _;
use std::sync::mpsc;

/// What came back from a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What was typed.
    Line(String),
    /// Ctrl-c or SIGTERM instead.
    Stopped(Failure),
}

/// Says whether what was typed is a yes; anything else is a no.
#[must_use]
pub fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Asks, and waits for a line from stdin or for the signal that came instead.
///
/// Both waits are threads of their own: a read can't be called off, and the caller may or may not have a
/// runtime. They end with the process. The signals are listened to before the question is seen.
pub fn ask(printer: &mut Printer, question: &str) -> Answer {
    let (sender, receiver) = mpsc::channel();
    let (listening, is_listening) = mpsc::channel();
    let from_signal = sender.clone();
    std::thread::spawn(move || {
        // Without a runtime or signals the system's default still ends the process on ctrl-c. A send fails
        // only once the question was answered, when nobody needs it.
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(async {
                if let Ok(mut signals) = StopSignals::listen() {
                    let _ = listening.send(());
                    let _ = from_signal.send(Answer::Stopped(signals.requested().await));
                }
            });
        }
    });
    // The other thread has either begun to listen or given up.
    let _ = is_listening.recv();
    printer.ask(question);
    std::thread::spawn(move || {
        let mut line = String::new();
        // What can't be read is no yes.
        let _ = std::io::stdin().lock().read_line(&mut line);
        let _ = sender.send(Answer::Line(line));
    });
    let answer = receiver.recv().unwrap_or(Answer::Line(String::new()));
    if !matches!(&answer, Answer::Line(line) if line.ends_with('\n')) {
        printer.ask("\n");
    }
    answer
}
