//! Observe, plan, apply, until nothing is left to do.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use provisioning::{
    Action, BundleId, BundleIdentifier, DesiredProfile, Device, ManualTask, NoManagedProfile, NotGranted,
    Plan, PlanError, Policy, PortalCertificate, PortalProfile, Query, ResourceId, SignedProfile, Snapshot,
    Warning, choose_managed, grant_warnings, plan,
};
use transport::Backoff;

use crate::portal::{NewProfile, Portal, PortalError, PortalErrorKind};

/// How many rounds in a row may fail without a change by this run: other runs keep getting there first.
const FRUITLESS_ROUNDS: u32 = 5;

/// How many rounds there are at most: two runs that undo each other's changes must not do so forever.
const ROUNDS: u32 = 15;

/// Pauses before another round.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(8),
};

/// Requests in flight together: as many as Apple's short-term limit forgives.
const CONCURRENCY: usize = 8;

/// What a reconcile loop reports while it works.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The plan that is carried out next.
    Plan(&'a Plan),
    /// Something that a person should know.
    Warning(Warning),
}

/// The end of a reconcile loop.
#[derive(Debug, Clone, Default)]
pub struct Reconciled {
    /// A profile for each desired one, in their order.
    pub signed: Vec<SignedProfile>,
    /// The changes that were made.
    pub changes: Vec<Action>,
    /// What a person must do before the app can be signed.
    pub manual_tasks: Vec<ManualTask>,
    /// What new profiles do not grant although the targets can be signed.
    pub warnings: Vec<Warning>,
}

