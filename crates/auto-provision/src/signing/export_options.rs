//! The export options plist, which `xcodebuild -exportArchive` reads.
//!
//! Keys and their meaning: the text of `xcodebuild -help` (Xcode 16). Method names changed with Xcode 15.3: later ones
//! take the old names with a notice (flutter/flutter#149369, 2024-05-31), earlier ones refuse the new ones
//! (tauri-apps/tauri#13818, 2025-07-13).

use plist::{Dictionary, Value};
use provisioning::Distribution;

use super::SigningTable;
use apple_types::XcodeVersion;

/// The first Xcode that knows today's method names.
const RENAMED: XcodeVersion = XcodeVersion { major: 15, minor: 3 };

/// The first Xcode that may change version and build number on export (Xcode 13 release notes).
const MANAGES_VERSIONS: XcodeVersion = XcodeVersion { major: 13, minor: 0 };

/// Which spelling of the method names a reader takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MethodNames {
    /// Xcode 15.3 and later: `app-store-connect`, `release-testing`, `debugging`.
    Current,
    /// Earlier ones, and `gym`, which refuses the current ones (fastlane 2.237, `gym/lib/gym/options.rs`):
    /// `app-store`, `ad-hoc`, `development`.
    BeforeXcode15_3,
}

impl MethodNames {
    /// The names for an Xcode; today's where there is none.
    pub(crate) fn of(xcode: Option<XcodeVersion>) -> Self {
        match xcode {
            Some(version) if version < RENAMED => Self::BeforeXcode15_3,
            _ => Self::Current,
        }
    }

    pub(crate) fn method(self, distribution: Distribution) -> &'static str {
        match (distribution, self) {
            (Distribution::AppStore, Self::Current) => "app-store-connect",
            (Distribution::AppStore, Self::BeforeXcode15_3) => "app-store",
            (Distribution::AdHoc, Self::Current) => "release-testing",
            (Distribution::AdHoc, Self::BeforeXcode15_3) => "ad-hoc",
            (Distribution::Development, Self::Current) => "debugging",
            (Distribution::Development, Self::BeforeXcode15_3) => "development",
            (Distribution::Enterprise, _) => "enterprise",
            (Distribution::DeveloperId, _) => "developer-id",
        }
    }
}

/// How profiles are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProfileNames {
    /// By UUID, which no two profiles share.
    Uuid,
    /// By name. `gym` merges the map with what it finds in the project, and takes the one whose name contains the export
    /// method (fastlane 2.237, `gym/lib/gym/code_signing_mapping.rb`): a UUID would lose.
    Name,
}

/// What the export options depend on beside the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style<'a> {
    pub(crate) methods: MethodNames,
    pub(crate) profiles: ProfileNames,
    /// The selected Xcode; `None` where there is none.
    pub(crate) xcode: Option<XcodeVersion>,
    /// Whether Xcode signs with profiles that it manages itself, which manual signing can't use.
    pub(crate) is_automatic: bool,
    /// Whether Xcode may change the version and build number.
    pub(crate) manages_version: bool,
    /// The SHA-1 of the certificate that signs a Mac installer package.
    pub(crate) installer: Option<&'a str>,
}

/// The export options.
///
/// # Errors
/// When the table is empty.
pub(crate) fn options(table: &SigningTable, style: Style<'_>) -> anyhow::Result<Dictionary> {
    let (_, main) = table.main()?;
    let mut options = Dictionary::new();
    let mut put = |key: &str, value: Value| options.insert(key.to_owned(), value);
    put("method", style.methods.method(table.distribution).into());
    put("teamID", main.team_id.to_string().into());
    if let Some(environment) = cloud_environment(table) {
        put("iCloudContainerEnvironment", environment.into());
    }
    if style.xcode.is_none_or(|version| version >= MANAGES_VERSIONS) {
        put("manageAppVersionAndBuildNumber", style.manages_version.into());
    }
    if style.is_automatic {
        put("signingStyle", "automatic".into());
        return Ok(options);
    }
    put("signingStyle", "manual".into());
    put("signingCertificate", main.certificate.sha1.clone().into());
    if let Some(sha1) = style.installer {
        put("installerSigningCertificate", sha1.into());
    }
    let profiles = specifiers(table, style.profiles)
        .into_iter()
        .map(|(bundle_id, profile)| (bundle_id, Value::String(profile)));
    put("provisioningProfiles", Value::Dictionary(profiles.collect()));
    Ok(options)
}

/// The profile of every bundle ID of the archive.
pub(crate) fn specifiers(table: &SigningTable, names: ProfileNames) -> Vec<(String, String)> {
    let ours = table.exported().map(|(target, with)| {
        let profile = match names {
            ProfileNames::Uuid => &with.profile_uuid,
            ProfileNames::Name => &with.profile_name,
        };
        (target.bundle_id.to_string(), profile.clone())
    });
    let mut all: Vec<(String, String)> = ours
        .chain(
            table
                .kept
                .iter()
                .map(|(bundle_id, profile)| (bundle_id.to_string(), profile.clone())),
        )
        .collect();
    all.sort();
    all.dedup_by(|next, first| next.0 == first.0);
    all
}

