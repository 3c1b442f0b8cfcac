//! What operators type about a person, checked at the edge: the same limits as over HTTP.

use crate::domain::booking::passenger::Passenger;

/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// The longest e-mail address, in characters.
pub const EMAIL_CHARS_MAX: usize = 254;
/// The longest phone number, in characters.
pub const PHONE_CHARS_MAX: usize = 40;
/// The longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 1_000;
/// The longest id of a user or payment, in characters.
pub const REFERENCE_CHARS_MAX: usize = 255;

/// Checks a text of one line: not blank, not too long, no control characters.
///
/// # Errors
/// What is wrong, as the rest of a sentence that begins with the field's name.
pub fn check_text(text: &str, chars_max: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("must not be blank".into());
    }
    if text.chars().nth(chars_max).is_some() {
        return Err(format!("has more than {chars_max} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("has control characters".into());
    }
    Ok(())
}

/// Makes a passenger of what was typed.
///
/// # Errors
/// The field at fault, and what is wrong with it.
pub fn passenger(name: &str, email: &str, phone: Option<&str>) -> Result<Passenger, (&'static str, String)> {
    check_text(name, NAME_CHARS_MAX).map_err(|why| ("name", why))?;
    check_text(email, EMAIL_CHARS_MAX).map_err(|why| ("email", why))?;
    let around_at = email.split_once('@');
    let is_address = around_at.is_some_and(|(local, domain)| {
        let is_whole = |part: &str| part.split('.').all(|label| !label.is_empty());
        let is_plain = |c: char| !c.is_whitespace() && !"@()<>[]:;,\\\"".contains(c);
        is_whole(local) && is_whole(domain) && local.chars().chain(domain.chars()).all(is_plain)
    });
    if !is_address {
        return Err(("email", "is no e-mail address, as ada@example.org".into()));
    }
    if let Some(phone) = phone {
        check_text(phone, PHONE_CHARS_MAX).map_err(|why| ("phone", why))?;
    }
    Ok(Passenger { name: name.to_owned(), email: email.to_owned(), phone: phone.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::passenger;

    #[test]
    fn what_can_be_no_person_is_refused_with_its_field() {
        let long = "é".repeat(201);
        let address = format!("{}@b", "a".repeat(253));
        let rows: [(&str, &str, Option<&str>, Option<&str>); 13] = [
            ("Ada", "ada@example.org", None, None),
            (&long[..400], "a@b", Some("+1 555"), None),
            (&long, "a@b", None, Some("name")),
            ("  ", "a@b", None, Some("name")),
            ("A\u{1b}", "a@b", None, Some("name")),
            ("Ada", &address, None, Some("email")),
            ("Ada", "ada", None, Some("email")),
            ("Ada", "a@b@c", None, Some("email")),
            ("Ada", "@b", None, Some("email")),
            ("Ada", "a@b.", None, Some("email")),
            ("Ada", "a b@c", None, Some("email")),
            ("Ada", "a@b", Some(""), Some("phone")),
            ("Ada", "a@b", Some(&long[..82]), Some("phone")),
        ];
        for (name, email, phone, expected) in rows {
            let got = passenger(name, email, phone).err().map(|(field, _)| field);
            assert_eq!(got, expected, "{name} {email} {phone:?}");
        }
    }
}
