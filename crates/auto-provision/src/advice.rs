//! What a person does next when signing fails: one imperative sentence for each typed error. The crates below state facts.

use account_inputs::pages::{APPLE_ID, REAUTHENTICATE};
use account_inputs::{ACCEPT_AGREEMENT, APPLE_IS_UNWELL, Duty, about_api, about_transport};
use developer_portal::{SessionError, answer, envelope, v1};
use portal_access::ReconcileError;
use provisioning::capability::Requirement;
use provisioning::{
    Distribution, ManualTask, MissingGrant, NoManagedProfile, NotGranted, PlanError, PortalAccess, Warning,
};
use step_kit::Advice as _;

/// Where a person configures App IDs.
const IDENTIFIERS_PAGE: &str = "https://developer.apple.com/account/resources/identifiers/list";

/// Where a person manages devices.
const DEVICES_PAGE: &str = "https://developer.apple.com/account/resources/devices/list";

/// Where managed capabilities are requested from Apple.
const REQUESTS: &str =
    "the tab Capability Requests of the App ID's page, or https://developer.apple.com/contact/request/";

/// The error of a plan that can't be made, with its advice.
pub(crate) fn plan_failed(error: PlanError) -> anyhow::Error {
    let advice = about_plan_error(&error);
    anyhow::Error::from(error).hint(advice)
}

/// The error of a reconcile loop, with its advice.
pub(crate) fn not_reconciled(error: ReconcileError) -> anyhow::Error {
    match error {
        ReconcileError::PlanError(error) => plan_failed(error),
        ReconcileError::Portal(error) => refused(error.into()),
        ReconcileError::NotGranted(error) => {
            let advice = about_not_granted(&error);
            anyhow::Error::from(error).hint(advice)
        }
        ReconcileError::NoManagedProfile(error) => {
            let advice = about_managed(&error);
            anyhow::Error::from(error).hint(advice)
        }
    }
}

/// The portal's answers that have an advice, with it.
pub(crate) fn refused(error: anyhow::Error) -> anyhow::Error {
    let of_session = step_kit::find::<SessionError>(&error);
    if let Some(advice) = of_session.map(about_session) {
        return error.hint(advice);
    }
    let by_key = step_kit::find::<app_store_connect::Error>(&error);
    let advice = by_key.and_then(|cause| about_api(cause, Duty::Signing).or_else(|| about_refusal(cause)));
    match advice {
        Some(advice) => error.hint(advice),
        None => error,
    }
}

/// A refusal that only the request explains.
fn about_refusal(error: &app_store_connect::Error) -> Option<String> {
    let refusal = error.refusal()?;
    let is_other_program = refusal
        .errors
        .iter()
        .any(|error| error.detail.contains("not permitted to create profiles"));
    Some(if is_other_program {
        "set distribution_type to one that the program of the team has (enterprise: the Apple Developer Enterprise Program alone; app-store, ad-hoc: the Apple Developer Program), or use the API key of another team".to_owned()
    } else {
        "correct what App Store Connect names at https://developer.apple.com/account/resources, then rerun"
            .to_owned()
    })
}

/// The error of a project that can't be read, with its advice.
pub(crate) fn unreadable(error: anyhow::Error) -> anyhow::Error {
    let advice = step_kit::find::<xcode_project::Error>(&error).and_then(about_project);
    match advice {
        Some(advice) => error.hint(advice),
        None => error,
    }
}

/// Files that a generator writes are not in the repository: the step that runs it must come first.
pub(crate) fn about_project(error: &xcode_project::Error) -> Option<String> {
    use xcode_project::Error;
    const GENERATORS: &str =
        "such as `pod install`, `flutter build ios --config-only`, or `xcodegen generate`";
    Some(match error {
        Error::Unresolved { files, .. } | Error::NoBundleId { files, .. } if !files.is_empty() => format!(
            "run what creates {} before this step, {GENERATORS}",
            if files.len() == 1 { "it" } else { "them" }
        ),
        Error::Unresolved { missing, .. } => format!(
            "define {} in the project or in an xcconfig file that is there when the step runs",
            if missing.len() == 1 { "it" } else { "them" }
        ),
        Error::NoBundleId { target, .. } => {
            format!("set PRODUCT_BUNDLE_IDENTIFIER in the build settings of `{target}`")
        }
        Error::InvalidBundleId { target, .. } => format!(
            "set PRODUCT_BUNDLE_IDENTIFIER of `{target}` to a valid bundle ID; where a script fills it in, run that before this step"
        ),
        Error::MissingProject { .. } => format!(
            "run what creates the project before this step, {GENERATORS}, or take the target out of the scheme's Build action"
        ),
        _ => return None,
    })
}

