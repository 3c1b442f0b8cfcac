//! On which days a service runs: `calendar.txt` by weekday, `calendar_dates.txt` by exception, or either alone.

use super::rows::{Feed, Row, required, shown};
use super::value::date;
use super::{GtfsError, ROWS_MAX};
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::{BTreeMap, HashMap, HashSet};

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// All services of the feed.
pub(super) struct Services {
    index_of: HashMap<String, u32>,
    services: Vec<Service>,
    /// Those whose row in `calendar.txt` was skipped.
    skipped: HashSet<String>,
}

#[derive(Default)]
struct Service {
    weekly: Option<Weekly>,
    /// Days that differ from the week: whether it runs.
    exceptions: BTreeMap<Date, bool>,
}

struct Weekly {
    /// From Monday.
    days: [bool; 7],
    first: Date,
    last: Date,
}

impl Weekly {
    /// Reads the columns that [`Services::read_weekly`] asks for.
    fn parse(row: &Row<'_, 10>) -> Result<Self, String> {
        let mut days = [false; 7];
        for (i, runs) in days.iter_mut().enumerate() {
            *runs = match row.bytes(i) {
                b"1" => true,
                b"0" | b"" => false,
                _ => return Err(format!("{} {} is not 0 or 1", WEEKDAYS[i], shown(&row.text(i)))),
            };
        }
        let (first, last) = (date(row.bytes(8), "start_date")?, date(row.bytes(9), "end_date")?);
        if last < first {
            return Err(format!("ends on {last}, before it starts on {first}"));
        }
        Ok(Self { days, first, last })
    }

    fn runs_on(&self, day: Date) -> bool {
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        (self.first..=self.last).contains(&day) && self.days[weekday]
    }
}

impl Service {
    fn runs_on(&self, day: Date) -> bool {
        match self.exceptions.get(&day) {
            Some(runs) => *runs,
            None => self.weekly.as_ref().is_some_and(|w| w.runs_on(day)),
        }
    }

    /// The first day it runs, or with `step` -1 the last.
    fn end(&self, step: i64) -> Option<Date> {
        let added = self.exceptions.iter().filter(|(_, runs)| **runs).map(|(day, _)| *day);
        let (added, mut day, stop) = match (&self.weekly, step) {
            (None, 1) => return added.min(),
            (None, _) => return added.max(),
            (Some(week), 1) => (added.min(), week.first, week.last),
            (Some(week), _) => (added.max(), week.last, week.first),
        };
        // Ends within a week after the last exception: nothing else can keep a day out.
        let days_max = 7 * (self.exceptions.len() as u64 + 1);
        let mut weekly = None;
        for _ in 0..days_max {
            if self.runs_on(day) {
                weekly = Some(day);
                break;
            }
            match day.checked_add(step.days()) {
                Ok(next) if day != stop => day = next,
                _ => break,
            }
        }
        let ends = [added, weekly].into_iter().flatten();
        if step == 1 { ends.min() } else { ends.max() }
    }
}

impl Services {
    /// Reads both files; at least one of them must be there.
    pub(super) fn read(feed: &mut Feed<'_>) -> Result<Self, GtfsError> {
        let mut services = Self { index_of: HashMap::new(), services: Vec::new(), skipped: HashSet::new() };
        let weekly = services.read_weekly(feed)?;
        let exceptions = services.read_exceptions(feed)?;
        if !weekly && !exceptions {
            return Err(GtfsError::MissingFile {
                file: "calendar.txt (or calendar_dates.txt)",
                found: feed.source.found(),
            });
        }
        Ok(services)
    }

    fn read_weekly(&mut self, feed: &mut Feed<'_>) -> Result<bool, GtfsError> {
        let [mon, tue, wed, thu, fri, sat, sun] = WEEKDAYS.map(required);
        let (id, first, last) = (required("service_id"), required("start_date"), required("end_date"));
        feed.each_row("calendar.txt", [mon, tue, wed, thu, fri, sat, sun, id, first, last], |row| {
            let id = row.id(7, "service_id")?;
            if self.index_of.contains_key(&*id) {
                return Err(format!("service_id {} is there already", shown(&id)).into());
            }
            match Weekly::parse(row) {
                Ok(weekly) => {
                    self.service(&id).weekly = Some(weekly);
                    Ok(())
                }
                Err(reason) => {
                    self.skipped.insert(id.into_owned());
                    Err(reason.into())
                }
            }
        })
    }

