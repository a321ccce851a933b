//! The version that a release is about, as it is or as it will be.

use super::Action;
use crate::desired::DesiredRelease;
use crate::error::ReleaseError;
use crate::snapshot::{AppInfo, Snapshot, Version};

/// The version that a release is about, as it is or as it will be.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) version: Version,
    pub(super) info: Option<AppInfo>,
    /// Whether it is the first one of its platform.
    pub(super) is_first: bool,
    pub(super) first: Vec<Action>,
}

/// Finds or predicts the version, with what makes it exist.
pub(super) fn target(desired: &DesiredRelease, snapshot: &Snapshot) -> Result<Target, ReleaseError> {
    let versions = &snapshot.versions;
    let live = versions.iter().find(|version| version.is_live());
    let states = || {
        versions
            .iter()
            .filter(|version| !version.is_replaced())
            .map(|version| format!("version {} ({})", version.number, version.state))
            .collect()
    };
    let missing = || ReleaseError::NoEditableVersion {
        platform: desired.platform,
        states: states(),
    };
    if desired.edit_live {
        let version = version_of(desired, snapshot).ok_or_else(missing)?;
        return Ok(Target {
            version: version.clone(),
            info: None,
            is_first: false,
            first: Vec::new(),
        });
    }
    let found = next(versions);
    let is_first = live.is_none() && versions.len() <= 1;
    let cancelled = || snapshot.reviewed_info().filter(|_| desired.reject_if_possible);
    let info = snapshot.editable_info().or_else(cancelled).cloned();
    let Some(version) = found else {
        let number = desired
            .version
            .as_ref()
            .filter(|_| desired.may_change_version)
            .ok_or_else(missing)?;
        if let Some(same) = versions.iter().find(|version| is_same(&version.number, number)) {
            return Err(locked(same, format!("version {number} can't be prepared again")));
        }
        let first = vec![Action::CreateVersion {
            version: number.clone(),
        }];
        return Ok(Target {
            version: predicted(live, number),
            info: info.or_else(|| copied(snapshot)),
            is_first,
            first,
        });
    };
    let mut first = Vec::new();
    if let Some(wanted) = desired
        .version
        .as_ref()
        .filter(|wanted| !is_same(wanted, &version.number))
    {
        if !desired.may_change_version {
            if desired.submission.is_some() || desired.metadata.is_some() || desired.screenshots.is_some() {
                return Err(ReleaseError::NoEditableVersion {
                    platform: desired.platform,
                    states: states(),
                });
            }
        } else if let Some(same) = versions.iter().find(|other| is_same(&other.number, wanted)) {
            return Err(locked(same, format!("version {wanted} can't be prepared again")));
        } else {
            first.push(Action::RenameVersion {
                from: version.number.clone(),
                to: wanted.clone(),
            });
        }
    }
    Ok(Target {
        version: version.clone(),
        info,
        is_first,
        first,
    })
}

/// The version that a release changes, if it is there: the live one where that is edited, else the one on its way.
pub(crate) fn version_of<'a>(desired: &DesiredRelease, snapshot: &'a Snapshot) -> Option<&'a Version> {
    let versions = &snapshot.versions;
    let live = versions.iter().find(|version| version.is_live());
    if desired.edit_live {
        live.or_else(|| next(versions))
    } else {
        next(versions)
    }
}

/// The version that is not on the App Store yet; of several the highest.
fn next(versions: &[Version]) -> Option<&Version> {
    versions
        .iter()
        .filter(|version| !version.is_live() && !version.is_replaced())
        .max_by_key(|version| parts(&version.number))
}

fn parts(number: &str) -> Vec<u64> {
    let mut parts: Vec<u64> = number
        .split('.')
        .map(|part| part.trim().parse().unwrap_or(0))
        .collect();
    while parts.last() == Some(&0) {
        parts.pop();
    }
    parts
}

/// Whether two version numbers are one to Apple: 1.0 and 1.0.0 are, and 01.0 as well.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    a == b
        || (parts(a) == parts(b)
            && [a, b]
                .iter()
                .all(|text| text.split('.').all(|part| part.trim().parse::<u64>().is_ok())))
}

/// What a new version will look like: Apple copies locales, texts and pictures of the one before, but not what is new.
fn predicted(live: Option<&Version>, number: &str) -> Version {
    let mut version = live.cloned().unwrap_or_default();
    version.id = None;
    number.clone_into(&mut version.number);
    "PREPARE_FOR_SUBMISSION".clone_into(&mut version.state);
    version.phased = None;
    version.build = None;
    version
        .attributes
        .insert("releaseType".to_owned(), "AFTER_APPROVAL".into());
    version.attributes.remove("earliestReleaseDate");
    for localization in version.localizations.values_mut() {
        localization.id = None;
        localization.attributes.remove("whatsNew");
    }
    version
}

/// The editable app info that Apple makes with a new version: a copy of the live one.
fn copied(snapshot: &Snapshot) -> Option<AppInfo> {
    let mut info = snapshot.live_info().cloned()?;
    "PREPARE_FOR_SUBMISSION".clone_into(&mut info.state);
    Some(info)
}

pub(super) fn locked(version: &Version, what: String) -> ReleaseError {
    ReleaseError::Locked {
        version: version.number.clone(),
        state: version.state.clone(),
        what,
        cancelable: version.is_in_review(),
    }
}
