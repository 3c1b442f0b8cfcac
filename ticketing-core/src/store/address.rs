//! Where a database is, and how that is shown: never with a password.

use std::path::PathBuf;

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file.
    File(PathBuf),
    /// A PostgreSQL URL.
    Url(String),
}

impl Address {
    /// Returns the address without its password, for messages.
    #[must_use]
    pub fn redacted(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let (user, host) = match rest.rsplit_once('@') {
                    Some((who, host)) => (who.split([':', '?', '/']).next().unwrap_or(""), host),
                    None => ("", rest),
                };
                // What follows a question mark may be a password, too.
                let host = host.split('?').next().unwrap_or("");
                // An `@` behind a question mark is a password's own: nothing around it can be told from a host.
                let is_clear = rest.find('?').is_none_or(|query| rest.rfind('@').is_none_or(|at| at < query));
                match (is_clear, user) {
                    (false, _) => format!("{scheme}://…"),
                    (true, "") => format!("{scheme}://{host}"),
                    (true, user) => format!("{scheme}://{user}@{host}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_password_is_not_shown_wherever_it_stands() {
        for (url, expected) in [
            ("postgres://u:geheim@h:5/d", "postgres://u@h:5/d"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("postgres://h/d", "postgres://h/d"),
            ("postgres://u:ge@heim@h/d", "postgres://u@h/d"),
            ("postgres://h/d?user=u&password=geheim", "postgres://h/d"),
            ("postgres://u:geheim@h/d?password=geheim", "postgres://u@h/d"),
            ("postgres:///d?password=ge@heim", "postgres://…"),
            ("postgres://u:x@h/d?password=ge@heim", "postgres://…"),
            ("postgres://u:ge?heim@h/d", "postgres://…"),
        ] {
            assert_eq!(Address::Url(url.into()).redacted(), expected);
        }
    }
}
