//! Masks secrets in text and byte streams, in every form in which they leak.
//!
//! A [`Redactor`] is a cheap handle on one set of secrets, shared by the log, the child processes and the
//! reports of a run. Teaching it a secret also teaches it the forms in which programs print secrets:
//! escaped for JSON, URLs, shells, markup, and programming languages, in base64 and hexadecimal, in both Unicode
//! normal forms, and line by line; of a private key it masks every fragment, however its lines are broken. Bearer
//! tokens, JSON Web Tokens, and the cookies of Apple's sign-in are masked by their form in every complete text; a
//! [`Stream`] leaves them to whoever shows its lines, since a piece may end anywhere.
//!
//! ```
//! let redactor = redaction::Redactor::new();
//! redactor.learn("hunter2 & co");
//! assert_eq!(redactor.redact("?password=hunter2%20%26%20co"), "?password=[REDACTED]");
//! ```

mod automaton;
mod forms;
mod key;
mod printable;
mod secrets;
mod stream;
mod tokens;

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};

use automaton::Automata;
use secrets::Secrets;
use stream::Scan;

pub use printable::{one_line, printable, printable_with_colors};
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
        secrets.learn(secret);
    }

    /// Learns the private keys that stand in a text of whatever else, such as one that was pasted in the wrong place.
    pub fn learn_keys_in(&self, text: &str) {
        for key in key::found_in(text) {
            self.learn(key);
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
        let learned = self.mask_learned(bytes);
        tokens::mask(learned.as_deref().unwrap_or(bytes)).or(learned)
    }

    fn mask_learned(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut scan = Scan::default();
        scan.follow(Some(self.automata()?));
        scan.read(bytes);
        scan.end();
        scan.found.then_some(scan.out)
    }

    /// What finds the secrets that are known now; `None` when none is.
    fn automata(&self) -> Option<Arc<Automata>> {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        if !secrets.has_new() {
            return secrets.automata();
        }
        drop(secrets);
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        if secrets.has_new() {
            secrets.build();
        }
        secrets.automata()
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
    fn a_key_is_masked_in_any_wrapping_and_from_any_shape() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIGTAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBHkwdwIBAQQgXQ2tV2Qn0Yy3mEo9\n8Xb1Zc5WkR7uLh4sJfP6aGiN0TqKCgYIKoZIzj0DAQehRANCAATx1B7m5o2l9c3d\n-----END PRIVATE KEY-----\n";
        let body: String = key.lines().filter(|line| !line.starts_with('-')).collect();
        let encode = |text: &str| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(text)
        };
        let json = format!("{{\"key_id\":\"X\",\"key\":\"{}\"}}", key.replace('\n', "\\n"));
        for given in [
            key.to_owned(),
            key.replace('\n', "\r\n"),
            key.replace('\n', "\\n"),
            key.replace('\n', " "),
            body.clone(),
            encode(key),
            json,
        ] {
            let redactor = knowing(&[&given]);
            for width in [12, 20, 48, 60, 64, 76, 1000] {
                for text in [body.clone(), encode(key)] {
                    let wrapped: Vec<&str> = text
                        .as_bytes()
                        .chunks(width.max(16))
                        .map(|line| std::str::from_utf8(line).unwrap())
                        .collect();
                    let shown = redactor.redact(&wrapped.join("\n")).into_owned();
                    let left = shown.replace(MASK, "");
                    // The armor, which is no secret, and a last line shorter than any fragment may stay.
                    let last = wrapped.last().unwrap();
                    let secret = left
                        .lines()
                        .filter(|line| {
                            line.len() > 3
                                && line != last
                                && !encode("-----BEGIN PRIVATE KEY-----\n").contains(line)
                        })
                        .count();
                    assert_eq!(secret, 0, "given {given:?}, at {width}: {left:?}");
                }
            }
        }
    }

    #[test]
    fn secrets_that_overlap_are_masked_as_one() {
        let redactor = knowing(&["abcdef", "defghi"]);
        assert_eq!(redactor.redact("<abcdefghi>"), "<[REDACTED]>");
        assert_eq!(redactor.redact("<abcdefabcdef>"), "<[REDACTED][REDACTED]>");
    }

    #[test]
    fn a_secret_that_is_learned_in_the_middle_of_a_stream_is_masked() {
        let redactor = knowing(&["first-secret"]);
        let mut stream = redactor.stream();
        let mut out = stream.push(b"first-sec");
        redactor.learn("first-second");
        out.extend(stream.push(b"ond, first-secret."));
        out.extend(stream.finish());
        assert_eq!(String::from_utf8(out).unwrap(), "[REDACTED], [REDACTED].");
    }

    #[test]
    fn what_can_be_no_secret_is_shown_at_once() {
        let redactor = knowing(&["s3cret-value", "abc"]);
        let mut stream = redactor.stream();
        assert_eq!(stream.push(b"progress 10 %\ns3c"), b"progress 10 %\n");
        assert_eq!(stream.push(b"ond"), b"s3cond");
        assert_eq!(stream.push(b" abc"), b" ");
        assert_eq!(stream.push(b"d"), b"abcd");
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
            prop_assert_eq!(String::from_utf8_lossy(&out), redactor.redact(&text));
            let secret = secret.trim().to_owned();
            prop_assert!(!String::from_utf8_lossy(&out).contains(&secret) || MASK.contains(&secret));
        }

        #[test]
        fn secrets_learned_one_by_one_are_masked_like_those_learned_together(
            secrets in prop::collection::vec("[ab]{1,6}", 1..12), text in "[ab ]{0,40}",
        ) {
            let together = Redactor::new();
            together.secrets.write().unwrap().learn_plain(&secrets);
            let one_by_one = Redactor::new();
            for secret in &secrets {
                one_by_one.secrets.write().unwrap().learn_plain(std::slice::from_ref(secret));
                one_by_one.redact(&text);
            }
            prop_assert_eq!(one_by_one.redact(&text), together.redact(&text));
        }

        #[test]
        fn all_that_any_secret_covers_is_masked(
            secrets in prop::collection::vec("[ab]{4,7}", 1..5), text in "[ab]{0,40}", cut in 0_usize..40,
        ) {
            let redactor = Redactor::new();
            // Without the derived forms, of which base64 has some of the same letters.
            redactor.secrets.write().unwrap().learn_plain(&secrets);
            let mut covered = vec![false; text.len()];
            for secret in &secrets {
                for at in 0..text.len() {
                    if text[at..].starts_with(secret.as_str()) {
                        covered[at..at + secret.len()].fill(true);
                    }
                }
            }
            let open: String = text.chars().zip(&covered).filter(|(_, covered)| !**covered).map(|(c, _)| c).collect();
            let cut = cut.min(text.len());
            let mut stream = redactor.stream();
            let mut out = stream.push(&text.as_bytes()[..cut]);
            out.extend(stream.push(&text.as_bytes()[cut..]));
            out.extend(stream.finish());
            prop_assert_eq!(String::from_utf8_lossy(&out), redactor.redact(&text));
            prop_assert_eq!(redactor.redact(&text).replace(MASK, ""), open);
        }
    }
}
