//! Accounts, and what Apple's and Bitrise's servers answer.

use app_store_connect::{Many, One};
use apple_account::Connection;
use developer_portal::answer::{self, Answer};
use developer_portal::srp::{self, Challenge, Protocol};
use developer_portal::{Host, Jar, envelope};
use redaction::Redactor;
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;

use crate::text;

/// A time of no meaning, the same in each run.
const NOW: OffsetDateTime = time::macros::datetime!(2026-11-24 12:00 UTC);

pub(crate) fn connection(bytes: &[u8]) {
    let redactor = Redactor::new();
    let Ok(connection) = Connection::parse(bytes, &redactor) else {
        return;
    };
    if let Some(key) = &connection.api_key {
        let pem = key.private_key.expose_secret();
        for line in pem.lines().filter(|line| !line.starts_with('-')) {
            assert!(
                !redactor.redact(line).contains(line),
                "a line of the key is shown"
            );
        }
    }
    let session = connection.apple_id.and_then(|account| account.session);
    if let Some(session) = session {
        let (jar, _) = Jar::of(&session.cookies, NOW);
        let _ = (jar.header(Host::SignIn, "/"), jar.has_session(), jar.has_trust());
        let _ = fastlane_runner::session::fastlane_session(&session.cookies);
    }
}

pub(crate) fn key(bytes: &[u8]) {
    let _ = apple_account::key_id_of(&text(bytes));
    let Ok(key) = apple_account::read_key(bytes) else {
        return;
    };
    let again = apple_account::read_key(key.pem.expose_secret().as_bytes()).expect("the key that was read");
    assert_eq!(again.pem.expose_secret(), key.pem.expose_secret());
}

/// A `Set-Cookie` header a line.
pub(crate) fn cookies(bytes: &[u8]) {
    let mut jar = Jar::default();
    for header in text(bytes).lines() {
        jar.take(Host::SignIn, header, NOW);
        jar.take(Host::AppStoreConnect, header, NOW);
    }
    for host in [Host::SignIn, Host::Account, Host::AppStoreConnect, Host::Portal] {
        let header = jar.header(host, "/appleauth/auth");
        // A line break would begin a header of the server's choice.
        assert!(header.is_none_or(|header| !header.expose_secret().contains(['\r', '\n'])));
    }
}

/// A status in two bytes, and the answer.
pub(crate) fn sign_in(bytes: &[u8]) {
    let (head, body) = bytes.split_at(bytes.len().min(2));
    let status = head
        .iter()
        .fold(0_u16, |status, byte| (status << 8) | u16::from(*byte))
        % 600;
    let body = text(body);
    let cookies: Vec<String> = body.lines().take(4).map(str::to_owned).collect();
    let _ = answer::read(Answer {
        status,
        body: &body,
        set_cookies: &cookies,
        retry_after: Some(u64::from(status)),
    });
    let _ = envelope::check(status, &body);
    let _ = envelope::read::<serde_json::Value>(status, &body, "profiles");
    let parts: Vec<&[u8]> = body.as_bytes().splitn(2, |byte| *byte == 0).collect();
    if let ([salt, public_b], Ok(client)) = (parts.as_slice(), srp::Client::begin()) {
        let challenge = Challenge {
            protocol: Protocol::from_apple("s2k").expect("a protocol"),
            salt,
            iterations: u32::from(status % 16),
            public_b,
        };
        let _ = client.prove("ada@example.com", "password", challenge);
    }
}

pub(crate) fn documents(bytes: &[u8]) {
    use app_store_connect::resources::{BundleId, Device, Profile};

    let many: Result<Many<Profile>, _> = serde_json::from_slice(bytes);
    for profile in many.iter().flat_map(|many| &many.data) {
        let _ = (profile.related("devices"), profile.has_more("devices"));
    }
    if let Ok(many) = many {
        let _ = many.included::<Device>("devices");
    }
    let _ = serde_json::from_slice::<Many<BundleId>>(bytes);
    let _ = serde_json::from_slice::<One<Device>>(bytes);
}
