//! Splitting an input into words as a shell would, without expanding anything.

use std::fmt;

/// A quote or an escape that is opened and never ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotingError {
    /// `'` without its partner.
    SingleQuote {
        /// Its place: characters before it.
        at: usize,
    },
    /// `"` without its partner.
    DoubleQuote {
        /// Its place: characters before it.
        at: usize,
    },
    /// A backslash with nothing after it.
    Backslash,
}

impl fmt::Display for QuotingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SingleQuote { at } => {
                write!(f, "the single quote at character {} is never closed", at + 1)
            }
            Self::DoubleQuote { at } => {
                write!(f, "the double quote at character {} is never closed", at + 1)
            }
            Self::Backslash => f.write_str("it ends with a backslash that escapes nothing"),
        }
    }
}

impl std::error::Error for QuotingError {}

/// The words of `text`: blanks separate, quotes and backslashes keep together. Nothing is a comment and
/// nothing is expanded, because values such as `note:#42` and `price:$5` are meant as they are.
///
/// # Errors
/// When a quote or an escape does not end.
pub fn words(text: &str) -> Result<Vec<String>, QuotingError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars().enumerate();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        None => return Err(QuotingError::SingleQuote { at }),
                        Some((_, '\'')) => break,
                        Some((_, inner)) => word.push(inner),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        None => return Err(QuotingError::DoubleQuote { at }),
                        Some((_, '"')) => break,
                        Some((_, '\\')) => match characters.next() {
                            None => return Err(QuotingError::DoubleQuote { at }),
                            Some((_, '\n')) => {}
                            Some((_, escaped @ ('$' | '`' | '"' | '\\'))) => word.push(escaped),
                            Some((_, other)) => word.extend(['\\', other]),
                        },
                        Some((_, inner)) => word.push(inner),
                    }
                }
            }
            '\\' => match characters.next() {
                None => return Err(QuotingError::Backslash),
                Some((_, '\n')) => {}
                Some((_, escaped)) => word.get_or_insert_default().push(escaped),
            },
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes_keep_words_together() {
        for (text, expected) in [
            ("ios beta", &["ios", "beta"][..]),
            ("  ios \t beta\n", &["ios", "beta"]),
            (
                "beta note:'it is' out:\"a \\\"b\\\"\"",
                &["beta", "note:it is", "out:a \"b\""],
            ),
            ("x y\\ z ''", &["x", "y z", ""]),
            ("beta note:#42 #all $HOME", &["beta", "note:#42", "#all", "$HOME"]),
            (r#""a\nb" "c\$d""#, &[r"a\nb", "c$d"]),
            ("", &[]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_opened_must_end() {
        assert_eq!(words("a 'b"), Err(QuotingError::SingleQuote { at: 2 }));
        assert_eq!(words("a \"b\\"), Err(QuotingError::DoubleQuote { at: 2 }));
        assert_eq!(words("a\\"), Err(QuotingError::Backslash));
    }
}
