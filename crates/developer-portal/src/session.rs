//! A session at work: the cookies that are there first, the password only when they do not hold.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apple_account::AppleId;
use redaction::Redactor;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use transport::{Client, Journal, Method, Request, Response, Url};

use crate::answer;
use crate::envelope::{self, Refusal};
use crate::hashcash::TooHard;
use crate::jar::{Host, Jar};
use crate::messages::{KnownMessage, says};
use crate::sign_in::Entry;
use crate::srp::Unusable;
use crate::team::Team;
use crate::v1;

/// Where the portal's services are, below its host.
const SERVICES: &str = "/services-account/QH65B2";

/// How long to wait before a read is tried again that a page answered instead of the service.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Pause before a request that the portal refused for an expired session is repeated: it also says so of valid sessions,
/// too (spaceship tries again after 3 s: `with_retry` in `client.rb`, 2026-11).
const SESSION_PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(700)];

/// Whether an answer of the portal says that the session has expired. The services say it by status or in the envelope.
fn says_expired(answer: &Response) -> bool {
    answer.status.as_u16() == 401
        || envelope::check(answer.status.as_u16(), &answer.text()) == Err(Refusal::Expired)
}

/// Where Apple's services are; another place for tests.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// Sign-in, `https://idmsa.apple.com`.
    pub sign_in: Url,
    /// The Apple account's own pages, `https://appleid.apple.com`.
    pub account: Url,
    /// App Store Connect, `https://appstoreconnect.apple.com`.
    pub app_store_connect: Url,
    /// The portal, `https://developer.apple.com`.
    pub portal: Url,
}

impl Hosts {
    /// Apple's own, or where `elsewhere` says that one is: it is asked by the names of variables, `APPLE_ID_URL`,
    /// `APPLE_ACCOUNT_URL`, `APPLE_OLYMPUS_URL` and `APPLE_DEVELOPER_PORTAL_URL`.
    ///
    /// # Errors
    /// When such a place is no address that credentials may be sent to.
    pub fn apple_or<'a>(elsewhere: impl Fn(&str) -> Option<&'a str>) -> Result<Self, transport::Error> {
        let url = |host: Host, variable: &str| match elsewhere(variable) {
            Some(url) => transport::base_url(url),
            None => transport::base_url(&format!("https://{}", host.name())),
        };
        Ok(Self {
            sign_in: url(Host::SignIn, "APPLE_ID_URL")?,
            account: url(Host::Account, "APPLE_ACCOUNT_URL")?,
            app_store_connect: url(Host::AppStoreConnect, "APPLE_OLYMPUS_URL")?,
            portal: url(Host::Portal, "APPLE_DEVELOPER_PORTAL_URL")?,
        })
    }
}

