//! The payment providers: who is asked to move the money that a saga decided to move.
//!
//! A [`Call`] asks for one attempt, and its id is the provider's idempotency key: however often it is asked for,
//! money moves at most once. What comes back is an [`Answer`] and never a guess: whatever leaves a doubt about
//! the money is `Unclear`, and a call with [`Attempt::in_doubt`] asks before it sends. Whether to ask again, and
//! when, is the saga's decision.
//!
//! Nothing here writes anything down, knows a rule of booking, or logs a token or a key.

pub mod guard;
mod http;
pub mod simulated;
pub mod stripe;
pub mod webhook;

use crate::clock::Clock;
use crate::domain::id::BookingId;
use crate::domain::payment::Attempt;
use crate::saga::Answer;
use simulated::Simulated;
use std::fmt;
use stripe::Stripe;

/// One thing asked of a provider.
#[derive(Clone, Debug)]
pub struct Call {
    /// The charge or refund; its id is the provider's idempotency key.
    pub attempt: Attempt,
    /// What the caller calls the thing paid. The same at every call for the attempt.
    pub reference: String,
    /// The booking that it is about, if any. The same at every call for the attempt.
    pub booking_id: Option<BookingId>,
    /// For a refund: the provider's own name for the charge.
    pub charge_ref: Option<String>,
    /// Whether a charge may still be made: the booking is held, or it is for no booking. Where it may not, the
    /// provider only says what has happened, and sees to it that nothing happens any more: `Closed`.
    /// A refund is always made.
    pub is_wanted: bool,
    /// The request that it follows from, for the log.
    pub correlation_id: String,
}

/// Who moves the money.
#[derive(Debug)]
pub enum Provider {
    /// Nobody: answers by the token, as a provider would.
    Simulated(Simulated),
    /// Stripe, or what speaks like it.
    Stripe(Box<Stripe>),
    /// An outside service, by itself: it hears of our events and tells. It is never asked.
    External,
}

impl Provider {
    /// Makes the provider that `config` names. Asks nobody yet.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub fn new(config: ProviderConfig, clock: Clock) -> Result<Self, ProviderConfigError> {
        Ok(match config {
            ProviderConfig::Simulated => Self::Simulated(Simulated::default()),
            ProviderConfig::Stripe(config) => Self::Stripe(Box::new(Stripe::new(&config, clock)?)),
            ProviderConfig::External => Self::External,
        })
    }

    /// Returns the word of `PAYMENT_PROVIDER`, which payments are kept with.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Simulated(_) => "simulated",
            Self::Stripe(_) => "stripe",
            Self::External => crate::saga::plan::EXTERNAL,
        }
    }

    /// Asks for the attempt. If it is in doubt, what has become of it is found out first; see [`Answer`].
    ///
    /// Dropping the future is safe, and leaves the attempt in doubt.
    pub async fn ask(&self, call: &Call) -> Answer {
        match self {
            Self::Simulated(simulated) => simulated.ask(call).await,
            Self::Stripe(stripe) => stripe.ask(call).await,
            Self::External => {
                let error = "the outside payment service can't be asked: it hears of our events and tells";
                Answer::NotSent { error: error.into() }
            }
        }
    }
}

/// Which provider, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderConfig {
    /// `simulated`.
    Simulated,
    /// `stripe`.
    Stripe(StripeConfig),
    /// `external`.
    External,
}

/// How Stripe is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct StripeConfig {
    /// The secret key of its account.
    pub key: String,
    /// Where it is, without a slash at the end.
    pub api_base: String,
    /// What its webhooks are signed with; without it none is taken.
    pub webhook_secret: Option<String>,
}

/// The secrets are not shown.
impl fmt::Debug for StripeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeConfig").field("api_base", &self.api_base).finish_non_exhaustive()
    }
}

/// Where Stripe is, unless `STRIPE_API_BASE` says otherwise.
pub const STRIPE_API_BASE: &str = "https://api.stripe.com";

/// A setting that can't be used: the name and the problem together are a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct ProviderConfigError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong, as the rest of a sentence that begins with the variable. Never the value of a secret.
    pub problem: String,
}

/// The words of `PAYMENT_PROVIDER`.
pub const PROVIDERS: [&str; 3] = ["simulated", "stripe", crate::saga::plan::EXTERNAL];

