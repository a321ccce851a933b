//! What a plan consists of: the changes, for programs and for people.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::SetChange;
use crate::snapshot::{Snapshot, Version};

/// One attribute that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The attribute, in Apple's spelling.
    pub attribute: String,
    /// What it is now; null when it has no value.
    pub from: Value,
    /// What it becomes; null when its value is removed.
    pub to: Value,
}

/// One change on App Store Connect.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a plan has few actions, and a box would show in every match"
)]
pub enum Action {
    /// Withdraw a version from review.
    CancelSubmission {
        /// The submission's ID.
        id: String,
        /// Its state.
        state: String,
    },
    /// Wait until the version is out of a review that was cancelled before.
    AwaitCancellation {
        /// The version's state.
        state: String,
    },
    /// Take the version out of a draft submission, so that it can be edited.
    RemoveDraftItem {
        /// The item's ID.
        item: String,
    },
    /// Create the version.
    CreateVersion {
        /// Its number.
        version: String,
    },
    /// Give the version that is in preparation another number.
    RenameVersion {
        /// Its number so far.
        from: String,
        /// Its new number.
        to: String,
    },
    /// Change attributes of the version.
    UpdateVersion {
        /// What changes.
        changes: Vec<Change>,
    },
    /// Add a locale.
    CreateLocale {
        /// The locale.
        locale: String,
        /// `app_info` or `version`.
        part: Part,
        /// Its texts.
        texts: Map<String, Value>,
    },
    /// Change texts of a locale.
    UpdateLocale {
        /// The locale.
        locale: String,
        /// `app_info` or `version`.
        part: Part,
        /// What changes.
        changes: Vec<Change>,
    },
    /// Change the categories.
    UpdateCategories {
        /// What changes; attributes are relationships here.
        changes: Vec<Change>,
    },
    /// Change the age rating.
    UpdateAgeRating {
        /// What changes.
        changes: Vec<Change>,
    },
    /// Change the information for App Review, or give it for the first time.
    UpdateReviewInformation {
        /// What changes. Values of demo accounts are not shown.
        changes: Vec<Change>,
    },
    /// Upload an attachment for App Review, and delete others.
    ReplaceAttachment {
        /// Its name.
        name: String,
    },
    /// Release the version in phases.
    CreatePhasedRelease,
    /// Release the version to everybody at once.
    DeletePhasedRelease,
    /// Change the screenshots or previews of a locale and display type.
    UpdateMedia(SetChange),
    /// Put the version back into the draft submission that it was taken out of.
    ReturnToDraft {
        /// The submission's ID.
        submission: String,
    },
    /// Answer whether the app uses third-party content.
    SetContentRights {
        /// The answer, in Apple's spelling.
        answer: String,
    },
}

/// The part of a product page that a locale's texts belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Name, subtitle and privacy policy.
    AppInfo,
    /// Everything else.
    Version,
}

/// Everything that changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// What makes the version editable; what follows is planned again after it.
    pub first: Vec<Action>,
    /// Everything else, in order.
    pub then: Vec<Action>,
    /// The build and the version are submitted for review.
    pub submit: bool,
    /// What was left alone on purpose, and why.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.then.is_empty() && !self.submit
    }

    /// Takes the version out of the draft submission that it is in, and puts it back unless it is submitted.
    pub(crate) fn take_out_of_draft(&mut self, version: &Version, snapshot: &Snapshot) {
        let is_out = |action: &Action| matches!(action, Action::RemoveDraftItem { .. });
        if self.first.iter().any(is_out) {
            return;
        }
        for submission in &snapshot.submissions {
            let own = submission
                .items
                .iter()
                .filter(|(_, of)| of.as_ref() == version.id.as_ref());
            for (item, _) in own {
                self.first
                    .insert(0, Action::RemoveDraftItem { item: item.clone() });
                if !self.submit {
                    self.then.push(Action::ReturnToDraft {
                        submission: submission.id.clone(),
                    });
                }
            }
        }
    }

    /// How many changes it has.
    pub fn len(&self) -> usize {
        self.first.len() + self.then.len() + usize::from(self.submit)
    }
}

