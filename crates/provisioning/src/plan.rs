//! The plan: what to change on the portal, in which order, and why. Pure: no I/O, no clock.

use std::collections::{BTreeMap, BTreeSet};

use apple_types::{BundleIdentifier, Udid};
use time::OffsetDateTime;

use crate::action::Action;
use crate::capability::{self, Capability};
use crate::certificates::settle;
use crate::desired::{DesiredProfile, Policy, PortalAccess};
use crate::names::{alternative_names, bundle_id_name};
use crate::not_granted::grant_warnings;
use crate::plan_error::PlanError;
use crate::snapshot::{Assignable, BundleId, Device, PortalProfile, Snapshot};
use crate::staleness::{Requirements, staleness_reason};
use crate::warning::{ManualTask, Warning};

/// What to do, and what is left to a person.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The desired profiles, in their order, with the certificates that are used.
    pub desired_profiles: Vec<DesiredProfile>,
    /// The changes, in stages.
    pub actions: Vec<Action>,
    /// For each desired profile, by its position, the one on the portal that fits already.
    pub up_to_date: BTreeMap<usize, PortalProfile>,
    /// What a person should know.
    pub warnings: Vec<Warning>,
    /// What was decided on the way.
    pub notes: Vec<String>,
    /// What a person must do before the app can be signed, although the rest can be prepared.
    pub manual_tasks: Vec<ManualTask>,
}

