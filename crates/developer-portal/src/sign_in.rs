//! Signing in at `idmsa.apple.com`: key, exchange of numbers, proof of work, proof of the password.
//!
//! Undocumented; facts as of 2026-11-25 from fastlane, `@expo/apple-utils` 2.2.1 and XcodesLoginKit 1.1.0.
//!
//! The password never leaves this machine, and a refusal is never tried again: some attempts too many lock the account.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use transport::{Method, Response};

use crate::answer::{self, Answer, Verdict};
use crate::hashcash;
use crate::jar::Host;
use crate::session::{Session, SessionError};
use crate::srp::{self, Challenge, Protocol, Unusable};

/// How often an exchange is restarted for a number that clients write differently: one in 85 has one.
const EXCHANGES: usize = 5;

/// How a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Apple had nothing more to ask.
    Complete,
    /// The invitation to two-factor authentication was postponed. App Store Connect refuses such accounts since May 2023
    /// (fastlane #21301); the portal does not.
    Postponed,
}

impl Session {
    /// The whole sign-in, with the account's password.
    ///
    /// Of the cookies that are there only the device's trust is sent: with those of an expired session Apple may
    /// answer every request of the sign-in well, and refuse the new session (rork #2303, 2026-09-02).
    pub(crate) async fn sign_in(&self) -> Result<Entry, SessionError> {
        let apple_id = self.account.apple_id.as_str();
        let Some(password) = &self.account.password else {
            return Err(SessionError::NoPassword(apple_id.to_owned()));
        };
        if is_app_specific(password.expose_secret()) {
            return Err(SessionError::Refused {
                apple_id: apple_id.to_owned(),
                source: answer::Refusal::AppSpecificPassword,
            });
        }
        self.jar().keep_trust();
        let key: SecretString = self.service_key().await?.into();
        let name = apple_id.to_lowercase();
        let (challenge, proofs) = self.exchange(&name, password, &key).await?;
        let stamp = self.stamp(&key).await?;
        let body = json!({
            "accountName": name,
            "c": challenge,
            "m1": STANDARD.encode(proofs.m1),
            "m2": STANDARD.encode(proofs.m2),
            "rememberMe": false,
        });
        let path = "/appleauth/auth/signin/complete";
        let mut request = self
            .step(Method::POST, path, &key)
            // Each is an attempt at the password, even where Apple says that there were too many.
            .once()
            .query([("isRememberMeEnabled", "false")])
            .json(&body)?;
        if let Some(stamp) = stamp {
            request = request.header("X-Apple-HC", &stamp.into());
        }
        let answer = self.send(Host::SignIn, path, request).await?;
        match self.judged(&answer) {
            Err(SessionError::Refused {
                source: answer::Refusal::Interaction,
                ..
            }) => self.answer_later(&answer).await.map(|()| Entry::Postponed),
            Err(error) => {
                if let SessionError::Refused {
                    source: answer::Refusal::SecondFactor,
                    ..
                } = &error
                {
                    tracing::warn!("{}", self.about_trust());
                }
                Err(error)
            }
            Ok(()) => Ok(Entry::Complete),
        }
    }

    /// Why Apple may have asked for the second factor.
    fn about_trust(&self) -> &'static str {
        if self.has_trust() {
            "The connection holds a trusted device's cookie, and Apple did not accept it: it has expired, or Apple does not accept it from this network."
        } else {
            "The connection has no valid cookie of a trusted device; without one, Apple asks for a second factor."
        }
    }

    fn judged(&self, answer: &Response) -> Result<(), SessionError> {
        let set_cookies = answer.set_cookies();
        let body = answer.text();
        let verdict = answer::read(Answer {
            status: answer.status.as_u16(),
            body: &body,
            set_cookies: &set_cookies,
            retry_after: answer
                .header("retry-after")
                .and_then(|text| text.trim().parse().ok()),
        });
        match verdict {
            Verdict::SignedIn => Ok(()),
            Verdict::Refused(source) => Err(self.refused(source)),
        }
    }

    pub(crate) fn refused(&self, source: answer::Refusal) -> SessionError {
        SessionError::Refused {
            apple_id: self.account.apple_id.clone(),
            source,
        }
    }

    /// A request of the sign-in, with what all of them carry.
    fn step(&self, method: Method, path: &str, key: &SecretString) -> transport::Request<'_> {
        self.sign_in
            .request(method, path)
            .header("Accept", &"application/json, text/javascript".into())
            .header("X-Requested-With", &"XMLHttpRequest".into())
            .header("X-Apple-Widget-Key", key)
    }

    /// The stamp that Apple asks for, where it asks for one.
    async fn stamp(&self, key: &SecretString) -> Result<Option<String>, SessionError> {
        let path = "/appleauth/auth/signin";
        let request = self
            .sign_in
            .request(Method::GET, path)
            .query([("widgetKey", key.expose_secret())]);
        let answer = self.send(Host::SignIn, path, request).await?;
        let bits = answer
            .header("x-apple-hc-bits")
            .and_then(|text| text.trim().parse().ok());
        match (bits, answer.header("x-apple-hc-challenge")) {
            (Some(bits), Some(challenge)) => Ok(Some(hashcash::stamp(bits, challenge, self.now())?)),
            _ => Ok(None),
        }
    }

    /// Exchanges numbers until there is a proof; what it is called for Apple, and the proof.
    async fn exchange(
        &self,
        name: &str,
        password: &SecretString,
        key: &SecretString,
    ) -> Result<(String, srp::Proofs), SessionError> {
        #[derive(Deserialize)]
        struct Begun {
            iteration: u32,
            salt: String,
            protocol: String,
            b: String,
            c: String,
        }
        let path = "/appleauth/auth/signin/init";
        for _ in 0..EXCHANGES {
            let client = srp::Client::begin()?;
            let body = json!({"a": STANDARD.encode(client.public()), "accountName": name, "protocols": ["s2k", "s2k_fo"]});
            // It is no attempt at the password, so it may be repeated.
            let request = self.step(Method::POST, path, key).repeatable().json(&body)?;
            let answer = self.send(Host::SignIn, path, request).await?;
            self.judged(&answer)?;
            let begun: Begun = answer.json()?;
            let decoded = |text: &str, what| STANDARD.decode(text).map_err(|_| SessionError::Lacks(what));
            let (salt, public_b) = (decoded(&begun.salt, "salt")?, decoded(&begun.b, "b")?);
            let challenge = Challenge {
                protocol: Protocol::from_apple(&begun.protocol).ok_or(SessionError::Lacks("protocol"))?,
                salt: &salt,
                iterations: begun.iteration,
                public_b: &public_b,
            };
            match client.prove(name, password.expose_secret(), challenge) {
                Ok(proofs) => return Ok((begun.c, proofs)),
                Err(Unusable::Ambiguous) => tracing::debug!("{}", Unusable::Ambiguous),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Unusable::Ambiguous.into())
    }
}

/// App-specific passwords are four groups of four letters, and never sign in here.
fn is_app_specific(password: &str) -> bool {
    let groups: Vec<&str> = password.split('-').collect();
    groups.len() == 4
        && groups
            .iter()
            .all(|group| group.len() == 4 && group.chars().all(|c| c.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn app_specific_passwords_are_recognised_by_their_form() {
        for (text, expected) in [
            ("abcd-efgh-ijkl-mnop", true),
            ("abcd-efgh-ijkl", false),
            ("Abcd-efgh-ijkl-mnop", false),
            ("correct horse", false),
        ] {
            assert_eq!(super::is_app_specific(text), expected, "{text}");
        }
    }
}