/// Why a session did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No usable answer came.
    #[error(transparent)]
    Transport(#[from] transport::Error),
    /// The request has no JSON form: a defect.
    #[error("could not write the request")]
    Body(#[from] serde_json::Error),
    /// The cookies do not hold, and there is no password.
    #[error("the session of {0} has expired, and the connection has no password to sign in with")]
    NoPassword(String),
    /// Apple refused the sign-in.
    #[error("could not sign in as {apple_id}")]
    Refused {
        /// The Apple ID.
        apple_id: String,
        /// Apple's answer.
        #[source]
        source: answer::Refusal,
    },
    /// The sign-in's numbers can't be used.
    #[error("could not sign in")]
    Exchange(#[from] Unusable),
    /// The proof of work is too hard.
    #[error("could not sign in")]
    TooHard(#[from] TooHard),
    /// Apple's answer is not what it should be.
    #[error("Apple's sign-in answered without a usable `{0}`")]
    Lacks(&'static str),
    /// Apple's portal took a change and did not keep it.
    #[error("Apple's portal did not keep the capabilities {0} of the App ID although it accepted the change")]
    NotKept(String),
    /// The portal did not do what it was asked.
    #[error(transparent)]
    Portal(Refusal),
    /// The portal's newer services did not do what they were asked.
    #[error(transparent)]
    V1(v1::Refusal),
}

impl SessionError {
    /// Whether another run may have been faster, or the change may have taken effect: look again.
    pub fn may_be_race(&self) -> bool {
        match self {
            Self::Transport(transport::Error::OutcomeUnknown { .. }) => true,
            Self::Portal(Refusal::Other { words, .. }) => says(words, KnownMessage::SeveralProfiles),
            Self::V1(refusal) => refusal.is_race(),
            _ => false,
        }
    }

    /// Whether the request does not fit what is there: a race, if what is there has changed since it was read.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Portal(Refusal::NotAvailable(_)) => true,
            // Apple's code for data that do not fit, such as a certificate that was revoked meanwhile.
            Self::Portal(Refusal::Other { code, .. }) => *code == 35,
            Self::V1(refusal) => refusal.is_conflict(),
            _ => false,
        }
    }

    /// Whether the devices of the membership year are used up.
    pub fn is_device_limit(&self) -> bool {
        matches!(self, Self::Portal(Refusal::DeviceLimit(_)))
    }
}

/// What a token against forged requests is for: the portal gives one for each kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Device,
    AppId,
    AppGroup,
    CloudContainer,
    Certificate,
    Profile,
}

impl Kind {
    /// The list that gives a token of this kind.
    fn list(self) -> (&'static str, &'static str) {
        match self {
            Self::Device => ("account/ios/device/listDevices.action", "devices"),
            Self::AppId => ("account/ios/identifiers/listAppIds.action", "appIds"),
            Self::AppGroup => (
                "account/ios/identifiers/listApplicationGroups.action",
                "applicationGroupList",
            ),
            Self::CloudContainer => (
                "account/cloudContainer/listCloudContainers.action",
                "cloudContainerList",
            ),
            Self::Certificate => ("account/ios/certificate/listCertRequests.action", "certRequests"),
            Self::Profile => (
                "account/ios/profile/listProvisioningProfiles.action",
                "provisioningProfiles",
            ),
        }
    }
}

/// The pair of headers against forged requests.
#[derive(Debug, Clone)]
struct Token {
    csrf: SecretString,
    csrf_ts: SecretString,
}

/// A call of one of the portal's services.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) kind: Kind,
    /// The kind whose token is tried once where the portal does not accept the first kind's.
    pub(crate) other_kind: Option<Kind>,
    pub(crate) path: &'a str,
    /// The form, or the query of a download.
    pub(crate) pairs: Vec<(&'static str, String)>,
    /// Whether it changes something: those wait for each other, and are not sent without a token.
    pub(crate) writes: bool,
}

/// What App Store Connect says to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Olympus {
    /// It works there.
    Accepted,
    /// The Apple ID is signed in, and has no team there.
    NoTeam,
    /// The session is none: HTTP 401, with a body that begins `Unauthenticated` and is no JSON.
    Refused,
}

