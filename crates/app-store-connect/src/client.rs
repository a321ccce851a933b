//! Sending calls.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use redaction::Redactor;
use serde::de::DeserializeOwned;
use transport::{Client as Http, Journal, Policy, Response, StatusCode, Url};

use crate::call::Call;
use crate::document::{Many, Resource};
use crate::error::{Error, Refusal};
use crate::token::{Credentials, Tokens};

const TEAM_HOST: &str = "https://api.appstoreconnect.apple.com";
const ENTERPRISE_HOST: &str = "https://api.enterprise.developer.apple.com";

/// Apple's agreements answer is now and then a mistake that the next answer corrects.
const AGREEMENT_ATTEMPTS: u32 = 3;

/// Pauses before a request that was answered 401 is sent again with a new token. Good keys are refused in waves (go-xcode
/// and fastlane try again, too: facts of 2026-11), and a token may have run out on its way.
const FRESH_TOKEN_PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(1500),
];

/// The pause between those attempts.
const AGREEMENT_PAUSE: Duration = Duration::from_secs(1);

/// More pages than any list has: 200 resources each.
const MOST_PAGES: u64 = 1000;

/// More than any list has, in bytes over all pages.
const LARGEST_LIST: usize = 256 << 20;

/// How a client is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the API is, when not at Apple.
    pub base_url: Option<Url>,
    /// What learns the tokens.
    pub redactor: Redactor,
    /// Where requests are noted.
    pub journal: Journal,
    /// How patient it is.
    pub policy: Policy,
}

/// A client for one key. Clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct Client {
    http: Http,
    tokens: Arc<Tokens>,
    redactor: Redactor,
}

impl Client {
    /// A client that signs with `credentials`.
    ///
    /// # Errors
    /// When the key can't sign, or the machine has no CA certificates.
    pub fn new(credentials: Credentials, options: Options) -> Result<Self, Error> {
        let host = if credentials.enterprise {
            ENTERPRISE_HOST
        } else {
            TEAM_HOST
        };
        let base = options.base_url.map_or_else(|| transport::base_url(host), Ok)?;
        let http = Http::builder(base)
            .journal(options.journal)
            .policy(options.policy)
            .build()?;
        Ok(Self {
            http,
            tokens: Arc::new(Tokens::new(credentials)?),
            redactor: options.redactor,
        })
    }

    /// The client below: its journal and rate budget.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Sends one call.
    ///
    /// # Errors
    /// When Apple refuses, or no usable answer comes.
    pub async fn send<C: Call>(&self, call: &C) -> Result<C::Answer, Error> {
        let response = self.exchange(call, &call.path(), &call.query()).await?;
        // A deletion is answered with nothing at all; where an answer is due, nothing is a broken one.
        if response.bytes().is_empty()
            && let Ok(nothing) = serde_json::from_str("null")
        {
            return Ok(nothing);
        }
        Ok(response.json()?)
    }

    /// All resources of a list, over all pages, with their included resources.
    ///
    /// # Errors
    /// As [`Client::send`], and when the pages have no end, lead elsewhere, or lack what the list says it has. Apple's
    /// cursors now and then break in the middle of a list; then it is read again, once, in a fixed order.
    pub async fn items<A, C>(&self, call: &C) -> Result<Many<A>, Error>
    where
        A: DeserializeOwned,
        C: Call<Answer = Many<A>>,
    {
        let mut query = call.query();
        let all = match self.pages(call, query.clone()).await {
            Err(error) if error.is_invalid_cursor() => {
                tracing::debug!(
                    "{}: the cursor broke; reading the list again, sorted",
                    call.path()
                );
                query.push(("sort", "id".to_owned()));
                self.pages(call, query.clone()).await?
            }
            result => result?,
        };
        if !is_short(&all) {
            return Ok(all);
        }
        tracing::debug!(
            "{}: the list has fewer items than its total; reading it again",
            call.path()
        );
        let all = self.pages(call, query).await?;
        if !is_short(&all) {
            return Ok(all);
        }
        let (listed, total) = (all.data.len(), all.total().unwrap_or_default());
        let what = format!("Apple reports {total} entries, but lists {listed}");
        if listed == 0 {
            return Err(Error::List {
                path: call.path(),
                what,
            });
        }
        tracing::warn!("The list {} may be incomplete: {what}.", call.path());
        Ok(all)
    }

    async fn pages<A, C>(&self, call: &C, query: Vec<(&'static str, String)>) -> Result<Many<A>, Error>
    where
        A: DeserializeOwned,
        C: Call<Answer = Many<A>>,
    {
        let unreadable = |what: String| Error::List {
            path: call.path(),
            what,
        };
        let first = self.exchange(call, &call.path(), &query).await?;
        let mut bytes = first.bytes().len();
        let mut all: Many<A> = first.json()?;
        let mut seen = BTreeSet::new();
        while let Some(next) = all.links.next.take() {
            if !self.http.leads_to(&next, &call.path()) {
                return Err(unreadable("the link to the next page leads elsewhere".to_owned()));
            }
            // Every page has an entry at least.
            let most = all
                .total()
                .map_or(MOST_PAGES, |total| total.saturating_add(1).min(MOST_PAGES));
            if !seen.insert(next.clone()) || seen.len() as u64 > most {
                return Err(unreadable(format!("it does not end after {} pages", seen.len())));
            }
            let page = match self.exchange(call, &next, &[]).await {
                // A link past the end says no more than that the list has ended.
                Err(error) if error.is_invalid_cursor() && ends_here(&all.data) => break,
                result => result?,
            };
            bytes += page.bytes().len();
            if bytes > LARGEST_LIST {
                return Err(unreadable(format!("it is larger than {} MB", LARGEST_LIST >> 20)));
            }
            let page: Many<A> = page.json()?;
            if page.data.is_empty() {
                break;
            }
            all.data.extend(page.data);
            all.included.extend(page.included);
            all.links = page.links;
        }
        Ok(all)
    }

    async fn exchange<C: Call>(
        &self,
        call: &C,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<Response, Error> {
        let mut fresh_token_pauses = FRESH_TOKEN_PAUSES.iter();
        let mut agreement_attempts = 1;
        loop {
            let token = self.tokens.token(clock::now().unix_timestamp())?;
            self.redactor.learn_secret(&token);
            let pairs = query.iter().map(|(key, value)| (*key, value.as_str()));
            let mut request = self.http.request(call.method(), path).query(pairs).bearer(token);
            if let Some(body) = call.body() {
                request = request.json(&body)?;
            }
            let response = request.send().await?;
            if response.status.is_success() {
                return Ok(response);
            }
            let refusal = Refusal::new(call.method().as_str(), &call.path(), &response);
            if response.status == StatusCode::UNAUTHORIZED
                && let Some(pause) = fresh_token_pauses.next()
            {
                self.tokens.renew();
                tokio::time::sleep(*pause).await;
            } else if refusal.is_agreement() && agreement_attempts < AGREEMENT_ATTEMPTS {
                agreement_attempts += 1;
                tokio::time::sleep(AGREEMENT_PAUSE).await;
            } else {
                return Err(Error::Refused(Box::new(refusal)));
            }
        }
    }
}

/// Whether a list lacks entries that it says it has.
fn is_short<A>(all: &Many<A>) -> bool {
    all.total().is_some_and(|total| total > all.data.len() as u64)
}

/// Whether a list can have ended: Apple fills every page but the last.
fn ends_here<A>(items: &[Resource<A>]) -> bool {
    !items.is_empty() && !items.len().is_multiple_of(200)
}
