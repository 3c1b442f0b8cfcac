//! A payment provider's statement: CSV with a head line, row by row, never all of it in memory.
//!
//! Columns are found by their names, whatever the case and whether blanks or underscores part the words; those that are
//! not known are passed over. A row that can't be understood is told by its line, and the next one is read. Amounts
//! are decimals or minor units, never floats.

use crate::domain::id::{AttemptId, PaymentId};
use crate::domain::money::{AMOUNT_MINOR_MAX, Currency, Money};
use crate::domain::payment::AttemptKind;
use crate::domain::statement::{StatementRow, StatementStatus};
use crate::domain::time::Timestamp;
use std::io::{self, BufRead as _, BufReader, Read};
use uuid::Uuid;

/// What a column may be called. The first one that a file has is taken.
const ATTEMPT: &[&str] = &["attempt_id", "metadata[attempt_id]", "payment_metadata[attempt_id]"];
const PAYMENT: &[&str] = &["payment_id", "metadata[payment_id]", "payment_metadata[payment_id]"];
const EITHER: &[&str] = &["id"];
const REF: &[&str] = &["provider_ref", "source_id", "source", "charge_id"];
const KIND: &[&str] = &["type", "reporting_category"];
const AMOUNT: &[&str] = &["amount", "gross"];
const AMOUNT_MINOR: &[&str] = &["amount_minor", "amount_cents"];
const CURRENCY: &[&str] = &["currency"];
const STATUS: &[&str] = &["status"];
const CREATED: &[&str] = &["created", "created_at", "created_utc", "created_(utc)"];

/// What a statement also lists and is about no payment of a buyer.
const NOT_OURS: &[&str] =
    &["payout", "payout_reversal", "fee", "stripe_fee", "network_cost", "topup", "transfer"];

/// Why a statement can't be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// A column that every row needs is missing.
    #[error("the head line names no {wanted}; it has {has}")]
    Column {
        /// What it may be called.
        wanted: &'static str,
        /// What there is.
        has: String,
    },
    /// The file can't be read.
    #[error("the statement can't be read: {0}")]
    Unreadable(String),
}

/// A row that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRow {
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct Columns {
    attempt: Option<usize>,
    payment: Option<usize>,
    either: Option<usize>,
    provider_ref: Option<usize>,
    kind: usize,
    amount: Option<usize>,
    amount_minor: Option<usize>,
    currency: usize,
    status: Option<usize>,
    created: Option<usize>,
}

/// A statement that is read row by row.
#[derive(Debug)]
pub struct Statement<R> {
    rows: csv::Reader<LineEnds<R>>,
    columns: Columns,
    record: csv::StringRecord,
    /// The file itself could not be read on: it is over.
    is_broken_off: bool,
}

/// Text whose lines all end with a bare line feed: behind a carriage return the CSV reader counts it for the next row.
#[derive(Debug)]
struct LineEnds<R> {
    text: BufReader<R>,
    /// A carriage return that was read, and may be the first half of a line's end.
    is_return_held: bool,
}

impl<R: Read> LineEnds<R> {
    fn new(text: R) -> Self {
        Self { text: BufReader::new(text), is_return_held: false }
    }
}

impl<R: Read> Read for LineEnds<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled == 0 && !out.is_empty() {
            let chunk = match self.text.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                if std::mem::take(&mut self.is_return_held) {
                    out[0] = b'\r';
                    return Ok(1);
                }
                return Ok(0);
            }
            let mut used = 0;
            while used < chunk.len() && filled < out.len() {
                let byte = chunk[used];
                if std::mem::take(&mut self.is_return_held) && byte != b'\n' {
                    // It ended nothing, and the byte itself is for the next round.
                    out[filled] = b'\r';
                    filled += 1;
                    continue;
                }
                used += 1;
                if byte == b'\r' {
                    self.is_return_held = true;
                } else {
                    out[filled] = byte;
                    filled += 1;
                }
            }
            self.text.consume(used);
        }
        Ok(filled)
    }
}

