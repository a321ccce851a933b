//! Files that were made to crash or to stall who reads them.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use signing_assets::{Certificate, Profile, ProfileDirectories, read_p12};

/// DER: a tag, its length, its content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    if content.len() < 0x80 {
        out.push(u8::try_from(content.len()).unwrap());
    } else {
        let digits = content.len().to_be_bytes();
        let first = digits.iter().position(|digit| *digit != 0).unwrap();
        out.push(0x80 | u8::try_from(digits.len() - first).unwrap());
        out.extend(&digits[first..]);
    }
    out.extend(content);
    out
}

/// A CMS signed-data structure around `content` (RFC 5652), as a profile is one.
fn signed(content: &[u8]) -> Vec<u8> {
    let data = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    let signed_data = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    let inner = der(0x30, &[&data[..], &der(0xa0, &der(0x04, content))].concat());
    let body = der(
        0x30,
        &[&[0x02, 0x01, 0x01][..], &der(0x31, &[]), &inner, &der(0x31, &[])].concat(),
    );
    der(0x30, &[&signed_data[..], &der(0xa0, &body)].concat())
}

fn plist(body: &str) -> Vec<u8> {
    signed(format!("<?xml version=\"1.0\"?><plist version=\"1.0\">{body}</plist>").as_bytes())
}

fn profile(fields: &str) -> String {
    format!(
        "<dict><key>UUID</key><string>AAAA-1</string><key>Name</key><string>n</string><key>CreationDate</key><date>2026-01-01T00:00:00Z</date><key>ExpirationDate</key><date>2027-01-01T00:00:00Z</date><key>Entitlements</key><dict><key>application-identifier</key><string>T.com.example</string></dict>{fields}</dict>"
    )
}

#[test]
fn a_profile_that_is_nested_without_end_is_refused_and_the_others_are_found() {
    let bomb = plist(&format!(
        "{}{}",
        "<array>".repeat(200_000),
        "</array>".repeat(200_000)
    ));
    assert!(Profile::parse(&bomb).is_err());
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("Library/MobileDevice/Provisioning Profiles");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("bomb.mobileprovision"), bomb).unwrap();
    std::fs::write(folder.join("junk.mobileprovision"), "junk").unwrap();
    std::fs::write(folder.join("huge.mobileprovision"), vec![0; 17 << 20]).unwrap();
    std::fs::create_dir(folder.join("folder.mobileprovision")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.join("endless.mobileprovision")).unwrap();
    std::fs::write(folder.join("good.mobileprovision"), plist(&profile(""))).unwrap();
    let found = ProfileDirectories::of(home.path(), None).installed();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0.bundle_id, "com.example");
}

#[test]
fn a_profile_is_installed_over_a_planted_link_and_not_through_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("Library/MobileDevice/Provisioning Profiles");
    std::fs::create_dir_all(&folder).unwrap();
    let victim = home.path().join("victim");
    std::fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, folder.join("AAAA-1.mobileprovision")).unwrap();
    let content = plist(&profile(""));
    let parsed = Profile::parse(&content).unwrap();
    ProfileDirectories::of(home.path(), None)
        .install(&parsed.name, &parsed.uuid, &content, false)
        .unwrap();
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "untouched");
    assert_eq!(
        std::fs::read(folder.join("AAAA-1.mobileprovision")).unwrap(),
        content
    );
}

#[test]
fn dates_beyond_every_calendar_are_refused() {
    for date in [
        "9999-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
        "292277026596-12-04T15:30:08Z",
        "-5000-01-01T00:00:00Z",
    ] {
        let _ = Profile::parse(&plist(&profile("").replace("2027-01-01T00:00:00Z", date)));
    }
}

#[test]
fn structures_that_are_nested_without_end_are_refused() {
    for (open, count) in [
        (&[0x30_u8, 0x80][..], 100_000),
        (&[0x24, 0x80], 100_000),
        (&[0xa0, 0x80], 100_000),
        (&[0x1f, 0xff], 100_000),
    ] {
        let bytes = open.repeat(count);
        assert!(Profile::parse(&bytes).is_err());
        assert!(read_p12(&bytes, "x").is_err());
        assert!(Certificate::parse(&bytes).is_err());
    }
    // Definite lengths, from the inside out.
    let mut bytes = vec![0x05, 0x00];
    for _ in 0..2000 {
        bytes = der(0x30, &bytes);
    }
    assert!(Profile::parse(&bytes).is_err());
    assert!(read_p12(&bytes, "x").is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Profile::parse(&bytes);
        let _ = Certificate::parse(&bytes);
        let _ = read_p12(&bytes, "x");
        let _ = Profile::parse(&signed(&bytes));
    }

    #[test]
    fn no_damage_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = plist(&profile(""));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Profile::parse(&bytes);
    }
}
