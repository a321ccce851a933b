//! What the Developer Portal keeps of a team, and how it behaves.

use std::collections::BTreeMap;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::profile::{self, Contents};
use crate::records::{Identified, Records};
use crate::state::State;

/// How the Developer Portal behaves, where accounts or clients differ.
#[derive(Debug, Serialize)]
pub struct PortalRules {
    /// How many devices the membership allows.
    pub device_limit: usize,
    /// Whether new devices are processed for a while before they can be used.
    pub devices_are_processed: bool,
    /// Whether the Developer Portal says serial numbers when it lists certificates.
    pub serials_are_listed: bool,
    /// Whether a `PATCH` of a bundle ID drops the capabilities that it does not list. Clients disagree on what Apple does.
    pub capabilities_are_replaced: bool,
    /// Whether the assignment of App Groups and containers takes tokens of App IDs, rather than of what is assigned.
    pub assigned_by_app_id_tokens: bool,
    /// Capabilities that Apple granted on request: entitlements by bundle ID. Every new profile of it carries them.
    pub managed_capabilities: BTreeMap<String, Vec<String>>,
}

/// A certificate on the portal.
#[derive(Debug, Clone, Serialize)]
pub struct Certificate {
    /// The resource ID.
    pub id: String,
    /// The name, such as `Apple Development: Jane Doe (ABC)`.
    pub name: String,
    /// The type, such as `DEVELOPMENT`.
    pub certificate_type: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
    /// The certificate in DER.
    #[serde(skip)]
    pub der: Vec<u8>,
    /// Certificate and key in a `.p12`, as the developer has it.
    #[serde(skip)]
    pub p12: Vec<u8>,
    /// Whether the portal lists it; one that was revoked, or is another team's, it does not.
    pub on_portal: bool,
}

/// A device.
#[derive(Debug, Clone, Serialize)]
pub struct Device {
    /// The resource ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The UDID.
    pub udid: String,
    /// The class, such as `IPHONE`.
    pub device_class: String,
    /// `ENABLED`, `DISABLED` or `PROCESSING`.
    pub status: String,
    /// `IOS` or `MAC_OS`.
    pub platform: String,
    /// When it was registered.
    #[serde(with = "time::serde::rfc3339")]
    pub added: OffsetDateTime,
    pub(crate) hidden_until: u32,
}

/// A bundle ID.
#[derive(Debug, Clone, Serialize)]
pub struct BundleId {
    /// The resource ID.
    pub id: String,
    /// The identifier.
    pub identifier: String,
    /// The name.
    pub name: String,
    /// `IOS`, `MAC_OS` or `UNIVERSAL`.
    pub platform: String,
    /// What is enabled.
    pub capabilities: Vec<Capability>,
    /// iCloud containers that a person has assigned.
    pub containers: Vec<String>,
    /// App groups that a person has assigned.
    pub groups: Vec<String>,
    /// Merchant IDs that a person has assigned.
    pub merchants: Vec<String>,
    /// For an App Clip, the resource ID of its app's.
    pub parent: Option<String>,
    pub(crate) hidden_until: u32,
}

/// A capability of a bundle ID.
#[derive(Debug, Clone, Serialize)]
pub struct Capability {
    /// The resource ID.
    pub id: String,
    /// The type, such as `PUSH_NOTIFICATIONS`.
    pub capability_type: String,
    /// Its settings as they were written.
    pub settings: serde_json::Value,
}

/// A profile.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    /// The resource ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The UUID.
    pub uuid: String,
    /// The type, such as `IOS_APP_STORE`.
    pub profile_type: String,
    /// `ACTIVE` or `INVALID`.
    pub state: String,
    /// The bundle ID's resource ID.
    pub bundle_id: String,
    /// The certificates' resource IDs.
    pub certificates: Vec<String>,
    /// The devices' resource IDs.
    pub devices: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
    /// Whether Xcode made it for itself.
    pub xcode_managed: bool,
    /// The file.
    #[serde(skip)]
    pub content: Vec<u8>,
    pub(crate) hidden_until: u32,
}

/// An App Group, an iCloud container, or a merchant ID.
#[derive(Debug, Clone, Serialize)]
pub struct Associable {
    /// The portal's ID.
    pub id: String,
    /// The identifier, such as `group.com.example`.
    pub identifier: String,
    /// The name.
    pub name: String,
}

/// What App IDs can be associated with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssociableKind {
    /// App Groups.
    Group,
    /// iCloud containers.
    Container,
    /// Merchant IDs.
    Merchant,
}

impl AssociableKind {
    /// How the identifiers of a kind begin.
    pub(crate) fn start(self) -> &'static str {
        match self {
            Self::Group => "group.",
            Self::Container => "iCloud.",
            Self::Merchant => "merchant.",
        }
    }
}

