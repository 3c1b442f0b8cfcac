//! The palette: any command, typed; what may follow is proposed, ids of things that are known among it.

use super::{Effect, Layer, Line, Spot, State};
use crate::input::Key;
use crate::screens::{SCREENS, ScreenId};

/// So many typed lines are remembered.
const LINES_MAX: usize = 100;
/// So many ids are proposed.
const IDS_MAX: usize = 50;

/// A command that is being typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Palette {
    pub line: Line,
    /// Why what was typed can't be run.
    pub error: Option<String>,
    /// What was typed before the proposals were gone through, and which of them is on the line.
    pub tabbed: Option<(String, usize)>,
    /// Which of the lines that were typed before is on the line, and what was being typed.
    recalled: Option<(usize, String)>,
}

impl Palette {
    pub(super) fn paste(&mut self, text: &str) {
        self.line.paste(text);
        self.typed();
    }

    /// What was typed decides again what is proposed.
    fn typed(&mut self) {
        (self.error, self.tabbed, self.recalled) = (None, None, None);
    }

    /// Returns the text that proposals are for.
    pub(crate) fn stem(&self) -> String {
        self.tabbed.as_ref().map_or_else(|| self.line.text(), |(stem, _)| stem.clone())
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
        let last = typed.rsplit(' ').next().unwrap_or("");
        let kept = &typed[..typed.len() - last.len()];
        let whole = |word: &str| Proposal { words: format!("{kept}{word}"), about: String::new() };
        if let Some(command) = self.typed_command(typed) {
            let flags = command.flags.iter().filter(|flag| flag.starts_with(last) && !last.is_empty());
            let mut found: Vec<Proposal> = flags.map(|flag| whole(flag)).collect();
            let takes_one = !command.words.ends_with(" list") && !last.starts_with('-');
            if let Some(screen) = ScreenId::of_noun(&command.words).filter(|_| takes_one) {
                found.extend(self.ids(screen, last).iter().map(|id| whole(id)));
            }
            return found;
        }
        if let Some((noun, begin)) = typed.split_once('/') {
            let named = SCREENS.iter().position(|screen| screen.noun == noun).map(ScreenId);
            let Some(screen) = named else { return Vec::new() };
            let one = |id: &String| Proposal {
                words: format!("{noun}/{id}"),
                about: format!("that {noun}'s page"),
            };
            let typed = Proposal { words: typed.to_owned(), about: format!("that {noun} by its id") };
            return [typed].into_iter().chain(self.ids(screen, begin).iter().map(one)).collect();
        }
        let screens = SCREENS.iter().filter(|screen| screen.key.is_some() || !screen.command.is_empty());
        let screens = screens.map(|screen| Proposal {
            words: screen.name.to_owned(),
            about: format!("the screen {}", screen.title),
        });
        let commands = self.commands.iter().filter(|command| !NOT_HERE.contains(&command.words.as_str()));
        let commands = commands.map(|it| Proposal { words: it.words.clone(), about: it.about.clone() });
        let quit = Proposal { words: "quit".to_owned(), about: "leave the dashboard".to_owned() };
        let all: Vec<Proposal> = screens.chain(commands).chain([quit]).collect();
        let mut found: Vec<Proposal> = all.iter().filter(|it| it.words.starts_with(typed)).cloned().collect();
        // A word in the middle is found, too: `retry` finds `saga retry`.
        found.extend(
            all.iter().filter(|it| !it.words.starts_with(typed) && it.words.contains(typed)).cloned(),
        );
        found
    }

    /// Returns the known ids on a screen that begin so, that of the selected thing first.
    fn ids(&self, screen: ScreenId, begin: &str) -> Vec<String> {
        let selected = self.selected().filter(|(of, ..)| *of == screen).map(|(_, id, _)| id);
        let rows = self.feed_of(&Spot::Screen(screen)).rows().iter().map(|row| screen.get().id_of(row));
        let mut found: Vec<String> = Vec::new();
        for id in selected.into_iter().chain(rows).filter(|id| id.starts_with(begin)) {
            if found.len() == IDS_MAX {
                break;
            }
            if !found.contains(&id) {
                found.push(id);
            }
        }
        found
    }

