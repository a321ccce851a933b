//! altool's command line.

use std::path::Path;

use crate::artifact::Artifact;

/// The first Xcode whose altool uploads packages without being told the app.
///
/// Fact: from Xcode 26 on `--upload-app` is on its way out, and `--upload-package` finds app and versions
/// itself; before, it wants all of them.
const FIRST_WITHOUT_DETAILS: u32 = 26;

/// The first Xcode whose altool has `--upload-package` for App Store Connect.
const FIRST_WITH_PACKAGES: u32 = 15;

/// Options that mean the same, in every spelling that an altool takes: `altool(1)` of Xcode 26 and `altool(7)` of the old
/// program (texts of 2025-06-23 and 2023-11-09), and spellings that 26 still takes.
const FORM: &[&str] = &["--upload-app", "--upload-package"];
const FILE: &[&str] = &["-f", "--file"];
const TYPE: &[&str] = &["--type", "-t", "--platform"];
const APP: &[&str] = &["--apple-id"];
const BUNDLE: &[&str] = &["--bundle-id"];
const VERSION: &[&str] = &["--bundle-version"];
const SHORT_VERSION: &[&str] = &["--bundle-short-version-string"];
const KEY: &[&str] = &["--apiKey", "--api-key"];
const ISSUER: &[&str] = &["--apiIssuer", "--api-issuer"];
const SUBJECT: &[&str] = &["--api-key-subject"];
const USER: &[&str] = &["--username", "-u"];
const PASSWORD: &[&str] = &["--password", "-p", "--app-password"];
const FORMAT: &[&str] = &["--output-format"];
const VERBOSE: &[&str] = &["--verbose"];
const OLD: &[&str] = &["--use-old-altool"];

/// The groups whose option has a value.
const WITH_VALUE: [&[&str]; 12] = [
    FILE,
    TYPE,
    APP,
    BUNDLE,
    VERSION,
    SHORT_VERSION,
    KEY,
    ISSUER,
    SUBJECT,
    USER,
    PASSWORD,
    FORMAT,
];

/// Commands of altool that upload nothing, in either program.
const OTHER_COMMANDS: [&str; 10] = [
    "--validate-app",
    "--list-apps",
    "--list-providers",
    "--build-status",
    "--generate-jwt",
    "--notarize-app",
    "--notarization-info",
    "--store-password-in-keychain-item",
    "--help",
    "--version",
];

/// The command among the user's options that would take the place of the upload.
pub(crate) fn other_command(extra: &[String]) -> Option<&str> {
    let mut names = extra.iter().map(|word| name(word));
    names.find(|name| OTHER_COMMANDS.contains(name))
}

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

/// What is known about the upload beside the package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Xcode's major version.
    pub(crate) xcode: Option<u32>,
    /// The app as the input names it.
    pub(crate) app_input: Option<&'a str>,
    /// The app as App Store Connect has it.
    pub(crate) app_found: Option<&'a str>,
    pub(crate) verbose: bool,
}

/// The user's options, each that this step knows as well only once.
struct Extra(Vec<Vec<String>>);

impl Extra {
    fn new(words: &[String]) -> Self {
        let mut options: Vec<Vec<String>> = Vec::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let mut option = vec![word.clone()];
            let group = group_of(word);
            let takes_value = group.is_some_and(|group| WITH_VALUE.contains(&group) || group == FORM);
            if takes_value
                && !word.contains('=')
                && let Some(value) = words.next_if(|next| !next.starts_with('-'))
            {
                option.push(value.clone());
            }
            let is_twice =
                group.is_some_and(|group| options.iter().any(|known| group_of(&known[0]) == Some(group)));
            if !is_twice {
                options.push(option);
            }
        }
        Self(options)
    }

    fn has(&self, group: &[&str]) -> bool {
        self.0.iter().any(|option| group.contains(&name(&option[0])))
    }

    /// The upload command among them, taken out where it lacks its file: it is completed.
    fn take_form(&mut self) -> Option<String> {
        let at = self
            .0
            .iter()
            .position(|option| FORM.contains(&name(&option[0])))?;
        let form = name(&self.0[at][0]).to_owned();
        let names_file = self.0[at].len() > 1 || self.0[at][0].contains('=');
        if !names_file {
            self.0.remove(at);
        }
        Some(form)
    }

    fn words(self) -> impl Iterator<Item = String> {
        self.0.into_iter().flatten()
    }
}

fn name(word: &str) -> &str {
    word.split('=').next().unwrap_or(word)
}

