//! Which source wins: a pure decision over what is there.

use std::fmt;
use std::str::FromStr;

/// The value of the input `connection`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Selection {
    /// Whatever is there.
    #[default]
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

impl Selection {
    /// Whether only what is connected on Bitrise counts, and no credentials of the inputs.
    pub fn is_connected_only(self) -> bool {
        matches!(self, Self::ApiKey | Self::AppleId | Self::EnterpriseWithAppleId)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Automatic => "automatic",
            Self::ApiKey => "api_key",
            Self::AppleId => "apple_id",
            Self::EnterpriseWithAppleId => "enterprise_with_apple_id",
            Self::Off => "off",
        })
    }
}

impl FromStr for Selection {
    type Err = String;

    /// Dashes are as good as underscores, and `auto` as `automatic`: all live in workflows.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.replace('-', "_").as_str() {
            "automatic" | "auto" => Self::Automatic,
            "api_key" => Self::ApiKey,
            "apple_id" => Self::AppleId,
            "enterprise_with_apple_id" => Self::EnterpriseWithAppleId,
            "off" => Self::Off,
            _ => return Err(format!("`{text}` is not a connection type")),
        })
    }
}

/// Where credentials come from.
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
    fn describe(self) -> &'static str {
        match self {
            Self::ConnectedApiKey => "connected API key",
            Self::ConnectedAppleId => "connected Apple ID",
            Self::InputApiKey => "API key in the inputs",
            Self::InputAppleId => "Apple ID in the inputs",
        }
    }
}

/// What a source has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Empty,
    /// Credentials.
    Ready,
    /// Credentials that may have expired: the last resort, as in the originals, which take an end that is no date for an
    /// error.
    Doubtful,
    /// A session that ended on that day.
    Expired(String),
    /// Credentials that can't be used.
    Broken,
}

/// The source that is used, and what became of the others.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The source, where one has credentials.
    pub(crate) source: Option<Source>,
    /// When the session of a source ended.
    pub(crate) expired: Option<String>,
    /// The sources before it that can't be used.
    pub(crate) broken: Vec<Source>,
    /// A line per source that was considered.
    pub(crate) explanation: Vec<String>,
    /// Those of them that have credentials and are not used.
    pub(crate) unused: Vec<String>,
}

/// The sources that a selection considers, in order, for steps that take API keys alone (`api_key_only`) or
/// both kinds.
fn order(selection: Selection, api_key_only: bool) -> &'static [Source] {
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
pub(crate) fn choose(selection: Selection, api_key_only: bool, state: impl Fn(Source) -> State) -> Choice {
    let mut choice = Choice::default();
    let mut doubtful = None;
    for source in order(selection, api_key_only) {
        let state = state(*source);
        let is_empty = state == State::Empty;
        let line = match (state, choice.source) {
            (State::Empty, _) => "none".to_owned(),
            (State::Ready, None) => {
                choice.source = Some(*source);
                "used".to_owned()
            }
            (State::Ready, Some(_)) => "not needed".to_owned(),
            (State::Doubtful, _) => {
                doubtful = Some(*source);
                "the expiry date of its session is unknown, so it is used last".to_owned()
            }
            (State::Expired(date), _) => {
                let line = format!("its session expired on {date}");
                choice.expired.get_or_insert(date);
                line
            }
            (State::Broken, None) => {
                choice.broken.push(*source);
                "can't be used".to_owned()
            }
            (State::Broken, Some(_)) => "can't be used, and not needed".to_owned(),
        };
        let line = format!("{}: {line}", source.describe());
        if !is_empty && choice.source != Some(*source) {
            choice.unused.push(line.clone());
        }
        choice.explanation.push(line);
    }
    choice.source = choice.source.or(doubtful);
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Source; 4] = [
        Source::ConnectedApiKey,
        Source::ConnectedAppleId,
        Source::InputApiKey,
        Source::InputAppleId,
    ];
    const INPUTS: [Source; 2] = [Source::InputApiKey, Source::InputAppleId];
    const APPLE_IDS: [Source; 2] = [Source::ConnectedAppleId, Source::InputAppleId];

    #[test]
    fn a_session_of_unknown_end_is_the_last_resort() {
        let chosen = |with_key: bool| {
            let state = |source| match source {
                Source::ConnectedAppleId => State::Doubtful,
                Source::InputApiKey if with_key => State::Ready,
                _ => State::Empty,
            };
            choose(Selection::Automatic, false, state).source
        };
        assert_eq!(chosen(true), Some(Source::InputApiKey));
        assert_eq!(chosen(false), Some(Source::ConnectedAppleId));
    }

    #[test]
    fn the_order_is_that_of_the_originals() {
        for (selection, api_key_only, available, expected) in [
            (
                Selection::Automatic,
                true,
                &ALL[..],
                Some(Source::ConnectedApiKey),
            ),
            (Selection::Automatic, true, &INPUTS, Some(Source::InputApiKey)),
            (Selection::Automatic, true, &APPLE_IDS, None),
            (
                Selection::Automatic,
                false,
                &APPLE_IDS,
                Some(Source::ConnectedAppleId),
            ),
            (Selection::Automatic, false, &INPUTS, Some(Source::InputApiKey)),
            (Selection::ApiKey, false, &INPUTS, None),
            (Selection::AppleId, false, &ALL, Some(Source::ConnectedAppleId)),
            (Selection::Off, false, &ALL, Some(Source::InputApiKey)),
            (Selection::Off, false, &APPLE_IDS, Some(Source::InputAppleId)),
            (Selection::Off, true, &APPLE_IDS, None),
        ] {
            let choice = choose(selection, api_key_only, |source| {
                if available.contains(&source) {
                    State::Ready
                } else {
                    State::Empty
                }
            });
            assert_eq!(
                choice.source, expected,
                "{selection:?} {api_key_only} {available:?}"
            );
        }
    }

    #[test]
    fn what_is_broken_matters_before_the_one_that_is_used_and_what_is_over_always() {
        let choice = choose(Selection::Automatic, false, |source| match source {
            Source::ConnectedApiKey => State::Broken,
            Source::ConnectedAppleId => State::Expired("2026-01-02".to_owned()),
            _ => State::Ready,
        });
        assert_eq!(choice.source, Some(Source::InputApiKey));
        assert_eq!(
            (choice.broken.as_slice(), choice.expired.as_deref()),
            (&[Source::ConnectedApiKey][..], Some("2026-01-02"))
        );
        let choice = choose(Selection::Automatic, false, |source| match source {
            Source::ConnectedApiKey => State::Ready,
            _ => State::Broken,
        });
        assert!(choice.broken.is_empty());
    }

    #[test]
    fn dashes_are_as_good_as_underscores() {
        assert_eq!(
            "enterprise-with-apple-id".parse(),
            Ok(Selection::EnterpriseWithAppleId)
        );
        assert_eq!("auto".parse(), Ok(Selection::Automatic));
        assert!("bogus".parse::<Selection>().is_err());
    }
}
