//! `ticketctl booking reserve`.

use crate::commands::change::{self, Work};
use crate::commands::ids::Ids;
use crate::confirm::Severity;
use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::globals::{ChangeArgs, parse_duration};
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use std::time::Duration;
use ticketing_core::app::commands::new_booking_id;
use ticketing_core::app::config::{HOLD_SECONDS_DEFAULT, HOLD_SECONDS_MAX};
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::booking::passenger::Passenger;
use ticketing_core::domain::catalog::OfferingKind;
use ticketing_core::domain::id::{OfferingId, UserId};
use ticketing_core::domain::rules::{check_text, len_max};
use ticketing_core::ops::{bookings, lookup, people};

/// Hold a seat of a departure for somebody
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl booking reserve 5f0c9a1e \\\n      --passenger-name 'Ada L.' --passenger-email ada@example.org\n  \
                        ticketctl booking reserve 10@05:00/2026-11-21 --seat A1 \\\n      --from harbour --to university --hold 30m \\\n      \
                        --passenger-name Ada --passenger-email ada@example.org\n  \
                        ticketctl booking reserve 5f0c9a1e --dry-run -o json \\\n      \
                        --passenger-name Ada --passenger-email ada@example.org"
)]
pub struct Args {
    /// The departure: its id, a unique beginning of it, its externalId, or externalId/DATE
    schedule: String,
    /// The seat, such as A1 [default: the best fitting one]
    #[arg(long, value_name = "SEAT")]
    seat: Option<String>,
    /// Where the journey begins: a stop's id, externalId or #sequence [default: the first stop]
    #[arg(long, value_name = "STOP")]
    from: Option<String>,
    /// Where it ends [default: the last stop]
    #[arg(long, value_name = "STOP")]
    to: Option<String>,
    /// The passenger's name
    #[arg(long, value_name = "NAME")]
    passenger_name: String,
    /// The passenger's e-mail address
    #[arg(long, value_name = "EMAIL")]
    passenger_email: String,
    /// The passenger's phone number
    #[arg(long, value_name = "PHONE")]
    passenger_phone: Option<String>,
    /// Whose booking it is [default: who makes it]
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// How long to hold the seat, 1s to 1h [default: HOLD_SECONDS, else 15m]
    #[arg(long, value_name = "TIME", value_parser = hold)]
    hold: Option<Duration>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The longest hold that is asked for; `HOLD_SECONDS` may be longer, as for the server.
const HOLD_FLAG_SECONDS_MAX: u64 = 3_600;

fn hold(text: &str) -> Result<Duration, String> {
    let hold = parse_duration(text)?;
    let is_right = hold.subsec_millis() == 0 && (1..=HOLD_FLAG_SECONDS_MAX).contains(&hold.as_secs());
    is_right.then_some(hold).ok_or_else(|| "must be whole seconds, 1s to 1h".into())
}

/// Holds the seat.
///
/// # Errors
/// What the arguments can't be; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let passenger = args.passenger()?;
    args.check()?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        reserve(args, passenger, desk, session, printer).await
    })
}

async fn reserve(
    args: &Args,
    passenger: Passenger,
    desk: &Desk,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let facts = lookup::offering(app, &args.schedule).await?.facts;
    let offering = facts.id;
    args.refuse_stops_of(facts.kind)?;
    let command = args.command(offering, &actor.name, session)?;
    let text = serde_json::json!([
        "booking reserve",
        offering,
        command.user_id,
        args.seat,
        args.from,
        args.to,
        command.hold_seconds,
        passenger.name,
        passenger.email,
        passenger.phone,
    ])
    .to_string();
    let key = match change::first_answer(session, &actor, &args.change, &text, 201).await? {
        change::Key::Answered(body) => return change::print_replay(printer, &body),
        change::Key::New(key) => key,
    };
    let ids = Ids { words: vec![args.schedule.clone()], is_one: true };
    let severity = Severity::Adds;
    let work = Work { verb: "Reserve", severity, ids: Some(&ids), args: &args.change, actor: &actor, key };
    change::carry_out(session, printer, work, async || {
        Ok(bookings::plan_reserve(app, "booking reserve", command.clone(), passenger.clone()).await?)
    })
    .await
    .map_err(|failure| point_at_map(failure, offering))
}

