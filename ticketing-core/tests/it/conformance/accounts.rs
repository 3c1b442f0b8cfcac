//! Accounts: who may sign in, whose tokens are refused, and what is left of who leaves.

use crate::support::city::{ask, hold, meta, operator, passenger, seed_line};
use crate::support::place::{BEGIN, Place, by_hand, clock, count, on_both_engines, rows};
use ticketing_core::app::accounts::{
    self, AccountDone, By, NewAccount, ProfileChange, Refused, SETTLED_AFTER_MS,
};
use ticketing_core::app::{App, AppError, commands};
use ticketing_core::domain::account::{
    AccountId, AccountRefusal, AccountStatus, Email, Password, Person, Username,
};
use ticketing_core::domain::booking::command::Reserve;
use ticketing_core::domain::id::UserId;
use ticketing_core::engine::CommandError;
use ticketing_core::ops::verify::{Check, Told, verify};
use ticketing_core::ops::{self, OpsError};
use ticketing_core::store::accounts::{AccountQuery, AnswerKey, SignInName};
use ticketing_core::store::{kept_out, passengers};
use ticketing_core::worker::accounts::erase_due;
use ticketing_core::worker::housekeeper::{ANSWERS_KEPT_SECONDS, forget_answers};
use ticketing_core::worker::projector::Projector;
use tokio::task::JoinSet;
use uuid::Uuid;

on_both_engines!(
    of_many_who_sign_up_with_one_address_one_does,
    a_password_signs_in_by_address_and_by_name_and_no_other_does,
    a_request_with_a_key_is_done_once,
    a_change_is_made_to_the_version_that_was_looked_at,
    who_is_suspended_is_kept_out_of_every_process_and_let_in_again,
    a_new_password_ends_the_sessions_from_before_and_a_sign_out_one_of_them,
    of_who_is_deleted_nothing_is_left_but_an_id,
    what_was_booked_behind_a_deletion_is_erased_too,
    operators_plan_see_the_plan_done_and_nobody_s_name_is_written_down,
    lists_are_searched_by_what_people_are_called,
);

const PASSWORD: &str = "correct horse";

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).unwrap()
}

fn person(name: &str) -> Person {
    Person {
        email: Email::parse(&format!("{name}@example.org")).unwrap(),
        username: Some(Username::parse(name).unwrap()),
        first_name: Some(format!("First {name}")),
        last_name: None,
    }
}

fn new(name: &str) -> NewAccount {
    NewAccount { person: person(name), password: password(PASSWORD) }
}

fn id_of(done: &AccountDone) -> AccountId {
    let body: serde_json::Value = serde_json::from_str(&done.body).unwrap();
    AccountId(Uuid::parse_str(body["id"].as_str().unwrap()).unwrap())
}

pub(super) async fn signed_up(app: &App, name: &str) -> AccountId {
    id_of(&accounts::sign_up(app, new(name), None).await.unwrap())
}

fn key(caller: &str, key: &str, request: u8) -> AnswerKey {
    AnswerKey { caller: caller.into(), key: key.into(), request_hash: [request; 32], status: 201 }
}

