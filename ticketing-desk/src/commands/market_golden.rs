//! What listings, orders, users and mails look like at 80 columns and in csv, to the last blank.

use crate::commands::listing::{node, node_of};
use crate::commands::{listings, mail, order, user};
use crate::output::testing::screen;
use crate::output::{Column, Node, View};
use ticketing_core::domain::booking::event::SeatRef;
use ticketing_core::domain::booking::state::{Booking, BookingState};
use ticketing_core::domain::id::{BookingId, OfferingId, UserId};
use ticketing_core::domain::listing;
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::seating::{LegRange, SeatNo};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::mails::{MailBody, MailDetails};
use ticketing_core::projection::market;
use uuid::Uuid;

const FIRST: u128 = 0x0192_a8c4_0000_7000_8000_0000_0000_0001;
const SECOND: u128 = 0x0192_b111_0000_7000_8000_0000_0000_0002;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn money(amount_minor: i64, currency: Currency) -> Money {
    Money { amount_minor, currency }
}

/// A list and one thing by itself, as a table for people and as csv, against what they are to be.
fn looks(view: &View, rows: &[Node], details: &[Column], expected: [&str; 3]) {
    let mut shown = [screen(&[], true), screen(&["-o", "csv"], false), screen(&[], true)];
    let [table, csv, one] = &mut shown;
    table.printer.list(view, rows, None).unwrap();
    csv.printer.list(view, rows, None).unwrap();
    one.printer.object(&rows[0], details).unwrap();
    let told = shown.map(|screen| screen.out());
    assert_eq!(told, expected);
    let lines = told[0].lines().chain(told[2].lines());
    assert!(lines.into_iter().all(|line| line.chars().count() <= 80), "{told:?}");
}

#[test]
fn listings_look_so() {
    let of = |id: u128, title: &str, price, status, version| {
        let id = OfferingId(Uuid::from_u128(id));
        let facts = listing::facts(id, &UserId("ada".into()), title.to_owned(), price);
        node(&market::listing(&facts, at("2026-11-20T10:00:00Z"), status, version)).unwrap()
    };
    let jazz = of(FIRST, "Two nights of jazz", money(2_500, Currency::USD), "open", 1);
    // What a seller wrote can't drive the terminal.
    let yen = Currency::parse("JPY").unwrap();
    let kabuki = of(SECOND, "Kabuki\u{1b}[2J, =1+1", money(6_500, yen), "sold", 3);
    looks(&listings::view::LIST, &[jazz, kabuki], listings::view::DETAILS, LISTINGS);
}

fn ordered(id: u128, state: BookingState) -> Booking {
    let seat = SeatRef { no: SeatNo(0), label: "A1".into() };
    Booking {
        id: BookingId(Uuid::from_u128(id)),
        offering_id: OfferingId(Uuid::from_u128(SECOND)),
        seats: vec![seat],
        legs: LegRange::new(0, 1).unwrap(),
        price: money(2_500, Currency::USD),
        state,
        hold_expires_at: at("2026-11-20T12:15:00Z"),
        created_at: at("2026-11-20T11:58:00Z"),
        confirmed_at: None,
        version: 1,
        user_id: UserId("ben".into()),
        payment_id: None,
        cancel_reason: None,
    }
}

#[test]
fn orders_look_so() {
    let now = at("2026-11-20T12:00:00Z");
    let open = market::order_of(&ordered(FIRST, BookingState::Pending), "Two nights of jazz", true, now);
    let given_back = Booking {
        payment_id: Some("pay-1".into()),
        cancel_reason: Some("asked by phone".into()),
        version: 4,
        ..ordered(SECOND, BookingState::Cancelled)
    };
    let given_back = market::order_of(&given_back, "Two nights of jazz", false, now);
    let rows = [node(&given_back).unwrap(), node(&open).unwrap()];
    looks(&order::view::LIST, &rows, order::view::DETAILS, ORDERS);
}

#[test]
fn users_look_so() {
    let rows = [
        r#"{"id":"0192a8c4-0000-7000-8000-000000000001","email":"ada@example.org","username":"ada",
            "firstName":"Ada","lastName":"Lovelace","status":"SUSPENDED","statusReason":"a stolen card",
            "createdAt":"2026-11-18T12:00:00.000Z","updatedAt":"2026-11-20T11:00:00.000Z","version":3}"#,
        r#"{"id":"0192b111-0000-7000-8000-000000000002","email":"bob@example.org","username":null,
            "status":"ACTIVE","createdAt":"2026-11-20T11:59:00.000Z","updatedAt":"2026-11-20T11:59:00.000Z",
            "version":1}"#,
    ];
    let rows = rows.map(|text| node(text).unwrap());
    looks(&user::view::LIST, &rows, user::view::DETAILS, USERS);
}

#[test]
fn mails_look_so() {
    let mail = |id: u128, state: &'static str, error: Option<&str>| MailDetails {
        mail: MailBody {
            id: Uuid::from_u128(id),
            booking_id: BookingId(Uuid::from_u128(FIRST)),
            kind: "confirmed",
            state,
            tries: if error.is_some() { 30 } else { 0 },
            next_at: None,
            last_error: error.map(str::to_owned),
            position: "42".into(),
            message_id: "<0192a8c4@ticketing>".into(),
            correlation_id: "request-1".into(),
            created_at: at("2026-11-20T11:00:00Z"),
            moved_at: at("2026-11-20T11:30:00Z"),
            sent_at: (state == "sent").then(|| at("2026-11-20T11:30:00Z")),
        },
        safe_action: error.is_some().then(|| "ticketctl mail retry 0192a8c4".to_owned()),
    };
    let failed = "550 5.1.1 the mailbox is not there, and this sentence of the server is a long one";
    let rows = [mail(FIRST, "failed", Some(failed)), mail(SECOND, "sent", None)];
    let rows = rows.map(|body| node_of(&body).unwrap());
    looks(&mail::view::LIST, &rows, mail::view::DETAILS, MAILS);
}

