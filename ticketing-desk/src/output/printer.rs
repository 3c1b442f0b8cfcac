//! The printer: everything a command says goes through it.

use super::column::{Column, Kind, NAMES, View, name_of};
use super::fold;
use super::list::{self, List};
use super::node::Node;
use super::on_store::{complete, on_store};
use super::plan::Plan;
use super::stdout::Stdout;
use super::terminal::{self, Terminal, Tone};
use super::{Format, json, table, visible, when, yaml};
use crate::failure::Failure;
use crate::globals::{Globals, Guard, TimeStyle};
use crate::progress::{Reporter, Style};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use ticketing_core::domain::time::Timestamp;

/// Prints answers in the format asked for, and notes for people beside them.
pub struct Printer {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    clock: fn() -> Timestamp,
    format: Format,
    time: TimeStyle,
    terminal: Terminal,
    colour_out: bool,
    colour_err: bool,
    quiet: bool,
    no_input: bool,
    /// The flags that name the store, with a blank behind each.
    store_flags: String,
    guard: Option<Guard>,
    invocation: Vec<String>,
    zone: TimeZone,
    remote: Option<Remote>,
    is_replay: bool,
}

/// Where a printer's answers go, if nobody reads them here.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Who shows progress.
    pub reporter: Reporter,
    /// A question to be put to whoever reads, and answered by another request.
    pub question: Arc<Mutex<Option<Question>>>,
    /// Whether what is planned is severe.
    pub severe: Arc<AtomicBool>,
}

/// Whether a change is to go ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// As it is asked.
    pub text: String,
    /// The digest of the plan that it is about.
    pub plan: String,
    /// What a no comes to, as a sentence.
    pub declined: String,
}

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printer").field("format", &self.format).field("terminal", &self.terminal).finish()
    }
}

impl Printer {
    /// Returns the printer of this process.
    #[must_use]
    pub fn new(globals: &Globals, terminal: Terminal) -> Self {
        let out = BufWriter::new(Stdout::new());
        Self::with(globals, terminal, Box::new(out), Box::new(io::stderr()), system_clock)
    }

    /// Returns a printer onto the given streams, with the given clock.
    #[must_use]
    pub fn with(
        globals: &Globals,
        terminal: Terminal,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        clock: fn() -> Timestamp,
    ) -> Self {
        let default_time = if terminal.stdout { TimeStyle::Relative } else { TimeStyle::Iso };
        Self {
            out,
            err,
            clock,
            format: globals.output,
            time: globals.time.unwrap_or(default_time),
            terminal,
            colour_out: !globals.output.is_machine() && terminal.colour_out(globals.color),
            colour_err: terminal.colour_err(globals.color),
            quiet: globals.quiet,
            no_input: globals.no_input,
            store_flags: globals.store_flags(),
            guard: globals.guard.clone(),
            invocation: globals.invocation.clone(),
            zone: TimeZone::system(),
            remote: None,
            is_replay: false,
        }
    }

    /// Returns the printer for somebody elsewhere, in whose time zone local times are.
    #[must_use]
    pub fn for_remote(self, zone: TimeZone, store_flags: String, remote: Remote) -> Self {
        Self { zone, store_flags, remote: Some(remote), ..self }
    }

    /// Takes over where the command works, once that is known.
    pub fn work_in(&mut self, globals: &Globals) {
        self.store_flags = globals.store_flags();
        self.guard.clone_from(&globals.guard);
    }

    /// Tells somebody at a terminal in which context a change is made.
    pub(crate) fn tell_context(&mut self) {
        if let Some(guard) = &self.guard
            && self.terminal.stderr
            && self.is_human()
            && !self.quiet
        {
            let harmless = Guard {
                context: visible::visible(&guard.context).into_owned(),
                at: visible::visible(&guard.at).into_owned(),
                ..guard.clone()
            };
            self.tell(&harmless.line(self.colour_err));
        }
    }

    /// Returns what the context in use demands of changes.
    #[must_use]
    pub const fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// Returns the command line as it was typed.
    #[must_use]
    pub fn invocation(&self) -> &[String] {
        &self.invocation
    }

    /// Leaves a question to whoever reads elsewhere; false if it is to be asked here.
    pub(crate) fn ask_remote(&self, question: Question) -> bool {
        let Some(remote) = &self.remote else { return false };
        *remote.question.lock().unwrap_or_else(PoisonError::into_inner) = Some(question);
        true
    }

    /// Says that what is printed is the first answer of a command that was done before with its key.
    pub(crate) const fn replays(&mut self) {
        self.is_replay = true;
    }

    /// Says whether what was printed was the first answer of a command that was done before.
    #[must_use]
    pub const fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// Lets whoever reads elsewhere know that what is planned is severe.
    pub(crate) fn tell_severe(&self) {
        if let Some(remote) = &self.remote {
            remote.severe.store(true, Ordering::SeqCst);
        }
    }

    /// Returns what stands at the other end.
    #[must_use]
    pub const fn terminal(&self) -> Terminal {
        self.terminal
    }