/// The attributes of `wanted` that differ from `current`.
pub(crate) fn differences(current: &Map<String, Value>, wanted: &Map<String, Value>) -> Vec<Change> {
    wanted
        .iter()
        .filter(|(name, value)| current.get(*name).unwrap_or(&Value::Null) != *value)
        .map(|(name, value)| Change {
            attribute: name.clone(),
            from: current.get(name).cloned().unwrap_or(Value::Null),
            to: value.clone(),
        })
        .collect()
}

impl Action {
    /// One line for people: a sign, the kind, what it is about, and why.
    pub fn line(&self) -> String {
        let row =
            |sign: char, kind: &str, what: &str, why: String| format!("{sign} {kind:<18} {what:<24} {why}");
        match self {
            Self::CancelSubmission { state, .. } => {
                row('!', "submission", "cancel", format!("it is {state}"))
            }
            Self::AwaitCancellation { state } => row(
                '~',
                "submission",
                "await cancellation",
                format!("no submission is open, and the version is still {state}"),
            ),
            Self::RemoveDraftItem { .. } => row(
                '~',
                "submission",
                "take version out",
                "a version in a draft can't be edited".to_owned(),
            ),
            Self::CreateVersion { version } => {
                row('+', "version", version, "not on App Store Connect".to_owned())
            }
            Self::RenameVersion { from, to } => row(
                '~',
                "version",
                to,
                format!("the version in preparation is {from}"),
            ),
            Self::UpdateVersion { changes } => row('~', "version", "", names(changes)),
            Self::CreateLocale { locale, part, .. } => row('+', part.name(), locale, "new locale".to_owned()),
            Self::UpdateLocale {
                locale,
                part,
                changes,
            } => row('~', part.name(), locale, names(changes)),
            Self::UpdateCategories { changes } => row('~', "categories", "", names(changes)),
            Self::UpdateAgeRating { changes } => row('~', "age rating", "", names(changes)),
            Self::UpdateReviewInformation { changes } => row('~', "review information", "", names(changes)),
            Self::ReplaceAttachment { name } => row('~', "review attachment", name, "upload".to_owned()),
            Self::CreatePhasedRelease => row('+', "phased release", "", "asked for".to_owned()),
            Self::DeletePhasedRelease => row('-', "phased release", "", "not wanted".to_owned()),
            Self::UpdateMedia(set) => row(
                '~',
                set.kind.name(),
                &format!("{} {}", set.locale, set.display),
                set.reason(),
            ),
            Self::ReturnToDraft { .. } => row(
                '~',
                "submission",
                "put version back",
                "it was in the draft before".to_owned(),
            ),
            Self::SetContentRights { answer } => row('~', "content rights", "", answer.clone()),
        }
    }
}

/// The attributes that change, the first few by name.
pub(crate) fn names(changes: &[Change]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<&str> = changes
        .iter()
        .take(SHOWN)
        .map(|change| change.attribute.as_str())
        .collect();
    match changes.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::AppInfo => "app info texts",
            Self::Version => "version texts",
        }
    }
}

/// The attributes of changes as they are sent.
pub(crate) fn to_attributes(changes: &[Change]) -> Value {
    let pairs = changes
        .iter()
        .map(|change| (change.attribute.clone(), change.to.clone()));
    Value::Object(pairs.collect())
}

/// The relationships of category changes as they are sent.
pub(crate) fn to_relationships(changes: &[Change]) -> Value {
    let pairs = changes.iter().map(|change| {
        let data = match &change.to {
            Value::String(id) => json!({"type": "appCategories", "id": id}),
            _ => Value::Null,
        };
        (change.attribute.clone(), json!({ "data": data }))
    });
    Value::Object(pairs.collect())
}
