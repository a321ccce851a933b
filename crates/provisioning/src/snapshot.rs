//! The state of the portal, as far as a plan depends on it.

use plist::Dictionary;
use time::OffsetDateTime;

use crate::capability::Capability;
use crate::platform::{DeviceClass, ProfileType};

/// What to observe.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Serial numbers of the certificates at hand.
    pub serials: Vec<String>,
    /// The bundle IDs that the project needs.
    pub bundle_ids: Vec<String>,
    /// Whether devices matter.
    pub devices: bool,
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
    pub id: String,
    /// Upper-case hexadecimal without leading zeros.
    pub serial: String,
}

/// A registered device.
#[derive(Debug, Clone)]
pub struct Device {
    /// The portal's ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its UDID.
    pub udid: String,
    /// Its class.
    pub class: DeviceClass,
    /// Whether profiles may list it.
    pub enabled: bool,
    /// When it was registered, where the portal says so.
    pub added_at: Option<OffsetDateTime>,
}

impl Device {
    /// A UDID in the one spelling in which UDIDs can be compared.
    pub fn comparable(udid: &str) -> String {
        udid.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase()
    }
}

/// A bundle ID.
#[derive(Debug, Clone)]
pub struct BundleId {
    /// The portal's ID.
    pub id: String,
    /// The identifier, such as `com.example.app`.
    pub identifier: String,
    /// Its capabilities.
    pub capabilities: Vec<EnabledCapability>,
    /// Its profiles, expired and invalid ones included.
    pub profiles: Vec<PortalProfile>,
}

/// A capability that a bundle ID has.
#[derive(Debug, Clone)]
pub struct EnabledCapability {
    /// The portal's ID.
    pub id: String,
    /// What it is.
    pub capability: Capability,
}

/// A profile on the portal.
#[derive(Debug, Clone)]
pub struct PortalProfile {
    /// The portal's ID.
    pub id: String,
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
    /// Serial numbers of its certificates.
    pub serials: Vec<String>,
    /// UDIDs of its devices, comparable.
    pub udids: Vec<String>,
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
        let profile = match signing_assets::Profile::parse(content) {
            Ok(profile) => profile,
            Err(error) => {
                tracing::debug!("a profile on the portal can't be read: {error}");
                return None;
            }
        };
        Some(Self {
            uuid: profile.uuid,
            serials: profile
                .certificates
                .iter()
                .map(|certificate| certificate.serial.clone())
                .collect(),
            udids: profile
                .devices
                .unwrap_or_default()
                .iter()
                .map(|udid| Device::comparable(udid))
                .collect(),
            entitlements: profile.entitlements,
            created_at: profile.created_at,
            expires_at: profile.expires_at,
            first_certificate_ends: profile
                .certificates
                .iter()
                .map(|certificate| certificate.not_after)
                .min(),
            xcode_managed: profile.xcode_managed,
        })
    }
}
