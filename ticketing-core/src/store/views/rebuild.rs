//! The tables beside the live ones: made, filled, and swapped with them in one transaction.
//!
//! Readers see the one set or the other, never none. The live projector goes on by itself: its cursor's row is
//! the same before and after a swap, and says how far the tables that are live have come.
//!
//! Whoever fills a set of tables claims it first, and every later step is done only while the claim stands and the
//! tables are as far as that filler brought them: one that slept while another began anew changes nothing.
//!
//! Rows are locked in one order: the live cursor, the cursor of the set, its tables.

use super::target::TABLES;
use super::{Target, fold, identity};
use crate::args;
use crate::store::db::{Db, Engine, Role, Tx};
use crate::store::error::Result;
use crate::store::migrate;
use crate::store::parked;
use crate::store::sql::statements;
use std::collections::HashSet;
use uuid::Uuid;

statements! {
    FORGET_CURSOR = "DELETE FROM view_cursors WHERE name = $1";
    BEGIN_CURSOR = "INSERT INTO view_cursors (name, position) VALUES ($1, 0)";
    /// Conditional: of two fillers of a set of tables, one moves its cursor.
    MOVE_CURSOR = "UPDATE view_cursors SET position = $3 WHERE name = $1 AND position = $2";
    CLAIMED = "SELECT name FROM view_cursors WHERE name = $1";
    FORGET_CLAIMS = "DELETE FROM view_cursors WHERE name LIKE $1";
    /// Locks the row: the live projector waits behind a swap, and goes on from where that put the cursor.
    LOCK_CURSOR = "UPDATE view_cursors SET position = position WHERE name = $1 RETURNING position";
    SET_CURSOR = "INSERT INTO view_cursors (name, position) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET position = excluded.position";
    FORGET_PARKED = "DELETE FROM view_parked WHERE name = $1";
    RENAME_PARKED = "UPDATE view_parked SET name = $2 WHERE name = $1";
    /// What operators gave up of one set ($1) they gave up of another ($2), too: what that has not read yet, after $3,
    /// and what it has read and could not fold. Leans on the primary key.
    COPY_DISCARDED = "INSERT INTO view_parked (name, position, stream_id, stream_version, event_type, state, reason,
            tries, at, moved_at, moved_by)
        SELECT $2, d.position, d.stream_id, d.stream_version, d.event_type, d.state, d.reason, d.tries, d.at,
            d.moved_at, d.moved_by
        FROM view_parked d
        WHERE d.name = $1 AND d.state = 'discarded' AND (d.position > $3 OR EXISTS (
            SELECT 1 FROM view_parked o
            WHERE o.name = $2 AND o.position = d.position AND o.state IN ('dead', 'waiting')))
        ON CONFLICT (name, position) DO UPDATE SET state = excluded.state, reason = excluded.reason,
            tries = excluded.tries, moved_at = excluded.moved_at, moved_by = excluded.moved_by
        WHERE view_parked.state IN ('dead', 'waiting')";
    /// Leans on the primary key.
    DISCARDED = "SELECT position FROM view_parked WHERE name = $1 AND state = 'discarded' AND position > $2";
    PARKED_STREAMS = "SELECT DISTINCT stream_id FROM view_parked
        WHERE name = $1 AND state IN ('dead', 'waiting')";
    TABLE_NAMED = sqlite "SELECT name FROM sqlite_master WHERE type = 'table' AND name = $1"
        postgres "SELECT $1 AS name WHERE to_regclass($1) IS NOT NULL";
}

/// How long a swap waits for a reader before it lets everybody go on and tries again. Shorter than PostgreSQL takes to
/// find that two wait for each other, so that no reader is ever the one who fails.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '500ms'";
/// Indexes of a large table take longer than any statement of ours may.
const NO_TIMEOUT: &str = "SET LOCAL statement_timeout = 0";

/// A statement that makes a part of a set of tables.
enum Part {
    Table(String),
    Index(String),
}

