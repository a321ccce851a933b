//! Finding all secrets in one pass over the text.

use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::noncontiguous;
use aho_corasick::{Anchored, MatchKind, PatternID};

pub(crate) use aho_corasick::automaton::StateID;

/// An Aho–Corasick automaton of all forms of all secrets.
pub(crate) struct Automaton {
    automaton: noncontiguous::NFA,
    start: StateID,
    /// How many of the last bytes could be the beginning of a secret, in each state.
    depths: Vec<u32>,
    /// Patterns from this one on count only as whole words.
    first_word: usize,
}

/// A secret that ends at the byte that was read last.
pub(crate) struct Found {
    /// Its length in bytes.
    pub(crate) length: usize,
    /// Whether it counts only as a whole word.
    pub(crate) is_word: bool,
}

impl Automaton {
    /// The automaton of secrets that are found anywhere, and of `words`; `None` when there are none, or more of them
    /// than fit.
    pub(crate) fn new<'a>(
        anywhere: impl IntoIterator<Item = &'a Vec<u8>>,
        words: impl IntoIterator<Item = &'a Vec<u8>>,
    ) -> Option<Self> {
        let mut patterns: Vec<&[u8]> = anywhere.into_iter().map(Vec::as_slice).collect();
        let first_word = patterns.len();
        patterns.extend(words.into_iter().map(Vec::as_slice));
        if patterns.is_empty() {
            return None;
        }
        let automaton = noncontiguous::Builder::new()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(&patterns)
            .ok()?;
        let start = automaton.start_state(Anchored::No).ok()?;
        let trie = automaton.start_state(Anchored::Yes).ok()?;
        let mut depths = Vec::new();
        for pattern in patterns {
            let mut state = trie;
            for (depth, byte) in (1..).zip(pattern) {
                state = automaton.next_state(Anchored::Yes, state, *byte);
                if depths.len() <= state.as_usize() {
                    depths.resize(state.as_usize() + 1, 0);
                }
                depths[state.as_usize()] = depth;
            }
        }
        Some(Self {
            automaton,
            start,
            depths,
            first_word,
        })
    }

    pub(crate) fn start(&self) -> StateID {
        self.start
    }

    pub(crate) fn next(&self, state: StateID, byte: u8) -> StateID {
        self.automaton.next_state(Anchored::No, state, byte)
    }

    /// How many of the bytes read last could be the beginning of a secret.
    pub(crate) fn depth(&self, state: StateID) -> usize {
        let depth = self.depths.get(state.as_usize()).copied().unwrap_or(0);
        usize::try_from(depth).unwrap_or(usize::MAX)
    }

    /// The secrets that end at the byte that was read last.
    pub(crate) fn found(&self, state: StateID) -> impl Iterator<Item = Found> + '_ {
        let count = if self.automaton.is_match(state) {
            self.automaton.match_len(state)
        } else {
            0
        };
        (0..count).map(move |index| {
            let pattern: PatternID = self.automaton.match_pattern(state, index);
            Found {
                length: self.automaton.pattern_len(pattern),
                is_word: pattern.as_usize() >= self.first_word,
            }
        })
    }
}
