//! The house rules that a compiler doesn't check: which way the arrows point, where SQL may stand, and how
//! large a file may grow. `ARCHITECTURE.md` says why.
//!
//! The checker reads tokens, not types: it can be fooled, but not by accident. Code under `#[cfg(test)]` is
//! exempt, but for the length of its file. A module inside braces counts as its file.

mod lexer;

use lexer::{Kind, Token, tokens};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each part of the core may use, besides itself. From the bottom to the top.
const HOUSE: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("private", &[]),
    ("domain", &["text"]),
    ("clock", &["domain"]),
    ("traces", &["domain"]),
    ("saga", &["text", "domain"]),
    ("projection", &["text", "domain"]),
    ("store", &["text", "domain", "saga", "projection"]),
    ("adapters", &["text", "domain", "clock", "saga", "app::ports"]),
    ("engine", &["text", "domain", "clock", "saga", "projection", "store", "app::ports"]),
    ("app", &["text", "private", "domain", "clock", "traces", "saga", "projection", "store", "engine"]),
    ("ops", &["text", "private", "domain", "clock", "saga", "projection", "store", "engine", "app"]),
    (
        "worker",
        &[
            "text",
            "domain",
            "clock",
            "traces",
            "saga",
            "projection",
            "store",
            "engine",
            "app",
            "ops",
            "adapters",
        ],
    ),
];

/// What each program and library may use of the others. From the bottom to the top.
const CRATES: &[(&str, &[&str])] = &[
    ("ticketing-core", &[]),
    ("ticketing-desk", &["ticketing_core"]),
    ("ticketing-tui", &["ticketing_core"]),
    ("ticketing-server", &["ticketing_core", "ticketing_desk"]),
    ("ticketing-cli", &["ticketing_core", "ticketing_desk", "ticketing_tui", "ticketing_server"]),
];

/// The crates of the workspace, as code names them.
const OURS: &[&str] =
    &["ticketing_core", "ticketing_desk", "ticketing_tui", "ticketing_server", "ticketing_cli"];

/// Crates, each with the one folder that may name it.
const CONFINED: &[(&str, &str)] = &[
    ("sqlx", "ticketing-core/src/store/"),
    ("rdkafka", "ticketing-core/src/adapters/"),
    ("async_nats", "ticketing-core/src/adapters/"),
    ("redis", "ticketing-core/src/adapters/"),
    ("lettre", "ticketing-core/src/adapters/"),
    ("hyper_rustls", "ticketing-core/src/adapters/"),
];

/// The files that may name the types of a database (`Sqlite`, `PgRow` and so on).
const DATABASE_TYPES: &[&str] = &[
    "ticketing-core/src/store/bind.rs",
    "ticketing-core/src/store/checkpoints.rs",
    "ticketing-core/src/store/db.rs",
    "ticketing-core/src/store/kept.rs",
    "ticketing-core/src/store/open.rs",
    "ticketing-core/src/store/sql.rs",
    "ticketing-core/src/store/sqlite.rs",
];

/// Words that make a function depend on more than its arguments; none of them in the domain.
const IMPURE: &[&str] =
    &["async", "await", "tokio", "SystemTime", "Instant", "now_v7", "new_v4", "fs", "env"];

/// How statements of SQL begin.
const SQL: &[&str] = &["SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE ", "CREATE TABLE"];

const FILE_LINES_MAX: usize = 800;

/// A file, by its path from the root of the repository, with `/` between.
struct Source {
    path: String,
    text: String,
}

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf();
    let sources = sources(&root);
    assert!(sources.len() > 30, "only {} files were found under {}", sources.len(), root.display());
    let faults = check(&sources);
    assert!(faults.is_empty(), "{} faults:\n{}\n", faults.len(), faults.join("\n"));
}

/// Every Rust file of the workspace's members.
fn sources(root: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        if folder.join("Cargo.toml").is_file() {
            folders.push(folder);
        }
    }
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let names = path.strip_prefix(root).unwrap().iter().map(|name| name.to_str().unwrap());
                let relative = names.collect::<Vec<_>>().join("/");
                sources.push(Source { path: relative, text: std::fs::read_to_string(&path).unwrap() });
            }
        }
    }
    sources
}

