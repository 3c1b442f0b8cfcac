//! Commands that an answer proposes, made to work on the store that the answer is about.

use super::node::Node;

/// The fields of an answer that are commands.
const COMMAND_FIELDS: &[&str] = &["safeAction", "mend", "warning", "fix"];

/// Commands that work on a store, as they follow the program's name; those of the desk, and what serves and shows it.
pub(crate) const ON_STORES: &[&str] = &[
    "audit",
    "backup",
    "booking",
    "dlq",
    "doctor",
    "event",
    "events",
    "group",
    "hold",
    "job",
    "listing",
    "load",
    "mail",
    "migrate",
    "order",
    "outbox",
    "payment",
    "projection",
    "restore",
    "route",
    "saga",
    "schedule",
    "seat",
    "seed",
    "serve",
    "status",
    "support",
    "tui",
    "up",
    "user",
    "venue",
    "verify",
    "why",
];

/// Commands that run where they are typed, whatever server the others go to.
const HERE_ONLY: &[&str] = &["restore", "serve", "up"];

/// Gives each command in `text` the flags that name its store, unless one names them already.
pub(super) fn on_store(text: &str, flags: &str) -> String {
    const PROGRAM: &str = "ticketctl ";
    let names_one = ["--data-dir", "--database-url", "--server ", "--server=", "--context "]
        .iter()
        .any(|flag| text.contains(flag));
    if flags.is_empty() || names_one {
        return text.to_owned();
    }
    let mut parts = text.split(PROGRAM);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let word = part.split([' ', ',', ';', ':']).next().unwrap_or_default();
        out.push_str(PROGRAM);
        let is_remote = flags.contains("--server ") || flags.contains("--context ");
        if ON_STORES.contains(&word) && !(is_remote && HERE_ONLY.contains(&word)) {
            out.push_str(flags);
        }
        out.push_str(part);
    }
    out
}

/// Gives each command among the fields of an answer the flags that name its store.
pub(super) fn complete(node: &mut Node, flags: &str) {
    match node {
        Node::Map(fields) => {
            for (name, value) in fields {
                match value {
                    Node::Text(text) if COMMAND_FIELDS.contains(&name.as_str()) => {
                        *text = on_store(text, flags);
                    }
                    Node::Map(_) | Node::List(_) => complete(value, flags),
                    Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
                }
            }
        }
        Node::List(items) => items.iter_mut().for_each(|item| complete(item, flags)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::on_store;

    #[test]
    fn commands_to_paste_name_the_store_that_was_worked_on() {
        for (text, expected) in [
            ("ticketctl saga retry s-1", "ticketctl --data-dir d saga retry s-1"),
            (
                "ticketctl seed demo, or ticketctl up --demo",
                "ticketctl --data-dir d seed demo, or ticketctl --data-dir d up --demo",
            ),
            ("ticketctl x --data-dir e --yes", "ticketctl x --data-dir e --yes"),
            ("use the newer ticketctl that made it", "use the newer ticketctl that made it"),
        ] {
            assert_eq!(on_store(text, "--data-dir d "), expected);
            assert_eq!(on_store(text, ""), text);
        }
    }
}
