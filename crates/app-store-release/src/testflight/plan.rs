//! The difference between what TestFlight has and what a distribution shall be: a pure function.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::ReleaseError;
use crate::plan::{Change, differences, names};
use crate::snapshot::{Localization, optional};
use crate::testflight::snapshot::{BetaBuild, BetaGroup, BetaSnapshot};
use crate::testflight::{BetaReview, Distribution, clean};

/// One change on TestFlight.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum BetaAction {
    /// Change, or give for the first time, the contact for beta review. Values of demo accounts are not shown.
    UpdateContact {
        /// What changes.
        changes: Vec<Change>,
    },
    /// Change, or give for the first time, the description or feedback address of a locale.
    UpdateBetaTexts {
        /// The locale.
        locale: String,
        /// What changes.
        changes: Vec<Change>,
    },
    /// Answer export compliance.
    AnswerCompliance {
        /// The answer.
        uses_encryption: bool,
    },
    /// Change, or give for the first time, what to test.
    UpdateWhatsNew {
        /// The locale.
        locale: String,
        /// The text so far.
        from: Option<String>,
        /// The new text.
        to: String,
    },
    /// Change whether testers are notified.
    SetNotify {
        /// Whether they are.
        notify: bool,
    },
    /// Expire another build.
    ExpireBuild {
        /// Its ID.
        id: String,
        /// Its number.
        number: String,
    },
    /// Submit for beta review.
    SubmitForBetaReview,
    /// Give the build to a group.
    AddToGroup {
        /// The group's ID.
        id: String,
        /// Its name.
        name: String,
    },
}

/// Everything that changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BetaPlan {
    /// The changes, in order.
    pub actions: Vec<BetaAction>,
    /// What was left alone on purpose, and why.
    pub notes: Vec<String>,
}

/// The groups that a distribution names.
///
/// # Errors
/// With every name or ID that no group has.
pub(crate) fn groups<'a>(
    wanted: &Distribution,
    groups: &'a [BetaGroup],
) -> Result<Vec<&'a BetaGroup>, ReleaseError> {
    let mut found: Vec<&BetaGroup> = Vec::new();
    let mut unknown = Vec::new();
    for name in &wanted.groups {
        let exact = groups
            .iter()
            .find(|group| group.name == *name || group.id == *name);
        match exact.or_else(|| {
            groups
                .iter()
                .find(|group| group.name.to_lowercase() == name.to_lowercase())
        }) {
            Some(group) if found.iter().any(|there| there.id == group.id) => {}
            Some(group) => found.push(group),
            None => unknown.push(name.clone()),
        }
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    Err(ReleaseError::NoGroup {
        unknown,
        available: groups.iter().map(|group| format!("`{}`", group.name)).collect(),
    })
}

/// Plans a distribution. A build that is not uploaded yet is planned as one without anything.
///
/// # Errors
/// When a group does not exist, or what external testing needs is missing.
pub fn plan(wanted: &Distribution, snapshot: &BetaSnapshot) -> Result<BetaPlan, ReleaseError> {
    let groups = groups(wanted, &snapshot.groups)?;
    let mut plan = BetaPlan::default();
    let build = snapshot.build.as_ref();
    plan_app(wanted, snapshot, &mut plan);
    if let Some(uses_encryption) = wanted.uses_encryption
        && build.is_none_or(|build| build.build.uses_non_exempt_encryption.is_none())
    {
        plan.actions
            .push(BetaAction::AnswerCompliance { uses_encryption });
    }
    if wanted.uses_encryption.is_none()
        && build.is_some_and(|build| build.build.uses_non_exempt_encryption.is_none())
    {
        plan.notes.push(
            "The build's export compliance is not answered. Testers can't get the build until it is."
                .to_owned(),
        );
    }
    plan_whats_new(wanted, snapshot, &mut plan);
    if let Some(notify) = wanted.notify
        && build.and_then(|build| build.notifies) != Some(notify)
    {
        plan.actions.push(BetaAction::SetNotify { notify });
    }
    if wanted.expire_previous {
        let own = build.map(|build| build.build.id.as_str());
        let others = snapshot.others.iter().filter(|(id, _)| own != Some(id.as_str()));
        plan.actions
            .extend(others.map(|(id, number)| BetaAction::ExpireBuild {
                id: id.clone(),
                number: number.clone(),
            }));
    }
    plan_review(wanted, snapshot, &groups, &mut plan)?;
    for group in groups {
        if build.is_some_and(|build| build.groups.contains(&group.id)) {
            continue;
        }
        if group.is_internal && group.has_all_builds {
            plan.notes
                .push(format!("The group `{}` gets every build by itself.", group.name));
            continue;
        }
        plan.actions.push(BetaAction::AddToGroup {
            id: group.id.clone(),
            name: group.name.clone(),
        });
    }
    Ok(plan)
}

