use super::{Journey, Told, letter, one_line};
use crate::domain::booking::event::SeatRef;
use crate::domain::booking::state::{Booking, BookingState};
use crate::domain::catalog::OfferingKind;
use crate::domain::id::{BookingId, OfferingId, UserId};
use crate::domain::mail::MailKind;
use crate::domain::money::{Currency, Money};
use crate::domain::seating::{LegRange, SeatNo};
use crate::domain::time::Timestamp;
use uuid::Uuid;

const USD: fn(i64) -> Money = |amount_minor| Money { amount_minor, currency: Currency::USD };

fn told(kind: MailKind, state: BookingState) -> Told {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let booking = Booking {
        id: BookingId(Uuid::from_u128(7)),
        offering_id: OfferingId(Uuid::from_u128(8)),
        user_id: UserId("ann".into()),
        seats: vec![SeatRef { no: SeatNo(0), label: "A1".into() }],
        legs: LegRange::new(0, 1).unwrap(),
        price: USD(2_500),
        state,
        hold_expires_at: at("2026-11-20T09:15:00Z"),
        payment_id: None,
        created_at: at("2026-11-20T09:00:00Z"),
        confirmed_at: None,
        cancel_reason: None,
        version: 2,
    };
    let journey = Journey {
        kind: OfferingKind::Departure,
        is_withdrawn: false,
        title: "Airport Express".into(),
        from: Some("Market Street".into()),
        to: Some("Airport".into()),
        begins_at: Some(at("2026-11-21T15:30:00Z")),
        ends_at: Some(at("2026-11-21T16:15:00Z")),
        timezone: "America/New_York".into(),
    };
    Told { kind, booking, was_sold: false, refunded: None, passenger: "Ann".into(), journey: Some(journey) }
}

#[test]
fn a_confirmation_says_what_was_bought_when_and_where_in_local_time() {
    let letter = letter(&told(MailKind::Confirmed, BookingState::Confirmed));
    assert_eq!(letter.subject, "Your ticket is confirmed: Airport Express");
    let expected = "Hello Ann,\n\nYour booking is confirmed.\n\n\
        \x20 Route:     Airport Express\n\
        \x20 From:      Market Street\n\
        \x20 To:        Airport\n\
        \x20 Departure: Saturday 21 November 2026, 10:30 EST (America/New_York)\n\
        \x20 Arrival:   Saturday 21 November 2026, 11:15 EST (America/New_York)\n\
        \x20 Seat:      A1\n\
        \x20 Price:     25.00 USD\n\
        \x20 Booking:   00000000-0000-0000-0000-000000000007\n";
    assert!(letter.text.starts_with(expected), "{}", letter.text);
    for word in ["Airport Express", "10:30 EST", "25.00 USD", "00000000-0000-0000-0000-000000000007"] {
        assert!(letter.html.contains(word), "{word} in {}", letter.html);
    }
}

#[test]
fn each_letter_says_what_becomes_of_the_money() {
    let sold = |kind, state| Told { was_sold: true, ..told(kind, state) };
    let free = |mut told: Told| {
        told.booking.price = USD(0);
        told
    };
    let gone_back = |told: Told| Told { refunded: Some(USD(1_000)), ..told };
    let rows = [
        (sold(MailKind::Cancelled, BookingState::Cancelled), "25.00 USD is on its way back to you."),
        (told(MailKind::Cancelled, BookingState::Cancelled), "It was not paid."),
        (free(sold(MailKind::Cancelled, BookingState::Cancelled)), "nothing to give back"),
        (told(MailKind::Expired, BookingState::Expired), "no payment reached us in time"),
        (gone_back(sold(MailKind::Refunded, BookingState::Confirmed)), "given back 10.00 USD to you"),
        (gone_back(sold(MailKind::Refunded, BookingState::Confirmed)), "stays confirmed"),
        (gone_back(sold(MailKind::Refunded, BookingState::Cancelled)), "The booking is over"),
        (free(told(MailKind::Confirmed, BookingState::Confirmed)), "free of charge"),
    ];
    for (told, expected) in rows {
        let letter = letter(&told);
        assert!(letter.text.contains(expected), "{expected} in {}", letter.text);
        assert!(letter.html.contains(expected), "{expected} in {}", letter.html);
    }
}