/// The environment of iCloud containers; `None` for an app that uses none. The store takes production only; otherwise it
/// is the one that the app's entitlements name, or that of the distribution.
fn cloud_environment(table: &SigningTable) -> Option<&'static str> {
    let mut uses_cloud = false;
    let mut named = None;
    for (target, _) in table.exported() {
        let entitlement = |key: &str| target.entitlements.get(key);
        let lists = |key: &str| match entitlement(key) {
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::String(text)) => !text.is_empty(),
            _ => false,
        };
        uses_cloud |= lists("com.apple.developer.icloud-services")
            || lists("com.apple.developer.icloud-container-identifiers");
        let environment = entitlement("com.apple.developer.icloud-container-environment");
        named = named.or_else(|| match environment.and_then(Value::as_string) {
            Some("Development") => Some("Development"),
            Some("Production") => Some("Production"),
            _ => None,
        });
    }
    let own = match table.distribution {
        Distribution::Development => "Development",
        _ => "Production",
    };
    match table.distribution {
        _ if !uses_cloud => None,
        Distribution::AppStore => Some("Production"),
        _ => Some(named.unwrap_or(own)),
    }
}

/// The file.
///
/// # Errors
/// When it can't be written to memory.
pub(crate) fn xml(options: Dictionary) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    Value::Dictionary(options).to_writer_xml(&mut text)?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use apple_types::TeamId;
    use signing_assets::{Certificate, CertificateKind};
    use time::OffsetDateTime;
    use xcode_project::{Platform, Settings};

    use super::super::{SignedTarget, SignedWith};
    use super::*;

    fn with(distribution: Distribution, id: &str) -> SignedWith {
        SignedWith {
            distribution,
            profile_name: format!("Bitrise iOS {distribution} - ({id})"),
            profile_uuid: format!("uuid-{distribution}-{id}"),
            expires_at: OffsetDateTime::UNIX_EPOCH,
            certificate: Certificate {
                serial: "1".to_owned(),
                common_name: format!("Apple {distribution}"),
                team_id: TeamId::new("TEAM123456"),
                team_name: String::new(),
                sha1: format!("SHA1-{distribution}"),
                not_before: OffsetDateTime::UNIX_EPOCH,
                not_after: OffsetDateTime::UNIX_EPOCH,
                kind: CertificateKind::AppleDistribution,
                der: Vec::new(),
            },
            team_id: "TEAM123456".parse().unwrap(),
        }
    }

    fn target(distribution: Distribution, id: &str, entitlements: &[(&str, Value)]) -> SignedTarget {
        let pairs = entitlements
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        SignedTarget {
            name: id.to_owned(),
            project: "App.xcodeproj".into(),
            configurations: vec!["Release".to_owned()],
            platform: Platform::Ios,
            bundle_id: id.parse().unwrap(),
            is_ui_test: false,
            entitlements: pairs.collect(),
            settings: Settings::from_assignments([], "iphoneos", "Release"),
            build: with(Distribution::Development, id),
            export: Some(with(distribution, id)),
        }
    }

    fn table(distribution: Distribution, targets: Vec<SignedTarget>) -> SigningTable {
        SigningTable {
            distribution,
            scheme: "App".to_owned(),
            configuration: "Release".to_owned(),
            targets,
            kept: Vec::new(),
        }
    }

    const STYLE: Style<'_> = Style {
        methods: MethodNames::Current,
        profiles: ProfileNames::Uuid,
        xcode: Some(XcodeVersion { major: 26, minor: 0 }),
        is_automatic: false,
        manages_version: false,
        installer: None,
    };

    fn xcode(major: u32, minor: u32) -> Option<XcodeVersion> {
        Some(XcodeVersion { major, minor })
    }

    #[test]
    fn methods_are_named_as_the_reader_knows_them() {
        for (distribution, before, since) in [
            (Distribution::AppStore, "app-store", "app-store-connect"),
            (Distribution::AdHoc, "ad-hoc", "release-testing"),
            (Distribution::Development, "development", "debugging"),
            (Distribution::Enterprise, "enterprise", "enterprise"),
            (Distribution::DeveloperId, "developer-id", "developer-id"),
        ] {
            for (version, expected) in [
                (xcode(14, 3), before),
                (xcode(15, 2), before),
                (xcode(15, 3), since),
                (xcode(27, 2), since),
                (None, since),
            ] {
                assert_eq!(MethodNames::of(version).method(distribution), expected);
            }
            // Those that gym accepts (fastlane 2.237, `gym/lib/gym/options.rs`).
            assert!(
                [
                    "app-store",
                    "ad-hoc",
                    "package",
                    "enterprise",
                    "development",
                    "developer-id",
                    "mac-application"
                ]
                .contains(&MethodNames::BeforeXcode15_3.method(distribution))
            );
        }
    }

    #[test]
    fn every_bundle_id_is_mapped_to_the_profile_of_the_distribution() {
        let mut table = table(
            Distribution::AppStore,
            vec![
                target(Distribution::AppStore, "a.b", &[]),
                target(Distribution::AppStore, "a.b.c", &[]),
            ],
        );
        table
            .kept
            .push(("a.b.driver".parse().unwrap(), "By hand".to_owned()));
        let mut tests = target(Distribution::AppStore, "a.tests", &[]);
        tests.export = None;
        table.targets.push(tests);
        let written = options(&table, STYLE).unwrap();
        let profiles = written["provisioningProfiles"].as_dictionary().unwrap();
        let pairs: Vec<(&str, &str)> = profiles
            .iter()
            .map(|(id, name)| (id.as_str(), name.as_string().unwrap()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("a.b", "uuid-app-store-a.b"),
                ("a.b.c", "uuid-app-store-a.b.c"),
                ("a.b.driver", "By hand")
            ]
        );
        assert_eq!(written["signingCertificate"].as_string(), Some("SHA1-app-store"));
        assert_eq!(written["teamID"].as_string(), Some("TEAM123456"));
        let named = specifiers(&table, ProfileNames::Name);
        // gym prefers the name that contains the export method.
        assert!(named[0].1.contains("app-store"), "{named:?}");
    }

    #[test]
    fn what_manual_signing_alone_takes_is_left_out_of_automatic_signing() {
        let table = table(Distribution::AdHoc, vec![target(Distribution::AdHoc, "a.b", &[])]);
        let written = options(
            &table,
            Style {
                is_automatic: true,
                ..STYLE
            },
        )
        .unwrap();
        let mut keys: Vec<&str> = written.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "manageAppVersionAndBuildNumber",
                "method",
                "signingStyle",
                "teamID"
            ]
        );
    }

    #[test]
    fn the_cloud_environment_is_that_of_the_app_or_of_the_distribution() {
        const ENVIRONMENT: &str = "com.apple.developer.icloud-container-environment";
        let services = (
            "com.apple.developer.icloud-services",
            Value::Array(vec!["CloudKit".into()]),
        );
        let all = ("com.apple.developer.icloud-services", Value::from("*"));
        let containers = (
            "com.apple.developer.icloud-container-identifiers",
            Value::Array(vec!["iCloud.a".into()]),
        );
        let none = ("com.apple.developer.icloud-services", Value::Array(Vec::new()));
        let named = |name: &str| (ENVIRONMENT, Value::from(name));
        for (distribution, entitlements, expected) in [
            (
                Distribution::Development,
                vec![services.clone()],
                Some("Development"),
            ),
            (Distribution::AdHoc, vec![services.clone()], Some("Production")),
            (Distribution::AppStore, vec![all], Some("Production")),
            (Distribution::Enterprise, vec![containers], Some("Production")),
            (
                Distribution::Development,
                vec![services.clone(), named("Production")],
                Some("Production"),
            ),
            (
                Distribution::AdHoc,
                vec![services.clone(), named("Development")],
                Some("Development"),
            ),
            (
                Distribution::AppStore,
                vec![services, named("Development")],
                Some("Production"),
            ),
            (Distribution::Development, vec![none], None),
            (Distribution::Development, vec![named("Production")], None),
            (Distribution::AppStore, vec![], None),
        ] {
            let targets = vec![
                target(distribution, "a.b", &[]),
                target(distribution, "a.b.c", &entitlements),
            ];
            let written = options(&table(distribution, targets), STYLE).unwrap();
            let environment = written
                .get("iCloudContainerEnvironment")
                .and_then(Value::as_string);
            assert_eq!(environment, expected, "{distribution} {entitlements:?}");
        }
    }

    #[test]
    fn xcode_changes_versions_only_where_it_is_asked_to() {
        let table = table(
            Distribution::AppStore,
            vec![target(Distribution::AppStore, "a.b", &[])],
        );
        for (version, manages, expected) in [
            (xcode(26, 0), false, Some(false)),
            (xcode(26, 0), true, Some(true)),
            (None, false, Some(false)),
            // Earlier ones do not know the key, and change nothing.
            (xcode(12, 5), false, None),
        ] {
            let style = Style {
                xcode: version,
                manages_version: manages,
                ..STYLE
            };
            let written = options(&table, style).unwrap();
            assert_eq!(
                written
                    .get("manageAppVersionAndBuildNumber")
                    .and_then(Value::as_boolean),
                expected
            );
        }
        let packaged = options(
            &table,
            Style {
                installer: Some("AB"),
                ..STYLE
            },
        )
        .unwrap();
        assert_eq!(packaged["installerSigningCertificate"].as_string(), Some("AB"));
    }
}
