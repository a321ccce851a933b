//! Display types: which screen a screenshot of a size is for.
//!
//! Sizes: App Store Connect Help, "Screenshot specifications", and fastlane 2.237.0, `deliver/lib/deliver/app_screenshot.rb`
//! (both mid-2026; they agree).

use std::path::Path;

struct Display {
    /// Apple's name, without `APP_`.
    name: &'static str,
    app: &'static str,
    /// Empty where iMessage has no such type.
    imessage: &'static str,
    /// Width and height; where `turned` is set, landscape is accepted, too.
    sizes: &'static [(usize, usize)],
    turned: bool,
}

macro_rules! displays {
    ($($name:literal $app:literal $imessage:literal $turned:literal $sizes:expr;)+) => {
        const DISPLAYS: &[Display] = &[
            $(Display { name: $name, app: $app, imessage: $imessage, sizes: &$sizes, turned: $turned },)+
        ];
    };
}

displays! {
    "IPHONE_DUO" "IPHONE_DUO" "" true [(2853, 2007), (2034, 1398)];
    "IPHONE_67" "APP_IPHONE_67" "IMESSAGE_APP_IPHONE_67" true [(1260, 2736), (1290, 2796), (1320, 2868)];
    "IPHONE_65" "APP_IPHONE_65" "IMESSAGE_APP_IPHONE_65" true [(1242, 2688), (1284, 2778)];
    "IPHONE_61" "APP_IPHONE_61" "IMESSAGE_APP_IPHONE_61" true [(1179, 2556), (1206, 2622)];
    "IPHONE_58" "APP_IPHONE_58" "IMESSAGE_APP_IPHONE_58" true [(1170, 2532), (1125, 2436), (1080, 2340)];
    "IPHONE_55" "APP_IPHONE_55" "IMESSAGE_APP_IPHONE_55" true [(1242, 2208)];
    "IPHONE_47" "APP_IPHONE_47" "IMESSAGE_APP_IPHONE_47" true [(750, 1334)];
    "IPHONE_40" "APP_IPHONE_40" "IMESSAGE_APP_IPHONE_40" true [(640, 1136), (640, 1096), (600, 1136)];
    "IPHONE_35" "APP_IPHONE_35" "" true [(640, 960), (640, 920), (600, 960)];
    "IPAD_PRO_3GEN_129" "APP_IPAD_PRO_3GEN_129" "IMESSAGE_APP_IPAD_PRO_3GEN_129" true [(2064, 2752), (2048, 2732)];
    "IPAD_PRO_129" "APP_IPAD_PRO_129" "IMESSAGE_APP_IPAD_PRO_129" true [];
    "IPAD_PRO_3GEN_11" "APP_IPAD_PRO_3GEN_11" "IMESSAGE_APP_IPAD_PRO_3GEN_11" true [(1488, 2266), (1668, 2420), (1668, 2388), (1640, 2360)];
    "IPAD_105" "APP_IPAD_105" "IMESSAGE_APP_IPAD_105" true [(1668, 2224)];
    "IPAD_97" "APP_IPAD_97" "IMESSAGE_APP_IPAD_97" true [(1536, 2048), (768, 1024), (1536, 2008), (768, 1004), (1496, 2048), (748, 1024)];
    "DESKTOP" "APP_DESKTOP" "" false [(1280, 800), (1440, 900), (2560, 1600), (2880, 1800)];
    "APPLE_TV" "APP_APPLE_TV" "" false [(1920, 1080), (3840, 2160)];
    "APPLE_VISION_PRO" "APP_APPLE_VISION_PRO" "" false [];
    "WATCH_ULTRA" "APP_WATCH_ULTRA" "" false [(410, 502), (422, 514)];
    "WATCH_SERIES_10" "APP_WATCH_SERIES_10" "" false [(416, 496)];
    "WATCH_SERIES_7" "APP_WATCH_SERIES_7" "" false [(396, 484)];
    "WATCH_SERIES_4" "APP_WATCH_SERIES_4" "" false [(368, 448)];
    "WATCH_SERIES_3" "APP_WATCH_SERIES_3" "" false [(312, 390)];
}

/// A screen that classic sets do not have: only the asset library takes its media. It has no name of Apple's there.
pub const ONLY_IN_LIBRARY: &str = "IPHONE_DUO";

/// Screens, without `APP_`, and the placement groups that the asset library has for them.
/// Source: live answers of API 4.5.1, published with ascelerate (2026-10).
const GROUPS: [(&str, &str); 22] = [
    ("IPHONE_67", "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE"),
    ("IPHONE_65", "IPHONE_FACE_ID_LARGE_PROFILE"),
    ("IPHONE_61", "IPHONE_DYNAMIC_ISLAND_MEDIUM_PROFILE"),
    ("IPHONE_58", "IPHONE_FACE_ID_MEDIUM_PROFILE"),
    ("IPHONE_55", "IPHONE_HOME_BUTTON_LARGE_PROFILE"),
    ("IPHONE_47", "IPHONE_HOME_BUTTON_MEDIUM_PROFILE"),
    ("IPHONE_40", "IPHONE_HOME_BUTTON_40_PROFILE"),
    ("IPHONE_35", "IPHONE_HOME_BUTTON_35_PROFILE"),
    ("IPHONE_DUO", "IPHONE_DUO_PROFILE"),
    ("IPAD_PRO_3GEN_129", "IPAD_13_PROFILE"),
    ("IPAD_PRO_129", "IPAD_129_PROFILE"),
    ("IPAD_PRO_3GEN_11", "IPAD_11_PROFILE"),
    ("IPAD_105", "IPAD_105_PROFILE"),
    ("IPAD_97", "IPAD_97_PROFILE"),
    ("DESKTOP", "MAC_PROFILE"),
    ("APPLE_TV", "TV_PROFILE"),
    ("APPLE_VISION_PRO", "VISION_PRO_PROFILE"),
    ("WATCH_ULTRA", "WATCH_ULTRA_PROFILE"),
    ("WATCH_SERIES_10", "WATCH_SERIES_10_PROFILE"),
    ("WATCH_SERIES_7", "WATCH_SERIES_7_PROFILE"),
    ("WATCH_SERIES_4", "WATCH_SERIES_4_PROFILE"),
    ("WATCH_SERIES_3", "WATCH_SERIES_3_PROFILE"),
];

