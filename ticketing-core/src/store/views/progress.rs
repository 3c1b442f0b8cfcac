//! Where the projection goes on reading each partition of the carrier. Moved in the same transaction as its
//! rows.

use super::fold::TICKETS;
use crate::args;
use crate::store::db::{Column, Db, Tx};
use crate::store::error::Result;
use crate::store::sql::statements;

/// Where to go on in one partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub struct Offset {
    /// `kafka` or `nats`.
    pub carrier: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Everything before it has been folded.
    pub next_offset: i64,
}

statements! {
    OFFSETS = "SELECT carrier, topic, partition, next_offset FROM view_offsets WHERE name = $1
        ORDER BY carrier, topic, partition";
    PUT_OFFSETS = "INSERT INTO view_offsets (name, carrier, topic, partition, next_offset)
        SELECT name, carrier, topic, partition, next_offset
        FROM {rows name text, carrier text, topic text, partition int, next_offset big} WHERE true
        ON CONFLICT (name, carrier, topic, partition) DO UPDATE SET next_offset = excluded.next_offset";
}

/// Returns where the projection goes on, for every carrier it ever read.
///
/// # Errors
/// What the store says.
pub async fn offsets(db: &Db) -> Result<Vec<Offset>> {
    db.all(&OFFSETS, args![TICKETS]).await
}

/// The same in a transaction.
pub(super) async fn offsets_in(tx: &mut Tx) -> Result<Vec<Offset>> {
    tx.all(&OFFSETS, args![TICKETS]).await
}

/// Writes down where the projection goes on.
///
/// # Errors
/// What the store says.
pub async fn put_offsets(tx: &mut Tx, offsets: &[Offset]) -> Result<()> {
    if offsets.is_empty() {
        return Ok(());
    }
    let columns = vec![
        Column::Text(offsets.iter().map(|_| TICKETS.to_owned()).collect()),
        Column::Text(offsets.iter().map(|o| o.carrier.clone()).collect()),
        Column::Text(offsets.iter().map(|o| o.topic.clone()).collect()),
        Column::Int(offsets.iter().map(|o| o.partition).collect()),
        Column::Big(offsets.iter().map(|o| o.next_offset).collect()),
    ];
    tx.run(&PUT_OFFSETS, args![columns]).await?;
    Ok(())
}

/// Writes down where the projection goes on without a page, if it still is where it was believed to be; false, and
/// nothing is written, if somebody has moved it.
///
/// # Errors
/// What the store says.
pub async fn advance(db: &Db, before: &[Offset], after: &[Offset]) -> Result<bool> {
    let mut tx = db.begin().await?;
    if offsets_in(&mut tx).await? != before {
        tx.rollback().await?;
        return Ok(false);
    }
    put_offsets(&mut tx, after).await?;
    tx.commit().await?;
    Ok(true)
}
