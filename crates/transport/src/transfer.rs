//! Sending pieces of a large file to URLs that a service hands out.
//!
//! A piece is read from disk while it is sent, so memory stays bounded whatever its size. The URLs carry their own
//! authorization: they are secrets, and no error repeats them.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, RETRY_AFTER};
use reqwest::{Method, StatusCode};

use crate::error::chain;
use crate::tls::{self, Protocols};
use crate::{Error, Journal, base_url};

/// How much is read at once: measured; half of it costs more calls, and four times of it leaves the processor's cache.
const CHUNK: usize = 256 * 1024;

/// A connection over which nothing moved for so long is given up.
const STALL: Duration = Duration::from_secs(60);

/// Sends pieces of files.
#[derive(Debug, Clone)]
pub struct Transfer {
    http: reqwest::Client,
    journal: Journal,
    stall: Duration,
}

/// A piece of a file, and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The file.
    pub file: &'a Path,
    /// Where the piece begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
    /// The method, usually `PUT`.
    pub method: &'a str,
    /// The URL; `https`, or `http` on this machine.
    pub url: &'a str,
    /// The headers that the service asks for.
    pub headers: &'a [(String, String)],
}

/// Why a piece did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The file can't be read.
    #[error("could not read the file")]
    File(#[from] std::io::Error),
    /// The URL or a header is not one that can be sent to.
    #[error("invalid upload URL: {0}")]
    Place(String),
    /// The storage said no.
    #[error("{host} answered {status}")]
    Refused {
        /// The storage's host.
        host: String,
        /// Its answer.
        status: StatusCode,
        /// How long it asks to wait, where it does.
        retry_after: Option<Duration>,
    },
    /// The connection broke.
    #[error("the connection to {host} broke: {reason}")]
    Lost {
        /// The storage's host.
        host: String,
        /// Why.
        reason: String,
    },
    /// Nothing moved for a while.
    #[error("nothing moved on the connection to {host} for {} seconds", .after.as_secs())]
    Stalled {
        /// The storage's host.
        host: String,
        /// For how long.
        after: Duration,
    },
}

impl TransferError {
    /// Whether the permission to send may have run out, so that a new one must be asked for.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.is_client_error() && *status != StatusCode::TOO_MANY_REQUESTS && *status != StatusCode::REQUEST_TIMEOUT)
    }

    /// Whether the storage has more work than it can take: less at once may go through.
    pub fn is_overload(&self) -> bool {
        match self {
            Self::Stalled { .. } => true,
            Self::Refused { status, .. } => {
                matches!(
                    *status,
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
                )
            }
            _ => false,
        }
    }

    /// How long the storage asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether another attempt may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::Stalled { .. } => true,
            Self::Refused { .. } => !self.is_refusal(),
            Self::File(_) | Self::Place(_) => false,
        }
    }
}

