//! Provisioning profiles: a property list signed by Apple (CMS SignedData).

use apple_types::{BundleIdentifier, TeamId, Udid};
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::asn1::OctetString;
use der::{Decode as _, Encode as _};
use plist::{Dictionary, Value};
use time::OffsetDateTime;

use crate::ber;
use crate::certificate::Certificate;

/// A provisioning profile.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its UUID, which names its file.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// The teams that it belongs to.
    pub team_ids: Vec<TeamId>,
    /// The bundle ID that it is for, without the team's prefix; it may end in an asterisk.
    pub bundle_id: BundleIdentifier,
    /// Apple's platform names, such as `iOS` or `OSX`.
    pub platforms: Vec<String>,
    /// The certificates that may sign with it.
    pub certificates: Vec<Certificate>,
    /// The UDIDs that it is for; `None` when it lists none.
    pub devices: Option<Vec<Udid>>,
    /// Whether it is for every device, as in-house profiles are.
    pub all_devices: bool,
    /// What it grants.
    pub entitlements: Dictionary,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
    /// Whether Xcode made it for itself.
    pub xcode_managed: bool,
}

/// Why a file is no provisioning profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is not signed data.
    #[error("not a provisioning profile: the file is not signed (CMS) data")]
    NotSigned,
    /// What is signed is no property list.
    #[error("not a provisioning profile: its content is not a property list")]
    NotPlist(#[source] property_list::Error),
    /// A field is missing or of another type.
    #[error("the provisioning profile has no usable `{0}`")]
    Field(&'static str),
}

impl Profile {
    /// Reads a profile file. The signature is not judged: Apple's servers and Xcode do that.
    ///
    /// # Errors
    /// When it is no profile.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProfileError> {
        let content = signed_content(bytes).ok_or(ProfileError::NotSigned)?;
        let value = property_list::read(&content).map_err(ProfileError::NotPlist)?;
        let fields = value.as_dictionary().ok_or(ProfileError::Field("dictionary"))?;
        let text = |key: &'static str| {
            fields
                .get(key)
                .and_then(Value::as_string)
                .ok_or(ProfileError::Field(key))
        };
        let date = |key: &'static str| {
            let date = fields
                .get(key)
                .and_then(Value::as_date)
                .ok_or(ProfileError::Field(key))?;
            moment(date.into()).ok_or(ProfileError::Field(key))
        };
        let flag = |key: &str| fields.get(key).and_then(Value::as_boolean).unwrap_or(false);
        let uuid = text("UUID")?;
        if uuid.is_empty() || !uuid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(ProfileError::Field("UUID"));
        }
        let entitlements = fields
            .get("Entitlements")
            .and_then(Value::as_dictionary)
            .cloned()
            .unwrap_or_default();
        Ok(Self {
            uuid: uuid.to_owned(),
            name: text("Name")?.to_owned(),
            team_ids: strings(fields, "TeamIdentifier")
                .iter()
                .filter_map(TeamId::new)
                .collect(),
            bundle_id: bundle_id(&entitlements).ok_or(ProfileError::Field("application-identifier"))?,
            platforms: strings(fields, "Platform"),
            certificates: certificates(fields),
            devices: fields.contains_key("ProvisionedDevices").then(|| {
                strings(fields, "ProvisionedDevices")
                    .iter()
                    .filter_map(Udid::new)
                    .collect()
            }),
            all_devices: flag("ProvisionsAllDevices"),
            entitlements,
            created_at: date("CreationDate")?,
            expires_at: date("ExpirationDate")?,
            xcode_managed: flag("IsXcodeManaged"),
        })
    }
}

/// A date of a property list may lie beyond every calendar.
fn moment(date: std::time::SystemTime) -> Option<OffsetDateTime> {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).ok();
    let since = match date.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => seconds(after)?,
        Err(before) => -seconds(before.duration())?,
    };
    OffsetDateTime::from_unix_timestamp(since).ok()
}

fn signed_content(bytes: &[u8]) -> Option<Vec<u8>> {
    let der = ber::normalised(bytes)?;
    let info = ContentInfo::from_der(&der).ok()?;
    let signed = SignedData::from_der(&info.content.to_der().ok()?).ok()?;
    let content = signed.encap_content_info.econtent?.to_der().ok()?;
    Some(OctetString::from_der(&content).ok()?.into_bytes().into())
}

/// The application identifier is the team's prefix, a dot, and the bundle ID.
fn bundle_id(entitlements: &Dictionary) -> Option<BundleIdentifier> {
    let keys = ["application-identifier", "com.apple.application-identifier"];
    let whole = keys
        .iter()
        .find_map(|key| entitlements.get(key))
        .and_then(Value::as_string)?;
    BundleIdentifier::new(whole.split_once('.')?.1)
}

fn strings(fields: &Dictionary, key: &str) -> Vec<String> {
    let items = fields
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    items
        .iter()
        .filter_map(Value::as_string)
        .map(str::to_owned)
        .collect()
}

fn certificates(fields: &Dictionary) -> Vec<Certificate> {
    let items = fields
        .get("DeveloperCertificates")
        .and_then(Value::as_array)
        .map(Vec::as_slice);
    let ders = items.unwrap_or_default().iter().filter_map(Value::as_data);
    ders.filter_map(|der| Certificate::parse(der).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_profile_is_said_to_be_none() {
        for bytes in [&b""[..], b"<?xml version=\"1.0\"?>", b"0\x03\x02\x01\x05"] {
            assert!(matches!(Profile::parse(bytes), Err(ProfileError::NotSigned)));
        }
    }
}