#[test]
fn amounts_have_the_decimals_of_their_currency() {
    for (code, minor, expected) in [("JPY", 2_500, "2500 JPY"), ("KWD", 2_500, "2.500 KWD")] {
        let mut told = told(MailKind::Confirmed, BookingState::Confirmed);
        told.booking.price = Money { amount_minor: minor, currency: Currency::parse(code).unwrap() };
        assert!(letter(&told).text.contains(&format!("Price:     {expected}\n")), "{code}");
    }
}

#[test]
fn what_others_wrote_is_text_on_one_line_and_nothing_else() {
    let mut told = told(MailKind::Cancelled, BookingState::Cancelled);
    told.passenger = "Ann\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script>\u{202e}".into();
    told.booking.cancel_reason = Some("rain & <b>storm</b>\nsorry".into());
    if let Some(journey) = &mut told.journey {
        journey.title = "Line\r\nX-Evil: 1".into();
    }
    let letter = letter(&told);
    assert_eq!(letter.subject, "Your booking is cancelled: Line X-Evil: 1");
    assert!(
        letter.text.starts_with("Hello Ann Bcc: all@example.org <script>alert(1)</script>,\n"),
        "{}",
        letter.text
    );
    assert!(letter.text.contains("Reason:    rain & <b>storm</b> sorry\n"), "{}", letter.text);
    assert!(!letter.html.contains("<script>") && !letter.html.contains("<b>"), "{}", letter.html);
    assert!(letter.html.contains("rain &amp; &lt;b&gt;storm&lt;/b&gt; sorry"), "{}", letter.html);
    assert_eq!(one_line(" a\t\u{2028}b\u{0} "), "a b");
}

#[test]
fn a_time_zone_that_nobody_knows_is_told_as_utc() {
    let mut told = told(MailKind::Confirmed, BookingState::Confirmed);
    if let Some(journey) = &mut told.journey {
        journey.timezone = "Atlantis/Capital".into();
    }
    assert!(letter(&told).text.contains("Departure: Saturday 21 November 2026, 15:30 UTC\n"));
}

#[test]
fn each_kind_of_thing_is_spoken_of_in_its_own_words() {
    let of = |kind: OfferingKind, mut told: Told| {
        if let Some(journey) = &mut told.journey {
            journey.kind = kind;
            (journey.from, journey.to) = (None, None);
            if kind == OfferingKind::Listing {
                (journey.begins_at, journey.ends_at) = (None, None);
            }
        }
        told
    };
    let all = [
        (MailKind::Confirmed, BookingState::Confirmed),
        (MailKind::Cancelled, BookingState::Cancelled),
        (MailKind::Expired, BookingState::Expired),
        (MailKind::Refunded, BookingState::Confirmed),
        (MailKind::Refunded, BookingState::Cancelled),
    ];
    for (kind, state) in all {
        let event = letter(&of(OfferingKind::Event, told(kind, state)));
        let listing = letter(&of(OfferingKind::Listing, told(kind, state)));
        for (letter, wrong) in [
            (&event, &["travel", "Route", "Departure", "Arrival", "order"][..]),
            (&listing, &["travel", "Route", "Event", "Begins", "begins", "eat:", "seat", "A1", "ooking"][..]),
        ] {
            for word in wrong {
                assert!(!letter.subject.contains(word), "{word} in {}", letter.subject);
                assert!(!letter.text.contains(word), "{word} in {}", letter.text);
                assert!(!letter.html.contains(word), "{word} in {}", letter.html);
            }
        }
        for (letter, right) in [
            (&event, &["Event", "Begins", "Seat", "Booking"][..]),
            (&listing, &["Ticket", "Order", "about order 00000000-0000-0000-0000-000000000007"][..]),
        ] {
            for word in right {
                assert!(letter.text.contains(word), "{word} in {}", letter.text);
                assert!(letter.html.contains(word), "{word} in {}", letter.html);
            }
        }
    }
}

#[test]
fn nobody_is_asked_to_book_again_what_was_withdrawn() {
    for (kind, expected) in [
        (OfferingKind::Departure, "This departure is cancelled. To travel, please book another one."),
        (OfferingKind::Event, "The event is cancelled: nobody can book it any more."),
        (OfferingKind::Listing, "The seller has withdrawn the ticket: nobody can buy it any more."),
    ] {
        let mut told = told(MailKind::Cancelled, BookingState::Cancelled);
        if let Some(journey) = &mut told.journey {
            (journey.kind, journey.is_withdrawn) = (kind, true);
        }
        let letter = letter(&told);
        assert!(letter.text.contains(expected) && letter.html.contains(expected), "{}", letter.text);
        assert!(!letter.text.contains("again."), "{}", letter.text);
    }
}