/// The placement group of the asset library for a display type, or for a preview type. One that is a group already stays.
pub(crate) fn placement_group(display: &str) -> String {
    let (prefix, rest) = match display.strip_prefix("IMESSAGE_APP_") {
        Some(rest) => ("IMESSAGE_", rest),
        None => ("", display.strip_prefix("APP_").unwrap_or(display)),
    };
    match GROUPS.iter().find(|(name, _)| *name == rest) {
        Some((_, group)) => format!("{prefix}{group}"),
        None => display.to_owned(),
    }
}

/// The display type of a placement group: `prefix` is `APP_` or `IMESSAGE_APP_` for screenshots, and nothing for previews.
/// A group that no classic set corresponds to keeps its name.
pub(crate) fn display_of_group(group: &str, prefix: &str) -> String {
    let stem = group.strip_prefix("IMESSAGE_").unwrap_or(group);
    match GROUPS.iter().find(|(_, known)| *known == stem) {
        Some((ONLY_IN_LIBRARY, _)) => ONLY_IN_LIBRARY.to_owned(),
        Some((name, _)) => format!("{prefix}{name}"),
        None => group.to_owned(),
    }
}

/// The display type of a screenshot. Two pairs of screens share a size: the path tells them apart as in fastlane.
pub fn of(width: usize, height: usize, path: &Path, is_imessage: bool) -> Option<&'static str> {
    let found = DISPLAYS.iter().find(|display| {
        let sizes = display.sizes;
        sizes.contains(&(width, height)) || (display.turned && sizes.contains(&(height, width)))
    })?;
    let text = path.to_string_lossy().to_lowercase();
    let is_second_generation =
        text.contains("app_ipad_pro_129") || (text.contains("12.9") && text.contains("2nd generation"));
    let name = match found.name {
        "IPAD_PRO_3GEN_129" if width.min(height) == 2048 && is_second_generation => "IPAD_PRO_129",
        "APPLE_TV" if width == 3840 && text.contains("vision") => "APPLE_VISION_PRO",
        name => name,
    };
    let display = DISPLAYS.iter().find(|display| display.name == name)?;
    let value = if is_imessage {
        display.imessage
    } else {
        display.app
    };
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_decides_and_the_path_where_two_screens_share_one() {
        for (width, height, path, expected) in [
            (1320, 2868, "a.png", Some("APP_IPHONE_67")),
            (2796, 1290, "a.png", Some("APP_IPHONE_67")),
            (2048, 2732, "a.png", Some("APP_IPAD_PRO_3GEN_129")),
            (
                2048,
                2732,
                "iPad Pro (12.9-inch) (2nd generation)-1.png",
                Some("APP_IPAD_PRO_129"),
            ),
            (2732, 2048, "APP_IPAD_PRO_129_1.png", Some("APP_IPAD_PRO_129")),
            (3840, 2160, "tv.png", Some("APP_APPLE_TV")),
            (3840, 2160, "vision/1.png", Some("APP_APPLE_VISION_PRO")),
            (800, 1280, "mac.png", None),
            (1136, 600, "a.png", Some("APP_IPHONE_40")),
            (100, 100, "a.png", None),
            (2007, 2853, "a.png", Some(ONLY_IN_LIBRARY)),
        ] {
            assert_eq!(
                of(width, height, Path::new(path), false),
                expected,
                "{width} × {height} {path}"
            );
        }
        assert_eq!(
            of(1320, 2868, Path::new("a"), true),
            Some("IMESSAGE_APP_IPHONE_67")
        );
        assert_eq!(of(416, 496, Path::new("a"), true), None);
    }

    #[test]
    fn every_screen_has_a_placement_group_that_leads_back_to_it() {
        for display in DISPLAYS {
            for (name, prefix) in [(display.app, "APP_"), (display.imessage, "IMESSAGE_APP_")] {
                if !name.is_empty() {
                    let group = placement_group(name);
                    assert_ne!(group, name);
                    assert_eq!(display_of_group(&group, prefix), name);
                }
            }
            assert_eq!(display_of_group(&placement_group(display.name), ""), display.name);
        }
        assert_eq!(
            placement_group("APP_IPHONE_67"),
            "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE"
        );
        assert_eq!(
            placement_group("IMESSAGE_APP_IPAD_97"),
            "IMESSAGE_IPAD_97_PROFILE"
        );
        assert_eq!(display_of_group("NEW_PROFILE", "APP_"), "NEW_PROFILE");
    }
}
