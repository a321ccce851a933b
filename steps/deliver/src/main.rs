//! Uploads binary, metadata and screenshots through fastlane deliver.

fn main() {}
