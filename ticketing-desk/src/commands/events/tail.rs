//! `ticketctl events tail`.

use super::view;
use crate::commands::listing::SHORT_TABLE_ROWS_MAX;
use crate::desk::Desk;
use crate::errors;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::{List, Printer};
use crate::session::{self, Opening, Session};
use std::collections::VecDeque;
use std::time::Duration;
use ticketing_core::domain::id::BookingId;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::time_range::{TimeRange, parse_range, parse_since};
use ticketing_core::ops::{lists, lookup};
use ticketing_core::store::events::LogEntry;

/// List the last events of the log, in order, and with -f those that come
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Times: a day (2026-11-20), RFC 3339, or relative (-15m, now); ranges: -48h..-24h.\n\n\
                        Examples:\n  ticketctl events tail\n  ticketctl events tail -f --since now -o jsonl\n  \
                        ticketctl events tail --range 2026-11-20..2026-11-21 -o csv"
)]
pub struct Args {
    /// Go on with the events that come, until ctrl-c
    #[arg(short, long)]
    follow: bool,
    /// Only from this time on, such as -15m
    #[arg(long, value_name = "TIME", conflicts_with = "range", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only those between two times, such as -48h..-24h
    #[arg(long, value_name = "A..B", conflicts_with = "follow", allow_hyphen_values = true)]
    range: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

/// With `--follow`, the log is looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Clocks of several servers may differ: around a time's place in the log so many seconds are looked at.
const CLOCK_SLACK_SECONDS: i64 = 60;

/// Lists the events.
///
/// # Errors
/// A usage error for a time that is none; what the store says; ctrl-c.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        tail(args, session, printer).await
    })
}

async fn tail(args: &Args, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let usage = |why: String| Failure::usage(errors::sentence(&why)).hint("ticketctl events tail --help");
    let (from, to) = match (&args.since, &args.range) {
        (Some(since), _) => parse_since(since, now).map_err(usage)?,
        (None, Some(range)) => parse_range(range, now).map_err(usage)?,
        (None, None) => (None, None),
    };
    let head = lists::head(app).await?;
    let limit = args.list.limit_for(printer.format());
    let is_human = printer.is_human();
    let mut streams = Vec::new();
    let mut list = printer.start_list(&view::LIST)?;
    let (last, total) = match (from, to) {
        (None, None) => {
            let begin = limit.map_or(0, |n| head.saturating_sub(i64::try_from(n).unwrap_or(i64::MAX)).max(0));
            (
                print(session, &mut list, &mut streams, begin, Some(head), (None, None), u64::MAX).await?.0,
                Some(head.unsigned_abs()),
            )
        }
        (from, to) => {
            let slack = |at: Timestamp, sign: i64| at.plus_seconds(sign * CLOCK_SLACK_SECONDS);
            let begin = match from {
                Some(from) => lists::position_before(app, slack(from, -1)).await?,
                None => 0,
            };
            let end = match to {
                Some(to) => lists::position_before(app, slack(to, 1)).await?,
                None => head,
            };
            let limit = limit.filter(|_| !args.follow).unwrap_or(u64::MAX);
            let (last, passed) =
                print(session, &mut list, &mut streams, begin, Some(end), (from, to), limit).await?;
            (last, Some(passed))
        }
    };
    if !args.follow {
        if is_human && streams.len() < SHORT_TABLE_ROWS_MAX {
            list.ids_unique_at(lookup::booking_prefix_len(app, &streams).await?);
        }
        return list.finish(total);
    }
    list.flush()?;
    session.doing.goes_on();
    let mut last = last.max(head);
    loop {
        let (now_at, passed) =
            print(session, &mut list, &mut streams, last, None, (from, None), u64::MAX).await?;
        last = now_at;
        if passed > 0 {
            list.flush()?;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Prints the events after `begin`, up to `end` or for as long as there are any; returns the last position
/// looked at and how many passed, of which the last `limit` were printed.
async fn print(
    session: &Session,
    list: &mut List<'_>,
    streams: &mut Vec<BookingId>,
    begin: i64,
    end: Option<i64>,
    (from, to): TimeRange,
    limit: u64,
) -> Result<(i64, u64), Failure> {
    let (mut last, mut passed) = (begin, 0);
    // Which are the last ones is known at the end; without a limit nothing waits.
    let mut kept = VecDeque::new();
    'log: while end.is_none_or(|end| last < end) {
        let page = lists::events(&session.app, last).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            if end.is_some_and(|end| entry.position > end) {
                break 'log;
            }
            last = entry.position;
            let is_in = from.is_none_or(|from| entry.recorded_at >= from)
                && to.is_none_or(|to| entry.recorded_at < to);
            if is_in {
                passed += 1;
                if limit == u64::MAX {
                    print_all(list, streams, [entry])?;
                    continue;
                }
                if kept.len() as u64 == limit {
                    kept.pop_front();
                }
                kept.push_back(entry);
            }
        }
    }
    print_all(list, streams, kept)?;
    Ok((last, passed))
}

fn print_all(
    list: &mut List<'_>,
    streams: &mut Vec<BookingId>,
    entries: impl IntoIterator<Item = LogEntry>,
) -> Result<(), Failure> {
    for entry in entries {
        if streams.len() < SHORT_TABLE_ROWS_MAX {
            streams.push(BookingId(entry.stream_id));
        }
        list.row(&lists::event_body(entry))?;
    }
    Ok(())
}
