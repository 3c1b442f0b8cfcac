//! The rows of a list on their way: printed as they come, kept to be sorted, or only counted.

use super::asked::Asked;
use super::fields;
use super::sort::Top;
use super::{SHORT_TABLE_ROWS_MAX, node};
use crate::failure::Failure;
use crate::output::{Column, List, Node, Printer, View};
use serde::Serialize;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::OpsError;
use uuid::Uuid;

/// Past the limit, so many rows more are looked at to say how many there are in all.
const COUNTED_MAX: u64 = 1_000_000;

/// The rows of a list under way. End it with [`Rows::finish`].
#[derive(Debug)]
pub struct Rows<'p, 'a> {
    asked: &'a Asked,
    view: View,
    now: Timestamp,
    out: Out<'p>,
    /// How many may still be shown.
    room: u64,
    shown: Shown,
    /// How many pass, as far as they were looked at.
    passed: u64,
    total: Option<u64>,
    keep: Option<&'static str>,
}

#[derive(Debug)]
enum Out<'p> {
    Print(List<'p>),
    Sort(&'p mut Printer, Top),
    Count(&'p mut Printer),
}

/// What was shown to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The ids of a table's rows, of no more than fit a short table.
    pub ids: Vec<Uuid>,
    /// What the rows have in the field that was to be kept.
    pub kept: Vec<String>,
    /// How many.
    pub count: u64,
    /// Whether it is all there is.
    pub is_all: bool,
}

/// The answer of `--count`.
#[derive(Serialize)]
struct Count {
    count: u64,
}

impl<'p, 'a> Rows<'p, 'a> {
    /// Begins a list.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn begin(
        asked: &'a Asked,
        view: View,
        now: Timestamp,
        printer: &'p mut Printer,
    ) -> Result<Self, Failure> {
        let out = if asked.counts {
            Out::Count(printer)
        } else if !asked.sort.is_empty() {
            Out::Sort(printer, Top::new(asked.sort.clone(), asked.limit))
        } else {
            Out::Print(printer.start_list_of(&view, asked.columns.clone())?)
        };
        let room = asked.limit.unwrap_or(u64::MAX);
        let shown = Shown::default();
        Ok(Self { asked, view, now, out, room, shown, passed: 0, total: None, keep: None })
    }

    /// Keeps what the rows that people are shown have in this field.
    pub const fn keep(&mut self, path: &'static str) {
        self.keep = Some(path);
    }

    /// Walks pages from the first on, and takes the rows that pass. `page` is given the key of the last row of the
    /// page before; an empty page is the end. Only rows that are needed are made into bodies.
    ///
    /// # Errors
    /// What the stores say; too many to sort; fails if they can't be written.
    pub async fn walk<R, K: Copy, E>(
        &mut self,
        mut page: impl AsyncFnMut(Option<K>) -> Result<Vec<R>, E>,
        key: impl Fn(&R) -> K,
        mut passes: impl FnMut(&R) -> bool,
        mut bodies: impl AsyncFnMut(Vec<R>) -> Result<Vec<Node>, Failure>,
    ) -> Result<(), Failure>
    where
        Failure: From<E>,
    {
        let (mut after, mut beyond) = (None, 0_u64);
        loop {
            let mut rows = page(after).await?;
            let Some(last) = rows.last() else {
                self.total = Some(self.passed);
                return Ok(());
            };
            after = Some(key(last));
            if let Out::Print(list) = &self.out
                && self.room == 0
            {
                beyond += rows.len() as u64;
                // Only people are told how many there are in all, and only up to a limit.
                if !list.is_for_people() || beyond > COUNTED_MAX {
                    self.total = None;
                    return Ok(());
                }
            }
            rows.retain(&mut passes);
            let needed = match (&self.asked.of_columns, &self.out) {
                (Some(_), _) | (None, Out::Sort(..)) => rows.len(),
                (None, Out::Count(_)) => 0,
                (None, Out::Print(_)) => rows.len().min(usize::try_from(self.room).unwrap_or(usize::MAX)),
            };
            self.passed += (rows.len() - needed) as u64;
            rows.truncate(needed);
            if !rows.is_empty() {
                bodies(rows).await?.into_iter().try_for_each(|row| self.take(row))?;
            }
        }
    }

    /// Takes rows that are all at hand.
    ///
    /// # Errors
    /// As [`Rows::walk`].
    pub fn all(&mut self, rows: impl IntoIterator<Item: Serialize>) -> Result<(), Failure> {
        for row in rows {
            self.take(super::node_of(&row)?)?;
        }
        self.total = Some(self.passed);
        Ok(())
    }

    fn take(&mut self, row: Node) -> Result<(), Failure> {
        if let Some(filter) = &self.asked.of_columns
            && !fields::passes(filter, &self.view, &row, self.now)
        {
            return Ok(());
        }
        self.passed += 1;
        match &mut self.out {
            Out::Count(_) => Ok(()),
            Out::Sort(_, top) => top.take(&row),
            Out::Print(_) if self.room == 0 => Ok(()),
            Out::Print(list) => {
                self.room -= 1;
                self.shown.note(&row, list.is_for_people(), self.keep);
                list.node(row)
            }
        }
    }

    /// Ends the list. For a table that is short enough, `prefix` says to how many characters its ids can be cut.
    ///
    /// # Errors
    /// What the stores say; fails if it can't be written.
    pub async fn finish(
        self,
        prefix: impl AsyncFnOnce(&Shown) -> Result<usize, OpsError>,
    ) -> Result<Shown, Failure> {
        let Self { asked, view, out, mut shown, passed, total, keep, .. } = self;
        let mut list = match out {
            Out::Count(printer) => {
                const COUNT: Column = Column::number("Count", "count");
                printer.bare(&Count { count: passed }, COUNT)?;
                return Ok(shown);
            }
            Out::Print(list) => list,
            Out::Sort(printer, top) => {
                let mut list = printer.start_list_of(&view, asked.columns.clone())?;
                for row in top.into_rows() {
                    let row = node(&row)?;
                    shown.note(&row, list.is_for_people(), keep);
                    list.node(row)?;
                }
                list
            }
        };
        shown.is_all = total == Some(shown.count);
        if list.is_for_people() && shown.count > 0 && shown.count < SHORT_TABLE_ROWS_MAX as u64 {
            list.ids_unique_at(prefix(&shown).await?);
        }
        list.finish(total)?;
        Ok(shown)
    }
}

