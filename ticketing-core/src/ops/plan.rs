//! A plan: what exactly a change would do, as data that is shown, stored in the audit log, and executed.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a change would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The command: `booking cancel`.
    pub action: String,
    /// Each thing that would change.
    pub changes: Vec<PlanChange>,
    /// How many things would change.
    pub affected: usize,
}

/// One thing that would change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanChange {
    /// `booking`, `route`, `layout`, `pattern`, `schedule`.
    pub kind: String,
    /// Its id; `None` for what is new.
    pub id: Option<String>,
    /// How it is; `None` for what is new.
    pub before: Option<Box<RawValue>>,
    /// How it would be; `None` for what would go.
    pub after: Option<Box<RawValue>>,
}

impl PlanChange {
    /// What something new is called: a token, by whom it is for.
    fn new_name(&self) -> String {
        #[derive(Deserialize)]
        struct For {
            subject: String,
        }
        let whom = self.after.as_ref().and_then(|after| serde_json::from_str::<For>(after.get()).ok());
        match whom {
            Some(For { subject }) => format!("new {} for {subject}", self.kind),
            None => format!("new {}", self.kind),
        }
    }
}

impl Plan {
    /// A plan of these changes.
    #[must_use]
    pub fn new(action: &str, changes: Vec<PlanChange>) -> Self {
        Self { action: action.to_owned(), affected: changes.len(), changes }
    }

    /// What the audit log names as the target: the one id, or how many.
    #[must_use]
    pub fn target(&self) -> String {
        match self.changes.as_slice() {
            [] => "nothing".into(),
            [one] => one.id.clone().unwrap_or_else(|| one.new_name()),
            [first, rest @ ..] if rest.iter().all(|change| change.kind == first.kind) => {
                format!("{} {}s", rest.len() + 1, first.kind)
            }
            many => format!("{} things", many.len()),
        }
    }
}

/// Returns a body as it stands in a plan.
#[must_use]
pub(super) fn raw_of<T: Serialize>(body: &T) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(body).ok()
}
