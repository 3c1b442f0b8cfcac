//! The filter of a screen, as it is typed, tried and taken.

use super::{Answer, Ask, Effect, Layer, Line, Refusal, Spot, State, To};
use crate::desk::EXIT_USAGE;
use crate::input::Key;
use crate::row::Tone;
use crate::screens::ScreenId;
use std::time::Duration;

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

impl State {
    pub(super) fn filter_key(&mut self, mut prompt: FilterPrompt, key: Key) {
        match key {
            Key::Esc => return,
            Key::Enter => return self.try_filter(prompt),
            Key::Tab => {
                let text = prompt.line.text();
                let last = text.rsplit([' ', '(']).next().unwrap_or("");
                let mut names = prompt.screen.get().query.iter().map(|field| field.name);
                if let Some(name) = names.find(|name| name.starts_with(last)).filter(|_| !last.is_empty()) {
                    prompt.line.paste(&name[last.len()..]);
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
