//! The proof of work that Apple asks for before a sign-in: a stamp whose SHA-1 begins with enough zero bits.

use sha1::{Digest as _, Sha1};
use time::OffsetDateTime;
use time::macros::format_description;

/// More than a sign-in has ever asked for (10 to 13 were seen); beyond it a broken answer would burn the build's time.
pub const MOST_BITS: u32 = 26;

/// Why no stamp is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Apple asks for a proof of work of {0} bits, more than the {MOST_BITS} that are computed")]
pub struct TooHard(pub u32);

/// The stamp for a challenge, made now (UTC, as Apple's web page does).
///
/// # Errors
/// When it would take too long.
pub fn stamp(bits: u32, challenge: &str, now: OffsetDateTime) -> Result<String, TooHard> {
    if bits > MOST_BITS {
        return Err(TooHard(bits));
    }
    let format = format_description!("[year][month][day][hour][minute][second]");
    let date = now
        .to_offset(time::UtcOffset::UTC)
        .format(&format)
        .unwrap_or_default();
    let stem = format!("1:{bits}:{date}:{challenge}::");
    let found = (0_u64..)
        .map(|counter| format!("{stem}{counter}"))
        .find(|stamp| leading_zeros(stamp) >= bits);
    Ok(found.unwrap_or_default())
}

fn leading_zeros(stamp: &str) -> u32 {
    let hash = Sha1::digest(stamp.as_bytes());
    let whole = hash.iter().take_while(|byte| **byte == 0).count();
    let rest = hash.get(whole).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(whole).unwrap_or(20) * 8 + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn known_challenges_have_their_counters() {
        for (bits, now, challenge, counter) in [
            (
                11,
                datetime!(2023-02-23 17:06:00 UTC),
                "4d74fb15eb23f465f1f6fcbf534e5877",
                6373,
            ),
            (
                12,
                datetime!(2023-02-23 21:37:32 UTC),
                "f8b58554b2f22960fc0dc99aea342276",
                2381,
            ),
            (
                10,
                datetime!(2026-01-01 0:00 UTC),
                "00112233445566778899aabbccddeeff",
                1160,
            ),
            (
                16,
                datetime!(2026-01-01 0:00 UTC),
                "00112233445566778899aabbccddeeff",
                4942,
            ),
        ] {
            let stamp = stamp(bits, challenge, now).unwrap();
            assert!(stamp.ends_with(&format!("{challenge}::{counter}")), "{stamp}");
        }
    }

    #[test]
    fn no_answer_can_burn_a_build() {
        assert_eq!(stamp(27, "00", datetime!(2026-01-01 0:00 UTC)), Err(TooHard(27)));
    }
}
