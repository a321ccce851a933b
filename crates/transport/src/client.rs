//! Sending requests.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::chain;
use crate::policy::{Attempt, Outcome, Policy, Verdict, judge};
use crate::{Budget, Error, Journal, tls};

/// Set low to fail quickly where the network is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Apple's slowest answers (profile creation on a large team) take some tens of seconds.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// An HTTP client with a base URL. Clones share connections, journal and budget.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    policy: Policy,
    journal: Journal,
    budget: Budget,
}

/// Sets a [`Client`] up.
#[derive(Debug)]
pub struct ClientBuilder {
    base: Url,
    policy: Policy,
    journal: Journal,
    user_agent: String,
}

impl ClientBuilder {
    /// How patient it is.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Where its requests are noted.
    #[must_use]
    pub fn journal(mut self, journal: Journal) -> Self {
        self.journal = journal;
        self
    }

    /// Its `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// The client.
    ///
    /// # Errors
    /// When the machine has no usable CA certificates.
    pub fn build(self) -> Result<Client, Error> {
        tls::install();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(self.user_agent)
            .build()
            .map_err(Error::Setup)?;
        let (base, policy, journal) = (self.base, self.policy, self.journal);
        Ok(Client {
            http,
            base,
            policy,
            journal,
            budget: Budget::default(),
        })
    }
}

impl Client {
    /// A client for paths below `base`; see [`crate::base_url`].
    pub fn builder(base: Url) -> ClientBuilder {
        let user_agent = concat!("apple-steps/", env!("CARGO_PKG_VERSION")).to_owned();
        ClientBuilder {
            base,
            policy: Policy::default(),
            journal: Journal::default(),
            user_agent,
        }
    }

    /// The same client for another place: to set up a second one would read the machine's CA certificates once more. They
    /// share everything but a rate limit, which each place has of its own.
    #[must_use]
    pub fn elsewhere(&self, base: Url) -> Self {
        Self {
            base,
            budget: Budget::default(),
            ..self.clone()
        }
    }

    /// What was asked so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The rate limit as last announced.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// A request for `path` below the base URL, or for a whole URL such as a paging link.
    ///
    /// A link to another host than the base's is followed on the base's host: credentials go nowhere else.
    pub fn request(&self, method: Method, path: &str) -> Request<'_> {
        let mut url = self.base.clone();
        let (path, query) = match Url::parse(path) {
            Ok(link) => (link.path().to_owned(), link.query().map(str::to_owned)),
            Err(_) => {
                let stem = self.base.path().trim_end_matches('/');
                let (path, query) = path
                    .split_once('?')
                    .map_or((path, None), |(path, query)| (path, Some(query)));
                (
                    format!("{stem}/{}", path.trim_start_matches('/')),
                    query.map(str::to_owned),
                )
            }
        };
        url.set_path(&path);
        url.set_query(query.as_deref());
        Request {
            client: self,
            repeatable: matches!(method, Method::GET | Method::HEAD),
            method,
            url,
            headers: Vec::new(),
            bearer: None,
            body: None,
        }
    }
}

/// A request that has not been sent yet.
#[derive(Debug)]
pub struct Request<'a> {
    client: &'a Client,
    method: Method,
    url: Url,
    headers: Vec<(String, SecretString)>,
    bearer: Option<SecretString>,
    body: Option<(String, Bytes)>,
    repeatable: bool,
}

