//! Installer packages by bsdtar; see `fixtures/README.md`.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use app_package::{Error, Format, Package, StorePlatform};

const GZIP: &[u8] = include_bytes!("fixtures/product-gzip.pkg");

fn read(bytes: &[u8]) -> Result<Package, Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Package::read(file.path(), Format::Pkg)
}

#[test]
fn every_kind_of_installer_tells_its_app() {
    for (name, bytes) in [
        ("product, gzip", GZIP),
        ("product, bzip2", include_bytes!("fixtures/product-bzip2.pkg")),
        (
            "product, not compressed",
            include_bytes!("fixtures/product-none.pkg"),
        ),
        ("product, UTF-16", include_bytes!("fixtures/product-utf-16.pkg")),
        ("component", include_bytes!("fixtures/component.pkg")),
    ] {
        let package = read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let app = &package.app;
        assert_eq!(app.bundle_id.as_deref(), Some("org.example.heron"), "{name}");
        assert_eq!(app.version.as_deref(), Some("7"), "{name}");
        assert_eq!(app.short_version.as_deref(), Some("3.1"), "{name}");
        assert_eq!(app.platform(), Ok(StorePlatform::Macos), "{name}");
        assert_eq!(package.obstacles(), [], "{name}");
    }
}

#[test]
fn other_compression_is_named() {
    let error = read(include_bytes!("fixtures/lzma.pkg")).unwrap_err();
    assert!(
        matches!(error, Error::Unsupported { .. }) && error.is_limit_of_reader(),
        "{error}"
    );
}

#[test]
fn every_cut_is_an_error_and_no_panic() {
    for length in 0..GZIP.len() {
        // The end of the heap holds nothing that is read.
        if let Ok(package) = read(&GZIP[..length]) {
            assert_eq!(
                package.app.bundle_id.as_deref(),
                Some("org.example.heron"),
                "{length}"
            );
        }
    }
}

#[test]
fn every_changed_byte_is_an_error_or_a_package() {
    for at in 0..GZIP.len() {
        let mut bytes = GZIP.to_vec();
        bytes[at] ^= 0x55;
        let _ = read(&bytes);
    }
}
