//! What comes out, format by format, to the last blank.

use super::testing::{Screen, screen};
use super::{Column, Node, View};

const HISTORY: &[Column] = &[Column::number("Position", "position"), Column::text("Type", "type")];

const COLUMNS: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("Status", "status"),
    Column::text("Passenger", "passengerName"),
    Column::money("Price", "price"),
    Column::time("Hold ends", "holdExpiresAt"),
    Column::text("Seats", "seats").wide(),
    Column::rows("History", "history", HISTORY).wide(),
];

const LISTED: &[Column] = COLUMNS.split_at(6).0;
const BOOKINGS: View = View::new("bookings", LISTED);

fn rows() -> [Node; 2] {
    [
        r#"{"id":"01928a7c-1111-7000-8000-000000000001","status":"PENDING","passengerName":"Anna \u001b[31m",
            "price":25.00,"currency":"USD","holdExpiresAt":"2026-11-20T12:14:59.000Z","seats":["A1","B2"],
            "history":[{"position":7,"type":"TicketReserved"},{"position":12,"type":"HoldExpired"}]}"#,
        r#"{"id":"01928a7c-1112-7000-8000-000000000002","status":"CONFIRMED","passengerName":"東京, 太郎",
            "price":1250,"currency":"JPY","holdExpiresAt":null,"seats":["no"],"history":[]}"#,
    ]
    .map(|row| Node::parse(row).unwrap())
}

fn listed(flags: &[&str], is_terminal: bool) -> Screen {
    let mut screen = screen(flags, is_terminal);
    screen.printer.list(&BOOKINGS, rows(), Some(3412)).unwrap();
    screen
}

fn one(flags: &[&str], is_terminal: bool) -> Screen {
    let mut screen = screen(flags, is_terminal);
    screen.printer.object(&rows()[0], COLUMNS).unwrap();
    screen
}

