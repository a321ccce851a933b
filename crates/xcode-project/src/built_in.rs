//! Settings that follow from a target, its project and its platform (swift-build `Settings.swift`,
//! `CoreBuildSystem.xcspec`, `PackageTypes.xcspec`, `ProductTypes.xcspec`).

use std::path::Path;

use apple_types::{Platform, is_simulator, sdk_family as family};

use crate::settings::{Level, Origin};

fn level(origin: Origin, pairs: impl IntoIterator<Item = (&'static str, String)>) -> Level {
    Level {
        origin,
        assignments: pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

/// What follows from a target: below its xcconfig file, above its project (getTargetDynamicSettings).
pub(crate) fn of_target(name: &str, product_type: &str) -> Level {
    let mut pairs = vec![("TARGET_NAME", name.to_owned()), ("TARGETNAME", name.to_owned())];
    if !product_type.is_empty() {
        pairs.push(("PRODUCT_TYPE", product_type.to_owned()));
    }
    level(Origin::BuiltIn, pairs)
}

/// What follows from a project: below its xcconfig file (getProjectDynamicSettings).
pub(crate) fn of_project(path: &Path, source_root: &Path, configuration: &str) -> Level {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let root = source_root.display().to_string();
    level(
        Origin::BuiltIn,
        [
            ("CONFIGURATION", configuration.to_owned()),
            ("BUILD_STYLE", configuration.to_owned()),
            // An archive installs (log in sindresorhus/LaunchAtLogin-Legacy #34).
            ("ACTION", "install".to_owned()),
            ("PROJECT", name.clone()),
            ("PROJECT_NAME", name),
            ("SRCROOT", root.clone()),
            ("SOURCE_ROOT", root.clone()),
            ("PROJECT_DIR", root),
            ("PROJECT_FILE_PATH", path.display().to_string()),
        ],
    )
}

/// Defaults of a product type.
pub(crate) fn of_product(product_type: &str) -> Level {
    let kind = product_type
        .strip_prefix("com.apple.product-type.")
        .unwrap_or(product_type);
    let extension = match kind {
        _ if kind.starts_with("application") => "app",
        "xpc-service" => "xpc",
        "system-extension" => "systemextension",
        "driver-extension" => "dext",
        "kernel-extension" | "kernel-extension.iokit" => "kext",
        "pluginkit-plugin" => "pluginkit",
        _ if kind.contains("extension") => "appex",
        "framework" | "framework.static" => "framework",
        "bundle.unit-test" | "bundle.ui-testing" => "xctest",
        "bundle" => "bundle",
        _ => "",
    };
    let is_named_by_id = matches!(kind, "system-extension" | "driver-extension");
    let product = if is_named_by_id {
        "$(PRODUCT_BUNDLE_IDENTIFIER)"
    } else {
        "$(TARGET_NAME)"
    };
    let (prefix, suffix) = match kind {
        "library.static" => ("lib", ".a"),
        "library.dynamic" => ("lib", ".dylib"),
        _ => ("", ""),
    };
    let mut pairs = vec![
        ("PRODUCT_NAME", product.to_owned()),
        (
            "PRODUCT_MODULE_NAME",
            "$(PRODUCT_NAME:c99extidentifier)".to_owned(),
        ),
        ("EXECUTABLE_PREFIX", prefix.to_owned()),
        ("EXECUTABLE_SUFFIX", suffix.to_owned()),
        ("EXECUTABLE_VARIANT_SUFFIX", String::new()),
        (
            "EXECUTABLE_NAME",
            "$(EXECUTABLE_PREFIX)$(PRODUCT_NAME)$(EXECUTABLE_VARIANT_SUFFIX)$(EXECUTABLE_SUFFIX)".to_owned(),
        ),
    ];
    if extension.is_empty() {
        pairs.push(("FULL_PRODUCT_NAME", "$(EXECUTABLE_NAME)".to_owned()));
    } else {
        pairs.extend([
            ("WRAPPER_PREFIX", String::new()),
            ("WRAPPER_EXTENSION", extension.to_owned()),
            ("WRAPPER_SUFFIX", ".$(WRAPPER_EXTENSION)".to_owned()),
            (
                "WRAPPER_NAME",
                "$(WRAPPER_PREFIX)$(PRODUCT_NAME)$(WRAPPER_SUFFIX)".to_owned(),
            ),
            ("FULL_PRODUCT_NAME", "$(WRAPPER_NAME)".to_owned()),
        ]);
    }
    level(Origin::BuiltIn, pairs)
}

/// What follows from the SDK in use (addPlatformSettings).
pub(crate) fn of_sdk(sdk: &str, is_catalyst: bool) -> Level {
    let family = family(sdk);
    let Some(platform) = Platform::of_sdk(&family) else {
        return level(Origin::Platform, []);
    };
    let effective = match platform {
        Platform::Macos if is_catalyst => "-maccatalyst".to_owned(),
        Platform::Macos => String::new(),
        _ => format!("-{family}"),
    };
    let mut pairs = vec![
        ("PLATFORM_NAME", family.clone()),
        ("EFFECTIVE_PLATFORM_NAME", effective),
        ("SUPPORTED_PLATFORMS", of_family(platform).join(" ")),
    ];
    if platform == Platform::Macos {
        // Set by the variants of the macOS SDK, and unset elsewhere.
        pairs.push((
            "IS_MACCATALYST",
            if is_catalyst { "YES" } else { "NO" }.to_owned(),
        ));
    }
    let has_version = sdk.chars().any(|c| c.is_ascii_digit());
    if has_version && !sdk.contains('/') {
        pairs.push(("SDK_NAME", sdk.to_owned()));
    }
    if is_simulator(sdk) {
        pairs.retain(|(key, _)| *key != "IS_MACCATALYST");
    }
    level(Origin::Platform, pairs)
}

/// The platforms of an SDK's family, which `SUPPORTED_PLATFORMS` is by default.
pub(crate) fn of_family(platform: Platform) -> Vec<&'static str> {
    let simulator = match platform {
        Platform::Ios => Some("iphonesimulator"),
        Platform::Tvos => Some("appletvsimulator"),
        Platform::Watchos => Some("watchsimulator"),
        Platform::Visionos => Some("xrsimulator"),
        _ => None,
    };
    [Some(platform.sdk()), simulator].into_iter().flatten().collect()
}

/// Names that a build defines and the project files do not: from the machine, the SDK, or the place of the products.
/// They are never nothing.
const OF_BUILD: [&str; 41] = [
    "ARCHS",
    "BUILD_DIR",
    "BUILD_ROOT",
    "BUILT_PRODUCTS_DIR",
    "CONFIGURATION_BUILD_DIR",
    "CONFIGURATION_TEMP_DIR",
    "CONTENTS_FOLDER_PATH",
    "CURRENT_ARCH",
    "DERIVED_DATA_DIR",
    "DERIVED_FILE_DIR",
    "DERIVED_SOURCES_DIR",
    "DEVELOPER_DIR",
    "DSTROOT",
    "EXECUTABLE_PATH",
    "GID",
    "GROUP",
    "HOME",
    "INFOPLIST_PATH",
    "INSTALL_DIR",
    "INSTALL_ROOT",
    "LLVM_TARGET_TRIPLE_SUFFIX",
    "MAC_OS_X_VERSION_ACTUAL",
    "NATIVE_ARCH",
    "OBJROOT",
    "PLATFORM_DIR",
    "PODS_CONFIGURATION_BUILD_DIR",
    "PODS_ROOT",
    "PROJECT_TEMP_DIR",
    "SDKROOT",
    "SDK_DIR",
    "SDK_NAME",
    "SDK_VERSION",
    "SYMROOT",
    "TARGET_BUILD_DIR",
    "TARGET_TEMP_DIR",
    "TEMP_DIR",
    "UID",
    "USER",
    "WORKSPACE_DIR",
    "XCODE_VERSION_ACTUAL",
    "XCODE_VERSION_MAJOR",
];

/// Whether a build defines a name by itself.
pub(crate) fn is_of_build(name: &str) -> bool {
    OF_BUILD.contains(&name)
}
