//! Masks secrets in text and byte streams, in every form in which they leak.
//!
//! A [`Redactor`] is a cheap handle on one set of secrets, shared by the log, the child processes and the
//! reports of a run. Teaching it a secret also teaches it the forms in which programs print secrets:
//! escaped for JSON, for URLs and for shells, in base64, and line by line.
//!
//! ```
//! let redactor = redaction::Redactor::new();
//! redactor.learn("hunter2 & co");
//! assert_eq!(redactor.redact("?password=hunter2%20%26%20co"), "?password=[REDACTED]");
//! ```

mod forms;
mod stream;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};

pub use stream::Stream;

/// What stands where a secret was.
pub const MASK: &str = "[REDACTED]";

/// Secrets shorter than this many characters are masked only where they stand as whole words.
const SHORTEST_SUBSTRING: usize = 4;

/// A shared set of secrets, and the means to mask them.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Arc<RwLock<Secrets>>,
}

#[derive(Default)]
struct Secrets {
    /// Every form of every long secret.
    anywhere: BTreeSet<Vec<u8>>,
    /// Short secrets.
    words: BTreeSet<Vec<u8>>,
    /// `anywhere`, indexed by first byte, longest first, so that a secret which contains another is masked whole.
    by_first_byte: Vec<Vec<Vec<u8>>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(..)")
    }
}

impl Redactor {
    /// A redactor that knows no secret yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Masks `secret`, and its derived forms, from now on. Blank text is not a secret.
    pub fn learn(&self, secret: &str) {
        let secret = secret.trim();
        if secret.is_empty() {
            return;
        }
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        if secret.chars().count() < SHORTEST_SUBSTRING {
            secrets.words.insert(secret.as_bytes().to_vec());
            return;
        }
        let known = secrets.anywhere.len();
        secrets.anywhere.extend(
            forms::of(secret)
                .into_iter()
                .filter(|form| form.len() >= SHORTEST_SUBSTRING),
        );
        if secrets.anywhere.len() > known {
            secrets.index();
        }
    }

    /// [`Redactor::learn`] for a [`SecretString`].
    pub fn learn_secret(&self, secret: &SecretString) {
        self.learn(secret.expose_secret());
    }

    /// `text` with every secret masked.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.mask(text.as_bytes()) {
            None => Cow::Borrowed(text),
            Some(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        }
    }

    /// `bytes` with every secret masked.
    pub fn redact_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.mask(bytes).unwrap_or_else(|| bytes.to_vec())
    }

    /// Masks a stream that arrives in pieces, also where a piece ends inside a secret.
    pub fn stream(&self) -> Stream {
        Stream::new(self.clone())
    }

    /// The masked text, or `None` when there was nothing to mask.
    fn mask(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        secrets.mask(bytes, bytes.len()).0
    }

    /// Masks what is decided of `bytes`, and says how many of them that is: the rest could be the beginning
    /// of a secret.
    fn mask_decided(&self, bytes: &[u8]) -> (Vec<u8>, usize) {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let longest = secrets.anywhere.iter().map(Vec::len).max().unwrap_or(0);
        let (masked, decided) = secrets.mask(bytes, bytes.len().saturating_sub(longest));
        (masked.unwrap_or_else(|| bytes[..decided].to_vec()), decided)
    }
}

impl Secrets {
    fn index(&mut self) {
        self.by_first_byte = vec![Vec::new(); 256];
        for form in &self.anywhere {
            if let Some(first) = form.first() {
                self.by_first_byte[usize::from(*first)].push(form.clone());
            }
        }
        for forms in &mut self.by_first_byte {
            forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        }
    }

    /// Masks `bytes` up to the first place at or after `open_from` where a secret could begin that the bytes
    /// after `bytes` complete. `None` when nothing was masked.
    fn mask(&self, bytes: &[u8], open_from: usize) -> (Option<Vec<u8>>, usize) {
        let mut out: Option<Vec<u8>> = None;
        let mut copied = 0;
        let mut at = 0;
        while at < bytes.len() && !(at >= open_from && self.could_begin(&bytes[at..])) {
            let Some(length) = self.found_at(bytes, at) else {
                at += 1;
                continue;
            };
            let masked = out.get_or_insert_with(|| Vec::with_capacity(bytes.len()));
            masked.extend_from_slice(&bytes[copied..at]);
            masked.extend_from_slice(MASK.as_bytes());
            at += length;
            copied = at;
        }
        if let Some(masked) = &mut out {
            masked.extend_from_slice(&bytes[copied..at]);
        }
        (out, at)
    }

