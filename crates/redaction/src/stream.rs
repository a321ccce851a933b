//! Masking a stream that arrives in pieces.

use crate::Redactor;

/// Holds back what could be the beginning of a secret until the next piece decides.
#[derive(Debug)]
pub struct Stream {
    redactor: Redactor,
    held: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            held: Vec::new(),
        }
    }

    /// Takes the next piece and returns what can be shown of everything taken so far.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let (masked, decided) = self.redactor.mask_decided(&self.held);
        self.held.drain(..decided);
        masked
    }

    /// What was held back, now that nothing follows.
    pub fn finish(self) -> Vec<u8> {
        self.redactor.redact_bytes(&self.held)
    }
}
