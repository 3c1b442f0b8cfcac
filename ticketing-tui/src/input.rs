//! The keyboard: which key means what, and the thread that waits for keys.

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;

/// What the person at the terminal did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Leave.
    Quit,
    /// Close what is open above the picture; with nothing open, leave.
    Back,
    /// Freeze the picture, or let it go on.
    Pause,
    /// Show the times otherwise.
    Time,
    /// Show or hide the help.
    Help,
    /// Draw everything anew: another program wrote on the screen.
    Redraw,
    /// The terminal has another size.
    Resized,
}

/// The keys as the help shows them.
pub(crate) const KEYS: [(&str, &str); 6] = [
    ("q, ctrl-c", "quit"),
    ("esc", "close this; quit"),
    ("space", "pause, go on"),
    ("t", "times: relative, UTC, local"),
    ("ctrl-l", "draw anew"),
    ("?", "show or hide this"),
];

/// Returns what a terminal's event means, `None` if nothing.
fn meaning(event: &Event) -> Option<Input> {
    match event {
        Event::Key(KeyEvent { kind: KeyEventKind::Release, .. }) => None,
        Event::Key(key) if key.modifiers.contains(KeyModifiers::CONTROL) => match key.code {
            KeyCode::Char('c') => Some(Input::Quit),
            KeyCode::Char('l') => Some(Input::Redraw),
            _ => None,
        },
        Event::Key(key) if key.modifiers.contains(KeyModifiers::ALT) => None,
        Event::Key(key) => match key.code {
            KeyCode::Char('q') => Some(Input::Quit),
            KeyCode::Esc => Some(Input::Back),
            KeyCode::Char(' ') => Some(Input::Pause),
            KeyCode::Char('t') => Some(Input::Time),
            KeyCode::Char('?') => Some(Input::Help),
            _ => None,
        },
        Event::Resize(..) => Some(Input::Resized),
        _ => None,
    }
}

/// So long the thread waits before it looks whether anybody still listens.
const WAIT: Duration = Duration::from_millis(100);

/// Sends what the keys mean until nobody listens or the terminal is gone.
pub(crate) fn read(out: &mpsc::Sender<io::Result<Input>>) {
    while !out.is_closed() {
        let input = match event::poll(WAIT)
            .and_then(|ready| if ready { event::read().map(Some) } else { Ok(None) })
        {
            Ok(event) => event.as_ref().and_then(meaning).map(Ok),
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
    use super::{Input, meaning};
    use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

    #[test]
    fn keys_have_their_meaning_and_others_have_none() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        const CTRL: KeyModifiers = KeyModifiers::CONTROL;
        let rows = [
            (KeyCode::Char('q'), NONE, Some(Input::Quit)),
            (KeyCode::Char('c'), CTRL, Some(Input::Quit)),
            (KeyCode::Char('c'), NONE, None),
            (KeyCode::Char('q'), KeyModifiers::ALT, None),
            (KeyCode::Esc, NONE, Some(Input::Back)),
            (KeyCode::Char(' '), NONE, Some(Input::Pause)),
            (KeyCode::Char('t'), NONE, Some(Input::Time)),
            (KeyCode::Char('?'), KeyModifiers::SHIFT, Some(Input::Help)),
            (KeyCode::Char('?'), NONE, Some(Input::Help)),
            (KeyCode::Char('l'), CTRL, Some(Input::Redraw)),
            (KeyCode::Char('z'), CTRL, None),
            (KeyCode::Enter, NONE, None),
        ];
        for (code, modifiers, expected) in rows {
            assert_eq!(
                meaning(&Event::Key(KeyEvent::new(code, modifiers))),
                expected,
                "{code:?} {modifiers:?}"
            );
        }
        let released = KeyEvent::new_with_kind(KeyCode::Char('q'), NONE, KeyEventKind::Release);
        assert_eq!(meaning(&Event::Key(released)), None);
        assert_eq!(meaning(&Event::Resize(80, 24)), Some(Input::Resized));
        assert_eq!(meaning(&Event::Paste("q".into())), None);
    }
}
