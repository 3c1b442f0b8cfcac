//! What is asked, and when: the status and what is shown, each after a rest, and no more than that.

use super::{Ask, Effect, FEEDS_MAX, LIMIT_DEFAULT, OVERVIEW, RING_LIMIT, Spot, State, To};
use crate::TimeStyle;
use crate::row::number;
use crate::screens::{Look, ScreenId};

impl State {
    /// Asks what is shown, and how the whole is, if it is time.
    pub(super) fn ask_what_is_due(&mut self) {
        for spot in self.wanted() {
            let is_paused = self.paused_at.is_some();
            let read_at = self.read_at(&spot);
            let feed = self.feeds.entry(spot.clone()).or_default();
            // What was never seen is asked for even while the picture stands still.
            if !feed.is_due(self.now, self.hears_changes, read_at)
                || (is_paused && feed.at.is_some() && spot != OVERVIEW)
            {
                continue;
            }
            // An answer of a command that was typed does not renew itself.
            if matches!(spot, Spot::Answer(_)) && (feed.at.is_some() || feed.refusal.is_some()) {
                continue;
            }
            self.questions += 1;
            let question = self.questions;
            feed.asked(question, self.now, read_at);
            let command = self.command(&spot);
            self.effects.push(Effect::Ask(Ask { question, to: To::Spot(spot), command }));
        }
        self.forget_old_feeds();
    }

    /// Returns the places whose answers are needed: the status, what is shown, what that needs beside it, and what the
    /// palette proposes from.
    fn wanted(&self) -> Vec<Spot> {
        let here = self.trail.here();
        let mut wanted = vec![OVERVIEW];
        let has_command = !matches!(here, Spot::Screen(id) if id.get().command.is_empty());
        if *here != OVERVIEW && has_command {
            wanted.push(here.clone());
        }
        wanted.extend(self.card_of(here));
        wanted.extend(self.palette_wants().filter(|spot| self.feed_of(spot).at.is_none()));
        wanted
    }

    /// Returns how far the read store is, by the last status, for a place that changes by events alone. A status that
    /// nobody answered any more says nothing.
    pub(super) fn read_at(&self, spot: &Spot) -> Option<i64> {
        let status = self.feed_of(&OVERVIEW);
        let is_known = spot.screen().get().is_of_log && *spot != OVERVIEW && status.refusal.is_none();
        is_known.then(|| number(status.object()?, "readPosition")).flatten()
    }

    fn forget_old_feeds(&mut self) {
        while self.feeds.len() > FEEDS_MAX {
            let here = self.trail.here();
            let oldest = self
                .feeds
                .iter()
                .filter(|(spot, feed)| *spot != here && **spot != OVERVIEW && feed.asked_at.is_none())
                .min_by_key(|(_, feed)| feed.at)
                .map(|(spot, _)| spot.clone());
            let Some(oldest) = oldest else { return };
            self.feeds.remove(&oldest);
            self.cursors.remove(&oldest);
        }
    }

    /// Returns the command whose answer a place shows.
    pub(crate) fn command(&self, spot: &Spot) -> Vec<String> {
        match spot {
            Spot::Screen(ScreenId(0)) => vec!["status".to_owned()],
            Spot::Screen(id) => self.list_command(*id, self.filters.get(id).map(String::as_str)),
            // Without a command for one thing, its row in the list is all there is.
            Spot::Item(id, _) if id.get().item.is_empty() => self.list_command(*id, None),
            Spot::Item(id, of) => {
                let mut words = id.get().item_command(of);
                if let Some((from, to)) = self.legs.get(of).and_then(|legs| self.stops_of(of, *legs)) {
                    words.extend(["--from".to_owned(), from, "--to".to_owned(), to]);
                }
                words
            }
            Spot::Answer(words) => self.as_table(words),
        }
    }

    /// Returns the command that lists a screen's rows, with a filter.
    pub(super) fn list_command(&self, id: ScreenId, filter: Option<&str>) -> Vec<String> {
        let screen = id.get();
        let mut words: Vec<String> = screen.command.iter().map(|word| (*word).to_owned()).collect();
        if let Some(filter) = filter.filter(|_| self.takes_query(id)) {
            words.extend(["--query".to_owned(), filter.to_owned()]);
        }
        if screen.has_limit {
            words.extend(["--limit".to_owned(), self.limit(id).to_string()]);
        }
        words
    }

    /// Returns how many rows of a screen are asked for.
    pub(crate) fn limit(&self, id: ScreenId) -> usize {
        match id.get().look {
            Look::Ring => RING_LIMIT,
            Look::Table | Look::Overview => self.limits.get(&id).copied().unwrap_or(LIMIT_DEFAULT),
        }
    }

    /// Says whether a screen's command can filter.
    pub(crate) fn takes_query(&self, id: ScreenId) -> bool {
        let words = id.get().command_words();
        match self.commands.iter().find(|command| command.words == words) {
            Some(command) => command.has("--query"),
            None => !id.get().query.is_empty(),
        }
    }

    /// Returns the filter of a place that is looked for in its rows, because its command can't.
    pub(super) fn filter_here(&self, spot: &Spot) -> Option<String> {
        match spot {
            Spot::Screen(id) if !self.takes_query(*id) => self.filters.get(id).cloned(),
            Spot::Screen(_) | Spot::Item(..) | Spot::Answer(_) => None,
        }
    }

    /// Returns a typed command so that its answer comes as people read it, unless it says otherwise itself.
    fn as_table(&self, words: &[String]) -> Vec<String> {
        let names = |flags: &[&str]| {
            let is_it = |word: &String| {
                flags.iter().any(|flag| word == flag || word.starts_with(&format!("{flag}=")))
            };
            words.iter().take_while(|word| *word != "--").any(is_it)
        };
        let mut added: Vec<&str> = Vec::new();
        if !names(&["-o", "--output"]) && !words.iter().any(|word| word.starts_with("-o")) {
            added.extend(["-o", "table"]);
        }
        if !names(&["--time"]) {
            let time = match self.time {
                TimeStyle::Relative => "relative",
                TimeStyle::Utc => "iso",
                TimeStyle::Local => "local",
            };
            added.extend(["--time", time]);
        }
        let mut out = words.to_vec();
        let end = out.iter().position(|word| word == "--").unwrap_or(out.len());
        out.splice(end..end, added.into_iter().map(str::to_owned));
        out
    }
}