fn plan_app(wanted: &Distribution, snapshot: &BetaSnapshot, plan: &mut BetaPlan) {
    let none = Map::new();
    let mut contact: Map<String, Value> = wanted
        .contact
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect();
    if ["demoAccountName", "demoAccountPassword"]
        .iter()
        .all(|name| contact.contains_key(*name))
    {
        contact.insert("demoAccountRequired".to_owned(), true.into());
    }
    let current = snapshot
        .contact
        .as_ref()
        .map_or(&none, |contact| &contact.attributes);
    let changes = differences(current, &contact);
    if !changes.is_empty() {
        plan.actions.push(BetaAction::UpdateContact { changes });
    }
    let primary = &snapshot.app.primary_locale;
    let locales = || {
        snapshot
            .texts
            .keys()
            .chain(snapshot.texts.is_empty().then_some(primary))
    };
    let descriptions = wanted.description.resolve(locales());
    let mut all: Vec<&str> = descriptions.keys().copied().collect();
    if wanted.feedback_email.is_some() {
        all.extend(locales().map(String::as_str));
    }
    all.sort_unstable();
    all.dedup();
    for locale in all {
        let mut texts = Map::new();
        texts.extend(
            descriptions
                .get(locale)
                .map(|text| ("description".to_owned(), Value::from(*text))),
        );
        texts.extend(
            wanted
                .feedback_email
                .as_ref()
                .map(|email| ("feedbackEmail".to_owned(), Value::from(email.as_str()))),
        );
        let current = snapshot
            .texts
            .get(locale)
            .map_or(&none, |texts| &texts.attributes);
        let changes = differences(current, &texts);
        if !changes.is_empty() {
            plan.actions.push(BetaAction::UpdateBetaTexts {
                locale: locale.to_owned(),
                changes,
            });
        }
    }
}

/// The locales that a build has, or starts with.
fn own_locales(build: Option<&BetaBuild>, primary: &str) -> Vec<String> {
    let existing: Vec<String> = build
        .map(|build| build.whats_new.keys().cloned().collect())
        .unwrap_or_default();
    if existing.is_empty() {
        vec![primary.to_owned()]
    } else {
        existing
    }
}

fn plan_whats_new(wanted: &Distribution, snapshot: &BetaSnapshot, plan: &mut BetaPlan) {
    let build = snapshot.build.as_ref();
    let locales = own_locales(build, &snapshot.app.primary_locale);
    for (locale, text) in wanted.whats_new.resolve(locales.iter()) {
        let to = clean(text);
        let from = build
            .and_then(|build| build.whats_new.get(locale))
            .and_then(|own| optional(&own.attributes, "whatsNew"));
        if from.as_deref() != Some(to.as_str()) {
            plan.actions.push(BetaAction::UpdateWhatsNew {
                locale: locale.to_owned(),
                from,
                to,
            });
        }
    }
}

