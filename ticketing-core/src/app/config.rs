//! Where the stores are, and what else is set: flags, then the environment, then `ticketing.toml`, then
//! defaults. Pure but for [`Settings::load`]: nothing else here reads the environment or a file.

use super::StoreConfig;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file that is read from the folder where the program starts.
pub const FILE_NAME: &str = "ticketing.toml";
/// Where the embedded stores are unless `DATA_DIR` or a flag says otherwise.
pub const DATA_DIR_DEFAULT: &str = "./data";
/// How long a hold lasts where nothing else is set, in seconds; and at most.
pub const HOLD_SECONDS_DEFAULT: u32 = 900;
/// See [`HOLD_SECONDS_DEFAULT`].
pub const HOLD_SECONDS_MAX: u32 = 24 * 3600;
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// PostgreSQL's own port.
const POSTGRES_PORT: u16 = 5432;

/// A setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} {problem}")]
pub struct ConfigError {
    /// The variable, or the file.
    pub name: String,
    /// What is wrong, as the rest of a sentence that begins with the name.
    pub problem: String,
}

/// Where a setting is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The environment, which beats the file.
    Environment,
    /// The file.
    File,
}

/// What is set by the environment and the file, found by the variables' names.
///
/// In the file a variable is written in small letters: `database_url = "postgres://…"`, `port = 3002`.
#[derive(Clone, Default)]
pub struct Settings {
    environment: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
}

