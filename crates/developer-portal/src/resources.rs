//! What the portal's services give and take. Every field that was ever seen missing may be missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// `null` is as good as nothing.
fn nothing_if_null<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    value: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

/// Which part of the portal: devices, certificates and profiles are kept apart for Macs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slug {
    /// iOS, and what goes with it: tvOS, watchOS, visionOS.
    Ios,
    /// macOS.
    Mac,
}

impl Slug {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Mac => "mac",
        }
    }
}

/// A registered device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// The portal's ID.
    pub device_id: String,
    /// Its name.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub name: String,
    /// Its UDID.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub device_number: String,
    /// `c` for one that profiles may list, `r` for a removed one, `p` for one that Apple still looks at.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub status: String,
    /// `iphone`, `ipad`, `ipod`, `watch`, `tvOS`, `mac`, or what Apple added later.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub device_class: String,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The portal's ID.
    pub certificate_id: String,
    /// The serial number, upper-case hexadecimal; older answers have none.
    #[serde(default)]
    pub serial_num: Option<String>,
    /// What kind of certificate it is, such as `83Q87W3TGH`.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub certificate_type_display_id: String,
    /// Whether this Apple ID may see it.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub can_download: bool,
}

/// Something that is associated with an App ID: an App Group or an iCloud container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Associated {
    /// The portal's ID.
    #[serde(alias = "applicationGroup", alias = "cloudContainer", default)]
    pub id: String,
    /// The identifier, such as `group.com.example`.
    #[serde(default)]
    pub identifier: String,
}

/// An App ID: what the App Store Connect API calls a bundle ID.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppId {
    /// The portal's ID.
    pub app_id_id: String,
    /// The bundle ID.
    pub identifier: String,
    /// What is on, by feature: `true`, or the level. Lists leave it empty; only the details have it.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub features: BTreeMap<String, serde_json::Value>,
    /// App Groups. Only the details have them.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub associated_application_groups: Vec<Associated>,
    /// iCloud containers. Only the details have them.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub associated_cloud_containers: Vec<Associated>,
}

/// What can be associated with an App ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Assignable {
    /// App Groups.
    AppGroups,
    /// iCloud containers.
    CloudContainers,
}

/// A provisioning profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The portal's ID; another one after each repair.
    pub provisioning_profile_id: String,
    /// Its name.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub name: String,
    /// `Active`, `Expired` or `Invalid`.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub status: String,
    /// `limited`, `adhoc`, `store`, `inhouse`, `direct`, or what Apple added later.
    #[serde(default, deserialize_with = "nothing_if_null")]
    pub distribution_method: String,
    /// `ios` or `mac`.
    #[serde(default, deserialize_with = "nothing_if_null", rename = "proProPlatform")]
    pub platform: String,
    /// `tvOS`, or nothing.
    #[serde(default, deserialize_with = "nothing_if_null", rename = "proProSubPlatform")]
    pub sub_platform: String,
    /// `Xcode` for one that Xcode made for itself.
    #[serde(default)]
    pub managing_app: Option<String>,
    /// The file in base64, in answers that carry it.
    #[serde(default)]
    pub encoded_profile: Option<String>,
}

/// A profile that is to be.
#[derive(Debug, Clone, Copy)]
pub struct ProfileRequest<'a> {
    /// Where it belongs.
    pub slug: Slug,
    /// Its name.
    pub name: &'a str,
    /// The App ID's portal ID.
    pub app_id: &'a str,
    /// `limited`, `adhoc`, `store`, `inhouse` or `direct`.
    pub distribution: &'a str,
    /// `tvOS` for Apple TV.
    pub sub_platform: Option<&'a str>,
    /// The certificates' portal IDs.
    pub certificates: &'a [String],
    /// The devices' portal IDs.
    pub devices: &'a [String],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_apple_adds_or_leaves_out_are_no_errors() {
        let device: Device =
            serde_json::from_str(r#"{"deviceId":"D","deviceClass":"spectacles","model":null,"name":null}"#)
                .unwrap();
        assert_eq!(
            (device.device_class.as_str(), device.name.as_str()),
            ("spectacles", "")
        );
        let profile: Profile =
            serde_json::from_str(r#"{"provisioningProfileId":"P","distributionMethod":"lunar","managingApp":null,"template":null}"#)
                .unwrap();
        assert_eq!(profile.distribution_method, "lunar");
        let app_id: AppId = serde_json::from_str(
            r#"{"appIdId":"A","identifier":"a.b","features":null,"associatedCloudContainers":[{"cloudContainer":"C","identifier":"iCloud.a"}]}"#,
        )
        .unwrap();
        assert_eq!(app_id.associated_cloud_containers[0].id, "C");
    }
}
