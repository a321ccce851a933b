//! A session at work: the cookies that are there first, the password only when they do not hold.

use std::sync::{Mutex, MutexGuard, PoisonError};

use apple_account::AppleId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redaction::Redactor;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use transport::{Client, Method, Response, Url};

use crate::answer::{self, Answer, Verdict};
use crate::envelope::{self, Refusal};
use crate::hashcash::{self, TooHard};
use crate::jar::{Host, Jar};
use crate::srp::{self, Challenge, Protocol, Unusable};
use crate::team::Team;

/// How often an exchange is begun anew for a number that clients write differently: one in 85 has one.
const EXCHANGES: usize = 5;

/// Where Apple's services are; another place for tests.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// Sign-in, `https://idmsa.apple.com`.
    pub sign_in: Url,
    /// App Store Connect, `https://appstoreconnect.apple.com`.
    pub app_store_connect: Url,
    /// The portal, `https://developer.apple.com`.
    pub portal: Url,
}

impl Hosts {
    /// Apple's own.
    ///
    /// # Errors
    /// Never, as long as Apple's addresses are addresses.
    pub fn apple() -> Result<Self, transport::Error> {
        let url = |host: Host| transport::base_url(&format!("https://{}", host.name()));
        Ok(Self {
            sign_in: url(Host::SignIn)?,
            app_store_connect: url(Host::AppStoreConnect)?,
            portal: url(Host::Portal)?,
        })
    }
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No usable answer came.
    #[error(transparent)]
    Transport(#[from] transport::Error),
    /// The request has no JSON form: a defect.
    #[error("failed to write the request")]
    Body(#[from] serde_json::Error),
    /// The cookies do not hold, and there is no password.
    #[error("the session of {0} has ended, and the connection has no password to sign in with")]
    NoPassword(String),
    /// Apple refused the sign-in.
    #[error("failed to sign in as {apple_id}")]
    Refused {
        /// The Apple ID.
        apple_id: String,
        /// Apple's answer.
        #[source]
        source: answer::Refusal,
    },
    /// The sign-in's numbers can't be used.
    #[error("failed to sign in")]
    Exchange(#[from] Unusable),
    /// The proof of work is too hard.
    #[error("failed to sign in")]
    TooHard(#[from] TooHard),
    /// Apple's answer is not what it should be.
    #[error("Apple's sign-in answered without a usable `{0}`")]
    Lacks(&'static str),
    /// The portal did not do what it was asked.
    #[error("the Developer Portal refused the request")]
    Portal(#[source] Refusal),
}

impl SessionError {
    /// What a person should do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Refused { source, .. } => source.advice(),
            Self::NoPassword(_) => answer::Refusal::SecondFactor.advice(),
            Self::Portal(Refusal::Agreement(_)) => {
                "the Account Holder must accept the agreement at https://developer.apple.com/account; then rebuild"
            }
            Self::Portal(Refusal::NotPermitted(_)) => {
                "give this Apple ID the role Admin, or App Manager with access to Certificates, Identifiers & Profiles"
            }
            _ => "see https://developer.apple.com/system-status/, then build again",
        }
    }
}

/// A session that the Developer Portal accepts.
#[derive(Debug)]
pub struct Session {
    sign_in: Client,
    app_store_connect: Client,
    portal: Client,
    jar: Mutex<Jar>,
    teams: Vec<Team>,
    signed_in: bool,
    notes: Vec<String>,
}

impl Session {
    /// Opens a session: with the account's cookies where the portal accepts them, else with its password, once.
    ///
    /// # Errors
    /// When neither works.
    pub async fn open(
        account: &AppleId,
        hosts: Hosts,
        redactor: &Redactor,
        now: OffsetDateTime,
    ) -> Result<Self, SessionError> {
        let cookies = account
            .session
            .as_ref()
            .map(|session| session.cookies.as_slice())
            .unwrap_or_default();
        let (jar, notes) = Jar::of(cookies, now);
        let mut session = Self {
            sign_in: Client::builder(hosts.sign_in).build()?,
            app_store_connect: Client::builder(hosts.app_store_connect).build()?,
            portal: Client::builder(hosts.portal).build()?,
            jar: Mutex::new(jar),
            teams: Vec::new(),
            signed_in: false,
            notes,
        };
        if session.jar().has_session() {
            match session.list_teams(now).await {
                Ok(teams) => {
                    session.teams = teams;
                    return Ok(session);
                }
                Err(SessionError::Portal(Refusal::Expired)) => {
                    session
                        .notes
                        .push("the portal does not accept the connected session any more".to_owned());
                }
                Err(error) => return Err(error),
            }
        }
        let Some(password) = &account.password else {
            return Err(SessionError::NoPassword(account.apple_id.clone()));
        };
        session
            .sign_in_with(&account.apple_id, password, redactor, now)
            .await?;
        session.signed_in = true;
        session.teams = session.list_teams(now).await?;
        Ok(session)
    }

    /// The teams that the Apple ID is a member of.
    pub fn teams(&self) -> &[Team] {
        &self.teams
    }

    /// Whether it took the password.
    pub fn signed_in(&self) -> bool {
        self.signed_in
    }

    /// What was found out on the way, a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether App Store Connect accepts the session, too: people without a team there are fine on the portal alone.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn works_on_app_store_connect(&self, now: OffsetDateTime) -> Result<bool, SessionError> {
        let path = "/olympus/v1/session";
        let mut request = self.app_store_connect.request(Method::GET, path);
        if let Some(cookies) = self.jar().header(Host::AppStoreConnect, path) {
            request = request.header("Cookie", &cookies);
        }
        let answer = request.send().await?;
        self.keep(Host::AppStoreConnect, &answer, now);
        let has_provider = answer
            .json::<serde_json::Value>()
            .is_ok_and(|document| document["provider"].is_object());
        Ok(answer.status.is_success() && has_provider)
    }

    fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, host: Host, answer: &Response, now: OffsetDateTime) {
        let mut jar = self.jar();
        answer
            .set_cookies()
            .iter()
            .for_each(|header| jar.take(host, header, now));
    }

    async fn list_teams(&self, now: OffsetDateTime) -> Result<Vec<Team>, SessionError> {
        let path = "/services-account/QH65B2/account/listTeams.action";
        let mut request = self
            .portal
            .request(Method::POST, path)
            .repeatable()
            .form([] as [(&str, &str); 0]);
        if let Some(cookies) = self.jar().header(Host::Portal, path) {
            request = request.header("Cookie", &cookies);
        }
        let answer = request.send().await?;
        self.keep(Host::Portal, &answer, now);
        envelope::read(answer.status.as_u16(), &answer.text(), "teams").map_err(SessionError::Portal)
    }

    /// The whole sign-in: key, exchange, proof of work, proof of the password. The password never leaves this machine,
    /// and a refusal is never tried again.
    async fn sign_in_with(
        &self,
        apple_id: &str,
        password: &SecretString,
        redactor: &Redactor,
        now: OffsetDateTime,
    ) -> Result<(), SessionError> {
        let key = self.service_key().await?;
        let name = apple_id.to_lowercase();
        let (challenge, proofs) = self.exchange(&name, password, &key, now).await?;
        let stamp = self.stamp(&key, now).await?;
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
            .query([("isRememberMeEnabled", "false")])
            .json(&body)?;
        if let Some(stamp) = stamp {
            request = request.header("X-Apple-HC", &stamp.into());
        }
        let answer = request.send().await?;
        self.judged(&answer, apple_id)?;
        for header in answer.set_cookies() {
            let value = header.split(';').next().and_then(|pair| pair.split_once('='));
            value.into_iter().for_each(|(_, value)| redactor.learn(value));
        }
        self.keep(Host::SignIn, &answer, now);
        Ok(())
    }

    fn judged(&self, answer: &Response, apple_id: &str) -> Result<(), SessionError> {
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
            Verdict::Refused(source) => Err(SessionError::Refused {
                apple_id: apple_id.to_owned(),
                source,
            }),
        }
    }

    /// A request of the sign-in, with what all of them carry.
    fn step(&self, method: Method, path: &str, key: &SecretString) -> transport::Request<'_> {
        let mut request = self
            .sign_in
            .request(method, path)
            .header("Accept", &"application/json, text/javascript".into())
            .header("X-Requested-With", &"XMLHttpRequest".into())
            .header("X-Apple-Widget-Key", key);
        if let Some(cookies) = self.jar().header(Host::SignIn, path) {
            request = request.header("Cookie", &cookies);
        }
        request
    }

