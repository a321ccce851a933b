//! Remedies for what Apple says to fastlane.

use fastlane_runner::AppleCause;

/// What to do about it, without the inputs of a step, which know better where they have one for it.
pub fn about_apple(cause: AppleCause) -> &'static str {
    match cause {
        AppleCause::Agreement => account_inputs::ACCEPT_AGREEMENT,
        AppleCause::PrivacyStatement => {
            "sign in once at https://appstoreconnect.apple.com with this Apple ID and acknowledge the statement, or use an API key"
        }
        AppleCause::BuildNumberUsed => "raise CFBundleVersion, then rebuild",
        AppleCause::VersionClosed => {
            "raise CFBundleShortVersionString: the version is approved or on sale, then rebuild"
        }
        AppleCause::UploadLimit => "upload again tomorrow; until then Apple takes no build of this app",
        AppleCause::Password => {
            "correct the password of the Apple ID where it is stored (an app-specific password does not work for signing in), or use an API key"
        }
        AppleCause::NoLogin => {
            "connect an API key or an Apple ID to this app on Bitrise, or set the step's account inputs"
        }
        AppleCause::AppSpecificPassword => {
            "create one at https://account.apple.com and store it with the Apple ID on Bitrise, or in the input `app_password`; changing the Apple ID's password revokes all of them"
        }
        AppleCause::SignInRemoved => {
            "update fastlane to 2.240.0 or newer (2.238 and 2.239 have the same fault), or use an API key, which needs no sign-in"
        }
        AppleCause::SessionExpired | AppleCause::SecondFactor => {
            "sign in again on Bitrise (Account settings > Apple Service connection > Re-authenticate (2SA/2FA)), or use an API key, which needs no session"
        }
        AppleCause::TooManyCodes => "wait some hours before signing in again, or use an API key",
        AppleCause::PasswordProof => {
            "check the password of the Apple ID; if it is right, changing it once helps accounts that Apple has not moved to its current sign-in"
        }
        AppleCause::NoApp => {
            "create the app in App Store Connect > Apps, check its bundle ID, and give the account or key access to it"
        }
        AppleCause::SeveralTeams => {
            "select the team, in the Appfile (`team_id`, `itc_team_id`) or with the action's own option"
        }
        AppleCause::RateLimit => "wait an hour, or use a separate API key for this project",
        AppleCause::Key => {
            "check that key ID, issuer ID, and .p8 file belong together, that the key is not revoked, and that this machine's clock is right"
        }
        AppleCause::KeyRole => {
            "use an API key with the role App Manager or Admin and access to this app; if the upload itself succeeded above, only what follows it was refused"
        }
        AppleCause::AppleIdRole => "give the Apple ID the role App Manager or Admin and access to this app",
        AppleCause::Access => {
            "renew the session of the Apple ID, or give the account or key the role App Manager or Admin and access to this app"
        }
        AppleCause::SubmissionUnderWay => {
            "finish or cancel the submission in App Store Connect > App Review, then rebuild"
        }
        AppleCause::SdkTooOld => "build with a newer Xcode (the stack of the Workflow)",
        AppleCause::NotSigned => {
            "export the app with the method app-store-connect, a distribution certificate, and an App Store profile"
        }
        AppleCause::NoUploader => {
            "run this step on macOS with Xcode, install Transporter, or upload with the step application-loader, which needs neither"
        }
        AppleCause::UploaderCrashed => {
            "rebuild: altool crashes now and then, and usually passes on a later try"
        }
        AppleCause::Unavailable => "rebuild later; https://developer.apple.com/system-status/ shows outages",
        AppleCause::Network => {
            "rebuild; if it happens again, check this machine's DNS and proxy, and https://developer.apple.com/system-status/"
        }
        AppleCause::MatchPassphrase => {
            "set the secret variable MATCH_PASSWORD to the passphrase that the match storage was encrypted with"
        }
        AppleCause::MatchRepository => {
            "give this build access to the match repository: an SSH key that can read it, or MATCH_GIT_BASIC_AUTHORIZATION"
        }
        AppleCause::MatchReadonly => {
            "create them once on your machine with `fastlane match` without read-only mode, for this type and bundle ID"
        }
        _ => "see fastlane's error above",
    }
}
