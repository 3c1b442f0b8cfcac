//! The OpenAPI document, and the check that keeps answers true to it.

pub mod bodies;
pub mod market;
pub mod parameters;
pub mod payments;
pub mod responses;
pub mod shapes;
pub mod users;
pub mod venue;

use crate::answer::Json;
use crate::error::ApiError;
use crate::routes::{self, network, operations, tickets, webhooks};
use bodies::{
    AdminCommand, BookRequest, CancelRequest, ChargeRequest, ConfirmRequest, HoldRequest, PayRequest,
    RefundRequest, ReserveRequest,
};
use market::{
    EditRequest, Listing, ListingOrder, ListingRequest, OrderPayment, OrderRequest, PaymentRequest,
};
use payments::{Charge, Received, StripeEvent};
use serde_json::Value;
use shapes::{
    Booking, Failure, Liveness, OpenApiDocument, Page, Readiness, Route, Schedule, SeatMap, Success, Ticket,
    TicketDetails,
};
use users::{
    CredentialsRequest, CurrentUser, DeletionRequest, Identity, LoginRequest, ProfileRequest,
    RegisterRequest, SignedIn, StatusRequest, User,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Says of every call that takes a token what a suspended account is answered.
pub(super) struct KeptOut;

impl Modify for KeptOut {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let calls = document
            .paths
            .paths
            .values_mut()
            .flat_map(|item| [&mut item.get, &mut item.post, &mut item.put, &mut item.delete]);
        for call in calls.filter_map(Option::as_mut).filter(|call| call.security.is_some()) {
            let words = "`ACCOUNT_SUSPENDED`: an operator keeps the caller's account out.";
            let schema = Ref::from_schema_name("Failure");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let refused =
                ResponseBuilder::new().description(words).content("application/json", content).build();
            let documented =
                call.responses.responses.entry("403".to_owned()).or_insert_with(|| refused.into());
            if let RefOr::T(response) = documented
                && !response.description.contains("ACCOUNT_SUSPENDED")
            {
                response.description = format!("{} {words}", response.description.trim());
            }
        }
    }
}

/// Takes out what the handlers' comments say to readers of the code only.
struct ForCallers;

impl Modify for ForCallers {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let calls = document
            .paths
            .paths
            .values_mut()
            .flat_map(|item| [&mut item.get, &mut item.post, &mut item.put, &mut item.delete]);
        for call in calls.filter_map(Option::as_mut) {
            let text = call.description.take().unwrap_or_default();
            let plain = text.split("# Errors").next().unwrap_or_default().trim();
            call.description = (!plain.is_empty()).then(|| plain.to_owned());
        }
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Ticketing", description = "Book seats on scheduled departures, and buy and sell tickets."),
    paths(
        tickets::book::book,
        tickets::reserve::reserve,
        tickets::confirm::confirm,
        tickets::pay::pay,
        tickets::cancel::cancel,
        tickets::stream::stream,
        tickets::my_tickets::my_tickets,
        tickets::details::details,
        network::routes::routes,
        network::route::route,
        network::schedules::schedules,
        network::schedule::schedule,
        network::seats::seats,
        routes::market::listings::listings,
        routes::market::sell::sell,
        routes::market::listing::listing,
        routes::market::edit::edit,
        routes::market::withdraw::withdraw,
        routes::market::orders::orders,
        routes::market::order::order,
        routes::market::one_order::one_order,
        routes::market::cancel::cancel,
        routes::market::pay::pay,
        routes::payments::charge::charge,
        routes::payments::payment::payment,
        routes::payments::refund::refund,
        routes::users::sign_up::sign_up,
        routes::users::sign_in::sign_in,
        routes::users::sign_out::sign_out,
        routes::users::current_user::current_user,
        routes::users::register::register,
        routes::users::login::login,
        routes::users::list::list,
        routes::users::profile::profile,
        routes::users::update::update,
        routes::users::delete::delete,
        routes::users::status::status,
        webhooks::stripe::stripe,
        routes::admin::commands::commands,
        routes::admin::stream::stream,
        operations::health::health,
        operations::health::short_health,
        operations::live::live,
        operations::ready::ready,
        operations::metrics::metrics,
        operations::document::document,
    ),
    components(schemas(
        Success<Booking>,
        Page<Ticket>,
        Success<TicketDetails>,
        Page<Route>,
        Success<Route>,
        Page<Schedule>,
        Success<Schedule>,
        Success<SeatMap>,
        Page<Listing>,
        Success<Listing>,
        Page<ListingOrder>,
        Success<ListingOrder>,
        Success<OrderPayment>,
        Success<Charge>,
        Success<User>,
        Page<User>,
        Success<SignedIn>,
        Success<CurrentUser>,
        Success<Value>,
        AdminCommand,
        Success<Received>,
        Success<Liveness>,
        Success<Readiness>,
        Failure,
        OpenApiDocument,
        Booking,
        Ticket,
        TicketDetails,
        Route,
        Schedule,
        SeatMap,
        Listing,
        ListingOrder,
        OrderPayment,
        ListingRequest,
        EditRequest,
        OrderRequest,
        PaymentRequest,
        Charge,
        Received,
        StripeEvent,
        User,
        SignedIn,
        CurrentUser,
        Identity,
        CredentialsRequest,
        RegisterRequest,
        LoginRequest,
        ProfileRequest,
        DeletionRequest,
        StatusRequest,
        HoldRequest,
        BookRequest,
        ReserveRequest,
        ConfirmRequest,
        PayRequest,
        CancelRequest,
        ChargeRequest,
        RefundRequest
    )),
    modifiers(&Bearer, &KeptOut, &ForCallers)
)]
struct Everything;

