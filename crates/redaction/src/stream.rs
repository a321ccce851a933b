//! Masking a stream that arrives in pieces, each byte read once.

use std::ops::Range;
use std::sync::Arc;

use crate::automaton::{Automata, States};
use crate::{MASK, Redactor};

/// Holds back what could be the beginning of a secret until the next piece decides.
#[derive(Debug)]
pub struct Stream {
    redactor: Redactor,
    scan: Scan,
}

impl Stream {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            scan: Scan::default(),
        }
    }

    /// Takes the next piece and returns what can be shown of everything taken so far.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.scan.follow(self.redactor.automata());
        self.scan.read(piece);
        self.scan.take_decided()
    }

    /// What was held back, now that nothing follows.
    pub fn finish(mut self) -> Vec<u8> {
        self.scan.follow(self.redactor.automata());
        self.scan.end();
        self.scan.out
    }
}

/// One pass over a text. Whatever a secret covers is masked; secrets that overlap are one mask.
#[derive(Default)]
pub(crate) struct Scan {
    automata: Option<Arc<Automata>>,
    states: Option<States>,
    /// Bytes that were read and are not in `out` yet.
    held: Vec<u8>,
    /// The byte before those.
    before: Option<u8>,
    /// Secrets in `held`, in order, none overlapping another.
    secrets: Vec<Range<usize>>,
    /// Short secrets at the end of `held`: the next byte says whether they are whole words.
    words: Vec<Range<usize>>,
    /// Whether the mask for a secret at the start of `held` is in `out` already.
    masked: bool,
    /// Whether anything was masked.
    pub(crate) found: bool,
    pub(crate) out: Vec<u8>,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scan(..)")
    }
}

impl Scan {
    /// Looks for the secrets of `automata` from now on, and in what is held.
    pub(crate) fn follow(&mut self, automata: Option<Arc<Automata>>) {
        let same = match (&self.automata, &automata) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        if same {
            return;
        }
        self.automata = automata;
        self.states = None;
        self.words.clear();
        // Of what was found before, only a mask that is half shown is not found again.
        self.secrets.truncate(usize::from(self.masked));
        let held = std::mem::take(&mut self.held);
        self.read(&held);
    }

    pub(crate) fn read(&mut self, piece: &[u8]) {
        let Some(automata) = self.automata.clone() else {
            self.held.extend_from_slice(piece);
            return;
        };
        let mut states = self.states.take().unwrap_or_else(|| automata.start());
        let before = self.held.len();
        self.held.extend_from_slice(piece);
        for (end, &byte) in (before + 1..).zip(piece) {
            if !self.words.is_empty() {
                let words = std::mem::take(&mut self.words);
                if !is_word(byte) {
                    words.into_iter().for_each(|word| self.add(word));
                }
            }
            if !automata.advance(&mut states, byte) {
                continue;
            }
            for found in automata.found(&states) {
                let place = end.saturating_sub(found.length)..end;
                if !found.is_word {
                    self.add(place);
                } else if !self.byte_before(place.start).is_some_and(is_word) {
                    self.words.push(place);
                }
            }
        }
        self.states = Some(states);
    }

    fn byte_before(&self, place: usize) -> Option<u8> {
        match place.checked_sub(1) {
            Some(at) => self.held.get(at).copied(),
            None => self.before,
        }
    }

    /// Notes a secret that ends where the latest one does, or later.
    fn add(&mut self, mut place: Range<usize>) {
        while let Some(last) = self.secrets.last().filter(|last| last.end > place.start) {
            place = last.start.min(place.start)..last.end.max(place.end);
            self.secrets.pop();
        }
        self.secrets.push(place);
    }

    /// Moves what no later byte can change to `out`, and takes it.
    pub(crate) fn take_decided(&mut self) -> Vec<u8> {
        let open = match (&self.automata, &self.states) {
            (Some(automata), Some(states)) => automata.depth(states),
            _ => 0,
        };
        let mut decided = self.held.len().saturating_sub(open);
        for word in &self.words {
            decided = decided.min(word.start);
        }
        self.show(decided);
        std::mem::take(&mut self.out)
    }

    /// Moves everything to `out`: nothing follows.
    pub(crate) fn end(&mut self) {
        let words = std::mem::take(&mut self.words);
        words.into_iter().for_each(|word| self.add(word));
        self.show(self.held.len());
    }

    fn show(&mut self, decided: usize) {
        let mut shown = 0;
        let mut open = Vec::new();
        let mut half_shown = false;
        for place in std::mem::take(&mut self.secrets) {
            if place.start >= decided {
                open.push(place.start - decided..place.end - decided);
                continue;
            }
            self.out.extend_from_slice(&self.held[shown..place.start]);
            if !(self.masked && place.start == 0) {
                self.out.extend_from_slice(MASK.as_bytes());
            }
            self.found = true;
            shown = place.end.min(decided);
            if place.end > decided {
                half_shown = true;
                open.push(0..place.end - decided);
            }
        }
        self.out.extend_from_slice(&self.held[shown..decided]);
        if decided > 0 {
            self.masked = half_shown;
            self.before = self.held.get(decided - 1).copied();
            self.held.drain(..decided);
            for word in &mut self.words {
                *word = word.start - decided..word.end - decided;
            }
        }
        self.secrets = open;
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
