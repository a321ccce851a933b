//! Finding all secrets in one pass over the text.

use std::sync::Arc;

use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::noncontiguous;
use aho_corasick::{Anchored, MatchKind, PatternID};

/// What reads a text for several automata at once.
pub(crate) struct Automata {
    automata: Vec<Arc<Automaton>>,
}

/// The state of each automaton.
pub(crate) struct States(Vec<StateID>);

impl Automata {
    pub(crate) fn new(automata: Vec<Arc<Automaton>>) -> Self {
        Self { automata }
    }

    pub(crate) fn start(&self) -> States {
        States(self.automata.iter().map(|automaton| automaton.start).collect())
    }

    /// Reads a byte, and says whether a secret ends with it.
    pub(crate) fn advance(&self, states: &mut States, byte: u8) -> bool {
        let mut is_end = false;
        for (automaton, state) in self.automata.iter().zip(&mut states.0) {
            *state = automaton.automaton.next_state(Anchored::No, *state, byte);
            is_end |= automaton.automaton.is_match(*state);
        }
        is_end
    }

    /// How many of the bytes read last could be the beginning of a secret.
    pub(crate) fn depth(&self, states: &States) -> usize {
        let depths = self.automata.iter().zip(&states.0);
        depths
            .map(|(automaton, state)| automaton.depth(*state))
            .max()
            .unwrap_or(0)
    }

    /// The secrets that end at the byte that was read last.
    pub(crate) fn found(&self, states: &States) -> impl Iterator<Item = Found> {
        let automata = self.automata.iter().zip(&states.0);
        automata.flat_map(|(automaton, state)| automaton.found(*state))
    }
}

/// An Aho–Corasick automaton of all forms of some secrets.
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
            // More dense states take longer to build, and read a log no faster.
            .dense_depth(1)
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

    /// How many of the bytes read last could be the beginning of a secret.
    fn depth(&self, state: StateID) -> usize {
        let depth = self.depths.get(state.as_usize()).copied().unwrap_or(0);
        usize::try_from(depth).unwrap_or(usize::MAX)
    }

    /// The secrets that end at the byte that was read last.
    fn found(&self, state: StateID) -> impl Iterator<Item = Found> + '_ {
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
