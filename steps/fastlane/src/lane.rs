//! The lane as the user wrote it, and its words.

use step_kit::{QuotingError, Step};

use crate::inputs::Inputs;

/// Pieces of a secret that are shorter than this are ordinary words.
const SHORTEST_PIECE: usize = 4;

/// The lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    /// The words after `fastlane`.
    pub(crate) words: Vec<String>,
    /// As it was written. What is shown of the lane is this text: a secret stands in it in one piece, while blanks,
    /// quotes, and backslashes in it divide or change the words.
    pub(crate) text: String,
}

impl Lane {
    pub(crate) fn parse(text: &str) -> Result<Self, QuotingError> {
        Ok(Self {
            words: step_kit::words(text)?,
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
        })
    }
}

/// Masks the pieces that splitting makes of secrets in the lane, which fastlane prints in its tables.
pub(crate) fn mask_pieces(step: &Step<Inputs>, text: &str) {
    for secret in listed_secrets(step) {
        if text.contains(&secret) {
            pieces(&secret)
                .iter()
                .for_each(|piece| step.redactor.learn(piece));
        }
    }
}

/// The values of the variables that Bitrise lists as secret.
fn listed_secrets(step: &Step<Inputs>) -> Vec<String> {
    let keys = step.env.get("BITRISE_SECRET_ENV_KEY_LIST").unwrap_or_default();
    keys.split(',')
        .filter_map(|key| step.env.get(key.trim()))
        .map(|value| value.trim().to_owned())
        .collect()
}

/// What is left of a secret when the lane's text is split, except the whole and short words.
fn pieces(secret: &str) -> Vec<String> {
    // Quotes may be open before the secret begins, so both readings count.
    let mut pieces = step_kit::words(secret).unwrap_or_default();
    pieces.extend(
        secret
            .split(|c: char| c.is_whitespace() || "'\"\\".contains(c))
            .map(str::to_owned),
    );
    pieces.retain(|piece| piece != secret && piece.chars().count() >= SHORTEST_PIECE);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_stays_as_it_was_written() {
        let lane = Lane::parse("ios beta  notes:\"What is new\"\n  to:'x'").unwrap();
        assert_eq!(lane.words, ["ios", "beta", "notes:What is new", "to:x"]);
        assert_eq!(lane.text, "ios beta notes:\"What is new\" to:'x'");
    }

    #[test]
    fn the_pieces_of_a_secret_are_those_that_a_shell_makes() {
        for (secret, expected) in [
            ("correct horse", &["correct", "horse", "correct", "horse"][..]),
            ("it's me", &[]),
            ("quo\"te d\"word", &["quote dword", "word"]),
            ("back\\slash", &["backslash", "back", "slash"]),
            ("whole", &[]),
        ] {
            assert_eq!(pieces(secret), expected, "{secret}");
        }
    }
}
