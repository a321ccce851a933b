//! Setting a client up.

use std::time::Duration;

use reqwest::Method;
use url::Url;

use crate::DownloadError;
use crate::policy::Policy;
use crate::request::Request;
use crate::response::Response;
use crate::tls::{self, Protocols};
use crate::{Budget, Error, Journal, accepted, shown};

/// Set low to fail quickly where the network is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the head of an answer may take: Apple's slowest take some tens of seconds.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a body may take, whatever its size; a large one that comes fast enough gets more.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Larger than any real answer, in bytes: a page of bundle IDs brings the files of up to 50 profiles for each.
const LARGEST_ANSWER: usize = 64 << 20;

/// Larger than any certificate or key file, in bytes.
const LARGEST_DOWNLOAD: usize = 16 << 20;

/// An HTTP client with a base URL. Clones share connections, journal and budget.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    base: Url,
    pub(crate) policy: Policy,
    pub(crate) journal: Journal,
    pub(crate) budget: Budget,
    pub(crate) largest_answer: usize,
    pub(crate) follows_redirects: bool,
    pub(crate) only_host_shown: bool,
    pub(crate) head_timeout: Duration,
    pub(crate) body_timeout: Duration,
}

/// Sets a [`Client`] up.
#[derive(Debug)]
pub struct ClientBuilder {
    base: Url,
    policy: Policy,
    journal: Journal,
    user_agent: String,
    largest_answer: usize,
    follows_redirects: bool,
    only_host_shown: bool,
    head_timeout: Duration,
    body_timeout: Duration,
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

    /// How many bytes an answer may have, decompressed; 64 MB where nothing else is said.
    #[must_use]
    pub fn largest_answer(mut self, bytes: usize) -> Self {
        self.largest_answer = bytes;
        self
    }

    /// Follows redirects to other hosts, for requests that carry neither credentials nor a body; never from https to http.
    #[must_use]
    pub fn follow_redirects(mut self) -> Self {
        self.follows_redirects = true;
        self
    }

    /// Names the host alone in errors and logs: for URLs whose path may be a secret.
    #[must_use]
    pub fn show_only_host(mut self) -> Self {
        self.only_host_shown = true;
        self
    }

    /// How long the head of an answer may take, and its body beyond what its size accounts for; 60 and 30 seconds where
    /// nothing else is said.
    #[must_use]
    pub fn timeouts(mut self, head: Duration, body: Duration) -> Self {
        (self.head_timeout, self.body_timeout) = (head, body);
        self
    }

    /// The client.
    ///
    /// # Errors
    /// When the base URL is not https or this machine's, or the machine has no usable CA certificates.
    pub fn build(self) -> Result<Client, Error> {
        if !accepted(&self.base) {
            return Err(Error::BaseUrl {
                shown: shown(&self.base),
            });
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(Protocols::All).map_err(Error::Tls)?)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(self.user_agent)
            // Followed here, where it is known what a request carries.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(Error::Setup)?;
        Ok(Client {
            http,
            base: self.base,
            policy: self.policy,
            journal: self.journal,
            budget: Budget::default(),
            largest_answer: self.largest_answer,
            follows_redirects: self.follows_redirects,
            only_host_shown: self.only_host_shown,
            head_timeout: self.head_timeout,
            body_timeout: self.body_timeout,
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
            largest_answer: LARGEST_ANSWER,
            follows_redirects: false,
            only_host_shown: false,
            head_timeout: HEAD_TIMEOUT,
            body_timeout: BODY_TIMEOUT,
        }
    }

    /// The same client for another place: to set up a second one would read the machine's CA certificates once more. They
    /// share everything but a rate limit, which each place has separately.
    #[must_use]
    pub fn elsewhere(&self, base: Url) -> Self {
        Self {
            base,
            budget: Budget::default(),
            ..self.clone()
        }
    }

    /// The base URL.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// What was asked so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The rate limit as last announced.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Whether a link of an answer leads to the base's host and to `path` below it. The port does not count: a server
    /// behind a proxy may not know by which it was reached.
    pub fn leads_to(&self, link: &str, path: &str) -> bool {
        let Ok(link) = self.base.join(link) else {
            return false;
        };
        let stem = self.base.path().trim_end_matches('/');
        let wanted = format!("{stem}/{}", path.trim_start_matches('/'));
        link.host() == self.base.host() && link.scheme() == self.base.scheme() && link.path() == wanted
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
            once: false,
            redirect_is_answer: false,
            method,
            url,
            headers: Vec::new(),
            bearer: None,
            body: None,
        }
    }
}

/// Fetches the file that a URL names, such as a certificate in a storage bucket: at most 16 MB, without credentials of
/// ours, over redirects that stay on https. Errors name the host alone, since the rest of the URL may be a secret.
///
/// # Errors
/// When the URL is neither https nor on this machine, or there is no file.
pub async fn download(url: &Url) -> Result<Response, DownloadError> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let client = Client::builder(url.clone())
        .largest_answer(LARGEST_DOWNLOAD)
        .follow_redirects()
        .show_only_host()
        .build();
    let answer = match client {
        Ok(client) => client.request(Method::GET, url.as_str()).send().await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) if answer.status.is_success() => Ok(answer),
        Ok(answer) => Err(DownloadError::Status {
            host,
            status: answer.status.as_u16(),
        }),
        Err(source) => Err(DownloadError::NoAnswer {
            host,
            source: Box::new(source),
        }),
    }
}
