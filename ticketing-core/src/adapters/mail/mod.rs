//! Sends mails: to a server by SMTP, or into a folder as `.eml` files (RFC 5322, as mail programs open them).
//!
//! It sends what it is given, once, and says what became of it; whether to try again is not decided here. It keeps no
//! address, and no fault that it tells of has one, or a password.

mod config;
mod folder;

pub use config::{Destination, Encryption, FOLDER, FROM_DEFAULT, MailConfig, MailConfigError, SmtpConfig};

use crate::domain::time::Timestamp;
use folder::Folder;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Connections to a mail server, and so mails that are under way at once.
pub const CONNECTIONS_MAX: usize = 8;
/// How long one mail may take, from the connection to the server's last word.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the server may take to say that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is kept that nobody uses.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest text of a server that is kept, in characters.
const SAID_MAX: usize = 500;
/// What stands where a recipient's address would.
const RECIPIENT: &str = "<recipient>";

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its `Message-ID`, without the angle brackets.
    pub message_id: String,
    /// When what it tells happened: its `Date`.
    pub date: Timestamp,
    /// The recipient's name.
    pub to_name: String,
    /// The recipient's address.
    pub to_email: String,
    /// One line.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

/// Why a mail was not sent, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It never will be: its address is none, or the server refuses it for good.
    #[error("{0}")]
    Refused(String),
    /// The server is there, but this mail did not get through now. It may have been taken.
    #[error("{0}")]
    Later(String),
    /// The server can't be reached, or takes nothing from anybody. This mail may have been taken before it went away.
    #[error("{0}")]
    Away(String),
}

/// Who sends mails. Cloning gives the same.
#[derive(Clone, Debug)]
pub struct Mailer {
    config: Arc<MailConfig>,
    route: Route,
}