/// Decides what to change so that every desired profile exists.
///
/// # Errors
/// When only a person can solve it.
pub fn plan(
    desired_profiles: &[DesiredProfile],
    snapshot: &Snapshot,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Plan, PlanError> {
    let settled = settle(desired_profiles, &snapshot.certificates, &policy.certificates)?;
    let mut plan = Plan {
        warnings: settled.warnings,
        notes: settled.notes,
        ..Plan::default()
    };
    let new_udids = plan.register_devices(desired_profiles, snapshot, policy);
    let mut seen = BTreeSet::new();
    for desired in &settled.desired_profiles {
        if seen.insert(desired.bundle_id.clone()) {
            plan.prepare_bundle_id(desired, snapshot, policy.access)?;
        }
    }
    for (index, desired) in settled.desired_profiles.iter().enumerate() {
        plan.prepare_profile(index, desired, snapshot, policy, &new_udids, now)?;
    }
    plan.actions.sort_by_key(Action::stage);
    plan.desired_profiles = settled.desired_profiles;
    Ok(plan)
}

impl Plan {
    /// The registration of missing devices alone.
    pub fn registration(desired_profiles: &[DesiredProfile], snapshot: &Snapshot, policy: &Policy) -> Self {
        let mut plan = Self::default();
        plan.register_devices(desired_profiles, snapshot, policy);
        plan
    }

    /// Registers what is missing, and returns the UDIDs that are on their way.
    fn register_devices(
        &mut self,
        desired_profiles: &[DesiredProfile],
        snapshot: &Snapshot,
        policy: &Policy,
    ) -> Vec<Udid> {
        let mut new = Vec::new();
        if !desired_profiles
            .iter()
            .any(|desired| desired.distribution.lists_devices())
        {
            return new;
        }
        for device in &policy.test_devices {
            let known = snapshot.devices.iter().find(|known| known.udid == device.udid);
            match known {
                Some(known) if known.processing => {
                    self.warnings.push(Warning::DeviceInProcess {
                        name: device.name.clone(),
                        udid: known.udid.clone(),
                    });
                }
                Some(known) if !known.enabled => {
                    self.warnings.push(Warning::DeviceDisabled {
                        name: device.name.clone(),
                        udid: known.udid.clone(),
                    });
                }
                Some(_) => {}
                None if new.contains(&device.udid) => {}
                None => match device.udid.registered_as() {
                    Some((udid, platform)) => {
                        new.push(udid.clone());
                        self.actions.push(Action::RegisterDevice {
                            name: "Bitrise test device".to_owned(),
                            udid,
                            platform,
                        });
                    }
                    None => self.warnings.push(Warning::InvalidUdid {
                        name: device.name.clone(),
                        udid: device.udid.clone(),
                    }),
                },
            }
        }
        new
    }

    fn prepare_bundle_id(
        &mut self,
        desired: &DesiredProfile,
        snapshot: &Snapshot,
        access: PortalAccess,
    ) -> Result<(), PlanError> {
        let found = find_bundle_id(snapshot, &desired.bundle_id)?;
        let is_clip = desired.clip_of.is_some() || capability::is_app_clip(&desired.entitlements);
        if found.is_none() {
            let parent = desired.clip_of.clone();
            if is_clip && access == PortalAccess::ApiKey {
                return Err(PlanError::AppClip(desired.bundle_id.clone()));
            }
            if is_clip && parent.is_none() {
                return Err(PlanError::AppClipParent(desired.bundle_id.clone()));
            }
            self.actions.push(Action::CreateBundleId {
                identifier: desired.bundle_id.clone(),
                name: bundle_id_name(desired.bundle_id.as_str()),
                platform: desired.profile_type.portal_platform(),
                parent,
            });
            let containers = capability::icloud_containers(&desired.entitlements);
            if !containers.is_empty() && access == PortalAccess::ApiKey {
                self.manual_tasks.push(ManualTask::CloudContainers {
                    containers,
                    bundle_id: desired.bundle_id.clone(),
                });
            }
        }
        let enabled = found
            .map(|bundle_id| bundle_id.capabilities.as_slice())
            .unwrap_or_default();
        for wanted in capability::capabilities(&desired.entitlements, access) {
            if enabled.iter().any(|have| have.capability.satisfies(&wanted))
                || (found.is_none() && is_given(&wanted))
            {
                continue;
            }
            if is_clip
                && access == PortalAccess::ApiKey
                && capability::uses_sign_in_with_apple(&desired.entitlements)
            {
                return Err(PlanError::AppClipSignIn(desired.bundle_id.clone()));
            }
            let bundle_id = desired.bundle_id.clone();
            self.actions.push(
                match enabled.iter().find(|have| have.capability.kind == wanted.kind) {
                    Some(have) => Action::ChangeCapability {
                        bundle_id,
                        id: have.id.clone(),
                        capability: wanted,
                    },
                    None => Action::EnableCapability {
                        bundle_id,
                        capability: wanted,
                    },
                },
            );
        }
        if access == PortalAccess::Session {
            self.assign(desired, found);
        }
        Ok(())
    }

    /// Associates what the entitlements name and the App ID does not have yet; what it has it keeps.
    fn assign(&mut self, desired: &DesiredProfile, found: Option<&BundleId>) {
        let assigned = found.and_then(|found| found.assigned.clone()).unwrap_or_default();
        for (what, wanted, have) in [
            (
                Assignable::AppGroups,
                capability::app_groups(&desired.entitlements),
                assigned.app_groups,
            ),
            (
                Assignable::CloudContainers,
                capability::icloud_containers(&desired.entitlements),
                assigned.cloud_containers,
            ),
        ] {
            let mut identifiers = have.clone();
            for identifier in wanted {
                // What is not resolved can't be assigned, and is named, but for a prefix that the profile gives.
                let is_prefixed = ["AppIdentifierPrefix", "TeamIdentifierPrefix"]
                    .iter()
                    .any(|name| {
                        [format!("$({name})"), format!("${{{name}}}")]
                            .iter()
                            .any(|prefix| identifier.starts_with(prefix))
                    });
                if !is_prefixed && capability::has_variable(&identifier) {
                    self.warnings.push(Warning::UnresolvedIdentifier {
                        identifier,
                        bundle_id: desired.bundle_id.clone(),
                    });
                    continue;
                }
                // Nor what the Mac allows without asking.
                let is_assignable = identifier.starts_with(match what {
                    Assignable::AppGroups => "group.",
                    Assignable::CloudContainers => "iCloud.",
                });
                if is_assignable && !identifiers.contains(&identifier) {
                    identifiers.push(identifier);
                }
            }
            if identifiers.len() > have.len() {
                self.actions.push(Action::Assign {
                    bundle_id: desired.bundle_id.clone(),
                    what,
                    identifiers,
                });
            }
        }
    }

    fn prepare_profile(
        &mut self,
        index: usize,
        desired: &DesiredProfile,
        snapshot: &Snapshot,
        policy: &Policy,
        new_udids: &[Udid],
        now: OffsetDateTime,
    ) -> Result<(), PlanError> {
        let devices: Vec<&Device> = snapshot
            .devices
            .iter()
            .filter(|device| device.enabled && desired.profile_type.takes_device(device.class))
            .collect();
        if desired.distribution.lists_devices() && devices.is_empty() && new_udids.is_empty() {
            if desired.optional {
                self.warnings.push(Warning::NoDevices {
                    profile: desired.name.clone(),
                    bundle_id: desired.bundle_id.clone(),
                    distribution: policy.distribution,
                });
                return Ok(());
            }
            return Err(PlanError::NoDevices(desired.profile_type));
        }
        let needs = Requirements {
            desired,
            devices: &devices,
            new_udids,
            min_days_valid: policy.min_profile_days_valid,
            now,
        };
        let profiles = find_bundle_id(snapshot, &desired.bundle_id)?
            .map(|bundle_id| bundle_id.profiles.as_slice())
            .unwrap_or_default();
        let alternatives = alternative_names(desired.profile_type, desired.distribution, &desired.bundle_id);
        let invalidated = self.actions.iter().any(|action| match action {
            Action::EnableCapability { bundle_id, .. }
            | Action::ChangeCapability { bundle_id, .. }
            | Action::Assign { bundle_id, .. } => *bundle_id == desired.bundle_id,
            _ => false,
        });
        let mut repairable = None;
        let mut reason = "none for this App ID".to_owned();
        // The profile of our own name first, then the sister step's.
        let names = std::iter::once(&desired.name).chain(&alternatives);
        for profile in names.flat_map(|name| profiles.iter().filter(move |profile| profile.name == *name)) {
            if profile
                .details
                .as_ref()
                .is_some_and(|details| details.xcode_managed)
            {
                continue;
            }
            let staleness_reason = if profile.profile_type != Some(desired.profile_type) {
                if profile.name != desired.name {
                    continue;
                }
                Some(format!("its type is not {}", desired.profile_type))
            } else if invalidated {
                Some("the capabilities of its App ID change, which invalidates it".to_owned())
            } else {
                staleness_reason(profile, &needs)
            };
            match staleness_reason {
                None => {
                    self.note_shortcomings(desired, profile, policy, now);
                    self.up_to_date.insert(index, profile.clone());
                    self.actions
                        .retain(|action| !is_deletion_for(action, profiles, &desired.name));
                    return Ok(());
                }
                Some(why) => {
                    reason.clone_from(&why);
                    let Some(id) = profile.id.clone() else { continue };
                    let name = profile.name.clone();
                    let is_of_type = profile.profile_type == Some(desired.profile_type);
                    if policy.access == PortalAccess::Session && is_of_type && repairable.is_none() {
                        repairable = Some((id, why));
                        continue;
                    }
                    self.actions.push(Action::DeleteProfile {
                        id,
                        name,
                        reason: why,
                    });
                }
            }
        }
        // The portal takes each name once, whoever has it.
        let elsewhere = snapshot
            .bundle_ids
            .iter()
            .filter(|known| known.identifier != desired.bundle_id);
        for (known, profile) in elsewhere.flat_map(|known| known.profiles.iter().map(move |one| (known, one)))
        {
            if let Some(id) = profile.id.clone().filter(|_| profile.name == desired.name) {
                reason = format!("{} has a profile of that name", known.identifier);
                self.actions.push(Action::DeleteProfile {
                    id,
                    name: profile.name.clone(),
                    reason: format!(
                        "it belongs to {} and uses the name of this profile",
                        known.identifier
                    ),
                });
            }
        }
        let name = desired.name.clone();
        self.actions.push(match repairable {
            Some((id, reason)) => Action::RepairProfile {
                id,
                desired: index,
                name,
                reason,
            },
            None => Action::CreateProfile {
                desired: index,
                name,
                reason,
            },
        });
        Ok(())
    }

    /// What a fitting profile does not grant although recreating it would not help.
    fn note_shortcomings(
        &mut self,
        desired: &DesiredProfile,
        profile: &PortalProfile,
        policy: &Policy,
        now: OffsetDateTime,
    ) {
        let Some(details) = &profile.details else { return };
        self.warnings.extend(grant_warnings(desired, profile));
        if details.expires_at < now + time::Duration::days(policy.min_profile_days_valid) {
            self.warnings.push(Warning::EndsWithCertificate {
                profile: profile.name.clone(),
                on: details.expires_at.date(),
            });
        }
    }
}

/// Whether an action deletes one of these profiles under this name, which need not happen where one fits.
fn is_deletion_for(action: &Action, profiles: &[PortalProfile], own_name: &str) -> bool {
    matches!(action, Action::DeleteProfile { id, name, .. } if name == own_name && profiles.iter().any(|profile| profile.id.as_ref() == Some(id)))
}

/// Capabilities that every new bundle ID has from the start.
fn is_given(capability: &Capability) -> bool {
    matches!(capability.kind.as_str(), "IN_APP_PURCHASE" | "GAME_CENTER")
}

fn find_bundle_id<'a>(
    snapshot: &'a Snapshot,
    identifier: &BundleIdentifier,
) -> Result<Option<&'a BundleId>, PlanError> {
    if let Some(exact) = snapshot
        .bundle_ids
        .iter()
        .find(|known| known.identifier == *identifier)
    {
        return Ok(Some(exact));
    }
    match snapshot
        .bundle_ids
        .iter()
        .find(|known| known.identifier.is_same_but_for_case(identifier))
    {
        Some(other) => Err(PlanError::Case {
            project: identifier.clone(),
            portal: other.identifier.clone(),
        }),
        None => Ok(None),
    }
}