/// Returns every fault as `path:line: what is wrong`, in order.
fn check(sources: &[Source]) -> Vec<String> {
    let mut faults = BTreeSet::new();
    let mut test_modules = Vec::new();
    let mut read = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            let fault = format!("the file has {lines} lines, more than {FILE_LINES_MAX}: split it by story");
            faults.insert((&source.path, lines, fault));
        }
        let (tokens, modules) = without_tests(tokens(&source.text));
        test_modules.extend(modules.iter().map(|name| child_module(&source.path, name)));
        read.push((source, tokens));
    }
    let is_test = |path: &str| {
        let module = path.trim_end_matches(".rs");
        path.split('/').nth(1) == Some("tests")
            || test_modules.iter().any(|it| module == it || path.starts_with(&format!("{it}/")))
    };
    for (source, tokens) in read.iter().filter(|(source, _)| !is_test(&source.path)) {
        let mut fault = |line: usize, what: String| {
            faults.insert((&source.path, line, what));
        };
        arrows(&source.path, tokens, &mut fault);
        arrows_of_crates(&source.path, tokens, &mut fault);
        words(&source.path, tokens, &mut fault);
        evolve_names_every_variant(tokens, &mut fault);
    }
    faults.into_iter().map(|(path, line, what)| format!("{path}:{line}: {what}")).collect()
}

/// The path, without `.rs`, of a module that a file declares.
fn child_module(path: &str, name: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "mod.rs" | "lib.rs" | "main.rs" => format!("{folder}/{name}"),
        _ => format!("{folder}/{}/{name}", file.trim_end_matches(".rs")),
    }
}

/// Takes out the items under `#[cfg(test)]`; returns also the names of modules among them that are files.
fn without_tests(tokens: Vec<Token>) -> (Vec<Token>, Vec<String>) {
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        if !is_cfg_test(&tokens[at..]) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let end = at + item_length(&tokens[at..]);
        if let [.., module, name, semicolon] = &tokens[at..end]
            && module.is_word("mod")
            && semicolon.is_sign(';')
            && let Kind::Word(name) = &name.kind
        {
            modules.push(name.clone());
        }
        at = end;
    }
    (kept, modules)
}

fn is_cfg_test(tokens: &[Token]) -> bool {
    let [hash, open, cfg, bracket, test, ..] = tokens else {
        return false;
    };
    hash.is_sign('#')
        && open.is_sign('[')
        && cfg.is_word("cfg")
        && bracket.is_sign('(')
        && test.is_word("test")
}

/// How many tokens an item has, its attributes included: up to its `;`, or to the `}` that closes it.
fn item_length(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Sign('(' | '[' | '{') => depth += 1,
            Kind::Sign(')' | ']') => depth = depth.saturating_sub(1),
            Kind::Sign('}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index + 1;
                }
            }
            Kind::Sign(';') if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Every path of the core that begins with `crate` or `super` must lead down, or stay.
fn arrows(path: &str, tokens: &[Token], fault: &mut impl FnMut(usize, String)) {
    let Some(module) = path.strip_prefix("ticketing-core/src/") else {
        return;
    };
    let mut here: Vec<&str> = module.trim_end_matches(".rs").split('/').collect();
    if matches!(here.last(), Some(&"mod" | &"lib")) {
        here.pop();
    }
    let Some(part) = here.first().copied() else {
        return; // lib.rs knows all.
    };
    let Some((_, below)) = HOUSE.iter().find(|(name, _)| *name == part) else {
        return fault(1, format!("{part} has no place in the house: give it one in tests/it/tidy.rs"));
    };
    let mut at = 0;
    while at < tokens.len() {
        let begins = tokens[at].is_word("crate") || tokens[at].is_word("super");
        let inside_a_path = at > 0 && tokens[at - 1].is_sign(':');
        if !begins || inside_a_path {
            at += 1;
            continue;
        }
        let line = tokens[at].line;
        let mut paths = Vec::new();
        at = read_path(tokens, at, &[], &mut paths);
        for path in paths {
            let target = resolve(&here, &path);
            let Some(top) = target.first().filter(|top| HOUSE.iter().any(|(name, _)| name == *top)) else {
                continue; // A macro, or a thing of the crate's root.
            };
            let port = target.get(..2).map(|two| two.join("::"));
            let allowed = |it: &&str| *it == top.as_str() || Some(*it) == port.as_deref();
            if top != part && !below.iter().any(allowed) {
                fault(line, format!("{part} must not use {}: arrows go down only", target.join("::")));
            }
        }
    }
}