fn plan_review(
    wanted: &Distribution,
    snapshot: &BetaSnapshot,
    groups: &[&BetaGroup],
    plan: &mut BetaPlan,
) -> Result<(), ReleaseError> {
    let has_external = groups.iter().any(|group| !group.is_internal);
    let submits = match wanted.review {
        BetaReview::Yes => true,
        BetaReview::Automatic => has_external,
        BetaReview::No => false,
    };
    if !submits {
        return Ok(());
    }
    let state = snapshot
        .build
        .as_ref()
        .map_or("", |build| build.external_state.as_str());
    match state {
        // Nothing is known of a build that is not processed yet, or whose compliance is about to be answered.
        "" | "PROCESSING" | "MISSING_EXPORT_COMPLIANCE" | "READY_FOR_BETA_SUBMISSION" => {}
        other => {
            plan.notes.push(format!(
                "The build needs no submission for beta review: it is {other}."
            ));
            return Ok(());
        }
    }
    let missing = missing(wanted, snapshot);
    if !missing.is_empty() {
        return Err(ReleaseError::BetaIncomplete(missing));
    }
    plan.actions.push(BetaAction::SubmitForBetaReview);
    Ok(())
}

/// What Apple demands for external testing, and nobody has given.
/// Source: App Store Connect Help, "Provide test information"; enforced since 2024-11 (fastlane #28630).
fn missing(wanted: &Distribution, snapshot: &BetaSnapshot) -> Vec<String> {
    let primary = &snapshot.app.primary_locale;
    let has = |localization: Option<&Localization>, name: &str| {
        localization
            .and_then(|own| optional(&own.attributes, name))
            .is_some_and(|text| !text.is_empty())
    };
    let mut missing = Vec::new();
    let description =
        wanted.description.default.is_some() || wanted.description.by_locale.contains_key(primary);
    if !description && !has(snapshot.texts.get(primary), "description") {
        missing.push(format!("a beta app description in {primary}"));
    }
    if wanted.feedback_email.is_none() && !has(snapshot.texts.get(primary), "feedbackEmail") {
        missing.push("a feedback e-mail address".to_owned());
    }
    for (name, label) in [
        ("contactFirstName", "the contact's first name"),
        ("contactLastName", "the contact's last name"),
        ("contactEmail", "the contact's e-mail address"),
        ("contactPhone", "the contact's phone number"),
    ] {
        if !wanted.contact.contains_key(name) && !has(snapshot.contact.as_ref(), name) {
            missing.push(label.to_owned());
        }
    }
    let build = snapshot.build.as_ref();
    let has_notes = build.is_some_and(|build| build.whats_new.values().any(|own| has(Some(own), "whatsNew")));
    if wanted.whats_new.is_empty() && !has_notes {
        missing.push("what to test".to_owned());
    }
    missing
}

impl BetaAction {
    /// One line for people: a sign, the kind, what it is about, and why.
    pub fn line(&self) -> String {
        let row = |sign: char, kind: &str, what: &str, why: String| {
            format!("{sign} {kind:<18} {what:<24} {why}")
                .trim_end()
                .to_owned()
        };
        match self {
            Self::UpdateContact { changes } => row('~', "beta contact", "", names(changes)),
            Self::UpdateBetaTexts { locale, changes } => row('~', "beta texts", locale, names(changes)),
            Self::AnswerCompliance { uses_encryption } => {
                let answer = if *uses_encryption {
                    "uses non-exempt encryption"
                } else {
                    "uses no non-exempt encryption"
                };
                row('~', "export compliance", "", answer.to_owned())
            }
            Self::UpdateWhatsNew { locale, from, .. } => row(
                '~',
                "what to test",
                locale,
                if from.is_some() { "differs" } else { "has none" }.to_owned(),
            ),
            Self::SetNotify { notify } => row(
                '~',
                "notification",
                "",
                if *notify {
                    "testers are notified"
                } else {
                    "testers are not notified"
                }
                .to_owned(),
            ),
            Self::ExpireBuild { number, .. } => {
                row('-', "build", number, "previous builds expire".to_owned())
            }
            Self::SubmitForBetaReview => row(
                '+',
                "beta review",
                "",
                "external testers get it after Apple's review".to_owned(),
            ),
            Self::AddToGroup { name, .. } => {
                row('+', "group", name, "does not have the build yet".to_owned())
            }
        }
    }
}
