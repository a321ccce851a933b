//! The resources that provisioning needs: certificates, devices, bundle IDs with capabilities, profiles.
//!
//! Attributes that Apple documents as enumerations are kept as text: it adds values without notice.

use apple_types::{BundleIdentifier, PortalPlatform, Udid};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use transport::Method;

use crate::call::{Call, Linked, creation};
use crate::date;
use crate::document::{self, Many, One};

/// The largest page that Apple gives.
const PAGE: &str = "200";

/// The most related resources that Apple includes per resource.
const INCLUDED: &str = "50";

/// A signing certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The serial number, hexadecimal.
    #[serde(default, deserialize_with = "document::nullable")]
    pub serial_number: String,
    /// The certificate type, such as `DEVELOPMENT`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub certificate_type: String,
    /// The name, such as `Apple Development: Jane Doe`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub name: String,
    /// Whom the portal shows it with.
    #[serde(default, deserialize_with = "document::nullable")]
    pub display_name: String,
    /// When it ends.
    #[serde(default, deserialize_with = "date::lenient")]
    pub expiration_date: Option<OffsetDateTime>,
    /// The certificate itself: DER in base64.
    #[serde(default, deserialize_with = "document::nullable")]
    pub certificate_content: String,
}

/// Lists all certificates. Types are not filtered: Apple refuses some that it lists (fastlane #29784).
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/get-v1-certificates>
#[derive(Debug, Clone, Copy)]
pub struct Certificates;

impl Call for Certificates {
    type Answer = Many<Certificate>;

    fn path(&self) -> String {
        "v1/certificates".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("limit", PAGE.to_owned())]
    }
}

/// Creates a certificate from a request.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/post-v1-certificates>
#[derive(Debug, Clone)]
pub struct CreateCertificate<'a> {
    /// Its type, such as `DISTRIBUTION`.
    pub certificate_type: &'a str,
    /// The certificate signing request in PEM.
    pub request: &'a str,
}

impl Call for CreateCertificate<'_> {
    type Answer = One<Certificate>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> String {
        "v1/certificates".to_owned()
    }

    fn body(&self) -> Option<Value> {
        Some(creation(
            "certificates",
            json!({"certificateType": self.certificate_type, "csrContent": self.request}),
            &[],
        ))
    }
}

/// Revokes a certificate: profiles that list it become invalid.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/delete-v1-certificates-_id_>
#[derive(Debug, Clone)]
pub struct RevokeCertificate<'a>(pub &'a str);

impl Call for RevokeCertificate<'_> {
    type Answer = Value;

    fn method(&self) -> Method {
        Method::DELETE
    }

    fn path(&self) -> String {
        format!("v1/certificates/{}", self.0)
    }
}

/// Lists the certificates with one of these serial numbers (hexadecimal, without leading zeros).
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/get-v1-certificates>
#[derive(Debug, Clone)]
pub struct CertificatesBySerial<'a>(pub &'a [String]);

impl Call for CertificatesBySerial<'_> {
    type Answer = Many<Certificate>;

    fn path(&self) -> String {
        "v1/certificates".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("filter[serialNumber]", self.0.join(",")),
            ("limit", PAGE.to_owned()),
        ]
    }
}

/// A registered device.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Its name on the portal.
    #[serde(default, deserialize_with = "document::nullable")]
    pub name: String,
    /// Its UDID.
    #[serde(default, deserialize_with = "document::nullable")]
    pub udid: String,
    /// Its class, such as `IPHONE`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub device_class: String,
    /// `ENABLED`, `DISABLED`, and in practice `PROCESSING`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub status: String,
    /// When it was registered.
    #[serde(default, deserialize_with = "date::lenient")]
    pub added_date: Option<OffsetDateTime>,
}

/// Lists all devices.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/get-v1-devices>
#[derive(Debug, Clone)]
pub struct Devices;

impl Call for Devices {
    type Answer = Many<Device>;

    fn path(&self) -> String {
        "v1/devices".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("limit", PAGE.to_owned())]
    }
}

