//! Sending a request: attempts, pauses, and limits.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::time::timeout;
use url::Url;

use crate::client::Client;
use crate::error::{certificate_fault, chain, lacks_authorities, lacks_proxy_credentials, seconds};
use crate::policy::{Attempt, Outcome, Verdict, judge};
use crate::response::{Fault, Response};
use crate::{Error, accepted, shown};

/// A body that comes slower than this, in bytes per second, after that time is given up.
const SLOWEST: u64 = 16 * 1024;

/// Pauses from here on are worth a line in the log.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// More redirects than anybody needs.
const MOST_HOPS: usize = 5;

/// A request that has not been sent yet.
#[derive(Debug)]
pub struct Request<'a> {
    pub(crate) client: &'a Client,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, SecretString)>,
    pub(crate) bearer: Option<SecretString>,
    pub(crate) body: Option<(String, Bytes)>,
    pub(crate) repeatable: bool,
    pub(crate) once: bool,
    pub(crate) redirect_is_answer: bool,
}

/// What one attempt came to.
enum Ended {
    /// An answer.
    Answered(Response),
    /// No answer, or half of one; another attempt may do better.
    Failed(Outcome, String),
    /// Something that no other attempt changes.
    Hopeless(Error),
}

impl Request<'_> {
    /// Says that doing it twice is the same as doing it once, although it is no `GET`: some services read with `POST`.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Says that it must not be sent a second time, whatever the answer is: an attempt at a password counts even where the
    /// server says that there were too many.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
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

    /// Authorizes the request with a bearer token.
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

    /// Sends `body` as JSON under a specific media type, such as `application/vnd.api+json`.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn json_as<T: Serialize>(mut self, media_type: &str, body: &T) -> Result<Self, serde_json::Error> {
        self.body = Some((media_type.to_owned(), serde_json::to_vec(body)?.into()));
        Ok(self)
    }

    /// Takes a redirect for the answer, for callers that need its `Location`; it is never followed.
    #[must_use]
    pub fn redirect_is_answer(mut self) -> Self {
        self.redirect_is_answer = true;
        self
    }

    fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().to_owned()
    }

    /// Host and path for people; the host alone where the path may be a secret.
    fn place(&self) -> String {
        if self.client.only_host_shown {
            self.host()
        } else {
            format!("{}{}", self.host(), self.url.path())
        }
    }

    /// Sends it, as often as the policy allows, and reads the whole answer.
    ///
    /// # Errors
    /// When no usable answer came, or a write may have taken effect. An answer with a bad status is an answer.
    pub async fn send(self) -> Result<Response, Error> {
        let policy = self.client.policy;
        let (method, place) = (self.method.to_string(), self.place());
        let activity = tracing::info_span!(
            "activity",
            what = format!("waiting for {}", self.host()),
            state = tracing::field::Empty
        );
        let started = Instant::now();
        let mut asked_for = Duration::ZERO;
        let mut number = 0;
        loop {
            number += 1;
            if let Some(pause) = self.client.budget.pause() {
                tracing::debug!(
                    "the hourly request limit is almost used up; waiting {}",
                    seconds(pause)
                );
                tokio::time::sleep(pause).await;
            }
            let (outcome, reason, answer) = match self.attempt().await {
                Ended::Answered(response) => {
                    let outcome = Outcome::Answered(response.status, response.retry_after());
                    (outcome, format!("HTTP {}", response.status), Some(response))
                }
                Ended::Failed(outcome, reason) => (outcome, reason, None),
                Ended::Hopeless(error) => return Err(error),
            };
            let attempt = Attempt {
                number,
                repeatable: self.repeatable,
                outcome,
            };
            let mut verdict = judge(&policy, attempt, fastrand::f64());
            if let Verdict::Again(pause) = verdict {
                let is_asked = matches!(outcome, Outcome::Answered(_, Some(_)));
                let worked = started.elapsed().saturating_sub(asked_for);
                asked_for += if is_asked { pause } else { Duration::ZERO };
                let is_over = (self.once && outcome != Outcome::NotSent)
                    || worked > policy.patience
                    || asked_for > policy.longest_retry_after.saturating_add(policy.first_pause);
                if is_over {
                    verdict = if answer.is_some() {
                        Verdict::Done
                    } else {
                        Verdict::GiveUp
                    };
                } else {
                    let line = format!("{method} {place}: {reason}; retrying in {}", seconds(pause));
                    if pause >= LONG_PAUSE {
                        tracing::info!("{line}");
                    } else {
                        tracing::debug!("{line}");
                    }
                    activity.record(
                        "state",
                        format!("{reason}, attempt {} of {}", number + 1, policy.attempts),
                    );
                    tokio::time::sleep(pause).await;
                    continue;
                }
            }
            return match (verdict, answer) {
                (Verdict::Done, Some(response)) => Ok(response),
                (Verdict::Unknown, _) => Err(Error::OutcomeUnknown {
                    method,
                    place,
                    reason,
                }),
                _ => Err(Error::Unreachable {
                    method,
                    place,
                    attempts: number,
                    reason,
                }),
            };
        }
    }

    /// Sends it once, and follows redirects that are safe to follow.
    async fn attempt(&self) -> Ended {
        let mut url = self.url.clone();
        for _ in 0..=MOST_HOPS {
            let response = match self.exchange(&url).await {
                Ended::Answered(response) => response,
                other => return other,
            };
            let location = response.header(LOCATION.as_str()).map(str::to_owned);
            let is_followed = is_redirect(response.status) && !self.redirect_is_answer;
            let Some(location) = location.filter(|_| is_followed) else {
                return Ended::Answered(response);
            };
            match self.followed(&url, &location) {
                Some(next) => url = next,
                None => {
                    let to = url
                        .join(&location)
                        .map_or_else(|_| "an invalid address".to_owned(), |url| shown(&url));
                    return Ended::Hopeless(Error::Redirected {
                        method: self.method.to_string(),
                        place: self.place(),
                        to,
                    });
                }
            }
        }
        Ended::Hopeless(Error::Unexpected {
            method: self.method.to_string(),
            place: self.place(),
            what: format!("more than {MOST_HOPS} redirects"),
        })
    }

    /// Where a redirect leads, if it is followed: one that could carry a change or credentials elsewhere is not.
    fn followed(&self, from: &Url, location: &str) -> Option<Url> {
        let next = from.join(location).ok()?;
        let reads = matches!(self.method, Method::GET | Method::HEAD);
        let stays = next.origin() == from.origin();
        let carries_nothing = self.headers.is_empty() && self.bearer.is_none() && self.body.is_none();
        // From the outside to this machine, no.
        let is_safe = accepted(&next) && (next.scheme() == "https" || from.scheme() == "http");
        let is_allowed = stays || (self.client.follows_redirects && carries_nothing && is_safe);
        (reads && is_allowed).then_some(next)
    }

    async fn exchange(&self, url: &Url) -> Ended {
        let started = Instant::now();
        let note = |status: Option<u16>| {
            self.client
                .journal
                .note(self.method.as_str(), &self.place(), status, started);
            if status.is_none() {
                self.trace(url, None, started);
            }
        };
        let mut request = self.client.http.request(self.method.clone(), url.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value.expose_secret());
        }
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some((kind, body)) = &self.body {
            request = request.header(CONTENT_TYPE, kind).body(body.clone());
        }
        let answer = match timeout(self.client.head_timeout, request.send()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                note(None);
                // The URL may carry a token in its query.
                return self.unanswered(error.without_url());
            }
            Err(_) => {
                note(None);
                let reason = format!("no answer within {}", seconds(self.client.head_timeout));
                return Ended::Failed(Outcome::Lost, reason);
            }
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = self.body_of(answer).await;
        note(Some(status.as_u16()));
        tracing::debug!(
            "{} {}: HTTP {status} in {} ms",
            self.method,
            self.place(),
            started.elapsed().as_millis()
        );
        let response = match body {
            Ok(body) => Response {
                status,
                headers,
                body,
                method: self.method.to_string(),
                place: self.place(),
            },
            Err(ended) => {
                self.trace(url, None, started);
                return ended;
            }
        };
        self.trace(url, Some(&response), started);
        if let Some(limit) = response.header("x-rate-limit") {
            self.client.budget.note(limit);
        }
        match response.fault() {
            None => Ended::Answered(response),
            Some(Fault::Truncated) => Ended::Failed(Outcome::Lost, "truncated response".to_owned()),
            // A write took effect, or not: nobody can read what the server says of it.
            Some(Fault::Broken(what)) if !self.repeatable => Ended::Failed(Outcome::Lost, what),
            Some(Fault::Broken(what)) => Ended::Hopeless(Error::Unexpected {
                method: response.method,
                place: response.place,
                what: format!("HTTP {status} and {what}"),
            }),
        }
    }

    /// Keeps the exchange for a support trace, where one is recorded.
    fn trace(&self, url: &Url, response: Option<&Response>, started: Instant) {
        support_trace::record(|| {
            let hidden = self.client.only_host_shown;
            let mut exchange = crate::trace::exchange(&self.method, url, hidden, started);
            if let Some((_, body)) = &self.body {
                exchange.body = support_trace::body(body);
            }
            if let Some(response) = response {
                exchange.status = Some(response.status.as_u16());
                // Files of keys and certificates come from places that only their host is named of; where such a place
                // leads to is one as well.
                if !hidden {
                    exchange.headers = crate::trace::headers(&response.headers);
                    exchange.answer = support_trace::body(&response.body);
                    // The portal gives profiles and certificates as files.
                    if url.path().contains("/download") {
                        exchange.answer_base64 = support_trace::binary(&response.body);
                    }
                }
            }
            support_trace::Event::Exchange(exchange)
        });
    }

    fn unanswered(&self, error: reqwest::Error) -> Ended {
        if let Some(reason) = certificate_fault(&error) {
            return Ended::Hopeless(Error::Certificate {
                method: self.method.to_string(),
                place: self.place(),
                host: self.host(),
                reason,
            });
        }
        if lacks_authorities(&error) {
            return Ended::Hopeless(Error::NoAuthorities {
                method: self.method.to_string(),
                place: self.place(),
            });
        }
        if lacks_proxy_credentials(&error) {
            return Ended::Hopeless(Error::ProxyCredentials {
                method: self.method.to_string(),
                place: self.place(),
            });
        }
        let outcome = if error.is_connect() {
            Outcome::NotSent
        } else {
            Outcome::Lost
        };
        Ended::Failed(outcome, chain(&error))
    }

    /// The body, within limits of size (after decompression) and time.
    async fn body_of(&self, mut answer: reqwest::Response) -> Result<Bytes, Ended> {
        let started = Instant::now();
        let most = self.client.largest_answer;
        let too_large = || {
            Ended::Hopeless(Error::TooLarge {
                method: self.method.to_string(),
                place: self.place(),
                limit: format!("{} MB", most >> 20),
            })
        };
        if answer.content_length().is_some_and(|length| length > most as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        loop {
            let earned = Duration::from_secs(body.len() as u64 / SLOWEST);
            let left = (self.client.body_timeout + earned).saturating_sub(started.elapsed());
            let chunk = match timeout(left, answer.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return Ok(body.freeze()),
                Ok(Err(error)) => {
                    return Err(Ended::Failed(Outcome::Lost, chain(&error.without_url())));
                }
                Err(_) => {
                    let reason = format!(
                        "the response is too slow: {} bytes in {}",
                        body.len(),
                        seconds(started.elapsed())
                    );
                    return Err(Ended::Failed(Outcome::Lost, reason));
                }
            };
            if body.len() + chunk.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
