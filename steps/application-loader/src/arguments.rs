//! altool's command line.

use std::path::Path;

use crate::artifact::Artifact;

/// The first Xcode whose altool uploads packages without being told the app.
///
/// Fact: from Xcode 26 on `--upload-app` is on its way out, and `--upload-package` finds app and versions
/// itself; before, it wants all of them.
const FIRST_WITH_PACKAGES: u32 = 26;

/// How altool signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// With an API key whose file altool finds in its directories.
    ApiKey {
        key_id: String,
        issuer_id: Option<String>,
    },
    /// With an Apple ID whose password altool reads from a variable.
    AppleId {
        apple_id: String,
        variable: &'static str,
    },
}

impl SignIn {
    fn words(&self) -> Vec<String> {
        let words: Vec<&str> = match self {
            Self::ApiKey {
                key_id,
                issuer_id: Some(issuer_id),
            } => vec!["--apiKey", key_id, "--apiIssuer", issuer_id],
            // An individual key has no issuer.
            Self::ApiKey {
                key_id,
                issuer_id: None,
            } => vec!["--apiKey", key_id, "--api-key-subject", "user"],
            Self::AppleId { apple_id, variable } => {
                let reference = format!("@env:{variable}");
                return ["--username", apple_id, "--password", &reference]
                    .map(str::to_owned)
                    .to_vec();
            }
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

/// Everything after `xcrun`. Options of the user win: where they name one of ours, ours is left out.
pub(crate) fn all(
    artifact: &Artifact,
    xcode: Option<u32>,
    app_id: Option<&str>,
    sign_in: &SignIn,
    extra: &[String],
    verbose: bool,
) -> Vec<String> {
    let is_given = |names: &[&str]| {
        extra
            .iter()
            .any(|word| names.contains(&word.split('=').next().unwrap_or(word)))
    };
    let by_package = xcode.is_some_and(|version| version >= FIRST_WITH_PACKAGES) || app_id.is_some();
    let mut words = vec!["altool".to_owned()];
    let mut option = |names: &[&str], value: Option<&str>| {
        if !is_given(names) {
            words.extend(names.first().map(|name| (*name).to_owned()));
            words.extend(value.map(str::to_owned));
        }
    };
    let path = artifact.path.to_string_lossy();
    if by_package {
        option(&["--upload-package"], Some(&path));
    } else {
        option(&["--upload-app"], None);
        option(&["-f", "--file"], Some(&path));
    }
    option(&["--type", "-t"], Some(artifact.platform.altool_type()));
    if let Some(app_id) = app_id {
        let details = &artifact.details;
        option(&["--apple-id"], Some(app_id));
        option(&["--bundle-id"], details.bundle_id.as_deref());
        option(&["--bundle-version"], details.version.as_deref());
        option(
            &["--bundle-short-version-string"],
            details.short_version.as_deref(),
        );
    }
    let has_format = is_given(&["--output-format"]);
    let has_verbose = is_given(&["--verbose"]);
    words.extend(sign_in.words());
    words.extend(extra.iter().cloned());
    if !has_format {
        words.extend(["--output-format", "json"].map(str::to_owned));
    }
    if verbose && !has_verbose {
        words.push("--verbose".to_owned());
    }
    words
}

/// Whether one of the user's options names a file by a path that depends on the working directory.
pub(crate) fn has_relative_path(extra: &[String]) -> bool {
    extra.iter().any(|word| {
        let value = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
        !value.starts_with('-') && Path::new(value).is_relative() && Path::new(value).exists()
    })
}

#[cfg(test)]
mod tests {
    use app_package::{Format, Platform};

    use super::*;
    use crate::artifact::Details;

    fn line(xcode: u32, app_id: Option<&str>, platform: Platform, sign_in: &SignIn, extra: &str) -> String {
        let artifact = Artifact {
            path: "/a.ipa".into(),
            format: Format::Ipa,
            platform,
            details: Details {
                bundle_id: Some("com.example".to_owned()),
                version: Some("42".to_owned()),
                short_version: Some("1.2".to_owned()),
            },
        };
        let extra = step_kit::words(extra).unwrap();
        all(&artifact, Some(xcode), app_id, sign_in, &extra, false).join(" ")
    }

    #[test]
    fn each_xcode_and_account_has_its_command_line() {
        let team = SignIn::ApiKey {
            key_id: "K".to_owned(),
            issuer_id: Some("I".to_owned()),
        };
        let individual = SignIn::ApiKey {
            key_id: "K".to_owned(),
            issuer_id: None,
        };
        let person = SignIn::AppleId {
            apple_id: "a@b.c".to_owned(),
            variable: "ALTOOL_PASSWORD",
        };
        for (xcode, app_id, platform, sign_in, extra, expected) in [
            (
                13,
                None,
                Platform::Ios,
                &team,
                "",
                "altool --upload-app -f /a.ipa --type ios --apiKey K --apiIssuer I --output-format json",
            ),
            (
                16,
                None,
                Platform::Macos,
                &person,
                "",
                "altool --upload-app -f /a.ipa --type macos --username a@b.c --password @env:ALTOOL_PASSWORD --output-format json",
            ),
            (
                16,
                Some("7"),
                Platform::Tvos,
                &team,
                "",
                "altool --upload-package /a.ipa --type appletvos --apple-id 7 --bundle-id com.example --bundle-version 42 --bundle-short-version-string 1.2 --apiKey K --apiIssuer I --output-format json",
            ),
            (
                26,
                None,
                Platform::Visionos,
                &individual,
                "--provider-public-id P",
                "altool --upload-package /a.ipa --type visionos --apiKey K --api-key-subject user --provider-public-id P --output-format json",
            ),
            (
                15,
                None,
                Platform::Ios,
                &team,
                "-t osx --output-format xml",
                "altool --upload-app -f /a.ipa --apiKey K --apiIssuer I -t osx --output-format xml",
            ),
            (
                26,
                Some("7"),
                Platform::Ios,
                &team,
                "--bundle-version=43 --verbose",
                "altool --upload-package /a.ipa --type ios --apple-id 7 --bundle-id com.example --bundle-short-version-string 1.2 --apiKey K --apiIssuer I --bundle-version=43 --verbose --output-format json",
            ),
        ] {
            assert_eq!(line(xcode, app_id, platform, sign_in, extra), expected);
        }
    }
}
