//! Uploads an .ipa or .pkg to App Store Connect.

fn main() {}
