//! Credentials that a step's inputs hold.

use secrecy::{ExposeSecret as _, SecretString};

/// The word that stands for "no issuer" in the issuer input: individual keys have none, and an input that was
/// forgotten must not be taken for one of them.
const INDIVIDUAL: &str = "individual";

/// Credentials that a step's inputs hold; blank ones are `None`.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Where the API key's file is: a path or URL.
    pub api_key_path: Option<SecretString>,
    /// The API key's issuer ID; `individual` for a key that has none.
    pub api_issuer: Option<String>,
    /// The Apple ID, an e-mail address.
    pub apple_id: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// An app-specific password; it also completes a connected Apple ID that has none.
    pub app_specific_password: Option<SecretString>,
}

/// What is wrong with the credentials among the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Both kinds are given.
    #[error("holds an API key while Apple ID inputs have values too; set one kind and leave the other empty")]
    BothKinds,
    /// A key without an issuer.
    #[error(
        "has no value although an API key is given; copy the issuer ID from App Store Connect > Users and Access > Integrations, or write `individual` for a key that has none"
    )]
    NoIssuer,
    /// An issuer without a key.
    #[error(
        "has no value although an issuer ID is given; set the path or URL of `AuthKey_<key ID>.p8`, or empty the issuer ID"
    )]
    NoKey,
    /// A password without an Apple ID.
    #[error(
        "has no value although a password is given; set the Apple ID's e-mail address, or empty the password"
    )]
    NoAppleId,
    /// An Apple ID without a password.
    #[error("has no value although an Apple ID is given; set its password, or empty the Apple ID")]
    NoPassword,
}

impl Given {
    /// Whether an API key is there.
    pub fn has_api_key(&self) -> bool {
        self.api_key_path.is_some()
    }

    /// Whether an Apple ID is there.
    pub fn has_apple_id(&self) -> bool {
        self.apple_id.is_some()
    }

    /// The issuer ID, `None` for an individual key.
    pub fn issuer_id(&self) -> Option<&str> {
        self.api_issuer.as_deref().filter(|issuer| *issuer != INDIVIDUAL)
    }

    /// The first rule that is broken. An app-specific password may stand alone: it completes a connected
    /// Apple ID.
    pub fn problem(&self) -> Option<Problem> {
        let is_key = self.api_key_path.is_some() || self.api_issuer.is_some();
        let password = self
            .password
            .as_ref()
            .is_some_and(|text| !text.expose_secret().is_empty());
        let is_apple_id = self.apple_id.is_some() || password || self.app_specific_password.is_some();
        if is_key && is_apple_id {
            return Some(Problem::BothKinds);
        }
        if is_key {
            return match (&self.api_key_path, &self.api_issuer) {
                (Some(_), None) => Some(Problem::NoIssuer),
                (None, Some(_)) => Some(Problem::NoKey),
                _ => None,
            };
        }
        if self.app_specific_password.is_some() {
            return None;
        }
        match (&self.apple_id, password) {
            (None, true) => Some(Problem::NoAppleId),
            (Some(_), false) => Some(Problem::NoPassword),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_account_and_two_accounts_are_refused() {
        let given = |text: &str| {
            let has = |letter| text.contains(letter).then(|| "value".to_owned());
            Given {
                api_key_path: has('k').map(Into::into),
                api_issuer: has('i'),
                apple_id: has('a'),
                password: has('p').map(Into::into),
                app_specific_password: has('s').map(Into::into),
            }
        };
        for (text, expected) in [
            ("", None),
            ("ki", None),
            ("ap", None),
            ("aps", None),
            ("s", None),
            ("as", None),
            ("ps", None),
            ("k", Some(Problem::NoIssuer)),
            ("i", Some(Problem::NoKey)),
            ("a", Some(Problem::NoPassword)),
            ("p", Some(Problem::NoAppleId)),
            ("kia", Some(Problem::BothKinds)),
            ("is", Some(Problem::BothKinds)),
        ] {
            assert_eq!(given(text).problem(), expected, "{text}");
        }
    }

    #[test]
    fn individual_keys_say_so() {
        let given = Given {
            api_issuer: Some("individual".to_owned()),
            ..Given::default()
        };
        assert_eq!(given.issuer_id(), None);
    }
}
