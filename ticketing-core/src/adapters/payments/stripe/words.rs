//! What Stripe says, and what that means for the money.

use crate::domain::money::{AMOUNT_MINOR_MAX, Currency, Money};
use crate::saga::Answer;
use serde::Deserialize;
use std::collections::HashMap;

/// A payment intent, as far as it matters here. Stripe may add to it.
#[derive(Clone, Debug, Deserialize)]
pub struct Intent {
    pub id: String,
    pub status: String,
    #[serde(default)]
    pub amount_received: i64,
    pub currency: String,
    #[serde(default)]
    pub last_payment_error: Option<Problem>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
}

/// A refund.
#[derive(Clone, Debug, Deserialize)]
pub struct RefundOf {
    pub id: String,
    /// Some ways of paying have none; then it is as good as done.
    pub status: Option<String>,
    pub amount: i64,
    pub currency: String,
    #[serde(default)]
    pub failure_reason: Option<String>,
    #[serde(default)]
    pub payment_intent: Option<String>,
    #[serde(default)]
    pub charge: Option<String>,
    #[serde(default)]
    pub metadata: Option<HashMap<String, String>>,
}

/// Why Stripe refused.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Problem {
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
}

#[derive(Deserialize)]
pub struct Refused {
    /// Why.
    pub error: Problem,
}

/// Anything that has an id.
#[derive(Deserialize)]
pub struct Named {
    /// Its id.
    pub id: String,
}

#[derive(Deserialize)]
pub struct List<T> {
    /// What is on it.
    pub data: Vec<T>,
    #[serde(default)]
    /// Whether there is another page.
    pub has_more: bool,
}

impl Intent {
    /// Whether nobody has tried to confirm it, or cancelled it.
    pub fn is_untouched(&self) -> bool {
        match self.status.as_str() {
            "requires_confirmation" => true,
            "requires_payment_method" => self.last_payment_error.is_none(),
            _ => false,
        }
    }

    /// What its state says about the money.
    pub fn answer(&self) -> Answer {
        match self.status.as_str() {
            // What was moved, which the saga compares with what was asked for.
            "succeeded" => succeeded(&self.id, self.amount_received, &self.currency),
            "processing" => Answer::Working,
            "requires_payment_method" => self.last_payment_error.clone().unwrap_or_default().into_decline(),
            "canceled" => declined("canceled", "The charge was withdrawn."),
            other => unclear(format!("{} is {other}, which says nothing about the money", self.id)),
        }
    }
}

impl RefundOf {
    /// What its state says about the money.
    pub fn answer(&self) -> Answer {
        match self.status.as_deref() {
            Some("succeeded") | None => succeeded(&self.id, self.amount, &self.currency),
            Some("pending" | "requires_action") => Answer::Working,
            Some("failed") => {
                declined(self.failure_reason.as_deref().unwrap_or("failed"), "The refund failed.")
            }
            Some("canceled") => declined("canceled", "The refund was cancelled."),
            Some(other) => unclear(format!("{} is {other}, which says nothing about the money", self.id)),
        }
    }
}

impl Problem {
    pub fn is_of_the_card(&self) -> bool {
        self.kind.as_deref() == Some("card_error")
    }

    pub fn into_decline(self) -> Answer {
        let code = self.decline_code.or(self.code).or(self.kind);
        Answer::Declined {
            code: code.unwrap_or_else(|| "declined".into()),
            message: self.message.unwrap_or_else(|| "The payment was declined.".into()),
        }
    }

    pub fn sentence(&self) -> String {
        let code = self.code.as_deref().or(self.kind.as_deref()).unwrap_or("no code");
        format!("Stripe refuses ({code}): {}", self.message.as_deref().unwrap_or("it does not say why"))
    }
}

/// Stripe counts most currencies in ISO 4217's minor units, as we do. Not these: here is how many of Stripe's
/// units make one of ours, and how many of ours make one of Stripe's.
const fn other_units(code: &[u8]) -> (i64, i64) {
    match code {
        // Without decimals since they lost them, but Stripe still counts in hundredths.
        b"ISK" | b"UGX" => (100, 1),
        // Two decimals in the standard, none at Stripe.
        b"MGA" => (1, 100),
        _ => (1, 1),
    }
}

/// Returns an amount as Stripe counts it; `None` if it has no such unit.
pub fn units(amount: Money) -> Option<i64> {
    let (times, by) = other_units(amount.currency.code().as_bytes());
    let units = amount.amount_minor.checked_mul(times)?;
    (units % by == 0).then_some(units / by)
}

/// Reads an amount as Stripe writes it: in its units, the currency in small letters.
pub fn money(units: i64, currency: &str) -> Option<Money> {
    let currency = Currency::parse(&currency.to_ascii_uppercase())?;
    let (times, by) = other_units(currency.code().as_bytes());
    let amount_minor = units.checked_mul(by).filter(|minor| minor % times == 0)? / times;
    (0..=AMOUNT_MINOR_MAX).contains(&amount_minor).then_some(Money { amount_minor, currency })
}

fn succeeded(id: &str, amount_minor: i64, currency: &str) -> Answer {
    match money(amount_minor, currency) {
        Some(amount) => Answer::Succeeded { provider_ref: id.to_owned(), amount },
        None => unclear(format!("Stripe says that {id} moved {amount_minor} {currency}, which is no amount")),
    }
}

pub fn declined(code: &str, message: &str) -> Answer {
    Answer::Declined { code: code.into(), message: message.into() }
}

pub const fn unclear(error: String) -> Answer {
    Answer::Unclear { error }
}

#[cfg(test)]
mod tests {
    use super::{money, units};
    use crate::domain::money::{Currency, Money};

    #[test]
    fn amounts_are_the_same_money_at_stripe_whatever_its_units() {
        // Ours, Stripe's: docs.stripe.com/currencies, "special cases".
        let rows = [
            ("USD", 2500, 2500),
            ("JPY", 2500, 2500),
            ("KWD", 2500, 2500),
            ("ISK", 2500, 250_000),
            ("UGX", 2500, 250_000),
            ("MGA", 2500, 25),
        ];
        for (code, amount_minor, expected) in rows {
            let amount = Money { amount_minor, currency: Currency::parse(code).unwrap() };
            assert_eq!(units(amount), Some(expected), "{code}");
            assert_eq!(money(expected, &code.to_lowercase()), Some(amount));
        }
        let odd = Money { amount_minor: 2501, currency: Currency::parse("MGA").unwrap() };
        assert_eq!(units(odd), None, "no fraction is lost silently");
        for (units, currency) in [(2550, "isk"), (-1, "usd"), (1, "xyz"), (i64::MAX, "mga")] {
            assert_eq!(money(units, currency), None, "{units} {currency}");
        }
    }
}
