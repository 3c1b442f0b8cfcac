//! `ticketctl doctor`: everything that can be looked at from here, then the stores, here or on the server.
//!
//! Nothing is changed, nothing is made, and no secret is printed. Each check is bounded in time.

mod distant;
mod machine;
mod services;

use crate::place::{self, Place};
use crate::settings::{Kind, problems};
use std::time::Duration;
use ticketing_core::app::StoreConfig;
use ticketing_core::app::config::Settings;
use ticketing_desk::commands::doctor::{self, Checked};
use ticketing_desk::globals::{Globals, Secret};
use ticketing_desk::signals::{self, Doing};
use ticketing_desk::{Desk, Failure, Printer};
use ticketing_server::failures::sign_token;

/// Makes all checks, and tells of them.
///
/// # Errors
/// Unhealthy, if any fails; a signal.
pub fn run(globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    let mut all = Vec::new();
    // Without a context that can be used, what the flags and the environment say is looked at all the same.
    let (place, globals) = match place::find(globals) {
        Ok(found) => {
            printer.work_in(&found.globals);
            all.push(match (&found.context, found.warnings.as_slice()) {
                (_, [first, ..]) => Checked::warn("context", first.clone(), fix_of(first)),
                (Some(named), []) => {
                    Checked::ok("context", format!("{}.", named.context.guard(&named.name).line(false)))
                }
                (None, []) => Checked::ok("context", "None is in use."),
            });
            (found.place, found.globals)
        }
        Err(failure) => {
            all.push(Checked::failed("context", &failure));
            (Place::Here, globals.clone())
        }
    };
    let limit = globals.timeout;
    match place {
        Place::There(distant) => {
            all.push(machine::clock());
            all.extend(distant::check(&distant, &globals)?);
        }
        Place::Here => all.extend(here(globals, limit)?),
    }
    doctor::tell(printer, &all)
}

/// A warning of this program ends in what to do.
fn fix_of(warning: &str) -> String {
    warning.rsplit_once("): ").map_or_else(|| "ticketctl context show".to_owned(), |(_, fix)| fix.to_owned())
}

/// Looks at this machine, and at the stores that it works on.
fn here(globals: Globals, limit: Duration) -> Result<Vec<Checked>, Failure> {
    let mut all = Vec::new();
    let settings = match Settings::load() {
        Ok(settings) => settings,
        Err(error) => {
            let fix = format!("correct {}, or move it away", error.name);
            all.push(Checked::fail("settings", format!("{error}."), fix));
            Settings::default()
        }
    };
    let has_file = all.is_empty();
    let url = globals.database_url.as_ref().map(Secret::expose);
    let stores = settings.stores(globals.data_dir.as_deref(), url);
    let config = match &stores {
        Ok(config) => config.clone(),
        // Which is told among the settings.
        Err(_) => Settings::default().stores(globals.data_dir.as_deref(), url).map_err(Failure::from)?,
    };
    if has_file {
        all.push(configured(&settings, &config));
    }
    all.push(machine::clock());
    all.push(machine::descriptors());
    all.extend(machine::folder(&config));
    all.push(services::secret(&settings, &config));
    let asked =
        signals::run(&Doing::default(), async { Ok(services::check(&settings, &config, limit).await) })?;
    all.extend(asked);
    match has_file && stores.is_ok() {
        true => all.extend(doctor::look(&Desk::here(globals, sign_token))?),
        false => all.push(Checked::fail(
            "stores",
            "They can't be found before the settings are right.",
            "ticketctl config check",
        )),
    }
    Ok(all)
}

fn configured(settings: &Settings, stores: &StoreConfig) -> Checked {
    let found = problems(settings, stores);
    let of = |is: fn(Kind) -> bool| {
        let all = found.iter().filter(|problem| is(problem.kind));
        all.map(|problem| format!("{} {}.", problem.name, problem.problem)).collect::<Vec<_>>().join(" ")
    };
    let wrong = of(|kind| matches!(kind, Kind::Wrong));
    let other = of(|kind| matches!(kind, Kind::Unknown));
    match (wrong.is_empty(), other.is_empty()) {
        (false, _) => Checked::fail("settings", wrong, "ticketctl config check"),
        (true, false) => Checked::warn("settings", other, "ticketctl config check"),
        (true, true) => Checked::ok("settings", "Nothing is wrong with what is set."),
    }
}
