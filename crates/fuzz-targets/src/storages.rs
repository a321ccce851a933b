//! Storages of fastlane match.

use std::path::Path;

use command::Runner;
use match_storage::{CertificateType, Location, Request};
use redaction::Redactor;
use secrecy::SecretString;

use crate::scratch::Scratch;
use crate::text;

/// What the files of the corpus are encrypted with.
const PASSWORD: &str = "password";

pub(crate) fn location(bytes: &[u8]) {
    if let Some(Err(error)) = Location::parse(&text(bytes)) {
        assert!(!error.to_string().is_empty());
    }
}

pub(crate) fn archive(bytes: &[u8]) {
    let scratch = Scratch::new();
    // A bundle is Git's to read, and a child process for each input is slow.
    if !bytes.starts_with(b"# v") {
        read(&scratch, &scratch.file("storage", bytes));
    }
}

/// A certificate and its key, with a zero byte after the certificate's base64.
pub(crate) fn file(bytes: &[u8]) {
    let scratch = Scratch::new();
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    for extension in ["cer", "p12"] {
        let name = format!("storage/certs/distribution/ABCDEF1234.{extension}");
        scratch.file(&name, parts.next().unwrap_or_default());
    }
    read(&scratch, &scratch.path().join("storage"));
}

fn read(scratch: &Scratch, storage: &Path) {
    let directory = scratch.path().join("private");
    std::fs::create_dir_all(&directory).expect("a folder");
    let address = format!("match+file://{}", storage.display());
    let location = Location::parse(&address)
        .and_then(Result::ok)
        .expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let request = Request {
        location: &location,
        password: Some(&SecretString::from(PASSWORD)),
        types: &[CertificateType::Distribution],
        directory: &directory,
        runner: &Runner::new(Redactor::default()),
    };
    let _ = runtime.block_on(match_storage::read(request));
}
