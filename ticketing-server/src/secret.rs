//! The secret that signs tokens: from the environment, or made on the first start in development.
//!
//! A server in production refuses to start with a secret that somebody could guess.

use crate::settings::{Environment, SettingsError};
use sha2::{Digest, Sha256};
use std::fmt;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use ticketing_core::app::make_data_dir;
use ticketing_core::private;
use uuid::Uuid;

/// The shortest secret for production, in bytes: as long as an HS256 hash (RFC 7518, 3.2).
pub const SECRET_LEN_MIN: usize = 32;

/// The file in the data folder that keeps the secret of development.
pub const SECRET_FILE: &str = "jwt_secret";

/// What signs tokens. It never shows itself in logs.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why there is no usable secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// `JWT_SECRET` is missing or weak.
    #[error(transparent)]
    Setting(#[from] SettingsError),
    /// The file can't be read or made.
    #[error("the secret file {path} can't be {what}: {source}; make the data folder readable and writable")]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `made`.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not one that we wrote.
    #[error(
        "the secret file {path} holds no secret of {SECRET_LEN_MIN} bytes or more; delete it and start again"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
}

impl Secret {
    /// Takes any secret that is not empty.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// The bytes that sign.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Finds the secret to use: `JWT_SECRET` if set; else, in development, the one kept in `data_dir`,
    /// which the first start makes.
    ///
    /// # Errors
    /// In production, a secret that is missing or weak; in development, a file that can't be used.
    pub fn resolve(
        environment: Environment,
        jwt_secret: Option<&str>,
        data_dir: &Path,
    ) -> Result<Self, SecretError> {
        match (environment, jwt_secret.and_then(Self::new)) {
            (Environment::Production, None) => {
                Err(setting("is missing; in production set it to 32 or more random bytes").into())
            }
            (Environment::Production, Some(secret)) => match weakness(&secret.0) {
                Some(why) => Err(setting(&format!("{why}; set it to 32 or more random bytes")).into()),
                None => Ok(secret),
            },
            (Environment::Development, Some(secret)) => Ok(secret),
            (Environment::Development, None) => keep(data_dir),
        }
    }
}

fn setting(problem: &str) -> SettingsError {
    SettingsError { variable: "JWT_SECRET", problem: problem.to_owned() }
}

/// Words of secrets that come with examples and templates, without case and punctuation.
const DEFAULT_WORDS: &[&str] = &[
    "changeme",
    "changethis",
    "changeit",
    "replaceme",
    "replacethis",
    "yoursecret",
    "yoursuper",
    "yourjwt",
    "your256",
    "yourkey",
    "mysecret",
    "jwtsecret",
    "secretkey",
    "supersecret",
    "topsecret",
    "default",
    "placeholder",
    "example",
    "insecure",
    "password",
    "development",
];

/// Fewer different bytes than this are a pattern, not a secret: 32 random hex digits have 8 or more but
/// for once in ten million.
const DISTINCT_BYTES_MIN: usize = 8;

fn weakness(secret: &str) -> Option<&'static str> {
    let plain: String = secret.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let plain = plain.to_ascii_lowercase();
    let mut seen = [false; 256];
    secret.bytes().for_each(|b| seen[usize::from(b)] = true);
    if secret.len() < SECRET_LEN_MIN {
        Some("is shorter than 32 bytes")
    } else if seen.iter().filter(|s| **s).count() < DISTINCT_BYTES_MIN {
        Some("repeats a few characters")
    } else if DEFAULT_WORDS.iter().any(|word| plain.contains(word)) {
        Some("looks like the default of an example")
    } else {
        None
    }
}

/// Returns the secret in `data_dir`, made if there is none. Of several servers that start at once all
/// return the same: a finished file is linked to its name, which succeeds for one of them only.
fn keep(data_dir: &Path) -> Result<Secret, SecretError> {
    let path = data_dir.join(SECRET_FILE);
    let failed = |what| {
        let path = path.clone();
        move |source| SecretError::File { path, what, source }
    };
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    make_data_dir(data_dir).map_err(failed("made"))?;
    let draft = data_dir.join(format!(".{SECRET_FILE}.{}", Uuid::new_v4()));
    let linked = write_draft(&draft).and_then(|()| fs::hard_link(&draft, &path));
    let _ = fs::remove_file(&draft); // if it was never made, there is nothing to remove
    match linked {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed("made")(e)),
    }
    read(&path)?.ok_or(SecretError::Corrupt { path })
}