/// Values may be passwords, so only the names are shown.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("file", &self.file.keys()).finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads this process's environment and [`FILE_NAME`] in the present folder, if it is there.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn load() -> Result<Self, ConfigError> {
        let text = |value: std::ffi::OsString| value.into_string().ok();
        let environment = std::env::vars_os().filter_map(|(k, v)| Some((text(k)?, text(v)?)));
        let file = read_file(Path::new(FILE_NAME))?;
        Self::new(environment, file.as_deref().unwrap_or_default())
    }

    /// Takes an environment and the text of a file.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn new(
        environment: impl IntoIterator<Item = (String, String)>,
        file: &str,
    ) -> Result<Self, ConfigError> {
        let table: toml::Table =
            file.parse().map_err(|e: toml::de::Error| fault(FILE_NAME, e.to_string()))?;
        let mut values = BTreeMap::new();
        for (key, value) in table {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                toml::Value::Float(_)
                | toml::Value::Datetime(_)
                | toml::Value::Array(_)
                | toml::Value::Table(_) => {
                    let problem = format!("has {key}, which is no text, whole number or true/false");
                    return Err(fault(FILE_NAME, problem));
                }
            };
            values.insert(key.to_ascii_uppercase(), text);
        }
        Ok(Self { environment: environment.into_iter().collect(), file: values })
    }

    /// Returns a variable's value; an empty one counts as none.
    #[must_use]
    pub fn get(&self, variable: &str) -> Option<String> {
        self.found(variable).map(|(_, value)| value)
    }

    /// Returns a variable's value, and where it is from.
    #[must_use]
    pub fn found(&self, variable: &str) -> Option<(Source, String)> {
        let is_set = |value: &&String| !value.trim().is_empty();
        let environment = self.environment.get(variable).filter(is_set);
        let file = || self.file.get(variable).filter(is_set);
        environment
            .map(|value| (Source::Environment, value.clone()))
            .or_else(|| file().map(|value| (Source::File, value.clone())))
    }

    /// Returns the names that the environment, or the file, sets.
    pub fn names(&self, source: Source) -> impl Iterator<Item = &str> {
        match source {
            Source::Environment => self.environment.keys(),
            Source::File => self.file.keys(),
        }
        .map(String::as_str)
    }

    /// Returns the settings as if this variable were set nowhere.
    #[must_use]
    pub fn without(mut self, variable: &str) -> Self {
        self.environment.remove(variable);
        self.file.remove(variable);
        self
    }

    /// Returns how long a hold lasts by this variable, in seconds: `HOLD_SECONDS`, or `ORDER_SECONDS` for an order of
    /// a listing.
    ///
    /// # Errors
    /// What is no whole number from 1 to [`HOLD_SECONDS_MAX`].
    pub fn hold_seconds(&self, variable: &str) -> Result<u32, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(HOLD_SECONDS_DEFAULT) };
        let seconds = text.trim().parse::<u32>().ok().filter(|s| (1..=HOLD_SECONDS_MAX).contains(s));
        let problem = || format!("is \"{text}\", which is no number from 1 to {HOLD_SECONDS_MAX}");
        seconds.ok_or_else(|| fault(variable, problem()))
    }

    /// Finds the stores. A flag names the stores whole: beside `--database-url` no other address is looked
    /// at, and with `--data-dir` alone the stores are the embedded ones in that folder. `DATA_DIR` only says
    /// where the folder is.
    ///
    /// # Errors
    /// The variable that can't be used.
    pub fn stores(
        &self,
        data_dir: Option<&Path>,
        database_url: Option<&str>,
    ) -> Result<StoreConfig, ConfigError> {
        let folder = match data_dir {
            Some(folder) => folder.to_path_buf(),
            None => PathBuf::from(self.get("DATA_DIR").unwrap_or_else(|| DATA_DIR_DEFAULT.into())),
        };
        let at = |database_url, read_database_url| StoreConfig {
            data_dir: folder.clone(),
            database_url,
            read_database_url,
        };
        if let Some(url) = database_url {
            return Ok(at(Some(url.to_owned()), None));
        }
        if data_dir.is_some() {
            return Ok(at(None, None));
        }
        let write = self.address("DATABASE_URL", "WRITE", "ticketing_write")?;
        let read = self.address("READ_DATABASE_URL", "READ", "ticketing_read")?;
        Ok(at(write, read))
    }

    /// Returns the address that a URL's variable or the parts `POSTGRES_<role>_…` give.
    fn address(&self, url: &str, role: &str, database: &str) -> Result<Option<String>, ConfigError> {
        if let Some(url) = self.get(url) {
            return Ok(Some(url));
        }
        let name = |part: &str| format!("POSTGRES_{role}_{part}");
        let part = |part: &str| self.get(&name(part));
        let Some(host) = part("HOST") else {
            return match ["PORT", "USER", "PASSWORD", "DB"].into_iter().find(|p| part(p).is_some()) {
                None => Ok(None),
                Some(other) => Err(fault(&name(other), format!("is set, but {} is not", name("HOST")))),
            };
        };
        let port = match part("PORT") {
            None => POSTGRES_PORT,
            Some(text) => text
                .trim()
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| fault(&name("PORT"), "is no port: a number from 1 to 65535"))?,
        };
        let user = part("USER").unwrap_or_else(|| "postgres".into());
        let mut address = format!("postgres://{}", escaped(&user));
        if let Some(password) = part("PASSWORD") {
            address.push(':');
            address.push_str(&escaped(&password));
        }
        let host = host.trim();
        // An IPv6 address stands in brackets; a path is a socket's folder, which a URL escapes.
        let host = match host {
            _ if host.starts_with('[') => host.to_owned(),
            _ if host.contains(':') => format!("[{host}]"),
            _ => escaped(host),
        };
        let database = part("DB").unwrap_or_else(|| database.into());
        let _ = write!(address, "@{host}:{port}/{}", escaped(&database)); // writing to a text never fails
        Ok(Some(address))
    }
}

fn fault(name: &str, problem: impl Into<String>) -> ConfigError {
    ConfigError { name: name.to_owned(), problem: problem.into() }
}

fn read_file(path: &Path) -> Result<Option<String>, ConfigError> {
    use std::io::Read as _;
    let failed = |e: std::io::Error| fault(FILE_NAME, format!("can't be read: {e}"));
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let mut text = String::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(fault(FILE_NAME, "is larger than 1 MiB"));
    }
    Ok(Some(text))
}

