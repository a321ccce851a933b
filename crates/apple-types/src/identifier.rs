//! Identifiers that people and tools write: bundle IDs, team IDs, and UDIDs. None is ever empty.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::platform::PortalPlatform;

/// An identifier that is missing where there must be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} is empty")]
pub struct EmptyIdentifier(&'static str);

/// The traits of a type that is text, by its `new` and `as_str`.
macro_rules! text {
    ($name:ident, $what:literal) => {
        impl FromStr for $name {
            type Err = EmptyIdentifier;

            fn from_str(text: &str) -> Result<Self, EmptyIdentifier> {
                Self::new(text).ok_or(EmptyIdentifier($what))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(D::Error::custom)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }
    };
}

/// What all identifiers share: text that is not blank, kept without the space around it.
macro_rules! identifier {
    ($name:ident, $what:literal) => {
        impl $name {
            /// The identifier, without space around it; `None` where nothing is left.
            pub fn new(text: impl AsRef<str>) -> Option<Self> {
                let text = text.as_ref().trim();
                (!text.is_empty()).then(|| Self(text.to_owned()))
            }

            /// As it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text!($name, $what);
    };
}

/// A bundle ID, such as `com.example.app`, or a pattern for several: `com.example.*`. It is what a project and an App ID
/// call themselves, and no ID that Apple gave ([`ResourceId`](crate::ResourceId)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleIdentifier(String);

identifier!(BundleIdentifier, "bundle ID");

impl BundleIdentifier {
    /// Whether it is a pattern.
    pub fn is_wildcard(&self) -> bool {
        self.0.ends_with('*')
    }

    /// The pattern that covers this bundle ID and its siblings; `None` when it has only one component.
    pub fn wildcard(&self) -> Option<Self> {
        let (stem, _) = self.0.rsplit_once('.')?;
        Some(Self(format!("{stem}.*")))
    }

    /// Whether this, possibly a pattern, is for `other`. An asterisk also spans dots.
    pub fn covers(&self, other: &Self) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => other.0.starts_with(stem),
            None => self == other,
        }
    }

    /// Whether the two differ at most in case. Apple registers only one of such a pair.
    pub fn is_same_but_for_case(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// The ID of a developer team, such as `A1B2C3D4E5`: ten letters and digits, which Apple gave, and which is in every
/// certificate and profile of the team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamId(String);

identifier!(TeamId, "team ID");

text!(Udid, "UDID");

/// The ID of a device, as it was written.
///
/// Two are equal when they differ only in case and hyphens, since Apple, Xcode, and other tools spell one UDID
/// differently.
#[derive(Debug, Clone)]
pub struct Udid {
    text: String,
    /// Its letters and digits, in lower case.
    comparable: String,
}

impl Udid {
    /// The UDID, without space around it; `None` where nothing is left.
    pub fn new(text: impl AsRef<str>) -> Option<Self> {
        let text = text.as_ref().trim();
        (!text.is_empty()).then(|| Self {
            text: text.to_owned(),
            comparable: text
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect(),
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The UDID as Apple writes it and the platform that such a device is registered for; `None` for what is no UDID: 40
    /// hexadecimal digits, 8-16 since 2018, and a UUID for Macs. Some tools leave the hyphen of 8-16 out
    /// (libimobiledevice #706).
    pub fn registered_as(&self) -> Option<(Self, PortalPlatform)> {
        let groups: Vec<&str> = self.text.split('-').collect();
        let is_hex = |group: &&str| group.chars().all(|c| c.is_ascii_hexdigit());
        if !groups.iter().all(is_hex) {
            return None;
        }
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        match lengths.as_slice() {
            [24] => {
                let hyphenated = format!("{}-{}", &self.text[..8], &self.text[8..]).to_uppercase();
                Some((Self::new(hyphenated)?, PortalPlatform::Ios))
            }
            [40] | [8, 16] => Some((self.clone(), PortalPlatform::Ios)),
            [8, 4, 4, 4, 12] => Some((self.clone(), PortalPlatform::MacOs)),
            _ => None,
        }
    }
}

impl PartialEq for Udid {
    fn eq(&self, other: &Self) -> bool {
        self.comparable == other.comparable
    }
}

impl Eq for Udid {}

impl PartialOrd for Udid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Udid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.comparable.cmp(&other.comparable)
    }
}

impl Hash for Udid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.comparable.hash(state);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_missing_identifier_is_an_error_that_names_it() {
        assert_eq!(
            " \n".parse::<BundleIdentifier>().unwrap_err().to_string(),
            "the bundle ID is empty"
        );
        assert_eq!(
            "".parse::<TeamId>().unwrap_err().to_string(),
            "the team ID is empty"
        );
        assert_eq!(Udid::new(""), None);
        assert_eq!(TeamId::new(" A1B2C3D4E5\n").unwrap(), "A1B2C3D4E5");
    }

    #[test]
    fn a_pattern_covers_what_begins_like_it() {
        for (identifier, bundle_id, expected) in [
            ("com.example.app", "com.example.app", true),
            ("com.example.app", "com.example.app.widget", false),
            ("com.example.*", "com.example.app.widget", true),
            ("*", "com.example.app", true),
            ("com.example.*", "com.examples", false),
        ] {
            let [identifier, bundle_id] =
                [identifier, bundle_id].map(|text| BundleIdentifier::new(text).unwrap());
            assert_eq!(
                identifier.covers(&bundle_id),
                expected,
                "{identifier} {bundle_id}"
            );
        }
    }

    #[test]
    fn a_wildcard_replaces_the_last_component() {
        let wildcard = |text| BundleIdentifier::new(text).unwrap().wildcard();
        assert_eq!(wildcard("com.example.UITests").unwrap(), "com.example.*");
        assert_eq!(wildcard("single"), None);
    }

    #[test]
    fn one_device_has_one_udid_however_it_is_spelled() {
        let udid = |text| Udid::new(text).unwrap();
        assert_eq!(
            udid("00008110-000A1B2C3D4E5F6A"),
            udid("00008110000a1b2c3d4e5f6a")
        );
        assert_ne!(
            udid("00008110-000A1B2C3D4E5F6A"),
            udid("00008110-000A1B2C3D4E5F6B")
        );
    }

    #[test]
    fn a_device_is_registered_for_the_platform_that_its_udid_shows() {
        let registered = |text: &str| {
            let read = Udid::new(text).unwrap().registered_as();
            read.map(|(udid, platform)| (udid.to_string(), platform))
        };
        let phone = "00008110-000A1B2C3D4E5F6A".to_owned();
        assert_eq!(registered(&phone), Some((phone.clone(), PortalPlatform::Ios)));
        assert_eq!(
            registered("00008110000a1b2c3d4e5f6a"),
            Some((phone, PortalPlatform::Ios))
        );
        let old = "a".repeat(40);
        assert_eq!(registered(&old), Some((old.clone(), PortalPlatform::Ios)));
        let mac = "01234567-89AB-CDEF-0123-456789ABCDEF".to_owned();
        assert_eq!(registered(&mac), Some((mac.clone(), PortalPlatform::MacOs)));
        for other in [
            "12",
            "00008110-000A1B2C3D4E5F6",
            "my phone",
            "é".repeat(40).as_str(),
            "-",
        ] {
            assert_eq!(registered(other), None, "{other}");
        }
    }
}
