//! Credentials that a step's inputs hold.

use secrecy::{ExposeSecret as _, SecretString};

use crate::{ids, key};

/// Credentials that a step's inputs hold; blank ones are `None`.
#[derive(Debug, Clone, Default)]
pub struct InputCredentials {
    /// Where the API key's file is: a path or URL. A key that was pasted here is taken as one.
    pub key_location: Option<SecretString>,
    /// The API key itself. A path or URL that was pasted here is taken as one.
    pub key_text: Option<SecretString>,
    /// The API key's ID; else the file's name tells it.
    pub key_id: Option<String>,
    /// The API key's issuer ID; `individual` for a key that has none.
    pub issuer: Option<String>,
    /// Whether the API key belongs to the Enterprise Program.
    pub is_enterprise: bool,
    /// The Apple ID, an e-mail address.
    pub apple_id: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// An app-specific password; it also completes a connected Apple ID that has none.
    pub app_specific_password: Option<SecretString>,
}

/// Which of the two inputs a key came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyInput {
    /// The one for a path or URL.
    Location,
    /// The one for the key itself.
    Text,
}

/// What is wrong with the credentials among the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialProblem {
    /// Both kinds are given.
    #[error("holds an API key while Apple ID inputs have values too; set one kind and leave the other empty")]
    BothKinds,
    /// A key without an issuer.
    #[error("has no value although an API key is given")]
    NoIssuer,
    /// IDs without a key.
    #[error("has no value although the ID of a key or an issuer is given")]
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

/// A key as the inputs give it.
pub(crate) struct GivenKey<'a> {
    pub(crate) input: KeyInput,
    pub(crate) value: &'a str,
    /// Whether the value is the key, not its place.
    pub(crate) is_text: bool,
}

impl InputCredentials {
    /// Whether an API key is there.
    pub fn has_api_key(&self) -> bool {
        self.key_location.is_some() || self.key_text.is_some()
    }

    /// Whether an Apple ID is there.
    pub fn has_apple_id(&self) -> bool {
        self.apple_id.is_some()
    }

    /// Whether the key is said to be an individual one.
    pub fn is_individual_key(&self) -> bool {
        self.issuer.as_deref().is_some_and(ids::is_individual)
    }

    /// The key. The text wins over the place: it is the key itself.
    pub(crate) fn key(&self) -> Option<GivenKey<'_>> {
        let (input, secret) = match (&self.key_text, &self.key_location) {
            (Some(text), _) => (KeyInput::Text, text),
            (None, Some(location)) => (KeyInput::Location, location),
            (None, None) => return None,
        };
        let value = ids::bare(secret.expose_secret());
        let is_place =
            value.starts_with("file://") || value.starts_with("https://") || value.starts_with("http://");
        Some(GivenKey {
            input,
            value,
            is_text: match input {
                KeyInput::Location => key::is_meant(value),
                KeyInput::Text => !is_place && (key::is_meant(value) || !value.ends_with(".p8")),
            },
        })
    }

    /// The first rule that is broken. An app-specific password may stand alone: it completes a connected
    /// Apple ID.
    pub fn problem(&self) -> Option<CredentialProblem> {
        let is_key = self.has_api_key() || self.issuer.is_some() || self.key_id.is_some();
        let password = self
            .password
            .as_ref()
            .is_some_and(|text| !text.expose_secret().is_empty());
        let is_apple_id = self.apple_id.is_some() || password || self.app_specific_password.is_some();
        if is_key && is_apple_id {
            return Some(CredentialProblem::BothKinds);
        }
        if is_key {
            return match (self.key(), &self.issuer) {
                (Some(key), None) if !key.may_name_its_issuer() => Some(CredentialProblem::NoIssuer),
                (None, _) => Some(CredentialProblem::NoKey),
                _ => None,
            };
        }
        if self.app_specific_password.is_some() {
            return None;
        }
        match (&self.apple_id, password) {
            (None, true) => Some(CredentialProblem::NoAppleId),
            (Some(_), false) => Some(CredentialProblem::NoPassword),
            _ => None,
        }
    }
}

impl GivenKey<'_> {
    /// fastlane's JSON key file names the issuer, and has none where the key is an individual one.
    pub(crate) fn may_name_its_issuer(&self) -> bool {
        if self.is_text {
            return key::is_json(self.value);
        }
        let path = self.value.split(['?', '#']).next().unwrap_or_default();
        path.to_ascii_lowercase().ends_with(".json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_account_and_two_accounts_are_refused() {
        use CredentialProblem as P;
        let credentials = |text: &str| {
            let has = |letter| text.contains(letter).then(|| "value".to_owned());
            InputCredentials {
                key_location: has('k').map(Into::into),
                key_text: has('t').map(Into::into),
                key_id: has('n'),
                issuer: has('i'),
                apple_id: has('a'),
                password: has('p').map(Into::into),
                app_specific_password: has('s').map(Into::into),
                ..InputCredentials::default()
            }
        };
        for (text, expected) in [
            ("", None),
            ("ki", None),
            ("ti", None),
            ("kin", None),
            ("tin", None),
            ("ap", None),
            ("aps", None),
            ("s", None),
            ("as", None),
            ("ps", None),
            ("k", Some(P::NoIssuer)),
            ("t", Some(P::NoIssuer)),
            ("kn", Some(P::NoIssuer)),
            ("i", Some(P::NoKey)),
            ("n", Some(P::NoKey)),
            ("a", Some(P::NoPassword)),
            ("p", Some(P::NoAppleId)),
            ("kia", Some(P::BothKinds)),
            ("tia", Some(P::BothKinds)),
            ("is", Some(P::BothKinds)),
        ] {
            assert_eq!(credentials(text).problem(), expected, "{text}");
        }
    }

    #[test]
    fn a_json_key_file_needs_no_issuer_beside_it() {
        for value in [
            "/keys/asc.json",
            "https://x/asc.JSON?token=1",
            "{\"key_id\": \"K\"}",
        ] {
            let credentials = InputCredentials {
                key_location: Some(value.into()),
                ..InputCredentials::default()
            };
            assert_eq!(credentials.problem(), None, "{value}");
        }
    }

    #[test]
    fn individual_keys_say_so() {
        for word in ["individual", " Individual "] {
            let credentials = InputCredentials {
                issuer: Some(word.to_owned()),
                ..InputCredentials::default()
            };
            assert!(credentials.is_individual_key());
        }
    }
}