impl Request<'_> {
    /// Says that doing it twice is the same as doing it once, although it is no `GET`: some services read with `POST`.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Sends `pairs` as a form.
    #[must_use]
    pub fn form<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        self.body = Some(("application/x-www-form-urlencoded".to_owned(), text.into()));
        self
    }

    /// Adds query parameters.
    #[must_use]
    pub fn query<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    /// Adds a header; its value may be a secret.
    #[must_use]
    pub fn header(mut self, name: &str, value: &SecretString) -> Self {
        self.headers.push((name.to_owned(), value.clone()));
        self
    }

    /// Authorises the request with a bearer token.
    #[must_use]
    pub fn bearer(mut self, token: SecretString) -> Self {
        self.bearer = Some(token);
        self
    }

    /// Sends `body` as JSON.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn json<T: Serialize>(mut self, body: &T) -> Result<Self, serde_json::Error> {
        self.body = Some(("application/json".to_owned(), serde_json::to_vec(body)?.into()));
        Ok(self)
    }

    fn place(&self) -> String {
        format!("{}{}", self.url.host_str().unwrap_or_default(), self.url.path())
    }

    /// Sends it, as often as the policy allows, and reads the whole answer.
    ///
    /// # Errors
    /// When no answer came, or a write may have taken effect. An answer with a bad status is an answer.
    pub async fn send(self) -> Result<Response, Error> {
        let mut number = 0;
        loop {
            number += 1;
            if let Some(pause) = self.client.budget.pause() {
                tracing::debug!(
                    "the hourly budget of requests is almost used up: waiting {} ms",
                    pause.as_millis()
                );
                tokio::time::sleep(pause).await;
            }
            let (outcome, answer) = self.attempt().await;
            let attempt = Attempt {
                number,
                repeatable: self.repeatable,
                outcome,
            };
            let reason = match &answer {
                Ok(response) => format!("HTTP {}", response.status),
                Err(reason) => reason.clone(),
            };
            let (method, place) = (self.method.to_string(), self.place());
            match (judge(&self.client.policy, attempt, fastrand::f64()), answer) {
                (Verdict::Done, Ok(response)) => return Ok(response),
                (Verdict::Again(pause), _) => {
                    tracing::debug!(
                        "{method} {place}: {reason}; trying again in {} ms",
                        pause.as_millis()
                    );
                    tokio::time::sleep(pause).await;
                }
                (Verdict::Unknown, _) => {
                    return Err(Error::OutcomeUnknown {
                        method,
                        place,
                        reason,
                    });
                }
                (Verdict::Done | Verdict::GiveUp, _) => {
                    return Err(Error::Unreachable {
                        method,
                        place,
                        attempts: number,
                        reason,
                    });
                }
            }
        }
    }

    async fn attempt(&self) -> (Outcome, Result<Response, String>) {
        let started = Instant::now();
        let note = |status| {
            self.client
                .journal
                .note(self.method.as_str(), &self.place(), status, started);
        };
        let mut request = self.client.http.request(self.method.clone(), self.url.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value.expose_secret());
        }
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some((kind, body)) = &self.body {
            request = request.header(CONTENT_TYPE, kind).body(body.clone());
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                note(None);
                let outcome = if error.is_connect() {
                    Outcome::NotSent
                } else {
                    Outcome::Lost
                };
                // The URL may carry a token in its query.
                return (outcome, Err(chain(&error.without_url())));
            }
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        if let Some(limit) = header(&headers, "x-rate-limit") {
            self.client.budget.note(limit);
        }
        let body = answer.bytes().await;
        note(Some(status.as_u16()));
        tracing::debug!(
            "{} {}: HTTP {status} in {} ms",
            self.method,
            self.place(),
            started.elapsed().as_millis()
        );
        let body = match body {
            Ok(body) => body,
            Err(error) => return (Outcome::Lost, Err(chain(&error.without_url()))),
        };
        let is_json = header(&headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"));
        if is_json && status.is_success() && serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err() {
            return (
                Outcome::Lost,
                Err("the answer broke off in the middle".to_owned()),
            );
        }
        let asked = header(&headers, RETRY_AFTER.as_str()).and_then(|text| text.trim().parse().ok());
        let response = Response {
            status,
            headers,
            body,
            method: self.method.to_string(),
            place: self.place(),
        };
        (
            Outcome::Answered(status, asked.map(Duration::from_secs)),
            Ok(response),
        )
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Bytes,
    method: String,
    place: String,
}

impl Response {
    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What the answer sets, in the words of its `Set-Cookie` headers.
    pub fn set_cookies(&self) -> Vec<String> {
        let all = self.headers.get_all(reqwest::header::SET_COOKIE).iter();
        all.filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect()
    }

    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// When it is something else; a web page is told apart.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let start = self.body.trim_ascii_start();
            let what = if start.first() == Some(&b'<') {
                format!("HTTP {} and a web page instead of JSON", self.status)
            } else {
                format!("HTTP {} and unexpected content: {error}", self.status)
            };
            Error::Unexpected {
                method: self.method.clone(),
                place: self.place.clone(),
                what,
            }
        })
    }
}
