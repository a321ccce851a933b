//! Which required-reason APIs an executable names.
//!
//! Source: Apple, "Describing use of required reason API" (developer.apple.com, general knowledge of 2026-11). Apple looks at
//! the symbols and selectors of an executable; both stand in it as text between zero bytes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

pub(crate) const CATEGORIES: [&str; 5] = [
    "NSPrivacyAccessedAPICategoryFileTimestamp",
    "NSPrivacyAccessedAPICategorySystemBootTime",
    "NSPrivacyAccessedAPICategoryDiskSpace",
    "NSPrivacyAccessedAPICategoryActiveKeyboards",
    "NSPrivacyAccessedAPICategoryUserDefaults",
];

/// Names, with the index of their category.
const NAMES: [(&str, usize); 26] = [
    ("_NSFileCreationDate", 0),
    ("_NSFileModificationDate", 0),
    ("_NSURLContentModificationDateKey", 0),
    ("_NSURLCreationDateKey", 0),
    ("_getattrlist", 0),
    ("_getattrlistbulk", 0),
    ("_fgetattrlist", 0),
    ("_getattrlistat", 0),
    ("_stat", 0),
    ("_fstat", 0),
    ("_fstatat", 0),
    ("_lstat", 0),
    ("_mach_absolute_time", 1),
    ("systemUptime", 1),
    ("_NSURLVolumeAvailableCapacityKey", 2),
    ("_NSURLVolumeAvailableCapacityForImportantUsageKey", 2),
    ("_NSURLVolumeAvailableCapacityForOpportunisticUsageKey", 2),
    ("_NSURLVolumeTotalCapacityKey", 2),
    ("_NSFileSystemFreeSize", 2),
    ("_NSFileSystemSize", 2),
    ("_statfs", 2),
    ("_statvfs", 2),
    ("_fstatfs", 2),
    ("_fstatvfs", 2),
    ("activeInputModes", 3),
    ("_OBJC_CLASS_$_NSUserDefaults", 4),
];

/// The longest name between its zero bytes.
const LONGEST: usize = 64;

static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let patterns = NAMES.iter().map(|(name, _)| format!("\0{name}\0"));
    AhoCorasick::new(patterns).ok()
});

/// Looks at an executable piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// The end of the piece before, since a name may lie across two.
    carried: Vec<u8>,
    found: BTreeSet<usize>,
}

impl Scanner {
    pub(crate) fn look_at(&mut self, piece: &[u8]) {
        let Some(finder) = &*FINDER else { return };
        let mut text = std::mem::take(&mut self.carried);
        text.extend_from_slice(piece);
        // A name's last zero byte may be the first one of the next name.
        for found in finder.find_overlapping_iter(&text) {
            self.found.insert(NAMES[found.pattern().as_usize()].1);
        }
        let keep = text.len().saturating_sub(LONGEST);
        self.carried = text.split_off(keep);
    }

    /// The categories of the names that were seen.
    pub(crate) fn found(self) -> BTreeSet<&'static str> {
        self.found.into_iter().map(|index| CATEGORIES[index]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pieces: &[&[u8]]) -> Vec<&'static str> {
        let mut scanner = Scanner::default();
        pieces.iter().for_each(|piece| scanner.look_at(piece));
        scanner.found().into_iter().collect()
    }

    #[test]
    fn names_count_whole_and_across_pieces() {
        assert_eq!(found(&[b"\0_stat\0"]), [CATEGORIES[0]]);
        assert_eq!(found(&[b"\0_st", b"at\0"]), [CATEGORIES[0]]);
        assert_eq!(found(&[b"\0_stat\0_statfs\0"]), [CATEGORIES[2], CATEGORIES[0]]);
        assert!(found(&[b"\0_statistics\0", b"my_stat\0"]).is_empty());
        assert!(NAMES.iter().all(|(name, _)| name.len() + 2 <= LONGEST));
    }
}