/// Writes what may stand in any part of a URL (RFC 3986, unreserved), and the rest as `%41`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}"); // writing to a text never fails
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, HOLD_SECONDS_DEFAULT, HOLD_SECONDS_MAX, Settings};
    use std::path::Path;

    fn settings(environment: &[(&str, &str)], file: &str) -> Result<Settings, ConfigError> {
        Settings::new(environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())), file)
    }

    #[test]
    fn a_hold_lasts_as_long_as_its_variable_says() {
        let of = |text: &str| settings(&[("ORDER_SECONDS", text)], "").unwrap().hold_seconds("ORDER_SECONDS");
        assert_eq!(of(""), Ok(HOLD_SECONDS_DEFAULT));
        assert_eq!((of(" 60 "), of("86400")), (Ok(60), Ok(HOLD_SECONDS_MAX)));
        for text in ["0", "86401", "15m", "-1"] {
            let error = of(text).unwrap_err();
            let expected = format!("ORDER_SECONDS is \"{text}\", which is no number from 1 to 86400");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_flag_beats_the_environment_the_environment_the_file() {
        let file = "database_url = \"postgres://file\"\nport = 8080\n";
        let both = settings(&[("DATABASE_URL", "postgres://env")], file).unwrap();
        let only_file = settings(&[("DATABASE_URL", "")], file).unwrap();
        assert_eq!(both.get("PORT").as_deref(), Some("8080"));
        type Row<'a> = (&'a Settings, Option<&'a str>, Option<&'a str>, Option<&'a str>);
        let rows: [Row<'_>; 5] = [
            (&both, None, None, Some("postgres://env")),
            (&only_file, None, None, Some("postgres://file")),
            (&both, None, Some("postgres://flag"), Some("postgres://flag")),
            (&both, Some("d"), Some("postgres://flag"), Some("postgres://flag")),
            (&both, Some("d"), None, None),
        ];
        for (settings, data_dir, url, expected) in rows {
            let stores = settings.stores(data_dir.map(Path::new), url).unwrap();
            assert_eq!(stores.database_url.as_deref(), expected, "{data_dir:?} {url:?}");
            assert_eq!(stores.data_dir, Path::new(data_dir.unwrap_or("./data")));
        }
    }

    #[test]
    fn the_data_folder_is_the_flags_the_variables_or_the_default() {
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, Option<&'a str>, &'a str);
        let rows: [Row<'_>; 4] = [
            (&[], "", None, "./data"),
            (&[], "data_dir = \"file\"", None, "file"),
            (&[("DATA_DIR", "env")], "data_dir = \"file\"", None, "env"),
            (&[("DATA_DIR", "env")], "", Some("flag"), "flag"),
        ];
        for (environment, file, flag, expected) in rows {
            let stores = settings(environment, file).unwrap().stores(flag.map(Path::new), None).unwrap();
            assert_eq!(stores.data_dir, Path::new(expected));
            assert!(stores.is_embedded());
        }
    }

    #[test]
    fn a_server_is_named_by_its_parts_too() {
        let parts = [
            ("POSTGRES_WRITE_HOST", "db"),
            ("POSTGRES_WRITE_USER", "us er"),
            ("POSTGRES_WRITE_PASSWORD", "p@ss:w/rd"),
            ("POSTGRES_READ_HOST", "::1"),
            ("POSTGRES_READ_PORT", "6000"),
            ("POSTGRES_READ_DB", "r"),
        ];
        let stores = settings(&parts, "").unwrap().stores(None, None).unwrap();
        let write = "postgres://us%20er:p%40ss%3Aw%2Frd@db:5432/ticketing_write";
        assert_eq!(stores.database_url.as_deref(), Some(write));
        assert_eq!(stores.read_database_url.as_deref(), Some("postgres://postgres@[::1]:6000/r"));
    }

    #[test]
    fn what_can_not_be_used_is_named() {
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
        let rows: [Row<'_>; 5] = [
            (
                &[("POSTGRES_WRITE_PORT", "5")],
                "",
                "POSTGRES_WRITE_PORT is set, but POSTGRES_WRITE_HOST is not",
            ),
            (
                &[("POSTGRES_WRITE_HOST", "h"), ("POSTGRES_WRITE_PORT", "0")],
                "",
                "POSTGRES_WRITE_PORT is no port",
            ),
            (&[], "port = ", "ticketing.toml"),
            (&[], "port = [1]", "ticketing.toml has port"),
            (&[], "[stores]\nx = 1", "ticketing.toml has stores"),
        ];
        for (environment, file, expected) in rows {
            let got = settings(environment, file).and_then(|s| s.stores(None, None)).unwrap_err();
            assert!(got.to_string().starts_with(expected), "{expected}: {got}");
        }
    }

    #[test]
    fn values_are_not_shown() {
        let shown = format!("{:?}", settings(&[], "jwt_secret = \"hunter2\"").unwrap());
        assert!(shown.contains("JWT_SECRET") && !shown.contains("hunter2"), "{shown}");
    }
}