/// What a set of tables is made by: all that the migrations did to the live ones, with other names. The indexes' names
/// end with `stamp`, which no set has had before, since SQLite can't give an index another name when its table gets one.
fn parts(engine: Engine, target: Target, stamp: &str) -> Vec<Part> {
    // What a migration fills in rows that are there, the log brings to empty tables.
    let fills = |statement: &str| statement.starts_with("UPDATE ");
    let is_ours = |statement: &&String| {
        !fills(statement) && TABLES.iter().any(|table| statement.contains(&format!("view_{table}")))
    };
    let part = |statement: &String| match index_name(statement) {
        Some(name) => {
            let stamped = format!("{name}_{stamp}");
            let (before, after) = statement.split_once(name).unwrap_or((statement, ""));
            Part::Index(format!("{before}{stamped}{}", target.spell(after)))
        }
        None => Part::Table(target.spell(statement)),
    };
    migrate::script(Role::Read, engine).iter().filter(is_ours).map(part).collect()
}

/// The name of the index that a statement makes.
fn index_name(statement: &str) -> Option<&str> {
    let mut words = statement.split_whitespace();
    let is_index = words.next() == Some("CREATE") && words.any(|word| word == "INDEX");
    words.next().filter(|_| is_index)
}

/// A filler's claim to a set of tables that is not live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    target: Target,
    stamp: String,
}

impl Claim {
    /// Names the claim to `target` of whoever has this stamp, which nobody had before.
    #[must_use]
    pub const fn of(target: Target, stamp: String) -> Self {
        Self { target, stamp }
    }

    /// The set of tables.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// The name of its row, which stands beside the cursor's.
    fn row(&self) -> String {
        format!("{}/{}", self.target.cursor(), self.stamp)
    }

    /// Whether it stands; the set's cursor must be locked.
    async fn stands(&self, tx: &mut Tx) -> Result<bool> {
        Ok(tx.first::<(String,)>(&CLAIMED, args![self.row()]).await?.is_some())
    }

    /// Moves the set's cursor, and locks it; false if the claim does not stand any more, or the tables are not where
    /// this filler brought them.
    async fn advance(&self, tx: &mut Tx, from: i64, to: i64) -> Result<bool> {
        let is_there = tx.run(&MOVE_CURSOR, args![self.target.cursor(), from, to]).await? > 0;
        Ok(is_there && self.stands(tx).await?)
    }
}

/// Claims a set of tables and returns how far it is: those beside the live ones are made anew, empty and without their
/// indexes; those of before are as they are, and `None` if none are kept. Whoever had claimed the set before has
/// nothing any more.
///
/// # Errors
/// What the store says.
pub async fn begin(db: &Db, claim: &Claim) -> Result<Option<i64>> {
    let mut tx = db.begin().await?;
    let target = claim.target;
    if target == Target::Next {
        drop_in(&mut tx, target).await?;
        for part in parts(db.engine(), target, &claim.stamp) {
            if let Part::Table(statement) = part {
                tx.script(statement).await?;
            }
        }
        tx.run(&BEGIN_CURSOR, args![target.cursor()]).await?;
    }
    let row: Option<(i64,)> = tx.first(&LOCK_CURSOR, args![target.cursor()]).await?;
    let Some((position,)) = row else {
        tx.rollback().await?;
        return Ok(None);
    };
    tx.run(&FORGET_CLAIMS, args![claims(target)]).await?;
    tx.run(&BEGIN_CURSOR, args![claim.row()]).await?;
    copy_discarded(&mut tx, target, position).await?;
    tx.commit().await?;
    Ok(Some(position))
}

/// What the names of all claims to a set of tables are like.
fn claims(target: Target) -> String {
    format!("{}/%", target.cursor())
}

