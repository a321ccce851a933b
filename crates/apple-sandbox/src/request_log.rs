//! The log of requests: the newest of them, within a number and a size.

use std::ops::Deref;

use serde::Serialize;

/// Requests beyond so many, or so many bytes of them, are forgotten from the oldest on.
const MOST: usize = 5000;
const LARGEST: usize = 32 << 20;

/// A request that was served.
#[derive(Debug, Clone, Serialize)]
pub struct Logged {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query as it came.
    pub query: String,
    /// The body as it came, where it was text.
    pub body: String,
    /// The answer's status; 0 for a connection that was broken.
    pub status: u16,
    /// The answer's body, where it was text.
    pub answer: String,
    /// Why it was refused, or which fault struck; empty for most requests.
    pub reason: String,
}

impl Logged {
    fn size(&self) -> usize {
        let texts = [
            &self.method,
            &self.path,
            &self.query,
            &self.body,
            &self.answer,
            &self.reason,
        ];
        texts.iter().map(|text| text.len()).sum::<usize>() + size_of::<Self>()
    }
}

/// What was asked, oldest first. It is read as a slice.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct RequestLog {
    requests: Vec<Logged>,
    /// How many bytes they take.
    #[serde(skip)]
    size: usize,
}

impl RequestLog {
    /// Writes a request down, and forgets old ones where there are too many.
    pub(crate) fn note(&mut self, request: Logged) {
        self.size += request.size();
        self.requests.push(request);
        if self.requests.len() <= MOST && self.size <= LARGEST {
            return;
        }
        let mut forgotten = 0;
        while self.requests.len() - forgotten > MOST / 2 || self.size > LARGEST / 2 {
            let Some(request) = self.requests.get(forgotten) else {
                break;
            };
            self.size -= request.size();
            forgotten += 1;
        }
        self.requests.drain(..forgotten);
    }

    /// Forgets every request.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Deref for RequestLog {
    type Target = [Logged];

    fn deref(&self) -> &[Logged] {
        &self.requests
    }
}

impl<'a> IntoIterator for &'a RequestLog {
    type Item = &'a Logged;
    type IntoIter = std::slice::Iter<'a, Logged>;

    fn into_iter(self) -> Self::IntoIter {
        self.requests.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: usize, answer: usize) -> Logged {
        Logged {
            method: "GET".to_owned(),
            path: format!("/{number}"),
            query: String::new(),
            body: String::new(),
            status: 200,
            answer: "a".repeat(answer),
            reason: String::new(),
        }
    }

    #[test]
    fn however_many_requests_come_the_newest_stay_within_a_number_and_a_size() {
        for (count, answer) in [(4 * MOST, 10), (200, 1 << 20), (3, LARGEST)] {
            let mut log = RequestLog::default();
            for number in 0..count {
                log.note(request(number, answer));
                assert!(
                    log.len() <= MOST && log.size <= LARGEST,
                    "{} {}",
                    log.len(),
                    log.size
                );
            }
            assert_eq!(log.size, log.iter().map(Logged::size).sum::<usize>());
            let last = log.last().map(|one| one.path.clone());
            // What is larger than the whole log is forgotten itself.
            let expected = (answer < LARGEST / 2).then(|| format!("/{}", count - 1));
            assert_eq!(last, expected);
        }
        let mut log = RequestLog::default();
        log.note(request(1, 1));
        log.clear();
        assert!(log.is_empty() && log.size == 0);
    }
}
