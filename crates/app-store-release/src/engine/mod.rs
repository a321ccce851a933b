//! Observe, plan, apply: a release from what there is to what there shall be.

mod apply;
mod builds;
mod observe;
mod update;

use app_store_connect::Client;
use transport::Transfer;

use self::builds::check_build;
use crate::desired::DesiredRelease;
use crate::error::ReleaseError;
use crate::plan::{self, Action, Plan};
use crate::snapshot::{self, Build, Snapshot, Version};
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

    /// Observes and plans; nothing is changed. `build_follows` says that the build is uploaded later in this run, and
    /// `only_plan` that the plan is all there will be: then the media of a version that does not exist yet are read
    /// from the one that Apple will copy, which [`Engine::apply`] would have to read again.
    ///
    /// # Errors
    /// When the release is impossible as things are, or App Store Connect can't be asked.
    pub async fn prepare(
        &self,
        desired: &DesiredRelease,
        build_follows: bool,
        only_plan: bool,
    ) -> Result<Prepared, ReleaseError> {
        let store = &self.store;
        let overview = snapshot::overview(store, &desired.app, desired.platform.api_name()).await?;
        let snapshot = self.observe(desired, overview, only_plan).await?;
        let mut plan = plan::plan(desired, &snapshot)?;
        let build = match &desired.submission {
            Some(submission) if !build_follows => {
                let number = version_number(desired, &snapshot).unwrap_or_default();
                let build = self
                    .find_build(
                        &snapshot.app,
                        desired.platform.api_name(),
                        &number,
                        &submission.build,
                    )
                    .await?;
                check_build(&build, submission.uses_encryption)?;
                Some(build)
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
        let in_review = matches!(version.state.as_str(), "WAITING_FOR_REVIEW" | "IN_REVIEW");
        if !plan.submit || !in_review || !plan.first.is_empty() {
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
    let in_review = matches!(version.state.as_str(), "WAITING_FOR_REVIEW" | "IN_REVIEW");
    let is_canceling =
        |action: &Action| matches!(action, Action::CancelSubmission { state, .. } if state == "CANCELING");
    if plan.submit
        && plan.then.is_empty()
        && in_review
        && matches!(plan.first.as_slice(), [cancel @ Action::CancelSubmission { .. }] if !is_canceling(cancel))
        && build.is_some_and(|build| version.build.as_ref() == Some(&build.id))
    {
        plan.first.clear();
    }
}

/// Whether a version is in a submission that is not complete, or may be.
fn is_in_submission(version: &Version) -> bool {
    matches!(
        version.state.as_str(),
        "READY_FOR_REVIEW"
            | "WAITING_FOR_REVIEW"
            | "IN_REVIEW"
            | "REJECTED"
            | "METADATA_REJECTED"
            | "PENDING_DEVELOPER_RELEASE"
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
