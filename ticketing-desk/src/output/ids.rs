//! Ids cut to the shortest prefix that still tells the listed ones apart.

/// No prefix is shorter than this.
pub const PREFIX_LEN_MIN: usize = 8;

/// The length of a UUID in text.
const UUID_LEN: usize = 36;

/// Returns how many characters of these ids tell them apart: at least `len_min`, at most all of a UUID.
///
/// Texts that are no UUIDs play no part: they are never cut.
#[must_use]
pub fn shorten_ids<'a>(ids: impl IntoIterator<Item = &'a str>, len_min: usize) -> usize {
    let mut sorted: Vec<&str> = ids.into_iter().filter(|id| is_uuid(id)).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let common = |pair: &[&str]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(a, b)| a == b).count();
    let longest_common = sorted.windows(2).map(common).max();
    let len = longest_common.map_or(0, |len| len + 1).max(len_min).clamp(PREFIX_LEN_MIN, UUID_LEN);
    // A prefix that ends in a hyphen looks cut by mistake.
    if [9, 14, 19, 24].contains(&len) { len + 1 } else { len }
}

/// Returns the first `len` characters of a UUID, and any other text whole.
#[must_use]
pub fn prefix(id: &str, len: usize) -> &str {
    if is_uuid(id) { id.get(..len).unwrap_or(id) } else { id }
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID_LEN
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::{prefix, shorten_ids};

    #[test]
    fn a_prefix_is_as_long_as_the_closest_pair_needs() {
        const A: &str = "01928a7c-1111-7000-8000-000000000001";
        const B: &str = "01928a7c-1112-7000-8000-000000000001";
        const C: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        let rows: [(&[&str], usize, usize); 7] = [
            (&[], 8, 8),
            (&[A, C], 8, 8),
            (&[A, A], 8, 8),
            (&[A, B, C], 8, 13),
            (&[A, C], 20, 20),
            (&[A, C], 9, 10),
            (&["route-7", A], 99, 36),
        ];
        for (ids, len_min, expected) in rows {
            assert_eq!(shorten_ids(ids.iter().copied(), len_min), expected, "{ids:?}");
        }
        assert_eq!(prefix(A, 13), "01928a7c-1111");
        assert_eq!(prefix("route-7-of-the-north", 8), "route-7-of-the-north");
    }
}