/// Everything that App IDs can be associated with.
#[derive(Debug, Default, Serialize)]
pub struct Associables {
    groups: Records<Associable>,
    containers: Records<Associable>,
    merchants: Records<Associable>,
}

impl Associables {
    /// Those of a kind.
    pub fn of(&self, kind: AssociableKind) -> &Records<Associable> {
        match kind {
            AssociableKind::Group => &self.groups,
            AssociableKind::Container => &self.containers,
            AssociableKind::Merchant => &self.merchants,
        }
    }

    fn of_mut(&mut self, kind: AssociableKind) -> &mut Records<Associable> {
        match kind {
            AssociableKind::Group => &mut self.groups,
            AssociableKind::Container => &mut self.containers,
            AssociableKind::Merchant => &mut self.merchants,
        }
    }

    /// Adds one, unless its identifier is not one of the kind's, or is taken.
    pub fn add(&mut self, kind: AssociableKind, one: Associable) -> bool {
        let known = self.of_mut(kind);
        let is_taken = known.iter().any(|other| other.identifier == one.identifier);
        if is_taken || !one.identifier.starts_with(kind.start()) {
            return false;
        }
        known.push(one);
        true
    }

    /// Takes one away, and says its identifier.
    pub(crate) fn remove(&mut self, kind: AssociableKind, id: &str) -> Option<String> {
        self.of_mut(kind).remove(id).map(|one| one.identifier)
    }
}

impl BundleId {
    /// The identifiers that it is associated with.
    pub(crate) fn associated_mut(&mut self, kind: AssociableKind) -> &mut Vec<String> {
        match kind {
            AssociableKind::Group => &mut self.groups,
            AssociableKind::Container => &mut self.containers,
            AssociableKind::Merchant => &mut self.merchants,
        }
    }

    /// The identifiers that it is associated with.
    pub(crate) fn associated(&self, kind: AssociableKind) -> &[String] {
        match kind {
            AssociableKind::Group => &self.groups,
            AssociableKind::Container => &self.containers,
            AssociableKind::Merchant => &self.merchants,
        }
    }
}

macro_rules! identified {
    ($($name:ty),*) => {
        $(impl Identified for $name {
            fn id(&self) -> &str {
                &self.id
            }
        })*
    };
}

identified!(Certificate, Device, BundleId, Profile, Associable);

/// What a profile is made of.
#[derive(Debug)]
pub(crate) struct ProfileParts<'a> {
    pub(crate) name: &'a str,
    pub(crate) profile_type: &'a str,
    /// The bundle ID's resource ID.
    pub(crate) bundle_id: &'a str,
    pub(crate) certificates: Vec<String>,
    pub(crate) devices: Vec<String>,
    pub(crate) created: OffsetDateTime,
}

impl State {
    /// The bundle ID of an identifier.
    pub fn bundle_id(&self, identifier: &str) -> Option<&BundleId> {
        self.bundle_ids.iter().find(|id| id.identifier == identifier)
    }

    /// A profile of the given parts, not yet listed.
    pub(crate) fn make_profile(&mut self, parts: ProfileParts<'_>) -> Profile {
        let mut made = Profile {
            id: self.fresh.id(),
            name: parts.name.to_owned(),
            uuid: self.fresh.uuid(),
            profile_type: parts.profile_type.to_owned(),
            state: "ACTIVE".to_owned(),
            bundle_id: parts.bundle_id.to_owned(),
            certificates: parts.certificates,
            devices: parts.devices,
            created: parts.created,
            expires: parts.created + Duration::days(365),
            xcode_managed: false,
            content: Vec::new(),
            hidden_until: self.lists.hidden_until(0),
        };
        made.content = self.content_of(&made);
        made
    }

    /// The file of a profile.
    pub(crate) fn content_of(&self, made: &Profile) -> Vec<u8> {
        let Some(bundle_id) = self.bundle_ids.by_id(&made.bundle_id) else {
            return Vec::new();
        };
        let contents = Contents {
            profile: made,
            bundle_id,
            certificates: self
                .certificates
                .iter()
                .filter(|one| made.certificates.contains(&one.id))
                .collect(),
            devices: self
                .devices
                .iter()
                .filter(|one| made.devices.contains(&one.id))
                .collect(),
        };
        profile::build(&contents, self)
    }

    /// Profiles of which something changed are no longer valid.
    pub(crate) fn invalidate_profiles(&mut self, concerns: impl Fn(&Profile) -> bool) {
        for profile in self.profiles.iter_mut().filter(|profile| concerns(profile)) {
            "INVALID".clone_into(&mut profile.state);
        }
    }
}
