//! The state of the portal, as far as a plan depends on it.

use apple_types::{BundleIdentifier, DeviceClass, ProfileType, ResourceId, Udid};
use plist::Dictionary;
use serde::Serialize;
use time::OffsetDateTime;

use crate::capability::Capability;
use crate::desired::DesiredProfile;
use crate::names::alternative_names;

/// What to observe.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Serial numbers of the certificates at hand.
    pub serials: Vec<String>,
    /// The bundle IDs that the project needs.
    pub bundle_ids: Vec<BundleIdentifier>,
    /// Whether devices matter.
    pub devices: bool,
    /// Names of profiles that may serve, with the bundle IDs that they are for. The API gives every profile of a bundle
    /// ID with its content; the services for sessions give one by one, so they must know which matter.
    pub profile_names: Vec<(String, BundleIdentifier)>,
    /// Whether profiles that Xcode manages matter.
    pub managed: bool,
    /// The types of those profiles that only the newer services for sessions know.
    pub newer_types: Vec<&'static str>,
    /// Whether iOS matters, or what goes with it. The bundle IDs of Mac Catalyst apps do.
    pub ios: bool,
    /// Whether the Mac matters.
    pub mac: bool,
}

impl Query {
    /// What the desired profiles depend on.
    pub fn of(desired_profiles: &[DesiredProfile]) -> Self {
        let certificates = desired_profiles.iter().flat_map(|desired| &desired.certificates);
        let names = desired_profiles.iter().flat_map(|desired| {
            let names = alternative_names(desired.profile_type, desired.distribution, &desired.bundle_id);
            std::iter::once(desired.name.clone())
                .chain(names)
                .map(|name| (name, desired.bundle_id.clone()))
        });
        Self {
            serials: unique(certificates.map(|certificate| certificate.serial.clone())),
            bundle_ids: unique(desired_profiles.iter().map(|desired| desired.bundle_id.clone())),
            devices: desired_profiles
                .iter()
                .any(|desired| desired.distribution.lists_devices()),
            profile_names: names.collect(),
            managed: false,
            newer_types: {
                let newer = desired_profiles
                    .iter()
                    .filter(|desired| desired.profile_type.is_by_v1());
                let mut all: Vec<_> = newer.map(|desired| desired.profile_type.as_str()).collect();
                all.sort_unstable();
                all.dedup();
                all
            },
            ios: desired_profiles
                .iter()
                .any(|desired| desired.profile_type.platform_name() != "macOS"),
            mac: desired_profiles
                .iter()
                .any(|desired| desired.profile_type.is_mac()),
        }
    }
}

/// Each once, in order.
fn unique<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.collect::<std::collections::BTreeSet<T>>()
        .into_iter()
        .collect()
}

/// What was observed.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Certificates that the portal knows.
    pub certificates: Vec<PortalCertificate>,
    /// Every registered device.
    pub devices: Vec<Device>,
    /// Bundle IDs with their capabilities and profiles.
    pub bundle_ids: Vec<BundleId>,
}

/// A certificate on the portal.
#[derive(Debug, Clone)]
pub struct PortalCertificate {
    /// The portal's ID.
    pub id: ResourceId<PortalCertificate>,
    /// Upper-case hexadecimal without leading zeros.
    pub serial: String,
}

/// A registered device.
#[derive(Debug, Clone)]
pub struct Device {
    /// The portal's ID.
    pub id: ResourceId<Device>,
    /// Its name.
    pub name: String,
    /// Its UDID.
    pub udid: Udid,
    /// Its class.
    pub class: DeviceClass,
    /// Whether profiles may list it.
    pub enabled: bool,
    /// Whether Apple is still processing it, which takes up to three days; profiles may list it then.
    pub processing: bool,
    /// When it was registered, where the portal says so.
    pub added_at: Option<OffsetDateTime>,
}

/// A bundle ID.
#[derive(Debug, Clone)]
pub struct BundleId {
    /// The portal's ID; `None` for one that was not asked for, and stands here because of its profiles.
    pub id: Option<ResourceId<BundleId>>,
    /// The identifier, such as `com.example.app`.
    pub identifier: BundleIdentifier,
    /// Its capabilities.
    pub capabilities: Vec<EnabledCapability>,
    /// Its profiles, expired and invalid ones included.
    pub profiles: Vec<PortalProfile>,
    /// What is associated with it; `None` where the way to the portal does not say.
    pub assigned: Option<Assigned>,
}

/// What is associated with a bundle ID.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Identifiers of App Groups.
    pub app_groups: Vec<String>,
    /// Identifiers of iCloud containers.
    pub cloud_containers: Vec<String>,
}

/// What can be associated with a bundle ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assignable {
    /// App Groups.
    AppGroups,
    /// iCloud containers.
    CloudContainers,
}

impl Assignable {
    /// What one of them is called.
    pub fn singular(self) -> &'static str {
        match self {
            Self::AppGroups => "App Group",
            Self::CloudContainers => "iCloud container",
        }
    }
}

impl std::fmt::Display for Assignable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AppGroups => "App Groups",
            Self::CloudContainers => "iCloud containers",
        })
    }
}

/// A capability that a bundle ID has.
#[derive(Debug, Clone)]
pub struct EnabledCapability {
    /// The portal's ID; by session that of its App ID.
    pub id: ResourceId<EnabledCapability>,
    /// What it is.
    pub capability: Capability,
}

/// A profile on the portal.
#[derive(Debug, Clone)]
pub struct PortalProfile {
    /// The portal's ID; `None` for a file whose profile was not looked up on the portal.
    pub id: Option<ResourceId<PortalProfile>>,
    /// Its name.
    pub name: String,
    /// Its type; `None` for one that this crate does not know.
    pub profile_type: Option<ProfileType>,
    /// Whether the portal calls it active; expired ones are called so too.
    pub active: bool,
    /// The profile file.
    pub content: Vec<u8>,
    /// What the file says; `None` when it can't be read.
    pub details: Option<Details>,
}

/// What a profile file says.
#[derive(Debug, Clone)]
pub struct Details {
    /// Its UUID.
    pub uuid: String,
    /// The bundle ID, or the pattern of several, that it is for.
    pub bundle_id: BundleIdentifier,
    /// Serial numbers of its certificates.
    pub serials: Vec<String>,
    /// UDIDs of its devices.
    pub udids: Vec<Udid>,
    /// What it grants.
    pub entitlements: Dictionary,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
    /// When the first of its certificates ends.
    pub first_certificate_ends: Option<OffsetDateTime>,
    /// Whether Xcode made it for itself.
    pub xcode_managed: bool,
}

impl Details {
    /// Reads a profile file; `None` when it is none.
    pub fn read(content: &[u8]) -> Option<Self> {
        match signing_assets::Profile::parse(content) {
            Ok(profile) => Some(profile.into()),
            Err(error) => {
                tracing::debug!("a profile on the portal can't be read: {error}");
                None
            }
        }
    }
}

impl From<signing_assets::Profile> for Details {
    fn from(profile: signing_assets::Profile) -> Self {
        Self {
            uuid: profile.uuid,
            bundle_id: profile.bundle_id,
            serials: profile
                .certificates
                .iter()
                .map(|certificate| certificate.serial.clone())
                .collect(),
            udids: profile.devices.unwrap_or_default(),
            entitlements: profile.entitlements,
            created_at: profile.created_at,
            expires_at: profile.expires_at,
            first_certificate_ends: profile
                .certificates
                .iter()
                .map(|certificate| certificate.not_after)
                .min(),
            xcode_managed: profile.xcode_managed,
        }
    }
}