    /// Whether a secret begins with `end`, and goes on after it.
    fn could_begin(&self, end: &[u8]) -> bool {
        self.by_first_byte.get(usize::from(end[0])).is_some_and(|forms| {
            forms
                .iter()
                .any(|form| form.len() > end.len() && form.starts_with(end))
        })
    }

    /// The length of the longest secret at `at`.
    fn found_at(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let rest = &bytes[at..];
        let anywhere = self
            .by_first_byte
            .get(usize::from(rest[0]))
            .and_then(|forms| forms.iter().find(|form| rest.starts_with(form)));
        if let Some(form) = anywhere {
            return Some(form.len());
        }
        let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if at > 0 && is_word(bytes.get(at - 1)) {
            return None;
        }
        self.words
            .iter()
            .find(|word| rest.starts_with(word) && !is_word(rest.get(word.len())))
            .map(Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn knowing(secrets: &[&str]) -> Redactor {
        let redactor = Redactor::new();
        for secret in secrets {
            redactor.learn(secret);
        }
        redactor
    }

    #[test]
    fn a_secret_that_contains_another_is_masked_whole() {
        let redactor = knowing(&["pass", "pass-word"]);
        assert_eq!(
            redactor.redact("my pass-word and pass"),
            "my [REDACTED] and [REDACTED]"
        );
    }

    #[test]
    fn derived_forms_are_masked() {
        let redactor = knowing(&["it's \"a\" päss&word"]);
        for form in [
            "it's \\\"a\\\" päss&word",
            "it%27s%20%22a%22%20p%C3%A4ss%26word",
            "it'\\''s \"a\" päss&word",
        ] {
            assert_eq!(redactor.redact(&format!("<{form}>")), "<[REDACTED]>", "{form}");
        }
    }

    #[test]
    fn base64_is_masked_at_every_alignment() {
        use base64::Engine as _;
        let redactor = knowing(&["correct horse battery staple"]);
        for lead in ["", "a", "ab", "abc"] {
            let text = format!("{lead}correct horse battery staple, and so on");
            let encoded = base64::engine::general_purpose::STANDARD.encode(text);
            assert!(redactor.redact(&encoded).contains(MASK), "{lead:?}");
        }
    }

    #[test]
    fn each_line_of_a_key_is_masked() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIGTAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBHkw\n-----END PRIVATE KEY-----\n";
        let redactor = knowing(&[key]);
        assert_eq!(redactor.redact("> MIGTAgEAMBMGByqGSM49"), "> [REDACTED]");
        assert_eq!(
            redactor.redact("-----BEGIN PRIVATE KEY-----"),
            "-----BEGIN PRIVATE KEY-----"
        );
    }

    #[test]
    fn short_secrets_are_masked_only_as_whole_words() {
        let redactor = knowing(&["abc", " "]);
        assert_eq!(
            redactor.redact("abc abcd xabc 'abc'"),
            "[REDACTED] abcd xabc '[REDACTED]'"
        );
    }

    proptest! {
        #[test]
        fn a_stream_is_masked_like_the_whole_text(
            before in ".{0,20}", secret in "[a-z!\"&/ ]{4,20}", after in ".{0,20}", cuts in prop::collection::vec(0_usize..80, 0..6),
        ) {
            prop_assume!(secret.trim().len() >= 4);
            let redactor = knowing(&[&secret]);
            let text = format!("{before}{secret}{after}");
            let mut stream = redactor.stream();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut out = Vec::new();
            let mut from = 0;
            for cut in cuts {
                out.extend(stream.push(&text.as_bytes()[from..cut]));
                from = cut;
            }
            out.extend(stream.push(&text.as_bytes()[from..]));
            out.extend(stream.finish());
            let secret = secret.trim().to_owned();
            prop_assert!(!String::from_utf8_lossy(&out).contains(&secret) || MASK.contains(&secret));
        }
    }
}