/// Why the portal could not be brought into the desired state.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Only a person can solve it.
    #[error(transparent)]
    PlanError(#[from] PlanError),
    /// The portal refused it.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// Xcode has created no usable profile.
    #[error(transparent)]
    NoManagedProfile(#[from] NoManagedProfile),
    /// A new profile does not grant what its targets claim.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
}

/// Finds profiles that Xcode made for itself, for projects that it signs automatically. Nothing changes on the portal but
/// that missing devices are registered; profiles that Xcode made before can't have those.
///
/// # Errors
/// When one is missing, or does not fit.
pub async fn reconcile_managed(
    portal: &dyn Portal,
    desired_profiles: &[DesiredProfile],
    policy: &Policy,
    mut report: impl FnMut(Progress<'_>),
) -> Result<Reconciled, ReconcileError> {
    let query = Query {
        managed: true,
        ..Query::of(desired_profiles)
    };
    let mut snapshot = portal.snapshot(&query).await?;
    let registration = Plan::registration(desired_profiles, &snapshot, policy);
    report(Progress::Plan(&registration));
    let mut changes = Vec::new();
    let known = snapshot.devices.len();
    register_devices(portal, &registration, &mut snapshot, &mut changes, &mut report).await;
    if snapshot.devices.len() > known {
        report(Progress::Warning(Warning::NotInManagedProfiles));
        snapshot.devices.truncate(known);
    }
    let signed = choose_managed(desired_profiles, &snapshot, policy, clock::now())?;
    Ok(Reconciled {
        signed,
        changes,
        ..Reconciled::default()
    })
}

/// Brings the portal into the desired state.
///
/// `report` is called with every plan before it is applied.
///
/// # Errors
/// When a person is needed, or the portal keeps refusing.
pub async fn reconcile(
    portal: &dyn Portal,
    desired_profiles: &[DesiredProfile],
    policy: &Policy,
    mut report: impl FnMut(Progress<'_>),
) -> Result<Reconciled, ReconcileError> {
    let query = Query::of(desired_profiles);
    let mut changes = Vec::new();
    let mut manual_tasks: Vec<ManualTask> = Vec::new();
    let (mut round, mut fruitless) = (0, 0);
    loop {
        round += 1;
        let done_before = changes.len();
        let mut snapshot = portal.snapshot(&query).await?;
        let mut policy = policy.clone();
        let mut next = plan(desired_profiles, &snapshot, &policy, clock::now())?;
        if next
            .actions
            .iter()
            .any(|action| matches!(action, Action::RegisterDevice { .. }))
        {
            let registration = Plan::registration(desired_profiles, &snapshot, &policy);
            report(Progress::Plan(&registration));
            register_devices(portal, &registration, &mut snapshot, &mut changes, &mut report).await;
            // A device that Apple did not accept must not be a reason to recreate profiles in every build.
            policy.test_devices.clear();
            next = plan(desired_profiles, &snapshot, &policy, clock::now())?;
        }
        let plan = next;
        report(Progress::Plan(&plan));
        for task in &plan.manual_tasks {
            // A round that follows a race plans the same again.
            if !manual_tasks.contains(task) {
                manual_tasks.push(task.clone());
            }
        }
        let error = match apply(portal, &plan.desired_profiles, &snapshot, &plan, &mut changes).await {
            Ok(profiles) => {
                let mut done = Reconciled {
                    changes,
                    manual_tasks,
                    ..Reconciled::default()
                };
                for (index, desired) in plan.desired_profiles.iter().enumerate() {
                    let Some(profile) = profiles.get(&index) else {
                        continue;
                    };
                    // The new profile is the proof. The plan has checked those that existed.
                    if !plan.up_to_date.contains_key(&index) {
                        if let Some(not_granted) = NotGranted::of(desired, profile, policy.access) {
                            return Err(not_granted.into());
                        }
                        done.warnings.extend(grant_warnings(desired, profile));
                    }
                    done.signed.push(SignedProfile {
                        desired: desired.clone(),
                        profile: profile.clone(),
                    });
                }
                return Ok(done);
            }
            Err(error) => error,
        };
        fruitless = if changes.len() > done_before {
            0
        } else {
            fruitless + 1
        };
        if fruitless == FRUITLESS_ROUNDS || round == ROUNDS {
            return Err(error.into());
        }
        match error.kind {
            PortalErrorKind::Race => {
                tracing::warn!(
                    "{error}: {}; another run may have been faster, reading the portal again",
                    error.source
                );
                tokio::time::sleep(BACKOFF.random(fruitless.max(1))).await;
            }
            // Apple says that the plan does not fit what the portal has, which is so where that has changed.
            PortalErrorKind::Conflict => {
                let seen = portal.snapshot(&query).await?;
                let next = provisioning::plan(desired_profiles, &seen, &policy, clock::now())?;
                if next.actions == plan.actions || is_left_of(&next.actions, &plan.actions, &changes) {
                    return Err(error.into());
                }
                tracing::warn!(
                    "{error}: {}; another run was faster, planning again",
                    error.source
                );
            }
            PortalErrorKind::DeviceLimit | PortalErrorKind::Refused => return Err(error.into()),
        }
    }
}

/// Whether `next` is nothing but what is left of `plan` once `changes` were made: the portal changed by this run alone.
fn is_left_of(next: &[Action], plan: &[Action], changes: &[Action]) -> bool {
    next.iter().all(|action| plan.contains(action)) && {
        let left = plan.iter().filter(|action| !changes.contains(action)).count();
        next.len() >= left
    }
}

/// Registers the devices of a plan and adds them to the snapshot. One that Apple does not take is no reason to
/// stop: the yearly limit, or a number that looks like a UDID and is none.
async fn register_devices(
    portal: &dyn Portal,
    plan: &Plan,
    snapshot: &mut Snapshot,
    changes: &mut Vec<Action>,
    report: &mut impl FnMut(Progress<'_>),
) {
    let wanted = plan.actions.iter().filter_map(|action| match action {
        Action::RegisterDevice { name, udid, platform } => Some((action, name, udid, *platform)),
        _ => None,
    });
    let answers: Vec<(&Action, Result<Device, PortalError>)> = stream::iter(wanted)
        .map(|(action, name, udid, platform)| async move {
            (action, portal.register_device(name, udid, platform).await)
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let mut is_full = false;
    for (action, answer) in answers {
        match answer {
            Ok(device) => {
                snapshot.devices.push(device);
                changes.push(action.clone());
            }
            Err(error) => {
                is_full |= error.kind == PortalErrorKind::DeviceLimit;
                tracing::warn!("{error}: {}", error.source);
            }
        }
    }
    if is_full {
        report(Progress::Warning(Warning::DeviceLimit));
    }
}

/// What an action left behind that later ones need.
enum Made {
    Nothing,
    BundleId(BundleIdentifier, ResourceId<BundleId>),
    Profile(usize, Box<PortalProfile>),
}

async fn apply(
    portal: &dyn Portal,
    desired_profiles: &[DesiredProfile],
    snapshot: &Snapshot,
    plan: &Plan,
    changes: &mut Vec<Action>,
) -> Result<BTreeMap<usize, PortalProfile>, PortalError> {
    let mut profiles = plan.up_to_date.clone();
    let mut ids: BTreeMap<BundleIdentifier, ResourceId<BundleId>> = snapshot
        .bundle_ids
        .iter()
        .filter_map(|known| Some((known.identifier.clone(), known.id.clone()?)))
        .collect();
    for stage in 0..=Action::LAST_STAGE {
        let actions: Vec<&Action> = plan
            .actions
            .iter()
            .filter(|action| action.stage() == stage)
            .collect();
        let mut made = Vec::new();
        {
            let mut doing = stream::iter(actions)
                .map(|action| perform(portal, action, desired_profiles, snapshot, &ids))
                .buffer_unordered(CONCURRENCY);
            // What is done counts, also when something beside it fails.
            while let Some((action, one)) = doing.try_next().await? {
                changes.push(action.clone());
                made.push(one);
            }
        }
        for one in made {
            match one {
                Made::Nothing => {}
                Made::BundleId(identifier, id) => drop(ids.insert(identifier, id)),
                Made::Profile(desired, profile) => drop(profiles.insert(desired, *profile)),
            }
        }
    }
    Ok(profiles)
}

async fn perform<'a>(
    portal: &dyn Portal,
    action: &'a Action,
    desired_profiles: &[DesiredProfile],
    snapshot: &Snapshot,
    ids: &BTreeMap<BundleIdentifier, ResourceId<BundleId>>,
) -> Result<(&'a Action, Made), PortalError> {
    let id_of = |identifier: &BundleIdentifier| {
        ids.get(identifier).ok_or_else(|| PortalError {
            what: action.to_string(),
            kind: PortalErrorKind::Refused,
            source: format!("the portal has no App ID `{identifier}`").into(),
        })
    };
    let made = match action {
        // Registered before the plan was made.
        Action::RegisterDevice { .. } => Made::Nothing,
        Action::CreateBundleId {
            identifier,
            name,
            platform,
            parent,
        } => {
            let parent = parent.as_ref().map(id_of).transpose()?;
            let id = portal
                .create_bundle_id(identifier, name, *platform, parent)
                .await?;
            Made::BundleId(identifier.clone(), id)
        }
        Action::EnableCapability {
            bundle_id,
            capability,
        } => {
            portal.enable_capability(id_of(bundle_id)?, capability).await?;
            Made::Nothing
        }
        Action::ChangeCapability { id, capability, .. } => {
            portal.change_capability(id, capability).await?;
            Made::Nothing
        }
        Action::DeleteProfile { id, .. } => {
            portal.delete_profile(id).await?;
            Made::Nothing
        }
        Action::Assign {
            bundle_id,
            what,
            identifiers,
        } => {
            portal.assign(id_of(bundle_id)?, *what, identifiers).await?;
            Made::Nothing
        }
        Action::CreateProfile { desired: index, .. } => {
            let desired = &desired_profiles[*index];
            let parts = Parts::of(desired, snapshot);
            let new = parts.profile(desired, id_of(&desired.bundle_id)?);
            Made::Profile(*index, Box::new(portal.create_profile(new).await?))
        }
        Action::RepairProfile {
            id, desired: index, ..
        } => {
            let desired = &desired_profiles[*index];
            let parts = Parts::of(desired, snapshot);
            let new = parts.profile(desired, id_of(&desired.bundle_id)?);
            Made::Profile(*index, Box::new(portal.repair_profile(id, new).await?))
        }
    };
    Ok((action, made))
}

/// What goes into a profile, in the portal's own IDs.
struct Parts {
    certificates: Vec<ResourceId<PortalCertificate>>,
    devices: Vec<ResourceId<Device>>,
}

impl Parts {
    fn of(desired: &DesiredProfile, snapshot: &Snapshot) -> Self {
        let fits = |device: &&Device| {
            desired.distribution.lists_devices()
                && device.enabled
                && desired.profile_type.takes_device(device.class)
        };
        let wanted = |serial: &String| {
            desired
                .certificates
                .iter()
                .any(|certificate| certificate.serial == *serial)
        };
        let known = snapshot.certificates.iter().filter(|known| wanted(&known.serial));
        Self {
            certificates: known.map(|known| known.id.clone()).collect(),
            devices: snapshot
                .devices
                .iter()
                .filter(fits)
                .map(|device| device.id.clone())
                .collect(),
        }
    }

    fn profile<'a>(
        &'a self,
        desired: &'a DesiredProfile,
        bundle_id: &'a ResourceId<BundleId>,
    ) -> NewProfile<'a> {
        NewProfile {
            name: &desired.name,
            profile_type: desired.profile_type,
            bundle_id,
            certificates: &self.certificates,
            devices: &self.devices,
        }
    }
}

#[cfg(test)]
mod tests;
