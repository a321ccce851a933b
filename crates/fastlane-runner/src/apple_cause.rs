//! Why Apple, or the way to Apple, ended a run of fastlane.
//!
//! Sources of the texts: fastlane 2.237.0 (2026-07-21), altool and Transporter as of 2025-10 to 2026-09 in public
//! issues, App Store Connect's codes. A row names the issue where the text is nowhere else.

use std::sync::LazyLock;

use crate::patterns::Patterns;

/// Why Apple, or the way to Apple, ended a run of fastlane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum AppleCause {
    /// An agreement must be accepted.
    #[error("an agreement with Apple is missing or has expired")]
    Agreement,
    /// The Apple ID must accept Apple's privacy statement (HTTP 412).
    #[error("the Apple ID must acknowledge Apple's privacy statement")]
    PrivacyStatement,
    /// The version and build number are used up.
    #[error("App Store Connect already has a build with this version and build number")]
    BuildNumberUsed,
    /// The version is approved or closed for new builds.
    #[error("this version of the app is closed for new builds")]
    VersionClosed,
    /// The app's daily limit of uploads.
    #[error("the app has reached its daily upload limit")]
    UploadLimit,
    /// A wrong password, or an app-specific one in its place.
    #[error("Apple does not accept the Apple ID's password")]
    Password,
    /// There is no Apple ID and no key.
    #[error("fastlane has neither an Apple ID nor an API key to sign in with")]
    NoLogin,
    /// Uploads of this account need an app-specific password.
    #[error("the upload needs a valid app-specific password")]
    AppSpecificPassword,
    /// The endpoint that fastlane's sign-in begins with is gone since 2026-09-10.
    #[error(
        "this fastlane can't sign in with an Apple ID: the address that its sign-in begins with answers 404 since 2026-09-10"
    )]
    SignInRemoved,
    /// The session has expired.
    #[error("the Apple ID's session has expired")]
    SessionExpired,
    /// Apple asks for the second factor.
    #[error("Apple asks for the second factor of the Apple ID")]
    SecondFactor,
    /// Apple sends no more codes for a while.
    #[error("Apple has sent too many verification codes to this Apple ID")]
    TooManyCodes,
    /// The sign-in by SRP failed.
    #[error("Apple's sign-in refused the proof of the password")]
    PasswordProof,
    /// No app record, or no access to it.
    #[error("App Store Connect has no such app, or the account can't see it")]
    NoApp,
    /// Several teams, and none is chosen.
    #[error("the Apple ID belongs to several teams, and none is selected")]
    SeveralTeams,
    /// Too many requests.
    #[error("Apple's rate limit is reached")]
    RateLimit,
    /// The API key is not accepted.
    #[error("Apple does not accept the API key")]
    Key,
    /// The API key's role is too small.
    #[error("the role of the API key does not allow this")]
    KeyRole,
    /// The Apple ID's role is too small.
    #[error("the role of the Apple ID does not allow this")]
    AppleIdRole,
    /// The session or the role does not let fastlane in; fastlane does not say which.
    #[error("Apple refused access: the session has expired, or the account's role does not allow this")]
    Access,
    /// A submission is under way.
    #[error("the app already has a submission under way")]
    SubmissionUnderWay,
    /// The SDK is too old.
    #[error("the app was built with an SDK that App Store Connect no longer accepts")]
    SdkTooOld,
    /// The app is not signed for the store.
    #[error("the app is not signed for the App Store")]
    NotSigned,
    /// Neither altool nor Transporter.
    #[error(
        "neither altool nor Apple's Transporter is installed, and fastlane uploads packages with one of them"
    )]
    NoUploader,
    /// altool crashed.
    #[error("altool crashed")]
    UploaderCrashed,
    /// Apple's servers fail.
    #[error("Apple's servers are failing")]
    Unavailable,
    /// No connection.
    #[error("the connection to Apple failed")]
    Network,
    /// The wrong passphrase of a match repository.
    #[error("the passphrase of the match repository is wrong or missing")]
    MatchPassphrase,
    /// The match repository can't be read.
    #[error("the match repository can't be cloned")]
    MatchRepository,
    /// match may not create what is missing.
    #[error("the match storage has no matching certificate or profile, and read-only mode can't create one")]
    MatchReadonly,
}

/// Whose words a pattern's are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Apple's or spaceship's alone.
    Apples,
    /// Others may use them, too: they count where an action that talks to Apple failed.
    Common,
    /// fastlane says them before the error. They count where an action that talks to Apple failed for a reason that
    /// is not known otherwise.
    Printed,
}
use Words::{Apples, Common, Printed};

