//! What ends soon of that which signs: profiles, certificates, and the authorities that issued them.

use provisioning::SignedProfile;
use signing_assets::{Authority, Certificate, authority_of};
use time::{Duration, OffsetDateTime};

/// So long before the end it is said.
const SOON: Duration = Duration::days(30);

/// When the previous Developer ID authority ends, for messages.
const DEVELOPER_ID_ENDS: &str = "2027-02-01";

/// What a person should know, a sentence each.
pub(crate) fn warnings(signed: &[SignedProfile], now: OffsetDateTime) -> Vec<String> {
    let mut all = Vec::new();
    let mut say = |text: String| {
        if !all.contains(&text) {
            all.push(text);
        }
    };
    for certificate in certificates(signed) {
        if certificate.not_after < now + SOON {
            say(format!(
                "The certificate {} (serial {}) expires on {}{}: create a new one, and upload it to Bitrise.",
                certificate.common_name,
                certificate.serial,
                certificate.not_after.date(),
                days_left(certificate.not_after, now)
            ));
        }
        let Some(authority) = authority_of(&certificate.der) else {
            continue;
        };
        if authority.is_previous_developer_id() {
            say(format!(
                "The certificate {} was issued by the previous Developer ID authority, which expires on {DEVELOPER_ID_ENDS}: create a Developer ID G2 certificate, and upload it to Bitrise. Software that is signed with a timestamp before stays valid.",
                certificate.common_name
            ));
        } else if authority.expires < now + SOON {
            say(format!(
                "Apple's authority {} that issued {} expires on {}; recreate the certificate.",
                authority.name,
                certificate.common_name,
                authority.expires.date()
            ));
        }
    }
    for signed in signed {
        let Some(details) = &signed.profile.details else {
            continue;
        };
        if details.expires_at < now + SOON {
            say(format!(
                "The profile `{}` expires on {}{}. `min_profile_days_valid` renews profiles in time, as long as their certificate lasts.",
                signed.profile.name,
                details.expires_at.date(),
                days_left(details.expires_at, now)
            ));
        }
    }
    all
}

fn days_left(end: OffsetDateTime, now: OffsetDateTime) -> String {
    match (end - now).whole_days() {
        ..=0 => ", which is today".to_owned(),
        days => format!(", in {}", wording::counted(days, "day")),
    }
}

fn certificates(signed: &[SignedProfile]) -> impl Iterator<Item = &Certificate> {
    // The first of each desired profile is the one that the project uses.
    signed
        .iter()
        .filter_map(|signed| signed.desired.certificates.first())
}

/// The authorities of the certificates that are used, each once.
pub(crate) fn authorities(signed: &[SignedProfile]) -> Vec<&'static Authority> {
    let mut all: Vec<&'static Authority> = Vec::new();
    for authority in certificates(signed).filter_map(|certificate| authority_of(&certificate.der)) {
        if !all.contains(&authority) {
            all.push(authority);
        }
    }
    all
}

/// What to do about an authority whose certificate no keychain holds.
pub(crate) fn missing(authority: &Authority) -> String {
    format!(
        "No keychain holds the certificate of Apple's authority {}, without which `codesign` finds no chain to it: install {}.",
        authority.name, authority.download
    )
}
