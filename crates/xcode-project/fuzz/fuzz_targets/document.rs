//! Project files are read to the byte or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xcode_project::Document;

fuzz_target!(|text: &str| {
    if let Ok(document) = Document::parse(text) {
        assert_eq!(document.text(), text);
    }
});
