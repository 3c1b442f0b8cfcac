//! The ids that a command is given: whole ones, unique beginnings, or `-` for a list of them on stdin.

use crate::desk::{Desk, STDIN};
use crate::failure::Failure;
use crate::session::Session;
use std::collections::HashSet;
use std::hash::Hash;
use std::io::Read as _;
use ticketing_core::domain::account::AccountId;
use ticketing_core::domain::id::{BookingId, SagaId};
use ticketing_core::ops::dlq::{self, Key};
use ticketing_core::ops::{OpsError, accounts, jobs, lookup, mails};

/// No list of ids on stdin is longer, in bytes.
const STDIN_BYTES_MAX: u64 = 64 << 20;

/// The ids of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// As they were written, in order.
    pub words: Vec<String>,
    /// Whether it was one id, written out: the answer is then one object, else a list.
    pub is_one: bool,
}

impl Ids {
    /// Reads the ids; `-` among them stands for the words on stdin.
    ///
    /// # Errors
    /// Fails if stdin can't be read.
    pub fn read(args: &[String], desk: &Desk) -> Result<Self, Failure> {
        let stdin = if args.iter().any(|arg| arg == "-") { stdin_text(desk)? } else { String::new() };
        Ok(Self::of(args, &stdin))
    }

    fn of(args: &[String], stdin: &str) -> Self {
        let mut words: Vec<String> = Vec::new();
        for arg in args {
            if arg == "-" {
                words.extend(stdin.split_whitespace().map(str::to_owned));
            } else {
                words.push(arg.clone());
            }
        }
        let is_one = matches!(args, [one] if one != "-");
        Self { words, is_one }
    }

    /// Returns a failure whose hint names the one booking that it is about, instead of asking for it.
    pub fn hinted(&self, failure: Failure) -> Failure {
        match self.words.as_slice() {
            [one] => failure.about("BOOKING", one),
            _ => failure,
        }
    }

    /// Finds the bookings, each once, in the order they were named.
    ///
    /// # Errors
    /// Not found for the first that is unknown, and for a beginning that fits several.
    pub async fn bookings(&self, session: &Session) -> Result<Vec<BookingId>, Failure> {
        self.each(async |word| lookup::booking(&session.app, word).await).await
    }

    /// Finds the sagas, each once, in the order they were named: by their ids, or their bookings' or payments'.
    ///
    /// # Errors
    /// As [`Ids::bookings`].
    pub async fn sagas(&self, session: &Session) -> Result<Vec<SagaId>, Failure> {
        self.each(async |word| lookup::saga(&session.app, word).await).await
    }

    /// Finds the dead letters, each once, in the order they were named.
    ///
    /// # Errors
    /// As [`Ids::bookings`].
    pub async fn letters(&self, session: &Session) -> Result<Vec<Key>, Failure> {
        self.each(async |word| dlq::find(&session.app, word).await).await
    }

    /// Finds the jobs, each once, in the order they were named.
    ///
    /// # Errors
    /// As [`Ids::bookings`].
    pub async fn jobs(&self, session: &Session) -> Result<Vec<uuid::Uuid>, Failure> {
        self.each(async |word| jobs::find(&session.app, word).await).await
    }

    /// Finds the mails, each once, in the order they were named.
    ///
    /// # Errors
    /// As [`Ids::bookings`].
    pub async fn mails(&self, session: &Session) -> Result<Vec<uuid::Uuid>, Failure> {
        self.each(async |word| mails::find(&session.app, word).await).await
    }

    /// Finds the accounts, each once, in the order they were named.
    ///
    /// # Errors
    /// As [`Ids::bookings`].
    pub async fn users(&self, session: &Session) -> Result<Vec<AccountId>, Failure> {
        self.each(async |word| accounts::find(&session.app, word).await).await
    }

    async fn each<T: Copy + Eq + Hash>(
        &self,
        find: impl AsyncFn(&str) -> Result<T, OpsError>,
    ) -> Result<Vec<T>, Failure> {
        let mut seen = HashSet::new();
        let mut found = Vec::with_capacity(self.words.len());
        for word in &self.words {
            let id = find(word).await?;
            if seen.insert(id) {
                found.push(id);
            }
        }
        Ok(found)
    }
}

fn stdin_text(desk: &Desk) -> Result<String, Failure> {
    let cannot = |why: String| Failure::error("The ids on stdin can't be read.").code("STDIN").why(why);
    let mut text = String::new();
    let stdin = desk.source(STDIN).map_err(|error| cannot(format!("{error}.")))?;
    let mut stdin = stdin.take(STDIN_BYTES_MAX + 1);
    let read = stdin.read_to_string(&mut text).map_err(|error| cannot(format!("{error}.")))?;
    if read as u64 > STDIN_BYTES_MAX {
        return Err(cannot("They are more than 64 MiB.".into()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn a_hyphen_stands_for_the_words_on_stdin() {
        let rows: [(&[&str], &[&str], bool); 4] = [
            (&["a"], &["a"], true),
            (&["a", "b"], &["a", "b"], false),
            (&["-"], &["x", "y", "z"], false),
            (&["a", "-"], &["a", "x", "y", "z"], false),
        ];
        for (args, words, is_one) in rows {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            let ids = Ids::of(&args, "x\ny z\r\n");
            assert_eq!((ids.words, ids.is_one), (words.iter().map(ToString::to_string).collect(), is_one));
        }
    }
}
