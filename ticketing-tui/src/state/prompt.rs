//! The two lines that can be typed: the palette's command, and a screen's filter.

use super::{Answer, Ask, Effect, Layer, Line, Refusal, Spot, State, To};
use crate::desk::EXIT_USAGE;
use crate::input::Key;
use crate::row::Tone;
use crate::screens::{SCREENS, ScreenId};
use std::time::Duration;

/// A command that is being typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Palette {
    pub line: Line,
    /// Why what was typed can't be run.
    pub error: Option<String>,
}

impl Palette {
    pub(super) fn paste(&mut self, text: &str) {
        self.line.paste(text);
        self.error = None;
    }
}

/// A filter that is being typed.
#[derive(Clone, Debug)]
pub(crate) struct FilterPrompt {
    pub screen: ScreenId,
    pub line: Line,
    /// What was wrong with it, with the place pointed at on the lines that follow the first.
    pub error: Option<String>,
    /// The question that tries it, if it is being tried.
    pub question: Option<u64>,
}

impl FilterPrompt {
    pub(super) fn new(screen: ScreenId, text: &str) -> Self {
        Self { screen, line: Line::new(text), error: None, question: None }
    }
}

/// What the palette proposes: the words, and what they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub words: String,
    pub about: String,
}

/// Commands that go on until they are stopped, or need a terminal of their own.
const NOT_HERE: &[&str] = &["tui", "up", "serve", "completions", "job watch"];
/// Flags that let a command go on until it is stopped.
const NOT_WITH: &[&str] = &["--watch", "--follow", "-f"];

impl State {
    /// Returns what may follow what was typed, best first.
    pub(crate) fn proposals(&self, typed: &str) -> Vec<Proposal> {
        let typed = typed.trim_start();
        if let Some((command, last)) = self.typed_command(typed) {
            let flags = command.flags.iter().filter(|flag| flag.starts_with(last) && !last.is_empty());
            let whole = |flag: &String| {
                let kept = &typed[..typed.len() - last.len()];
                Proposal { words: format!("{kept}{flag}"), about: String::new() }
            };
            return flags.map(whole).collect();
        }
        let screens = SCREENS.iter().filter(|screen| screen.key.is_some() || screen.name == "payments");
        let screens = screens.map(|screen| Proposal {
            words: screen.name.to_owned(),
            about: format!("the screen {}", screen.title),
        });
        let things = SCREENS.iter().filter(|screen| typed.starts_with(&format!("{}/", screen.noun)));
        let things = things.map(|screen| Proposal {
            words: typed.to_owned(),
            about: format!("that {} by its id", screen.noun),
        });
        let commands = self.commands.iter().filter(|command| !NOT_HERE.contains(&command.words.as_str()));
        let commands = commands.map(|it| Proposal { words: it.words.clone(), about: it.about.clone() });
        let quit = Proposal { words: "quit".to_owned(), about: "leave the dashboard".to_owned() };
        let all: Vec<Proposal> = screens.chain(commands).chain([quit]).collect();
        let mut found: Vec<Proposal> = things.collect();
        found.extend(all.iter().filter(|it| it.words.starts_with(typed)).cloned());
        // A word in the middle is found, too: `retry` finds `saga retry`.
        found.extend(
            all.iter().filter(|it| !it.words.starts_with(typed) && it.words.contains(typed)).cloned(),
        );
        found
    }

