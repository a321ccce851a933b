//! An entry for each parser of bytes by others, shared by the fuzzer (`fuzz/`, `cargo xtask fuzz`) and by the tests that
//! read its corpora.
//!
//! An entry must return for any bytes: a panic, a hang, or memory without end is a finding. Where a parser promises more,
//! such as to keep a text byte for byte, the entry asserts it.
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "an entry fails by a panic, which is what a fuzzer looks for"
)]

mod accounts;
mod packages;
mod projects;
mod scratch;
mod storages;
mod tools;

/// A parser with its entry.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Gives it bytes.
    pub run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// Every parser of bytes that come from a repository, a server, or another program.
pub const TARGETS: &[Target] = &[
    target("altool", tools::altool),
    target("connection", accounts::connection),
    target("cookies", accounts::cookies),
    target("deliverfile", tools::deliverfile),
    target("documents", accounts::documents),
    target("fastlane", tools::fastlane),
    target("inputs", tools::inputs),
    target("key", accounts::key),
    target("lockfile", tools::lockfile),
    target("match_archive", storages::archive),
    target("match_file", storages::file),
    target("match_location", storages::location),
    target("metadata", tools::metadata),
    target("p12", packages::p12),
    target("pbxproj", projects::pbxproj),
    target("plist", packages::plist),
    target("profile", packages::profile),
    target("redaction", tools::redaction),
    target("scheme", projects::scheme),
    target("settings", projects::settings),
    target("sign_in", accounts::sign_in),
    target("workspace", projects::workspace),
    target("xar", packages::xar),
    target("xcconfig", projects::xcconfig),
    target("xcodebuild", projects::xcodebuild),
    target("xcproj", projects::xcproj),
    target("yaml", tools::yaml),
    target("zip", packages::zip),
];

/// The target of that name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The bytes as text, as far as they are UTF-8.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The parts between zero bytes, `count` of them; absent ones are empty.
fn parts(bytes: &[u8], count: usize) -> Vec<String> {
    let mut parts: Vec<String> = bytes.splitn(count, |byte| *byte == 0).map(text).collect();
    parts.resize(count, String::new());
    parts
}