/// The most telling first: an upload that failed for one reason often mentions others. Patterns ignore case.
const ROWS: &[(AppleCause, Words, &str)] = &[
    (
        AppleCause::Agreement,
        Apples,
        r"REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED|a required agreement is missing or has expired|program license agreement",
    ),
    (
        AppleCause::PrivacyStatement,
        Apples,
        r"need to acknowledge to apple's apple id and privacy statement|AppleIDAndPrivacyAcknowledgementNeeded",
    ),
    (
        AppleCause::VersionClosed,
        Apples,
        r"ITMS-(?:90062|90186|90478)|\((?:90062|90186|90478)\)|STATE_ERROR\.VALIDATION_ERROR\.(?:90062|90186|90478)|invalid pre-release train|must contain a higher version than that of the previously approved|train version '[^'\n]*' is closed",
    ),
    (
        AppleCause::BuildNumberUsed,
        Apples,
        r"ITMS-90189|\(90189\)|redundant binary upload|bundle version must be higher than the previously uploaded|ENTITY_ERROR\.ATTRIBUTE\.INVALID\.DUPLICATE|already exists a binary upload with build|\(-19232\)",
    ),
    (
        AppleCause::UploadLimit,
        Apples,
        r"ITMS-90382|\(90382\)|upload limit reached",
    ),
    (
        AppleCause::Password,
        Apples,
        r"invalid username and password combination\. Used '|your apple (?:id|account) or password was incorrect|InvalidUserCredentialsError",
    ),
    (
        AppleCause::AppSpecificPassword,
        Apples,
        r"app-specific password|\(-(?:22938|24169|22014|22020)\)|unable to create an authentication session|failed to get authorization for username",
    ),
    (
        AppleCause::SignInRemoved,
        Apples,
        r"service key is empty|could not receive latest API key from App Store Connect",
    ),
    (
        AppleCause::NoLogin,
        Apples,
        r"no login data provided|NoUserCredentialsError",
    ),
    (
        AppleCause::SessionExpired,
        Apples,
        r"passed an invalid session using the environment variable FASTLANE_SESSION|session loaded from environment variable is not valid|available session is not valid any ?more",
    ),
    (
        AppleCause::TooManyCodes,
        Apples,
        r"too many verification codes have been sent",
    ),
    (
        AppleCause::SecondFactor,
        Apples,
        r"2FA can only be performed in interactive mode|two-factor authentication \(6 digits code\)|please enter the 6 digit code",
    ),
    (
        AppleCause::PasswordProof,
        Apples,
        r"authentication issue validating secrets|SIRPAuthenticationError",
    ),
    (
        AppleCause::NoApp,
        Apples,
        r"could(?:n't| not) find (?:an )?app (?:on app store connect|'[^'\n]*' on the account of|with app identifier)|cannot determine the apple id from bundle id|failed to determine the appleID from bundleID|no suitable application records were found|no software with apple id|unable to determine the application using bundleid",
    ),
    (
        AppleCause::SeveralTeams,
        Apples,
        r"multiple (?:app store connect |itunes connect |developer portal )?teams found|account is in multiple teams|--?asc-provider|provider public id|requires --provider-public-id",
    ),
    (
        AppleCause::RateLimit,
        Apples,
        r"RATE_LIMIT_EXCEEDED|request exceeded the rate limit|apple 429 detected|TooManyRequestsError",
    ),
    (
        AppleCause::Key,
        Apples,
        r"authentication credentials are missing or invalid|\(-19209\)|NOT_AUTHORIZED|status code 401, auth issue",
    ),
    (
        AppleCause::AppleIdRole,
        Apples,
        r"insufficient permissions for your apple id|doesn't have enough permission for the following action|Spaceship::\S*InsufficientPermissions",
    ),
    (
        AppleCause::KeyRole,
        Apples,
        r"forbidden for security reasons|API key in use does not allow this request|FORBIDDEN_ERROR",
    ),
    (
        AppleCause::Access,
        Apples,
        r"^(?:unauthorized access|access forbidden)$|Spaceship::\S*(?:UnauthorizedAccess|AccessForbidden)Error",
    ),
    (
        AppleCause::SdkTooOld,
        Apples,
        r"ITMS-90725|\(90725\)|SDK version issue|must be built with the [^\n]*SDK or later",
    ),
    (
        AppleCause::NotSigned,
        Apples,
        r"ITMS-(?:90034|90035|90161|90164|90179)|\((?:90034|90035|90161|90164|90179)\)|invalid provisioning profile\. |distribution provisioning profile should be used|missing code-signing certificate",
    ),
    (
        AppleCause::Unavailable,
        Apples,
        r"apple (?:302|50[234]) detected|Spaceship::\S*(?:BadGateway|AppleTimeout|GatewayTimeout|InternalServer)Error",
    ),
    (
        AppleCause::MatchPassphrase,
        Apples,
        r"invalid password passed via 'MATCH_PASSWORD'|couldn't decrypt the repo, please make sure|neither the MATCH_PASSWORD environment variable",
    ),
    (
        AppleCause::MatchRepository,
        Apples,
        r"error cloning certificates git repo",
    ),
    (
        AppleCause::MatchReadonly,
        Apples,
        r"cannot create a new one because you enabled `readonly`",
    ),
    (
        AppleCause::Network,
        Apples,
        r"(?:failed to open tcp connection to|could not resolve host:?|connection (?:reset|refused)[^\n]*|timed out[^\n]*) ?[\w.-]*\.apple\.com",
    ),
    // --- words that others use, too
    (
        AppleCause::UploaderCrashed,
        Common,
        r"altool exited abnormally|\bprocess crashed\b",
    ),
    (
        AppleCause::NoUploader,
        Common,
        r"xcrun: (?:command )?not found|no such file or directory - xcrun|could not find transporter|itmstransporter: not found",
    ),
    (
        AppleCause::SessionExpired,
        Common,
        r"your session has expired|session expired",
    ),
    (
        AppleCause::SecondFactor,
        Common,
        r"two-step verification|two[- ]factor authentication",
    ),
    (
        AppleCause::SubmissionUnderWay,
        Common,
        r"another build is in review|review submission in progress|cannot submit for review|already in review|waiting for review|create a new version of the app in the current state",
    ),
    (
        AppleCause::NotSigned,
        Common,
        r"invalid signature|invalid provisioning profile",
    ),
    (AppleCause::KeyRole, Common, r"does not allow this operation"),
    (
        AppleCause::Unavailable,
        Common,
        r"server error got 5\d\d|internal server error",
    ),
    (AppleCause::RateLimit, Common, r"too many requests"),
    (
        AppleCause::Network,
        Common,
        r"failed to open tcp connection|getaddrinfo|connection reset by peer|net::opentimeout|execution expired",
    ),
    // --- what fastlane says before it fails
    (AppleCause::SignInRemoved, Printed, r"^service key is empty$"),
    (
        AppleCause::AppSpecificPassword,
        Printed,
        r"please generate an application specific password",
    ),
    (
        AppleCause::SeveralTeams,
        Printed,
        r"^multiple (?:app store connect|itunes connect)? ?teams found",
    ),
    (
        AppleCause::SecondFactor,
        Printed,
        r"^two-factor authentication \(6 digits code\) is enabled for account|^please enter the 6 digit code|^two-step verification \(4 digits code\) is enabled",
    ),
    (
        AppleCause::SessionExpired,
        Printed,
        r"^session loaded from environment variable is not valid|^available session is not valid any ?more",
    ),
];

