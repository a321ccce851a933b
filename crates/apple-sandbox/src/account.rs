//! The Apple ID: what signs in, and what it is asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::fresh::Fresh;
use crate::handed_out::HandedOut;

/// How many sessions are alive at once; older ones have ended.
const MOST_SESSIONS: usize = 1000;

/// An Apple ID of the seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedAppleId {
    /// Whether it is connected to the app on Bitrise.
    pub connected: bool,
    /// The Apple ID.
    pub name: String,
    /// Its password; an empty one is not part of the connection.
    #[serde(skip_serializing)]
    pub password: String,
    /// How the password is proved: `s2k` or `s2k_fo`.
    pub protocol: String,
    /// Whether the connection holds a session that is alive.
    pub signed_in: bool,
    /// Whether the connection holds the trust of a device.
    pub trusted: bool,
    /// In how many days the connection ends; `null` where Bitrise does not say.
    pub ends_in_days: Option<i64>,
    /// Whether sign-ins need a second factor, which a trusted device spares.
    pub second_factor: bool,
    /// Whether the second factor is a security key, which has no code.
    pub security_key: bool,
    /// Whether the account is locked.
    pub locked: bool,
    /// What its owner must do before signing in.
    pub required_steps: Vec<String>,
    /// Whether App Store Connect knows it.
    pub on_app_store_connect: bool,
    /// Teams beside the sandbox's own.
    pub other_teams: Vec<Team>,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// The ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// `Company/Organization`, `Individual` or `In-House`.
    pub kind: String,
}

impl Default for SeedAppleId {
    fn default() -> Self {
        Self {
            connected: true,
            name: "ada@example.com".to_owned(),
            password: "sandbox-apple-id-password".to_owned(),
            protocol: "s2k".to_owned(),
            signed_in: true,
            trusted: true,
            ends_in_days: Some(20),
            second_factor: true,
            security_key: false,
            locked: false,
            required_steps: Vec::new(),
            on_app_store_connect: true,
            other_teams: Vec::new(),
        }
    }
}

/// The Apple ID, and its sessions.
#[derive(Debug, Serialize)]
pub struct AppleAccount {
    /// What it began with.
    #[serde(flatten)]
    pub seed: SeedAppleId,
    /// The values of `myacinfo` that are accepted. Without any, every session has ended.
    #[serde(rename = "live_sessions", serialize_with = "count")]
    sessions: Vec<String>,
    /// Those of them that App Store Connect refuses, and the portal does not.
    #[serde(skip)]
    tainted: Vec<String>,
    /// After how many requests to the portal every session ends; `None` for never.
    ends_after: Option<u32>,
    /// The value of the trusted device's cookie.
    #[serde(skip)]
    trust: String,
    /// How often a password was tried and was not right.
    failures: u32,
    /// What sign-in and the portal gave, and expect back.
    #[serde(skip)]
    pub(crate) handed_out: HandedOut,
}

/// So many wrong passwords lock an account.
const PATIENCE: u32 = 5;

/// Says how many there are, and not what they are.
fn count<S: serde::Serializer>(all: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(all.len() as u64)
}

impl AppleAccount {
    pub(crate) fn new(seed: &SeedAppleId, fresh: &mut Fresh) -> Self {
        let session = format!("DAWTKNV3{}", fresh.noise(40));
        Self {
            seed: seed.clone(),
            sessions: if seed.signed_in { vec![session] } else { Vec::new() },
            tainted: Vec::new(),
            ends_after: None,
            trust: format!("HSARMTKNSRVXWFla{}SRVT", fresh.noise(24)),
            failures: 0,
            handed_out: HandedOut::default(),
        }
    }

    /// The values of `myacinfo` that are accepted, oldest first.
    pub fn sessions(&self) -> &[String] {
        &self.sessions
    }

    /// Whether a value of `myacinfo` is accepted.
    pub(crate) fn has_session(&self, value: &str) -> bool {
        self.sessions.iter().any(|known| known == value)
    }

    /// Whether App Store Connect refuses a value of `myacinfo` that the portal accepts.
    pub fn is_tainted(&self, value: &str) -> bool {
        self.tainted.iter().any(|known| known == value)
    }

    /// Lets App Store Connect refuse the newest session.
    pub(crate) fn taint_newest(&mut self) {
        self.tainted.extend(self.sessions.last().cloned());
    }

    /// The value of the trusted device's cookie.
    pub fn trust(&self) -> &str {
        &self.trust
    }

