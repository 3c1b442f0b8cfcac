//! A change, step by step: what can be done, what it would do, why, the target's name where that is wanted, and what
//! came of it.
//!
//! The target is bound to its id and to what it was when it was chosen. Whatever happens to rows meanwhile, nothing is
//! ever done to another one; and if it changed, the plan has to be made anew. The key that agrees opens nothing.

use super::{Answer, Ask, Effect, Layer, Line, Refusal, Spot, State, To};
use crate::input::Key;
use crate::row::{Tone, text};
use crate::screens::{Action, ScreenId};
use serde_json::Value;
use ticketing_core::domain::time::Timestamp;

/// What a change is made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Where it was chosen.
    pub spot: Spot,
    pub screen: ScreenId,
    pub id: String,
    /// What it was as of then.
    pub version: String,
}

/// What can be done to the selected thing.
#[derive(Clone, Debug)]
pub(crate) struct Menu {
    pub target: Target,
    pub row: Value,
    /// The actions, each with why it can't be done, if so.
    pub items: Vec<(&'static Action, Option<String>)>,
    pub index: usize,
}

/// Where the person is in a change's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Focus {
    Cancel,
    Reason,
    Name,
    Go,
}

/// How far a change is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    /// Something has to be typed first: what, and its flag.
    Wants(&'static str, &'static str),
    /// Its plan is being made.
    Planning,
    /// Its plan is shown.
    Plan,
    /// It is being made, since then.
    Doing(Timestamp),
    /// It was made; this came of it.
    Done(Answer),
    /// It was refused, or could not be planned.
    Refused(Box<Refusal>),
}

/// A change, from its plan to its outcome.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub title: String,
    /// Its command, without the flags that make it go ahead.
    pub command: Vec<String>,
    pub target: Option<Target>,
    pub stage: Stage,
    /// What it would do.
    pub plan: Option<Value>,
    /// The name that has to be typed.
    pub name: Option<String>,
    pub argument: Line,
    pub reason: Line,
    pub typed: Line,
    pub focus: Focus,
    /// The first line of the plan on the screen.
    pub offset: usize,
    /// What is missing, or has changed.
    pub hint: Option<String>,
    /// Whether the target is not any more what it was when the plan was made.
    pub has_moved: bool,
    question: u64,
}

impl Change {
    pub(super) fn paste(&mut self, text: &str) {
        if let Some(line) = self.line() {
            line.paste(text);
        }
    }

    /// Returns the line that is being typed, if one is.
    fn line(&mut self) -> Option<&mut Line> {
        match (&self.stage, self.focus) {
            (Stage::Wants(..), _) => Some(&mut self.argument),
            (Stage::Plan, Focus::Reason) => Some(&mut self.reason),
            (Stage::Plan, Focus::Name) => Some(&mut self.typed),
            _ => None,
        }
    }

    /// Returns how many things it would change.
    pub(crate) fn affected(&self) -> u64 {
        let Some(plan) = &self.plan else { return 0 };
        let counted =
            || plan.get("changes").and_then(Value::as_array).map_or(0, |changes| changes.len() as u64);
        plan.get("affected").and_then(Value::as_u64).unwrap_or_else(counted)
    }

    const fn next_focus(&self) -> Focus {
        match (self.focus, &self.name) {
            (Focus::Cancel, _) => Focus::Reason,
            (Focus::Reason, Some(_)) => Focus::Name,
            (Focus::Reason, None) | (Focus::Name, _) => Focus::Go,
            (Focus::Go, _) => Focus::Cancel,
        }
    }

    const fn last_focus(&self) -> Focus {
        match (self.focus, &self.name) {
            (Focus::Cancel, _) => Focus::Go,
            (Focus::Reason, _) => Focus::Cancel,
            (Focus::Go, Some(_)) => Focus::Name,
            (Focus::Name, _) | (Focus::Go, None) => Focus::Reason,
        }
    }

    /// Says what is still missing before it can be made.
    fn missing(&self) -> Option<(Focus, String)> {
        if self.has_moved {
            return Some((
                Focus::Go,
                "It changed since the plan was made: press r for a new plan.".to_owned(),
            ));
        }
        if self.reason.is_blank() {
            return Some((Focus::Reason, "Say why: it goes into the audit log.".to_owned()));
        }
        match &self.name {
            Some(name) if self.typed.text().trim() != name => {
                Some((Focus::Name, format!("Type {name} to say that it is meant.")))
            }
            Some(_) | None => None,
        }
    }
}