    /// Returns the known command that a line begins with, if it is followed by more, and the line's last word.
    fn typed_command<'a>(&self, typed: &'a str) -> Option<(&crate::desk::CommandHelp, &'a str)> {
        let begins = |words: &str| typed.strip_prefix(words).is_some_and(|rest| rest.starts_with(' '));
        let command = self.commands.iter().filter(|it| begins(&it.words)).max_by_key(|it| it.words.len())?;
        let is_group = self.commands.iter().any(|it| it.words.starts_with(&format!("{} ", command.words)));
        (!is_group).then(|| (command, typed.rsplit(' ').next().unwrap_or("")))
    }

    pub(super) fn palette_key(&mut self, mut palette: Palette, key: Key) {
        match key {
            Key::Esc => return,
            Key::Enter => match self.run_typed(&palette.line.text()) {
                Ok(()) => return,
                Err(why) => palette.error = Some(why),
            },
            Key::Tab => {
                if let Some(proposal) = self.proposals(&palette.line.text()).first() {
                    palette.line = Line::new(&format!("{} ", proposal.words));
                }
            }
            Key::Backspace if palette.line.text().is_empty() => return,
            key => {
                palette.line.key(key);
                palette.error = None;
            }
        }
        self.layer = Some(Layer::Palette(palette));
    }

    /// Runs what was typed: a screen, a thing, a look, or a change by way of its plan.
    fn run_typed(&mut self, typed: &str) -> Result<(), String> {
        let mut words = split(typed)?;
        if words.first().is_some_and(|word| word == "ticketctl") {
            words.remove(0);
        }
        let Some(first) = words.first() else { return Ok(()) };
        match (first.as_str(), words.len()) {
            ("quit" | "q" | "exit", 1) => {
                self.effects.push(Effect::Quit);
                return Ok(());
            }
            (word, 1) => {
                if let Ok(spot) = Spot::parse(word) {
                    self.go(spot);
                    return Ok(());
                }
                // `saga` alone names a screen; `saga/x` that is none is a mistake, and no command.
                if word.contains('/') {
                    return Spot::parse(word).map(|_| ());
                }
            }
            _ => {}
        }
        let line = words.join(" ");
        let is = |name: &&&str| line == **name || line.starts_with(&format!("{name} "));
        if let Some(name) = NOT_HERE.iter().find(is) {
            return Err(format!("{name} goes on until it is stopped; run it in a shell."));
        }
        if let Some(flag) = words.iter().find(|word| NOT_WITH.contains(&word.as_str())) {
            return Err(format!(
                "{flag} goes on until it is stopped; leave it out, the screens follow by themselves."
            ));
        }
        if let Some(flag) = words.iter().find(|word| *word == "-") {
            return Err(format!("Nothing can be read from stdin here; write the ids instead of {flag}."));
        }
        let known =
            self.commands.iter().filter(|it| line == it.words || line.starts_with(&format!("{} ", it.words)));
        let known = known.max_by_key(|it| it.words.len()).cloned();
        match known {
            None => Err(format!("There is no command \"{}\".", crate::text::harmless(&line))),
            Some(command) if command.has("--dry-run") && !words.iter().any(|word| word == "--dry-run") => {
                self.begin_typed_change(words)
            }
            Some(command) if command.is_change() && !command.has("--dry-run") => Err(format!(
                "{} changes something and has no plan to be shown; run it in a shell.",
                command.words
            )),
            Some(_) => {
                let spot = Spot::Answer(words);
                // What is asked for again is asked again.
                self.feeds.remove(&spot);
                self.cursors.remove(&spot);
                self.go(spot);
                Ok(())
            }
        }
    }

    pub(super) fn filter_key(&mut self, mut prompt: FilterPrompt, key: Key) {
        match key {
            Key::Esc => return,
            Key::Enter => return self.try_filter(prompt),
            Key::Tab => {
                let text = prompt.line.text();
                let last = text.rsplit([' ', '(']).next().unwrap_or("");
                let field = prompt.screen.get().query.iter().find(|field| field.starts_with(last));
                if let Some(field) = field.filter(|_| !last.is_empty()) {
                    prompt.line.paste(&field[last.len()..]);
                }
            }
            key => {
                prompt.line.key(key);
                (prompt.error, prompt.question) = (None, None);
            }
        }
        self.layer = Some(Layer::Filter(prompt));
    }

    /// A filter of the command's is tried first: what is wrong with it is told while it can still be mended.
    fn try_filter(&mut self, mut prompt: FilterPrompt) {
        let (screen, text) = (prompt.screen, prompt.line.text().trim().to_owned());
        if text.is_empty() {
            self.filters.remove(&screen);
            return self.filter_changed(screen);
        }
        if !self.takes_query(screen) {
            self.filters.insert(screen, text);
            return self.filter_changed(screen);
        }
        self.questions += 1;
        prompt.question = Some(self.questions);
        let command = self.list_command(screen, Some(&text));
        let to = To::Filter(screen, text);
        self.effects.push(Effect::Ask(Ask { question: self.questions, to, command }));
        self.layer = Some(Layer::Filter(prompt));
    }

    pub(super) fn filter_told(
        &mut self,
        screen: ScreenId,
        text: String,
        question: u64,
        result: Result<Answer, Refusal>,
        took: Duration,
    ) {
        let Some(Layer::Filter(prompt)) = &mut self.layer else { return };
        if prompt.question != Some(question) {
            return;
        }
        match result {
            Ok(answer) => {
                self.layer = None;
                self.filters.insert(screen, text);
                let spot = Spot::Screen(screen);
                let feed = self.feeds.entry(spot.clone()).or_default();
                // What is still under way was asked without the filter.
                feed.forget_question();
                feed.answered(screen.get(), answer, took, self.now);
                self.cursors.entry(spot).or_default().settle(screen.get(), feed);
            }
            Err(refusal) => {
                prompt.question = None;
                prompt.error = Some(if refusal.exit == EXIT_USAGE {
                    refusal.message
                } else {
                    format!("The filter could not be tried. {}", refusal.message)
                });
            }
        }
    }

    /// Shows a screen's rows by the filter as it is now.
    pub(super) fn filter_changed(&mut self, screen: ScreenId) {
        let spot = Spot::Screen(screen);
        let here = self.filters.get(&screen).filter(|_| !self.takes_query(screen)).cloned();
        let asks = self.takes_query(screen);
        let Some(feed) = self.feeds.get_mut(&spot) else { return };
        feed.look_for(here.as_deref());
        if asks || here.is_none() {
            feed.forget_question();
        }
        self.cursors.entry(spot).or_default().settle(screen.get(), feed);
        if self.paused_at.take().is_some() {
            self.say(Tone::Plain, "The picture goes on: another filter shows other rows.");
        }
    }
}

