//! What Apple's refusals of an upload mean, and what to do about each.
//!
//! The codes and phrases were collected from public logs and issues (2026-11-25); those of App Store Connect's checks
//! are called ITMS codes, whether altool, the API or an e-mail reports them.

use crate::finding::Finding;

/// Why an upload was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A version in the Info.plist is malformed.
    InvalidVersion,
    /// The tool read other versions than those of the app.
    VersionMismatch,
    /// The version is released or closed for new builds.
    ClosedTrain,
    /// The build number is used.
    Duplicate,
    /// The package belongs to another app, or its bundle ID was changed.
    OtherApp,
    /// The bundle ID belongs to somebody else.
    BundleIdTaken,
    /// A purpose string is missing.
    PurposeString,
    /// The SDK is too old.
    OldSdk,
    /// The limit of uploads is reached.
    UploadLimit,
    /// An agreement is not signed.
    Agreement,
    /// The password is no app-specific one, or expired.
    AppSpecificPassword,
    /// The account belongs to several providers.
    Provider,
    /// The role of the key or account is too small.
    Role,
    /// The app could not be determined.
    AppNotDetermined,
    /// The sign-in failed.
    Authentication,
    /// Signature, profile or entitlements.
    Signing,
    /// Icons.
    Icons,
    /// The privacy manifest.
    PrivacyManifest,
    /// A binary has the wrong architectures or form.
    Binary,
    /// The bundle has the wrong structure.
    Structure,
    /// `MinimumOSVersion`.
    MinimumOs,
    /// A key of the Info.plist is missing.
    MissingKey,
    /// Extensions or embedded apps do not fit the app.
    NestedBundle,
    /// Multitasking on iPad.
    Multitasking,
    /// Checks for Mac apps.
    Mac,
    /// Xcode has no altool.
    NoAltool,
}

/// One row of the table: how a refusal is recognized, and what to do about it.
#[derive(Debug)]
pub struct Row {
    /// The reason.
    pub cause: Cause,
    /// Codes of altool (negative), of App Store Connect (ITMS, `90…`, `91…`) and of its API.
    pub codes: &'static [&'static str],
    /// Phrases; the first one stands for the refusal in documents.
    pub phrases: &'static [&'static str],
    /// What to do, an imperative.
    pub remedy: &'static str,
}

/// All rows, the most specific first.
pub fn table() -> &'static [Row] {
    TABLE
}