impl State {
    /// Says why nothing can be changed now, whatever is selected.
    pub(crate) fn why_no_change(&self) -> Option<String> {
        if self.place.readonly {
            return Some("the dashboard is read-only".to_owned());
        }
        let feed = self.feed();
        feed.refusal
            .as_ref()
            .filter(|refusal| refusal.is_unreachable())
            .map(|_| "nothing answers now".to_owned())
    }

    pub(super) fn open_menu(&mut self) {
        let Some((screen, id, row)) = self.selected() else {
            let why = self.why_nothing_is_selected();
            return self.say(Tone::Plain, why);
        };
        if screen.get().actions.is_empty() {
            return self.say(Tone::Plain, format!("Nothing can be done to a {} here.", screen.get().noun));
        }
        let no_change = self.why_no_change();
        let off = |action: &Action| no_change.clone().or_else(|| (action.off)(row).map(str::to_owned));
        let items: Vec<_> = screen.get().actions.iter().map(|action| (action, off(action))).collect();
        let index = items.iter().position(|(_, off)| off.is_none()).unwrap_or(0);
        let version = screen.get().version_of(row);
        let target = Target { spot: self.trail.here().clone(), screen, id, version };
        let row = row.clone();
        self.layer = Some(Layer::Menu(Menu { target, row, items, index }));
    }

    pub(super) fn menu_key(&mut self, mut menu: Menu, key: Key) {
        match key {
            Key::Esc | Key::Char('a' | 'q') => return,
            Key::Up | Key::Char('k') => menu.index = menu.index.saturating_sub(1),
            Key::Down | Key::Char('j') => {
                menu.index = (menu.index + 1).min(menu.items.len().saturating_sub(1));
            }
            Key::Enter => return self.choose(menu),
            Key::Char(c) => {
                if let Some(index) = menu.items.iter().position(|(action, _)| action.key == c) {
                    menu.index = index;
                    return self.choose(menu);
                }
            }
            _ => {}
        }
        self.layer = Some(Layer::Menu(menu));
    }