fn group_of(word: &str) -> Option<&'static [&'static str]> {
    let groups = WITH_VALUE.into_iter().chain([FORM, VERBOSE, OLD]);
    groups.into_iter().find(|group| group.contains(&name(word)))
}

/// Everything after `xcrun`. Options of the user win: where they name one of ours in any spelling, ours is left out.
pub(crate) fn all(artifact: &Artifact, known: Known<'_>, sign_in: &SignIn, extra: &[String]) -> Vec<String> {
    let mut extra = Extra::new(extra);
    let is_complete = artifact.details.missing().is_empty();
    let xcode = known.xcode.unwrap_or(0);
    let is_old = extra.has(OLD);
    let can_name_app =
        !is_old && xcode >= FIRST_WITH_PACKAGES && (is_complete || xcode >= FIRST_WITHOUT_DETAILS);
    let app = known.app_input.or(known.app_found.filter(|_| can_name_app));
    let given_form = extra.take_form();
    let by_package = match given_form.as_deref() {
        Some(form) => form == "--upload-package",
        None => app.is_some() || (!is_old && xcode >= FIRST_WITHOUT_DETAILS),
    };
    let mut words = vec!["altool".to_owned()];
    let mut option = |group: &[&str], value: Option<&str>| {
        if !extra.has(group) {
            words.extend(group.first().map(|name| (*name).to_owned()));
            words.extend(value.map(str::to_owned));
        }
    };
    let path = artifact.path.to_string_lossy();
    if !extra.has(FORM) {
        if by_package {
            option(&["--upload-package"], Some(&path));
        } else {
            option(&["--upload-app"], None);
            option(FILE, Some(&path));
        }
    }
    option(TYPE, Some(artifact.platform.altool_type()));
    if let Some(app) = app {
        let details = &artifact.details;
        option(APP, Some(app));
        for (group, value) in [
            (BUNDLE, &details.bundle_id),
            (VERSION, &details.version),
            (SHORT_VERSION, &details.short_version),
        ] {
            if value.is_some() {
                option(group, value.as_deref());
            }
        }
    }
    match sign_in {
        // Who names another kind of account has their own reasons.
        SignIn::ApiKey { key_id, issuer_id } if !extra.has(USER) => {
            option(KEY, Some(key_id));
            match issuer_id {
                Some(issuer_id) => option(ISSUER, Some(issuer_id)),
                // An individual key has no issuer.
                None if !extra.has(ISSUER) => option(SUBJECT, Some("user")),
                None => {}
            }
        }
        SignIn::AppleId { apple_id, variable } if !extra.has(KEY) => {
            option(USER, Some(apple_id));
            option(PASSWORD, Some(&format!("@env:{variable}")));
        }
        _ => {}
    }
    let (has_format, has_verbose) = (extra.has(FORMAT), extra.has(VERBOSE));
    words.extend(extra.words());
    if !has_format {
        words.extend(["--output-format", "json"].map(str::to_owned));
    }
    if known.verbose && !has_verbose {
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
    use app_package::{Format, StorePlatform};

    use super::*;
    use crate::artifact::Details;

    fn artifact(platform: StorePlatform) -> Artifact {
        Artifact {
            path: "/a.ipa".into(),
            format: Format::Ipa,
            platform,
            details: Details {
                bundle_id: Some("com.example".to_owned()),
                version: Some("42".to_owned()),
                short_version: Some("1.2".to_owned()),
            },
            size: 1,
            unread: None,
        }
    }

    fn team() -> SignIn {
        SignIn::ApiKey {
            key_id: "K".to_owned(),
            issuer_id: Some("I".to_owned()),
        }
    }

    fn line(
        xcode: u32,
        input: Option<&str>,
        platform: StorePlatform,
        sign_in: &SignIn,
        extra: &str,
    ) -> String {
        with_found(xcode, input, None, platform, sign_in, extra)
    }

    fn with_found(
        xcode: u32,
        app_input: Option<&str>,
        app_found: Option<&str>,
        platform: StorePlatform,
        sign_in: &SignIn,
        extra: &str,
    ) -> String {
        let known = Known {
            xcode: Some(xcode),
            app_input,
            app_found,
            verbose: false,
        };
        let extra = step_kit::words(extra).unwrap();
        all(&artifact(platform), known, sign_in, &extra).join(" ")
    }

    #[test]
    fn each_xcode_and_account_has_its_command_line() {
        let team = team();
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
                StorePlatform::Ios,
                &team,
                "",
                "altool --upload-app -f /a.ipa --type ios --apiKey K --apiIssuer I --output-format json",
            ),
            (
                16,
                None,
                StorePlatform::Macos,
                &person,
                "",
                "altool --upload-app -f /a.ipa --type macos --username a@b.c --password @env:ALTOOL_PASSWORD --output-format json",
            ),
            (
                16,
                Some("7"),
                StorePlatform::Tvos,
                &team,
                "",
                "altool --upload-package /a.ipa --type appletvos --apple-id 7 --bundle-id com.example --bundle-version 42 --bundle-short-version-string 1.2 --apiKey K --apiIssuer I --output-format json",
            ),
            (
                26,
                None,
                StorePlatform::Visionos,
                &individual,
                "--provider-public-id P",
                "altool --upload-package /a.ipa --type visionos --apiKey K --api-key-subject user --provider-public-id P --output-format json",
            ),
            (
                15,
                None,
                StorePlatform::Ios,
                &team,
                "-t osx --output-format xml",
                "altool --upload-app -f /a.ipa --apiKey K --apiIssuer I -t osx --output-format xml",
            ),
            (
                26,
                Some("7"),
                StorePlatform::Ios,
                &team,
                "--bundle-version=43 --verbose",
                "altool --upload-package /a.ipa --type ios --apple-id 7 --bundle-id com.example --bundle-short-version-string 1.2 --apiKey K --apiIssuer I --bundle-version=43 --verbose --output-format json",
            ),
        ] {
            assert_eq!(line(xcode, app_id, platform, sign_in, extra), expected);
        }
    }

    #[test]
    fn commands_that_upload_nothing_are_found() {
        for (extra, expected) in [
            ("--verbose --validate-app", Some("--validate-app")),
            ("--build-status --delivery-id X", Some("--build-status")),
            ("--upload-package --wait", None),
            ("-t ios --output-format normal", None),
        ] {
            let words = step_kit::words(extra).unwrap();
            assert_eq!(other_command(&words), expected, "{extra}");
        }
    }

    #[test]
    fn the_app_that_was_looked_up_is_named_where_altool_takes_it() {
        let exact =
            "--apple-id 9 --bundle-id com.example --bundle-version 42 --bundle-short-version-string 1.2";
        for (xcode, extra, form, names_app) in [
            (26, "", "--upload-package /a.ipa", true),
            (16, "", "--upload-package /a.ipa", true),
            (15, "", "--upload-package /a.ipa", true),
            (14, "", "--upload-app -f /a.ipa", false),
            (26, "--use-old-altool", "--upload-app -f /a.ipa", false),
            (26, "--upload-app", "--upload-app -f /a.ipa", true),
            (16, "--upload-package", "--upload-package /a.ipa", true),
        ] {
            let line = with_found(xcode, None, Some("9"), StorePlatform::Ios, &team(), extra);
            assert!(
                line.starts_with(&format!("altool {form} ")),
                "{xcode} {extra}: {line}"
            );
            assert_eq!(line.contains(exact), names_app, "{xcode} {extra}: {line}");
        }
        let line = with_found(26, Some("7"), Some("9"), StorePlatform::Ios, &team(), "");
        assert!(line.contains("--apple-id 7 "), "{line}");
    }

    #[test]
    fn the_users_options_win_in_every_spelling_and_nothing_is_said_twice() {
        let person = SignIn::AppleId {
            apple_id: "a@b.c".to_owned(),
            variable: "V",
        };
        for (sign_in, extra, without) in [
            (team(), "--platform macos", &["--type", "-t"][..]),
            (team(), "-t=macos", &["--type", "--platform"]),
            (team(), "--api-key X", &["--apiKey"]),
            (team(), "--api-issuer=X", &["--apiIssuer"]),
            (team(), "--file /b.ipa", &["-f"]),
            (
                team(),
                "-u me -p @keychain:x",
                &["--apiKey", "--apiIssuer", "--username"],
            ),
            (person.clone(), "-u me", &["--username"]),
            (person.clone(), "--app-password @env:P", &["--password", "-p"]),
            (person, "--apiKey K", &["--username", "--password"]),
            (team(), "--upload-package /b.ipa", &["--upload-app", "-f"]),
        ] {
            let line = line(14, None, StorePlatform::Ios, &sign_in, extra);
            for option in without {
                let count = line.split([' ', '=']).filter(|word| word == option).count();
                assert_eq!(count, 0, "{extra}: {line}");
            }
            assert!(line.contains(extra), "{line}");
        }
        let line = line(
            26,
            None,
            StorePlatform::Ios,
            &team(),
            "--verbose -t ios --type macos --verbose",
        );
        assert_eq!(line.matches("--verbose").count(), 1, "{line}");
        assert!(line.contains("-t ios") && !line.contains("macos"), "{line}");
    }
}