impl<R: Read> Statement<R> {
    /// Reads the head line.
    ///
    /// # Errors
    /// [`StatementError`], if a column that is needed is missing.
    pub fn open(file: R) -> Result<Self, StatementError> {
        let mut rows =
            csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(LineEnds::new(file));
        let head = rows.headers().map_err(|error| StatementError::Unreadable(error.to_string()))?;
        let names: Vec<String> = head
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_lowercase().replace([' ', '-'], "_"))
            .collect();
        let find = |wanted: &[&str]| wanted.iter().find_map(|name| names.iter().position(|n| n == name));
        let missing = |wanted: &'static str| StatementError::Column {
            wanted,
            has: crate::text::quoted(&names.join(", ")),
        };
        let columns = Columns {
            attempt: find(ATTEMPT),
            payment: find(PAYMENT),
            either: find(EITHER),
            provider_ref: find(REF),
            kind: find(KIND).ok_or_else(|| missing("type (or reporting_category)"))?,
            amount: find(AMOUNT),
            amount_minor: find(AMOUNT_MINOR),
            currency: find(CURRENCY).ok_or_else(|| missing("currency"))?,
            status: find(STATUS),
            created: find(CREATED),
        };
        if columns.amount.or(columns.amount_minor).is_none() {
            return Err(missing("amount (or gross, amount_minor, amount_cents)"));
        }
        if columns.attempt.or(columns.payment).or(columns.either).or(columns.provider_ref).is_none() {
            return Err(missing("attempt_id, payment_id, id or provider_ref (or source)"));
        }
        Ok(Self { rows, columns, record: csv::StringRecord::new(), is_broken_off: false })
    }

    /// Whether its rows say when they happened.
    #[must_use]
    pub const fn has_times(&self) -> bool {
        self.columns.created.is_some()
    }

    /// Returns the next row that is about a payment; `None` at the end.
    pub fn next_row(&mut self) -> Option<Result<StatementRow, BrokenRow>> {
        loop {
            if self.is_broken_off {
                return None;
            }
            let line = self.rows.position().line();
            match self.rows.read_record(&mut self.record) {
                Ok(false) => return None,
                Ok(true) => {}
                Err(error) => {
                    self.is_broken_off = error.is_io_error();
                    let at = error.position().map_or(line, csv::Position::line);
                    let reason = match error.kind() {
                        csv::ErrorKind::Utf8 { .. } => "it is no UTF-8".to_owned(),
                        _ => error.to_string(),
                    };
                    return Some(Err(BrokenRow { line: at, reason }));
                }
            }
            let line = self.record.position().map_or(line, csv::Position::line);
            match self.row(line) {
                Ok(None) => {}
                Ok(Some(row)) => return Some(Ok(row)),
                Err(reason) => return Some(Err(BrokenRow { line, reason })),
            }
        }
    }

    /// Understands the record at hand; `None` if it is about no payment.
    fn row(&self, line: u64) -> Result<Option<StatementRow>, String> {
        let quoted = crate::text::quoted;
        let cell = |column: Option<usize>| {
            column.and_then(|column| self.record.get(column)).filter(|text| !text.is_empty())
        };
        let uuid = |name: &str, column| match cell(column) {
            None => Ok(None),
            Some(text) => {
                Uuid::parse_str(text).map(Some).map_err(|_| format!("{name} {} is no id", quoted(text)))
            }
        };
        let word = cell(Some(self.columns.kind)).ok_or("its type is missing")?.to_lowercase();
        let kind = match word.as_str() {
            "charge" | "payment" => AttemptKind::Charge,
            "refund" | "payment_refund" | "partial_refund" => AttemptKind::Refund,
            other if NOT_OURS.contains(&other) => return Ok(None),
            _ => return Err(format!("type {} is neither charge nor refund", quoted(&word))),
        };
        let code = cell(Some(self.columns.currency)).ok_or("its currency is missing")?;
        let currency = Currency::parse(&code.to_uppercase())
            .ok_or_else(|| format!("currency {} is none of ISO 4217", quoted(code)))?;
        let (attempt, payment) =
            (uuid("attempt_id", self.columns.attempt)?, uuid("payment_id", self.columns.payment)?);
        let id = cell(self.columns.either);
        let either_id = id.and_then(|id| Uuid::parse_str(id).ok());
        // A provider that names its own things in `id`, and has no other column for them.
        let own = id.filter(|_| either_id.is_none() && self.columns.provider_ref.is_none());
        let provider_ref = cell(self.columns.provider_ref).or(own).map(str::to_owned);
        if attempt.or(payment).or(either_id).is_none() && provider_ref.is_none() {
            return Err("it names nothing: all of its ids are blank or none".into());
        }
        Ok(Some(StatementRow {
            line,
            attempt_id: attempt.map(AttemptId),
            payment_id: payment.map(PaymentId),
            either_id,
            provider_ref,
            kind,
            amount: amount(cell(self.columns.amount_minor), cell(self.columns.amount), kind, currency)?,
            status: match cell(self.columns.status) {
                None => StatementStatus::Succeeded,
                Some(text) => status(text).ok_or_else(|| format!("status {} is not known", quoted(text)))?,
            },
            created: match cell(self.columns.created) {
                None => None,
                Some(text) => Some(time(text).ok_or_else(|| format!("{} is no time", quoted(text)))?),
            },
        }))
    }
}

