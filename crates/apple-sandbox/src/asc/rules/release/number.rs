//! The numbers of versions.

use crate::answer::Refusal;
use crate::asc::objects::Objects;

/// A version's numbers; 1.0 and 1.0.0 are the same to Apple, and leading zeros do not count.
pub(super) fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut all = [0; 3];
    let parts: Vec<&str> = version.split('.').collect();
    if parts.len() > all.len() {
        return None;
    }
    for (number, part) in all.iter_mut().zip(parts) {
        *number = part.parse().ok()?;
    }
    Some(all)
}

/// The same version without leading zeros.
pub(super) fn plain_number(version: &str) -> String {
    let parts = version.split('.').map(|part| {
        let plain = part.trim_start_matches('0');
        if plain.is_empty() { "0" } else { plain }
    });
    parts.collect::<Vec<_>>().join(".")
}

pub(super) fn check_number(number: &str) -> Result<(), Refusal> {
    if numbers(number).is_some() {
        return Ok(());
    }
    let words = format!("An attribute value is invalid. '{number}' is not a valid version");
    Err(Refusal::attribute("versionString", words))
}

/// Whether a version has a number.
pub(super) fn has_number(objects: &Objects, version: &str, number: &str) -> bool {
    numbers(objects.text("appStoreVersions", version, "versionString")) == numbers(number)
}

pub(super) fn used_number() -> Refusal {
    Refusal::duplicate("versionString", "The version number has been previously used.")
}
