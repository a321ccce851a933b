//! Whether a profile on the portal is what a target needs, and if not, why.

use apple_types::Udid;
use time::{Duration, OffsetDateTime};

use crate::desired::DesiredProfile;
use crate::grants::MissingEntitlementKind;
use crate::snapshot::{Device, PortalProfile};

/// A profile without an App Group, an iCloud container, or the like is recreated at most this often. That helps once
/// somebody has linked it; until then every build would recreate the profile.
const REMAKE_INTERVAL: Duration = Duration::DAY;

/// What a fitting profile must have.
pub(crate) struct Requirements<'a> {
    pub(crate) desired: &'a DesiredProfile,
    /// Devices on the portal that belong into it.
    pub(crate) devices: &'a [&'a Device],
    /// Devices that are about to be registered.
    pub(crate) new_udids: &'a [Udid],
    pub(crate) min_days_valid: i64,
    pub(crate) now: OffsetDateTime,
}

/// Why the profile does not fit; `None` when it does.
pub(crate) fn staleness_reason(profile: &PortalProfile, needs: &Requirements<'_>) -> Option<String> {
    if !profile.active {
        return Some(
            "Apple marked it invalid because its App ID, a certificate, or a device changed".to_owned(),
        );
    }
    let Some(details) = &profile.details else {
        return Some("its file can't be read".to_owned());
    };
    if details.expires_at <= needs.now {
        return Some(format!("it expired on {}", details.expires_at.date()));
    }
    let wanted_until = needs.now + Duration::days(needs.min_days_valid);
    if details.expires_at < wanted_until && can_last_longer(profile, needs) {
        return Some(format!(
            "it expires on {}, in less than {}",
            details.expires_at.date(),
            wording::counted(needs.min_days_valid, "day")
        ));
    }
    let serials = needs
        .desired
        .certificates
        .iter()
        .map(|certificate| &certificate.serial);
    if let Some(serial) = serials
        .into_iter()
        .find(|serial| !details.serials.contains(serial))
    {
        let named = needs
            .desired
            .certificates
            .iter()
            .find(|certificate| certificate.serial == *serial);
        let name = named
            .map(|certificate| certificate.common_name.as_str())
            .unwrap_or_default();
        return Some(format!(
            "it does not include the certificate {name} (serial {serial})"
        ));
    }
    if needs.desired.distribution.lists_devices() {
        let missing = |udid: &Udid| !details.udids.contains(udid);
        if let Some(device) = needs.devices.iter().find(|device| missing(&device.udid)) {
            return Some(missing_device(device, needs.now));
        }
        if needs.new_udids.iter().any(missing) {
            return Some("it does not include the devices that are being registered".to_owned());
        }
    }
    let missing_entitlements = needs.desired.missing_entitlements(&details.entitlements);
    let lacking = missing_entitlements.iter().find(|gap| match gap.kind {
        MissingEntitlementKind::NotGranted => true,
        MissingEntitlementKind::Linked(_) => needs.now - details.created_at >= REMAKE_INTERVAL,
        MissingEntitlementKind::Undocumented => false,
    });
    lacking.map(|gap| format!("it does not grant {gap}"))
}

/// The reason of a profile that a device is not in, with when the device was added.
pub(crate) fn missing_device(device: &Device, now: OffsetDateTime) -> String {
    let added = match device.added_at.map(|added| (now - added).whole_days()) {
        None => String::new(),
        Some(..=0) => ", added today".to_owned(),
        Some(1) => ", added yesterday".to_owned(),
        Some(days) => format!(", added {days} days ago"),
    };
    let Device { name, udid, .. } = device;
    format!("it does not include the device {name} ({udid}){added}")
}

/// Whether a new profile would end later: none outlives its certificates, nor a year.
fn can_last_longer(profile: &PortalProfile, needs: &Requirements<'_>) -> bool {
    let Some(details) = &profile.details else {
        return true;
    };
    let year = needs.now + Duration::days(365);
    let certificates = needs
        .desired
        .certificates
        .iter()
        .map(|certificate| certificate.not_after);
    let best = certificates.fold(year, OffsetDateTime::min);
    details.expires_at + Duration::DAY < best
}
