//! Profiles that are installed already: one that fits is used without asking the portal.

use signing_assets::Profile;
use time::{Duration, OffsetDateTime};

use crate::grants::GapKind;
use crate::platform::ProfileType;
use crate::snapshot::{Details, Device, PortalProfile};
use crate::wants::{Policy, Want};

/// The installed profile that serves a want as it is; `None` when the portal must be asked.
///
/// Only the test devices at hand are compared: what else is registered, the portal alone knows.
pub fn installed_profile(
    want: &Want,
    policy: &Policy,
    installed: &[(Profile, Vec<u8>)],
    now: OffsetDateTime,
) -> Option<PortalProfile> {
    let (profile, content) = installed
        .iter()
        .find(|(profile, _)| fits(want, policy, profile, now))?;
    Some(PortalProfile {
        id: String::new(),
        name: profile.name.clone(),
        profile_type: Some(want.profile_type),
        active: true,
        details: Details::read(content),
        content: content.clone(),
    })
}

fn fits(want: &Want, policy: &Policy, profile: &Profile, now: OffsetDateTime) -> bool {
    let has_certificate = |serial: &str| {
        profile
            .certificates
            .iter()
            .any(|certificate| certificate.serial == serial)
    };
    let udids: Vec<String> = profile
        .devices
        .iter()
        .flatten()
        .map(|udid| Device::comparable(udid))
        .collect();
    !profile.xcode_managed
        && profile.bundle_id == want.bundle_id
        && is_of_type(profile, want.profile_type)
        && profile.expires_at > now + Duration::days(policy.min_profile_days_valid)
        && want
            .certificates
            .iter()
            .all(|certificate| has_certificate(&certificate.serial))
        && (!want.distribution.lists_devices()
            || policy
                .test_devices
                .iter()
                .all(|device| udids.contains(&Device::comparable(&device.udid))))
        && want
            .gaps(&profile.entitlements)
            .iter()
            .all(|gap| gap.kind == GapKind::Foreign)
}

/// Reads a profile's type off its content, as Xcode does.
fn is_of_type(profile: &Profile, wanted: ProfileType) -> bool {
    let platform = match wanted.platform_name() {
        "iOS" => "iOS",
        "tvOS" => "tvOS",
        _ => "OSX",
    };
    let debuggable = ["get-task-allow", "com.apple.security.get-task-allow"]
        .iter()
        .any(|key| profile.entitlements.get(key).and_then(plist::Value::as_boolean) == Some(true));
    let kind = match (&profile.devices, profile.all_devices, debuggable) {
        (_, true, _) => ["INHOUSE", "DIRECT"],
        (Some(_), false, true) => ["DEVELOPMENT"; 2],
        (Some(_), false, false) => ["ADHOC"; 2],
        (None, false, _) => ["STORE"; 2],
    };
    profile.platforms.iter().any(|name| name == platform)
        && kind.iter().any(|end| wanted.as_str().ends_with(end))
}