/// Returns the document: every address, as its handler describes it, and the shapes of all bodies.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Everything::openapi();
    document.merge(venue::VenueCalls::openapi());
    document
}

/// Answers the finished document, bare, as tools expect it: not in the envelope.
///
/// # Errors
/// The document can't be written as JSON.
pub fn text(document: &utoipa::openapi::OpenApi) -> Result<String, ApiError> {
    Json::of(document).map(|json| json.as_str().to_owned())
}

/// Compares a value with a shape of the document: returns what it lacks, what it has too much, and what is
/// of another type, each by its path. For tests that hold answers against the document.
#[must_use]
pub fn check(document: &Value, shape: &str, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    match document.pointer(&format!("/components/schemas/{shape}")) {
        Some(schema) => check_schema(document, schema, value, shape, &mut faults),
        None => faults.push(format!("{shape}: no such shape")),
    }
    faults
}

fn check_schema(document: &Value, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        return check_schema(document, &document["components"]["schemas"][name], value, path, faults);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut own = Vec::new();
            check_schema(document, choice, value, path, &mut own);
            own.is_empty()
        };
        // One choice has the content, the other says `null`.
        if !choices.iter().any(|choice| fits(&choice)) {
            let content = choices.iter().find(|choice| choice["type"] != "null").unwrap_or(&Value::Null);
            check_schema(document, content, value, path, faults);
        }
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let actual = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.iter().any(|t| *t == actual || (*t == "number" && actual == "integer")) {
        faults.push(format!("{path}: is {actual}, not {}", types.join(" or ")));
        return;
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        faults.push(format!("{path}: {value} is none of the words"));
    }
    if let Value::Array(entries) = value {
        for (n, entry) in entries.iter().enumerate() {
            check_schema(document, &schema["items"], entry, &format!("{path}[{n}]"), faults);
        }
    }
    if let (Value::Object(members), Some(properties)) = (value, schema["properties"].as_object()) {
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(required) {
                faults.push(format!("{path}.{required}: is missing"));
            }
        }
        for (name, member) in members {
            match properties.get(name) {
                Some(property) => check_schema(document, property, member, &format!("{path}.{name}"), faults),
                // What an error's detail holds besides is documented as free.
                None if path.contains("details[") => {}
                None => faults.push(format!("{path}.{name}: is not in the document")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, document, text};
    use crate::fields::{Fields, read_object};
    use crate::query::{Parameters, read_query};
    use crate::{requests, user_requests};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use ticketing_core::domain::booking::command::HoldKind;

    fn parsed() -> Value {
        serde_json::from_str(&text(&document()).unwrap()).unwrap()
    }

    #[test]
    fn the_document_has_the_shapes_and_the_way_to_sign_in() {
        let document = parsed();
        assert_eq!(document["openapi"].as_str().map(|v| &v[..2]), Some("3."));
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        for shape in ["Booking", "Ticket", "TicketDetails", "Route", "Schedule", "SeatMap", "Failure"] {
            assert!(document["components"]["schemas"][shape].is_object(), "{shape}");
        }
        let booking = &document["components"]["schemas"]["Booking"];
        let optional = ["paymentId", "confirmedAt", "reason", "refund", "payment"];
        let required: Vec<&str> =
            booking["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(optional.iter().all(|o| !required.contains(o)) && required.contains(&"holdExpiresAt"));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    members.values().for_each(|v| references(v, found));
                }
                Value::Array(entries) => entries.iter().for_each(|v| references(v, found)),
                _ => {}
            }
        }
        let document = parsed();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 10);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_document_speaks_to_callers() {
        let text = text(&document()).unwrap();
        for inner in ["# Errors", "[`", "crate::", "super::"] {
            assert!(!text.contains(inner), "{inner}");
        }
        for (path, calls) in parsed()["paths"].as_object().unwrap() {
            for call in calls.as_object().unwrap().values() {
                assert!(call["summary"].as_str().unwrap().ends_with('.'), "{path}: {}", call["summary"]);
            }
        }
    }

    /// The fields that a reader asks for, as it names them when it meets a stranger.
    fn asked_for<T>(read: impl FnOnce(&mut Fields<'_>) -> T) -> BTreeSet<String> {
        let error = read_object(br#"{"stranger":1}"#, |f| drop(read(f))).unwrap_err();
        let stranger = error.details().iter().find(|d| d["field"] == "stranger").unwrap();
        let (_, names) = stranger["message"].as_str().unwrap().split_once("the fields are ").unwrap();
        names.split(", ").map(str::to_owned).collect()
    }

    /// The fields that the document names, and those of the shapes that a shape is put together from.
    fn documented(document: &Value, schema: &Value) -> BTreeSet<String> {
        let shape = |name: &str| document["components"]["schemas"][name].clone();
        let parts = schema["allOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
        let names = |part: &Value| match part["$ref"].as_str() {
            Some(reference) => documented(document, &shape(reference.rsplit('/').next().unwrap())),
            None => part["properties"].as_object().unwrap().keys().cloned().collect(),
        };
        parts.iter().flat_map(names).collect()
    }

    #[test]
    fn the_bodies_that_are_read_are_the_bodies_that_are_documented() {
        let document = parsed();
        let shape = |name: &str| documented(&document, &document["components"]["schemas"][name]);
        assert_eq!(asked_for(|f| requests::hold(HoldKind::Book, f)), shape("BookRequest"));
        assert_eq!(asked_for(|f| requests::hold(HoldKind::Reserve, f)), shape("ReserveRequest"));
        assert_eq!(asked_for(requests::confirm), shape("ConfirmRequest"));
        assert_eq!(asked_for(requests::pay), shape("PayRequest"));
        assert_eq!(asked_for(requests::cancel), shape("CancelRequest"));
        assert_eq!(asked_for(requests::charge), shape("ChargeRequest"));
        assert_eq!(asked_for(requests::refund), shape("RefundRequest"));
        assert_eq!(asked_for(user_requests::sign_up), shape("CredentialsRequest"));
        assert_eq!(asked_for(user_requests::sign_in), shape("CredentialsRequest"));
        assert_eq!(asked_for(user_requests::register), shape("RegisterRequest"));
        assert_eq!(asked_for(user_requests::login), shape("LoginRequest"));
        assert_eq!(asked_for(user_requests::profile), shape("ProfileRequest"));
        assert_eq!(asked_for(user_requests::deletion), shape("DeletionRequest"));
        assert_eq!(asked_for(user_requests::status), shape("StatusRequest"));
        assert_eq!(asked_for(requests::market::listing), shape("ListingRequest"));
        assert_eq!(asked_for(requests::market::edit), shape("EditRequest"));
        assert_eq!(asked_for(requests::market::order), shape("OrderRequest"));
        assert_eq!(asked_for(requests::market::payment), shape("PaymentRequest"));
        assert_eq!(asked_for(requests::venue::new_venue), shape("VenueRequest"));
        assert_eq!(asked_for(requests::venue::new_event), shape("EventRequest"));
        assert_eq!(asked_for(requests::venue::seats), shape("SeatsRequest"));
        assert_eq!(asked_for(requests::venue::withdraw), shape("WithdrawRequest"));
        assert_eq!(asked_for(requests::venue::reserve), shape("SeatReserveRequest"));
        assert_eq!(asked_for(requests::venue::allocate), shape("AllocateRequest"));
        assert_eq!(asked_for(requests::venue::release), shape("ReleaseRequest"));
    }

    /// The parameters that a reader asks for, as it names them when it meets a stranger.
    fn asked_in_query<T>(read: impl FnOnce(&mut Parameters) -> T) -> BTreeSet<String> {
        let uri = "/x?stranger=1".parse().unwrap();
        let error = read_query(&uri, |q| drop(read(q))).unwrap_err();
        let stranger = error.details().iter().find(|d| d["field"] == "stranger").unwrap();
        let message = stranger["message"].as_str().unwrap().to_owned();
        let (_, names) = message.split_once("the parameters are ").unwrap();
        names.split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn the_parameters_that_are_read_are_the_parameters_that_are_documented() {
        let document = parsed();
        let named = |path: &str| -> BTreeSet<String> {
            let all = document["paths"][path]["get"]["parameters"].as_array().unwrap().clone();
            let of_query = all.iter().filter(|p| p["in"] == "query");
            of_query.map(|p| p["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(asked_in_query(requests::tickets), named("/api/tickets/queries/my-tickets"));
        assert_eq!(asked_in_query(requests::one), named("/api/tickets/queries/{bookingId}"));
        assert_eq!(asked_in_query(user_requests::list), named("/v1/users"));
        assert_eq!(asked_in_query(requests::stream), named("/api/admin/stream"));
        assert_eq!(asked_in_query(requests::own_stream), named("/api/tickets/stream"));
        assert_eq!(asked_in_query(requests::list), named("/api/routes"));
        assert_eq!(asked_in_query(requests::one), named("/api/routes/{id}"));
        assert_eq!(asked_in_query(requests::schedules), named("/api/routes/{id}/schedules"));
        assert_eq!(asked_in_query(requests::one), named("/api/schedules/{id}"));
        assert_eq!(asked_in_query(requests::seats), named("/api/schedules/{id}/seats"));
        assert_eq!(asked_in_query(requests::market::listings), named("/api/tickets"));
        assert_eq!(asked_in_query(requests::one), named("/api/tickets/{id}"));
        assert_eq!(asked_in_query(requests::list), named("/api/orders"));
        assert_eq!(asked_in_query(requests::one), named("/api/orders/{id}"));
        assert_eq!(asked_in_query(requests::venue::venues), named("/v1/venues"));
        assert_eq!(asked_in_query(requests::one), named("/v1/venues/{venue_id}"));
        assert_eq!(asked_in_query(requests::venue::events), named("/v1/events/search"));
        assert_eq!(asked_in_query(requests::one), named("/v1/events/{id}"));
        assert_eq!(asked_in_query(requests::venue::availability), named("/v1/seats/availability"));
        assert_eq!(asked_in_query(requests::venue::orders), named("/v1/orders"));
        assert_eq!(asked_in_query(requests::one), named("/v1/orders/{id}"));
    }

    #[test]
    fn an_answer_that_is_not_as_documented_is_found_out() {
        let document = parsed();
        let map = |seats: Value| {
            json!({
                "scheduleId": "01890a5d-ac96-774b-bcce-b302099a8057", "fromStop": "A", "toStop": "B",
                "seats": seats,
            })
        };
        let good = map(json!([{"seatNumber": "A1", "state": "free"}]));
        assert_eq!(check(&document, "SeatMap", &good), Vec::<String>::new());
        let rows = [
            (map(json!([{"seatNumber": "A1", "state": "taken"}])), "SeatMap.seats[0].state: \"taken\""),
            (map(json!([{"seatNumber": 1, "state": "free"}])), "SeatMap.seats[0].seatNumber: is integer"),
            (map(json!([{"state": "free"}])), "SeatMap.seats[0].seatNumber: is missing"),
            (map(json!({})), "SeatMap.seats: is object"),
            (json!({"extra": 1}), "SeatMap.extra: is not in the document"),
        ];
        for (value, fault) in rows {
            let faults = check(&document, "SeatMap", &value);
            assert!(faults.iter().any(|f| f.starts_with(fault)), "{fault} in {faults:?}");
        }
        assert_eq!(check(&document, "Nothing", &good), ["Nothing: no such shape"]);
        let failure = json!({
            "success": false,
            "error": {"code": "X", "message": "y", "details": [{"field": "a", "message": "b", "fare": 1}]},
            "meta": {"correlationId": "c"},
        });
        assert_eq!(check(&document, "Failure", &failure), Vec::<String>::new());
        let nullable = json!({"passenger": null, "payment": {"id": 7}});
        let faults = check(&document, "TicketDetails", &nullable);
        assert!(!faults.iter().any(|f| f.contains("passenger")), "{faults:?}");
        assert!(faults.iter().any(|f| f == "TicketDetails.payment.id: is integer, not string"), "{faults:?}");
    }
}
