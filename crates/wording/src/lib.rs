//! Numbers of things in words.

use std::fmt::Display;

/// A number of things: `1 file`, `3 files`, `0 entries`. The noun is an English one with a regular plural.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    if count == N::from(1) {
        return format!("{count} {noun}");
    }
    let ends_with = |endings: &[&str]| endings.iter().any(|ending| noun.ends_with(ending));
    match noun.strip_suffix('y') {
        Some(stem) if !ends_with(&["ay", "ey", "oy", "uy"]) => format!("{count} {stem}ies"),
        _ if ends_with(&["s", "x", "z", "ch", "sh"]) => format!("{count} {noun}es"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular_and_every_other_number_plural() {
        assert_eq!(counted(1_usize, "file"), "1 file");
        assert_eq!(counted(1_u64, "entry"), "1 entry");
        for (noun, plural) in [
            ("file", "files"),
            ("minute", "minutes"),
            ("key", "keys"),
            ("day", "days"),
            ("entry", "entries"),
            ("match", "matches"),
            ("process", "processes"),
        ] {
            for count in [0_u32, 2, 11, 101] {
                assert_eq!(counted(count, noun), format!("{count} {plural}"));
            }
        }
    }
}