impl Shown {
    /// Only what people see is kept, and only of a short table: a long list is printed in constant memory.
    fn note(&mut self, row: &Node, is_for_people: bool, keep: Option<&'static str>) {
        self.count += 1;
        if !is_for_people {
            return;
        }
        if self.ids.len() < SHORT_TABLE_ROWS_MAX
            && let Some(Node::Text(id)) = row.at("id")
            && let Ok(id) = id.parse()
        {
            self.ids.push(id);
        }
        if let Some(Node::Text(text)) = keep.and_then(|path| row.at(path)) {
            self.kept.push(text.clone());
        }
    }
}

/// For rows whose names are no ids to cut.
///
/// # Errors
/// Never.
pub async fn whole(_: &Shown) -> Result<usize, OpsError> {
    Ok(UUID_LEN)
}

/// A whole id.
const UUID_LEN: usize = 36;

#[cfg(test)]
mod tests {
    use super::Rows;
    use crate::commands::listing::{Asked, Fields, Flags, Of};
    use crate::output::testing::screen;
    use crate::output::{Column, Node, View};
    use clap::{Args as _, FromArgMatches as _};
    use ticketing_core::domain::time::Timestamp;
    use ticketing_core::ops::OpsError;

    const VIEW: View = View::new("numbers", &[Column::number("N", "n"), Column::text("Word", "word").wide()]);

    /// Lists 1, 3, 5, 7 of seven rows in three pages; returns stdout and stderr, and how many pages were asked for.
    fn listed(flags: &[&str], format: &str) -> (String, String, usize) {
        let command = Flags::augment_args(clap::Command::new("list").no_binary_name(true));
        let flags = Flags::from_arg_matches(&command.get_matches_from(flags)).unwrap();
        let mut screen = screen(&["-o", format], true);
        let of = Of { view: VIEW, fields: Fields::Columns, is_read_model: false };
        let asked = Asked::read(&flags, &of, screen.printer.format()).unwrap();
        let pages = [vec![1, 2, 3], vec![4, 5, 6], vec![7]];
        let mut asked_for = 0;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let now = Timestamp::from_millis(0);
            let mut rows = Rows::begin(&asked, VIEW, now, &mut screen.printer).unwrap();
            rows.walk(
                async |after: Option<i32>| {
                    asked_for += 1;
                    let next = pages.iter().find(|page| after.is_none_or(|after| page[0] > after));
                    Ok::<_, OpsError>(next.cloned().unwrap_or_default())
                },
                |row| *row,
                |row| row % 2 == 1,
                async |rows| {
                    let body = |n: &i32| Node::parse(&format!(r#"{{"n":{n},"word":"w{}"}}"#, 9 - n)).unwrap();
                    Ok(rows.iter().map(body).collect())
                },
            )
            .await
            .unwrap();
            rows.finish(super::whole).await.unwrap();
        });
        (screen.out(), screen.err(), asked_for)
    }

    #[test]
    fn each_flag_selects_orders_or_counts_the_rows_that_pass() {
        let all = "{\"n\":1,\"word\":\"w8\"}\n{\"n\":3,\"word\":\"w6\"}\n{\"n\":5,\"word\":\"w4\"}\n{\"n\":7,\"word\":\"w2\"}\n";
        let table: [(&[&str], &str, &str, &str, usize); 12] = [
            (&[], "jsonl", all, "", 4),
            // Programs aren't told how many there are: nobody looks.
            (&["--limit", "1"], "csv", "n,word\n1,w8\n", "", 2),
            (&["--limit", "2"], "table", "N\n1\n3\n", "2 of 4 numbers; --limit N or --all lists more.\n", 4),
            (
                &["--limit", "1", "--sort", "-n"],
                "table",
                "N\n7\n",
                "1 of 4 numbers; --limit N or --all lists more.\n",
                4,
            ),
            (&["--sort", "word"], "name", "", "", 4),
            (
                &["--sort", "word", "--columns", "n"],
                "jsonl",
                "{\"n\":7}\n{\"n\":5}\n{\"n\":3}\n{\"n\":1}\n",
                "",
                4,
            ),
            (&["--columns", "word,n", "--limit", "1"], "csv", "word,n\nw8,1\n", "", 2),
            (&["--columns", "word"], "table", "WORD\nw8\nw6\nw4\nw2\n", "", 4),
            (
                &["--query", "n>1 word~w", "--limit", "1"],
                "table",
                "N\n3\n",
                "1 of 3 numbers; --limit N or --all lists more.\n",
                4,
            ),
            (&["--count"], "table", "4\n", "", 4),
            (&["--count", "--query", "n<5"], "json", "{\n  \"count\": 2\n}\n", "", 4),
            (&["--count"], "csv", "count\n4\n", "", 4),
        ];
        for (flags, format, out, err, pages) in table {
            assert_eq!(listed(flags, format), (out.into(), err.into(), pages), "{flags:?} {format}");
        }
    }
}