/// Reads an amount. Providers write refunds below zero, since the money leaves.
fn amount(
    minor: Option<&str>,
    decimal: Option<&str>,
    kind: AttemptKind,
    currency: Currency,
) -> Result<Money, String> {
    let text = minor.or(decimal).ok_or("its amount is missing")?;
    let unsigned = match kind {
        AttemptKind::Charge => text,
        AttemptKind::Refund => text.strip_prefix('-').unwrap_or(text),
    };
    let wrong = |why: &str| format!("amount {} {why}", crate::text::quoted(text));
    if minor.is_none() {
        return Money::parse(unsigned, currency).map_err(|why| wrong(&why.to_string()));
    }
    let is_number = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    let amount_minor = unsigned.parse().ok().filter(|n| is_number && *n <= AMOUNT_MINOR_MAX);
    Ok(Money { amount_minor: amount_minor.ok_or_else(|| wrong("is no number of minor units"))?, currency })
}

fn status(text: &str) -> Option<StatementStatus> {
    match text.to_lowercase().as_str() {
        "succeeded" | "success" | "paid" | "available" | "completed" | "captured" | "refunded" => {
            Some(StatementStatus::Succeeded)
        }
        "failed" | "declined" | "canceled" | "cancelled" => Some(StatementStatus::Failed),
        "pending" | "processing" => Some(StatementStatus::Pending),
        _ => None,
    }
}

/// Reads RFC 3339, `2026-11-20 12:00[:00]` (UTC), a day, or seconds since the epoch.
fn time(text: &str) -> Option<Timestamp> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<i64>().ok()?.checked_mul(1_000).map(Timestamp::from_millis);
    }
    let rfc = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{}:00Z", text.replace(' ', "T")),
        19 => format!("{}Z", text.replace(' ', "T")),
        _ => text.to_owned(),
    };
    Timestamp::parse(&rfc)
}

#[cfg(test)]
mod tests {
    use super::{LineEnds, Statement, StatementError};
    use crate::domain::payment::AttemptKind;
    use crate::domain::statement::StatementStatus;
    use std::io::{BufReader, Read as _};

