//! What sign-in and the portal hand out and take back: tokens against forged requests, challenges, and begun exchanges.
//!
//! A sandbox may run for days, and clients that fail never come back with what they were given: of each kind, the newest
//! are remembered.

use std::collections::VecDeque;

use crate::fresh::Fresh;

/// How many of each kind are remembered. No client holds as many at once.
const MOST: usize = 2000;

/// The newest of a kind, oldest first.
#[derive(Debug)]
struct Newest<T>(VecDeque<T>);

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Newest<T> {
    fn push(&mut self, value: T) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// Takes the first one that fits.
    fn take(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        let index = self.0.iter().position(fits)?;
        self.0.remove(index)
    }
}

/// A token against forged requests, and the kind of things that it is for.
#[derive(Debug)]
struct Token {
    kind: String,
    value: String,
}

/// A sign-in that was begun: the client's public number and the server's secret one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    name: String,
    pub(crate) public: Vec<u8>,
    pub(crate) secret: [u8; 32],
}

/// Everything that was handed out.
#[derive(Debug, Default)]
pub(crate) struct HandedOut {
    tokens: Newest<Token>,
    exchanges: Newest<Exchange>,
    challenges: Newest<String>,
}

impl HandedOut {
    /// A new token for a kind of things.
    pub(crate) fn give_token(&mut self, kind: &str, fresh: &mut Fresh) -> String {
        let value = fresh.noise(64);
        self.tokens.push(Token {
            kind: kind.to_owned(),
            value: value.clone(),
        });
        value
    }

    /// Whether a token was given; with a kind, for that kind.
    pub(crate) fn has_token(&self, kind: Option<&str>, value: &str) -> bool {
        let mut tokens = self.tokens.0.iter();
        tokens.any(|token| token.value == value && kind.is_none_or(|kind| token.kind == kind))
    }

    /// The tokens that are good.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &str> {
        self.tokens.0.iter().map(|token| token.value.as_str())
    }

    /// Forgets every token.
    pub(crate) fn forget_tokens(&mut self) {
        self.tokens.0.clear();
    }

    /// Notes a sign-in that was begun under a name.
    pub(crate) fn begin_exchange(&mut self, name: &str, public: Vec<u8>, secret: [u8; 32]) {
        self.exchanges.push(Exchange {
            name: name.to_owned(),
            public,
            secret,
        });
    }

    /// The sign-in of a name, once.
    pub(crate) fn end_exchange(&mut self, name: &str) -> Option<Exchange> {
        self.exchanges.take(|known| known.name == name)
    }

    /// A challenge to be paid for by work.
    pub(crate) fn challenge(&mut self, fresh: &mut Fresh) -> String {
        let challenge = fresh.hexadecimal(32);
        self.challenges.push(challenge.clone());
        challenge
    }

    /// Takes a challenge back; each is good for one stamp.
    pub(crate) fn take_challenge(&mut self, challenge: &str) -> bool {
        self.challenges.take(|known| known == challenge).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_is_handed_out_the_newest_alone_are_remembered() {
        let (mut out, mut fresh) = (HandedOut::default(), Fresh::seeded(1));
        let (first_token, first_challenge) =
            (out.give_token("app id", &mut fresh), out.challenge(&mut fresh));
        out.begin_exchange("first", vec![1], [1; 32]);
        for number in 0..3 * MOST {
            out.give_token("device", &mut fresh);
            out.challenge(&mut fresh);
            out.begin_exchange(&number.to_string(), Vec::new(), [0; 32]);
        }
        let (token, challenge) = (out.give_token("device", &mut fresh), out.challenge(&mut fresh));
        assert_eq!(
            [out.tokens.0.len(), out.exchanges.0.len(), out.challenges.0.len()],
            [MOST; 3]
        );
        assert!(!out.has_token(None, &first_token) && out.has_token(Some("device"), &token));
        assert!(!out.take_challenge(&first_challenge));
        assert!(out.take_challenge(&challenge) && !out.take_challenge(&challenge));
        assert_eq!(out.end_exchange("first"), None);
        let last = (3 * MOST - 1).to_string();
        assert!(out.end_exchange(&last).is_some() && out.end_exchange(&last).is_none());
    }

    #[test]
    fn a_token_is_good_for_its_kind() {
        let (mut out, mut fresh) = (HandedOut::default(), Fresh::seeded(1));
        let token = out.give_token("device", &mut fresh);
        assert!(out.has_token(None, &token) && out.has_token(Some("device"), &token));
        assert!(!out.has_token(Some("profile"), &token));
        out.forget_tokens();
        assert!(!out.has_token(None, &token));
    }
}
