//! Where mails go and from whom they are, by `SMTP_URL` and `MAIL_FROM`.

use lettre::message::Mailbox;
use std::fmt;
use std::path::{Path, PathBuf};

/// The folder in the data folder where mails are put if no server is set.
pub const FOLDER: &str = "mail";
/// Who mails are from where nothing else is set.
pub const FROM_DEFAULT: &str = "tickets@localhost";
/// The port of submission, where encryption is begun by STARTTLS (RFC 6409).
const PORT_SUBMISSION: u16 = 587;
/// The port where it is there from the start (RFC 8314).
const PORT_SMTPS: u16 = 465;
/// How an address is written.
const FORM: &str = "smtp://user:password@host:587, or smtps://user:password@host:465";

/// A setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct MailConfigError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong, and what to write instead. Never the value of a URL: it may have a password.
    pub problem: String,
}

/// Whether the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte: `smtps://`.
    Always,
    /// By STARTTLS, or nothing is sent: `smtp://` with a password, or `?tls=required`.
    Required,
    /// By STARTTLS if the server offers it: `smtp://`.
    IfOffered,
    /// Never: `?tls=none`, for a server beside this program.
    Never,
}

/// A mail server, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpConfig {
    /// Its name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password.
    pub credentials: Option<(String, String)>,
    /// Whether the connection is encrypted.
    pub encryption: Encryption,
}

/// The password, and whose it is, are not shown.
impl fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpConfig({}, {:?})", self.address(), self.encryption)
    }
}

impl SmtpConfig {
    /// Reads `smtp://user:password@host:587` or `smtps://…:465`; everything but the host may be missing.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(url: &str) -> Result<Self, MailConfigError> {
        let fault = |problem: &str| MailConfigError {
            variable: "SMTP_URL",
            problem: format!("{problem}; write it as {FORM}"),
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| fault("is no address of a mail server"))?;
        let is_smtps = match scheme.to_ascii_lowercase().as_str() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(fault("is no address of a mail server")),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) =
            rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        if place.contains(['/', '#']) || query.is_some_and(|query| query.contains('#')) {
            return Err(fault(
                "has a `/` or `#` that is none of its parts: in a password they are %2F and %23",
            ));
        }
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
                (host, if port.is_empty() { None } else { port.strip_prefix(':').or(Some("")) })
            }
            Some(_) => return Err(fault("has no host that is one")),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        if host.is_empty()
            || host.contains([' ', '@', '%', ':']) && host.parse::<std::net::Ipv6Addr>().is_err()
        {
            return Err(fault("has no host that is one"));
        }
        let port = match port {
            None => {
                if is_smtps {
                    PORT_SMTPS
                } else {
                    PORT_SUBMISSION
                }
            }
            Some(text) => text
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| fault("has a port that is no number from 1 to 65535"))?,
        };
        let credentials = match login {
            None => None,
            Some(login) => {
                let (user, password) =
                    login.split_once(':').ok_or_else(|| fault("has a user without a password"))?;
                let plain =
                    |text: &str| unescaped(text).ok_or_else(|| fault("has a `%` that escapes nothing"));
                Some((plain(user)?, plain(password)?))
            }
        };
        let encryption = match query {
            None if is_smtps => Encryption::Always,
            // A password is not to be read on the way, unless there is no way.
            None if credentials.is_some() && !is_loopback(host) => Encryption::Required,
            None => Encryption::IfOffered,
            Some("tls=required") => {
                if is_smtps {
                    Encryption::Always
                } else {
                    Encryption::Required
                }
            }
            Some("tls=none") if !is_smtps => Encryption::Never,
            Some(_) => {
                return Err(fault(
                    "can end with ?tls=required or, for a server beside this program, ?tls=none",
                ));
            }
        };
        Ok(Self { host: host.to_owned(), port, credentials, encryption })
    }

    /// Returns where it is, without user and password.
    #[must_use]
    pub fn address(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Where mails go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Into a folder, each as a file.
    Folder(PathBuf),
    /// To a mail server.
    Smtp(SmtpConfig),
}

/// Where mails go, and from whom they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// Where they go.
    pub destination: Destination,
    /// From whom they are.
    pub from: Mailbox,
}

