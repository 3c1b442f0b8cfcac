//! Files and streams read whole or not at all: what is longer than its limit is refused, never cut.

use std::io::{self, Read};

/// Reads bytes.
///
/// # Errors
/// What the system says; that there are more than `bytes_max`.
pub fn bytes(from: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let (most, unit) = match bytes_max {
            most if most >= 1 << 20 => (most >> 20, "MiB"),
            most => (most >> 10, "KiB"),
        };
        return Err(io::Error::other(format!("it is longer than {most} {unit}, the most that is read")));
    }
    Ok(bytes)
}

/// Reads text.
///
/// # Errors
/// As [`bytes`]; what is no UTF-8.
pub fn text(from: impl Read, bytes_max: u64) -> io::Result<String> {
    String::from_utf8(bytes(from, bytes_max)?).map_err(|_| io::Error::other("it is no UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_is_too_long_is_refused_and_not_cut() {
        assert_eq!(text(&[b'a'; 1024][..], 1024).unwrap().len(), 1024);
        let refused = text(&[b'a'; 1025][..], 1024).unwrap_err();
        assert_eq!(refused.to_string(), "it is longer than 1 KiB, the most that is read");
        assert!(text(&[0xff][..], 1024).is_err());
    }
}