    /// A row as `line kind amount status ref`, or `line: what is wrong`.
    fn read(text: &str) -> Vec<String> {
        let mut statement = Statement::open(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        while let Some(row) = statement.next_row() {
            out.push(match row {
                Err(broken) => format!("{}: {}", broken.line, broken.reason),
                Ok(row) => format!(
                    "{} {} {} {} {}",
                    row.line,
                    row.kind.word(),
                    row.amount,
                    row.status.word(),
                    row.provider_ref.unwrap_or_default()
                ),
            });
        }
        out
    }

    #[test]
    fn a_plain_statement_is_read_row_by_row_and_broken_rows_are_told_by_line() {
        let rows = read(
            "\u{feff}attempt_id,provider_ref,type,amount,currency,status,created\n\
             01a1fdc9-1ee5-766e-a6cd-2bea249a40ea,ch_1,charge,25.00,usd,succeeded,2026-11-20T12:00:00Z\n\
             ,ch_2,charge,25.001,USD,succeeded,2026-11-20\n\
             ,ch_3,charge,2500,JPY,failed,1795176000\n\
             x,ch_4,charge,1,USD,succeeded,\n\
             ,,charge,1,USD,succeeded,\n\
             ,ch_5,loan,1,USD,succeeded,\n\
             ,ch_6,refund,1,XXQ,succeeded,\n\
             ,ch_7,refund,1,USD,lost,\n\
             ,ch_8,refund,1,USD,paid,noon\n\
             ,ch_9,charge,-1,USD,paid,\n\
             short\n\
             ,re_1,refund,-1.50,USD,pending,2026-11-20 12:00\n",
        );
        let expected = [
            "2 charge 25.00 USD succeeded ch_1",
            "3: amount \"25.001\" has more decimals than the currency",
            "4 charge 2500 JPY failed ch_3",
            "5: attempt_id \"x\" is no id",
            "6: it names nothing: all of its ids are blank or none",
            "7: type \"loan\" is neither charge nor refund",
            "8: currency \"XXQ\" is none of ISO 4217",
            "9: status \"lost\" is not known",
            "10: \"noon\" is no time",
            "11: amount \"-1\" must not be negative",
            "12: its type is missing",
            "13 refund 1.50 USD pending re_1",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn lines_are_counted_alike_whatever_ends_them() {
        let rows =
            ["id,type,amount,currency", "ch_1,charge,1,USD", "ch_2,loan,1,USD", "ch_3,charge,x\ry,USD", ""];
        for end in ["\n", "\r\n"] {
            let found = read(&rows.join(end));
            let lines: Vec<&str> = found.iter().filter_map(|row| row.split([' ', ':']).next()).collect();
            assert_eq!(lines[..2], ["2", "3"], "{end:?}: {found:?}");
        }
        let mut out = Vec::new();
        // A byte at a time, so that each line's end is torn apart.
        let mut torn = LineEnds {
            text: BufReader::with_capacity(1, "a\r\nb\rc\r\r\n\r".as_bytes()),
            is_return_held: false,
        };
        torn.read_to_end(&mut out).unwrap();
        assert_eq!(out, b"a\nb\rc\r\n\r");
    }

    #[test]
    fn an_export_of_stripe_is_read_by_its_own_names() {
        let rows = read(
            "balance_transaction_id,Created (UTC),reporting_category,Gross,Currency,source_id,payment_metadata[attempt_id]\n\
             txn_1,2026-11-20 12:00:00,charge,1.80,usd,ch_1,01a1fdc9-1ee5-766e-a6cd-2bea249a40ea\n\
             txn_2,2026-11-20 12:00:00,refund,-1.80,usd,re_1,\n\
             txn_3,2026-11-20 12:00:00,payout,-100.00,usd,po_1,\n",
        );
        assert_eq!(rows, ["2 charge 1.80 USD succeeded ch_1", "3 refund 1.80 USD succeeded re_1"]);
    }

    #[test]
    fn minor_units_and_bare_ids_are_understood() {
        let text = "id,type,amount_minor,currency\nch_1,charge,180,USD\n\
                    01a1fdc9-1ee5-766e-a6cd-2bea249a40ea,refund,-180,USD\nch_2,charge,1.8,USD\n";
        let mut statement = Statement::open(text.as_bytes()).unwrap();
        assert!(!statement.has_times());
        let first = statement.next_row().unwrap().unwrap();
        assert_eq!((first.provider_ref.as_deref(), first.amount.amount_minor), (Some("ch_1"), 180));
        let second = statement.next_row().unwrap().unwrap();
        assert_eq!((second.kind, second.status), (AttemptKind::Refund, StatementStatus::Succeeded));
        assert!(second.either_id.is_some() && second.provider_ref.is_none());
        assert_eq!(statement.next_row().unwrap().unwrap_err().line, 4);
        assert!(statement.next_row().is_none());
    }

    #[test]
    fn a_file_without_a_needed_column_is_refused_with_what_it_has() {
        let rows = [
            ("a,b\n", "type (or reporting_category)"),
            ("id,type,amount\n", "currency"),
            ("id,type,currency\n", "amount (or gross, amount_minor, amount_cents)"),
            ("type,currency,amount\n", "attempt_id, payment_id, id or provider_ref (or source)"),
            ("", "type (or reporting_category)"),
        ];
        for (text, expected) in rows {
            match Statement::open(text.as_bytes()) {
                Err(StatementError::Column { wanted, .. }) => assert_eq!(wanted, expected),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }
}
