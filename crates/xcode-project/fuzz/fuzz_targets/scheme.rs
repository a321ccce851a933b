//! Schemes are read or refused.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use xcode_project::Scheme;

fuzz_target!(|text: &str| {
    let _ = Scheme::parse(text, "Any", Path::new("Any.xcodeproj"));
});
