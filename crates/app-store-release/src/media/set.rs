//! A set while it is changed, and what becomes of what somebody else put into it meanwhile. One rule for classic sets
//! and for the placements of an asset library.

use std::collections::BTreeMap;

use crate::plan::{SetChange, Slot};
use crate::snapshot::RemoteItem;

/// A set that is being changed.
#[derive(Debug)]
pub(super) struct OpenSet {
    /// What it shall be, in order.
    pub(super) slots: Vec<Slot>,
    /// IDs in the order that App Store Connect has.
    pub(super) order: Vec<String>,
    /// IDs that this run deleted; lists show them for a while.
    pub(super) deleted: Vec<String>,
    /// Of the files that this run puts into the slots.
    checksums: Vec<Option<String>>,
}

impl OpenSet {
    /// The set of a change. `checksum` is by which App Store Connect knows a file there.
    pub(super) fn of(change: &SetChange, checksum: impl Fn(&crate::MediaFile) -> &String) -> Self {
        let own = change.slots.iter().map(|slot| match slot {
            Slot::New(file) => Some(checksum(file).clone()),
            Slot::Kept(_) => None,
        });
        Self {
            checksums: own.collect(),
            slots: change.slots.clone(),
            order: change.remaining.clone(),
            deleted: change.delete.clone(),
        }
    }

    /// Takes the set as it is now, and returns what is there twice and has to go. Another run may have uploaded the same
    /// file, and Apple copies those of the version before some time after a version is created: of two that are equal
    /// the first stays, for every run alike, and of two that have the same name the newer one, if it is our own.
    pub(super) fn adopt(&mut self, items: &[RemoteItem]) -> Vec<String> {
        let mut extra = Vec::new();
        let mut kept = Vec::new();
        for (checksum, slots) in self.slots_by_checksum(items) {
            let equal = items.iter().filter(|item| {
                item.checksum.as_deref() == Some(checksum)
                    && item.state == "COMPLETE"
                    && !self.deleted.contains(&item.id)
            });
            let mut equal: Vec<String> = equal.map(|item| item.id.clone()).collect();
            extra.extend(equal.split_off(slots.len().min(equal.len())));
            kept.extend(slots.into_iter().zip(equal));
        }
        for (slot, id) in kept {
            self.slots[slot] = Slot::Kept(id);
        }
        let is_own = |item: &RemoteItem| {
            self.slots
                .iter()
                .any(|slot| matches!(slot, Slot::Kept(id) if *id == item.id))
        };
        let older = items.iter().enumerate().filter(|(index, item)| {
            let newer = &items[index + 1..];
            item.state == "COMPLETE"
                && !is_own(item)
                && newer.iter().any(|own| is_own(own) && own.name == item.name)
        });
        extra.extend(older.map(|(_, item)| item.id.clone()));
        extra.sort();
        extra.dedup();
        extra.retain(|id| !self.deleted.contains(id));
        self.order = items.iter().map(|item| item.id.clone()).collect();
        self.order.retain(|id| !extra.contains(id));
        self.deleted.extend(extra.iter().cloned());
        extra
    }

    /// The slots of each checksum: a folder may hold the same picture twice.
    fn slots_by_checksum<'a>(&'a self, items: &'a [RemoteItem]) -> BTreeMap<&'a str, Vec<usize>> {
        let mut all: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, slot) in self.slots.iter().enumerate() {
            let own = items
                .iter()
                .find(|item| matches!(slot, Slot::Kept(id) if *id == item.id));
            // Another run may have deleted what this one uploaded.
            let checksum = match own {
                Some(own) => own.checksum.as_deref(),
                None => self.checksums[index].as_deref(),
            };
            if let Some(checksum) = checksum {
                all.entry(checksum).or_default().push(index);
            }
        }
        all
    }

    /// The order that the set has to get; `None` where it has it. What this run does not know stays at the end.
    pub(super) fn missing_order(&self) -> Option<Vec<String>> {
        let kept = self.slots.iter().filter_map(|slot| match slot {
            Slot::Kept(id) => Some(id),
            Slot::New(_) => None,
        });
        let mut wanted: Vec<String> = kept.cloned().collect();
        let current: Vec<&String> = self
            .order
            .iter()
            .filter(|id| !self.deleted.contains(id))
            .collect();
        for id in &current {
            if !wanted.contains(id) {
                wanted.push((*id).clone());
            }
        }
        let is_ordered = wanted.len() < 2 || current.into_iter().eq(&wanted);
        (!is_ordered).then_some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, name: &str, checksum: &str) -> RemoteItem {
        RemoteItem {
            id: id.to_owned(),
            name: name.to_owned(),
            checksum: Some(checksum.to_owned()),
            state: "COMPLETE".to_owned(),
            ..RemoteItem::default()
        }
    }

    /// A set whose slots hold what this run uploaded, with these IDs and checksums.
    fn set(slots: &[(&str, &str)]) -> OpenSet {
        OpenSet {
            slots: slots.iter().map(|(id, _)| Slot::Kept((*id).to_owned())).collect(),
            order: Vec::new(),
            deleted: Vec::new(),
            checksums: slots.iter().map(|(_, sum)| Some((*sum).to_owned())).collect(),
        }
    }

    #[test]
    fn of_two_equal_ones_the_first_stays_for_every_run_alike() {
        let items = [item("theirs", "1", "a"), item("ours", "1", "a")];
        for slots in [[("ours", "a")], [("theirs", "a")]] {
            let mut set = set(&slots);
            assert_eq!(set.adopt(&items), ["ours"]);
            assert_eq!(set.slots, [Slot::Kept("theirs".to_owned())]);
            assert_eq!(set.missing_order(), None);
        }
    }

    #[test]
    fn a_late_copy_of_another_picture_of_the_same_name_goes() {
        let mut set = set(&[("ours", "new")]);
        let items = [item("copy", "1.png", "old"), item("ours", "1.png", "new")];
        assert_eq!(set.adopt(&items), ["copy"]);
        assert_eq!(set.order, ["ours"]);
    }

    #[test]
    fn a_picture_that_is_wanted_twice_stays_twice() {
        let mut set = set(&[("x", "a"), ("y", "a")]);
        let items = [item("x", "1", "a"), item("y", "2", "a"), item("z", "3", "a")];
        assert_eq!(set.adopt(&items), ["z"]);
    }

    #[test]
    fn what_is_not_known_stays_behind_and_what_is_deleted_is_not_ordered() {
        let mut set = set(&[("b", "b"), ("a", "a")]);
        set.deleted.push("gone".to_owned());
        let items = [
            item("other", "9", "c"),
            item("gone", "8", "d"),
            item("a", "1", "a"),
            item("b", "2", "b"),
        ];
        assert_eq!(set.adopt(&items), [] as [String; 0]);
        assert_eq!(
            set.missing_order().unwrap(),
            ["b", "a", "other"].map(str::to_owned)
        );
    }
}
