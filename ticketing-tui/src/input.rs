//! The keyboard: what the terminal's events are here, and the thread that waits for them.
//!
//! It knows no screen: which key does what is the state's to say. What is pasted is text, never keys.

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// What the person at the terminal did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Pressed a key.
    Key(Key),
    /// Pasted a text.
    Paste(String),
    /// Turned the wheel, down if positive, in lines.
    Wheel(i32),
    /// Clicked on a cell.
    Click {
        /// From the left.
        x: u16,
        /// From the top.
        y: u16,
    },
    /// The terminal has another size.
    Resized,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Ctrl(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Backspace,
    Delete,
}

/// The wheel's notch, in lines.
const WHEEL_LINES: i32 = 3;

/// Returns what a terminal's event means, `None` if nothing.
fn meaning(event: Event) -> Option<Input> {
    match event {
        Event::Key(KeyEvent { kind: KeyEventKind::Release, .. }) => None,
        Event::Key(key) => self::key(key).map(Input::Key),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Resize(..) => Some(Input::Resized),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollDown => Some(Input::Wheel(WHEEL_LINES)),
            MouseEventKind::ScrollUp => Some(Input::Wheel(-WHEEL_LINES)),
            MouseEventKind::Down(MouseButton::Left) => Some(Input::Click { x: mouse.column, y: mouse.row }),
            _ => None,
        },
        Event::FocusGained | Event::FocusLost => None,
    }
}

fn key(key: KeyEvent) -> Option<Key> {
    if key.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let is_ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char(c) if is_ctrl => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        _ => return None,
    })
}

/// So long the thread waits before it looks whether anybody still listens. Where it can be nudged that is seldom: a
/// dashboard that nobody touches should sleep.
#[cfg(unix)]
const WAIT: Duration = Duration::from_secs(30);
#[cfg(not(unix))]
const WAIT: Duration = Duration::from_millis(100);
/// So long one waits for the thread to stand back.
const SHUT_WAIT: Duration = Duration::from_millis(300);

/// Wakes the thread that waits for keys, as another size of the terminal does.
#[cfg(unix)]
pub(crate) fn nudge() {
    use rustix::process::{Signal, getpid, kill_process};
    // If it can't be woken it wakes by itself, later.
    let _ = kill_process(getpid(), Signal::WINCH);
}

/// Elsewhere it wakes often enough by itself.
#[cfg(not(unix))]
pub(crate) const fn nudge() {}

/// Keeps the thread from the terminal while another program has it.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<Ears>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Ears {
    is_shut: bool,
    is_deaf: bool,
}

impl Gate {
    /// Shuts it, and waits until the thread reads no more, which it does as soon as it is nudged.
    pub(crate) fn shut(&self) {
        let mut ears = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        ears.is_shut = true;
        nudge();
        // A thread that has ended reads nothing either.
        let deaf = self.changed.wait_timeout_while(ears, SHUT_WAIT, |ears| !ears.is_deaf);
        drop(deaf);
    }

    /// Opens it again.
    pub(crate) fn open(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_shut = false;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut ears = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !ears.is_shut {
            return;
        }
        ears.is_deaf = true;
        self.changed.notify_all();
        let waited = self.changed.wait_while(ears, |ears| ears.is_shut);
        waited.unwrap_or_else(PoisonError::into_inner).is_deaf = false;
    }
}

/// Sends what happens at the terminal until nobody listens or the terminal is gone.
pub(crate) fn read(out: &mpsc::Sender<io::Result<Input>>, gate: &Gate) {
    while !out.is_closed() {
        gate.pass();
        let input = match event::poll(WAIT)
            .and_then(|ready| if ready { event::read().map(Some) } else { Ok(None) })
        {
            Ok(event) => event.and_then(meaning).map(Ok),
            Err(error) => Some(Err(error)),
        };
        let Some(input) = input else { continue };
        let is_over = input.is_err();
        if out.blocking_send(input).is_err() || is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, Input, Key, meaning};
    use crossterm::event::{
        Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent, MouseEventKind,
    };
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn keys_have_their_meaning_and_others_have_none() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        const CTRL: KeyModifiers = KeyModifiers::CONTROL;
        let rows = [
            (KeyCode::Char('q'), NONE, Some(Key::Char('q'))),
            (KeyCode::Char('c'), CTRL, Some(Key::Ctrl('c'))),
            (KeyCode::Char('C'), CTRL | KeyModifiers::SHIFT, Some(Key::Ctrl('c'))),
            (KeyCode::Char('q'), KeyModifiers::ALT, None),
            (KeyCode::Esc, NONE, Some(Key::Esc)),
            (KeyCode::Char('?'), KeyModifiers::SHIFT, Some(Key::Char('?'))),
            (KeyCode::BackTab, KeyModifiers::SHIFT, Some(Key::BackTab)),
            (KeyCode::F(5), NONE, None),
        ];
        for (code, modifiers, expected) in rows {
            let found = meaning(Event::Key(KeyEvent::new(code, modifiers)));
            assert_eq!(found, expected.map(Input::Key), "{code:?} {modifiers:?}");
        }
        let released = KeyEvent::new_with_kind(KeyCode::Char('q'), NONE, KeyEventKind::Release);
        assert_eq!(meaning(Event::Key(released)), None);
        assert_eq!(meaning(Event::Resize(80, 24)), Some(Input::Resized));
    }

    #[test]
    fn what_is_pasted_is_text_and_never_keys() {
        assert_eq!(meaning(Event::Paste("q\u{3}".into())), Some(Input::Paste("q\u{3}".into())));
    }

    #[test]
    fn the_wheel_turns_by_lines() {
        let event = |kind| MouseEvent { kind, column: 3, row: 4, modifiers: KeyModifiers::NONE };
        assert_eq!(meaning(Event::Mouse(event(MouseEventKind::ScrollUp))), Some(Input::Wheel(-3)));
        assert_eq!(meaning(Event::Mouse(event(MouseEventKind::Moved))), None);
    }

    #[test]
    fn a_shut_gate_holds_the_thread_until_it_is_opened() {
        let (gate, passed) = (Arc::new(Gate::default()), Arc::new(AtomicBool::new(false)));
        gate.pass();
        let (theirs, done) = (Arc::clone(&gate), Arc::clone(&passed));
        gate.state.lock().unwrap().is_shut = true;
        let thread = std::thread::spawn(move || {
            theirs.pass();
            done.store(true, Ordering::SeqCst);
        });
        gate.shut();
        assert!(gate.state.lock().unwrap().is_deaf && !passed.load(Ordering::SeqCst));
        gate.open();
        thread.join().unwrap();
        assert!(passed.load(Ordering::SeqCst));
    }
}