    fn choose(&mut self, menu: Menu) {
        let Some((action, off)) = menu.items.get(menu.index) else { return };
        if let Some(off) = off {
            self.say(Tone::Plain, format!("Not possible: {off}."));
            self.layer = Some(Layer::Menu(menu));
            return;
        }
        let fill = |word: &&str| match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
            Some("") => menu.target.id.clone(),
            Some(path) => text(&menu.row, path),
            None => (*word).to_owned(),
        };
        let command: Vec<String> = action.command.iter().map(fill).collect();
        let noun = menu.target.screen.get().noun;
        let title = format!("{} — {noun} {}", action.title, crate::text::harmless(&menu.target.id));
        let name = (action.is_severe || self.place.protected).then(|| self.name_of(&menu.target.id));
        let stage = action.wants.map_or(Stage::Planning, |(what, flag)| Stage::Wants(what, flag));
        self.begin(title, command, Some(menu.target), name, stage);
    }

    /// Returns what has to be typed: a protected context's name, else the target's; of a long id, its end.
    fn name_of(&self, id: &str) -> String {
        const TYPED_MAX: usize = 16;
        if self.place.protected {
            return self.place.context.clone().unwrap_or_else(|| self.place.name.clone());
        }
        let chars = id.chars().count();
        if chars <= TYPED_MAX { id.to_owned() } else { id.chars().skip(chars - 6).collect() }
    }

    /// Begins a change whose command was typed.
    pub(super) fn begin_typed_change(&mut self, mut words: Vec<String>) -> Result<(), String> {
        if let Some(why) = self.why_no_change() {
            return Err(format!("It can't be run: {why}."));
        }
        words.retain(|word| !matches!(word.as_str(), "--yes" | "-y"));
        let mut reason = Line::default();
        if let Some(at) = words.iter().position(|word| word == "--reason") {
            reason = words.get(at + 1).map(|text| Line::new(text)).unwrap_or_default();
            words.drain(at..(at + 2).min(words.len()));
        }
        let title = crate::text::harmless_up_to(&words.join(" "), 200);
        let name = self.place.protected.then(|| self.name_of(""));
        self.begin(title, words, None, name, Stage::Planning);
        if let Some(Layer::Change(change)) = &mut self.layer {
            change.reason = reason;
        }
        Ok(())
    }

    fn begin(
        &mut self,
        title: String,
        command: Vec<String>,
        target: Option<Target>,
        name: Option<String>,
        stage: Stage,
    ) {
        let change = Change {
            title,
            command,
            target,
            stage,
            plan: None,
            name,
            argument: Line::default(),
            reason: Line::default(),
            typed: Line::default(),
            focus: Focus::Cancel,
            offset: 0,
            hint: None,
            has_moved: false,
            question: 0,
        };
        if change.stage == Stage::Planning {
            self.plan(Box::new(change));
        } else {
            self.layer = Some(Layer::Change(Box::new(change)));
        }
    }

    /// Asks what the change would do.
    fn plan(&mut self, mut change: Box<Change>) {
        self.questions += 1;
        (change.question, change.stage, change.offset) = (self.questions, Stage::Planning, 0);
        (change.has_moved, change.hint, change.plan, change.focus) = (false, None, None, Focus::Cancel);
        if let Some(target) = &mut change.target
            && let Some(version) = self.version_now(target)
        {
            target.version = version;
        }
        let mut command = change.command.clone();
        command.push("--dry-run".to_owned());
        self.effects.push(Effect::Ask(Ask { question: change.question, to: To::Plan, command }));
        self.layer = Some(Layer::Change(change));
    }

    /// Returns what a target is now, as far as its place knows.
    fn version_now(&self, target: &Target) -> Option<String> {
        let (screen, feed) = (target.screen.get(), self.feed_of(&target.spot));
        match &target.spot {
            Spot::Item(..) => feed.object().map(|row| screen.version_of(row)),
            Spot::Screen(_) | Spot::Answer(_) => {
                let row = feed.find(screen, &target.id).and_then(|index| feed.row(index))?;
                Some(screen.version_of(row))
            }
        }
    }

    /// Takes note if the target of the change at hand is not what it was.
    pub(super) fn watch_target(&mut self, spot: &Spot) {
        let Some(Layer::Change(change)) = &self.layer else { return };
        let Some(target) = change.target.as_ref().filter(|target| target.spot == *spot) else { return };
        let has_moved = self.version_now(target).is_some_and(|version| version != target.version);
        if let Some(Layer::Change(change)) = &mut self.layer
            && has_moved
            && matches!(change.stage, Stage::Plan)
        {
            change.has_moved = true;
            change.hint = Some("It changed since the plan was made: press r for a new plan.".to_owned());
            change.focus = Focus::Cancel;
        }
    }

    pub(super) fn plan_told(&mut self, question: u64, result: Result<Answer, Refusal>) {
        let Some(Layer::Change(change)) = &mut self.layer else { return };
        if change.question != question || change.stage != Stage::Planning {
            return;
        }
        match result {
            Ok(answer) => {
                change.plan = answer.rows.into_iter().next();
                change.stage = Stage::Plan;
                if change.affected() == 0 {
                    change.hint = Some("There is nothing to change.".to_owned());
                }
                let spot = change.target.as_ref().map(|target| target.spot.clone());
                if let Some(spot) = spot {
                    self.watch_target(&spot);
                }
            }
            Err(refusal) => change.stage = Stage::Refused(Box::new(refusal)),
        }
    }

    pub(super) fn change_key(&mut self, mut change: Box<Change>, key: Key) {
        match &change.stage {
            Stage::Wants(what, flag) => match key {
                Key::Esc => return,
                Key::Enter if !change.argument.is_blank() => {
                    change.command.extend([(*flag).to_owned(), change.argument.text().trim().to_owned()]);
                    return self.plan(change);
                }
                Key::Enter => change.hint = Some(format!("Type it first: {what}.")),
                key => {
                    change.argument.key(key);
                }
            },
            Stage::Planning => {
                if matches!(key, Key::Esc | Key::Enter) {
                    return;
                }
            }
            Stage::Plan => return self.plan_key(change, key),
            Stage::Doing(_) => {
                if key == Key::Esc {
                    return self.say(Tone::Plain, "It goes on; what comes of it is told here.");
                }
            }
            Stage::Done(_) => {
                if matches!(key, Key::Esc | Key::Enter | Key::Char('q')) {
                    return;
                }
            }
            Stage::Refused(_) => match key {
                Key::Esc | Key::Enter | Key::Char('q') => return,
                Key::Char('r') => return self.plan(change),
                _ => {}
            },
        }
        self.layer = Some(Layer::Change(change));
    }

    fn plan_key(&mut self, mut change: Box<Change>, key: Key) {
        let page = self.drawn.page.max(1);
        match (key, change.focus) {
            (Key::Esc, _) | (Key::Enter, Focus::Cancel) => return,
            (Key::Tab | Key::Down, _) => change.focus = change.next_focus(),
            (Key::BackTab | Key::Up, _) => change.focus = change.last_focus(),
            (Key::PageDown, _) => change.offset = (change.offset + page).min(self.drawn.offset_max),
            (Key::PageUp, _) => change.offset = change.offset.saturating_sub(page),
            (Key::Enter, Focus::Reason | Focus::Name) => change.focus = change.next_focus(),
            (Key::Enter, Focus::Go) => {
                change.hint =
                    Some(change.missing().map_or_else(|| "Press y to do it.".to_owned(), |(_, why)| why));
            }
            (Key::Char('r'), Focus::Cancel | Focus::Go) => return self.plan(change),
            (Key::Char('y'), Focus::Go) => return self.make(change),
            (Key::Char('Y'), Focus::Cancel | Focus::Go) => {
                let line = self.shell_line(&command_of(&change, self.place.protected));
                self.say(Tone::Plain, "Copied the command that would do this.");
                self.effects.push(Effect::Copy(line));
            }
            (key, Focus::Reason | Focus::Name) => {
                change.hint = None;
                if let Some(line) = change.line() {
                    line.key(key);
                }
            }
            (_, Focus::Cancel | Focus::Go) => {}
        }
        self.layer = Some(Layer::Change(change));
    }

    /// Makes the change, exactly as it was planned.
    fn make(&mut self, mut change: Box<Change>) {
        if change.affected() == 0 {
            change.hint = Some("There is nothing to change.".to_owned());
        } else if let Some((focus, why)) = change.missing() {
            (change.focus, change.hint) = (focus, Some(why));
        } else {
            self.questions += 1;
            (change.question, change.stage, change.hint) = (self.questions, Stage::Doing(self.now), None);
            let command = command_of(&change, self.place.protected);
            self.effects.push(Effect::Ask(Ask { question: change.question, to: To::Change, command }));
        }
        self.layer = Some(Layer::Change(change));
    }

    pub(super) fn change_told(&mut self, question: u64, result: Result<Answer, Refusal>) {
        for feed in self.feeds.values_mut() {
            feed.hurry();
        }
        let said = match &result {
            Ok(_) => (Tone::Good, "Done.".to_owned()),
            Err(refusal) => {
                (Tone::Bad, format!("Not done: {}", crate::text::harmless_up_to(&refusal.message, 300)))
            }
        };
        match &mut self.layer {
            Some(Layer::Change(change)) if change.question == question => match result {
                Ok(answer) => change.stage = Stage::Done(answer),
                // The world has moved: what was agreed to can't be done, and this could be.
                Err(Refusal { plan: Some(plan), message, .. }) => {
                    (change.plan, change.stage, change.focus) = (Some(*plan), Stage::Plan, Focus::Cancel);
                    change.hint =
                        Some(format!("{} This is the plan now.", crate::text::harmless_up_to(&message, 200)));
                    (change.offset, change.typed) = (0, Line::default());
                }
                Err(refusal) => change.stage = Stage::Refused(Box::new(refusal)),
            },
            _ => self.say(said.0, said.1),
        }
    }
}

/// Returns the command that makes a change as it was planned.
fn command_of(change: &Change, is_protected: bool) -> Vec<String> {
    let mut command = change.command.clone();
    let reason = change.reason.text();
    command.extend(["--reason".to_owned(), reason.trim().to_owned(), "--yes".to_owned()]);
    if let Some(name) = change.name.as_ref().filter(|_| is_protected) {
        command.extend(["--confirm".to_owned(), name.clone()]);
    }
    if let Some(digest) = change.plan.as_ref().and_then(|plan| plan.get("digest")).and_then(Value::as_str) {
        command.extend(["--expect".to_owned(), digest.to_owned()]);
    }
    command
}
