//! The way of a command's output to its reader: text in frames through a queue that holds the command up, but not for
//! ever.

use super::wire::Frame;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Frames that wait to be sent; past it, the command waits.
pub(super) const FRAMES_QUEUED_MAX: usize = 64;

/// Text is sent in pieces of about so many bytes.
const FRAME_BYTES: usize = 16 << 10;

/// How long a command sleeps between two looks whether its reader has caught up.
const READER_LOOK_EVERY: Duration = Duration::from_millis(1);

/// A reader that takes nothing for so long is taken for gone: what it keeps waiting holds one of the server's
/// [`super::COMMANDS_MAX`] places.
pub(super) const READER_PATIENCE: Duration = Duration::from_secs(60);

/// Where frames go.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    to: mpsc::Sender<Frame>,
    patience: Duration,
    given_up: Arc<AtomicBool>,
}

impl Frames {
    /// Sends frames to `to`, whose reader may take nothing for as long as `patience`; `given_up` is then set.
    pub(super) const fn new(to: mpsc::Sender<Frame>, patience: Duration, given_up: Arc<AtomicBool>) -> Self {
        Self { to, patience, given_up }
    }

    /// Sends a frame, and waits while the reader has not caught up; false if there is none any more, or none that reads.
    ///
    /// The thread is the command's own, and waits inside its runtime, where only sleeping may block.
    pub(super) fn send(&self, frame: Frame) -> bool {
        let mut frame = frame;
        let began = Instant::now();
        // What was left out once is not gone on behind, if somebody reads on after all.
        while !self.given_up.load(Ordering::Relaxed) {
            match self.to.try_send(frame) {
                Ok(()) => return true,
                Err(TrySendError::Closed(_)) => return false,
                Err(TrySendError::Full(back)) => frame = back,
            }
            if began.elapsed() >= self.patience {
                self.given_up.store(true, Ordering::Relaxed);
            }
            std::thread::sleep(READER_LOOK_EVERY);
        }
        false
    }

    /// Sends a frame that may be lost if the reader has not caught up.
    pub(super) fn offer(&self, frame: Frame) {
        // The next one says more.
        let _ = self.to.try_send(frame);
    }
}

/// A stream of text that is sent in frames. What is printed comes in whole texts, never in parts of characters.
pub(super) struct Stream {
    frames: Frames,
    frame: fn(String) -> Frame,
    buffer: String,
}

impl Stream {
    pub(super) const fn new(frames: Frames, frame: fn(String) -> Frame) -> Self {
        Self { frames, frame, buffer: String::new() }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.push_str(&String::from_utf8_lossy(bytes));
        if self.buffer.len() >= FRAME_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.buffer);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.floor_char_boundary(FRAME_BYTES));
            if !self.frames.send((self.frame)(piece.to_owned())) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            rest = more;
        }
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Whoever is gone reads no more.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::{FRAME_BYTES, FRAMES_QUEUED_MAX, Frames, Stream};
    use crate::remote::wire::Frame;
    use std::io::{ErrorKind, Write as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};
    use tokio::sync::mpsc;

    #[test]
    fn a_long_text_comes_in_pieces_of_whole_characters_and_whole_in_the_end() {
        let (sender, mut receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
        let text = format!("x{}", "東".repeat(FRAME_BYTES));
        let mut stream =
            Stream::new(Frames::new(sender, Duration::from_secs(60), Arc::default()), Frame::Out);
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(b"\n").unwrap();
        drop(stream);
        let mut whole = String::new();
        while let Ok(Frame::Out(piece)) = receiver.try_recv() {
            assert!(piece.len() <= FRAME_BYTES);
            whole.push_str(&piece);
        }
        assert_eq!(whole, text + "\n");
    }

    #[test]
    fn a_reader_who_takes_nothing_is_waited_for_once_and_then_taken_for_gone() {
        let patience = Duration::from_millis(50);
        let (sender, mut receiver) = mpsc::channel(1);
        let given_up = Arc::new(AtomicBool::new(false));
        let frames = Frames::new(sender, patience, Arc::clone(&given_up));
        let mut stream = Stream::new(frames.clone(), Frame::Out);
        stream.write_all(b"one").unwrap();
        stream.flush().unwrap();
        let began = Instant::now();
        stream.write_all(b"two").unwrap();
        assert_eq!(stream.flush().unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(began.elapsed() >= patience && given_up.load(Ordering::Relaxed));
        // What is said after that, as how it ended, waits no more.
        let began = Instant::now();
        for _ in 0..20 {
            assert!(!frames.send(Frame::Beat));
        }
        assert!(began.elapsed() < patience, "{:?}", began.elapsed());
        assert_eq!(receiver.try_recv().unwrap(), Frame::Out("one".into()));
        assert!(!frames.send(Frame::Beat), "nothing comes behind what was left out");
    }
}
