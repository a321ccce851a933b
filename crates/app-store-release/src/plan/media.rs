//! How sets of screenshots and previews become what the folders have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Map;

use super::{Action, Part, Plan, Target, previews};
use crate::desired::{DesiredRelease, Leftovers};
use crate::display::ONLY_IN_LIBRARY;
use crate::error::ReleaseError;
use crate::media_file::MediaFile;
use crate::problem::Problem;
use crate::snapshot::{RemoteItem, RemoteSet, Snapshot};

/// The two kinds of media of a product page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Pictures.
    Screenshots,
    /// Videos.
    Previews,
}

impl MediaKind {
    /// In words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Screenshots => "screenshots",
            Self::Previews => "app previews",
        }
    }
}

/// How a set of screenshots or previews changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetChange {
    /// Screenshots or previews.
    pub kind: MediaKind,
    /// The locale.
    pub locale: String,
    /// The display type, such as `APP_IPHONE_67`, or the preview type, such as `IPHONE_67`.
    pub display: String,
    /// Names in the order that App Store Connect has.
    pub before: Vec<String>,
    /// IDs of what is deleted.
    pub delete: Vec<String>,
    /// Files that are uploaded.
    pub upload: Vec<String>,
    /// Names in their final order.
    pub order: Vec<String>,
    /// The ID of the classic set, where there is one.
    #[serde(skip)]
    pub(crate) set: Option<String>,
    /// IDs that stay, in the order that App Store Connect has.
    #[serde(skip)]
    pub(crate) remaining: Vec<String>,
    #[serde(skip)]
    pub(crate) slots: Vec<Slot>,
    /// IDs of what stays, and what Apple still processes.
    #[serde(skip)]
    pub(crate) pending: Vec<String>,
    /// Videos that stay, and get another frame to stand for them.
    #[serde(skip)]
    pub(crate) frames: Vec<FrameChange>,
    /// The local files of `before` and `order`, where there are any.
    #[serde(skip)]
    files: (Vec<Option<PathBuf>>, Vec<Option<PathBuf>>),
}

/// A video that gets another frame to stand for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FrameChange {
    /// The ID of the preview, or of the video in the asset library.
    pub(crate) id: String,
    pub(crate) frame: String,
}

/// A place in the final order of a set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slot {
    /// One that is there already.
    Kept(String),
    /// One that is uploaded.
    New(MediaFile),
}

/// A picture or video of a set, before or after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Its name.
    pub name: &'a str,
    /// The local file with the same content, where there is one.
    pub file: Option<&'a Path>,
}

impl SetChange {
    /// What the set shows before and after the change, in order.
    pub fn pictures(&self) -> (Vec<Picture<'_>>, Vec<Picture<'_>>) {
        fn of<'a>(names: &'a [String], files: &'a [Option<PathBuf>]) -> Vec<Picture<'a>> {
            names
                .iter()
                .zip(files)
                .map(|(name, file)| Picture {
                    name,
                    file: file.as_deref(),
                })
                .collect()
        }
        (of(&self.before, &self.files.0), of(&self.order, &self.files.1))
    }

    pub(super) fn reason(&self) -> String {
        let mut parts = Vec::new();
        if !self.upload.is_empty() {
            parts.push(format!("{} to upload", self.upload.len()));
        }
        if !self.delete.is_empty() {
            parts.push(format!("{} to delete", self.delete.len()));
        }
        if !self.frames.is_empty() {
            parts.push(format!("{} with another frame", self.frames.len()));
        }
        if !self.pending.is_empty() {
            parts.push(format!("{} still processed by Apple", self.pending.len()));
        }
        if parts.is_empty() {
            parts.push("other order".to_owned());
        }
        parts.join(", ")
    }
}

/// Plans screenshots and previews.
///
/// # Errors
/// With pictures that only the asset library takes, where there is none.
pub(super) fn plan(
    desired: &DesiredRelease,
    target: &Target,
    snapshot: &Snapshot,
    plan: &mut Plan,
) -> Result<(), ReleaseError> {
    if !desired.needs_media() {
        return Ok(());
    }
    refuse_what_only_a_library_takes(desired, snapshot)?;
    plan_screenshots(desired, target, snapshot, plan);
    previews::plan(desired, target, snapshot, plan);
    Ok(())
}

