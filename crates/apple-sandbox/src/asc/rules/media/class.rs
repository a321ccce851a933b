//! Classes of devices, as the App Store groups pictures by them.
//!
//! Sizes: Apple, "Screenshot specifications", mid-2026. Groups: the App Asset Library as ascelerate's client met it, 2026-10.

/// A class of devices: the classic type without `APP_`, the placement group, and the sizes in pixels that it takes.
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) group: &'static str,
    sizes: &'static [(usize, usize)],
    /// Whether pictures may lie on their side.
    turns: bool,
}

const fn class(
    name: &'static str,
    group: &'static str,
    sizes: &'static [(usize, usize)],
    turns: bool,
) -> Class {
    Class {
        name,
        group,
        sizes,
        turns,
    }
}

/// Every class. `IPHONE_DUO` has no classic type.
const CLASSES: [Class; 22] = [
    class(
        "IPHONE_67",
        "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE",
        &[(1260, 2736), (1290, 2796), (1320, 2868)],
        true,
    ),
    class(
        "IPHONE_65",
        "IPHONE_FACE_ID_LARGE_PROFILE",
        &[(1242, 2688), (1284, 2778)],
        true,
    ),
    class(
        "IPHONE_61",
        "IPHONE_DYNAMIC_ISLAND_MEDIUM_PROFILE",
        &[(1179, 2556), (1206, 2622)],
        true,
    ),
    class(
        "IPHONE_58",
        "IPHONE_FACE_ID_MEDIUM_PROFILE",
        &[(1170, 2532), (1125, 2436), (1080, 2340)],
        true,
    ),
    class(
        "IPHONE_55",
        "IPHONE_HOME_BUTTON_LARGE_PROFILE",
        &[(1242, 2208)],
        true,
    ),
    class(
        "IPHONE_47",
        "IPHONE_HOME_BUTTON_MEDIUM_PROFILE",
        &[(750, 1334)],
        true,
    ),
    class(
        "IPHONE_40",
        "IPHONE_HOME_BUTTON_40_PROFILE",
        &[(640, 1136), (640, 1096), (1136, 600)],
        true,
    ),
    class(
        "IPHONE_35",
        "IPHONE_HOME_BUTTON_35_PROFILE",
        &[(640, 960), (640, 920), (960, 600)],
        true,
    ),
    class(
        "IPAD_PRO_3GEN_129",
        "IPAD_13_PROFILE",
        &[(2064, 2752), (2048, 2732)],
        true,
    ),
    class("IPAD_PRO_129", "IPAD_129_PROFILE", &[(2048, 2732)], true),
    class(
        "IPAD_PRO_3GEN_11",
        "IPAD_11_PROFILE",
        &[(1488, 2266), (1668, 2420), (1668, 2388), (1640, 2360)],
        true,
    ),
    class("IPAD_105", "IPAD_105_PROFILE", &[(1668, 2224)], true),
    class(
        "IPAD_97",
        "IPAD_97_PROFILE",
        &[
            (1536, 2048),
            (768, 1024),
            (1536, 2008),
            (768, 1004),
            (2048, 1496),
            (1024, 748),
        ],
        true,
    ),
    class(
        "DESKTOP",
        "MAC_PROFILE",
        &[(1280, 800), (1440, 900), (2560, 1600), (2880, 1800)],
        false,
    ),
    class("APPLE_TV", "TV_PROFILE", &[(1920, 1080), (3840, 2160)], false),
    class("APPLE_VISION_PRO", "VISION_PRO_PROFILE", &[(3840, 2160)], false),
    class(
        "WATCH_ULTRA",
        "WATCH_ULTRA_PROFILE",
        &[(410, 502), (422, 514)],
        false,
    ),
    class("WATCH_SERIES_10", "WATCH_SERIES_10_PROFILE", &[(416, 496)], false),
    class("WATCH_SERIES_7", "WATCH_SERIES_7_PROFILE", &[(396, 484)], false),
    class("WATCH_SERIES_4", "WATCH_SERIES_4_PROFILE", &[(368, 448)], false),
    class("WATCH_SERIES_3", "WATCH_SERIES_3_PROFILE", &[(312, 390)], false),
    class("", "IPHONE_DUO_PROFILE", &[(2853, 2007), (2034, 1398)], true),
];

impl Class {
    pub(super) fn takes(&self, (width, height): (usize, usize)) -> bool {
        self.sizes.contains(&(width, height)) || self.turns && self.sizes.contains(&(height, width))
    }

    /// Of a classic type such as `APP_IPHONE_67`, `IMESSAGE_APP_IPHONE_67`, or, for previews, `IPHONE_67`.
    pub(super) fn of_type(name: &str) -> Option<&'static Self> {
        let bare = name.trim_start_matches("IMESSAGE_").trim_start_matches("APP_");
        CLASSES
            .iter()
            .find(|class| !bare.is_empty() && class.name == bare)
    }

    /// Of a placement group, and whether it is one of iMessage.
    pub(super) fn of_group(group: &str) -> Option<(&'static Self, bool)> {
        let bare = group.strip_prefix("IMESSAGE_");
        let class = CLASSES
            .iter()
            .find(|class| class.group == bare.unwrap_or(group))?;
        Some((class, bare.is_some()))
    }

    /// Whether any class takes a picture of this size, in pixels.
    pub(super) fn any_takes(size: (usize, usize)) -> bool {
        CLASSES.iter().any(|class| class.takes(size))
    }
}