#[derive(Clone, Debug)]
enum Route {
    Folder(Arc<Folder>),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mailer {
    /// Makes one; connects to nobody yet.
    ///
    /// # Errors
    /// A server whose name no certificate can have.
    pub fn new(config: MailConfig) -> Result<Self, MailConfigError> {
        let route = match &config.destination {
            Destination::Folder(folder) => Route::Folder(Arc::new(Folder::new(folder.clone()))),
            Destination::Smtp(smtp) => Route::Smtp(transport(smtp, config.domain())?),
        };
        Ok(Self { config: Arc::new(config), route })
    }

    /// Where mails go, and from whom they are.
    #[must_use]
    pub fn config(&self) -> &MailConfig {
        &self.config
    }

    /// How many mails may be under way at once. Files are written one by one: the disk is the bookings', too.
    #[must_use]
    pub const fn at_once_max(&self) -> usize {
        match self.route {
            Route::Folder(_) => 1,
            Route::Smtp(_) => CONNECTIONS_MAX,
        }
    }

    /// Sends a mail. Dropping the future is safe, and leaves it open whether it was sent.
    ///
    /// # Errors
    /// Why it was not sent, or may not have been.
    pub async fn send(&self, mail: Outgoing) -> Result<(), SendError> {
        let email = mail.to_email.clone();
        let redacted = |error| match error {
            SendError::Refused(said) => SendError::Refused(decent(&said, &email)),
            SendError::Later(said) => SendError::Later(decent(&said, &email)),
            SendError::Away(said) => SendError::Away(decent(&said, &email)),
        };
        let id = mail.message_id.clone();
        let message = self.message(mail).map_err(redacted)?;
        match &self.route {
            Route::Folder(folder) => folder.put(&id, message.formatted()).await.map_err(|error| {
                SendError::Away(format!("the mail can't be put into {}: {error}", self.config.place()))
            }),
            Route::Smtp(transport) => self.send_by(transport, message).await.map_err(redacted),
        }
    }

    async fn send_by(
        &self,
        transport: &AsyncSmtpTransport<Tokio1Executor>,
        message: Message,
    ) -> Result<(), SendError> {
        let sent = tokio::time::timeout(SEND_TIMEOUT, transport.send(message)).await;
        let (is_final, said) = match sent {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => (error.is_permanent(), error.to_string()),
            Err(_) => (false, format!("no answer within {} s", SEND_TIMEOUT.as_secs())),
        };
        // Whose fault it is, the server's or the mail's, is seen by whether the server still welcomes us.
        let place = self.config.place();
        match tokio::time::timeout(PING_TIMEOUT, transport.test_connection()).await {
            Ok(Ok(true)) if is_final => Err(SendError::Refused(format!("{place} refuses the mail: {said}"))),
            Ok(Ok(true)) => Err(SendError::Later(format!("{place} does not take the mail now: {said}"))),
            Ok(Ok(false)) | Err(_) => Err(SendError::Away(format!("{place} does not answer: {said}"))),
            Ok(Err(error)) => Err(SendError::Away(format!("{place} can't be used: {error}"))),
        }
    }

    /// Asks whether the server is there and takes our password; for the folder, whether it can be written to.
    ///
    /// # Errors
    /// What is wrong, without a password.
    pub async fn ping(&self) -> Result<(), String> {
        match &self.route {
            Route::Folder(folder) => folder.check().await.map_err(|error| error.to_string()),
            Route::Smtp(transport) => {
                match tokio::time::timeout(SEND_TIMEOUT, transport.test_connection()).await {
                    Ok(Ok(true)) => Ok(()),
                    Ok(Ok(false)) => Err("it ends the connection".to_owned()),
                    Ok(Err(error)) => Err(decent(&error.to_string(), "")),
                    Err(_) => Err(format!("no answer within {} s", SEND_TIMEOUT.as_secs())),
                }
            }
        }
    }

    /// Writes the mail as it goes over the wire (RFC 5322, RFC 2045).
    fn message(&self, mail: Outgoing) -> Result<Message, SendError> {
        let refused = |why: String| SendError::Refused(why);
        let address: Address = mail
            .to_email
            .trim()
            .parse()
            .map_err(|error| refused(format!("the passenger's e-mail address can't be used: {error}")))?;
        // A header is one line whatever a name holds; so is the subject.
        let name = one_line(&mail.to_name);
        let to = Mailbox::new((!name.is_empty()).then_some(name), address);
        let millis = u64::try_from(mail.date.as_millis()).unwrap_or(0);
        let header = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.config.from.clone())
            .to(to)
            .subject(one_line(&mail.subject))
            .date(UNIX_EPOCH + Duration::from_millis(millis))
            .message_id(Some(format!("<{}>", mail.message_id)))
            // RFC 3834: nobody's holiday reply is wanted.
            .raw_header(HeaderValue::new(header, "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(mail.text, mail.html))
            .map_err(|error| refused(format!("the mail can't be written: {error}")))
    }
}

fn transport(smtp: &SmtpConfig, domain: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailConfigError> {
    super::tls::use_ring();
    let parameters = || {
        TlsParameters::new(smtp.host.clone()).map_err(|error| MailConfigError {
            variable: "SMTP_URL",
            problem: format!("names a server that can't be spoken to over TLS: {error}"),
        })
    };
    let tls = match smtp.encryption {
        Encryption::Always => Tls::Wrapper(parameters()?),
        Encryption::Required => Tls::Required(parameters()?),
        Encryption::IfOffered => Tls::Opportunistic(parameters()?),
        Encryption::Never => Tls::None,
    };
    let pool =
        PoolConfig::new().max_size(u32::try_from(CONNECTIONS_MAX).unwrap_or(1)).idle_timeout(IDLE_TIMEOUT);
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.clone())
        .port(smtp.port)
        .tls(tls)
        .timeout(Some(SEND_TIMEOUT))
        .hello_name(ClientId::Domain(domain.to_owned()))
        .pool_config(pool);
    Ok(match &smtp.credentials {
        Some((user, password)) => {
            builder.credentials(Credentials::new(user.clone(), password.clone())).build()
        }
        None => builder.build(),
    })
}

fn one_line(text: &str) -> String {
    let blank: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    blank.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a server said, as it may be kept: on one line, no longer than it need be, and without the address.
fn decent(said: &str, email: &str) -> String {
    let said = one_line(said);
    let email = email.trim();
    let said = if email.is_empty() { said } else { without(&said, email) };
    said.chars().take(SAID_MAX).collect()
}

/// Replaces an address, whatever the case in which the server repeats it.
fn without(said: &str, email: &str) -> String {
    let (lower, email) = (said.to_ascii_lowercase(), email.to_ascii_lowercase());
    let mut out = String::with_capacity(said.len());
    let mut at = 0;
    while let Some(found) = lower[at..].find(&email) {
        out.push_str(said[at..at + found].trim_end_matches('<'));
        out.push_str(RECIPIENT);
        at += found + email.len();
        if said[at..].starts_with('>') {
            at += 1;
        }
    }
    out.push_str(&said[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::{MailConfig, Mailer, Outgoing, SendError, decent};
    use crate::domain::time::Timestamp;
    use std::path::Path;

    fn outgoing() -> Outgoing {
        Outgoing {
            message_id: "0192@example.org".into(),
            date: Timestamp::parse("2026-11-20T09:00:00Z").unwrap(),
            to_name: "Ann".into(),
            to_email: "ann@example.org".into(),
            subject: "Your ticket".into(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
        }
    }

    fn written(mail: Outgoing) -> Result<String, SendError> {
        let config = MailConfig::read(|_| None, Path::new("unused")).unwrap();
        let mailer = Mailer::new(config).unwrap();
        mailer.message(mail).map(|message| String::from_utf8(message.formatted()).unwrap())
    }

    #[test]
    fn a_mail_has_the_headers_that_make_it_one() {
        let text = written(outgoing()).unwrap();
        for line in [
            "From: tickets@localhost",
            "To: Ann <ann@example.org>",
            "Subject: Your ticket",
            "Date: Fri, 20 Nov 2026 09:00:00 +0000",
            "Message-ID: <0192@example.org>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: text/html; charset=utf-8",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} in\n{text}");
        }
        assert!(text.contains("Content-Type: multipart/alternative;"), "{text}");
    }

    #[test]
    fn a_name_or_subject_can_add_no_header_and_an_address_no_recipient() {
        let evil = Outgoing {
            to_name: "Ann\r\nBcc: all@example.org\r\n\r\nbody \"x\" <y@z>".into(),
            subject: "Züge\r\nX-Evil: 1\nX-Evil: 2".into(),
            ..outgoing()
        };
        let text = written(evil).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        let names: Vec<&str> = head
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|l| l.split(':').next().unwrap())
            .collect();
        assert!(!names.iter().any(|name| matches!(*name, "Bcc" | "X-Evil")), "{head}");
        assert!(head.is_ascii() && head.contains("Subject: =?utf-8?"), "{head}");
        for address in
            ["ann@example.org\r\nBcc: b@example.org", "a@b.org, c@d.org", "a b@c.org", "nobody", ""]
        {
            let error = written(Outgoing { to_email: address.into(), ..outgoing() }).unwrap_err();
            assert!(matches!(error, SendError::Refused(_)), "{address}: {error:?}");
        }
    }

    #[test]
    fn what_a_server_said_is_kept_without_the_address() {
        let said =
            decent("550 5.1.1 <Ann@Example.org>: no mailbox\r\nfor ann@example.org here", "ann@example.org");
        assert_eq!(said, "550 5.1.1 <recipient>: no mailbox for <recipient> here");
        assert_eq!(decent(&"x".repeat(2_000), "a@b").len(), 500);
    }
}