impl MailConfig {
    /// Reads the settings by their variables' names. An empty value counts as none.
    ///
    /// # Errors
    /// The variable that can't be used.
    pub fn read(variable: impl Fn(&str) -> Option<String>, data_dir: &Path) -> Result<Self, MailConfigError> {
        let get = |name| variable(name).map(|v| v.trim().to_owned()).filter(|value| !value.is_empty());
        let destination = match get("SMTP_URL") {
            Some(url) => Destination::Smtp(SmtpConfig::parse(&url)?),
            None => Destination::Folder(data_dir.join(FOLDER)),
        };
        let from = get("MAIL_FROM").unwrap_or_else(|| FROM_DEFAULT.to_owned());
        let from = from.parse().map_err(|_| MailConfigError {
            variable: "MAIL_FROM",
            problem: format!("is `{from}`, which is no address; write tickets@example.org, or Tickets <tickets@example.org>"),
        })?;
        Ok(Self { destination, from })
    }

    /// The right side of every `Message-ID`: the domain of the sender.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Returns where mails go, without a password.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.destination {
            Destination::Folder(folder) => folder.display().to_string(),
            Destination::Smtp(smtp) => smtp.address(),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Turns `%41` back into `A` (RFC 3986); `None` if what follows a `%` is no byte, or the whole no text.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{Destination, Encryption, MailConfig, SmtpConfig};
    use std::path::Path;

    #[test]
    fn a_url_says_where_the_server_is_who_we_are_and_how_we_are_encrypted() {
        let none: Option<(&str, &str)> = None;
        let rows = [
            ("smtp://mail.example.org", "mail.example.org:587", none, Encryption::IfOffered),
            ("smtp://127.0.0.1:2525/", "127.0.0.1:2525", none, Encryption::IfOffered),
            ("smtp://h?tls=required", "h:587", none, Encryption::Required),
            ("smtp://h:25?tls=none", "h:25", none, Encryption::Never),
            ("SMTPS://h", "h:465", none, Encryption::Always),
            ("smtp://u:p@h", "h:587", Some(("u", "p")), Encryption::Required),
            ("smtp://u:p@localhost:25", "localhost:25", Some(("u", "p")), Encryption::IfOffered),
            (
                "smtps://u%40x.org:p%2Fw%25@[::1]:465",
                "[::1]:465",
                Some(("u@x.org", "p/w%")),
                Encryption::Always,
            ),
            ("smtp://u:p@w@h", "h:587", Some(("u", "p@w")), Encryption::Required),
        ];
        for (url, address, credentials, encryption) in rows {
            let config = SmtpConfig::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!((config.address().as_str(), config.encryption), (address, encryption), "{url}");
            let found =
                config.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
            assert_eq!(found, credentials, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        let wrong = [
            "mail.example.org:25",
            "http://h",
            "smtp://",
            "smtp://hunter2@h",
            "smtp://u:hunter2@h:0",
            "smtp://u:hunter2@h:http",
            "smtp://u:hunter2@",
            "smtp://u:hunter2%zz@h",
            "smtp://u:hunter2@h/x",
            "smtp://u:hunter2@h#x",
            "smtp://u:hunter2?x@h",
            "smtp://u:hunter2@h?tls=maybe",
            "smtps://u:hunter2@h?tls=none",
            "smtp://u:hunter2@[h]:25",
        ];
        for url in wrong {
            let error = match SmtpConfig::parse(url) {
                Ok(config) => panic!("{url}: {config:?}"),
                Err(error) => error.to_string(),
            };
            assert!(error.starts_with("SMTP_URL ") && !error.contains("hunter2"), "{url}: {error}");
            assert!(error.contains("smtp://user:password@host:587"), "{url}: {error}");
        }
        let shown = format!("{:?}", SmtpConfig::parse("smtp://someone:hunter2@h").unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains("someone"), "{shown}");
    }

    fn read(set: &[(&str, &str)]) -> Result<MailConfig, String> {
        let find = |name: &str| set.iter().find(|v| v.0 == name).map(|v| v.1.to_owned());
        MailConfig::read(find, Path::new("d")).map_err(|error| error.to_string())
    }

    #[test]
    fn with_nothing_set_mails_are_files_of_the_data_folder() {
        let config = read(&[("SMTP_URL", " ")]).unwrap();
        assert_eq!(config.destination, Destination::Folder(Path::new("d").join("mail")));
        assert_eq!((config.from.to_string().as_str(), config.domain()), ("tickets@localhost", "localhost"));
        let config = read(&[("MAIL_FROM", "City Bus <bus@example.org>")]).unwrap();
        assert_eq!(config.domain(), "example.org");
        for wrong in ["nobody", "a@b\r\nBcc: c@d", "a@b, c@d"] {
            assert!(read(&[("MAIL_FROM", wrong)]).unwrap_err().starts_with("MAIL_FROM is"), "{wrong}");
        }
    }
}
