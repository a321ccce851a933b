//! Observe, plan, apply: a release from what there is to what there shall be.

mod apply;
mod builds;
mod observe;
mod update;

use app_store_connect::Client;
use apple_types::StorePlatform;
use transport::Transfer;

pub(crate) use self::builds::build_label;
use self::builds::check_build;
use crate::desired::DesiredRelease;
use crate::error::ReleaseError;
use crate::plan::{self, Action, Plan};
use crate::snapshot::{self, AppName, Build, Overview, Snapshot, Version};
use crate::store::Store;

/// Requests in flight.
const AT_ONCE: usize = 8;

/// Makes releases for one API key.
#[derive(Debug)]
pub struct Engine {
    pub(crate) store: Store,
    transfer: Transfer,
}

/// A release that is planned and can be made.
#[derive(Debug)]
pub struct Prepared {
    /// What there is.
    pub snapshot: Snapshot,
    /// What changes.
    pub plan: Plan,
    /// The build that is submitted, where one is and it is there already.
    pub build: Option<Build>,
}

/// What a release did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The app's number.
    pub app_id: String,
    /// The version.
    pub version: String,
    /// Its state in the end, in Apple's spelling.
    pub state: String,
}

impl Engine {
    /// An engine that speaks through `client`.
    ///
    /// # Errors
    /// When the machine has no usable CA certificates.
    pub fn new(client: Client) -> Result<Self, transport::Error> {
        let transfer = Transfer::new(client.http().journal().clone())?;
        Ok(Self {
            store: Store::new(client),
            transfer,
        })
    }

    /// The client below.
    pub fn client(&self) -> &Client {
        self.store.client()
    }

    /// Finds the app with its versions: the first look, which needs nothing of the release but its app and platform.
    ///
    /// # Errors
    /// When there is no such app, or App Store Connect can't be asked.
    pub async fn find_app(&self, name: &AppName, platform: StorePlatform) -> Result<Overview, ReleaseError> {
        snapshot::overview(&self.store, name, platform).await
    }

    /// Observes and plans; nothing is changed. `overview` is what [`Engine::find_app`] found, and `build_follows` says
    /// that the build is uploaded later in this run.
    ///
    /// # Errors
    /// When the release is impossible as things are, or App Store Connect can't be asked.
    pub async fn prepare(
        &self,
        desired: &DesiredRelease,
        overview: Overview,
        build_follows: bool,
    ) -> Result<Prepared, ReleaseError> {
        let snapshot = self.observe(desired, overview).await?;
        let mut plan = plan::plan(desired, &snapshot)?;
        let build = match &desired.submission {
            Some(submission) if !build_follows => {
                let number = version_number(desired, &snapshot).unwrap_or_default();
                let build = self
                    .find_or_expect_build(&snapshot.app, desired.platform, &number, &submission.build)
                    .await?;
                if let Some(build) = &build {
                    check_build(build, submission.uses_encryption)?;
                }
                build
            }
            _ => None,
        };
        forget_needless_cancellation(desired, &snapshot, &mut plan, build.as_ref());
        self.check_resubmission(desired, &snapshot, &plan, build.as_ref())?;
        if plan.submit
            && let Some(version) = own_version(desired, &snapshot)
            && version.state == "READY_FOR_REVIEW"
            && build.as_ref().map(|build| &build.id) != version.build.as_ref()
        {
            // A version in a draft keeps its build as well as its texts.
            plan.take_out_of_draft(version, &snapshot);
        }
        Ok(Prepared {
            snapshot,
            plan,
            build,
        })
    }

    /// A version that is in review already is right if it has the build that is to be submitted.
    fn check_resubmission(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        plan: &Plan,
        build: Option<&Build>,
    ) -> Result<(), ReleaseError> {
        let Some(version) = own_version(desired, snapshot) else {
            return Ok(());
        };
        if !plan.submit || !version.is_in_review() || !plan.first.is_empty() {
            return Ok(());
        }
        match (build, &version.build) {
            (Some(build), Some(current)) if build.id == *current => Ok(()),
            _ => Err(ReleaseError::Locked {
                version: version.number.clone(),
                state: version.state.clone(),
                what: "it can't get another build".to_owned(),
                cancelable: true,
            }),
        }
    }
}

/// A version that is in review with the build that is wanted, and of which nothing changes, is where it shall be: it is not
/// cancelled to be submitted again.
fn forget_needless_cancellation(
    desired: &DesiredRelease,
    snapshot: &Snapshot,
    plan: &mut Plan,
    build: Option<&Build>,
) {
    let Some(version) = own_version(desired, snapshot) else {
        return;
    };
    let is_canceling =
        |action: &Action| matches!(action, Action::CancelSubmission { state, .. } if state == "CANCELING");
    if plan.submit
        && plan.then.is_empty()
        && version.is_in_review()
        && matches!(plan.first.as_slice(), [cancel @ Action::CancelSubmission { .. }] if !is_canceling(cancel))
        && build.is_some_and(|build| version.build.as_ref() == Some(&build.id))
    {
        plan.first.clear();
    }
}

/// Whether a version is in a submission that is not complete, or may be.
fn is_in_submission(version: &Version) -> bool {
    version.is_in_review()
        || matches!(
            version.state.as_str(),
            "READY_FOR_REVIEW" | "REJECTED" | "METADATA_REJECTED" | "PENDING_DEVELOPER_RELEASE"
        )
}

/// The version that a release changes: the one on its way, or the live one where that is edited.
pub(crate) fn own_version<'a>(desired: &DesiredRelease, snapshot: &'a Snapshot) -> Option<&'a Version> {
    plan::version_of(desired, snapshot)
}

/// The number that the version will have.
fn version_number(desired: &DesiredRelease, snapshot: &Snapshot) -> Option<String> {
    let current = own_version(desired, snapshot).map(|version| version.number.clone());
    if desired.may_change_version {
        desired.version.clone().or(current)
    } else {
        current.or_else(|| desired.version.clone())
    }
}
