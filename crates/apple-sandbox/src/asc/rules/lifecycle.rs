//! What Apple does by itself after a request was answered, and how long it takes.
//!
//! Time is counted in looks: requests about the resources concerned. A wait of `0` looks is over at the next request.
//! What is slow at Apple: fastlane #16991, #21482, and #20619.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::situations::SeedRelease;
use super::{Change, distribution, release, review};
use crate::asc::objects::Key;
use crate::state::State;

/// How many looks it takes until something shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// A new version in lists, and the app info that comes with it.
    pub version: u32,
    /// The end of a canceled submission.
    pub cancel: u32,
    /// `READY_FOR_REVIEW` of a version that was put into a submission.
    pub ready: u32,
    /// The processing of a picture or video.
    pub media: u32,
    /// The disappearance of deleted pictures and sets from lists.
    pub deletion: u32,
    /// The processing of a build.
    pub build: u32,
    /// The states of a build after its export compliance was answered.
    pub compliance: u32,
    /// The distribution of a released version.
    pub distribution: u32,
}

/// The account's rules for releases, and what is on its way.
#[derive(Debug, Clone, Serialize)]
pub struct ReleaseRules {
    /// How long things take.
    pub pace: Pace,
    /// Whether a version has to be complete before it is taken for review.
    pub checks_completeness: bool,
    /// Whether the account has the App Asset Library (API 4.5.1); without it, its paths answer 404.
    pub has_asset_library: bool,
    /// How many of the next pictures Apple's image tool fails on.
    pub image_tool_failures: u32,
    /// What becomes of builds once they are processed: `VALID`, `FAILED`, or `INVALID`.
    pub build_outcome: String,
    pub(crate) pending: Vec<Pending>,
    /// Where apps begin, until their records are asked for.
    #[serde(skip)]
    pub(crate) situations: BTreeMap<String, SeedRelease>,
}

impl Default for ReleaseRules {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            checks_completeness: true,
            has_asset_library: true,
            image_tool_failures: 0,
            build_outcome: "VALID".to_owned(),
            pending: Vec::new(),
            situations: BTreeMap::new(),
        }
    }
}

/// Something that happens after so many looks.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Pending {
    looks: u32,
    effect: Effect,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) enum Effect {
    /// A canceled submission ends.
    EndSubmission(String),
    /// The version of an item that was put into a submission is ready for review.
    MakeReady(String),
    /// A build is processed.
    ProcessBuild(String),
    /// The answer to export compliance takes effect.
    TakeCompliance(String),
    /// A released version reaches the store.
    Distribute(String),
    /// What was deleted leaves the lists.
    Forget(Key),
}

impl Effect {
    /// The kinds whose requests are looks at it.
    fn watched(&self) -> &'static [&'static str] {
        match self {
            Self::EndSubmission(_) | Self::MakeReady(_) => {
                &["reviewSubmissions", "reviewSubmissionItems", "appStoreVersions"]
            }
            Self::ProcessBuild(_) | Self::TakeCompliance(_) => {
                &["builds", "buildBetaDetails", "buildUploads"]
            }
            Self::Distribute(_) => &["appStoreVersions"],
            Self::Forget(_) => &[
                "appScreenshotSets",
                "appScreenshots",
                "appPreviewSets",
                "appPreviews",
                "appAssetLibraryPlacements",
            ],
        }
    }

    fn apply(&self, change: &mut Change<'_>) {
        match self {
            Self::EndSubmission(id) => review::end_canceled(change, id),
            Self::MakeReady(id) => review::make_ready(change, id),
            Self::ProcessBuild(id) => distribution::process(change, id),
            Self::TakeCompliance(id) => distribution::take_compliance(change, id),
            Self::Distribute(id) => release::distribute(change, id),
            Self::Forget(key) => change.remove(key),
        }
    }
}

impl State {
    /// Lets something happen after so many looks.
    pub(crate) fn schedule(&mut self, looks: u32, effect: Effect) {
        if !self.release.pending.iter().any(|known| known.effect == effect) {
            self.release.pending.push(Pending { looks, effect });
        }
    }
}

/// Marks what was deleted and still shows in lists; no schema has an attribute of that name.
pub(crate) const DELETED: &str = "-deleted";

/// Lets happen what is due at a request about resources of a kind.
pub(crate) fn advance(change: &mut Change<'_>, kind: &str) {
    loop {
        let pending = &mut change.state.release.pending;
        let due = pending.iter().position(|one| one.looks == 0);
        let Some(due) = due else { break };
        let effect = pending.remove(due).effect;
        effect.apply(change);
    }
    for one in &mut change.state.release.pending {
        if one.effect.watched().contains(&kind) {
            one.looks -= 1;
        }
    }
}

/// Lets everything happen that is on its way.
pub(crate) fn settle(change: &mut Change<'_>) {
    while !change.state.release.pending.is_empty() {
        let one = change.state.release.pending.remove(0);
        one.effect.apply(change);
    }
}

/// Takes a resource and everything of it out of use; lists show it for a while.
pub(crate) fn forget_later(change: &mut Change<'_>, key: &Key) {
    let looks = change.state.release.pace.deletion;
    if looks == 0 {
        change.remove(key);
        return;
    }
    change.state.objects.set(&key.kind, &key.id, DELETED, true);
    let children = ["appScreenshots", "appPreviews"]
        .iter()
        .flat_map(|name| change.state.objects.links(&key.kind, &key.id, name).to_vec())
        .collect::<Vec<_>>();
    for child in children {
        change.state.objects.set(&child.kind, &child.id, DELETED, true);
    }
    change.state.schedule(looks, Effect::Forget(key.clone()));
}