    /// Returns the format asked for.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Says whether people read the answer, so that it may be drawn.
    #[must_use]
    pub const fn is_human(&self) -> bool {
        !self.format.is_machine()
    }

    /// Returns how wide a table may be.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.terminal.width
    }

    /// Says whether stdout is coloured.
    #[must_use]
    pub const fn colour_out(&self) -> bool {
        self.colour_out
    }

    /// Says whether somebody may be asked: at a terminal, by a person, and not forbidden.
    #[must_use]
    pub const fn can_ask(&self) -> bool {
        self.terminal.can_ask() && self.is_human() && !self.no_input
    }

    /// Says whether a drawing can be drawn over: on a terminal whose cursor moves, for people.
    #[must_use]
    pub const fn can_redraw(&self) -> bool {
        self.terminal.stdout && !self.terminal.dumb && self.is_human()
    }

    /// Returns `text` made harmless, in the colours of `tone` if stdout has colour.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        terminal::paint(tone, &visible::visible(text), self.colour_out)
    }

    /// Returns a command, or a sentence with commands in it, that work on the store that this one was told to work on.
    #[must_use]
    pub fn commands(&self, text: &str) -> String {
        on_store(text, &self.store_flags)
    }

    /// Returns the value to print, its commands as [`Printer::commands`] gives them.
    pub(super) fn node_of<T: Serialize + ?Sized>(&self, value: &T) -> Result<Node, Failure> {
        Ok(self.with_commands(node_of(value)?))
    }

    /// Returns the value with its commands as [`Printer::commands`] gives them.
    pub(super) fn with_commands(&self, mut node: Node) -> Node {
        if !self.store_flags.is_empty() {
            complete(&mut node, &self.store_flags);
        }
        node
    }

    /// Returns a time as people are shown it: by `--time`.
    #[must_use]
    pub fn time(&self, at: Timestamp) -> String {
        when::time(&at.to_string(), self.time, (self.clock)(), &self.zone)
    }

    /// Prints one object: its `fields` to people, all of it to programs.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn object<T: Serialize + ?Sized>(&mut self, value: &T, fields: &[Column]) -> Result<(), Failure> {
        let node = self.node_of(value)?;
        let text = match self.format {
            Format::Table | Format::Wide => return self.fields(&node, fields),
            Format::Json => json::pretty(&node) + "\n",
            Format::Jsonl => json::compact(&node) + "\n",
            Format::Yaml => yaml::document(&node),
            Format::Csv => {
                list::csv_line(list::csv_header(fields))? + &list::csv_line(list::csv_cells(fields, &node))?
            }
            Format::Name => name_of(&node, NAMES).map_or_else(String::new, |name| name + "\n"),
        };
        self.write(&text)?;
        self.flush()
    }

    /// Prints one field of an object bare to people (a token), the object to other programs.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn bare<T: Serialize + ?Sized>(&mut self, value: &T, field: Column) -> Result<(), Failure> {
        if self.is_human() || self.format == Format::Name {
            let node = node_of(value)?;
            let text = node.at(field.path).map(Node::bare).unwrap_or_default();
            return self.line(&text);
        }
        self.object(value, &[field])
    }

    /// Prints a list that is at hand; `total` is how many there are in all, where that is known.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn list<I>(&mut self, view: &View, rows: I, total: Option<u64>) -> Result<(), Failure>
    where
        I: IntoIterator<Item: Serialize>,
    {
        let mut list = self.start_list(view)?;
        rows.into_iter().try_for_each(|row| list.row(&row))?;
        list.finish(total)
    }

    /// Starts a list whose rows come one by one.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn start_list(&mut self, view: &View) -> Result<List<'_>, Failure> {
        List::start(self, view, None)
    }

    /// Starts a list of which only these columns are shown, to programs too; of all that the view has for `None`.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn start_list_of(&mut self, view: &View, columns: Option<Vec<Column>>) -> Result<List<'_>, Failure> {
        List::start(self, view, columns)
    }

    /// Prints what a change would do, as the answer of a dry run.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn plan(&mut self, plan: &Plan) -> Result<(), Failure> {
        match self.format {
            Format::Table | Format::Wide => {
                let lines = plan.lines(self.colour_out);
                lines.iter().try_for_each(|line| self.write(&format!("{line}\n")))?;
                self.flush()
            }
            Format::Csv | Format::Name => self.list(&super::plan::CHANGES, plan.changes(), None),
            Format::Json | Format::Jsonl | Format::Yaml => self.object(plan.node(), &[]),
        }
    }

    /// Prints a line of text for people on stdout, made harmless.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.write(&format!("{}\n", visible::visible(text)))?;
        self.flush()
    }

    /// Prints text as it is: the caller has made harmless what came from outside ([`Printer::paint`]).
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn drawing(&mut self, text: &str) -> Result<(), Failure> {
        self.write_raw(text)?;
        self.flush()
    }

    /// As [`Printer::drawing`], but leaves it to be seen with what is printed next.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn pending(&mut self, text: &str) -> Result<(), Failure> {
        self.write_raw(text)
    }

    /// Prints on stderr what somebody else made, as it is.
    pub fn relay(&mut self, text: &str) {
        // As with notes.
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }

    /// Tells people something beside the answer, on stderr; `-q` mutes it.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            self.tell(&visible::visible_lines(text));
        }
    }

    /// Warns people on stderr, whatever `-q` says.
    pub fn warn(&mut self, text: &str) {
        let label = terminal::paint(Tone::Waiting, "warning:", self.colour_err);
        self.tell(&format!("{label} {}", visible::visible_lines(text)));
    }

    /// Prints a failure on stderr, in the form that the format asks for.
    pub fn failure(&mut self, failure: &Failure) {
        let hint = failure.hint.as_deref().map(|hint| self.commands(hint));
        let failure = Failure { hint, ..failure.clone() };
        failure.print(self.format.is_json(), self.colour_err, &mut self.err);
    }

    /// Asks on stderr, without a line break; the answer is somebody else's to read.
    pub fn ask(&mut self, question: &str) {
        // Whoever can't see the question won't answer yes.
        let _ =
            self.err.write_all(visible::visible_lines(question).as_bytes()).and_then(|()| self.err.flush());
    }

    /// Says whether progress may be drawn on stderr, and whether it may be told at all.
    #[must_use]
    pub fn progress_style(&self) -> Style {
        match (self.quiet, &self.remote, self.terminal.stderr && !self.terminal.dumb) {
            (true, _, _) => Style::Silent,
            (false, Some(remote), _) => Style::Reported(remote.reporter.clone()),
            (false, None, true) => Style::Bar,
            (false, None, false) => Style::Lines,
        }
    }

    fn tell(&mut self, text: &str) {
        // The answer counts, not the note: a closed stderr fails no command.
        let _ = writeln!(self.err, "{text}").and_then(|()| self.err.flush());
    }

    fn fields(&mut self, node: &Node, fields: &[Column]) -> Result<(), Failure> {
        let width = (self.format == Format::Table).then(|| self.width());
        let is_wide = self.format == Format::Wide;
        let means_something =
            |field: &Column| match field.only.and_then(|(path, words)| Some((node.at(path)?, words))) {
                Some((Node::Text(word), words)) => words.contains(&word.as_str()),
                Some(_) | None => true,
            };
        let is_there = |field: &&Column| match node.at(field.path) {
            _ if !means_something(field) => false,
            None | Some(Node::Null) => is_wide,
            Some(_) => is_wide || !field.wide_only,
        };
        let (tables, plain): (Vec<_>, Vec<_>) =
            fields.iter().filter(is_there).partition(|field| matches!(field.kind, Kind::Rows(_)));
        let plain: Vec<_> = plain.into_iter().map(|field| (field, self.text_of(field, node))).collect();
        self.write_raw(&table::render_fields(&plain, width, self.colour_out))?;
        for field in tables {
            if let (Kind::Rows(columns), Some(Node::List(rows))) = (field.kind, node.at(field.path))
                && !rows.is_empty()
            {
                let title = self.paint(Tone::Strong, field.header);
                self.write_raw(&format!("\n{title}\n"))?;
                let view = View::new(field.header, columns);
                match field.folds {
                    true => self.list(&view, fold::folded(rows, columns, is_wide), None)?,
                    false => self.list(&view, rows, None)?,
                }
            }
        }
        self.flush()
    }

    pub(super) fn text_of(&self, column: &Column, row: &Node) -> String {
        column.text_of(row, self.time, (self.clock)(), &self.zone)
    }

    /// Writes to stdout. CSV and names are raw text: on a terminal they are made harmless too.
    pub(super) fn write(&mut self, text: &str) -> Result<(), Failure> {
        let is_raw = matches!(self.format, Format::Csv | Format::Name);
        let text =
            if is_raw && self.terminal.stdout { visible::visible_lines(text) } else { Cow::Borrowed(text) };
        self.write_raw(&text)
    }

    fn write_raw(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| Failure::output(&error))
    }
}

pub(super) fn node_of<T: Serialize + ?Sized>(value: &T) -> Result<Node, Failure> {
    Node::of(value).map_err(|error| Failure::defect(&format!("an answer is no JSON: {error}"), None))
}

/// Returns what time it is.
#[must_use]
pub fn system_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use crate::failure::Failure;
    use crate::output::testing::screen;

    #[test]
    fn every_format_and_every_hint_has_them_and_no_password_is_shown() {
        let row =
            serde_json::json!({ "id": 1, "safeAction": "ticketctl why s-1", "note": "ticketctl why s-1" });
        let mut json = screen(&["-ojsonl", "--data-dir", "my data"], false);
        json.printer.object(&row, &[]).unwrap();
        assert!(json.out().contains("\"ticketctl --data-dir 'my data' why s-1\""), "{}", json.out());
        assert!(json.out().contains("\"ticketctl why s-1\""), "a text is no command: {}", json.out());
        let mut hint = screen(&["--database-url", "postgres://u:secret@h/d"], false);
        hint.printer.failure(&Failure::error("No.").hint("ticketctl saga show s-1"));
        assert!(hint.err().contains("try: ticketctl --database-url … saga show s-1"), "{}", hint.err());
    }
}
