//! A change, step by step: what it would do, why, the target's name where that is wanted, and what came of it.
//!
//! The target is bound to its id and to what it was when it was chosen. Whatever happens to rows meanwhile, nothing is
//! ever done to another one; and if it changed, the plan has to be made anew. The key that agrees opens nothing.

use super::{Answer, Ask, Effect, Layer, Line, Refusal, Spot, State, To};
use crate::input::Key;
use crate::row::{Tone, text};
use crate::screens::{ItemLook, ScreenId};
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

const MOVED: &str = "It changed since the plan was made: press ctrl-r for a new plan.";

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
    /// The name that has to be typed, where the plan is severe.
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
    /// Takes a text into the line that is being typed; false if none is.
    pub(super) fn paste(&mut self, text: &str) -> bool {
        self.hint = self.hint.take().filter(|_| self.has_moved);
        self.line().map(|line| line.paste(text)).is_some()
    }

    /// Returns the line that is being typed. While nothing else is chosen that is the reason, also before the plan has
    /// come: what is typed at once must not be lost.
    fn line(&mut self) -> Option<&mut Line> {
        match (&self.stage, self.focus) {
            (Stage::Wants(..), _) => Some(&mut self.argument),
            (Stage::Planning | Stage::Plan, Focus::Cancel | Focus::Reason) => {
                self.focus = Focus::Reason;
                Some(&mut self.reason)
            }
            (Stage::Plan, Focus::Name) => Some(&mut self.typed),
            (Stage::Planning, Focus::Name | Focus::Go)
            | (Stage::Plan, Focus::Go)
            | (Stage::Doing(_) | Stage::Done(_) | Stage::Refused(_), _) => None,
        }
    }

    /// Where the form begins: where a reason was typed already, there.
    fn first_focus(&self) -> Focus {
        if self.reason.is_blank() { Focus::Cancel } else { Focus::Reason }
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
            return Some((Focus::Go, MOVED.to_owned()));
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

    /// Returns what has to be typed for a severe change: a protected context's name, else the target's, of a long id its
    /// end; without a target, what is done.
    fn name_of(&self, change: &Change, plan: Option<&Value>) -> String {
        const TYPED_MAX: usize = 16;
        if self.place.protected {
            return self.place.context.clone().unwrap_or_else(|| self.place.name.clone());
        }
        let id = match (&change.target, plan) {
            (Some(target), _) => target.id.clone(),
            (None, plan) => plan.map(|plan| text(plan, "action")).unwrap_or_default(),
        };
        let chars = id.chars().count();
        if chars <= TYPED_MAX { id } else { id.chars().skip(chars - 6).collect() }
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
        self.begin(title, words, None, Stage::Planning);
        if let Some(Layer::Change(change)) = &mut self.layer {
            change.reason = reason;
        }
        Ok(())
    }

    pub(super) fn begin(
        &mut self,
        title: String,
        command: Vec<String>,
        target: Option<Target>,
        stage: Stage,
    ) {
        let change = Change {
            title,
            command,
            target,
            stage,
            plan: None,
            name: None,
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
        (change.has_moved, change.hint, change.plan) = (false, None, None);
        change.focus = change.first_focus();
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
            Spot::Item(..) if screen.item_look == ItemLook::Section => {
                let seats = feed.object()?.get("seats")?.as_array()?;
                let seat = feed.seating.find(&target.id).and_then(|index| seats.get(index))?;
                Some(screen.version_of(seat))
            }
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
            change.hint = Some(MOVED.to_owned());
            change.focus = Focus::Cancel;
        }
    }

    pub(super) fn plan_told(&mut self, question: u64, result: Result<Answer, Refusal>) {
        let Some(Layer::Change(change)) = &self.layer else { return };
        if change.question != question || change.stage != Stage::Planning {
            return;
        }
        let plan = result.as_ref().ok().and_then(|answer| answer.rows.first());
        // The gate of the command itself says what is severe: here is no other rule than at the command line.
        let is_severe = plan.is_some_and(|plan| plan.get("severe") == Some(&Value::Bool(true)));
        let name = is_severe.then(|| self.name_of(change, plan));
        let Some(Layer::Change(change)) = &mut self.layer else { return };
        change.name = name;
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
            Stage::Planning => match key {
                Key::Esc => return,
                Key::Enter if change.reason.is_blank() => return,
                key => {
                    if let Some(line) = change.line() {
                        line.key(key);
                    }
                }
            },
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
            (Key::Ctrl('r'), _) | (Key::Char('r'), Focus::Go) => return self.plan(change),
            (Key::Char('y'), Focus::Go) => return self.make(change),
            (Key::Ctrl('y'), _) | (Key::Char('Y'), Focus::Go) => {
                let line = self.shell_line(&command_of(&change, self.place.protected));
                self.copy(line);
            }
            // Whoever begins to type says why.
            (Key::Char(_), Focus::Cancel) | (_, Focus::Reason | Focus::Name) => {
                change.hint = change.hint.take().filter(|_| change.has_moved);
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
                    change.has_moved = false;
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
