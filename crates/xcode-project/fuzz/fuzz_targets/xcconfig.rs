//! xcconfig files, also such as include themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xcode_project::xcconfig;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("self.xcconfig");
    std::fs::write(&file, bytes).expect("a file");
    let _ = xcconfig::read(&file, None);
});