    /// How often a password was tried and was not right, since one was.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether nobody can sign in.
    pub(crate) fn is_locked(&self) -> bool {
        self.seed.locked || self.failures >= PATIENCE
    }

    /// Counts a try of the password; wrong ones do not count any more once it was right.
    pub(crate) fn note_password(&mut self, is_right: bool) {
        self.failures = if is_right { 0 } else { self.failures + 1 };
    }

    /// Lets every session end after so many requests to the portal.
    pub fn end_sessions_after(&mut self, requests: u32) {
        self.ends_after = Some(requests);
    }

    /// Counts a request to the portal.
    pub(crate) fn note_request(&mut self) {
        match self.ends_after.map(|left| left.checked_sub(1)) {
            Some(None) => {
                self.ends_after = None;
                self.end_sessions();
            }
            Some(fewer) => self.ends_after = fewer,
            None => {}
        }
    }

    /// A new session.
    pub(crate) fn begin_session(&mut self, fresh: &mut Fresh) -> String {
        let value = format!("DAWTKNV3{}", fresh.noise(40));
        self.sessions.push(value.clone());
        for all in [&mut self.sessions, &mut self.tainted] {
            let surplus = all.len().saturating_sub(MOST_SESSIONS);
            all.drain(..surplus);
        }
        value
    }

    /// Ends every session.
    pub fn end_sessions(&mut self) {
        self.sessions.clear();
        self.handed_out.forget_tokens();
    }

    /// Forgets every token against forged requests: the next change is a `Bad Request`.
    pub fn forget_tokens(&mut self) {
        self.handed_out.forget_tokens();
    }

    /// What a leak would show.
    pub fn secrets(&self) -> Vec<String> {
        let tokens = self.handed_out.tokens().map(str::to_owned);
        self.sessions
            .iter()
            .cloned()
            .chain([self.trust.clone(), self.seed.password.clone()])
            .chain(tokens)
            .filter(|secret| !secret.is_empty())
            .collect()
    }

    /// The session's cookies as `fastlane spaceauth` prints them: YAML of Ruby's `HTTP::Cookie` (docs.fastlane.tools,
    /// "Continuous integration", 2026-11). `None` where no session is alive.
    pub(crate) fn fastlane_session(&self) -> Option<String> {
        let session = self.sessions.first()?;
        let cookies = [
            (
                "DES58b07eb6d7e2fa3c1c7c2f",
                self.trust.as_str(),
                "idmsa.apple.com",
            ),
            ("myacinfo", session, "apple.com"),
        ];
        let cookie = |(name, value, domain): &(&str, &str, &str)| {
            format!(
                "- !ruby/object:HTTP::Cookie\n  name: {name}\n  value: {value}\n  domain: {domain}\n  for_domain: true\n  path: \"/\"\n  secure: true\n  httponly: true\n"
            )
        };
        Some(format!("---\n{}", cookies.iter().map(cookie).collect::<String>()))
    }

    /// The Apple ID's part of Bitrise's document.
    pub(crate) fn document(&self, now: OffsetDateTime) -> Map<String, Value> {
        let mut document = Map::new();
        if !self.seed.connected {
            return document;
        }
        document.insert("apple_id".to_owned(), self.seed.name.as_str().into());
        if !self.seed.password.is_empty() {
            document.insert("password".to_owned(), self.seed.password.as_str().into());
        }
        if let Some(days) = self.seed.ends_in_days {
            let ends = now + Duration::days(days);
            let text = ends.replace_nanosecond(0).unwrap_or(ends).format(&Rfc3339);
            document.insert(
                "connection_expiry_date".to_owned(),
                text.unwrap_or_default().into(),
            );
        }
        let mut cookies = Vec::new();
        if self.seed.trusted {
            cookies.push(json!({"name": "DES58b07eb6d7e2fa3c1c7c2f", "path": "/", "value": self.trust, "domain": "idmsa.apple.com", "secure": true, "max_age": 2_592_000, "httponly": true}));
        }
        if let Some(session) = self.sessions.first() {
            cookies.push(json!({"name": "myacinfo", "path": "/", "value": session, "domain": "apple.com", "secure": true, "httponly": true}));
        }
        document.insert(
            "session_cookies".to_owned(),
            json!({"https://idmsa.apple.com": cookies}),
        );
        document
    }
}

/// The value of a cookie in a `Cookie` header.
pub(crate) fn cookie(header: &str, name: &str) -> Option<String> {
    header.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        key.starts_with(name).then(|| value.to_owned())
    })
}
