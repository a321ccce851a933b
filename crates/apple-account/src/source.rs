//! Which source wins: a pure decision over what is there.

use std::str::FromStr;

/// The value of the input `connection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Whatever is there.
    Automatic,
    /// The connected API key.
    ApiKey,
    /// The connected Apple ID.
    AppleId,
    /// The connected Apple ID of an Enterprise Program member.
    EnterpriseWithAppleId,
    /// The inputs only.
    Off,
}

impl FromStr for Selection {
    type Err = String;

    /// Dashes are as good as underscores: both live in workflows.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.replace('-', "_").as_str() {
            "automatic" => Self::Automatic,
            "api_key" => Self::ApiKey,
            "apple_id" => Self::AppleId,
            "enterprise_with_apple_id" => Self::EnterpriseWithAppleId,
            "off" => Self::Off,
            _ => return Err(format!("`{text}` is no connection type")),
        })
    }
}

/// A place that credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The API key that is connected on Bitrise.
    ConnectedApiKey,
    /// The Apple ID that is connected on Bitrise.
    ConnectedAppleId,
    /// The API key of the inputs.
    InputApiKey,
    /// The Apple ID of the inputs.
    InputAppleId,
}

impl Source {
    /// The source as the log names it.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::ConnectedApiKey => "API key connected on Bitrise",
            Self::ConnectedAppleId => "Apple ID connected on Bitrise",
            Self::InputApiKey => "API key of the inputs",
            Self::InputAppleId => "Apple ID of the inputs",
        }
    }
}

/// Which sources have something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Available {
    /// An API key is connected.
    pub connected_api_key: bool,
    /// An Apple ID is connected.
    pub connected_apple_id: bool,
    /// The inputs hold an API key.
    pub input_api_key: bool,
    /// The inputs hold an Apple ID.
    pub input_apple_id: bool,
}

impl Available {
    fn has(self, source: Source) -> bool {
        match source {
            Source::ConnectedApiKey => self.connected_api_key,
            Source::ConnectedAppleId => self.connected_apple_id,
            Source::InputApiKey => self.input_api_key,
            Source::InputAppleId => self.input_apple_id,
        }
    }
}

/// The source that is used, and what became of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The source.
    pub source: Source,
    /// A line per source that was considered.
    pub explanation: Vec<String>,
}

/// No source has credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no Apple developer account was found: {}", .explanation.join("; "))]
pub struct AccountError {
    /// A line per source that was considered.
    pub explanation: Vec<String>,
}

/// The sources that a selection considers, in order, for steps that take API keys alone (`api_key_only`) or
/// both kinds.
pub(crate) fn order(selection: Selection, api_key_only: bool) -> &'static [Source] {
    use Source as S;
    match (selection, api_key_only) {
        (Selection::Automatic, true) => &[S::ConnectedApiKey, S::InputApiKey],
        (Selection::Automatic, false) => &[
            S::ConnectedApiKey,
            S::ConnectedAppleId,
            S::InputApiKey,
            S::InputAppleId,
        ],
        (Selection::ApiKey, _) => &[S::ConnectedApiKey],
        (Selection::AppleId | Selection::EnterpriseWithAppleId, _) => &[S::ConnectedAppleId],
        (Selection::Off, true) => &[S::InputApiKey],
        (Selection::Off, false) => &[S::InputApiKey, S::InputAppleId],
    }
}

/// Chooses the first source of the selection's order that has credentials.
///
/// # Errors
/// When none has.
pub fn resolve(
    selection: Selection,
    api_key_only: bool,
    available: Available,
) -> Result<Choice, AccountError> {
    let mut explanation = Vec::new();
    let mut chosen = None;
    for source in order(selection, api_key_only) {
        let state = match (chosen, available.has(*source)) {
            (None, true) => {
                chosen = Some(*source);
                "used"
            }
            (Some(_), true) => "there, and not needed",
            (_, false) => "none",
        };
        explanation.push(format!("{}: {state}", source.describe()));
    }
    match chosen {
        Some(source) => Ok(Choice { source, explanation }),
        None => Err(AccountError { explanation }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_originals() {
        let all = Available {
            connected_api_key: true,
            connected_apple_id: true,
            input_api_key: true,
            input_apple_id: true,
        };
        let no_connection = Available {
            connected_api_key: false,
            connected_apple_id: false,
            ..all
        };
        let apple_ids = Available {
            connected_api_key: false,
            input_api_key: false,
            ..all
        };
        for (selection, api_key_only, available, expected) in [
            (Selection::Automatic, true, all, Some(Source::ConnectedApiKey)),
            (
                Selection::Automatic,
                true,
                no_connection,
                Some(Source::InputApiKey),
            ),
            (Selection::Automatic, true, apple_ids, None),
            (
                Selection::Automatic,
                false,
                apple_ids,
                Some(Source::ConnectedAppleId),
            ),
            (
                Selection::Automatic,
                false,
                no_connection,
                Some(Source::InputApiKey),
            ),
            (Selection::ApiKey, false, no_connection, None),
            (Selection::AppleId, false, all, Some(Source::ConnectedAppleId)),
            (Selection::Off, false, all, Some(Source::InputApiKey)),
            (Selection::Off, false, apple_ids, Some(Source::InputAppleId)),
            (Selection::Off, true, apple_ids, None),
        ] {
            let choice = resolve(selection, api_key_only, available)
                .ok()
                .map(|choice| choice.source);
            assert_eq!(choice, expected, "{selection:?} {api_key_only} {available:?}");
        }
    }

    #[test]
    fn dashes_are_as_good_as_underscores() {
        assert_eq!(
            "enterprise-with-apple-id".parse(),
            Ok(Selection::EnterpriseWithAppleId)
        );
        assert!("bogus".parse::<Selection>().is_err());
    }
}
