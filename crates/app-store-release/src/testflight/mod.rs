//! TestFlight distribution of a build: what fastlane's pilot does after the upload.
//!
//! [`Engine::prepare_distribution`](crate::Engine::prepare_distribution) observes and plans,
//! [`Engine::distribute`](crate::Engine::distribute) makes the differences.

mod apply;
mod plan;
mod snapshot;
mod whats_new;

use std::collections::BTreeMap;

use apple_types::StorePlatform;

pub use plan::{BetaAction, BetaPlan};
pub use snapshot::{BetaApp, BetaGroup, BetaSnapshot};
pub use whats_new::clean;

/// When a build goes to beta review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BetaReview {
    /// When an external group gets it.
    #[default]
    Automatic,
    /// Always.
    Yes,
    /// Never.
    No,
}

/// Texts by locale, and one for every other locale.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalizedText {
    /// The text of every locale that has none of its own.
    pub default: Option<String>,
    /// Texts by locale.
    pub by_locale: BTreeMap<String, String>,
}

impl LocalizedText {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.default.is_none() && self.by_locale.is_empty()
    }

    /// The text of each locale: the ones named, and the default for `existing` ones.
    pub(crate) fn resolve<'a>(
        &'a self,
        existing: impl Iterator<Item = &'a String>,
    ) -> BTreeMap<&'a str, &'a str> {
        let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
        if let Some(default) = &self.default {
            texts.extend(existing.map(|locale| (locale.as_str(), default.as_str())));
        }
        texts.extend(
            self.by_locale
                .iter()
                .map(|(locale, text)| (locale.as_str(), text.as_str())),
        );
        texts
    }
}

/// Which build is distributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildName {
    /// By Apple's ID.
    Id(String),
    /// By its numbers; what is `None` is the newest.
    Numbers {
        /// `CFBundleShortVersionString`.
        version: Option<String>,
        /// `CFBundleVersion`.
        number: Option<String>,
    },
}

/// What a distribution shall be. What is empty stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Names or IDs of beta groups.
    pub groups: Vec<String>,
    /// What to test.
    pub whats_new: LocalizedText,
    /// Whether the build goes to beta review.
    pub review: BetaReview,
    /// Whether testers are notified when they can test.
    pub notify: Option<bool>,
    /// The answer to export compliance, for a build that has none.
    pub uses_encryption: Option<bool>,
    /// The description of the beta.
    pub description: LocalizedText,
    /// The e-mail address for feedback.
    pub feedback_email: Option<String>,
    /// Contact for beta review, by attribute: `contactFirstName`, `demoAccountName`, …
    pub contact: BTreeMap<&'static str, String>,
    /// Whether all other builds of the app expire.
    pub expire_previous: bool,
}

impl Distribution {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        let nothing = Self::default();
        *self == nothing
            || (self.groups.is_empty()
                && *self
                    == Self {
                        review: self.review,
                        ..nothing
                    }
                && self.review != BetaReview::Yes)
    }
}

/// A distribution that is planned and can be made.
#[derive(Debug)]
pub struct PreparedDistribution {
    /// What there is.
    pub snapshot: BetaSnapshot,
    /// What changes.
    pub plan: BetaPlan,
}

/// What a distribution did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distributed {
    /// The app's number.
    pub app_id: String,
    /// Apple's ID of the build.
    pub build_id: String,
    /// The build number.
    pub number: String,
    /// The build's platform, where Apple says it.
    pub platform: Option<StorePlatform>,
    /// Whether it was given to external testers.
    pub is_external: bool,
    /// `externalBuildState`, in Apple's spelling; empty where Apple does not say it, and where an answer to export compliance
    /// is about to change it.
    pub external_state: String,
    /// The public link of the first group that has one.
    pub public_link: Option<String>,
}
