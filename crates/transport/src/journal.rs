//! What was asked, what came back, and how long it took: for reports and debug logs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One attempt of one request.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The request's method.
    pub method: String,
    /// Host and path, without the query.
    pub place: String,
    /// The answer's status; `None` when no answer came.
    pub status: Option<u16>,
    /// When it began, counted from the journal's first use.
    pub started: Duration,
    /// How long it took.
    pub duration: Duration,
}

/// The requests of a run; clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    began: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            entries: Arc::default(),
        }
    }
}

impl Journal {
    pub(crate) fn note(&self, method: &str, place: &str, status: Option<u16>, started: Instant) {
        let entry = Entry {
            method: method.to_owned(),
            place: place.to_owned(),
            status,
            started: started.saturating_duration_since(self.began),
            duration: started.elapsed(),
        };
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
    }

    /// Everything so far, in the order in which the answers came.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