#[test]
fn a_table_fits_eighty_columns_and_says_what_it_leaves_out() {
    let screen = listed(&[], true);
    assert_eq!(
        screen.out(),
        "\
ID             STATUS     PASSENGER            PRICE  HOLD ENDS
01928a7c-1111  PENDING    Anna \\u{1b}[31m  25.00 USD  in 14m
01928a7c-1112  CONFIRMED  東京, 太郎        1250 JPY  -
"
    );
    assert_eq!(screen.err(), "2 of 3,412 bookings; --limit N or --all lists more.\n");
    assert!(listed(&[], false).out().lines().all(|line| line.chars().count() <= 80));
    assert!(listed(&[], false).out().contains("  2026-11-20T12:14:59.000Z\n"));
    assert_eq!(listed(&["-q"], true).err(), "");
}

#[test]
fn a_wide_table_has_every_column_whole() {
    let expected = "\
ID                                    STATUS     PASSENGER            PRICE  HOLD ENDS  SEATS
01928a7c-1111-7000-8000-000000000001  PENDING    Anna \\u{1b}[31m  25.00 USD  in 14m     A1, B2
01928a7c-1112-7000-8000-000000000002  CONFIRMED  東京, 太郎        1250 JPY  -          no
";
    assert_eq!(listed(&["-owide"], true).out(), expected);
}

#[test]
fn machine_formats_have_whole_ids_raw_times_and_exact_prices() {
    assert_eq!(
        listed(&["-ocsv", "--color=always"], false).out(),
        "\
id,status,passengerName,price,currency,holdExpiresAt,seats
01928a7c-1111-7000-8000-000000000001,PENDING,Anna \u{1b}[31m,25.00,USD,2026-11-20T12:14:59.000Z,\"[\"\"A1\"\",\"\"B2\"\"]\"
01928a7c-1112-7000-8000-000000000002,CONFIRMED,\"東京, 太郎\",1250,JPY,,\"[\"\"no\"\"]\"
"
    );
    assert_eq!(
        listed(&["-oname"], false).out(),
        "01928a7c-1111-7000-8000-000000000001\n01928a7c-1112-7000-8000-000000000002\n"
    );
    let jsonl = listed(&["-ojsonl"], true).out();
    let read: Vec<Node> = jsonl.lines().map(|line| Node::parse(line).unwrap()).collect();
    assert_eq!(read, rows());
    let json = listed(&["-ojson"], true);
    assert_eq!(Node::parse(&json.out()).unwrap(), Node::List(rows().to_vec()));
    assert!(json.out().starts_with("[\n  {\n    \"id\": \"01928a7c-1111"), "{}", json.out());
    assert!(json.out().ends_with("\n    \"history\": []\n  }\n]\n"), "{}", json.out());
    assert_eq!(json.err(), "");
    assert!(
        listed(&["-oyaml"], false)
            .out()
            .starts_with("- id: \"01928a7c-1111-7000-8000-000000000001\"\n  status: ")
    );
}

#[test]
fn raw_text_is_made_harmless_where_a_terminal_reads_it() {
    assert!(!listed(&["-ocsv"], true).out().contains('\u{1b}'));
    assert!(!listed(&["-ojson"], false).out().contains('\u{1b}'));
    assert!(!listed(&["-oyaml"], false).out().contains('\u{1b}'));
}

#[test]
fn an_empty_list_is_an_answer() {
    let rows = [
        ("table", "", "No bookings match.\n"),
        ("wide", "", "No bookings match.\n"),
        ("json", "[]\n", ""),
        ("jsonl", "", ""),
        ("yaml", "[]\n", ""),
        ("csv", "id,status,passengerName,price,currency,holdExpiresAt,seats\n", ""),
        ("name", "", ""),
    ];
    for (format, out, err) in rows {
        let mut screen = screen(&["-o", format], true);
        screen.printer.list(&BOOKINGS, Vec::<Node>::new(), Some(0)).unwrap();
        assert_eq!((screen.out().as_str(), screen.err().as_str()), (out, err), "{format}");
    }
}

#[test]
fn an_object_is_labelled_fields_and_its_rows_below() {
    let mut expected = "\
Id         01928a7c-1111-7000-8000-000000000001
Status     PENDING
Passenger  Anna \\u{1b}[31m
Price      25.00 USD
Hold ends  2026-11-20T12:14:59.000Z
"
    .to_owned();
    assert_eq!(one(&[], false).out(), expected);
    expected.push_str(
        "Seats      A1, B2\n\nHistory\nPOSITION  TYPE\n       7  TicketReserved\n      12  HoldExpired\n",
    );
    assert_eq!(one(&["-owide"], false).out(), expected);
}

#[test]
fn an_object_without_rows_has_no_table_below() {
    let mut screen = screen(&[], false);
    screen.printer.object(&rows()[1], &[Column::state("Status", "status"), COLUMNS[6]]).unwrap();
    assert_eq!((screen.out().as_str(), screen.err().as_str()), ("Status  CONFIRMED\n", ""));
}

#[test]
fn a_value_of_any_length_is_cut_in_tables_and_whole_elsewhere() {
    let row =
        Node::Map(vec![("id".into(), Node::Text("東".repeat(20_000))), ("x".into(), Node::Text("y".into()))]);
    const VIEW: View = View::new("things", &[Column::text("Id", "id"), Column::text("X", "x")]);
    for format in ["table", "wide", "csv", "name"] {
        let mut screen = screen(&["-o", format], false);
        screen.printer.list(&VIEW, [&row], None).unwrap();
        let longest = screen.out().lines().map(|line| line.chars().count()).max().unwrap();
        assert_eq!(longest <= 80, format == "table", "{format}: {longest}");
    }
}

#[test]
fn an_object_is_one_document_to_programs() {
    assert_eq!(Node::parse(&one(&["-ojson"], false).out()).unwrap(), rows()[0]);
    assert_eq!(one(&["-ojsonl"], false).out().lines().count(), 1);
    assert_eq!(one(&["-ocsv"], false).out().lines().count(), 2);
    assert_eq!(one(&["-oname"], false).out(), "01928a7c-1111-7000-8000-000000000001\n");
    assert!(one(&["-oyaml"], false).out().contains("price: 25.00\n"));
}

#[test]
fn a_token_is_bare_to_people_and_a_field_to_programs() {
    let token = Node::parse(r#"{"token":"a.b.c"}"#).unwrap();
    for (flag, expected) in [
        ("table", "a.b.c\n"),
        ("name", "a.b.c\n"),
        ("jsonl", "{\"token\":\"a.b.c\"}\n"),
        ("csv", "token\na.b.c\n"),
    ] {
        let mut screen = screen(&["-o", flag], false);
        screen.printer.bare(&token, Column::text("Token", "token")).unwrap();
        assert_eq!(screen.out(), expected, "{flag}");
    }
}

#[test]
fn a_long_list_comes_piece_by_piece_with_whole_ids_and_one_head_line() {
    let mut screen = screen(&[], false);
    let mut list = screen.printer.start_list(&BOOKINGS).unwrap();
    for _ in 0..1250 {
        list.row(&rows()[0]).unwrap();
        list.row(&rows()[1]).unwrap();
    }
    list.finish(None).unwrap();
    assert_eq!(screen.out().lines().count(), 2501);
    assert_eq!(screen.out().matches("STATUS").count(), 1);
    assert!(
        screen
            .out()
            .lines()
            .skip(1)
            .all(|line| line.starts_with("01928a7c-111") && line[..36].ends_with(['1', '2']))
    );
}

#[test]
fn a_watched_list_prints_each_row_at_once_under_the_first_widths() {
    const EVENTS: View = View::new(
        "events",
        &[
            Column::number("Position", "position"),
            Column::text("Type", "type").at_least(20),
            Column::id("Stream", "stream"),
        ],
    );
    let mut screen = screen(&[], false);
    let mut list = screen.printer.start_list(&EVENTS).unwrap();
    for (position, kind) in [(7, "HoldExpired"), (12, "PaymentSucceededAfterTheHoldEnded")] {
        let row = format!(r#"{{"position":{position},"type":"{kind}","stream":"s-1"}}"#);
        list.row(&Node::parse(&row).unwrap()).unwrap();
        list.flush().unwrap();
    }
    list.finish(None).unwrap();
    assert_eq!(
        screen.out(),
        "\
POSITION  TYPE                  STREAM
       7  HoldExpired           s-1
      12  PaymentSucceededAft…  s-1
"
    );
}
