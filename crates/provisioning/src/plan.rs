//! The plan: what to change on the portal, in which order, and why. Pure: no I/O, no clock.

use std::collections::{BTreeMap, BTreeSet};

use plist::Dictionary;
use signing_assets::Certificate;
use time::OffsetDateTime;

use crate::action::Action;
use crate::blocked::Blocked;
use crate::capability::{self, Capability, IDENTIFIERS_PAGE, Requirements};
use crate::features;
use crate::fit::{Needs, misfit};
use crate::names::{bundle_id_name, sister_names};
use crate::snapshot::{Assignable, BundleId, Device, PortalProfile, Snapshot};
use crate::wants::{Policy, Want, Way};

/// What to do, and what is left to a person.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The changes, in stages.
    pub actions: Vec<Action>,
    /// For each want, the profile on the portal that fits already.
    pub fitting: BTreeMap<usize, PortalProfile>,
    /// What a person should know or do.
    pub warnings: Vec<String>,
    /// What a person must do before the app can be signed, although the rest can be prepared.
    pub unfinished: Vec<String>,
}

/// Decides what to change so that every want has a fitting profile.
///
/// # Errors
/// When only a person can remove what is in the way.
pub fn plan(
    wants: &[Want],
    snapshot: &Snapshot,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Plan, Blocked> {
    let mut plan = Plan::default();
    let known = known_certificates(wants, snapshot)?;
    let new_udids = plan.register_devices(wants, snapshot, policy);
    let mut seen = BTreeSet::new();
    for want in wants {
        if seen.insert(&want.bundle_id) {
            plan.prepare_bundle_id(want, snapshot, policy.way)?;
        }
    }
    for (index, want) in wants.iter().enumerate() {
        let mut want = want.clone();
        want.certificates
            .retain(|certificate| known.contains(&certificate.serial));
        plan.prepare_profile(index, &want, snapshot, policy, &new_udids, now)?;
    }
    plan.actions.sort_by_key(Action::stage);
    Ok(plan)
}

/// The serial numbers that the portal knows; every want must have one of them.
fn known_certificates(wants: &[Want], snapshot: &Snapshot) -> Result<BTreeSet<String>, Blocked> {
    let known: BTreeSet<String> = snapshot
        .certificates
        .iter()
        .map(|certificate| certificate.serial.clone())
        .collect();
    for want in wants {
        if !want
            .certificates
            .iter()
            .any(|certificate| known.contains(&certificate.serial))
        {
            let name = |certificate: &Certificate| {
                format!("{} (serial {})", certificate.common_name, certificate.serial)
            };
            return Err(Blocked::UnknownCertificates(
                want.certificates.iter().map(name).collect(),
            ));
        }
    }
    Ok(known)
}

impl Plan {
    /// The registration of missing devices alone.
    pub(crate) fn registration(wants: &[Want], snapshot: &Snapshot, policy: &Policy) -> Self {
        let mut plan = Self::default();
        plan.register_devices(wants, snapshot, policy);
        plan
    }

    /// Registers what is missing, and returns the UDIDs that are on their way.
    fn register_devices(&mut self, wants: &[Want], snapshot: &Snapshot, policy: &Policy) -> Vec<String> {
        let mut new = Vec::new();
        if !wants.iter().any(|want| want.distribution.lists_devices()) {
            return new;
        }
        for device in &policy.test_devices {
            let udid = Device::comparable(&device.udid);
            let known = snapshot
                .devices
                .iter()
                .find(|known| Device::comparable(&known.udid) == udid);
            match known {
                Some(known) if known.processing => {
                    self.warnings.push(format!("Apple still looks at the device {} ({}), which takes up to three days: a later build makes profiles that list it", device.name, known.udid));
                }
                Some(known) if !known.enabled => {
                    self.warnings.push(format!("the device {} ({}) is disabled on the portal, so no profile lists it", device.name, known.udid));
                }
                Some(_) => {}
                None if new.contains(&udid) => {}
                None => match udid_platform(&device.udid) {
                    Some(platform) => {
                        new.push(udid);
                        self.actions.push(Action::RegisterDevice {
                            name: "Bitrise test device".to_owned(),
                            udid: device.udid.clone(),
                            platform,
                        });
                    }
                    None => self.warnings.push(format!(
                        "the test device {} has the UDID `{}`, which is none: correct it in the owner's profile on Bitrise",
                        device.name, device.udid
                    )),
                },
            }
        }
        new
    }

    fn prepare_bundle_id(&mut self, want: &Want, snapshot: &Snapshot, way: Way) -> Result<(), Blocked> {
        let requirements = Requirements::of(&want.entitlements);
        for (entitlement, name) in requirements.attached.iter().filter(|_| way == Way::Session) {
            self.warnings.push(format!("`{entitlement}` of {} ({name}) is granted by Apple on request: make the profile {} by hand once, with the entitlement; it is kept when the profile is made anew", want.bundle_id, want.name));
        }
        if let Some((entitlement, name)) = requirements.attached.first().filter(|_| way == Way::ApiKey) {
            let (target, entitlement) = (want.bundle_id.clone(), entitlement.clone());
            return Err(Blocked::AttachedByApple {
                target,
                entitlement,
                name,
            });
        }
        for entitlement in &requirements.unknown {
            self.warnings.push(format!("the entitlement `{entitlement}` of {} is not known: if signing fails, enable what it needs at {IDENTIFIERS_PAGE}", want.bundle_id));
        }
        for (entitlement, name) in &requirements.by_hand {
            self.warnings.push(format!("`{entitlement}` of {} needs the capability {name}, which the API can't enable: check it at {IDENTIFIERS_PAGE}", want.bundle_id));
        }
        let found = find_bundle_id(snapshot, &want.bundle_id)?;
        let is_clip = capability::is_app_clip(&want.entitlements);
        if found.is_none() {
            if is_clip {
                return Err(Blocked::AppClip(want.bundle_id.clone()));
            }
            self.actions.push(Action::CreateBundleId {
                identifier: want.bundle_id.clone(),
                name: bundle_id_name(&want.bundle_id),
                platform: want.profile_type.bundle_id_platform(),
            });
            let containers = capability::icloud_containers(&want.entitlements);
            if !containers.is_empty() && way == Way::ApiKey {
                self.unfinished.push(format!(
                    "assign the iCloud containers {} to {} at {IDENTIFIERS_PAGE}",
                    containers.join(", "),
                    want.bundle_id
                ));
            }
        }
        let enabled = found
            .map(|bundle_id| bundle_id.capabilities.as_slice())
            .unwrap_or_default();
        for wanted in requirements.capabilities {
            if enabled.iter().any(|have| have.capability.satisfies(&wanted))
                || (found.is_none() && is_given(&wanted))
            {
                continue;
            }
            if is_clip && capability::uses_sign_in_with_apple(&want.entitlements) {
                return Err(Blocked::AppClipSignIn(want.bundle_id.clone()));
            }
            if way == Way::Session && features::of(&wanted.kind).is_none() {
                self.warnings.push(format!(
                    "{} of {} can't be enabled through an Apple ID session: check it at {IDENTIFIERS_PAGE}",
                    wanted.kind, want.bundle_id
                ));
                continue;
            }
            let by_hand = configured_by_hand(&wanted, &want.entitlements)
                .filter(|_| way == Way::ApiKey || wanted.kind == "APPLE_PAY");
            if let Some(what) = by_hand {
                self.warnings.push(format!(
                    "{} is enabled for {}, and a person must assign {what} to it at {IDENTIFIERS_PAGE}",
                    wanted.kind, want.bundle_id
                ));
            }
            let bundle_id = want.bundle_id.clone();
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
        if way == Way::Session {
            self.assign(want, found);
        }
        Ok(())
    }

    /// Associates what the entitlements name and the bundle ID lacks; what it has it keeps.
    fn assign(&mut self, want: &Want, found: Option<&BundleId>) {
        let assigned = found.and_then(|found| found.assigned.clone()).unwrap_or_default();
        for (what, wanted, have) in [
            (
                Assignable::AppGroups,
                capability::app_groups(&want.entitlements),
                assigned.app_groups,
            ),
            (
                Assignable::CloudContainers,
                capability::icloud_containers(&want.entitlements),
                assigned.cloud_containers,
            ),
        ] {
            let mut identifiers = have.clone();
            for identifier in wanted {
                // What a build resolves can't be assigned, nor what the Mac allows without asking.
                let is_assignable = !identifier.contains("$(")
                    && identifier.starts_with(match what {
                        Assignable::AppGroups => "group.",
                        Assignable::CloudContainers => "iCloud.",
                    });
                if is_assignable && !identifiers.contains(&identifier) {
                    identifiers.push(identifier);
                }
            }
            if identifiers.len() > have.len() {
                self.actions.push(Action::Assign {
                    bundle_id: want.bundle_id.clone(),
                    what,
                    identifiers,
                });
            }
        }
    }

    fn prepare_profile(
        &mut self,
        index: usize,
        want: &Want,
        snapshot: &Snapshot,
        policy: &Policy,
        new_udids: &[String],
        now: OffsetDateTime,
    ) -> Result<(), Blocked> {
        let devices: Vec<&Device> = snapshot
            .devices
            .iter()
            .filter(|device| device.enabled && want.profile_type.takes_device(device.class))
            .collect();
        if want.distribution.lists_devices() && devices.is_empty() && new_udids.is_empty() {
            return Err(Blocked::NoDevices(want.profile_type));
        }
        let needs = Needs {
            want,
            devices: &devices,
            new_udids,
            min_days_valid: policy.min_profile_days_valid,
            now,
        };
        let profiles = find_bundle_id(snapshot, &want.bundle_id)?
            .map(|bundle_id| bundle_id.profiles.as_slice())
            .unwrap_or_default();
        let sisters = sister_names(want.profile_type, want.distribution, &want.bundle_id);
        let invalidated = self.actions.iter().any(|action| match action {
            Action::EnableCapability { bundle_id, .. }
            | Action::ChangeCapability { bundle_id, .. }
            | Action::Assign { bundle_id, .. } => *bundle_id == want.bundle_id,
            _ => false,
        });
        let mut repairable = None;
        let mut reason = "there is none".to_owned();
        // The profile of our own name first, then the sister step's.
        let names = std::iter::once(&want.name).chain(&sisters);
        for profile in names.flat_map(|name| profiles.iter().filter(move |profile| profile.name == *name)) {
            if profile
                .details
                .as_ref()
                .is_some_and(|details| details.xcode_managed)
            {
                continue;
            }
            let misfit = if profile.profile_type != Some(want.profile_type) {
                if profile.name != want.name {
                    continue;
                }
                Some(format!(
                    "it is of another type and holds the name of a {} profile",
                    want.profile_type
                ))
            } else if invalidated {
                Some("the capabilities of its bundle ID change, which makes it invalid".to_owned())
            } else {
                misfit(profile, &needs)
            };
            match misfit {
                None => {
                    self.note_shortcomings(want, profile, policy, now);
                    self.fitting.insert(index, profile.clone());
                    self.actions
                        .retain(|action| !is_deletion_for(action, profiles, &want.name));
                    return Ok(());
                }
                Some(why) => {
                    reason.clone_from(&why);
                    let (id, name) = (profile.id.clone(), profile.name.clone());
                    let is_of_type = profile.profile_type == Some(want.profile_type);
                    if policy.way == Way::Session && is_of_type && repairable.is_none() {
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
            .filter(|known| known.identifier != want.bundle_id);
        for (known, profile) in elsewhere.flat_map(|known| known.profiles.iter().map(move |one| (known, one)))
        {
            if profile.name == want.name {
                reason = format!("{} has a profile of that name", known.identifier);
                self.actions.push(Action::DeleteProfile {
                    id: profile.id.clone(),
                    name: profile.name.clone(),
                    reason: format!("it belongs to {} and holds the name", known.identifier),
                });
            }
        }
        let name = want.name.clone();
        self.actions.push(match repairable {
            Some((id, reason)) => Action::RepairProfile {
                id,
                want: index,
                name,
                reason,
            },
            None => Action::CreateProfile {
                want: index,
                name,
                reason,
            },
        });
        Ok(())
    }

    /// What a fitting profile still lacks, and making it anew would not mend.
    fn note_shortcomings(
        &mut self,
        want: &Want,
        profile: &PortalProfile,
        policy: &Policy,
        now: OffsetDateTime,
    ) {
        let Some(details) = &profile.details else { return };
        let containers = capability::missing_containers(&want.entitlements, &details.entitlements);
        if !containers.is_empty() {
            self.warnings.push(format!("the profile {} grants no access to the iCloud container(s) {}: assign them to {} at {IDENTIFIERS_PAGE}", profile.name, containers.join(", "), want.bundle_id));
        }
        if details.expires_at < now + time::Duration::days(policy.min_profile_days_valid) {
            self.warnings.push(format!(
                "the profile {} ends on {} because its certificate does: renew the certificate",
                profile.name,
                details.expires_at.date()
            ));
        }
    }
}

/// Whether an action deletes one of these profiles under this name, which need not happen where one fits.
fn is_deletion_for(action: &Action, profiles: &[PortalProfile], own_name: &str) -> bool {
    matches!(action, Action::DeleteProfile { id, name, .. } if name == own_name && profiles.iter().any(|profile| profile.id == *id))
}

/// Capabilities that every new bundle ID has from the start.
fn is_given(capability: &Capability) -> bool {
    matches!(capability.kind.as_str(), "IN_APP_PURCHASE" | "GAME_CENTER")
}

fn configured_by_hand(capability: &Capability, entitlements: &Dictionary) -> Option<String> {
    let kind = match capability.kind.as_str() {
        "APP_GROUPS" => "App Groups",
        "APPLE_PAY" => "merchant IDs",
        "ICLOUD" => "iCloud containers",
        _ => return None,
    };
    let assigned = capability::assigned_by_hand(entitlements);
    let (_, ids) = assigned.into_iter().find(|(name, _)| *name == kind)?;
    Some(format!("the {kind} {}", ids.join(", ")))
}

fn find_bundle_id<'a>(snapshot: &'a Snapshot, identifier: &str) -> Result<Option<&'a BundleId>, Blocked> {
    if let Some(exact) = snapshot
        .bundle_ids
        .iter()
        .find(|known| known.identifier == identifier)
    {
        return Ok(Some(exact));
    }
    match snapshot
        .bundle_ids
        .iter()
        .find(|known| known.identifier.eq_ignore_ascii_case(identifier))
    {
        Some(other) => Err(Blocked::Case {
            project: identifier.to_owned(),
            portal: other.identifier.clone(),
        }),
        None => Ok(None),
    }
}

/// The platform that a device with this UDID is registered for; `None` for what is no UDID: 40 hexadecimal
/// digits, 8-16 since 2018, and a UUID for Macs.
fn udid_platform(udid: &str) -> Option<&'static str> {
    let groups: Vec<&str> = udid.split('-').collect();
    if !groups
        .iter()
        .all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
    {
        return None;
    }
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    match lengths.as_slice() {
        [40] | [8, 16] => Some("IOS"),
        [8, 4, 4, 4, 12] => Some("MAC_OS"),
        _ => None,
    }
}