/// A warning as a step prints it: the fact, and what to do where there is something.
pub(crate) fn warning_text(warning: &Warning) -> String {
    let fact = capitalized(&warning.to_string());
    match about_warning(warning) {
        Some(advice) => format!("{fact}. {}.", capitalized(&advice)),
        None => format!("{fact}."),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_uppercase(), letters.as_str())
    })
}

fn about_warning(warning: &Warning) -> Option<String> {
    Some(match warning {
        Warning::UnlistedCertificate(_)
        | Warning::SeveralCertificates { .. }
        | Warning::DeviceInProcess { .. }
        | Warning::Undocumented { .. }
        | Warning::NoDevices { .. } => return None,
        Warning::DeviceDisabled { .. } => format!("enable it at {DEVICES_PAGE}"),
        Warning::InvalidUdid { .. } => {
            "correct it in the owner's account on Bitrise, or in the device list".to_owned()
        }
        Warning::UnresolvedIdentifier { .. } => {
            "define the variable in the project or an xcconfig file that is there when the step runs"
                .to_owned()
        }
        Warning::DeviceLimit => format!(
            "remove devices at {DEVICES_PAGE} once the membership is renewed; new ones can be registered then"
        ),
        Warning::NotLinked { gap, bundle_id, .. } => format!(
            "assign {} to the App ID `{bundle_id}` at {IDENTIFIERS_PAGE}; an API key can't do that",
            if gap.values.len() > 1 { "them" } else { "it" },
        ),
        Warning::EndsWithCertificate { .. } => "renew the certificate".to_owned(),
        Warning::NotInManagedProfiles => {
            "archive the app once in Xcode, or set generate_profiles to `yes`".to_owned()
        }
    })
}

/// What a person must do, a clause.
pub(crate) fn about_manual_task(task: &ManualTask) -> String {
    let ManualTask::CloudContainers {
        containers,
        bundle_id,
    } = task;
    format!(
        "assign the iCloud containers {} to {bundle_id} at {IDENTIFIERS_PAGE}",
        containers.join(", ")
    )
}

/// A manual task as `mode: plan` prints it: the fact, and what to do.
pub(crate) fn manual_task_text(task: &ManualTask) -> String {
    format!(
        "{}: an API key can't do that. After the run has created the App ID, {}.",
        capitalized(&task.to_string()),
        about_manual_task(task)
    )
}

fn about_plan_error(error: &PlanError) -> String {
    match error {
        PlanError::NoCertificate(_) => {
            "upload the certificate with its private key (.p12) on the Code Signing tab of the app on Bitrise"
                .to_owned()
        }
        PlanError::UnknownCertificates(_) => {
            "check that the certificates were issued by the team of the connected account, and were not revoked"
                .to_owned()
        }
        PlanError::NoProfileType { .. } => "choose another distribution_type".to_owned(),
        PlanError::NoDevices(_) => {
            format!("register a device at {DEVICES_PAGE}, or set register_test_devices to `yes`")
        }
        PlanError::AppClip(_) | PlanError::AppClipParent(_) | PlanError::AppClipSignIn(_) => {
            format!("configure it at {IDENTIFIERS_PAGE}, then rerun the step")
        }
        PlanError::Case { .. } => "use the portal's spelling in the project".to_owned(),
        PlanError::NoWildcard(_) => {
            "give the UI test target a bundle ID such as com.example.UITests".to_owned()
        }
    }
}