    /// The key by which App Store Connect's sign-in is known. It is public, and fetched every time.
    async fn service_key(&self) -> Result<SecretString, SessionError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Config {
            auth_service_key: String,
        }
        let request = self
            .app_store_connect
            .request(Method::GET, "/olympus/v1/app/config");
        // The query says `itunesconnect`, although the host does not.
        let answer = request
            .query([("hostname", "itunesconnect.apple.com")])
            .send()
            .await?;
        let config: Config = answer.json()?;
        if config.auth_service_key.is_empty() {
            return Err(SessionError::Lacks("authServiceKey"));
        }
        Ok(config.auth_service_key.into())
    }

    /// The stamp that Apple wants to see, where it wants one.
    async fn stamp(&self, key: &SecretString, now: OffsetDateTime) -> Result<Option<String>, SessionError> {
        let request = self.sign_in.request(Method::GET, "/appleauth/auth/signin");
        let answer = request.query([("widgetKey", key.expose_secret())]).send().await?;
        let bits = answer
            .header("x-apple-hc-bits")
            .and_then(|text| text.trim().parse().ok());
        match (bits, answer.header("x-apple-hc-challenge")) {
            (Some(bits), Some(challenge)) => Ok(Some(hashcash::stamp(bits, challenge, now)?)),
            _ => Ok(None),
        }
    }

    /// Exchanges numbers until there is a proof; what it is called for Apple, and the proof.
    async fn exchange(
        &self,
        name: &str,
        password: &SecretString,
        key: &SecretString,
        now: OffsetDateTime,
    ) -> Result<(String, srp::Proofs), SessionError> {
        #[derive(Deserialize)]
        struct Begun {
            iteration: u32,
            salt: String,
            protocol: String,
            b: String,
            c: String,
        }
        for _ in 0..EXCHANGES {
            let client = srp::Client::begin()?;
            let body = json!({"a": STANDARD.encode(client.public()), "accountName": name, "protocols": ["s2k", "s2k_fo"]});
            // It is no attempt at the password, so it may be repeated.
            let request = self
                .step(Method::POST, "/appleauth/auth/signin/init", key)
                .repeatable()
                .json(&body)?;
            let answer = request.send().await?;
            self.judged(&answer, name)?;
            self.keep(Host::SignIn, &answer, now);
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