impl ProviderConfig {
    /// Its word, which payments are kept with.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Simulated => PROVIDERS[0],
            Self::Stripe(_) => PROVIDERS[1],
            Self::External => PROVIDERS[2],
        }
    }

    /// Returns what the provider's webhooks are signed with; `None` if no webhook is taken.
    #[must_use]
    pub fn webhook_secret(&self) -> Option<&str> {
        match self {
            Self::Stripe(stripe) => stripe.webhook_secret.as_deref(),
            Self::Simulated | Self::External => None,
        }
    }

    /// Reads `PAYMENT_PROVIDER` and, for Stripe, `STRIPE_KEY`, `STRIPE_API_BASE` and `STRIPE_WEBHOOK_SECRET`, by
    /// `get`, which returns a variable's value.
    ///
    /// # Errors
    /// The variable that is missing or can't be used.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ProviderConfigError> {
        let get =
            |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let provider = get("PAYMENT_PROVIDER");
        match provider.as_deref().unwrap_or("simulated") {
            "simulated" => Ok(Self::Simulated),
            "external" => Ok(Self::External),
            "stripe" => {
                let key = get("STRIPE_KEY").ok_or_else(|| {
                    fault(
                        "STRIPE_KEY",
                        "is not set, and PAYMENT_PROVIDER=stripe needs the secret key of the account",
                    )
                })?;
                if key.bytes().any(|byte| !byte.is_ascii_graphic()) {
                    return Err(fault("STRIPE_KEY", "has characters that no key has"));
                }
                let base = get("STRIPE_API_BASE").unwrap_or_else(|| STRIPE_API_BASE.into());
                let api_base = base.trim_end_matches('/').to_owned();
                http::check_base(&api_base).map_err(|problem| fault("STRIPE_API_BASE", problem))?;
                if key.contains("_live_") && !api_base.starts_with("https://") {
                    return Err(fault(
                        "STRIPE_API_BASE",
                        "must begin with https:// for a key that moves real money",
                    ));
                }
                let webhook_secret = get("STRIPE_WEBHOOK_SECRET");
                Ok(Self::Stripe(StripeConfig { key, api_base, webhook_secret }))
            }
            other => {
                let shown: String = other.chars().take(40).flat_map(char::escape_debug).collect();
                let problem = format!("is {shown}, which is no provider: simulated, stripe or external");
                Err(fault("PAYMENT_PROVIDER", problem))
            }
        }
    }
}

fn fault(variable: &'static str, problem: impl Into<String>) -> ProviderConfigError {
    ProviderConfigError { variable, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::{Provider, ProviderConfig, STRIPE_API_BASE};
    use crate::clock::Clock;

    fn read(variables: &[(&str, &str)]) -> Result<ProviderConfig, String> {
        let get =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        ProviderConfig::read(get).map_err(|e| e.to_string())
    }

    #[test]
    fn the_provider_is_the_one_that_is_named_and_else_the_simulated_one() {
        assert_eq!(read(&[]), Ok(ProviderConfig::Simulated));
        assert_eq!(read(&[("PAYMENT_PROVIDER", "external")]), Ok(ProviderConfig::External));
        let Ok(ProviderConfig::Stripe(stripe)) =
            read(&[("PAYMENT_PROVIDER", " stripe "), ("STRIPE_KEY", "sk_test_1")])
        else {
            panic!("no Stripe");
        };
        assert_eq!((stripe.key.as_str(), stripe.api_base.as_str()), ("sk_test_1", STRIPE_API_BASE));
        assert_eq!(stripe.webhook_secret, None);
    }

    #[test]
    fn what_can_not_be_used_is_a_sentence_without_secrets() {
        let rows: [(&[(&str, &str)], &str); 6] = [
            (&[("PAYMENT_PROVIDER", "paypal")], "PAYMENT_PROVIDER is paypal, which is no provider"),
            (&[("PAYMENT_PROVIDER", "stripe")], "STRIPE_KEY is not set"),
            (&[("PAYMENT_PROVIDER", "stripe"), ("STRIPE_KEY", "sk test")], "STRIPE_KEY has characters"),
            (
                &[("PAYMENT_PROVIDER", "stripe"), ("STRIPE_KEY", "k"), ("STRIPE_API_BASE", "ftp://h")],
                "STRIPE_API_BASE must begin with https:// or http://",
            ),
            (
                &[("PAYMENT_PROVIDER", "stripe"), ("STRIPE_KEY", "k"), ("STRIPE_API_BASE", "http://h?x")],
                "STRIPE_API_BASE must be an address without a query",
            ),
            (
                &[
                    ("PAYMENT_PROVIDER", "stripe"),
                    ("STRIPE_KEY", "sk_live_1"),
                    ("STRIPE_API_BASE", "http://h"),
                ],
                "STRIPE_API_BASE must begin with https:// for a key",
            ),
        ];
        for (variables, expected) in rows {
            let got = read(variables).unwrap_err();
            assert!(got.starts_with(expected), "{expected}: {got}");
            assert!(!got.contains("sk"), "{got}");
        }
        let secret =
            [("PAYMENT_PROVIDER", "stripe"), ("STRIPE_KEY", "sk_1"), ("STRIPE_WEBHOOK_SECRET", "whsec_1")];
        let config = read(&secret).unwrap();
        assert_eq!(config.webhook_secret(), Some("whsec_1"));
        let shown = format!("{config:?} {:?}", Provider::new(config.clone(), Clock::system()));
        assert!(!shown.contains("sk_1") && !shown.contains("whsec_1"), "{shown}");
    }
}