/// Registers a device.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/post-v1-devices>
#[derive(Debug, Clone)]
pub struct RegisterDevice<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its UDID.
    pub udid: &'a Udid,
    /// The platform that it is registered for.
    pub platform: PortalPlatform,
}

impl Call for RegisterDevice<'_> {
    type Answer = One<Device>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> String {
        "v1/devices".to_owned()
    }

    fn body(&self) -> Option<Value> {
        let attributes = json!({"name": self.name, "udid": self.udid, "platform": self.platform});
        Some(creation("devices", attributes, &[]))
    }
}

/// A bundle ID.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleId {
    /// The identifier, such as `com.example.app`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub identifier: String,
    /// Its name on the portal.
    #[serde(default, deserialize_with = "document::nullable")]
    pub name: String,
}

/// Lists bundle IDs that contain one of `identifiers`, with their capabilities and profiles.
///
/// Apple's filter matches parts and ignores case, so compare before use. The profiles come whole, expired
/// ones included, which the list of profiles hides.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/get-v1-bundleids>
#[derive(Debug, Clone)]
pub struct BundleIdsLike<'a>(pub &'a [BundleIdentifier]);

impl Call for BundleIdsLike<'_> {
    type Answer = Many<BundleId>;

    fn path(&self) -> String {
        "v1/bundleIds".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("filter[identifier]", joined(self.0)),
            ("include", "bundleIdCapabilities,profiles".to_owned()),
            ("limit", PAGE.to_owned()),
            ("limit[bundleIdCapabilities]", INCLUDED.to_owned()),
            ("limit[profiles]", INCLUDED.to_owned()),
        ]
    }
}

fn joined(identifiers: &[BundleIdentifier]) -> String {
    let all: Vec<&str> = identifiers.iter().map(BundleIdentifier::as_str).collect();
    all.join(",")
}

/// Creates a bundle ID.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/post-v1-bundleids>
#[derive(Debug, Clone)]
pub struct CreateBundleId<'a> {
    /// The identifier; it may end in `.*`.
    pub identifier: &'a BundleIdentifier,
    /// Its name: letters, digits and spaces.
    pub name: &'a str,
    /// Its platform.
    pub platform: PortalPlatform,
}

impl Call for CreateBundleId<'_> {
    type Answer = One<BundleId>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> String {
        "v1/bundleIds".to_owned()
    }

    fn body(&self) -> Option<Value> {
        let attributes = json!({"identifier": self.identifier, "name": self.name, "platform": self.platform});
        Some(creation("bundleIds", attributes, &[]))
    }
}

/// A capability that a bundle ID has.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleIdCapability {
    /// The capability type, such as `PUSH_NOTIFICATIONS`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub capability_type: String,
    /// Its settings; Apple writes `null` for none.
    #[serde(default)]
    pub settings: Option<Vec<CapabilitySetting>>,
}

/// A setting of a capability.
#[derive(Debug, Clone, Deserialize)]
pub struct CapabilitySetting {
    /// The setting, such as `ICLOUD_VERSION`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub key: String,
    /// The options; the answer lists those that can be chosen, the chosen ones enabled.
    #[serde(default, deserialize_with = "document::nullable")]
    pub options: Vec<CapabilityOption>,
}

/// An option of a setting.
#[derive(Debug, Clone, Deserialize)]
pub struct CapabilityOption {
    /// The option, such as `XCODE_6`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub key: String,
    /// Whether it is chosen; answers that list only the chosen ones leave it out.
    pub enabled: Option<bool>,
}

/// Settings of a capability that is written: setting keys with the chosen options.
pub type Settings = [(String, Vec<String>)];

fn settings_document(settings: &Settings) -> Value {
    let setting = |(key, options): &(String, Vec<String>)| {
        let options: Vec<Value> = options.iter().map(|option| json!({"key": option})).collect();
        json!({"key": key, "options": options})
    };
    settings.iter().map(setting).collect()
}

/// Enables a capability.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/post-v1-bundleidcapabilities>
#[derive(Debug, Clone)]
pub struct EnableCapability<'a> {
    /// The bundle ID's resource ID.
    pub bundle_id: &'a str,
    /// The capability type.
    pub kind: &'a str,
    /// Its settings.
    pub settings: &'a Settings,
}

