//! Every address of the server, in one place.

use super::Routes;
use super::admin::{commands, stream};
use super::market::{
    cancel as cancel_order, edit, listing, listings, one_order, order, orders, pay as pay_order, sell,
    withdraw,
};
use super::network::{route, routes, schedule, schedules, seats};
use super::operations::{document, health, live, metrics, ready};
use super::payments::{charge, payment, refund};
use super::tickets::{book, cancel, confirm, details, my_tickets, pay, reserve, stream as own_stream};
use super::users::{
    current_user, delete, list, login, profile, register, sign_in, sign_out, sign_up, status, update,
};
use super::venue as halls;
use super::webhooks::stripe;
use crate::state::ServerState;
use axum::routing::{get, post, put};
use ticketing_desk::remote;

/// Adds what buyers, their apps and the payment service call.
#[must_use]
pub fn api(routes: Routes<ServerState>) -> Routes<ServerState> {
    routes
        .route("/api/tickets/commands/book", post(book::book))
        .route("/api/tickets/commands/reserve", post(reserve::reserve))
        .route("/api/tickets/commands/confirm", post(confirm::confirm))
        .route("/api/tickets/commands/pay", post(pay::pay))
        .route("/api/tickets/commands/cancel", post(cancel::cancel))
        .route("/api/tickets/stream", get(own_stream::stream))
        .route("/api/tickets/queries/my-tickets", get(my_tickets::my_tickets))
        .route("/api/tickets/queries/{bookingId}", get(details::details))
        .route("/api/routes", get(routes::routes))
        .route("/api/routes/{id}", get(route::route))
        .route("/api/routes/{id}/schedules", get(schedules::schedules))
        .route("/api/schedules/{id}", get(schedule::schedule))
        .route("/api/schedules/{id}/seats", get(seats::seats))
        .route("/api/users/signup", post(sign_up::sign_up))
        .route("/api/users/signin", post(sign_in::sign_in))
        .route("/api/users/signout", post(sign_out::sign_out))
        .route("/api/users/currentuser", get(current_user::current_user))
        .route("/v1/users", get(list::list))
        .route("/v1/users/register", post(register::register))
        .route("/v1/users/login", post(login::login))
        .route("/v1/users/{id}", get(profile::profile).put(update::update).delete(delete::delete))
        .route("/v1/users/{id}/status", put(status::status))
        .route("/api/tickets", get(listings::listings).post(sell::sell))
        .route("/api/tickets/{id}", get(listing::listing).put(edit::edit).delete(withdraw::withdraw))
        .route("/api/orders", get(orders::orders).post(order::order))
        .route("/api/orders/{id}", get(one_order::one_order).delete(cancel_order::cancel))
        .route("/api/payments", post(pay_order::pay))
        .route("/v1/charge", post(charge::charge))
        .route("/v1/payments/{id}", get(payment::payment))
        .route("/v1/refund", post(refund::refund))
        .route("/v1/venues", get(halls::list::list).post(halls::create::create))
        .route("/v1/venues/{venue_id}", get(halls::get::get))
        .route("/v1/events", post(halls::create_event::create_event))
        .route("/v1/events/search", get(halls::search::search))
        .route("/v1/events/{id}", get(halls::event::event))
        .route("/v1/events/{id}/block", post(halls::block::block))
        .route("/v1/events/{id}/unblock", post(halls::unblock::unblock))
        .route("/v1/events/{id}/cancel", post(halls::cancel::cancel))
        .route("/v1/seats/availability", get(halls::availability::availability))
        .route("/v1/seats/reserve", post(halls::reserve::reserve))
        .route("/v1/seats/allocate", post(halls::allocate::allocate))
        .route("/v1/seats/release", post(halls::release::release))
        .route("/v1/orders", get(halls::orders::orders))
        .route("/v1/orders/{id}", get(halls::order::order))
        .route(stripe::PATH, post(stripe::stripe))
        .slow_route(remote::PATH, commands::COMMAND_TIMEOUT, post(commands::commands))
        .route("/api/admin/stream", get(stream::stream))
        .route("/api/openapi.json", get(document::document))
}

/// Adds what a process answers whatever its roles.
#[must_use]
pub fn operations(routes: Routes<ServerState>) -> Routes<ServerState> {
    routes
        .route("/api/health", get(health::health))
        .route("/health", get(health::short_health))
        .route("/api/health/live", get(live::live))
        .route("/api/health/ready", get(ready::ready))
        .route("/metrics", get(metrics::metrics))
}