fn refuse_what_only_a_library_takes(
    desired: &DesiredRelease,
    snapshot: &Snapshot,
) -> Result<(), ReleaseError> {
    if snapshot.library.is_some() {
        return Ok(());
    }
    let previews = desired.previews.as_ref().map(|previews| &previews.files);
    let problems: Vec<Problem> = desired
        .screenshots
        .iter()
        .chain(previews)
        .flat_map(BTreeMap::values)
        .filter_map(|sets| sets.get(ONLY_IN_LIBRARY))
        .flatten()
        .map(|file| {
            Problem::new(
                file.path.display().to_string(),
                "is for iPhone Duo, which needs the App Asset Library, and this account does not have it",
            )
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ReleaseError::Invalid(problems))
    }
}

fn plan_screenshots(desired: &DesiredRelease, target: &Target, snapshot: &Snapshot, plan: &mut Plan) {
    let Some(local) = &desired.screenshots else { return };
    let mut locales: BTreeSet<&String> = local.keys().collect();
    if desired.leftovers == Leftovers::DropEverything {
        locales.extend(snapshot.media.keys());
    }
    let none = BTreeMap::new();
    let no_sets = BTreeMap::new();
    for locale in locales {
        let remote = snapshot.media.get(locale).unwrap_or(&none);
        let wanted = local.get(locale).unwrap_or(&no_sets);
        if !has_locale(locale, target, plan) && !wanted.is_empty() {
            plan.then.push(Action::CreateLocale {
                locale: locale.clone(),
                part: Part::Version,
                texts: Map::new(),
            });
        }
        let place = |display| Place {
            kind: MediaKind::Screenshots,
            locale,
            display,
        };
        for (display, files) in wanted {
            let change = set_change(place(display), files, remote.get(*display), false);
            plan.then.extend(change.map(Action::UpdateMedia));
        }
        if desired.leftovers != Leftovers::KeepOtherSets {
            let others = others(remote, wanted.keys());
            plan.then.extend(
                others
                    .filter_map(|(display, set)| set_change(place(display), &[], Some(set), false))
                    .map(Action::UpdateMedia),
            );
        }
    }
}

/// Whether the version has a locale, or gets it in this plan.
pub(super) fn has_locale(locale: &str, target: &Target, plan: &Plan) -> bool {
    target.version.localizations.contains_key(locale)
        || plan.then.iter().any(|action| {
            matches!(action, Action::CreateLocale { locale: planned, part: Part::Version, .. } if planned == locale)
        })
}

/// Sets with content that are not among `wanted`.
pub(super) fn others<'a>(
    remote: &'a BTreeMap<String, RemoteSet>,
    wanted: impl Iterator<Item = &'a &'static str>,
) -> impl Iterator<Item = (&'a str, &'a RemoteSet)> {
    let wanted: BTreeSet<&str> = wanted.copied().collect();
    remote
        .iter()
        .filter(move |(display, set)| !wanted.contains(display.as_str()) && !set.items.is_empty())
        .map(|(display, set)| (display.as_str(), set))
}

/// Which set.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) kind: MediaKind,
    pub(super) locale: &'a str,
    pub(super) display: &'a str,
}

/// What is there and can stay.
pub(super) fn usable(items: &[RemoteItem]) -> Vec<&RemoteItem> {
    items
        .iter()
        .filter(|item| item.state != "FAILED" && item.state != "AWAITING_UPLOAD")
        .collect()
}

