use super::{Fields, read_object};
use crate::error::ApiError;
use serde_json::Value;

#[derive(Debug, PartialEq)]
struct Sample {
    id: uuid::Uuid,
    name: String,
    email: String,
    phone: Option<String>,
    price: ticketing_core::domain::money::Money,
    hold_s: Option<u32>,
}

fn sample(f: &mut Fields<'_>) -> Sample {
    Sample {
        id: f.uuid("id"),
        name: f.text("name", 5),
        email: f.email("email"),
        phone: f.opt_text("phone", 3),
        price: f.money("price", "currency"),
        hold_s: f.opt_int("holdSeconds", 1..=3600),
    }
}

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A good body with `change` in place of, or besides, its members.
fn body(change: &[(&str, Option<&str>)]) -> String {
    let id = format!("{ID:?}");
    let mut members = vec![
        ("id", id.as_str()),
        ("name", r#""Ada""#),
        ("email", r#""ada@example.org""#),
        ("price", "25.00"),
    ];
    for (name, value) in change {
        members.retain(|m| m.0 != *name);
        members.extend(value.map(|v| (*name, v)));
    }
    let members: Vec<String> = members.iter().map(|(n, v)| format!("{n:?}:{v}")).collect();
    format!("{{{}}}", members.join(","))
}

fn fields_at_fault(error: &ApiError) -> Vec<&str> {
    error.details().iter().map(|d| d["field"].as_str().unwrap()).collect()
}

#[test]
fn a_good_body_is_read_exactly() {
    let change: &[(&str, Option<&str>)] = &[
        ("phone", Some(r#""\u00e41""#)),
        ("price", Some("\"1.234\"")),
        ("currency", Some("\"KWD\"")),
        ("holdSeconds", Some("3600")),
    ];
    let read = read_object(body(change).as_bytes(), sample).unwrap();
    assert_eq!(read.id.to_string(), ID);
    assert_eq!((read.name.as_str(), read.email.as_str()), ("Ada", "ada@example.org"));
    assert_eq!((read.phone.as_deref(), read.hold_s), (Some("ä1"), Some(3600)));
    assert_eq!(read.price.to_string(), "1.234 KWD");
    let read = read_object(body(&[("phone", Some("null"))]).as_bytes(), sample).unwrap();
    assert_eq!((read.phone, read.hold_s, read.price.to_string().as_str()), (None, None, "25.00 USD"));
}

#[test]
fn one_wrong_field_is_one_entry_with_its_reason() {
    let rows: &[(&str, Option<&str>, &str)] = &[
        ("id", None, "is required"),
        ("id", Some("null"), "is required"),
        ("id", Some(r#""x""#), "must be an id (a UUID)"),
        ("id", Some("7"), "must be a text"),
        ("name", Some(r#""""#), "must not be blank"),
        ("name", Some(r#""  ""#), "must not be blank"),
        ("name", Some(r#""Ada Lo""#), "is longer than 5 characters"),
        ("name", Some(r#""\u0000""#), "must not have control characters"),
        ("name", Some(r#""A\u0000""#), "must not have control characters"),
        ("name", Some(r#""A\u001b[""#), "must not have control characters"),
        ("name", Some(r#""\ud800""#), "is not a valid text"),
        ("name", Some("[\"Ada\"]"), "must be a text"),
        ("name", Some("{}"), "must be a text"),
        ("name", Some("true"), "must be a text"),
        ("email", Some(r#""ada""#), "must be an e-mail address, as ada@example.org"),
        ("phone", Some("123"), "must be a text"),
        ("phone", Some(r#""""#), "must not be blank"),
        ("phone", Some(r#""1234""#), "is longer than 3 characters"),
        ("price", None, "is required"),
        ("price", Some("25.001"), "has more decimals than the currency"),
        ("price", Some("-1"), "must not be negative"),
        ("price", Some("1e400"), "is too large"),
        ("price", Some("\"free\""), "must be a decimal number"),
        ("price", Some("[25]"), "must be a decimal number"),
        ("price", Some("true"), "must be a decimal number"),
        ("currency", Some("\"usd\""), "must be an ISO 4217 currency, as USD"),
        ("currency", Some("840"), "must be a text"),
        ("holdSeconds", Some("0"), "must be a whole number from 1 to 3600"),
        ("holdSeconds", Some("3601"), "must be a whole number from 1 to 3600"),
        ("holdSeconds", Some("900.0"), "must be a whole number from 1 to 3600"),
        ("holdSeconds", Some("\"900\""), "must be a whole number from 1 to 3600"),
        ("holdSeconds", Some("1e2"), "must be a whole number from 1 to 3600"),
        ("holdSeconds", Some("-5"), "must be a whole number from 1 to 3600"),
        ("holdSeconds", Some("99999999999999999999"), "must be a whole number from 1 to 3600"),
    ];
    for (field, value, message) in rows {
        let error = read_object(body(&[(field, *value)]).as_bytes(), sample).unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (422, "VALIDATION_FAILED"), "{field} {value:?}");
        assert_eq!(fields_at_fault(&error), [*field], "{value:?}");
        assert_eq!(error.details()[0]["message"], *message, "{field} {value:?}");
    }
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let text = r#"{"id":1,"name":"","price":"x","currency":"ZZZ","holdSeconds":0,"seat":"A1","Name":"y"}"#;
    let error = read_object(text.as_bytes(), sample).unwrap_err();
    let expected = ["id", "name", "email", "currency", "price", "holdSeconds", "seat", "Name"];
    assert_eq!(fields_at_fault(&error), expected);
    let unknown = &error.details()[6]["message"];
    assert_eq!(unknown, "is unknown; the fields are id, name, email, phone, currency, price, holdSeconds");
}

#[test]
fn a_field_that_comes_twice_is_refused() {
    let text = body(&[]).replacen('{', r#"{"name":"Eve","n\u0061me":"Bob","#, 1);
    let error = read_object(text.as_bytes(), sample).unwrap_err();
    assert_eq!(fields_at_fault(&error), ["name"]);
    assert_eq!(error.details()[0]["message"], "is given more than once");
}

#[test]
fn what_is_not_an_object_is_not_read() {
    let deep = "[".repeat(200_000);
    let deep_field = format!("{{\"name\":{deep}");
    let rows: &[(&[u8], &str)] = &[
        (b"", "no body"),
        (b" \n", "no body"),
        (b"{", "line 1 column 1"),
        (b"{\"a\":1,}", "line 1 column 8"),
        (b"{\n\"a\" 1}", "line 2 column 5"),
        (b"{\"a\":1} x", "trailing characters"),
        (b"{a:1}", "line 1 column 2"),
        (b"{\"a\":NaN}", "line 1"),
        (b"{\"a\":01}", "line 1"),
        (b"name=Ada&price=1", "line 1 column 2"),
        (b"[]", "not an object"),
        (b"\"x\"", "not an object"),
        (b"7", "not an object"),
        (b"null", "not an object"),
        (b"{\"a\":\"\xff\"}", "not UTF-8 from byte 6"),
        (b"\xef\xbb\xbf{}", "line 1 column 1"),
        (deep.as_bytes(), "not an object"),
        (deep_field.as_bytes(), "not JSON"),
    ];
    for (bytes, message) in rows {
        let error = read_object(bytes, sample).unwrap_err();
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
        assert_eq!((error.status().as_u16(), error.code()), (400, "INVALID_JSON"), "{shown}");
        assert!(error.message().contains(message), "{shown}: {}", error.message());
    }
}

#[test]
fn a_deeply_nested_value_is_no_danger() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let error = read_object(body(&[("name", Some(&deep))]).as_bytes(), sample).unwrap_err();
    assert_eq!(error.details()[0]["message"], "must be a text");
    let error = read_object(body(&[("extra", Some(&deep))]).as_bytes(), sample).unwrap_err();
    assert_eq!(fields_at_fault(&error), ["extra"]);
}

#[test]
fn a_body_of_very_many_fields_is_refused_quickly_and_briefly() {
    let many: Vec<String> = (0..20_000).map(|n| format!("\"f{n}\":1")).collect();
    let error = read_object(format!("{{{}}}", many.join(",")).as_bytes(), sample).unwrap_err();
    assert_eq!(error.code(), "VALIDATION_FAILED");
    assert!(error.details().is_empty() && error.message().contains("64"));
    let long = format!("{{\"{}\":1}}", "x".repeat(10_000));
    let error = read_object(long.as_bytes(), |_| ()).unwrap_err();
    assert_eq!(error.details()[0]["field"].as_str().map(str::len), Some(64));
}

#[test]
fn a_caller_can_add_what_only_the_whole_can_know() {
    let error = read_object(b"{\"from\":\"A\"}", |f| {
        let from = f.opt_text("from", 9);
        f.complain("to", format!("must be given with from {}", from.unwrap_or_default()));
    })
    .unwrap_err();
    assert_eq!(error.details(), [serde_json::json!({"field": "to", "message": "must be given with from A"})]);
    assert!(matches!(error.details()[0], Value::Object(_)));
}