/// A session that the Developer Portal accepts.
#[derive(Debug)]
pub struct Session {
    pub(crate) sign_in: Client,
    pub(crate) account_pages: Client,
    pub(crate) app_store_connect: Client,
    portal: Client,
    jar: Mutex<Jar>,
    tokens: Mutex<HashMap<Kind, Token>>,
    /// The newest of them, for the newer services.
    newest: Mutex<Option<Token>>,
    /// One change at a time: each answer replaces the token that the next one needs.
    turn: tokio::sync::Mutex<()>,
    /// How often the session was renewed: several requests may find out together that it has expired.
    renewals: tokio::sync::Mutex<u32>,
    teams: Vec<Team>,
    signed_in: bool,
    olympus: Option<Olympus>,
    notes: Vec<String>,
    pub(crate) account: AppleId,
    pub(crate) redactor: Redactor,
    opened: (OffsetDateTime, Instant),
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
        let portal = Client::builder(hosts.portal).build()?;
        let mut session = Self {
            sign_in: portal.elsewhere(hosts.sign_in),
            account_pages: portal.elsewhere(hosts.account),
            app_store_connect: portal.elsewhere(hosts.app_store_connect),
            portal,
            jar: Mutex::new(jar),
            tokens: Mutex::default(),
            newest: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            renewals: tokio::sync::Mutex::new(0),
            teams: Vec::new(),
            signed_in: false,
            olympus: None,
            notes,
            account: account.clone(),
            redactor: redactor.clone(),
            opened: (now, Instant::now()),
        };
        if session.jar().has_session() {
            match session.look().await {
                Ok(()) => return Ok(session),
                Err(SessionError::Portal(Refusal::Expired)) => {
                    session
                        .notes
                        .push("the portal does not accept the connected session any more".to_owned());
                }
                Err(error) => return Err(error),
            }
        }
        let entry = session.sign_in().await?;
        session.signed_in = true;
        let looked = session.look().await;
        if session.olympus == Some(Olympus::Refused) && entry == Entry::Complete {
            session.sign_in_afresh(looked).await?;
        } else {
            looked?;
        }
        Ok(session)
    }

    /// Signs in once more, with a jar that holds nothing but the device's trust: Apple said yes to the sign-in, and
    /// App Store Connect does not accept the session (rork #2303, 2026-09-02). `looked` is what the portal said to the
    /// first one, which will do where the second sign-in fails.
    async fn sign_in_afresh(&mut self, looked: Result<(), SessionError>) -> Result<(), SessionError> {
        self.notes
            .push("App Store Connect did not accept the new session: signed in a second time".to_owned());
        let first = self.jar().clone();
        match (self.sign_in().await, looked) {
            (Ok(_), _) => self.look().await,
            (Err(error), Ok(())) => {
                tracing::warn!("The second sign-in failed: {error}. Continuing with the first session.");
                *self.jar() = first;
                Ok(())
            }
            (Err(_), Err(error)) => Err(error),
        }
    }

    /// Asks both services, together, whether they accept the session. Only the portal's answer decides: people without a
    /// team on App Store Connect are fine without, and its services may be down.
    async fn look(&mut self) -> Result<(), SessionError> {
        let (teams, olympus) = futures_util::join!(self.list_teams(), self.ask_olympus());
        self.olympus = olympus.ok();
        self.teams = teams?;
        Ok(())
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

    /// What was asked so far, of all hosts.
    pub fn journal(&self) -> &Journal {
        self.portal.journal()
    }

    /// Whether App Store Connect accepts the session, too; `None` when it gave no answer.
    pub fn on_app_store_connect(&self) -> Option<bool> {
        self.olympus.map(|olympus| olympus == Olympus::Accepted)
    }

    async fn ask_olympus(&self) -> Result<Olympus, SessionError> {
        let path = "/olympus/v1/session";
        let request = self.app_store_connect.request(Method::GET, path);
        let answer = self.send(Host::AppStoreConnect, path, request).await?;
        let has_provider = answer
            .json::<serde_json::Value>()
            .is_ok_and(|document| document["provider"].is_object());
        Ok(match answer.status.as_u16() {
            401 => Olympus::Refused,
            200..=299 if has_provider => Olympus::Accepted,
            _ => Olympus::NoTeam,
        })
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.opened.0 + self.opened.1.elapsed()
    }

    pub(crate) fn has_trust(&self) -> bool {
        self.jar().has_trust()
    }

    pub(crate) fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<Kind, Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request with the cookies that are for it, and keeps those that come back.
    pub(crate) async fn send(
        &self,
        host: Host,
        path: &str,
        mut request: Request<'_>,
    ) -> Result<Response, SessionError> {
        if let Some(cookies) = self.jar().header(host, path) {
            request = request.header("Cookie", &cookies);
        }
        let answer = request.send().await?;
        let now = self.now();
        for header in answer.set_cookies() {
            let value = header.split(';').next().and_then(|pair| pair.split_once('='));
            if let Some((_, value)) = value {
                self.redactor.learn(value);
            }
            self.jar().take(host, &header, now);
        }
        Ok(answer)
    }

    /// Sends a request to the portal; again where that says that the session has expired, since nothing was done then, and
    /// a session that has really expired is refused each time.
    async fn send_to_portal<'r>(
        &'r self,
        path: &str,
        request: impl Fn() -> Result<Request<'r>, serde_json::Error>,
    ) -> Result<Response, SessionError> {
        for pause in SESSION_PAUSES {
            let answer = self.send(Host::Portal, path, request()?).await?;
            if !says_expired(&answer) {
                return Ok(answer);
            }
            tracing::debug!("{path}: the portal says that the session has expired; asking again");
            tokio::time::sleep(pause).await;
        }
        self.send(Host::Portal, path, request()?).await
    }

    pub(crate) fn portal(&self) -> &Client {
        &self.portal
    }

    /// Waits until no other change is under way.
    pub(crate) async fn one_change(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Sends a request of the newer services with the newest token, whatever it was given for; once more where the session
    /// turned out to have ended.
    pub(crate) async fn send_v1<'r>(
        &'r self,
        path: &str,
        request: impl Fn() -> Result<Request<'r>, serde_json::Error>,
    ) -> Result<Response, SessionError> {
        let mut renewed = false;
        loop {
            let generation = *self.renewals.lock().await;
            let with_token = || {
                let mut request = request()?;
                let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some(token) = newest {
                    request = request
                        .header("csrf", &token.csrf)
                        .header("csrf_ts", &token.csrf_ts);
                }
                Ok(request)
            };
            let answer = self.send_to_portal(path, with_token).await?;
            self.note_token(None, &answer);
            if answer.status.as_u16() == 401 && !renewed {
                renewed = true;
                self.renew(generation).await?;
                continue;
            }
            return Ok(answer);
        }
    }

    /// Keeps the pair of headers against forged requests that an answer carries.
    fn note_token(&self, kind: Option<Kind>, answer: &Response) {
        if let (true, Some(csrf), Some(csrf_ts)) = (
            answer.status.is_success(),
            answer.header("csrf"),
            answer.header("csrf_ts"),
        ) {
            self.redactor.learn(csrf);
            let token = Token {
                csrf: csrf.into(),
                csrf_ts: csrf_ts.into(),
            };
            *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
            if let Some(kind) = kind {
                self.tokens().insert(kind, token);
            }
        }
    }

    async fn list_teams(&self) -> Result<Vec<Team>, SessionError> {
        let path = format!("{SERVICES}/account/listTeams.action");
        let request = || {
            let request = self.portal.request(Method::POST, &path);
            Ok(request.repeatable().form([] as [(&str, &str); 0]))
        };
        let answer = self.send_to_portal(&path, request).await?;
        // It makes a session of App Store Connect one of the portal, too, and brings the first pair of headers (rork #1901).
        self.note_token(None, &answer);
        envelope::read(answer.status.as_u16(), &answer.text(), "teams").map_err(SessionError::Portal)
    }

    /// Asks a service, and takes `payload` out of what it answers.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        payload: &'static str,
    ) -> Result<T, SessionError> {
        self.execute(call, Method::POST, |answer| {
            envelope::read(answer.status.as_u16(), &answer.text(), payload)
        })
        .await
    }

    /// Tells a service to do something whose answer says only whether it worked.
    pub(crate) async fn perform(&self, call: &Call<'_>) -> Result<(), SessionError> {
        self.execute(call, Method::POST, |answer| {
            envelope::check(answer.status.as_u16(), &answer.text()).map(drop)
        })
        .await
    }

    /// Fetches a file, which `is_right` recognises.
    pub(crate) async fn download(
        &self,
        call: &Call<'_>,
        is_right: fn(&[u8]) -> bool,
    ) -> Result<Vec<u8>, SessionError> {
        self.execute(call, Method::GET, |answer| {
            if answer.status.is_success() && is_right(answer.bytes()) {
                return Ok(answer.bytes().to_vec());
            }
            let refusal = envelope::check(answer.status.as_u16(), &answer.text()).err();
            Err(refusal.unwrap_or(Refusal::Lacks("the file")))
        })
        .await
    }

    /// Carries a call out; once more where the session or the token against forged requests turned out to be too old,
    /// since the portal did nothing then.
    async fn execute<T>(
        &self,
        call: &Call<'_>,
        method: Method,
        read: impl Fn(&Response) -> Result<T, Refusal>,
    ) -> Result<T, SessionError> {
        let _turn = if call.writes {
            Some(self.turn.lock().await)
        } else {
            None
        };
        if call.writes && !self.tokens().contains_key(&call.kind) {
            self.fetch_token(call).await?;
        }
        let (mut renewed, mut refreshed) = (false, false);
        let mut call = call.clone();
        let mut pauses = PAUSES.iter();
        loop {
            let generation = *self.renewals.lock().await;
            let answer = self.once(&call, method.clone()).await?;
            match read(&answer) {
                Err(Refusal::Expired) if !renewed => {
                    renewed = true;
                    self.renew(generation).await?;
                }
                Err(Refusal::Token) if !refreshed => {
                    refreshed = true;
                    call.kind = call.other_kind.unwrap_or(call.kind);
                    self.fetch_token(&call).await?;
                }
                // Outages come with every status, 200 included; those with 5xx were tried again already.
                Err(Refusal::Unavailable(status)) if !call.writes && status < 500 => match pauses.next() {
                    Some(pause) => {
                        tracing::debug!("{}: a page instead of an answer; trying again", call.path);
                        tokio::time::sleep(*pause).await;
                    }
                    None => return Err(SessionError::Portal(Refusal::Unavailable(status))),
                },
                outcome => return outcome.map_err(SessionError::Portal),
            }
        }
    }

    async fn once(&self, call: &Call<'_>, method: Method) -> Result<Response, SessionError> {
        let path = format!("{SERVICES}/{}", call.path);
        let request = || {
            let mut request = self.portal.request(method.clone(), &path);
            let token = self.tokens().get(&call.kind).cloned();
            if let Some(token) = token {
                request = request
                    .header("csrf", &token.csrf)
                    .header("csrf_ts", &token.csrf_ts);
            }
            request = if method == Method::GET {
                request.query(call.pairs.iter().map(|(key, value)| (*key, value.as_str())))
            } else {
                request.form(call.pairs.iter().map(|(key, value)| (*key, value.as_str())))
            };
            Ok(if call.writes {
                request
            } else {
                request.repeatable()
            })
        };
        let answer = self.send_to_portal(&path, request).await?;
        self.note_token(Some(call.kind), &answer);
        Ok(answer)
    }

    /// Lists one thing of the kind: the answer carries a new token.
    async fn fetch_token(&self, call: &Call<'_>) -> Result<(), SessionError> {
        let (path, payload) = call.kind.list();
        let team = call.pairs.iter().find(|(key, _)| *key == "teamId").cloned();
        let mut pairs = vec![
            ("pageNumber", "1".to_owned()),
            ("pageSize", "1".to_owned()),
            ("sort", "name=asc".to_owned()),
        ];
        pairs.extend(team);
        let list = Call {
            kind: call.kind,
            other_kind: None,
            path,
            pairs,
            writes: false,
        };
        let answer = self.once(&list, Method::POST).await?;
        let listed: Result<serde_json::Value, Refusal> =
            envelope::read(answer.status.as_u16(), &answer.text(), payload);
        listed.map(drop).map_err(SessionError::Portal)
    }

    /// Signs in again during a run: once for all requests that wait for it, and once per run.
    async fn renew(&self, generation: u32) -> Result<(), SessionError> {
        let mut renewals = self.renewals.lock().await;
        if *renewals > generation {
            return Ok(());
        }
        if *renewals > 0 {
            return Err(SessionError::Portal(Refusal::Expired));
        }
        tracing::warn!("The session expired during the run; signing in again.");
        self.sign_in().await?;
        *renewals += 1;
        self.tokens().clear();
        Ok(())
    }
}
