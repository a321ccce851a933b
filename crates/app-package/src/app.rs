//! What an `Info.plist` says.

use apple_types::{Platform, StorePlatform};
use plist::{Dictionary, Value};

/// The package does not tell its platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPlatform {
    /// There is no `DTPlatformName`.
    #[error("its Info.plist has no `DTPlatformName`")]
    Unnamed,
    /// It names a platform that App Store Connect does not have.
    #[error("its Info.plist names the unknown platform `{0}`")]
    Unheard(String),
}

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
    /// `DTSDKName`, such as `iphoneos26.0`.
    pub sdk_name: Option<String>,
    /// `MinimumOSVersion`, the oldest system that it runs on.
    pub minimum_os_version: Option<String>,
    /// `CFBundleExecutable`, the name of its executable.
    pub executable: Option<String>,
    /// `CFBundleIconName`, the icon in its asset catalog.
    pub icon_name: Option<String>,
    /// `CFBundleIconFiles`, the beginnings of the names of its icon files.
    pub icon_files: Vec<String>,
    /// What it says about how it appears and works.
    pub(crate) presentation: Presentation,
}

/// What an app says about how it appears and works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Presentation {
    /// Whether it runs on iPad by itself: `UIDeviceFamily` has 2.
    pub(crate) is_for_ipad: bool,
    /// `UISupportedInterfaceOrientations`, as it is on iPad.
    pub(crate) orientations: Vec<String>,
    /// `UIRequiresFullScreen`, with which it takes no part in multitasking.
    pub(crate) requires_full_screen: bool,
    /// `UILaunchStoryboardName`, as it is on iPad.
    pub(crate) launch_storyboard: Option<String>,
    /// `UILaunchScreen` or `UILaunchScreens`.
    pub(crate) has_launch_screen: bool,
    /// `UIBackgroundModes`.
    pub(crate) background_modes: Vec<String>,
    /// `BGTaskSchedulerPermittedIdentifiers`.
    pub(crate) background_tasks: Vec<String>,
    /// Whether it is never on screen: it only carries a watch app, a sticker pack, or an iMessage app.
    pub(crate) is_container: bool,
}

impl Presentation {
    fn of(info: &Dictionary) -> Self {
        // The key with the device's name counts before the one without.
        let on_ipad = |key: &str| {
            let own = format!("{key}~ipad");
            info.get(&own).or_else(|| info.get(key))
        };
        let is_two = |value: &Value| {
            value.as_signed_integer() == Some(2) || value.as_string().map(str::trim) == Some("2")
        };
        let families = info.get("UIDeviceFamily");
        Self {
            is_for_ipad: families.is_some_and(|families| match families {
                Value::Array(families) => families.iter().any(is_two),
                family => is_two(family),
            }),
            orientations: on_ipad("UISupportedInterfaceOrientations")
                .map(strings)
                .unwrap_or_default(),
            requires_full_screen: on_ipad("UIRequiresFullScreen").is_some_and(is_true),
            launch_storyboard: on_ipad("UILaunchStoryboardName")
                .and_then(Value::as_string)
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty()),
            has_launch_screen: on_ipad("UILaunchScreen").is_some() || on_ipad("UILaunchScreens").is_some(),
            background_modes: texts(info, "UIBackgroundModes"),
            background_tasks: texts(info, "BGTaskSchedulerPermittedIdentifiers"),
            is_container: ["ITSWatchOnlyContainer", "LSApplicationLaunchProhibited"]
                .iter()
                .any(|key| info.get(key).is_some_and(is_true)),
        }
    }
}

/// Whether a value means yes, also as build scripts write it.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Boolean(flag) => *flag,
        Value::String(text) => matches!(text.trim(), "YES" | "yes" | "true" | "1"),
        value => value.as_signed_integer() == Some(1),
    }
}

impl App {
    /// Reads an `Info.plist`, XML or binary.
    pub(crate) fn of_plist(bytes: &[u8]) -> Result<Self, String> {
        let decoded = utf16(bytes);
        let value =
            property_list::read(decoded.as_deref().unwrap_or(bytes)).map_err(|error| error.to_string())?;
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
            sdk_name: text(info, "DTSDKName"),
            minimum_os_version: text(info, "MinimumOSVersion"),
            executable: text(info, "CFBundleExecutable"),
            icon_name: icons(info)
                .find_map(|icons| text(icons, "CFBundleIconName"))
                .or_else(|| text(info, "CFBundleIconName")),
            icon_files: icons(info)
                .chain([info])
                .flat_map(|icons| texts(icons, "CFBundleIconFiles"))
                .collect(),
            presentation: Presentation::of(info),
        })
    }

    /// The platform, from the SDK that it was built with.
    ///
    /// # Errors
    /// When the package does not tell.
    pub fn platform(&self) -> Result<StorePlatform, UnknownPlatform> {
        let mut names = self.platform_name.iter().chain(&self.supported_platforms);
        if let Some(platform) = names.clone().find_map(|name| Platform::of_sdk(name)?.store()) {
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

/// The primary icons for each kind of device: `CFBundleIcons`, `CFBundleIcons~ipad`.
fn icons(info: &Dictionary) -> impl Iterator<Item = &Dictionary> {
    let is_icons = |key: &str| key == "CFBundleIcons" || key.starts_with("CFBundleIcons~");
    info.iter()
        .filter(move |(key, _)| is_icons(key))
        .filter_map(|(_, icons)| icons.as_dictionary()?.get("CFBundlePrimaryIcon")?.as_dictionary())
}

/// The bytes as UTF-8, where they are UTF-16; the declaration, which names the encoding, is left out.
pub(crate) fn utf16(bytes: &[u8]) -> Option<Vec<u8>> {
    let (bytes, is_little) = match bytes {
        [0xff, 0xfe, rest @ ..] => (rest, true),
        [0xfe, 0xff, rest @ ..] => (rest, false),
        [b'<', 0, ..] => (bytes, true),
        [0, b'<', ..] => (bytes, false),
        _ => return None,
    };
    let units = bytes.chunks_exact(2).map(|pair| match is_little {
        true => u16::from_le_bytes([pair[0], pair[1]]),
        false => u16::from_be_bytes([pair[0], pair[1]]),
    });
    let text: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    let body = match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, body)) => body,
        None => &text,
    };
    Some(body.as_bytes().to_vec())
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
    info.get(key).map(strings).unwrap_or_default()
}

/// The texts of an array; one text stands for an array of it.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_string)
            .map(str::to_owned)
            .collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
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
            ("iphoneos", Ok(StorePlatform::Ios)),
            ("iphonesimulator", Ok(StorePlatform::Ios)),
            ("watchos", Ok(StorePlatform::Ios)),
            ("appletvos", Ok(StorePlatform::Tvos)),
            ("macosx", Ok(StorePlatform::Macos)),
            ("xros", Ok(StorePlatform::Visionos)),
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
        assert_eq!(app.platform(), Ok(StorePlatform::Tvos));
    }

    #[test]
    fn lists_in_utf_16_are_read() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><plist version=\"1.0\"><dict><key>CFBundleVersion</key><string>4ü</string></dict></plist>";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            little.clone(),
            big.clone(),
            [&[0xff, 0xfe], little.as_slice()].concat(),
            [&[0xfe, 0xff], big.as_slice()].concat(),
        ] {
            assert_eq!(App::of_plist(&bytes).unwrap().version.as_deref(), Some("4ü"));
        }
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