impl Call for EnableCapability<'_> {
    type Answer = One<BundleIdCapability>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> String {
        "v1/bundleIdCapabilities".to_owned()
    }

    fn body(&self) -> Option<Value> {
        let mut attributes = json!({"capabilityType": self.kind});
        if !self.settings.is_empty() {
            attributes["settings"] = settings_document(self.settings);
        }
        Some(creation(
            "bundleIdCapabilities",
            attributes,
            &[("bundleId", Linked::One("bundleIds", self.bundle_id))],
        ))
    }
}

/// Changes the settings of a capability.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/patch-v1-bundleidcapabilities-_id_>
#[derive(Debug, Clone)]
pub struct ChangeCapability<'a> {
    /// The capability's resource ID.
    pub id: &'a str,
    /// The capability type.
    pub kind: &'a str,
    /// Its settings.
    pub settings: &'a Settings,
}

impl Call for ChangeCapability<'_> {
    type Answer = One<BundleIdCapability>;

    fn method(&self) -> Method {
        Method::PATCH
    }

    fn path(&self) -> String {
        format!("v1/bundleIdCapabilities/{}", self.id)
    }

    fn body(&self) -> Option<Value> {
        let attributes = json!({"capabilityType": self.kind, "settings": settings_document(self.settings)});
        Some(json!({"data": {"type": "bundleIdCapabilities", "id": self.id, "attributes": attributes}}))
    }
}

/// A provisioning profile.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Its name.
    #[serde(default, deserialize_with = "document::nullable")]
    pub name: String,
    /// Its UUID.
    #[serde(default, deserialize_with = "document::nullable")]
    pub uuid: String,
    /// Its type, such as `IOS_APP_STORE`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub profile_type: String,
    /// `ACTIVE` or `INVALID`; expired ones stay `ACTIVE`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub profile_state: String,
    /// The profile file, in base64.
    pub profile_content: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "date::lenient")]
    pub created_date: Option<OffsetDateTime>,
    /// When it ends.
    #[serde(default, deserialize_with = "date::lenient")]
    pub expiration_date: Option<OffsetDateTime>,
}

/// Lists all profiles of a bundle ID, expired ones included.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/get-v1-bundleids-_id_-profiles>
#[derive(Debug, Clone)]
pub struct ProfilesOfBundleId<'a>(pub &'a str);

impl Call for ProfilesOfBundleId<'_> {
    type Answer = Many<Profile>;

    fn path(&self) -> String {
        format!("v1/bundleIds/{}/profiles", self.0)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("limit", PAGE.to_owned())]
    }
}

/// Creates a profile.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/post-v1-profiles>
#[derive(Debug, Clone)]
pub struct CreateProfile<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub profile_type: &'a str,
    /// The bundle ID's resource ID.
    pub bundle_id: &'a str,
    /// Resource IDs of certificates.
    pub certificates: &'a [String],
    /// Resource IDs of devices; empty for types that list none.
    pub devices: &'a [String],
}

impl Call for CreateProfile<'_> {
    type Answer = One<Profile>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> String {
        "v1/profiles".to_owned()
    }

    fn body(&self) -> Option<Value> {
        Some(creation(
            "profiles",
            json!({"name": self.name, "profileType": self.profile_type}),
            &[
                ("bundleId", Linked::One("bundleIds", self.bundle_id)),
                ("certificates", Linked::Many("certificates", self.certificates)),
                ("devices", Linked::Many("devices", self.devices)),
            ],
        ))
    }
}

/// Deletes a profile.
///
/// <https://developer.apple.com/documentation/appstoreconnectapi/delete-v1-profiles-_id_>
#[derive(Debug, Clone)]
pub struct DeleteProfile<'a>(pub &'a str);

impl Call for DeleteProfile<'_> {
    type Answer = Value;

    fn method(&self) -> Method {
        Method::DELETE
    }

    fn path(&self) -> String {
        format!("v1/profiles/{}", self.0)
    }
}