const LISTINGS: [&str; 3] = [
    "\
ID        STATUS  TITLE                      PRICE  SELLER\n\
0192a8c4  open    Two nights of jazz     25.00 USD  ada\n\
0192b111  sold    Kabuki\\u{1b}[2J, =1+1   6500 JPY  ada\n\
",
    "\
id,status,title,price,currency,userId,createdAt,version\n\
0192a8c4-0000-7000-8000-000000000001,open,Two nights of jazz,25.00,USD,ada,2026-11-20T10:00:00.000Z,1\n\
0192b111-0000-7000-8000-000000000002,sold,\"Kabuki\u{1b}[2J, =1+1\",6500,JPY,ada,2026-11-20T10:00:00.000Z,3\n\
",
    "\
Id       0192a8c4-0000-7000-8000-000000000001\n\
Status   open\n\
Title    Two nights of jazz\n\
Price    25.00 USD\n\
Seller   ada\n\
Created  2h ago\n\
Version  1\n\
",
];

const ORDERS: [&str; 3] = [
    "\
ID        STATUS            TICKET                  PRICE  BUYER\n\
0192b111  cancelled         Two nights of jazz  25.00 USD  ben\n\
0192a8c4  awaiting:payment  Two nights of jazz  25.00 USD  ben\n\
",
    "\
id,status,ticket.title,price,currency,userId,expiresAt,createdAt,ticket.id\n\
0192b111-0000-7000-8000-000000000002,cancelled,Two nights of jazz,25.00,USD,ben,2026-11-20T12:15:00.000Z,2026-11-20T11:58:00.000Z,0192b111-0000-7000-8000-000000000002\n\
0192a8c4-0000-7000-8000-000000000001,awaiting:payment,Two nights of jazz,25.00,USD,ben,2026-11-20T12:15:00.000Z,2026-11-20T11:58:00.000Z,0192b111-0000-7000-8000-000000000002\n\
",
    "\
Id         0192b111-0000-7000-8000-000000000002\n\
Status     cancelled\n\
Ticket     Two nights of jazz\n\
Price      25.00 USD\n\
Buyer      ben\n\
Created    2m ago\n\
Payment    pay-1\n\
Refund     PENDING\n\
Reason     asked by phone\n\
Ticket id  0192b111-0000-7000-8000-000000000002\n\
Version    4\n\
",
];

const USERS: [&str; 3] = [
    "\
ID        STATUS     E-MAIL           USER NAME  CREATED\n\
0192a8c4  SUSPENDED  ada@example.org  ada        2d ago\n\
0192b111  ACTIVE     bob@example.org  -          1m ago\n\
",
    "\
id,status,email,username,createdAt,firstName,lastName,statusReason,updatedAt,version\n\
0192a8c4-0000-7000-8000-000000000001,SUSPENDED,ada@example.org,ada,2026-11-18T12:00:00.000Z,Ada,Lovelace,a stolen card,2026-11-20T11:00:00.000Z,3\n\
0192b111-0000-7000-8000-000000000002,ACTIVE,bob@example.org,,2026-11-20T11:59:00.000Z,,,,2026-11-20T11:59:00.000Z,1\n\
",
    "\
Id          0192a8c4-0000-7000-8000-000000000001\n\
Status      SUSPENDED\n\
Why         a stolen card\n\
E-mail      ada@example.org\n\
User name   ada\n\
First name  Ada\n\
Last name   Lovelace\n\
Created     2d ago\n\
Updated     1h ago\n\
",
];

const MAILS: [&str; 3] = [
    "\
ID        STATE   KIND       BOOKING   TRIES  HAPPENED  NEXT  ERROR\n\
0192a8c4  failed  confirmed  0192a8c4     30  1h ago    -     550 5.1.1 the…\n\
0192b111  sent    confirmed  0192a8c4      0  1h ago    -     -\n\
",
    "\
id,state,kind,bookingId,tries,createdAt,nextAt,lastError,sentAt,position,messageId,correlationId\n\
0192a8c4-0000-7000-8000-000000000001,failed,confirmed,0192a8c4-0000-7000-8000-000000000001,30,2026-11-20T11:00:00.000Z,,\"550 5.1.1 the mailbox is not there, and this sentence of the server is a long one\",,42,<0192a8c4@ticketing>,request-1\n\
0192b111-0000-7000-8000-000000000002,sent,confirmed,0192a8c4-0000-7000-8000-000000000001,0,2026-11-20T11:00:00.000Z,,,2026-11-20T11:30:00.000Z,42,<0192a8c4@ticketing>,request-1\n\
",
    "\
Id           0192a8c4-0000-7000-8000-000000000001\n\
State        failed\n\
Kind         confirmed\n\
Booking      0192a8c4-0000-7000-8000-000000000001\n\
Tries        30\n\
Error        550 5.1.1 the mailbox is not there, and this sentence of the server\n\
\x20            is a long one\n\
Happened     1h ago\n\
Moved        30m ago\n\
Position     42\n\
Message-ID   <0192a8c4@ticketing>\n\
Correlation  request-1\n\
Safe action  ticketctl mail retry 0192a8c4\n\
",
];
