//! What a person should know about a plan although it can be carried out: facts, without advice.

use std::fmt;

use apple_types::{BundleIdentifier, Distribution, Udid};
use time::Date;

use crate::grants::MissingEntitlement;

/// A fact about a plan, or about a profile that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A certificate is valid, and the portal does not list it.
    UnlistedCertificate(String),
    /// Several certificates serve, and one is used.
    SeveralCertificates {
        /// What they serve.
        distribution: Distribution,
        /// Their common names; the first is used.
        names: Vec<String>,
    },
    /// Apple has a device and has not decided about it, which takes up to three days.
    DeviceInProcess {
        /// Its name.
        name: String,
        /// Its UDID.
        udid: Udid,
    },
    /// A device is disabled on the portal.
    DeviceDisabled {
        /// Its name.
        name: String,
        /// Its UDID.
        udid: Udid,
    },
    /// A device has a UDID that is not one.
    InvalidUdid {
        /// The device's name.
        name: String,
        /// What stands for its UDID.
        udid: Udid,
    },
    /// Apple registers no more devices in this membership year.
    DeviceLimit,
    /// There is no device that a development profile could list, so none is created.
    NoDevices {
        /// The profile's name.
        profile: String,
        /// Its bundle ID.
        bundle_id: BundleIdentifier,
        /// What the builds are signed for instead.
        distribution: Distribution,
    },
    /// An App Group or a container is written with a variable that is not resolved, so it is neither created nor linked.
    UnresolvedIdentifier {
        /// The identifier as it is written.
        identifier: String,
        /// The App ID of the target that claims it.
        bundle_id: BundleIdentifier,
    },
    /// A profile grants a capability, and not these identifiers of it, which nobody has linked with the App ID.
    NotLinked {
        /// What is missing.
        gap: MissingEntitlement,
        /// The profile's name.
        profile: String,
        /// Its App ID.
        bundle_id: BundleIdentifier,
    },
    /// A profile does not grant an entitlement that Apple does not document.
    Undocumented {
        /// What is missing.
        gap: MissingEntitlement,
        /// The profile's name.
        profile: String,
        /// The targets that claim it.
        targets: Vec<String>,
    },
    /// A profile ends soon because its certificate does.
    EndsWithCertificate {
        /// The profile's name.
        profile: String,
        /// When it ends.
        on: Date,
    },
    /// Devices were registered, and the profiles that Xcode manages do not list them.
    NotInManagedProfiles,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnlistedCertificate(certificate) => write!(
                f,
                "{certificate} is not used: the team's portal does not list it, so it was revoked or belongs to another team"
            ),
            Self::SeveralCertificates { distribution, names } => write!(
                f,
                "several certificates serve {distribution}: {}; the first is used",
                names.join(", ")
            ),
            Self::DeviceInProcess { name, udid } => write!(
                f,
                "Apple is still processing the device {name} ({udid}), which takes up to three days; no profile lists it yet"
            ),
            Self::DeviceDisabled { name, udid } => write!(
                f,
                "the device {name} ({udid}) is disabled on the portal, so no profile lists it"
            ),
            Self::InvalidUdid { name, udid } => {
                write!(f, "the test device `{name}` has an invalid UDID: `{udid}`")
            }
            Self::DeviceLimit => f.write_str(
                "the device limit of this membership year is reached; removed devices count until the year ends",
            ),
            Self::NoDevices {
                profile,
                bundle_id,
                distribution,
            } => write!(
                f,
                "no device is registered that the profile `{profile}` could list, so no development profile is created for {bundle_id}; builds are signed for {distribution}"
            ),
            Self::UnresolvedIdentifier {
                identifier,
                bundle_id,
            } => write!(
                f,
                "the identifier `{identifier}` in the entitlements of {bundle_id} contains a variable that is not defined, so it is neither created nor linked"
            ),
            Self::NotLinked { gap, profile, .. } => write!(f, "the profile `{profile}` does not grant {gap}"),
            Self::Undocumented {
                gap,
                profile,
                targets,
            } => write!(
                f,
                "the profile `{profile}` does not grant {gap} of the target `{}`, which is not known to be one of Apple's",
                targets.join("`, `")
            ),
            Self::EndsWithCertificate { profile, on } => write!(
                f,
                "the profile {profile} expires on {on} because its certificate does"
            ),
            Self::NotInManagedProfiles => f.write_str(
                "the profiles that Xcode manages do not list the devices that were registered now: they get them when Xcode creates them again",
            ),
        }
    }
}

/// What only a person can do before an app can be signed, although the rest can be prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManualTask {
    /// An App ID was created without the iCloud containers of its target, which an API key can't assign.
    CloudContainers {
        /// The containers' identifiers.
        containers: Vec<String>,
        /// The App ID.
        bundle_id: BundleIdentifier,
    },
}

impl fmt::Display for ManualTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::CloudContainers {
            containers,
            bundle_id,
        } = self;
        write!(
            f,
            "the iCloud containers {} are not assigned to {bundle_id}",
            containers.join(", ")
        )
    }
}
