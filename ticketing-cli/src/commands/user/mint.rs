//! Making tokens as the server checks them: HS256 (RFC 7515, RFC 7519), with the server's secret.

use crate::failure::Failure;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::time::Duration;
use ticketing_core::app::config::Settings;
use ticketing_core::domain::time::Timestamp;
use uuid::Uuid;

/// The file in the data folder that keeps the secret of development.
const SECRET_FILE: &str = "jwt_secret";
/// The shortest secret for production, in bytes.
const SECRET_LEN_MIN: usize = 32;

/// Returns the secret that signs tokens: `JWT_SECRET`, else, in development, the one kept in the data
/// folder, made on first use.
///
/// # Errors
/// In production a secret that is missing or short; a file that can't be used.
pub fn secret(settings: &Settings, data_dir: &Path) -> Result<Vec<u8>, Failure> {
    let environment = settings.get("APP_ENV").unwrap_or_default().trim().to_ascii_lowercase();
    let is_production = !matches!(environment.as_str(), "" | "development" | "dev" | "test" | "local");
    let refused = |what: &str| {
        Failure::usage(format!("JWT_SECRET {what}."))
            .code("CONFIG")
            .why("In production tokens are signed with the secret that the server has.")
            .hint("set JWT_SECRET to the server's 32 or more random bytes")
    };
    match settings.get("JWT_SECRET") {
        Some(secret) if is_production && secret.len() < SECRET_LEN_MIN => {
            Err(refused("is shorter than 32 bytes"))
        }
        Some(secret) => Ok(secret.into_bytes()),
        None if is_production => Err(refused("is missing")),
        None => kept(data_dir).map_err(|error| {
            Failure::error("The secret that signs tokens can't be read or made.")
                .code("SECRET")
                .why(format!("{}: {error}.", data_dir.join(SECRET_FILE).display()))
                .hint("make the data folder readable and writable, or set JWT_SECRET")
        }),
    }
}

/// Returns the secret in the folder, made if there is none. Of two who make it at once, both get the same:
/// a finished file is linked to its name, which succeeds for one of them only.
fn kept(data_dir: &Path) -> std::io::Result<Vec<u8>> {
    let path = data_dir.join(SECRET_FILE);
    let read = || std::fs::read_to_string(&path).map(|text| text.trim().as_bytes().to_vec());
    match read() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        found => return found.and_then(whole),
    }
    std::fs::create_dir_all(data_dir)?;
    let draft = data_dir.join(format!(".{SECRET_FILE}.{}", Uuid::new_v4()));
    let linked = write(&draft).and_then(|()| std::fs::hard_link(&draft, &path));
    // If it was never made, there is nothing to remove.
    let _ = std::fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => read().and_then(whole),
    }
}

fn whole(secret: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if secret.len() >= SECRET_LEN_MIN {
        Ok(secret)
    } else {
        Err(std::io::Error::other("it holds no secret; delete it"))
    }
}

fn write(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // Two ids of version 4 have 244 random bits.
    writeln!(file, "{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())?;
    file.sync_all()
}

/// Returns a token for `sub` that is good for `ttl` from `now` on.
///
/// # Panics
/// Never: HMAC takes a secret of any length.
#[must_use]
#[allow(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104)")]
pub fn mint(secret: &[u8], sub: &str, role: &str, ttl: Duration, now: Timestamp) -> String {
    let iat = now.as_millis() / 1000;
    let exp = iat.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
    let claims = serde_json::json!({"sub": sub, "role": role, "iat": iat, "exp": exp}).to_string();
    let signed = format!("{}.{}", base64url(br#"{"alg":"HS256","typ":"JWT"}"#), base64url(claims.as_bytes()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", base64url(&mac.finalize().into_bytes()))
}

/// Writes bytes in the URL's alphabet without padding (RFC 4648, section 5).
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| (group << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(group >> (18 - 6 * place) & 63) as usize]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{base64url, kept, mint};
    use std::time::Duration;
    use ticketing_core::domain::time::Timestamp;

    #[test]
    fn bytes_are_written_as_rfc_4648_says() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("\u{3ff}\u{3ff}", "z7_Pvw"),
        ] {
            assert_eq!(base64url(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_token_is_signed_by_hs256() {
        let now = Timestamp::parse("2026-11-20T12:00:00.500Z").unwrap();
        let token = mint(b"secret", "ada", "user", Duration::from_secs(3600), now);
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts[0], "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
        assert_eq!(parts[1], base64url(br#"{"exp":1795179600,"iat":1795176000,"role":"user","sub":"ada"}"#));
        assert_eq!(parts[2].len(), 43);
    }

    #[test]
    fn the_secret_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = kept(folder.path()).unwrap();
        assert_eq!((first.len(), kept(folder.path()).unwrap()), (64, first));
        std::fs::write(folder.path().join("jwt_secret"), "short").unwrap();
        assert!(kept(folder.path()).is_err());
    }
}
