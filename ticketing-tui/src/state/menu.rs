//! What can be done to the selected thing. What a row can't tell, the command's own plan does: it is made as soon as the
//! menu opens, so that nothing is offered that would be refused.

use super::{Answer, Ask, Effect, Layer, Refusal, Spot, Stage, State, Target, To};
use crate::input::Key;
use crate::row::{Tone, text};
use crate::screens::{Action, Screen, halves};
use serde_json::Value;

/// The menu of the selected thing.
#[derive(Clone, Debug)]
pub(crate) struct Menu {
    pub target: Target,
    pub row: Value,
    /// Which action is selected.
    pub index: usize,
}

/// An action on a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It can be done, as far as is known.
    Open,
    /// Whether it can be done is being found out.
    Asked,
    /// It can't, and why.
    Off(String),
}

/// Which action of which thing, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tried {
    spot: Spot,
    id: String,
    version: String,
    key: char,
}

impl Tried {
    fn of(target: &Target, action: &Action) -> Self {
        let Target { spot, id, version, .. } = target.clone();
        Self { spot, id, version, key: action.key }
    }
}

/// Says whether an action is the one safe thing to do, as the row has it.
pub(crate) fn is_safe(action: &Action, row: &Value) -> bool {
    let [noun, verb, ..] = action.command else { return false };
    format!("{} ", text(row, "safeAction")).contains(&format!(" {noun} {verb} "))
}

fn command_on(action: &Action, target: &Target, row: &Value) -> Vec<String> {
    let fill = |word: &&str| match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
        Some("") => target.id.clone(),
        Some("of") => match &target.spot {
            Spot::Item(_, id) => halves(id).0.to_owned(),
            Spot::Screen(_) | Spot::Answer(_) => String::new(),
        },
        Some(path) => text(row, path),
        None => (*word).to_owned(),
    };
    action.command.iter().map(fill).collect()
}

impl State {
    /// Returns the selected thing as a target, with what is known of it.
    pub(crate) fn target(&self) -> Option<(Target, &Value)> {
        let (screen, id, row) = self.selected()?;
        let version = screen.get().version_of(row);
        Some((Target { spot: self.trail.here().clone(), screen, id, version }, row))
    }

    /// Says whether an action can be done to a thing.
    pub(crate) fn offer(&self, action: &Action, target: &Target, row: &Value) -> Offer {
        let off = self.why_no_change().or_else(|| (action.off)(row).map(str::to_owned));
        if let Some(why) = off {
            return Offer::Off(why);
        }
        match self.tried.get(&Tried::of(target, action)) {
            Some(Some(why)) => Offer::Off(why.clone()),
            Some(None) => Offer::Open,
            None if action.is_tried => Offer::Asked,
            None => Offer::Open,
        }
    }

    /// Has the plans of the selected thing's actions made, to learn which would be refused.
    pub(super) fn try_actions(&mut self) {
        self.tried.clear();
        let Some((target, row)) = self.target() else { return };
        let actions: &'static [Action] = target.screen.get().actions;
        let asked: Vec<_> = actions
            .iter()
            .filter(|action| self.offer(action, &target, row) == Offer::Asked)
            .map(|action| (Tried::of(&target, action), command_on(action, &target, row)))
            .collect();
        for (tried, mut command) in asked {
            command.push("--dry-run".to_owned());
            self.questions += 1;
            self.effects.push(Effect::Ask(Ask {
                question: self.questions,
                to: To::Tried(Box::new(tried)),
                command,
            }));
        }
    }

    pub(super) fn tried_told(&mut self, tried: Tried, result: Result<Answer, Refusal>) {
        let off = match result {
            Ok(answer) => {
                let affected =
                    answer.rows.first().and_then(|plan| plan.get("affected")).and_then(Value::as_u64);
                (affected == Some(0)).then(|| "there is nothing to change".to_owned())
            }
            // Of what nobody answered, nothing is known.
            Err(refusal) if refusal.is_unreachable() => None,
            Err(refusal) => {
                let why = refusal.message.lines().next().unwrap_or_default();
                Some(crate::text::harmless_up_to(why.trim_end_matches('.'), 200))
            }
        };
        self.tried.insert(tried, off);
        // Nothing was chosen yet: the first action that can be done is.
        if let Some(Layer::Menu(menu)) = &self.layer
            && let Some(action) = menu.target.screen.get().actions.get(menu.index)
            && matches!(self.offer(action, &menu.target, &menu.row), Offer::Off(_))
        {
            let index = self.first_open(menu.target.screen.get(), &menu.target, &menu.row);
            if let Some(Layer::Menu(menu)) = &mut self.layer {
                menu.index = index;
            }
        }
    }

    /// Returns the safe action's place, else that of the first one that can be done.
    fn first_open(&self, screen: &Screen, target: &Target, row: &Value) -> usize {
        let is_open = |action: &&Action| !matches!(self.offer(action, target, row), Offer::Off(_));
        let safe = screen.actions.iter().position(|action| is_safe(action, row) && is_open(&action));
        safe.or_else(|| screen.actions.iter().position(|action| is_open(&action))).unwrap_or(0)
    }

    pub(super) fn open_menu(&mut self) {
        let Some((target, row)) = self.target() else {
            let why = self.why_nothing_is_selected();
            return self.say(Tone::Plain, why);
        };
        let screen = target.screen.get();
        if screen.actions.is_empty() {
            return self.say(Tone::Plain, format!("Nothing can be done to a {} here.", screen.chosen()));
        }
        let row = row.clone();
        self.try_actions();
        let index = self.first_open(screen, &target, &row);
        self.layer = Some(Layer::Menu(Menu { target, row, index }));
    }

    pub(super) fn menu_key(&mut self, mut menu: Menu, key: Key) {
        let actions = menu.target.screen.get().actions;
        match key {
            Key::Esc | Key::Char('a' | 'q') => return,
            Key::Up | Key::Char('k') => menu.index = menu.index.saturating_sub(1),
            Key::Down | Key::Char('j') => menu.index = (menu.index + 1).min(actions.len().saturating_sub(1)),
            Key::Enter => return self.choose(menu),
            Key::Char(c) => {
                if let Some(index) = actions.iter().position(|action| action.key == c) {
                    menu.index = index;
                    return self.choose(menu);
                }
            }
            _ => {}
        }
        self.layer = Some(Layer::Menu(menu));
    }

    fn choose(&mut self, menu: Menu) {
        let Some(action) = menu.target.screen.get().actions.get(menu.index) else { return };
        if let Offer::Off(why) = self.offer(action, &menu.target, &menu.row) {
            self.say(Tone::Plain, format!("Not possible: {why}."));
            self.layer = Some(Layer::Menu(menu));
            return;
        }
        let command = command_on(action, &menu.target, &menu.row);
        let noun = menu.target.screen.get().chosen();
        let title =
            format!("{} — {noun} {}", action.title_for(&menu.row), crate::text::harmless(&menu.target.id));
        let stage = action.wants.map_or(Stage::Planning, |(what, flag)| Stage::Wants(what, flag));
        self.begin(title, command, Some(menu.target), stage);
    }
}
