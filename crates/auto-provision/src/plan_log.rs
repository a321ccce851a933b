//! How a plan reads in the log: a row per change, with a sign that says what kind of change it is.

use portal_access::Progress;
use provisioning::{Action, Plan};
use signing_assets::Certificate;
use step_kit::Log;

use crate::advice;

/// Prints what a reconcile loop reports.
pub(crate) fn log_progress(log: &Log, progress: &Progress<'_>) {
    match progress {
        Progress::Plan(plan) => show(log, plan, &[]),
        Progress::Warning(warning) => log.warn(advice::warning_text(warning)),
    }
}

/// Prints a plan, after the certificates that would be created for it.
pub(crate) fn show(log: &Log, plan: &Plan, certificates: &[&Certificate]) {
    let created = certificates.iter().map(|known| {
        [
            "+",
            "certificate",
            &known.common_name,
            "none for the key of `certificate_private_key`",
        ]
        .map(str::to_owned)
    });
    let rows: Vec<[String; 4]> = created.chain(plan.actions.iter().map(row)).collect();
    log.heading(match rows.len() {
        0 => "Plan: no changes".to_owned(),
        count => format!("Plan: {}", wording::counted(count, "change")),
    });
    for line in aligned(&rows) {
        log.plain(line);
    }
    plan.notes.iter().for_each(|note| log.plain(note));
    plan.warnings
        .iter()
        .for_each(|warning| log.warn(advice::warning_text(warning)));
}

/// A change: a sign (`+` new, `~` changed, `-` deleted, `!` recreated), what it concerns, which, and the change or its
/// reason.
fn row(action: &Action) -> [String; 4] {
    let cells = |sign: &str, kind: &str, name: &str, text: String| {
        [sign.to_owned(), kind.to_owned(), name.to_owned(), text]
    };
    match action {
        Action::RegisterDevice { name, udid, .. } => {
            cells("+", "device", udid.as_str(), format!("register as `{name}`"))
        }
        Action::CreateBundleId {
            identifier, parent, ..
        } => cells(
            "+",
            "App ID",
            identifier.as_str(),
            match parent {
                Some(parent) => format!("not registered; App Clip of {parent}"),
                None => "not registered".to_owned(),
            },
        ),
        Action::EnableCapability {
            bundle_id,
            capability,
        } => cells(
            "~",
            "App ID",
            bundle_id.as_str(),
            format!("enable {}", capability.name()),
        ),
        Action::ChangeCapability {
            bundle_id,
            capability,
            ..
        } => cells(
            "~",
            "App ID",
            bundle_id.as_str(),
            format!("change the settings of {}", capability.name()),
        ),
        Action::Assign {
            bundle_id,
            what,
            identifiers,
        } => cells(
            "~",
            "App ID",
            bundle_id.as_str(),
            format!("assign the {what} {}", identifiers.join(", ")),
        ),
        Action::RepairProfile { name, reason, .. } => {
            cells("!", "profile", name, format!("recreate: {reason}"))
        }
        Action::DeleteProfile { name, reason, .. } => {
            cells("-", "profile", name, format!("delete: {reason}"))
        }
        Action::CreateProfile { name, reason, .. } => cells("+", "profile", name, reason.clone()),
    }
}

/// What was done, as a sentence without a full stop.
pub(crate) fn past_tense(action: &Action) -> String {
    match action {
        Action::RegisterDevice { name, udid, .. } => format!("Registered the device {udid} as `{name}`"),
        Action::CreateBundleId { identifier, .. } => format!("Created the App ID {identifier}"),
        Action::EnableCapability {
            bundle_id,
            capability,
        } => format!("Enabled {} for {bundle_id}", capability.name()),
        Action::ChangeCapability {
            bundle_id,
            capability,
            ..
        } => format!("Changed the settings of {} for {bundle_id}", capability.name()),
        Action::Assign {
            bundle_id,
            what,
            identifiers,
        } => format!("Assigned the {what} {} to {bundle_id}", identifiers.join(", ")),
        Action::RepairProfile { name, reason, .. } => format!("Recreated the profile {name}: {reason}"),
        Action::DeleteProfile { name, reason, .. } => format!("Deleted the profile {name}: {reason}"),
        Action::CreateProfile { name, reason, .. } => format!("Created the profile {name}: {reason}"),
    }
}

/// Columns that line up; one very long name does not move the others.
fn aligned(rows: &[[String; 4]]) -> Vec<String> {
    const WIDEST: usize = 56;
    let widths = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= WIDEST).max().unwrap_or_default()
    };
    let (kind, name) = (widths(1), widths(2));
    rows.iter()
        .map(|[sign, what, which, text]| format!("{sign} {what:kind$}  {which:name$}  {text}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_in_the_past_tense() {
        let enabled = Action::EnableCapability {
            bundle_id: "com.example.app".parse().unwrap(),
            capability: provisioning::capability::Capability {
                kind: "PUSH_NOTIFICATIONS".to_owned(),
                settings: Vec::new(),
            },
        };
        assert_eq!(
            past_tense(&enabled),
            "Enabled Push Notifications for com.example.app"
        );
    }

    #[test]
    fn a_change_is_a_sign_a_thing_and_a_reason() {
        let rows = [
            row(&Action::CreateBundleId {
                identifier: "com.example.app".parse().unwrap(),
                name: "Example".to_owned(),
                platform: apple_types::PortalPlatform::Ios,
                parent: None,
            }),
            row(&Action::DeleteProfile {
                id: provisioning::ResourceId::new("P1").unwrap(),
                name: "Bitrise iOS app-store - (com.example.app)".to_owned(),
                reason: "it expired on 2026-01-02".to_owned(),
            }),
        ];
        assert_eq!(
            aligned(&rows),
            [
                "+ App ID   com.example.app                            not registered",
                "- profile  Bitrise iOS app-store - (com.example.app)  delete: it expired on 2026-01-02",
            ]
        );
    }
}
