//! Code signing assets through the App Store Connect API.

fn main() {}
