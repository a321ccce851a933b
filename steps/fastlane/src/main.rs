//! Runs a fastlane lane with the account's credentials.

fn main() {}