    fn read_exceptions(&mut self, feed: &mut Feed<'_>) -> Result<bool, GtfsError> {
        let columns = [required("service_id"), required("date"), required("exception_type")];
        feed.each_row("calendar_dates.txt", columns, |row| {
            let id = row.id(0, "service_id")?;
            let day = date(row.bytes(1), "date")?;
            let runs = match row.bytes(2) {
                b"1" => true,
                b"2" => false,
                _ => return Err(format!("exception_type {} is not 1 or 2", shown(&row.text(2))).into()),
            };
            if self.services.len() as u64 >= ROWS_MAX && !self.index_of.contains_key(&*id) {
                return Err(GtfsError::TooManyRows { file: "calendar_dates.txt", rows_max: ROWS_MAX }.into());
            }
            let service = self.service(&id);
            if service.exceptions.contains_key(&day) {
                return Err(format!("{day} of service_id {} is there already", shown(&id)).into());
            }
            service.exceptions.insert(day, runs);
            Ok(())
        })
    }

    fn service(&mut self, id: &str) -> &mut Service {
        let index = match self.index_of.get(id) {
            Some(index) => *index as usize,
            None => {
                let index = self.services.len();
                self.index_of.insert(id.to_owned(), u32::try_from(index).unwrap_or(u32::MAX));
                self.services.push(Service::default());
                index
            }
        };
        &mut self.services[index]
    }

    /// Finds a service by its id, or says why there is none.
    pub(super) fn find(&self, id: &str) -> Result<u32, String> {
        self.index_of.get(id).copied().ok_or_else(|| {
            if self.skipped.contains(id) {
                format!("service_id {} was skipped in calendar.txt", shown(id))
            } else {
                format!("service_id {} is in neither calendar.txt nor calendar_dates.txt", shown(id))
            }
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.services.len()
    }

    /// Returns for each service whether it runs on this day.
    pub(super) fn running(&self, day: Date) -> Vec<bool> {
        self.services.iter().map(|s| s.runs_on(day)).collect()
    }

    /// Returns the first and the last day on which one of these services runs.
    pub(super) fn ends(&self, used: &[bool]) -> Option<(Date, Date)> {
        let used = || self.services.iter().zip(used).filter(|(_, used)| **used).map(|(s, _)| s);
        Some((used().filter_map(|s| s.end(1)).min()?, used().filter_map(|s| s.end(-1)).max()?))
    }
}

#[cfg(test)]
mod tests {
    use super::{Service, Weekly};
    use jiff::civil::date;

    #[test]
    fn the_first_and_last_days_are_those_on_which_it_runs() {
        // Mondays and Fridays from a Wednesday to a Sunday.
        let days = [true, false, false, false, true, false, false];
        let weekly = |days| Some(Weekly { days, first: date(2026, 7, 1), last: date(2026, 7, 19) });
        let mut service = Service { weekly: weekly(days), exceptions: [].into() };
        assert_eq!((service.end(1), service.end(-1)), (Some(date(2026, 7, 3)), Some(date(2026, 7, 17))));
        service.exceptions = [(date(2026, 7, 3), false), (date(2026, 7, 17), false)].into();
        assert_eq!((service.end(1), service.end(-1)), (Some(date(2026, 7, 6)), Some(date(2026, 7, 13))));
        service.exceptions.insert(date(2026, 6, 1), true);
        assert_eq!((service.end(1), service.end(-1)), (Some(date(2026, 6, 1)), Some(date(2026, 7, 13))));
        service.exceptions.clear();
        service.weekly = weekly([false; 7]);
        assert_eq!((service.end(1), service.end(-1)), (None, None));
        service = Service {
            weekly: None,
            exceptions: [(date(2026, 7, 4), true), (date(2026, 7, 1), false)].into(),
        };
        assert_eq!((service.end(1), service.end(-1)), (Some(date(2026, 7, 4)), Some(date(2026, 7, 4))));
    }
}
