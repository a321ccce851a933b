//! Sending calls.

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

/// The pause between those attempts.
const AGREEMENT_PAUSE: Duration = Duration::from_secs(1);

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
        // A deletion is answered with nothing at all.
        if response.bytes().is_empty() {
            return Ok(serde_json::from_str("null")?);
        }
        Ok(response.json()?)
    }

    /// All resources of a list, over all pages, with their included resources.
    ///
    /// # Errors
    /// As [`Client::send`]. Apple's cursors now and then break in the middle of a list; then it is read
    /// again, once, in a fixed order.
    pub async fn items<A, C>(&self, call: &C) -> Result<Many<A>, Error>
    where
        A: DeserializeOwned,
        C: Call<Answer = Many<A>>,
    {
        match self.pages(call, call.query()).await {
            Err(error) if error.is_invalid_cursor() => {
                tracing::debug!(
                    "{}: the cursor broke; reading the list again, sorted",
                    call.path()
                );
                let mut query = call.query();
                query.push(("sort", "id".to_owned()));
                self.pages(call, query).await
            }
            result => result,
        }
    }

    async fn pages<A, C>(&self, call: &C, query: Vec<(&'static str, String)>) -> Result<Many<A>, Error>
    where
        A: DeserializeOwned,
        C: Call<Answer = Many<A>>,
    {
        let mut all: Many<A> = self.exchange(call, &call.path(), &query).await?.json()?;
        while let Some(next) = all.links.next.take() {
            let page = match self.exchange(call, &next, &[]).await {
                // A link past the end says no more than that the list has ended.
                Err(error) if error.is_invalid_cursor() && ends_here(&all.data) => break,
                result => result?,
            };
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
        let mut renewed = false;
        let mut agreement_attempts = 1;
        loop {
            let token = self
                .tokens
                .token(time::OffsetDateTime::now_utc().unix_timestamp())?;
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
            if response.status == StatusCode::UNAUTHORIZED && !renewed {
                // Good keys are refused in waves, and a token may have run out on its way: once more.
                renewed = true;
                self.tokens.renew();
                tokio::time::sleep(Duration::from_secs(1)).await;
            } else if refusal.is_agreement() && agreement_attempts < AGREEMENT_ATTEMPTS {
                agreement_attempts += 1;
                tokio::time::sleep(AGREEMENT_PAUSE).await;
            } else {
                return Err(Error::Refused(Box::new(refusal)));
            }
        }
    }
}

/// Whether a list can have ended: Apple fills every page but the last.
fn ends_here<A>(items: &[Resource<A>]) -> bool {
    !items.is_empty() && !items.len().is_multiple_of(200)
}