fn by_email(name: &str) -> SignInName {
    SignInName::Email(Email::parse(&format!("{name}@example.org")).unwrap())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, AppError>) -> AccountRefusal {
    match outcome {
        Err(AppError::Account(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn of_many_who_sign_up_with_one_address_one_does(place: Place) {
    let (one, other) = (place.program(&clock()).await, place.program(&clock()).await);
    let mut tries = JoinSet::new();
    for n in 0..6 {
        let app = if n % 2 == 0 { one.clone() } else { other.clone() };
        tries.spawn(async move { accounts::sign_up(&app, new("ada"), None).await });
    }
    let outcomes = tries.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(count(&one.stores.write, "accounts").await, 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refused(outcome), AccountRefusal::EmailTaken);
    }
    let name =
        NewAccount { person: Person { username: person("ADA").username, ..person("bob") }, ..new("bob") };
    assert_eq!(refused(accounts::sign_up(&one, name, None).await), AccountRefusal::UsernameTaken);
    // What is stored is no password.
    let stored: Vec<(String,)> = rows(&one.stores.write, "SELECT password_hash FROM accounts", vec![]).await;
    assert!(stored[0].0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored:?}");
    assert!(!stored[0].0.contains(PASSWORD));
}

async fn a_password_signs_in_by_address_and_by_name_and_no_other_does(place: Place) {
    let app = place.program(&clock()).await;
    let id = signed_up(&app, "ada").await;
    let by_name = SignInName::Username(Username::parse("aDa").unwrap());
    for name in [by_email("ada"), by_name.clone()] {
        assert_eq!(accounts::sign_in(&app, &name, password(PASSWORD)).await.unwrap().id, id);
    }
    for (name, tried) in
        [(by_email("ada"), "correct Horse"), (by_name, "12345678"), (by_email("bob"), PASSWORD)]
    {
        assert_eq!(
            refused(accounts::sign_in(&app, &name, password(tried)).await),
            AccountRefusal::BadCredentials
        );
    }
}

async fn a_request_with_a_key_is_done_once(place: Place) {
    let (one, other) = (place.program(&clock()).await, place.program(&clock()).await);
    let first = accounts::sign_up(&one, new("ada"), Some(&key("c", "k", 1))).await.unwrap();
    assert_eq!(first.status, None);
    for app in [&one, &other] {
        let again = accounts::sign_up(app, new("ada"), Some(&key("c", "k", 1))).await.unwrap();
        assert_eq!((again.body, again.status), (first.body.clone(), Some(201)));
    }
    let reused = accounts::sign_up(&one, new("bob"), Some(&key("c", "k", 2))).await;
    assert!(matches!(reused, Err(AppError::Command(CommandError::IdempotencyReused))), "{reused:?}");
    assert!(accounts::sign_up(&one, new("bob"), Some(&key("d", "k", 2))).await.is_ok(), "another's key");
    // At once, in two processes: one does it, the other gives its answer.
    let (a, b) = (key("c", "l", 1), key("c", "l", 1));
    let (a, b) = tokio::join!(
        accounts::sign_up(&one, new("cid"), Some(&a)),
        accounts::sign_up(&other, new("cid"), Some(&b)),
    );
    assert_eq!(a.unwrap().body, b.unwrap().body);
    // In one process the second is told to wait.
    let (a, b) = (key("c", "m", 1), key("c", "m", 1));
    let (a, b) = tokio::join!(
        accounts::sign_up(&one, new("dora"), Some(&a)),
        accounts::sign_up(&one, new("dora"), Some(&b)),
    );
    assert!(a.is_ok());
    assert!(matches!(b, Err(AppError::Command(CommandError::IdempotencyInProgress))), "{b:?}");
    // After two days nobody may ask any more.
    assert_eq!(count(&one.stores.write, "account_answers").await, 4);
    one.clock.advance(ANSWERS_KEPT_SECONDS * 1_000 + 1);
    forget_answers(&one).await.unwrap();
    assert_eq!(count(&one.stores.write, "account_answers").await, 0);
}

async fn a_change_is_made_to_the_version_that_was_looked_at(place: Place) {
    let (one, other) = (place.program(&clock()).await, place.program(&clock()).await);
    let (ada, _bob) = (signed_up(&one, "ada").await, signed_up(&one, "bob").await);
    let named = |name: &str| ProfileChange { first_name: Some(name.into()), ..ProfileChange::default() };
    let owner = || By::Owner(None);
    accounts::update(&one, ada, named("Ada"), owner(), Some(1), None).await.unwrap();
    let stale = accounts::update(&other, ada, named("Eve"), owner(), Some(1), None).await;
    assert_eq!(refused(stale), AccountRefusal::VersionMoved { version: 2 });
    // Two at once without a version: both are made, one after the other, or one is told that it has moved.
    let both = tokio::join!(
        accounts::update(&one, ada, named("X"), owner(), None, None),
        accounts::update(&other, ada, named("Y"), owner(), None, None),
    );
    let made = [both.0, both.1].into_iter().filter(Result::is_ok).count();
    let account = accounts::get(&one, ada).await.unwrap();
    assert_eq!(account.version, 2 + i32::try_from(made).unwrap());
    let email = |name: &str| ProfileChange { email: Some(person(name).email), ..ProfileChange::default() };
    let with = |text: &str| By::Owner(Some(password(text)));
    assert_eq!(
        refused(accounts::update(&one, ada, email("new"), owner(), None, None).await),
        AccountRefusal::PasswordNeeded
    );
    assert_eq!(
        refused(accounts::update(&one, ada, email("new"), with("12345678"), None, None).await),
        AccountRefusal::WrongPassword
    );
    assert_eq!(
        refused(accounts::update(&one, ada, email("bob"), with(PASSWORD), None, None).await),
        AccountRefusal::EmailTaken
    );
    accounts::update(&one, ada, email("new"), with(PASSWORD), None, None).await.unwrap();
    assert!(accounts::sign_in(&other, &by_email("new"), password(PASSWORD)).await.is_ok());
    assert_eq!(
        refused(accounts::sign_in(&one, &by_email("ada"), password(PASSWORD)).await),
        AccountRefusal::BadCredentials
    );
}

async fn who_is_suspended_is_kept_out_of_every_process_and_let_in_again(place: Place) {
    let (one, other) = (place.program(&clock()).await, place.program(&clock()).await);
    let id = signed_up(&one, "ada").await;
    let subject = id.to_string();
    let set = async |to: AccountStatus| {
        let account = ops::accounts::one(&one, id).await.unwrap();
        accounts::set_status(&one, account, to, Some("r".into()), None).await.unwrap();
    };
    let is_kept_out = |app: &App| app.accounts.kept_out.check(&subject, None, Some(9e9));
    let read = async |app: &App| app.accounts.kept_out.read(&app.stores.write, 0).await.unwrap();
    set(AccountStatus::Suspended).await;
    assert_eq!(is_kept_out(&one), Err(Refused::Suspended), "at once where it was done");
    assert_eq!(is_kept_out(&other), Ok(()));
    read(&other).await;
    assert_eq!(is_kept_out(&other), Err(Refused::Suspended));
    assert_eq!(
        refused(accounts::sign_in(&one, &by_email("ada"), password(PASSWORD)).await),
        AccountRefusal::Suspended
    );
    let wrong = accounts::sign_in(&one, &by_email("ada"), password("12345678")).await;
    assert_eq!(refused(wrong), AccountRefusal::BadCredentials, "only who knows the password learns it");
    // Who starts now knows all of it.
    let third = place.program(&clock()).await;
    read(&third).await;
    assert_eq!(is_kept_out(&third), Err(Refused::Suspended));
    set(AccountStatus::Active).await;
    read(&other).await;
    assert_eq!((is_kept_out(&one), is_kept_out(&other)), (Ok(()), Ok(())));
    assert!(accounts::sign_in(&other, &by_email("ada"), password(PASSWORD)).await.is_ok());
    // Numbers have no gaps and follow the commits, from however many processes at once.
    let mut many = JoinSet::new();
    for n in 0..20 {
        let app = if n % 2 == 0 { one.clone() } else { other.clone() };
        many.spawn(
            async move { accounts::sign_out(&app, &format!("session {n}"), 2_000_000_000).await.unwrap() },
        );
    }
    many.join_all().await;
    let all = kept_out::after(&one.stores.write, 0, 100).await.unwrap();
    let numbers: Vec<i64> = all.iter().map(|numbered| numbered.seq).collect();
    assert_eq!(numbers, (2..=22).collect::<Vec<_>>());
}

async fn a_new_password_ends_the_sessions_from_before_and_a_sign_out_one_of_them(place: Place) {
    let app = place.program(&clock()).await;
    let id = signed_up(&app, "ada").await;
    let subject = id.to_string();
    let now_s = BEGIN.as_millis() / 1_000;
    let check = |issued_s: i64, session: &str| {
        app.accounts.kept_out.check(&subject, Some(session), Some(issued_s as f64))
    };
    accounts::sign_out(&app, "s1", now_s + 60).await.unwrap();
    assert_eq!((check(now_s, "s1"), check(now_s, "s2")), (Err(Refused::Ended), Ok(())));
    let change = ProfileChange { password: Some(password("battery staple")), ..ProfileChange::default() };
    accounts::update(&app, id, change, By::Owner(Some(password(PASSWORD))), None, None).await.unwrap();
    let account = accounts::sign_in(&app, &by_email("ada"), password("battery staple")).await.unwrap();
    assert_eq!(check(now_s, "s2"), Err(Refused::Ended), "also one of the same second");
    assert_eq!(check(account.not_before_s, "s3"), Ok(()));
    // It stays so when it is suspended and let in again, and in a process that starts later.
    for to in [AccountStatus::Suspended, AccountStatus::Active] {
        let account = ops::accounts::one(&app, id).await.unwrap();
        accounts::set_status(&app, account, to, None, None).await.unwrap();
    }
    let later = place.program(&clock()).await;
    later.accounts.kept_out.read(&later.stores.write, now_s).await.unwrap();
    let check = |issued_s: i64, session: &str| {
        later.accounts.kept_out.check(&subject, Some(session), Some(issued_s as f64))
    };
    assert_eq!((check(now_s, "s2"), check(now_s + 1, "s2")), (Err(Refused::Ended), Ok(())));
    assert_eq!(check(now_s + 1, "s1"), Err(Refused::Ended));
    // A session that would be over by now need not be remembered.
    later.accounts.kept_out.read(&later.stores.write, now_s + 61).await.unwrap();
    app.clock.advance(3_600_000);
    forget_answers(&app).await.unwrap();
    assert_eq!(count(&app.stores.write, "kept_out").await, 1);
}

/// Somebody's hold, with a passenger.
async fn booked(app: &App, command: Reserve, user: &str) -> ticketing_core::domain::id::BookingId {
    let command = Reserve { user_id: UserId(user.into()), ..command };
    let id = command.booking_id;
    commands::reserve(app, command, passenger(), meta()).await.unwrap();
    id
}

async fn projected(app: &App) {
    let head = *app.engine.head().borrow();
    Projector::default().reach(app, head).await.unwrap();
}

async fn of_who_is_deleted_nothing_is_left_but_an_id(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 10, "AB", 2, 1).await[0];
    let done = accounts::sign_up(&app, new("ada"), Some(&key("ada", "k", 1))).await.unwrap();
    let id = id_of(&done);
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(booked(&app, ask(bus), &id.to_string()).await);
    }
    let other = hold(&app, ask(bus)).await;
    projected(&app).await;
    let db = &app.stores.write;
    let gone = accounts::delete(&app, id, Some(1), Some(&key("ada", "l", 1))).await.unwrap();
    assert!(gone.body.contains(r#""status":"DELETED""#), "{}", gone.body);
    assert!(passengers::load(db, &own).await.unwrap().is_empty());
    assert_eq!(passengers::load(db, &[other.id]).await.unwrap().len(), 1, "another's stays");
    assert_eq!(app.accounts.kept_out.check(&id.to_string(), None, Some(9e9)), Err(Refused::Ended));
    // Nothing that was said of the person is anywhere in the store: not in any column of any row.
    type Left = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, String);
    let left: Vec<Left> = rows(
        db,
        "SELECT email, username, username_key, first_name, password_hash, search FROM accounts",
        vec![],
    )
    .await;
    assert_eq!(left, [(None, None, None, None, None, String::new())]);
    let answers: Vec<(String,)> = rows(db, "SELECT data FROM account_answers", vec![]).await;
    assert_eq!(answers, [(gone.body.clone(),)], "the answer to the deletion alone");
    // The books are straight, and the address is free.
    assert_eq!(count(db, &format!("bookings WHERE user_id = '{id}'")).await, 3);
    let mut found = Vec::new();
    let mut tell = |told| {
        if let Told::Found(finding) = told {
            found.push(finding);
        }
    };
    verify(&app, &Check::ALL, &mut tell).await.unwrap();
    assert_eq!(found, []);
    assert_ne!(signed_up(&app, "ada").await, id);
    let again = accounts::delete(&app, id, None, None).await;
    assert!(matches!(again, Err(AppError::NotFound { what: "user", .. })), "{again:?}");
    let change = ProfileChange { first_name: Some("Eve".into()), ..ProfileChange::default() };
    let late = accounts::update(&app, id, change, By::Operator, None, None).await;
    assert!(matches!(late, Err(AppError::NotFound { what: "user", .. })), "{late:?}");
    // A booking without its person whose account is not deleted is still found.
    by_hand(db, &format!("DELETE FROM passengers WHERE name = '{}'", passenger().name), vec![])
        .await
        .unwrap();
    let mut found = 0;
    let mut tell = |told| found += u32::from(matches!(told, Told::Found(_)));
    verify(&app, &[Check::Passengers], &mut tell).await.unwrap();
    assert_eq!(found, 1);
}

async fn what_was_booked_behind_a_deletion_is_erased_too(place: Place) {
    let (one, other) = (place.program(&clock()).await, place.program(&clock()).await);
    let bus = seed_line(&one, 10, "AB", 2, 1).await[0];
    let id = signed_up(&one, "ada").await;
    accounts::delete(&one, id, None, None).await.unwrap();
    // Another process has not heard of it yet, or a request was under way.
    let late = booked(&other, ask(bus), &id.to_string()).await;
    projected(&other).await;
    let db = &one.stores.write;
    assert_eq!(passengers::load(db, &[late]).await.unwrap().len(), 1);
    assert_eq!(erase_due(&other).await.unwrap(), 0, "erased, but it is too early to be sure");
    assert!(passengers::load(db, &[late]).await.unwrap().is_empty());
    other.clock.advance(SETTLED_AFTER_MS);
    assert_eq!(erase_due(&other).await.unwrap(), 1);
    assert_eq!(erase_due(&other).await.unwrap(), 0, "once");
}

async fn operators_plan_see_the_plan_done_and_nobody_s_name_is_written_down(place: Place) {
    let app = place.program(&clock()).await;
    let actor = operator();
    let plan = ops::accounts::plan_create(&app, &person("ada")).await.unwrap();
    let ada = id_of(&ops::accounts::create(&app, &plan, new("ada"), &actor).await.unwrap());
    let bob = signed_up(&app, "bob").await;
    let taken = ops::accounts::plan_create(&app, &person("bob")).await;
    assert!(matches!(taken, Err(OpsError::App(AppError::Account(AccountRefusal::EmailTaken)))), "{taken:?}");
    for word in [ada.to_string(), ada.to_string()[..18].to_owned(), "ADA@example.org".into(), "Ada".into()] {
        assert_eq!(ops::accounts::find(&app, &word).await.unwrap(), ada, "{word}");
    }
    assert!(ops::accounts::find(&app, "nobody").await.is_err());
    let plan = async |to| ops::accounts::plan_status(&app, "user suspend", &[ada, bob], to).await.unwrap();
    let (first, second) = (plan(AccountStatus::Suspended).await, plan(AccountStatus::Suspended).await);
    assert_eq!(first.plan.affected, 2);
    assert_eq!(ops::accounts::execute(&app, first, &actor, None).await.unwrap().len(), 2);
    assert_eq!(plan(AccountStatus::Suspended).await.plan.affected, 0);
    let moved = ops::accounts::execute(&app, second, &actor, None).await;
    assert!(matches!(moved, Err(OpsError::WorldMoved { .. })), "{moved:?}");
    let deletion = plan(AccountStatus::Deleted).await;
    ops::accounts::execute(&app, deletion, &actor, None).await.unwrap();
    let late = ops::accounts::plan_status(&app, "user resume", &[ada], AccountStatus::Active).await;
    assert!(matches!(late, Err(OpsError::Of { .. })), "{late:?}");
    let audit = ops::audit::list(&app, None).await.unwrap().0;
    let text = serde_json::to_string(&audit).unwrap();
    assert!(text.contains(&ada.to_string()) && text.contains("SUSPENDED"), "{text}");
    for name in ["example.org", "First", "argon2", PASSWORD] {
        assert!(!text.contains(name), "{name} in {text}");
    }
}

async fn lists_are_searched_by_what_people_are_called(place: Place) {
    let app = place.program(&clock()).await;
    let mut ids = Vec::new();
    for name in ["ada", "bob", "a_b", "cid"] {
        ids.push(signed_up(&app, name).await);
    }
    accounts::delete(&app, ids[3], None, None).await.unwrap();
    let found = async |search: Option<&str>, status, page, limit| {
        let query = AccountQuery { search: search.map(str::to_owned), status };
        let (found, total) = accounts::list(&app, &query, page, limit).await.unwrap();
        (found.into_iter().filter_map(|body| body.username).collect::<Vec<_>>(), total)
    };
    let words = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(found(None, None, 1, 10).await, (words(&["a_b", "bob", "ada"]), 3));
    assert_eq!(found(None, None, 2, 2).await, (words(&["ada"]), 3));
    assert_eq!(found(None, None, 9, 2).await, (words(&[]), 3));
    assert_eq!(found(Some(" FIRST A"), None, 1, 10).await, (words(&["a_b", "ada"]), 2));
    for (search, expected) in [("_", &["a_b"][..]), ("%", &[]), ("\\", &[]), ("a@", &["ada"]), ("cid", &[])] {
        assert_eq!(found(Some(search), None, 1, 10).await.0, words(expected), "{search}");
    }
    assert_eq!(found(None, Some(AccountStatus::Deleted), 1, 10).await, (words(&[]), 1));
    assert_eq!(found(Some("zz"), Some(AccountStatus::Active), 1, 10).await.1, 0);
}