    /// Returns the screen whose ids are proposed for what is being typed, so that they are known.
    pub(super) fn palette_wants(&self) -> Option<Spot> {
        let Some(Layer::Palette(palette)) = &self.layer else { return None };
        let stem = palette.stem();
        let screen = match (self.typed_command(&stem), stem.split_once('/')) {
            (Some(command), _) => ScreenId::of_noun(&command.words),
            (None, Some((noun, _))) => SCREENS.iter().position(|screen| screen.noun == noun).map(ScreenId),
            (None, None) => None,
        };
        screen.filter(|screen| !screen.get().command.is_empty()).map(Spot::Screen)
    }

    /// Returns the known command that a line begins with, if it is followed by more.
    fn typed_command(&self, typed: &str) -> Option<&crate::desk::CommandHelp> {
        let begins = |words: &str| typed.strip_prefix(words).is_some_and(|rest| rest.starts_with(' '));
        let command = self.commands.iter().filter(|it| begins(&it.words)).max_by_key(|it| it.words.len())?;
        let is_group = self.commands.iter().any(|it| it.words.starts_with(&format!("{} ", command.words)));
        (!is_group).then_some(command)
    }

    pub(super) fn palette_key(&mut self, mut palette: Palette, key: Key) {
        match key {
            Key::Esc => return,
            Key::Enter => {
                let typed = palette.line.text();
                self.remember(&typed);
                match self.run_typed(&typed) {
                    Ok(()) => return,
                    Err(why) => palette.error = Some(why),
                }
            }
            Key::Tab => self.complete(&mut palette, true),
            Key::BackTab => self.complete(&mut palette, false),
            Key::Up => self.recall(&mut palette, true),
            Key::Down => self.recall(&mut palette, false),
            Key::Backspace if palette.line.text().is_empty() => return,
            key => {
                palette.line.key(key);
                palette.typed();
            }
        }
        self.layer = Some(Layer::Palette(palette));
    }

    /// Completes what was typed as far as all proposals agree, then goes through them.
    fn complete(&self, palette: &mut Palette, forth: bool) {
        let stem = palette.stem();
        let found = self.proposals(&stem);
        if found.is_empty() {
            return;
        }
        if palette.tabbed.is_none() {
            let same = common(
                found.iter().map(|it| it.words.as_str()).filter(|it| it.starts_with(stem.trim_start())),
            );
            let is_only = found.len() == 1;
            if is_only || same.chars().count() > stem.trim_start().chars().count() {
                palette.line = Line::new(&if is_only { format!("{} ", found[0].words) } else { same });
                return palette.typed();
            }
        }
        let index = match (&palette.tabbed, forth) {
            (None, true) => 0,
            (None, false) => found.len() - 1,
            (Some((_, index)), true) => (index + 1) % found.len(),
            (Some((_, index)), false) => (index + found.len() - 1) % found.len(),
        };
        palette.line = Line::new(&found[index].words);
        (palette.error, palette.tabbed) = (None, Some((stem, index)));
    }

    fn remember(&mut self, typed: &str) {
        if !typed.trim().is_empty() && self.lines.last().is_none_or(|last| last != typed) {
            self.lines.push(typed.to_owned());
            let surplus = self.lines.len().saturating_sub(LINES_MAX);
            self.lines.drain(..surplus);
        }
    }

    /// Brings back what was typed before, or after that.
    fn recall(&self, palette: &mut Palette, back: bool) {
        let (at, draft) = palette.recalled.clone().unwrap_or_else(|| (self.lines.len(), palette.line.text()));
        let at = if back { at.checked_sub(1) } else { Some(at + 1) };
        let Some(at) = at.filter(|at| *at <= self.lines.len()) else { return };
        palette.line = Line::new(self.lines.get(at).unwrap_or(&draft));
        (palette.error, palette.tabbed, palette.recalled) = (None, None, Some((at, draft)));
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
}

/// Returns the beginning that all of these have.
fn common<'a>(mut words: impl Iterator<Item = &'a str>) -> String {
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |same, word| {
        let both = same.chars().zip(word.chars()).take_while(|(a, b)| a == b);
        both.map(|(c, _)| c).collect()
    })
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
