//! What an `Info.plist` says.

use plist::{Dictionary, Value};

use crate::{Platform, UnknownPlatform};

/// The main app of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct App {
    /// `CFBundleIdentifier`.
    pub bundle_id: Option<String>,
    /// `CFBundleVersion`, the build number.
    pub version: Option<String>,
    /// `CFBundleShortVersionString`, the version that people see.
    pub short_version: Option<String>,
    /// `DTPlatformName`, the SDK that it was built with.
    pub platform_name: Option<String>,
    /// `CFBundleSupportedPlatforms`.
    pub supported_platforms: Vec<String>,
    /// `ITSAppUsesNonExemptEncryption`; `None` makes TestFlight ask.
    pub uses_encryption: Option<bool>,
}

impl App {
    /// Reads an `Info.plist`, XML or binary.
    pub(crate) fn of_plist(bytes: &[u8]) -> Result<Self, String> {
        let value = if bytes.starts_with(b"bplist") {
            Value::from_reader(std::io::Cursor::new(bytes))
        } else {
            // The general reader takes damaged XML for a plist of the old text form.
            Value::from_reader_xml(bytes)
        };
        let value = value.map_err(|error| error.to_string())?;
        let info = value.as_dictionary().ok_or("it is not a dictionary")?;
        Ok(Self {
            bundle_id: text(info, "CFBundleIdentifier"),
            version: text(info, "CFBundleVersion"),
            short_version: text(info, "CFBundleShortVersionString"),
            platform_name: text(info, "DTPlatformName"),
            supported_platforms: texts(info, "CFBundleSupportedPlatforms"),
            uses_encryption: info
                .get("ITSAppUsesNonExemptEncryption")
                .and_then(Value::as_boolean),
        })
    }

    /// The platform, from the SDK that it was built with.
    ///
    /// # Errors
    /// When the package does not tell.
    pub fn platform(&self) -> Result<Platform, UnknownPlatform> {
        let mut names = self.platform_name.iter().chain(&self.supported_platforms);
        if let Some(platform) = names.clone().find_map(|name| Platform::of_sdk(name)) {
            return Ok(platform);
        }
        Err(match names.next().cloned() {
            Some(name) => UnknownPlatform::Unheard(name),
            None => UnknownPlatform::Unnamed,
        })
    }

    /// Whether it was built for a simulator.
    pub(crate) fn is_for_simulator(&self) -> bool {
        let mut names = self.platform_name.iter().chain(&self.supported_platforms);
        names.any(|name| name.to_ascii_lowercase().ends_with("simulator"))
    }
}

/// A text; versions that a build script wrote as numbers are as good.
fn text(info: &Dictionary, key: &str) -> Option<String> {
    let text = match info.get(key)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn texts(info: &Dictionary, key: &str) -> Vec<String> {
    let items = info.get(key).and_then(Value::as_array);
    let items = items.map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(Value::as_string)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(fields: &str) -> App {
        let plist = format!("<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>{fields}</dict></plist>");
        App::of_plist(plist.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_are_versions_too() {
        let app = app("<key>CFBundleVersion</key><integer>42</integer>\
            <key>CFBundleShortVersionString</key><real>1.5</real>");
        assert_eq!(
            (app.version.as_deref(), app.short_version.as_deref()),
            (Some("42"), Some("1.5"))
        );
    }

    #[test]
    fn a_blank_identifier_is_none() {
        assert_eq!(
            app("<key>CFBundleIdentifier</key><string> </string>").bundle_id,
            None
        );
    }

    #[test]
    fn each_sdk_has_its_platform() {
        for (name, expected) in [
            ("iphoneos", Ok(Platform::Ios)),
            ("iphonesimulator", Ok(Platform::Ios)),
            ("watchos", Ok(Platform::Ios)),
            ("appletvos", Ok(Platform::Tvos)),
            ("macosx", Ok(Platform::Macos)),
            ("xros", Ok(Platform::Visionos)),
            ("toasteros", Err(UnknownPlatform::Unheard("toasteros".to_owned()))),
        ] {
            let app = app(&format!("<key>DTPlatformName</key><string>{name}</string>"));
            assert_eq!(app.platform(), expected, "{name}");
        }
        assert_eq!(app("").platform(), Err(UnknownPlatform::Unnamed));
    }

    #[test]
    fn supported_platforms_stand_in_for_a_missing_sdk() {
        let app = app("<key>CFBundleSupportedPlatforms</key><array><string>AppleTVOS</string></array>");
        assert_eq!(app.platform(), Ok(Platform::Tvos));
    }

    #[test]
    fn damaged_plists_are_errors() {
        for bytes in [
            &b"bplist00\xff\xff"[..],
            b"<plist><dict><key>a</key>",
            b"",
            b"<plist><string>a</string></plist>",
        ] {
            assert!(App::of_plist(bytes).is_err(), "{bytes:?}");
        }
    }
}
