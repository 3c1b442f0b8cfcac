//! What operators type about a person, checked at the edge by the same rules as over HTTP.

use crate::domain::booking::passenger::Passenger;
use crate::domain::rules::{Complaint, check_email, check_text, len_max};

/// Makes a passenger of what was typed.
///
/// # Errors
/// The field at fault, and what is wrong with it.
pub fn passenger(
    name: &str,
    email: &str,
    phone: Option<&str>,
) -> Result<Passenger, (&'static str, Complaint)> {
    check_text(name, len_max::NAME).map_err(|why| ("name", why))?;
    check_email(email).map_err(|why| ("email", why))?;
    if let Some(phone) = phone {
        check_text(phone, len_max::PHONE).map_err(|why| ("phone", why))?;
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