/// Makes the indexes of the tables beside the live ones, each by itself; says before each how many are done, of how
/// many. False if the claim does not stand any more, or the tables are not at `position`: then none is made.
///
/// # Errors
/// What the store says.
pub async fn index(
    db: &Db,
    claim: &Claim,
    position: i64,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<bool> {
    let indexes: Vec<String> = parts(db.engine(), claim.target, &claim.stamp)
        .into_iter()
        .filter_map(|part| match part {
            Part::Index(statement) => Some(statement),
            Part::Table(_) => None,
        })
        .collect();
    let total = indexes.len() as u64;
    for (statement, done) in indexes.into_iter().zip(0..) {
        progress(done, total);
        let mut tx = db.begin().await?;
        if db.engine() == Engine::Postgres {
            tx.script(NO_TIMEOUT.into()).await?;
        }
        if !claim.advance(&mut tx, position, position).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.script(statement).await?;
        tx.commit().await?;
    }
    if db.engine() == Engine::Postgres {
        let mut tx = db.begin().await?;
        let tables = TABLES.map(|table| format!("{}{table}", claim.target.prefix()));
        tx.script(format!("{NO_TIMEOUT}; ANALYZE {}", tables.join(", "))).await?;
        tx.commit().await?;
    }
    progress(total, total);
    Ok(true)
}

/// Gives a claim up, and drops the tables beside the live ones if it stood for them; those of before are never dropped.
/// Does nothing if the claim does not stand any more.
///
/// # Errors
/// What the store says.
pub async fn give_up(db: &Db, claim: &Claim) -> Result<()> {
    let mut tx = db.begin().await?;
    let target = claim.target;
    let _: Option<(i64,)> = tx.first(&LOCK_CURSOR, args![target.cursor()]).await?;
    if !claim.stands(&mut tx).await? {
        return tx.rollback().await;
    }
    match target {
        Target::Next => drop_in(&mut tx, target).await?,
        Target::Before | Target::Live => {
            tx.run(&FORGET_CURSOR, args![claim.row()]).await?;
        }
    }
    tx.commit().await
}

/// Drops a set of tables that is not live, with its cursor, the claims to it, and what it parked. The live tables are
/// never dropped.
pub(in crate::store) async fn drop_in(tx: &mut Tx, target: Target) -> Result<()> {
    if target == Target::Live {
        return Ok(());
    }
    // The cursor first: whoever fills the tables is waited for, and then has nothing to fill.
    tx.run(&FORGET_CURSOR, args![target.cursor()]).await?;
    tx.run(&FORGET_CLAIMS, args![claims(target)]).await?;
    for table in TABLES {
        tx.script(format!("DROP TABLE IF EXISTS {}{table}", target.prefix())).await?;
    }
    tx.run(&FORGET_PARKED, args![target.cursor()]).await?;
    Ok(())
}

/// Whether there is such a set of tables.
///
/// # Errors
/// What the store says.
pub async fn is_there(db: &Db, target: Target) -> Result<bool> {
    let table = format!("{}tickets", target.prefix());
    Ok(db.first::<(String,)>(&TABLE_NAMED, args![table]).await?.is_some())
}

/// Returns the streams that wait for an event that could not be folded.
///
/// # Errors
/// What the store says.
pub async fn parked_streams(db: &Db, target: Target) -> Result<HashSet<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&PARKED_STREAMS, args![target.cursor()]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns the positions after this one that are not folded, since an operator gave their events up.
///
/// # Errors
/// What the store says.
pub async fn discarded(db: &Db, target: Target, after: i64) -> Result<HashSet<i64>> {
    let rows: Vec<(i64,)> = db.all(&DISCARDED, args![target.cursor(), after]).await?;
    Ok(rows.into_iter().map(|(position,)| position).collect())
}

/// What operators gave up of the live tables is given up of these, which are at `position`, too.
async fn copy_discarded(tx: &mut Tx, target: Target, position: i64) -> Result<()> {
    tx.run(&COPY_DISCARDED, args![Target::Live.cursor(), target.cursor(), position]).await?;
    Ok(())
}

/// Writes a page of tables that are not live, what it parked, and their cursor, from `from` to `to`. False if the claim
/// does not stand any more, or the tables are not at `from`: then nothing is written.
///
/// # Errors
/// What the store says.
pub async fn apply(db: &Db, claim: &Claim, page: &fold::Page, (from, to): (i64, i64)) -> Result<bool> {
    let mut tx = db.begin().await?;
    if !claim.advance(&mut tx, from, to).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    put(&mut tx, claim.target, page).await?;
    tx.commit().await?;
    Ok(true)
}

async fn put(tx: &mut Tx, target: Target, page: &fold::Page) -> Result<()> {
    fold::put(tx, target, page).await?;
    parked::put(tx, target.cursor(), &page.parked).await
}

/// A swap under way: the live cursor's row is locked, so the live tables do not move until it ends.
#[derive(Debug)]
pub struct Swap {
    tx: Tx,
    incoming: Target,
    live: i64,
}

impl Swap {
    /// Begins to put the tables of a claim, which are at `position`, in the place of the live ones. `None` if the
    /// claim does not stand any more, or the tables are not there: then nothing is held.
    ///
    /// # Errors
    /// What the store says.
    pub async fn begin(db: &Db, claim: &Claim, position: i64) -> Result<Option<Self>> {
        let mut tx = db.begin().await?;
        let row: Option<(i64,)> = tx.first(&LOCK_CURSOR, args![Target::Live.cursor()]).await?;
        if !claim.advance(&mut tx, position, position).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        Ok(Some(Self { tx, incoming: claim.target, live: row.map_or(0, |(position,)| position) }))
    }

    /// How far the live tables are.
    #[must_use]
    pub const fn live(&self) -> i64 {
        self.live
    }

    /// Writes the last page of the incoming tables.
    ///
    /// # Errors
    /// What the store says.
    pub async fn put(&mut self, page: &fold::Page) -> Result<()> {
        put(&mut self.tx, self.incoming, page).await
    }

    /// Changes the names and commits: the incoming tables, which are at `position`, are live, and what was live is
    /// kept as the tables of before.
    ///
    /// # Errors
    /// What the store says: a conflict if a reader did not end in time. Then nothing was done.
    pub async fn commit(mut self, position: i64) -> Result<()> {
        let (tx, incoming) = (&mut self.tx, self.incoming);
        if tx.engine() == Engine::Postgres {
            tx.script(LOCK_WAIT.into()).await?;
            let live = TABLES.map(|table| format!("{}{table}", Target::Live.prefix()));
            tx.script(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", live.join(", "))).await?;
        }
        // What was given up while these tables were filled; those behind it then wait for nothing, and are released.
        copy_discarded(tx, incoming, position).await?;
        // The names go round: live, then aside, then where it stays.
        let aside = "aside_";
        if incoming != Target::Before {
            drop_in(tx, Target::Before).await?;
        }
        for table in TABLES {
            let (live, next) = (Target::Live.prefix(), incoming.prefix());
            for (from, to) in [(live, aside), (next, live), (aside, Target::Before.prefix())] {
                tx.script(format!("ALTER TABLE {from}{table} RENAME TO {to}{table}")).await?;
            }
        }
        tx.run(&SET_CURSOR, args![Target::Live.cursor(), position]).await?;
        tx.run(&FORGET_CURSOR, args![incoming.cursor()]).await?;
        tx.run(&FORGET_CLAIMS, args![claims(incoming)]).await?;
        tx.run(&SET_CURSOR, args![Target::Before.cursor(), self.live]).await?;
        for (from, to) in [
            (Target::Live.cursor(), aside),
            (incoming.cursor(), Target::Live.cursor()),
            (aside, Target::Before.cursor()),
        ] {
            tx.run(&RENAME_PARKED, args![from, to]).await?;
        }
        identity::repaired(tx).await?;
        self.tx.commit().await
    }

    /// Lets everybody go on.
    ///
    /// # Errors
    /// What the store says.
    pub async fn let_go(self) -> Result<()> {
        self.tx.rollback().await
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, TABLES, parts};
    use crate::store::db::Engine;
    use crate::store::views::Target;

    #[test]
    fn the_tables_beside_are_made_by_the_same_statements_with_other_names() {
        let made = parts(Engine::Sqlite, Target::Next, "7");
        let mut tables: Vec<&str> = made
            .iter()
            .filter_map(|part| match part {
                Part::Table(text) => text.split_whitespace().nth(2),
                Part::Index(_) => None,
            })
            .collect();
        tables.sort_unstable();
        tables.dedup();
        let mut expected = TABLES.map(|table| format!("next_{table}"));
        expected.sort_unstable();
        assert_eq!(tables, expected, "neither cursors nor what is parked");
        let indexes: Vec<&str> = made
            .iter()
            .filter_map(|part| match part {
                Part::Index(text) => Some(text.as_str()),
                Part::Table(_) => None,
            })
            .collect();
        assert!(indexes.len() >= 8);
        assert_eq!(indexes[0], "CREATE INDEX view_routes_name_7 ON next_routes (name, id)");
        assert!(indexes.iter().all(|text| text.contains("_7 ON next_")), "{indexes:?}");
    }
}
