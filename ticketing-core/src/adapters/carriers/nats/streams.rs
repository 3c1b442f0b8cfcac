//! Which subjects carry a topic at NATS, and which stream keeps them.
//!
//! An event that has a subject of its own (`ticket:created`) is sent there and not to the topic's; whoever reads the
//! topic reads them all. A subject that another stream already keeps stays there.

use crate::adapters::carriers::{CONSUMED, PUBLISHED, TICKET_EVENTS};

/// The stream of what we publish.
pub const OUTGOING: &str = "TICKETING";
/// The stream of what others tell us.
pub const INBOUND: &str = "TICKETING_INBOUND";

/// Events that have a subject of their own beside the topic's.
const OWN_SUBJECTS: &[(&str, &str)] = &[
    ("TicketCreated", "ticket:created"),
    ("TicketUpdated", "ticket:updated"),
    ("OrderCreated", "order:created"),
    ("OrderCancelled", "order:cancelled"),
    ("OrderComplete", "order:complete"),
    ("ExpirationComplete", "expiration:complete"),
    ("PaymentCreated", "payment:created"),
];

/// The subject, without a prefix, that an event goes to.
pub fn subject<'a>(topic: &'a str, event_type: Option<&str>) -> &'a str {
    if topic != TICKET_EVENTS {
        return topic;
    }
    let own = OWN_SUBJECTS.iter().find(|(event, _)| Some(*event) == event_type);
    own.map_or(topic, |(_, subject)| subject)
}

/// The subjects, without a prefix, that carry a topic.
pub fn subjects(topic: &str) -> Vec<&str> {
    let mut subjects = vec![topic];
    if topic == TICKET_EVENTS {
        subjects.extend(OWN_SUBJECTS.iter().map(|(_, subject)| subject));
    }
    subjects
}

/// The streams of ours, each with its topics.
pub const STREAMS: &[(&str, &[&str])] = &[(OUTGOING, PUBLISHED), (INBOUND, CONSUMED)];

#[cfg(test)]
mod tests {
    use super::{TICKET_EVENTS, subject, subjects};
    use crate::adapters::carriers::CATALOG_EVENTS;

    #[test]
    fn an_event_goes_to_its_own_subject_if_it_has_one() {
        assert_eq!(subject(TICKET_EVENTS, Some("TicketCreated")), "ticket:created");
        assert_eq!(subject(TICKET_EVENTS, Some("PaymentCreated")), "payment:created");
        assert_eq!(subject(TICKET_EVENTS, Some("TicketBooked")), TICKET_EVENTS);
        assert_eq!(subject(TICKET_EVENTS, None), TICKET_EVENTS);
        assert_eq!(subject(CATALOG_EVENTS, Some("TicketCreated")), CATALOG_EVENTS);
        assert_eq!(subjects(TICKET_EVENTS).len(), 8);
        assert_eq!(subjects(CATALOG_EVENTS), [CATALOG_EVENTS]);
    }
}