/// Returns the words of a line, as a shell splits them: blanks divide, quotes hold together.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match quote {
        Some(open) => Err(format!("A {open} is not closed.")),
        None => Ok(words),
    }
}

/// Returns a word as a shell reads it as one.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,#~".contains(c);
    let needs_none = !word.is_empty() && word.chars().all(is_plain) && !word.starts_with(['#', '~']);
    if needs_none { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::{quoted, split};

    #[test]
    fn a_line_is_split_as_a_shell_splits_it_and_quoted_words_come_back_whole() {
        let rows: [(&str, &[&str]); 7] = [
            ("", &[]),
            ("  saga   list ", &["saga", "list"]),
            ("saga list --query 'state=PARKED age>1m'", &["saga", "list", "--query", "state=PARKED age>1m"]),
            ("a \"b c\" ''", &["a", "b c", ""]),
            (r"a\ b \'", &["a b", "'"]),
            (r#"--query "route~\"Airport\"""#, &["--query", "route~\"Airport\""]),
            ("--x='a b'c", &["--x=a bc"]),
        ];
        for (line, expected) in rows {
            assert_eq!(split(line).unwrap(), expected, "{line}");
        }
        assert!(split("a 'b").unwrap_err().contains('\''));
        for word in ["plain-id_1", "state=PARKED age>1m", "it's", "", "$(reboot)", "#3", "~"] {
            assert_eq!(split(&quoted(word)).unwrap(), [word]);
        }
    }
}