impl Transfer {
    /// What sends pieces; each request is noted in `journal`.
    ///
    /// # Errors
    /// When the machine has no usable CA certificates.
    pub fn new(journal: Journal) -> Result<Self, Error> {
        // No read time-out: it would count the whole time that a piece takes to send.
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(Protocols::Http1).map_err(Error::Tls)?)
            .connect_timeout(Duration::from_secs(10))
            .tcp_keepalive(Duration::from_secs(15))
            .http1_only()
            .user_agent(concat!("apple-steps/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(Error::Setup)?;
        Ok(Self {
            http,
            journal,
            stall: STALL,
        })
    }

    /// The same, with another limit of silence.
    #[must_use]
    pub fn with_stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// Sends a piece once. `sent` counts its bytes as they leave; those of a piece that did not arrive are taken
    /// back.
    ///
    /// # Errors
    /// When it did not arrive.
    pub async fn send(&self, piece: Piece<'_>, sent: &Arc<AtomicU64>) -> Result<(), TransferError> {
        let own = Arc::new(AtomicU64::new(0));
        let ended = self.attempt(piece, &own, sent).await;
        if ended.is_err() {
            sent.fetch_sub(own.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        ended
    }

    async fn attempt(
        &self,
        piece: Piece<'_>,
        own: &Arc<AtomicU64>,
        sent: &Arc<AtomicU64>,
    ) -> Result<(), TransferError> {
        let url = base_url(piece.url).map_err(|_| TransferError::Place("its URL is not https".to_owned()))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let method = Method::from_bytes(piece.method.as_bytes())
            .map_err(|_| TransferError::Place(format!("`{}` is no method", piece.method)))?;
        let body = body(piece, Arc::clone(own), Arc::clone(sent))?;
        let traced = url.clone();
        let mut request = self.http.request(method.clone(), url).body(body);
        let is_length = |name: &str| name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str());
        for (name, value) in piece.headers.iter().filter(|(name, _)| !is_length(name)) {
            request = request.header(name, value);
        }
        let request = request.header(CONTENT_LENGTH, piece.length);
        let started = Instant::now();
        let note = |status: Option<u16>| {
            self.journal.note(method.as_str(), &host, status, started);
            support_trace::record(|| {
                let mut exchange = crate::trace::exchange(&method, &traced, false, started);
                exchange.body = format!("<{} bytes from {}, left out>", piece.length, piece.offset);
                exchange.status = status;
                support_trace::Event::Exchange(exchange)
            });
        };
        let answer = tokio::select! {
            answer = request.send() => answer,
            () = stalled(own, self.stall) => {
                note(None);
                return Err(TransferError::Stalled { host, after: self.stall });
            }
        };
        match answer {
            Ok(answer) if answer.status().is_success() => {
                note(Some(answer.status().as_u16()));
                Ok(())
            }
            Ok(answer) => {
                let status = answer.status();
                note(Some(status.as_u16()));
                let asked = answer.headers().get(RETRY_AFTER);
                let asked = asked.and_then(|value| value.to_str().ok()?.trim().parse().ok());
                Err(TransferError::Refused {
                    host,
                    status,
                    retry_after: asked.map(Duration::from_secs),
                })
            }
            Err(error) if error.is_builder() => Err(TransferError::Place("a header is malformed".to_owned())),
            Err(error) => {
                note(None);
                let reason = chain(&error.without_url());
                Err(TransferError::Lost { host, reason })
            }
        }
    }
}

/// The bytes of a piece, read as they are sent.
///
/// They are read where they are sent: what an upload sends was read a moment before, for its checksum, and is in memory.
/// Another thread for each chunk costs more than the reading.
fn body(piece: Piece<'_>, own: Arc<AtomicU64>, sent: Arc<AtomicU64>) -> Result<reqwest::Body, TransferError> {
    let mut file = std::fs::File::open(piece.file)?;
    file.seek(SeekFrom::Start(piece.offset))?;
    let buffers = Buffers::default();
    let stream = futures_util::stream::try_unfold((file, piece.length), move |(mut file, left)| {
        let (own, sent, buffers) = (Arc::clone(&own), Arc::clone(&sent), buffers.clone());
        async move {
            if left == 0 {
                return Ok::<_, std::io::Error>(None);
            }
            let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let chunk = buffers.filled(|bytes| file.read(&mut bytes[..wanted]))?;
            let read = chunk.len() as u64;
            if read == 0 {
                return Err(std::io::Error::other("the file became shorter while it was sent"));
            }
            own.fetch_add(read, Ordering::Relaxed);
            sent.fetch_add(read, Ordering::Relaxed);
            Ok(Some((chunk, (file, left - read))))
        }
    });
    Ok(reqwest::Body::wrap_stream(stream))
}

/// Buffers that are used again once what they held is sent: new ones would cost more than the sending.
#[derive(Debug, Default, Clone)]
struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// A buffer that goes back when it is dropped.
struct Lent {
    bytes: Vec<u8>,
    length: usize,
    home: Buffers,
}

impl Buffers {
    fn filled(&self, fill: impl FnOnce(&mut [u8]) -> std::io::Result<usize>) -> std::io::Result<Bytes> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut lent = Lent {
            bytes: known.unwrap_or_else(|| vec![0; CHUNK]),
            length: 0,
            home: self.clone(),
        };
        lent.length = fill(&mut lent.bytes)?;
        Ok(Bytes::from_owner(lent))
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.home
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(bytes);
    }
}

/// Ends when the count has not changed for `limit`.
async fn stalled(count: &AtomicU64, limit: Duration) {
    let mut last = (count.load(Ordering::Relaxed), Instant::now());
    loop {
        tokio::time::sleep((limit / 10).min(Duration::from_secs(1))).await;
        let now = count.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() >= limit {
            return;
        }
    }
}
