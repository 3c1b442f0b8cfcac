//! Making one thing of the catalogue: written as a seed file has it, so that the same rules hold.

use super::layouts;
use crate::commands::change;
use crate::commands::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Column, Plan, Printer};
use crate::session::{self, Session};
use ticketing_core::adapters::seed_file::{self, Seed};
use ticketing_core::domain::layout::LayoutSpec;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::{details, halls, seed};

/// Reads what a command wrote as a seed file; faults are those of its flags.
///
/// # Errors
/// A usage error that names the value at fault.
pub fn parse(command: &str, file: &serde_json::Value, now: Timestamp) -> Result<Seed, Failure> {
    seed_file::parse(command, &file.to_string(), now).map_err(|error| {
        let field = error.path.rsplit(['.', ']']).next().filter(|field| !field.is_empty());
        let place = field.map_or_else(String::new, |field| format!("{field}: "));
        Failure::usage(format!("{place}{}.", error.message)).hint(format!("ticketctl {command} --help"))
    })
}

/// Takes texts for the numbers that they are; what is none stays text, and is refused where it is read.
#[must_use]
pub fn numbers(texts: &[String]) -> Vec<serde_json::Value> {
    let number = |text: &String| serde_json::from_str::<serde_json::Number>(text.trim()).map(Into::into);
    texts.iter().map(|text| number(text).unwrap_or_else(|_| text.clone().into())).collect()
}

/// Makes the one thing of `kind` that a seed holds, and prints it.
///
/// # Errors
/// A conflict if another is there already; as the gate refuses; what the stores say.
pub async fn create(
    kind: &str,
    mut seed: Seed,
    args: &ChangeArgs,
    desk: &Desk,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    change::refuse_key(args, "What is made is found by its own key: making it twice changes nothing.")?;
    let app = &session.app;
    let actor = session::actor(desk, args)?;
    for reference in &mut seed.referenced_layouts {
        "--layout".clone_into(&mut reference.place);
    }
    layouts::complete(session, &mut seed).await?;
    let route = seed.catalog.routes.first().map(|route| route.id);
    let offering = seed.catalog.offerings.first().map(|offering| offering.id);
    let venue = seed.catalog.venues.first().map(|venue| venue.id);
    let action = format!("{kind} create");
    let planned = seed::plan(app, &action, seed.catalog).await?;
    let differs = planned.plan.changes.iter().any(|change| change.kind == kind && change.before.is_some());
    if differs || !planned.kept.is_empty() {
        let list = match kind {
            "schedule" => "ticketctl schedule list --date DATE".to_owned(),
            kind => format!("ticketctl {kind} list"),
        };
        return Err(Failure::conflict(format!("There is another {kind} with this key."))
            .code("EXISTS")
            .why("What is there is not changed by making it.")
            .hint(list));
    }
    let plan = Plan::of(&planned.plan)?;
    let change = Change { title: format!("Make the {kind}"), severity: Severity::Adds, plan };
    let is_there = planned.plan.affected == 0 && !args.dry_run;
    if is_there {
        printer.note("Nothing to change.");
    } else {
        if gate(printer, &change, args)? == Gate::Stop {
            return Ok(());
        }
        let mut untold = |_, _| ();
        let execute = seed::execute(app, planned, &actor, &mut untold);
        let done = session.changed(None, execute).await?;
        session.reach(printer, done.position).await;
    }
    match (kind, offering, route, venue) {
        ("event", Some(id), ..) => printer.object(&node(&halls::event(app, id).await?)?, EVENT),
        ("venue", _, _, Some(id)) => {
            printer.object(&node(&halls::venue(app, &id.to_string()).await?)?, VENUE)
        }
        (_, Some(id), ..) => printer.object(&node(&details::schedule(app, id).await?)?, SCHEDULE),
        (_, None, Some(id), _) => printer.object(&node(&details::route(app, id).await?)?, ROUTE),
        (_, None, None, _) => Ok(()),
    }
}

/// Writes a layout as a seed file has it.
#[must_use]
pub fn layout(spec: &LayoutSpec) -> serde_json::Value {
    serde_json::to_value(spec).unwrap_or_default()
}

const SCHEDULE: &[Column] = crate::commands::schedule::view::DETAILS;
const EVENT: &[Column] = crate::commands::event::view::DETAILS;
const VENUE: &[Column] = crate::commands::venue::view::DETAILS;
const ROUTE: &[Column] = crate::commands::route::view::DETAILS;

#[cfg(test)]
mod tests {
    use super::{numbers, parse};
    use crate::failure::Exit;
    use ticketing_core::domain::time::Timestamp;

    #[test]
    fn a_wrong_flag_is_a_usage_error_that_names_it() {
        let file = serde_json::json!({
            "stops": [{"key": "a", "name": "A"}, {"key": "b", "name": "B"}],
            "routes": [{"key": "1", "name": "N", "stops": ["a", "b"], "price": "2.505", "timezone": "UTC"}],
        });
        let failure = parse("route create", &file, Timestamp::from_millis(0)).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.starts_with("price: "), "{}", failure.message);
        assert_eq!(failure.hint.as_deref(), Some("ticketctl route create --help"));
    }

    #[test]
    fn minutes_are_numbers_where_they_are() {
        let texts = ["0", " 6.5", "x"].map(str::to_owned);
        assert_eq!(serde_json::json!(numbers(&texts)).to_string(), r#"[0,6.5,"x"]"#);
    }
}
