//! JSON5 is read to the byte or refused, and so is a project in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xcode_project::{Project, json5::Document};

fuzz_target!(|text: &str| {
    if let Ok(document) = Document::parse(text) {
        assert_eq!(document.text(), text);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("project.xcproj"), text).unwrap();
        let _ = Project::open(folder.path());
    }
});
