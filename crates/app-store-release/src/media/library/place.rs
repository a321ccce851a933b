//! Placements: where the files of an asset library are shown.

use std::collections::{BTreeMap, BTreeSet};

use app_store_connect::Error;
use serde_json::json;
use transport::StatusCode;

use super::{Asset, Library, assets_by_placement, item, placement_type, read_assets, read_placements};
use crate::display::placement_group;
use crate::error::{ReleaseError, api};
use crate::media::ROUNDS;
use crate::media::set::OpenSet;
use crate::plan::{MediaKind, SetChange, Slot};
use crate::snapshot::{RemoteItem, text};
use crate::store::{New, Object, Store, has_status, is_conflict};

/// A locale whose placements are changed.
pub(super) struct Locale<'a> {
    pub(super) store: &'a Store,
    pub(super) library: &'a Library,
    /// IDs of assets that this run places, by the SHA-256 of their files.
    pub(super) known: &'a BTreeMap<(MediaKind, String), String>,
    pub(super) localization: &'a str,
}

/// A set that is being changed.
struct Set<'a> {
    change: &'a SetChange,
    group: String,
    content: OpenSet,
}

impl Locale<'_> {
    /// Removes, adds, and orders placements. One set that fails leaves the others alone.
    pub(super) async fn update_sets(&self, changes: &[&SetChange]) -> Vec<ReleaseError> {
        let mut errors = Vec::new();
        let mut sets: Vec<Set<'_>> = Vec::new();
        for change in changes {
            let mut set = Set {
                group: change
                    .set
                    .clone()
                    .unwrap_or_else(|| placement_group(&change.display)),
                content: OpenSet::of(change, |file| &file.sha256),
                change,
            };
            match self.fill(&mut set).await {
                Ok(()) => sets.push(set),
                Err(error) => errors.push(error),
            }
        }
        let added: BTreeSet<MediaKind> = sets
            .iter()
            .filter(|set| !set.change.upload.is_empty())
            .map(|set| set.change.kind)
            .collect();
        // Another run may have placed the same, and nobody would refuse that.
        for kind in added {
            let own = sets.iter_mut().filter(|set| set.change.kind == kind);
            errors.extend(self.look(kind, own.collect()).await.err());
        }
        for set in &mut sets {
            errors.extend(self.settle(set).await.err());
        }
        errors
    }

    /// Takes out what goes, and places what is new, in its order. Where Apple refuses a placement, since another run was
    /// faster, the set is looked at again.
    async fn fill(&self, set: &mut Set<'_>) -> Result<(), ReleaseError> {
        let change = set.change;
        for id in &change.delete {
            self.remove(change, id).await?;
        }
        for frame in &change.frames {
            let attributes = json!({"previewFrameTimeCode": frame.frame});
            let patched = self
                .store
                .patch(change.kind.assets(), &frame.id, attributes, None)
                .await;
            patched.map_err(api(format!("change the frame of a preview of {}", set.place())))?;
        }
        for round in 1.. {
            match self.add_missing(set).await {
                Err((error, _)) if round < ROUNDS && is_conflict(&error) => {
                    self.look(change.kind, vec![&mut *set]).await?;
                }
                Err((error, name)) => {
                    return Err(api(format!("place {name} in {}", set.place()))(error));
                }
                Ok(()) => return Ok(()),
            }
        }
        Ok(())
    }

    async fn add_missing(&self, set: &mut Set<'_>) -> Result<(), (Error, String)> {
        for index in 0..set.content.slots.len() {
            let Slot::New(file) = &set.content.slots[index] else {
                continue;
            };
            let asset = self
                .known
                .get(&(set.change.kind, file.sha256.clone()))
                .map(String::as_str)
                .unwrap_or_default();
            let placed = self.add(set, asset).await;
            let id = placed.map_err(|error| (error, file.name.clone()))?;
            set.content.slots[index] = Slot::Kept(id.clone());
            set.content.order.push(id);
        }
        Ok(())
    }

    async fn remove(&self, change: &SetChange, id: &str) -> Result<(), ReleaseError> {
        let deleted = self.store.delete("appAssetLibraryPlacements", id).await;
        deleted.map_err(api(format!(
            "take one of the {} out of {} {}",
            change.kind.name(),
            change.locale,
            change.display
        )))
    }

    /// Puts a set into its order. What somebody else added meanwhile has to be in it too, so it is looked for where Apple
    /// refuses the order.
    async fn settle(&self, set: &mut Set<'_>) -> Result<(), ReleaseError> {
        for round in 1.. {
            match self.order(set).await {
                Err(error) if round < ROUNDS && is_conflict(&error) => {
                    self.look(set.change.kind, vec![&mut *set]).await?;
                }
                result => {
                    let kind = set.change.kind.name();
                    return result.map_err(api(format!("order the {kind} of {}", set.place())));
                }
            }
        }
        Ok(())
    }

    /// Puts a set into its order, if it is in another one.
    async fn order(&self, set: &Set<'_>) -> Result<(), Error> {
        let Some(wanted) = set.content.missing_order() else {
            return Ok(());
        };
        let new = New::of(
            "appAssetLibraryPlacementOrderingRequests",
            json!({"placementGroup": set.group}),
        )
        .with(
            "appStoreVersionLocalization",
            "appStoreVersionLocalizations",
            self.localization,
        )
        .with_many("orderedPlacements", "appAssetLibraryPlacements", &wanted);
        self.store.post(&new).await
    }

    /// Takes sets of a kind as they are now, and removes what is there twice.
    async fn look(&self, kind: MediaKind, sets: Vec<&mut Set<'_>>) -> Result<(), ReleaseError> {
        let placements = read_placements(self.store, self.localization, kind).await?;
        let mut assets: Option<Vec<Asset>> = None;
        for set in sets {
            let of_set = |placement: &&Object| {
                text(&placement.attributes, "placementGroup") == set.group
                    && text(&placement.attributes, "placementType") == placement_type(set.change)
            };
            let now: Vec<&Object> = placements.iter().filter(of_set).collect();
            let is_known = |placement: &&Object| {
                let content = &set.content;
                content.order.contains(&placement.id) || content.deleted.contains(&placement.id)
            };
            if now.iter().all(is_known) {
                let ids: Vec<String> = now.iter().map(|placement| placement.id.clone()).collect();
                // Lists lag behind what this run placed.
                if set.content.order.iter().all(|id| ids.contains(id)) {
                    set.content.order = ids;
                }
                continue;
            }
            if assets.is_none() {
                let objects = read_assets(self.store, &self.library.id, kind).await?;
                assets = Some(objects.iter().map(Asset::of).collect());
            }
            let assets = assets.as_deref().unwrap_or_default();
            let shown = assets_by_placement(self.store, kind, assets, now.iter().copied()).await?;
            let items: Vec<RemoteItem> = now
                .iter()
                .map(|placement| item(placement, shown.get(placement.id.as_str()).copied()))
                .collect();
            for id in set.content.adopt(&items) {
                self.remove(set.change, &id).await?;
            }
        }
        Ok(())
    }

    /// Places an asset at the end of a group, and returns the placement's ID.
    async fn add(&self, set: &Set<'_>, asset: &str) -> Result<String, Error> {
        let change = set.change;
        let new = New::of(
            "appAssetLibraryPlacements",
            json!({"placementType": placement_type(change), "placementGroup": set.group}),
        )
        .with(change.kind.shown(), change.kind.assets(), asset)
        .with(
            "appStoreVersionLocalization",
            "appStoreVersionLocalizations",
            self.localization,
        );
        let path = format!("v1/appStoreVersionLocalizations/{}/placements", self.localization);
        let filter = match change.kind {
            MediaKind::Screenshots => "filter[image]",
            MediaKind::Previews => "filter[video]",
        };
        let is_other = |id: &String| set.content.order.contains(id) || set.content.deleted.contains(id);
        let find = || async {
            let query = [
                (filter, asset),
                ("filter[placementGroup]", set.group.as_str()),
                ("limit", "200"),
            ];
            let found = match self.store.list(path.clone(), &query).await {
                Err(error) if has_status(&error, StatusCode::NOT_FOUND) => return Ok(None),
                found => found?,
            };
            // Placements that are others, should the answer be lost.
            Ok(found.data.into_iter().find(|placement| !is_other(&placement.id)))
        };
        Ok(self.store.create(&new, find).await?.id)
    }
}

impl Set<'_> {
    /// Locale and display type.
    fn place(&self) -> String {
        format!("{} {}", self.change.locale, self.change.display)
    }
}
