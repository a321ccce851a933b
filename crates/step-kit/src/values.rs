//! Types of inputs.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// A `yes`/`no` or `true`/`false` input. An input without a value is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(bool);

impl Flag {
    /// Whether it is `yes` or `true`.
    pub fn is_on(self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(matches!(text.as_str(), "yes" | "true")))
    }
}

/// A sensitive input.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The value as other crates take it.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// The items of a list input: split at `separator`, trimmed. Blank items stay: in lists that belong
/// together, such as certificates and their passphrases, they count.
pub fn list(text: &str, separator: char) -> Vec<String> {
    text.split(separator).map(|item| item.trim().to_owned()).collect()
}