/// How a set becomes what the folder has: what is there by checksum is kept, the rest is deleted or uploaded. With
/// `keep_others`, what has a name of its own stays, and everything is in the order of the names.
pub(super) fn set_change(
    place: Place<'_>,
    wanted: &[MediaFile],
    remote: Option<&RemoteSet>,
    keep_others: bool,
) -> Option<SetChange> {
    let existing = remote.map(|set| set.items.as_slice()).unwrap_or_default();
    let mut unused = usable(existing);
    // Name, place in the order, and local file.
    let mut rows: Vec<(String, Slot, Option<PathBuf>)> = wanted
        .iter()
        .map(|file| {
            let there = unused.iter().position(|there| file.is(there.checksum.as_deref()));
            let (name, slot) = match there {
                Some(index) => {
                    let there = unused.remove(index);
                    (there.name.clone(), Slot::Kept(there.id.clone()))
                }
                None => (file.name.clone(), Slot::New(file.clone())),
            };
            (name, slot, Some(file.path.clone()))
        })
        .collect();
    if keep_others {
        let others = unused
            .iter()
            .filter(|other| wanted.iter().all(|file| file.name != other.name));
        let others: Vec<_> = others
            .map(|other| (other.name.clone(), Slot::Kept(other.id.clone()), None))
            .collect();
        rows.extend(others);
        rows.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let kept: Vec<&String> = rows
        .iter()
        .filter_map(|(_, slot, _)| match slot {
            Slot::Kept(id) => Some(id),
            Slot::New(_) => None,
        })
        .collect();
    let current: Vec<&String> = existing.iter().map(|item| &item.id).collect();
    let pending: Vec<String> = existing
        .iter()
        .filter(|item| kept.contains(&&item.id) && is_processed_by_apple(&item.state))
        .map(|item| item.id.clone())
        .collect();
    if current == kept && kept.len() == rows.len() && pending.is_empty() {
        return None;
    }
    let delete = current
        .iter()
        .filter(|id| !kept.contains(id))
        .map(|id| (*id).clone())
        .collect();
    let remaining = current
        .iter()
        .filter(|id| kept.contains(id))
        .map(|id| (*id).clone())
        .collect();
    let upload = rows
        .iter()
        .filter(|(_, slot, _)| matches!(slot, Slot::New(_)))
        .map(|(name, _, _)| name.clone())
        .collect();
    Some(SetChange {
        upload,
        pending,
        delete,
        remaining,
        order: rows.iter().map(|(name, _, _)| name.clone()).collect(),
        slots: rows.iter().map(|(_, slot, _)| slot.clone()).collect(),
        files: (
            local_files(existing, wanted),
            rows.into_iter().map(|(_, _, file)| file).collect(),
        ),
        ..empty(place, remote)
    })
}

/// Whether a file arrived, and nobody knows yet whether it is good: a run that was killed leaves such behind.
fn is_processed_by_apple(state: &str) -> bool {
    matches!(state, "UPLOAD_COMPLETE" | "PROCESSING")
}

/// A set that stays as it is, apart from what is added to the change.
pub(super) fn unchanged(place: Place<'_>, files: &[MediaFile], remote: Option<&RemoteSet>) -> SetChange {
    let items = remote.map(|set| set.items.as_slice()).unwrap_or_default();
    let local = local_files(items, files);
    let change = empty(place, remote);
    SetChange {
        order: change.before.clone(),
        remaining: items.iter().map(|item| item.id.clone()).collect(),
        slots: items.iter().map(|item| Slot::Kept(item.id.clone())).collect(),
        files: (local.clone(), local),
        ..change
    }
}

fn empty(place: Place<'_>, remote: Option<&RemoteSet>) -> SetChange {
    let items = remote.map(|set| set.items.as_slice()).unwrap_or_default();
    SetChange {
        kind: place.kind,
        locale: place.locale.to_owned(),
        display: place.display.to_owned(),
        before: items.iter().map(|item| item.name.clone()).collect(),
        delete: Vec::new(),
        upload: Vec::new(),
        order: Vec::new(),
        set: remote.map(|set| set.id.clone()),
        remaining: Vec::new(),
        slots: Vec::new(),
        pending: Vec::new(),
        frames: Vec::new(),
        files: (Vec::new(), Vec::new()),
    }
}

fn local_files(items: &[RemoteItem], files: &[MediaFile]) -> Vec<Option<PathBuf>> {
    items
        .iter()
        .map(|item| {
            let same = files.iter().find(|file| file.is(item.checksum.as_deref()));
            same.map(|file| file.path.clone())
        })
        .collect()
}
