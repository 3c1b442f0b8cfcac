//! Money: whole minor units and an ISO 4217 currency, exact from the wire to the ledger. Never a float.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An ISO 4217 currency, by its alphabetic code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

impl Currency {
    /// The United States dollar, the default where a request or feed names none.
    pub const USD: Self = Self { code: *b"USD", decimals: 2 };

    /// Returns the currency with this code, in capitals; `None` if ISO 4217 has none or it has no minor unit.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        let decimals = iso_currency::Currency::from_code(code)?.exponent()?;
        Some(Self { code: bytes, decimals: u8::try_from(decimals).ok()? })
    }

    /// Returns the three-letter code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// Returns how many decimals an amount has: 0 for JPY, 2 for USD, 3 for KWD.
    #[must_use]
    pub const fn decimals(self) -> u32 {
        self.decimals as u32
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse(&code).ok_or_else(|| serde::de::Error::custom("not an ISO 4217 currency"))
    }
}

/// Why a text is not an amount of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// Not a decimal number.
    NotANumber,
    /// Its value needs more decimals than the currency has.
    TooPrecise,
    /// Below zero.
    Negative,
    /// More than [`AMOUNT_MINOR_MAX`].
    TooLarge,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "must be a decimal number",
            Self::TooPrecise => "has more decimals than the currency",
            Self::Negative => "must not be negative",
            Self::TooLarge => "is too large",
        })
    }
}

/// The largest amount of one price, in minor units: far above any ticket, and so far below `i64::MAX` that
/// no sum of bookings overflows.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000;

/// An amount of one currency, in minor units (cents for USD).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// Minor units; zero or more for prices.
    pub amount_minor: i64,
    /// What the units are of.
    pub currency: Currency,
}

impl Money {
    /// Parses a decimal as JSON writes numbers (`25`, `25.00`, `2.5e1`) into an exact amount.
    ///
    /// Trailing zeros are no precision: `25.000` USD is 25.00, while `25.001` is [`AmountError::TooPrecise`].
    ///
    /// # Errors
    /// Says why the text is not a non-negative amount of `currency`.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((m, e)) => (m, e.parse::<i32>().map_err(|_| AmountError::NotANumber)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let dangling = mantissa.contains('.') && fraction.is_empty();
        let digits_only = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || dangling || !digits_only(whole) || !digits_only(fraction) {
            return Err(AmountError::NotANumber);
        }
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Self { amount_minor: 0, currency });
        }
        if negative {
            return Err(AmountError::Negative);
        }
        // value = digits × 10^(exponent − fraction digits); in minor units that is × 10^decimals more.
        let trimmed = significant.trim_end_matches('0');
        let dropped = i64::try_from(significant.len() - trimmed.len()).map_err(|_| AmountError::TooLarge)?;
        let fraction_len = i64::try_from(fraction.len()).map_err(|_| AmountError::TooPrecise)?;
        let power = i64::from(exponent) - fraction_len + i64::from(currency.decimals()) + dropped;
        if power < 0 {
            return Err(AmountError::TooPrecise);
        }
        if power > 18 || trimmed.len() > 18 {
            return Err(AmountError::TooLarge);
        }
        let base: i64 = trimmed.parse().map_err(|_| AmountError::TooLarge)?;
        let scale = 10_i64.pow(u32::try_from(power).map_err(|_| AmountError::TooLarge)?);
        match base.checked_mul(scale) {
            Some(amount_minor) if amount_minor <= AMOUNT_MINOR_MAX => Ok(Self { amount_minor, currency }),
            _ => Err(AmountError::TooLarge),
        }
    }

    /// Returns the amount `count` times over.
    ///
    /// # Panics
    /// Never for amounts that [`Money::parse`] made and counts up to a million: the limits exclude overflow.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Self { amount_minor: self.amount_minor.saturating_mul(count), currency: self.currency }
    }

    /// Returns the amount as a decimal with all the currency's decimals: `25.00`, `2500`, `2.500`.
    #[must_use]
    pub fn decimal(self) -> String {
        let decimals = self.currency.decimals() as usize;
        if decimals == 0 {
            return self.amount_minor.to_string();
        }
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.amount_minor.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        format!("{sign}{whole}.{fraction}")
    }

    /// Returns the amount as a JSON number with all the currency's decimals, for answer bodies.
    ///
    /// # Panics
    /// Never: [`Money::decimal`] writes only what JSON takes for a number.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a decimal that we wrote is a JSON number")]
    pub fn json_number(self) -> Box<serde_json::value::RawValue> {
        serde_json::value::RawValue::from_string(self.decimal()).expect("a decimal is a JSON number")
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::{AmountError, Currency, Money};
    use proptest::prelude::{any, prop_assert_eq, proptest};

    #[test]
    fn a_decimal_is_read_exactly_or_refused_with_its_reason() {
        use AmountError::{Negative, NotANumber, TooLarge, TooPrecise};
        let rows: &[(&str, &str, Result<i64, AmountError>)] = &[
            ("25.00", "USD", Ok(2500)),
            ("25", "USD", Ok(2500)),
            ("25.000", "USD", Ok(2500)),
            ("25.001", "USD", Err(TooPrecise)),
            ("0.1", "USD", Ok(10)),
            ("0", "USD", Ok(0)),
            ("-0", "USD", Ok(0)),
            ("0.000e9", "USD", Ok(0)),
            ("2.5e1", "USD", Ok(2500)),
            ("2500e-2", "USD", Ok(2500)),
            ("1E2", "JPY", Ok(100)),
            ("100", "JPY", Ok(100)),
            ("100.0", "JPY", Ok(100)),
            ("100.5", "JPY", Err(TooPrecise)),
            ("1.234", "KWD", Ok(1234)),
            ("1.2345", "KWD", Err(TooPrecise)),
            ("-1", "USD", Err(Negative)),
            ("", "USD", Err(NotANumber)),
            (".5", "USD", Err(NotANumber)),
            ("5.", "USD", Err(NotANumber)),
            ("1e", "USD", Err(NotANumber)),
            ("NaN", "USD", Err(NotANumber)),
            ("1,5", "USD", Err(NotANumber)),
            ("+1", "USD", Err(NotANumber)),
            ("10000000000.00", "USD", Ok(1_000_000_000_000)),
            ("10000000000.01", "USD", Err(TooLarge)),
            ("1e999999999", "USD", Err(TooLarge)),
            ("1e-999999999", "USD", Err(TooPrecise)),
        ];
        for (text, code, expected) in rows {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(Money::parse(text, currency).map(|m| m.amount_minor), *expected, "{text} {code}");
        }
    }

    #[test]
    fn a_currency_is_known_by_its_capital_code_only() {
        assert!(Currency::parse("USD").is_some());
        for wrong in ["usd", "US", "USDX", "ZZZ", ""] {
            assert!(Currency::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Currency::parse("USD"), Some(Currency::USD));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(minor in 0..super::AMOUNT_MINOR_MAX, which in any::<u8>()) {
            let currency = Currency::parse(["JPY", "USD", "KWD"][usize::from(which % 3)]).unwrap();
            let money = Money { amount_minor: minor, currency };
            prop_assert_eq!(Money::parse(&money.decimal(), currency), Ok(money));
        }
    }
}
