//! Settings that refer to each other have an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xcode_project::Settings;

fuzz_target!(|pairs: Vec<(String, String)>| {
    let names: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
    let settings = Settings::from_assignments(pairs, "iphoneos", "Release");
    for name in names {
        let _ = settings.get(&name);
    }
});
