//! Packages, profiles, certificates, and property lists.

use std::io::Cursor;

use app_package::{Format, Package};
use signing_assets::{Certificate, Profile, authority_of, read_p12};

pub(crate) fn plist(bytes: &[u8]) {
    let Ok(value) = property_list::read(bytes) else {
        return;
    };
    let mut written = Vec::new();
    // What XML has no form for, such as a zero byte, is refused by the writer.
    if value.to_writer_xml(&mut written).is_ok() {
        let _ = property_list::read(&written);
    }
}

pub(crate) fn p12(bytes: &[u8]) {
    for passphrase in ["", "sandbox-passphrase"] {
        for identity in read_p12(bytes, passphrase).unwrap_or_default() {
            let packed = identity
                .to_p12("passphrase", 1)
                .expect("a file with one identity");
            let again = read_p12(&packed, "passphrase").expect("an identity");
            assert_eq!(again[0].certificate.sha1, identity.certificate.sha1);
        }
    }
}

pub(crate) fn profile(bytes: &[u8]) {
    if let Ok(profile) = Profile::parse(bytes) {
        // It becomes a file's name.
        assert!(!profile.uuid.is_empty() && !profile.uuid.contains(['/', '.', '\0']));
    }
    let _ = (Certificate::parse(bytes), authority_of(bytes));
}

pub(crate) fn zip(bytes: &[u8]) {
    package(bytes, Format::Ipa);
}

pub(crate) fn xar(bytes: &[u8]) {
    package(bytes, Format::Pkg);
}

fn package(bytes: &[u8], format: Format) {
    if let Ok(package) = Package::parse(&mut Cursor::new(bytes), bytes.len() as u64, format) {
        let _ = (package.app.platform(), package.obstacles());
    }
}
