//! What was probably meant by an id that there is not: ids that differ from it by a slip or two, or begin as it does.
//!
//! Nothing is walked through. The ids that a slip could have come from are looked up by index, all at once, each with
//! the one below and above it.

use super::OpsError;
use super::lookup::PREFIX_MIN;
use crate::app::App;
use crate::store::{accounts, dead_letters, jobs, payments, sagas, views};
use crate::text::slips;
use std::collections::BTreeSet;
use uuid::Uuid;

/// So many are proposed.
const NEAR_MAX: usize = 3;
/// The digits of a whole id.
const DIGITS: usize = 32;
/// Ids that differ by more slips are others.
const SLIPS_MAX: usize = 2;
/// In the beginning of an id, which is shorter, fewer say as much.
const SLIPS_MAX_SHORT: usize = 1;
/// A beginning of fewer digits is short.
const SHORT: usize = 8;
/// Ids that begin with as many digits as these were made at about the same time.
const SHARED_MIN: usize = 10;

/// Returns the ids of this kind that are near to what was typed, the nearest first; none of a kind that has no ids.
///
/// # Errors
/// What the stores say.
pub async fn ids(app: &App, what: &str, typed: &str) -> Result<Vec<Uuid>, OpsError> {
    let typed: Vec<char> =
        typed.to_ascii_lowercase().chars().filter(|c| *c != '-').take(DIGITS + 2).collect();
    let probes = probes(&typed);
    if probes.is_empty() {
        return Ok(Vec::new());
    }
    let (write, read) = (&app.stores.write, &app.stores.read);
    let found = match what {
        "booking" => views::tickets::neighbours(read, probes).await?,
        "schedule" | "event" | "offering" => views::network::departure_neighbours(read, probes).await?,
        "route" => views::network::route_neighbours(read, probes).await?,
        "saga" => sagas::neighbours(write, probes).await?,
        "payment" => payments::neighbours(write, probes).await?,
        "job" => jobs::neighbours(write, probes).await?,
        "user" => accounts::neighbours(write, probes).await?,
        "letter" => dead_letters::neighbours(write, probes).await?,
        _ => return Ok(Vec::new()),
    };
    let found: BTreeSet<Uuid> =
        found.into_iter().flat_map(|(_, below, above)| below.into_iter().chain(above)).collect();
    let mut ranked: Vec<((usize, usize), Uuid)> =
        found.into_iter().filter_map(|id| Some((rank(&typed, id)?, id))).collect();
    ranked.sort_unstable();
    Ok(ranked.into_iter().take(NEAR_MAX).map(|(_, id)| id).collect())
}

/// Returns where to look: just below each id that one slip could have made this of.
fn probes(typed: &[char]) -> Vec<Uuid> {
    if !(PREFIX_MIN..=DIGITS + 1).contains(&typed.len()) {
        return Vec::new();
    }
    let mut words: BTreeSet<Vec<char>> = BTreeSet::from([typed.to_vec()]);
    let hex = "0123456789abcdef";
    for at in 0..typed.len() {
        let mut without = typed.to_vec();
        without.remove(at);
        words.insert(without);
        for digit in hex.chars() {
            let mut with = typed.to_vec();
            with[at] = digit;
            words.insert(with.clone());
            with[at] = typed[at];
            with.insert(at, digit);
            words.insert(with);
        }
        if at + 1 < typed.len() {
            let mut swapped = typed.to_vec();
            swapped.swap(at, at + 1);
            words.insert(swapped);
        }
    }
    let below = |word: Vec<char>| {
        let digits: String = word.into_iter().collect();
        let low = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() <= DIGITS)?;
        let low = low.checked_shl(u32::try_from(4 * (DIGITS - digits.len())).ok()?)?;
        Some(Uuid::from_u128(low.saturating_sub(1)))
    };
    words.into_iter().filter_map(below).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns how near an id is: the slips, and then how little of the beginning it shares; `None` if it is another.
fn rank(typed: &[char], id: Uuid) -> Option<(usize, usize)> {
    let id: Vec<char> = id.simple().to_string().chars().collect();
    let shared = typed.iter().zip(&id).take_while(|(a, b)| a == b).count();
    // Of a beginning, the slips are counted to the end that makes the fewest.
    let ends = match typed.len() >= DIGITS - 1 {
        true => DIGITS..=DIGITS,
        false => typed.len().saturating_sub(1)..=(typed.len() + 1).min(DIGITS),
    };
    let count = ends.map(|end| slips(typed, &id[..end])).min().unwrap_or(usize::MAX);
    let slips_max = if typed.len() < SHORT { SLIPS_MAX_SHORT } else { SLIPS_MAX };
    match (count <= slips_max, shared >= SHARED_MIN) {
        (true, _) => Some((count, DIGITS - shared)),
        (false, true) => Some((DIGITS, DIGITS - shared)),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{probes, rank};
    use uuid::Uuid;

    #[test]
    fn a_slip_or_two_and_a_common_beginning_are_near_and_the_rest_is_not() {
        let id = Uuid::parse_str("0192a8c4-1111-7222-8333-444455556666").unwrap();
        let near = |typed: &str| {
            let typed: Vec<char> = typed.chars().filter(|c| *c != '-').collect();
            rank(&typed, id).map(|(slips, _)| slips)
        };
        for (typed, expected) in [
            ("0192a8c4-1111-7222-8333-444455556667", Some(1)),
            ("0912a8c4-1111-7222-8333-444455556666", Some(1)),
            ("0192a8c4-1111-7222-8333-44445555666", Some(1)),
            ("0192a8c4-1111-7222-8333-4444555566661", Some(1)),
            ("0192a8c4-1111-7222-8334-444455556667", Some(2)),
            ("0192a8c4-1111-7fff-9fff-ffffffffffff", Some(32)),
            ("0192ffff-ffff-7fff-9fff-ffffffffffff", None),
            ("0192a8d4", Some(1)),
            ("0192a9", Some(1)),
            ("01ffa9", None),
        ] {
            assert_eq!(near(typed), expected, "{typed}");
        }
    }

    #[test]
    fn what_is_looked_up_is_bounded_whatever_was_typed() {
        let count = |typed: &str| probes(&typed.chars().collect::<Vec<_>>()).len();
        assert_eq!(count("abc"), 0);
        assert_eq!(count(&"a".repeat(34)), 0);
        assert_eq!(count("händel, georg"), 0);
        assert!((400..1_200).contains(&count("0192a8c4111172228333444455556666")));
        // A letter that is no digit can only be the slip itself.
        assert!((1..=32).contains(&count("0192a8co")));
    }
}