fn about_managed(error: &NoManagedProfile) -> String {
    format!(
        "archive the app once in a local Xcode and export it for {}, so that Xcode creates the profile; or set generate_profiles to `yes`; or switch the project to manual signing",
        error.distribution
    )
}

fn about_not_granted(error: &NotGranted) -> String {
    let mut remedies: Vec<String> = Vec::new();
    for missing in &error.missing {
        let text = about_grant(missing, error);
        if !remedies.contains(&text) {
            remedies.push(text);
        }
    }
    format!("{}; then rerun the step", remedies.join("; "))
}

fn about_grant(missing: &MissingGrant, error: &NotGranted) -> String {
    let id = &error.bundle_id;
    match &missing.requirement {
        Requirement::Managed("CarPlay") => format!(
            "CarPlay is a managed capability: request it for the App ID `{id}` at https://developer.apple.com/contact/carplay, and once Apple has granted it, switch it on at {IDENTIFIERS_PAGE}"
        ),
        Requirement::Managed(name) => format!(
            "{name} is a managed capability: request it from Apple for the App ID `{id}` on {REQUESTS}, and once Apple has granted it for {} profiles, switch it on at {IDENTIFIERS_PAGE}",
            error.distribution
        ),
        // Development is for everybody, and every other distribution by request.
        Requirement::BySession(_, name @ "Family Controls")
            if error.distribution != Distribution::Development =>
        {
            format!(
                "{name} outside of development is a managed capability: request it for the App ID `{id}` at https://developer.apple.com/contact/request/family-controls-distribution"
            )
        }
        Requirement::BySession(_, name) => {
            let how = match error.access {
                PortalAccess::ApiKey => "an API key can't switch it on; a person or an Apple ID session can",
                PortalAccess::Session => {
                    "this step switched it on, but Apple's profile does not include it, so it may not be available for this platform or distribution"
                }
            };
            format!("switch on the capability {name} for the App ID `{id}` at {IDENTIFIERS_PAGE} ({how})")
        }
        Requirement::Capability(capability) => format!(
            "the capability {} is one that this step enables: check how it is configured for the App ID `{id}` at {IDENTIFIERS_PAGE}, and that {} profiles of this platform can have it",
            capability.name(),
            error.distribution
        ),
        Requirement::Nothing => format!(
            "remove the entitlement from the target, or configure the App ID `{id}` at {IDENTIFIERS_PAGE}"
        ),
        Requirement::Unknown => format!(
            "`{}` is not an entitlement that this step knows: check its spelling, and whether it is a capability of the App ID `{id}` at {IDENTIFIERS_PAGE} that a person must switch on or request from Apple",
            missing.gap.entitlement
        ),
    }
}

/// What to do about a session that did not do what it was asked.
pub(crate) fn about_session(error: &SessionError) -> String {
    match error {
        SessionError::Refused { source, .. } => about_sign_in(source),
        SessionError::NoPassword(_) => reauthenticate(),
        SessionError::Portal(refusal) => about_portal(refusal),
        SessionError::V1(refusal) => about_v1(refusal),
        SessionError::Transport(error) => about_transport(error).to_owned(),
        _ => APPLE_IS_UNWELL.to_owned(),
    }
}

fn reauthenticate() -> String {
    format!("re-authenticate on Bitrise: {REAUTHENTICATE}; it holds for 30 days")
}

fn about_sign_in(refusal: &answer::Refusal) -> String {
    use answer::Refusal as R;
    match refusal {
        R::WrongPassword | R::AppSpecificPassword => format!(
            "connect the Apple ID again on Bitrise ({APPLE_ID}) with the password that signs in at https://account.apple.com; app-specific passwords do not work here"
        ),
        R::Locked => {
            format!("unlock the account at https://iforgot.apple.com, then connect it again on Bitrise ({APPLE_ID})")
        }
        R::SecondFactor => reauthenticate(),
        R::SecurityKey => {
            "use an App Store Connect API key, or connect an Apple ID without security keys".to_owned()
        }
        R::Interaction | R::Steps(_) => {
            "sign in once at https://account.apple.com and https://appstoreconnect.apple.com and answer what Apple asks".to_owned()
        }
        R::Blocked => {
            "wait an hour and rebuild, or use an API key: sign-ins from some networks are refused".to_owned()
        }
        R::TooMany(_) => "wait a few minutes, and run fewer sign-ins in parallel".to_owned(),
        R::Unavailable(_) => APPLE_IS_UNWELL.to_owned(),
        R::NoAccess => "let the Account Holder give this Apple ID access to App Store Connect".to_owned(),
        R::Unknown { .. } => "rebuild; if it happens again, report it with this message".to_owned(),
    }
}