const TABLE: &[Row] = &[
    Row {
        cause: Cause::InvalidVersion,
        codes: &["90058", "90060"],
        phrases: &[
            "must be a period-separated list of at most three non-negative integers",
            "must be composed of one to three period-separated integers",
            "The value of CFBundleVersion",
        ],
        remedy: "set CFBundleVersion and CFBundleShortVersionString to one to three integers separated by periods, in the app and every nested bundle",
    },
    Row {
        cause: Cause::VersionMismatch,
        codes: &[],
        phrases: &["Info.plist value mismatch", "specified in the request"],
        remedy: "pass the app's own bundle ID and versions: altool read them from a nested bundle or another build",
    },
    Row {
        cause: Cause::ClosedTrain,
        codes: &["90062", "90186", "90478"],
        phrases: &[
            "is closed for new build submissions",
            "Invalid Pre-Release Train",
            "higher version than that of the previously approved version",
            "is not a valid increment of the previous",
        ],
        remedy: "raise CFBundleShortVersionString: this version is approved or released and takes no more builds",
    },
    Row {
        cause: Cause::Duplicate,
        codes: &["-19232", "90189", "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE"],
        phrases: &[
            "The bundle version must be higher than the previously uploaded version",
            "value that has already been used",
            "Redundant Binary Upload",
            "You've already uploaded a build with build number",
            "already been uploaded",
        ],
        remedy: "raise CFBundleVersion: this build number is used",
    },
    Row {
        cause: Cause::OtherApp,
        codes: &["90054", "90055"],
        phrases: &[
            "The bundle identifier cannot be changed from",
            "Bundle identifier cannot be changed",
        ],
        remedy: "build with the bundle ID of the app record, or upload to the app that has this bundle ID",
    },
    Row {
        cause: Cause::BundleIdTaken,
        codes: &["90053"],
        phrases: &["bundle identifier is already in use by a different software package"],
        remedy: "choose another bundle ID: this one belongs to another app",
    },
    Row {
        cause: Cause::PurposeString,
        codes: &["90683"],
        phrases: &["Missing purpose string in Info.plist", "UsageDescription"],
        remedy: "add the purpose strings that Apple names to the Info.plist",
    },
    Row {
        cause: Cause::OldSdk,
        codes: &["90725"],
        phrases: &["SDK version issue", "All iOS and iPadOS apps must be built with"],
        remedy: "build with a newer Xcode: the SDK of the build counts, not the Xcode that uploads",
    },
    Row {
        cause: Cause::UploadLimit,
        codes: &["90382"],
        phrases: &["Upload limit reached"],
        remedy: "upload again tomorrow: the app's limit of uploads per day is reached",
    },
    Row {
        cause: Cause::Agreement,
        codes: &["FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED"],
        phrases: &[
            "A required agreement is missing or has expired",
            "REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
            "required contracts to perform an operation",
            "Program License Agreement",
            "in-effect agreement",
        ],
        remedy: "let the Account Holder accept the current agreements in App Store Connect; where none is open, try again in some hours",
    },
    Row {
        cause: Cause::AppSpecificPassword,
        codes: &["-22938", "-22014", "-22020", "-24169"],
        phrases: &[
            "Sign in with the app-specific password",
            "app-specific password",
            "We are unable to create an authentication session",
            "Failed to get authorization for username and password",
        ],
        remedy: "create a new app-specific password for the Apple ID: the password is not one, or it expired",
    },
    Row {
        cause: Cause::Provider,
        codes: &[],
        phrases: &[
            "Could not determine provider public id",
            "requires --provider-public-id",
            "could not find a provider public id",
            "Failed to authenticate for session",
            "associated with multiple providers",
            "multiple teams",
            "asc-provider",
        ],
        remedy: "name one provider (altool's --provider-public-id from Xcode 26 on, --asc-provider before), or use an API key",
    },
    Row {
        cause: Cause::Role,
        codes: &["FORBIDDEN_ERROR", "FORBIDDEN", "403"],
        phrases: &[
            "The API key in use does not allow this request",
            "forbidden for security reasons",
            "doesn't have enough permission",
            "Insufficient permissions",
            "does not have permission",
        ],
        remedy: "give the API key or the Apple ID the role App Manager, or Developer with access to this app",
    },
    Row {
        cause: Cause::AppNotDetermined,
        // -21017 is listed by users without its words; it was not found in the material.
        codes: &["-19237", "-19201", "1190", "1193", "-21017"],
        phrases: &[
            "Cannot determine the Apple ID from Bundle ID",
            "Could not find an application record",
            "Failed to determine the appleID from bundleID",
            "Unable to determine the application using bundleId",
            "No suitable application records were found",
            "No software with Apple ID",
            "cannot determine the Apple ID",
        ],
        remedy: "create the app record with this bundle ID, give the account access to it, and pass the app's Apple ID (a number)",
    },
    Row {
        cause: Cause::Authentication,
        codes: &["-19209", "401", "NOT_AUTHORIZED"],
        phrases: &[
            "Unable to authenticate",
            "auth issue",
            "credentials are missing or invalid",
            "Failed to load AuthKey file",
        ],
        remedy: "check that key ID, issuer ID and .p8 file belong together, that the key is not revoked, and that its role is App Manager or Admin; with an Apple ID, check the app-specific password",
    },
    Row {
        cause: Cause::Signing,
        codes: &[
            "90034", "90035", "90045", "90046", "90161", "90164", "90179", "90237", "90238", "90876", "1176",
        ],
        phrases: &[
            "Invalid Signature",
            "Invalid Provisioning Profile",
            "Missing code-signing certificate",
            "code signing",
        ],
        remedy: "export the archive for the App Store: a distribution certificate, an App Store profile, and the entitlements of that profile",
    },
    Row {
        cause: Cause::Icons,
        codes: &[
            "90022", "90023", "90391", "90396", "90704", "90713", "90717", "90236",
        ],
        phrases: &[
            "Missing required icon file",
            "Missing App Icon",
            "CFBundleIconName",
        ],
        remedy: "add the icons that Apple names to the asset catalog, without transparency",
    },
    Row {
        cause: Cause::PrivacyManifest,
        codes: &["91053", "91056", "91061", "91065"],
        phrases: &[
            "Missing API declaration",
            "Invalid privacy manifest",
            "Missing privacy manifest",
        ],
        remedy: "complete the privacy manifest PrivacyInfo.xcprivacy of the app or the SDK that Apple names",
    },
    Row {
        cause: Cause::Binary,
        codes: &["90087", "90124", "90125", "90209", "90635"],
        phrases: &[
            "Unsupported Architectures",
            "contains bitcode",
            "Invalid Segment Alignment",
        ],
        remedy: "remove simulator slices and bitcode from the embedded frameworks",
    },
    Row {
        cause: Cause::Structure,
        codes: &["90171", "90205", "90206", "90426", "90432", "90036", "90207"],
        phrases: &[
            "Invalid bundle structure",
            "disallowed nested bundles",
            "Invalid Swift Support",
        ],
        remedy: "remove the files that Apple names from the bundle, and export the archive with Xcode",
    },
    Row {
        cause: Cause::MinimumOs,
        codes: &["90068", "90208", "90362"],
        phrases: &[
            "MinimumOSVersion too low",
            "does not support the minimum OS Version",
            "MinimumOSVersion",
        ],
        remedy: "raise the deployment target of the bundle that Apple names",
    },
    Row {
        cause: Cause::MissingKey,
        codes: &["90056", "90057", "90360", "90771", "90242"],
        phrases: &[
            "Missing Info.plist value",
            "Missing Info.plist key",
            "LSApplicationCategoryType",
            "BGTaskSchedulerPermittedIdentifiers",
        ],
        remedy: "add the key that Apple names to the Info.plist of the bundle that it names",
    },
    Row {
        cause: Cause::NestedBundle,
        codes: &["90473", "90541", "90685", "90806"],
        phrases: &[
            "CFBundleIdentifier Collision",
            "Bad bundle identifier",
            "CFBundleVersion Mismatch",
            "CFBundleShortVersionString Mismatch",
        ],
        remedy: "give every extension and embedded app a bundle ID below the app's and the app's versions",
    },
    Row {
        cause: Cause::Multitasking,
        codes: &["90474", "90475"],
        phrases: &["iPad multitasking", "iPad Multitasking support requires"],
        remedy: "support all four orientations on iPad and have a launch screen, or set UIRequiresFullScreen",
    },
    Row {
        cause: Cause::Mac,
        codes: &["90296", "90255", "91109"],
        phrases: &["App sandbox not enabled"],
        remedy: "sign every executable with the App Sandbox entitlement, and the package with an installer certificate",
    },
    Row {
        cause: Cause::NoAltool,
        codes: &[],
        phrases: &[
            "unable to find utility \"altool\"",
            "altool, not a developer tool",
        ],
        remedy: "select an Xcode that has altool",
    },
];

