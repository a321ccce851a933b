//! How sets of previews become what the folder has.

use std::collections::BTreeMap;

use super::media::{FrameChange, MediaKind, Place, has_locale, others, set_change, unchanged, usable};
use super::{Action, Plan, Target};
use crate::desired::DesiredRelease;
use crate::media_file::MediaFile;
use crate::preview;
use crate::snapshot::{RemoteItem, RemoteSet, Snapshot};

/// Previews stay beside the local ones unless they are overwritten, and a locale that the version lacks is not created,
/// as in fastlane.
pub(super) fn plan(desired: &DesiredRelease, target: &Target, snapshot: &Snapshot, plan: &mut Plan) {
    let Some(local) = &desired.previews else { return };
    let none = BTreeMap::new();
    for (locale, wanted) in &local.files {
        if !has_locale(locale, target, plan) {
            plan.notes.push(format!(
                "The previews of {locale} are left out: the version does not have the locale."
            ));
            continue;
        }
        let remote = snapshot.previews.get(locale).unwrap_or(&none);
        let place = |display| Place {
            kind: MediaKind::Previews,
            locale,
            display,
        };
        for (display, files) in wanted {
            let set = remote.get(*display);
            let fitting = Fitting::of(files, set.filter(|_| !local.overwrite));
            if !fitting.left_out.is_empty() {
                plan.notes.push(format!(
                    "{locale} has {} for {display} that {}, and App Store Connect takes {}. Left out: {}.",
                    wording::counted(fitting.staying, "preview"),
                    if fitting.staying == 1 { "stays" } else { "stay" },
                    preview::MOST,
                    fitting.left_out.join(", ")
                ));
            }
            let files = fitting.files.as_slice();
            let mut change = set_change(place(display), files, set, !local.overwrite);
            let frames = match &local.frame {
                Some(frame) => {
                    let deleted = change.as_ref().map_or(&[][..], |change| &change.delete);
                    other_frames(files, set, frame, deleted)
                }
                None => Vec::new(),
            };
            if !frames.is_empty() {
                let change = change.get_or_insert_with(|| unchanged(place(display), files, set));
                change.frames = frames;
            }
            plan.then.extend(change.map(Action::UpdateMedia));
        }
        if local.overwrite {
            plan.then.extend(
                others(remote, wanted.keys())
                    .filter_map(|(display, set)| set_change(place(display), &[], Some(set), false))
                    .map(Action::UpdateMedia),
            );
        }
    }
}

/// Videos that are there already and stay, and that another frame stands for.
fn other_frames(
    files: &[MediaFile],
    set: Option<&RemoteSet>,
    frame: &str,
    deleted: &[String],
) -> Vec<FrameChange> {
    let items = set.map(|set| set.items.as_slice()).unwrap_or_default();
    items
        .iter()
        .filter(|item| item.frame.as_deref() != Some(frame) && !deleted.contains(&item.id))
        .filter(|item| files.iter().any(|file| file.is(item.checksum.as_deref())))
        .map(|item| FrameChange {
            id: item.asset.clone().unwrap_or_else(|| item.id.clone()),
            frame: frame.to_owned(),
        })
        .collect()
}

/// Which local previews fit beside those of other names, which stay. What is there, and what takes the place of
/// something of its name, comes before what is added.
struct Fitting {
    files: Vec<MediaFile>,
    /// Names of the rest.
    left_out: Vec<String>,
    /// How many of the set stay, or are replaced.
    staying: usize,
}

impl Fitting {
    fn of(files: &[MediaFile], set: Option<&RemoteSet>) -> Self {
        let mut unused = usable(set.map(|set| set.items.as_slice()).unwrap_or_default());
        let is_there: Vec<bool> = files
            .iter()
            .map(|file| {
                let there = unused.iter().position(|there| file.is(there.checksum.as_deref()));
                there.map(|index| unused.remove(index)).is_some()
            })
            .collect();
        let (namesakes, others): (Vec<&RemoteItem>, Vec<&RemoteItem>) = unused
            .into_iter()
            .partition(|there| files.iter().any(|file| file.name == there.name));
        let has_place = |file: &MediaFile, is_there: bool| {
            is_there || namesakes.iter().any(|there| there.name == file.name)
        };
        let placed = files
            .iter()
            .zip(&is_there)
            .filter(|(file, is_there)| has_place(file, **is_there));
        let staying = others.len() + placed.count();
        let mut room = preview::MOST.saturating_sub(staying);
        let mut fitting = Self {
            files: Vec::new(),
            left_out: Vec::new(),
            staying,
        };
        for (file, is_there) in files.iter().zip(is_there) {
            if has_place(file, is_there) {
                fitting.files.push(file.clone());
            } else if room > 0 {
                room -= 1;
                fitting.files.push(file.clone());
            } else {
                fitting.left_out.push(file.name.clone());
            }
        }
        fitting
    }
}