fn about_portal(refusal: &envelope::Refusal) -> String {
    use envelope::Refusal as R;
    match refusal {
        R::Agreement(_) => ACCEPT_AGREEMENT.to_owned(),
        R::NotPermitted(_) => {
            "give this Apple ID the role Admin, or App Manager with access to Certificates, Identifiers & Profiles"
                .to_owned()
        }
        R::Device(_) => format!("enable the device at {DEVICES_PAGE}, or correct its UDID on Bitrise"),
        R::DeviceLimit(_) => {
            format!("remove devices at {DEVICES_PAGE} once the membership is renewed")
        }
        R::NotAvailable(_) => "use another bundle ID, or let its owner delete or transfer it".to_owned(),
        R::Team(_) => "check the team ID, and that the membership is paid".to_owned(),
        R::Expired => reauthenticate(),
        R::Unavailable(_) => APPLE_IS_UNWELL.to_owned(),
        R::Other { .. } | R::Token | R::Lacks(_) => {
            "rebuild; if it happens again, look at https://developer.apple.com/account/resources, and report it with this message".to_owned()
        }
    }
}

fn about_v1(refusal: &v1::Refusal) -> String {
    match refusal.status {
        401 => reauthenticate(),
        403 if refusal.is_agreement() => ACCEPT_AGREEMENT.to_owned(),
        403 => {
            "give this Apple ID the role Admin, or App Manager with access to Certificates, Identifiers & Profiles, and check that the membership is paid".to_owned()
        }
        500..=599 => APPLE_IS_UNWELL.to_owned(),
        _ => "look at https://developer.apple.com/account/resources, and report it with this message".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_session_is_renewed_on_bitrise() {
        for error in [
            SessionError::NoPassword("ada@example.com".to_owned()),
            SessionError::Portal(envelope::Refusal::Expired),
            SessionError::Refused {
                apple_id: "ada@example.com".to_owned(),
                source: answer::Refusal::SecondFactor,
            },
        ] {
            assert!(about_session(&error).contains("Re-authenticate"), "{error}");
        }
    }

    #[test]
    fn every_refusal_of_a_sign_in_has_its_own_advice() {
        use answer::Refusal as R;
        let all = [
            (R::WrongPassword, "account.apple.com"),
            (R::Locked, "iforgot.apple.com"),
            (R::SecurityKey, "API key"),
            (R::Steps(vec!["terms".to_owned()]), "answer what Apple asks"),
            (R::Blocked, "wait an hour"),
            (R::TooMany(None), "fewer sign-ins"),
            (R::Unavailable(503), "system-status"),
            (R::NoAccess, "Account Holder"),
        ];
        for (refusal, words) in all {
            assert!(about_sign_in(&refusal).contains(words), "{refusal}");
        }
    }

    #[test]
    fn an_agreement_is_for_the_account_holder() {
        let refusal = envelope::Refusal::Agreement("accept the license".to_owned());
        assert!(about_portal(&refusal).contains("have the Account Holder accept"));
    }

    #[test]
    fn a_warning_is_a_fact_and_what_to_do() {
        let warning = Warning::InvalidUdid {
            name: "Ada's iPhone".to_owned(),
            udid: "12".parse().unwrap(),
        };
        assert_eq!(
            warning_text(&warning),
            "The test device `Ada's iPhone` has an invalid UDID: `12`. Correct it in the owner's account on Bitrise, or in the device list."
        );
        let fact = warning_text(&Warning::UnlistedCertificate("Apple Development: Ada".to_owned()));
        assert!(fact.ends_with("another team."), "{fact}");
    }
}