/// Codes that only say where a refusal comes from: a phrase beside them says more.
const WEAK: [&str; 9] = [
    "401",
    "403",
    "FORBIDDEN",
    "FORBIDDEN_ERROR",
    "NOT_AUTHORIZED",
    "-19209",
    "-19201",
    "1176",
    "1190",
];

impl Cause {
    /// The reason of a finding, by codes first.
    pub fn of(finding: &Finding) -> Option<Self> {
        let text = finding.whole();
        let mut codes: Vec<String> = finding.codes().into_iter().map(str::to_owned).collect();
        codes.extend(codes_in(&text));
        Self::of_parts(&codes, &text)
    }

    /// The reason of a text, such as a line of a log.
    pub fn of_text(text: &str) -> Option<Self> {
        Self::of_parts(&codes_in(text), text)
    }

    /// The reason that App Store Connect gives as a code and words, such as `90189`.
    pub fn of_code(code: &str, words: &str) -> Option<Self> {
        let mut codes = codes_in(words);
        codes.push(code.trim().trim_start_matches("ITMS-").to_owned());
        codes.extend(codes_in(code));
        Self::of_parts(&codes, words)
    }

    fn of_parts(codes: &[String], text: &str) -> Option<Self> {
        let find = |weak: bool| {
            let has = |code: &String, row: &Row| {
                row.codes.contains(&code.as_str()) && WEAK.contains(&code.as_str()) == weak
            };
            TABLE
                .iter()
                .find(|row| codes.iter().any(|code| has(code, row)))
                .map(|row| row.cause)
        };
        let lower = text.to_lowercase();
        let says = |row: &&Row| {
            row.phrases
                .iter()
                .any(|words| lower.contains(&words.to_lowercase()))
        };
        let by_code = find(false);
        // 90054 is a changed bundle ID, and a malformed CFBundleVersion where its text names that key.
        if by_code == Some(Self::OtherApp)
            && text.contains("CFBundleVersion")
            && !lower.contains("bundle identifier")
        {
            return Some(Self::InvalidVersion);
        }
        by_code
            .or_else(|| TABLE.iter().find(says).map(|row| row.cause))
            .or_else(|| find(true))
    }

    /// What to do about it: an imperative without a full stop.
    pub fn remedy(self) -> &'static str {
        TABLE
            .iter()
            .find(|row| row.cause == self)
            .map_or("", |row| row.remedy)
    }
}

/// The codes that a text names as such: `(-19232)`, `ITMS-90189`, `VALIDATION_ERROR.90186`, `Code=-19241`. A bare number may be
/// a version.
pub(crate) fn codes_in(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        let before = &text[..start];
        let signed = before.ends_with('-') && !before.ends_with("ITMS-");
        let before = before.strip_suffix('-').filter(|_| signed).unwrap_or(before);
        let is_named = (before.ends_with('(') && text[at..].starts_with(')'))
            || before.ends_with("ITMS-")
            || before.ends_with("_ERROR.")
            || before.ends_with("Code=")
            || before.ends_with("code=");
        if is_named && at - start <= 6 {
            codes.push(format!("{}{}", if signed { "-" } else { "" }, &text[start..at]));
        }
    }
    codes.extend(
        TABLE
            .iter()
            .flat_map(|row| row.codes)
            .filter(|code| code.contains('_') && text.contains(**code))
            .map(|code| (*code).to_owned()),
    );
    codes
}

/// The purpose strings that a text names, such as `NSCameraUsageDescription`, each once.
pub fn purpose_strings(text: &str) -> Vec<&str> {
    let mut keys: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.ends_with("UsageDescription") && word.len() > "UsageDescription".len())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