fn read(path: &Path) -> Result<Option<Secret>, SecretError> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().len() >= SECRET_LEN_MIN => Ok(Secret::new(text.trim())),
        Ok(_) => Err(SecretError::Corrupt { path: path.to_owned() }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SecretError::File { path: path.to_owned(), what: "read", source }),
    }
}

fn write_draft(path: &Path) -> io::Result<()> {
    let mut file = private::create_new(path)?;
    writeln!(file, "{}", random_hex())?;
    file.sync_all()
}

/// Returns 32 random bytes in hex: a hash over more random bits than it has itself.
fn random_hex() -> String {
    let mut hash = Sha256::new();
    (0..4).for_each(|_| hash.update(Uuid::new_v4().as_bytes()));
    hash.finalize().iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}"); // writing to a String never fails
        out
    })
}

#[cfg(test)]
mod tests {
    use super::{SECRET_FILE, Secret};
    use crate::settings::Environment::{Development, Production};
    use std::path::Path;

    #[test]
    fn production_refuses_a_secret_that_could_be_guessed() {
        let rows: &[(Option<&str>, Option<&str>)] = &[
            (None, Some("is missing")),
            (Some(""), Some("is missing")),
            (Some("secret"), Some("shorter")),
            (Some("changeme"), Some("shorter")),
            (Some("k9f8a7s6d5f4g3h2j1q0w9e8r7t6y5u"), Some("shorter")),
            (Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), Some("repeats")),
            (Some("abcabcabcabcabcabcabcabcabcabcabcabc"), Some("repeats")),
            (Some("your-secret-key-your-secret-key-1234"), Some("default")),
            (Some("your-256-bit-secret-your-256-bit-secret"), Some("default")),
            (Some("Change_Me_In_Production_0123456789abcd"), Some("default")),
            (Some("my super secret that nobody will guess"), Some("default")),
            (Some("k9f8a7s6d5f4g3h2j1q0w9e8r7t6y5u4"), None),
            (Some("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"), None),
        ];
        for (text, refused) in rows {
            let answer = Secret::resolve(Production, *text, Path::new("/nonexistent"));
            match (answer, refused) {
                (Ok(secret), None) => assert_eq!(Some(secret.bytes()), text.map(str::as_bytes)),
                (Err(e), Some(why)) => {
                    let message = e.to_string();
                    assert!(message.contains("JWT_SECRET") && message.contains(why), "{text:?}: {message}");
                }
                (answer, _) => panic!("{text:?}: {answer:?}"),
            }
        }
    }

    #[test]
    fn development_takes_any_secret_that_is_given() {
        let secret = Secret::resolve(Development, Some("secret"), Path::new("/nonexistent")).unwrap();
        assert_eq!(secret.bytes(), b"secret");
    }

    #[test]
    fn servers_that_start_at_once_on_a_new_folder_agree_on_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let resolve = || Secret::resolve(Development, None, &data_dir).unwrap().bytes().to_vec();
        let all: Vec<Vec<u8>> = std::thread::scope(|s| {
            let threads: Vec<_> = (0..8).map(|_| s.spawn(resolve)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(all.iter().all(|s| *s == all[0] && s.len() == 64), "{all:?}");
        assert_eq!(resolve(), all[0]);
        assert_eq!(std::fs::read_dir(&data_dir).unwrap().count(), 1, "drafts are removed");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(data_dir.join(SECRET_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_holds_no_secret_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["", "short\n"] {
            std::fs::write(folder.path().join(SECRET_FILE), content).unwrap();
            let error = Secret::resolve(Development, None, folder.path()).unwrap_err().to_string();
            assert!(error.contains("delete it"), "{error}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new("abc").unwrap()), "Secret(…)");
    }
}