/// Case and lines do not matter, but `^` and `$`, which are those of a line.
const FLAGS: &str = "(?im)";

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns::new(FLAGS, patterns()));

fn patterns() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|(_, _, pattern)| *pattern)
}

/// The cause that an error's text speaks of; `talks_to_apple` says that an action failed which does.
pub(crate) fn in_error(text: &str, talks_to_apple: bool) -> Option<AppleCause> {
    let counts = |words| match words {
        Apples => true,
        Common => talks_to_apple,
        Printed => false,
    };
    find(text, counts)
}

/// The cause that fastlane's own lines before the error speak of.
pub(crate) fn in_output(text: &str) -> Option<AppleCause> {
    find(text, |words| words == Printed)
}

/// Whether a line of fastlane's says that a connection failed.
pub(crate) fn names_network(text: &str) -> bool {
    const BEGINNINGS: [&str; 5] = [
        "connection refused",
        "connection reset",
        "failed to open tcp connection",
        "execution expired",
        "getaddrinfo",
    ];
    text.lines().any(|line| {
        let line = line.trim().to_lowercase();
        BEGINNINGS.iter().any(|begin| line.starts_with(begin))
    })
}

/// The cause of the first row that matches anywhere.
fn find(text: &str, counts: impl Fn(Words) -> bool) -> Option<AppleCause> {
    let mut first = ROWS.len();
    for line in text.lines() {
        let matching = PATTERNS
            .candidates(line)
            .take_while(|(row, _)| *row < first)
            .find(|(row, pattern)| counts(ROWS[*row].1) && pattern.is_match(line));
        if let Some((row, _)) = matching {
            first = row;
        }
    }
    ROWS.get(first).map(|(cause, ..)| *cause)
}

#[cfg(test)]
pub(crate) fn check_patterns() {
    crate::patterns::check(FLAGS, patterns());
}