/// Names the departure whose seats to look at, where a seat is the trouble.
fn point_at_map(failure: Failure, offering: OfferingId) -> Failure {
    let failure = failure.about("OFFERING", &offering).about("SCHEDULE", &offering);
    let is_about_seats = matches!(failure.code.as_str(), "UNKNOWN_SEAT" | "SEAT_TAKEN" | "SOLD_OUT");
    let is_about_stops = matches!(failure.code.as_str(), "UNKNOWN_STOP" | "STOP_ORDER" | "NO_BOARDING");
    match failure.exit {
        Exit::Conflict | Exit::Error if is_about_seats => {
            failure.hint(format!("ticketctl seat map {offering}"))
        }
        Exit::Conflict | Exit::Error if is_about_stops => {
            failure.hint(format!("ticketctl schedule get {offering}"))
        }
        _ => failure,
    }
}

impl Args {
    fn passenger(&self) -> Result<Passenger, Failure> {
        people::passenger(&self.passenger_name, &self.passenger_email, self.passenger_phone.as_deref())
            .map_err(|(field, why)| {
                Failure::usage(format!("--passenger-{field} {why}.")).hint("ticketctl booking reserve --help")
            })
    }

    fn check(&self) -> Result<(), Failure> {
        let rows = [
            ("--user", &self.user, len_max::ID),
            ("--seat", &self.seat, len_max::SEAT_OR_STOP),
            ("--from", &self.from, len_max::ID),
            ("--to", &self.to, len_max::ID),
        ];
        for (flag, value, chars_max) in rows {
            if let Some(value) = value {
                check_text(value, chars_max).map_err(|why| {
                    Failure::usage(format!("{flag} {why}.")).hint("ticketctl booking reserve --help")
                })?;
            }
        }
        Ok(())
    }

    /// Only a departure has stops.
    fn refuse_stops_of(&self, kind: OfferingKind) -> Result<(), Failure> {
        let stop = if self.from.is_some() { "--from" } else { "--to" };
        match kind {
            OfferingKind::Event | OfferingKind::Listing if self.from.is_some() || self.to.is_some() => {
                Err(Failure::usage(format!("The {} has no stops.", kind.noun()))
                    .code("INVALID")
                    .hint(format!("leave out {stop}")))
            }
            OfferingKind::Departure | OfferingKind::Event | OfferingKind::Listing => Ok(()),
        }
    }

    fn command(&self, offering_id: OfferingId, actor: &str, session: &Session) -> Result<Reserve, Failure> {
        let hold_seconds = match self.hold {
            Some(hold) => u32::try_from(hold.as_secs()).unwrap_or(HOLD_SECONDS_DEFAULT),
            None => hold_setting(session.settings.get("HOLD_SECONDS").as_deref())?,
        };
        Ok(Reserve {
            booking_id: new_booking_id(),
            offering_id,
            route_id: None,
            user_id: UserId(self.user.clone().unwrap_or_else(|| actor.to_owned())),
            seats: match &self.seat {
                Some(label) => SeatChoice::Named(vec![label.clone()]),
                None => SeatChoice::Any(1),
            },
            from_stop: self.from.clone(),
            to_stop: self.to.clone(),
            expected_price: None,
            hold_seconds,
            kind: HoldKind::Reserve,
        })
    }
}

fn hold_setting(text: Option<&str>) -> Result<u32, Failure> {
    let Some(text) = text else { return Ok(HOLD_SECONDS_DEFAULT) };
    let seconds = text.trim().parse::<u32>().ok();
    seconds.filter(|s| (1..=HOLD_SECONDS_MAX).contains(s)).ok_or_else(|| {
        Failure::usage(format!(
            "HOLD_SECONDS is \"{text}\", which is no number from 1 to {HOLD_SECONDS_MAX}."
        ))
        .code("CONFIG")
        .hint("set it right, or give --hold 15m")
    })
}

#[cfg(test)]
mod tests {
    use super::{hold, hold_setting};

    #[test]
    fn a_hold_lasts_a_second_to_an_hour() {
        for (text, seconds) in [
            ("1s", Some(1)),
            ("15m", Some(900)),
            ("1h", Some(3600)),
            ("3601s", None),
            ("500ms", None),
            ("0s", None),
        ] {
            assert_eq!(hold(text).ok().map(|d| d.as_secs()), seconds, "{text}");
        }
        assert_eq!(hold_setting(Some("60")).ok(), Some(60));
        assert_eq!(hold_setting(None).ok(), Some(900));
        assert_eq!(hold_setting(Some("7200")).ok(), Some(7200));
        assert!(hold_setting(Some("0")).is_err() && hold_setting(Some("x")).is_err());
    }
}