/// A crate of the workspace names only those below it.
fn arrows_of_crates(path: &str, tokens: &[Token], fault: &mut impl FnMut(usize, String)) {
    let Some((here, below)) = CRATES.iter().find(|(name, _)| path.starts_with(&format!("{name}/src/")))
    else {
        return;
    };
    let own = here.replace('-', "_");
    for token in tokens {
        if let Kind::Word(word) = &token.kind
            && OURS.contains(&word.as_str())
            && *word != own
            && !below.contains(&word.as_str())
        {
            fault(token.line, format!("{here} must not use {word}: arrows go down only"));
        }
    }
}

/// Reads a path, and each branch of its `{…}`, from `at` on; returns the index after it.
fn read_path(tokens: &[Token], mut at: usize, before: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(at).map(|token| &token.kind) {
            Some(Kind::Word(word)) => path.push(word.clone()),
            Some(Kind::Sign('{')) => {
                at += 1;
                while tokens.get(at).is_some_and(|token| !token.is_sign('}')) {
                    let from = at;
                    at = read_path(tokens, at, &path, paths);
                    // What is no path in a list of imports: "as name", a comma.
                    while tokens.get(at).is_some_and(|token| !token.is_sign(',') && !token.is_sign('}')) {
                        at += 1;
                    }
                    at += usize::from(tokens.get(at).is_some_and(|token| token.is_sign(',')));
                    debug_assert!(at > from);
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        let colons = tokens.get(at..at + 2).is_some_and(|two| two.iter().all(|token| token.is_sign(':')));
        if !colons {
            break;
        }
        at += 2;
    }
    paths.push(path);
    at.max(1)
}

/// The path from the crate's root.
fn resolve(here: &[&str], path: &[String]) -> Vec<String> {
    let mut target: Vec<String> = here.iter().map(ToString::to_string).collect();
    for (index, word) in path.iter().enumerate() {
        match word.as_str() {
            "crate" if index == 0 => target.clear(),
            "super" => _ = target.pop(),
            "self" => {}
            word => target.push(word.to_owned()),
        }
    }
    target
}

/// Whether a word is the head of a path, or all of it: neither a name inside one, as in `adapters::redis`, nor that
/// of a value, as in `redis.ping()`.
fn is_crate(tokens: &[Token], index: usize) -> bool {
    let is_sign = |at: usize, sign| tokens.get(at).is_some_and(|token| token.is_sign(sign));
    let begins = index == 0 || !is_sign(index - 1, ':') || index == 1 || !is_sign(index - 2, ':');
    let is_used = index > 0 && tokens[index - 1].is_word("use") && !is_sign(index + 1, ':');
    begins && (is_used || is_sign(index + 1, ':') && is_sign(index + 2, ':'))
}

/// Words and texts that may not stand where they stand.
fn words(path: &str, tokens: &[Token], fault: &mut impl FnMut(usize, String)) {
    let in_core = path.starts_with("ticketing-core/src/");
    let speaks_sql = in_core || path.starts_with("bench/");
    let prints = !in_core && !path.starts_with("ticketing-server/src/");
    for (index, token) in tokens.iter().enumerate() {
        match &token.kind {
            Kind::Word(word) => {
                for (name, place) in CONFINED {
                    if word == name
                        && is_crate(tokens, index)
                        && !path.starts_with(place)
                        && !path.starts_with("bench/")
                    {
                        fault(token.line, format!("{word} stands only under {place}"));
                    }
                }
                if in_core && is_database_type(word) && !may_name_database(path, &tokens[..index]) {
                    let sentence = format!("{word} stands only in {}", DATABASE_TYPES.join(", "));
                    fault(token.line, sentence);
                }
                if path.starts_with("ticketing-core/src/domain/") && IMPURE.contains(&word.as_str()) {
                    fault(token.line, format!("{word} in the domain: it must depend on its arguments alone"));
                }
                let is_macro = tokens.get(index + 1).is_some_and(|next| next.is_sign('!'));
                if !prints && is_macro && matches!(word.as_str(), "println" | "print") {
                    fault(token.line, format!("{word}! in a library: return the text, or log it"));
                }
            }
            Kind::Text(text) if !speaks_sql => {
                if let Some(sql) = SQL.iter().find(|sql| text.contains(**sql)) {
                    fault(token.line, format!("a text with {:?}: SQL stands only in the core", sql.trim()));
                }
            }
            Kind::Text(_) | Kind::Sign(_) => {}
        }
    }
}

/// Whether a word is a type of one of the databases: `Sqlite`, `SqlitePool`, `Postgres`, `PgRow`.
fn is_database_type(word: &str) -> bool {
    let postgres = word.strip_prefix("Pg").is_some_and(|rest| rest.starts_with(char::is_uppercase));
    postgres || word.starts_with("Sqlite") || word.starts_with("Postgres")
}

/// Whether the word after `before` may name a database: in the files for it, or, anywhere in the store, as
/// a variant of an enum of ours (`Engine::Sqlite`).
fn may_name_database(path: &str, before: &[Token]) -> bool {
    let is_variant = match before {
        [.., owner, one, two] if one.is_sign(':') && two.is_sign(':') => {
            matches!(&owner.kind, Kind::Word(word) if word.starts_with(char::is_uppercase))
        }
        _ => false,
    };
    DATABASE_TYPES.contains(&path) || (is_variant && path.starts_with("ticketing-core/src/store/"))
}

/// A new event must not slip past `evolve`: it has no arm for whatever else there is.
fn evolve_names_every_variant(tokens: &[Token], fault: &mut impl FnMut(usize, String)) {
    for (index, two) in tokens.windows(2).enumerate() {
        if !two[0].is_word("fn") || !two[1].is_word("evolve") {
            continue;
        }
        let body = &tokens[index..index + item_length(&tokens[index..])];
        for three in body.windows(3) {
            if three[0].is_word("_") && three[1].is_sign('=') && three[2].is_sign('>') {
                fault(
                    three[0].line,
                    "_ => in evolve: name every event, so that a new one is not forgotten".into(),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn faults(path: &str, text: &str) -> Vec<String> {
        check(&[Source { path: path.into(), text: text.into() }])
    }

    #[test]
    fn what_breaks_a_rule_is_found() {
        let rows = [
            ("domain/a.rs", "use crate::store::db;", "domain must not use store::db"),
            ("domain/booking/a.rs", "use super::super::super::app::App;", "domain must not use app::App"),
            ("domain/a.rs", "fn f() { crate::ops::filter::run() }", "domain must not use ops::filter::run"),
            (
                "domain/a.rs",
                "use crate::{text, domain::{id}, engine::{queue as q}};",
                "domain must not use engine",
            ),
            ("store/a.rs", "use crate::engine::Queue;", "store must not use engine::Queue"),
            ("store/a.rs", "use crate::app::ports::Clock;", "store must not use app::ports::Clock"),
            ("engine/a.rs", "use crate::app::reserve;", "engine must not use app::reserve"),
            ("adapters/a.rs", "use crate::store::Db;", "adapters must not use store::Db"),
            ("adapters/gtfs/mod.rs", "use super::super::ops::x;", "adapters must not use ops::x"),
            ("ops/a.rs", "use crate::worker::tick;", "ops must not use worker::tick"),
            ("app/mod.rs", "pub use crate::adapters::*;", "app must not use adapters"),
            ("attic/a.rs", "", "attic has no place in the house"),
            ("app/a.rs", "use sqlx::query;", "sqlx stands only under"),
            ("app/a.rs", "fn f() -> sqlx::Error {}", "sqlx stands only under"),
            ("store/events.rs", "use sqlx::Postgres;", "Postgres stands only in"),
            ("store/events.rs", "fn f(row: &PgRow) {}", "PgRow stands only in"),
            ("store/events.rs", "fn f(x: sqlx::sqlite::SqlitePool) {}", "SqlitePool stands only in"),
            ("app/a.rs", "match engine { Engine::Sqlite => 1 }", "Sqlite stands only in"),
            ("engine/a.rs", "use redis::Client;", "redis stands only under"),
            ("engine/a.rs", "fn f() { let redis = redis::cmd(\"GET\"); }", "redis stands only under"),
            ("engine/a.rs", "use redis as r;", "redis stands only under"),
            ("domain/a.rs", "async fn f() {}", "async in the domain"),
            ("domain/a.rs", "let t = SystemTime::now();", "SystemTime in the domain"),
            ("app/a.rs", "fn f() { println!(\"x\") }", "println! in a library"),
            (
                "domain/a.rs",
                "fn evolve(s: S, e: &E) -> S { match e { E::A => s, _ => s } }",
                "_ => in evolve",
            ),
        ];
        for (path, text, expected) in rows {
            let found = faults(&format!("ticketing-core/src/{path}"), text);
            assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
            assert!(found[0].contains(expected), "{path}: {text}: {found:?}");
            assert!(found[0].starts_with(&format!("ticketing-core/src/{path}:1: ")), "{found:?}");
        }
        let elsewhere = [
            ("ticketing-desk/src/session.rs", "use ticketing_server::auth;", "arrows go down only"),
            ("ticketing-tui/src/lib.rs", "fn f() { ticketing_desk::x() }", "arrows go down only"),
            ("ticketing-cli/src/main.rs", "const Q: &str = \"SELECT 1\";", "SQL stands only in the core"),
            ("ticketing-tui/src/lib.rs", "f(r#\"\nINSERT INTO t\"#)", "SQL stands only in the core"),
            ("ticketing-server/src/lib.rs", "use sqlx::Row;", "sqlx stands only under"),
            ("ticketing-server/src/main.rs", "fn main() { print!(\"x\") }", "print! in a library"),
            ("bench/src/main.rs", &"\n".repeat(801), "the file has 801 lines"),
        ];
        for (path, text, expected) in elsewhere {
            let found = faults(path, text);
            assert!(found.len() == 1 && found[0].contains(expected), "{path}: {text}: {found:?}");
        }
    }

    #[test]
    fn what_keeps_the_rules_is_left_alone() {
        let rows = [
            ("engine/a.rs", "use crate::app::ports::redis; fn f(redis: R) { redis.ask(x::redis::Y) }"),
            ("lib.rs", "pub mod store; pub use crate::store::Db;"),
            (
                "domain/a.rs",
                "// use crate::store;\nuse super::id::BookingId; use crate::{text::nearest, domain::time};",
            ),
            (
                "domain/a.rs",
                "const S: &str = \"crate::store println! async\"; macro_rules! m { () => { $crate::x!() } }",
            ),
            (
                "domain/a.rs",
                "fn f() {}\n#[cfg(test)]\nmod tests { use crate::store::Db; fn f() { println!(\"{}\", 1) } }",
            ),
            ("domain/a.rs", "fn decide() { match 1 { _ => () } }"),
            ("store/db.rs", "use sqlx::{Postgres, Sqlite}; const Q: &str = \"SELECT 1\";"),
            ("store/batch.rs", "match engine { Engine::Sqlite => 1, Engine::Postgres => 2 }"),
            ("store/events.rs", "use super::db::Tx; use crate::projection::view; use sqlx::Row;"),
            ("engine/a.rs", "use crate::app::ports::Clock; use crate::app::{ports::{Bus, Cache}};"),
            ("adapters/a.rs", "use crate::{app::ports, domain::catalog::CatalogSet};"),
            ("ops/seed.rs", "use crate::app::App; use super::filter::Filter; use crate::store::catalog;"),
            ("worker/a.rs", "use crate::{adapters, app, engine, ops, store};"),
        ];
        for (path, text) in rows {
            let found = faults(&format!("ticketing-core/src/{path}"), text);
            assert!(found.is_empty(), "{path}: {text}: {found:?}");
        }
        assert_eq!(faults("ticketing-cli/src/main.rs", "println!(\"select a seat\")"), [""; 0]);
        assert_eq!(faults("ticketing-server/tests/it/main.rs", "use sqlx::Row; f(\"SELECT 1\")"), [""; 0]);
    }

    #[test]
    fn a_file_that_is_declared_as_a_test_is_exempt() {
        let file = |path: &str, text: &str| Source {
            path: format!("ticketing-core/src/domain/{path}"),
            text: text.into(),
        };
        let breaks = "use crate::store::Db;";
        let sources = [
            file("booking/mod.rs", "pub mod decide;\n#[cfg(test)]\nmod tests;"),
            file("booking/tests.rs", breaks),
            file("booking/tests/rows.rs", breaks),
            file("seating.rs", "#[cfg(test)] mod tests;"),
            file("seating/tests.rs", breaks),
            file("booking/decide.rs", breaks),
        ];
        let found = check(&sources);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("ticketing-core/src/domain/booking/decide.rs:1"), "{found:?}");
    }
}
