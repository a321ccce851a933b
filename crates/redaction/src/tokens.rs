//! Secrets that nobody has to name: their form gives them away.
//!
//! fastlane, altool, and their plugins print tokens that are made at run time, in verbose logs and in dumps of requests
//! (codemagic-ci-cd/cli-tools records of altool 16.4, 2025-10-17; `SPACESHIP_DEBUG`). A text is looked at as a whole, so
//! that a line of a log has to be complete.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use crate::MASK;

/// A value ends at a backslash that escapes a quote, and continues over one that escapes a slash or, in JSON
/// of .NET and of Gson, any character by its number.
///
/// In each alternative the group `keep` stays, and the rest is masked.
///
/// - a credential behind `Authorization:` and its scheme, in the forms of headers, JSON, and Ruby's hashes;
/// - a long token behind the word `Bearer`, alone;
/// - a JSON Web Token: three parts in base64url, of which the first begins as `{"` does;
/// - the cookies of Apple's sign-in: `myacinfo` and `DES…` with a number in hexadecimal (apple-id-portal facts, 2026-11),
///   by name or by the beginning of their values;
/// - a private key: what follows the armor of a PEM file, and what base64 makes of the beginnings of such a file and of keys
///   in PKCS#8, SEC 1, and PKCS#1 (RFC 5958, 5915, 8017).
const PATTERN: &str = r#"(?x-u)
    (?P<keep1>(?i:authorization)["']?\s*(?:=>|[:=])\s*["']?(?i:bearer|basic|token)\s+)(?:[^\s"',;<\\]|\\+(?:/|u[0-9A-Fa-f]{4}))+
    | (?P<keep2>\b(?i:bearer)["']?[\s:="']+)[A-Za-z0-9._~+/=-]{20,}
    | \beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}
    | (?P<keep3>\b(?:myacinfo|dqsid|DES[0-9a-f]{16,})["']?\s*(?:=>|[:=])\s*["']?)(?:[^\s"';,<\\]|\\+(?:/|u[0-9A-Fa-f]{4})){6,}
    | (?P<keep4>(?i:name)["']?\s*(?:=>|[:=])\s*["']?(?:myacinfo|dqsid|DES[0-9a-f]{16,})["']?,?\s+["']?(?i:value)["']?\s*(?:=>|[:=])\s*["']?)(?:[^\s"';,<\\]|\\+(?:/|u[0-9A-Fa-f]{4})){6,}
    | \b(?:DAWTKN|HSARMTKN)[A-Za-z0-9+/=._-]{8,}
    | (?P<keep5>-----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----)(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,})+(?:(?:\s|\\[nr])+[A-Za-z0-9+/=]{1,15}(?:\s|\\[nr])*-----END)?
    | \bLS0tLS1CRUdJTi(?:BQUklW|BFQyBQUklW|BSU0Eg|BFTkNS|BPUEVO|BEU0Eg)[A-Za-z0-9+/=_-]{20,}
    | \b(?:M[A-Za-z0-9]{2,5}AgEAMBMGByqGSM49|MHcCAQEEI|MII[A-Za-z0-9+/]{4}IBADANBgkqhkiG9w0BAQEFAASC|MII[A-Za-z0-9+/]{4}IBAAKCA)[A-Za-z0-9+/=_-]{8,}
"#;

static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PATTERN).ok());

/// `bytes` with every such token masked; `None` where there is none.
pub(crate) fn mask(bytes: &[u8]) -> Option<Vec<u8>> {
    let masked = TOKENS.as_ref()?.replace_all(bytes, |captures: &Captures<'_>| {
        let kept = ["keep1", "keep2", "keep3", "keep4", "keep5"]
            .iter()
            .find_map(|name| captures.name(name))
            .map_or(&b""[..], |kept| kept.as_bytes());
        [kept, MASK.as_bytes()].concat()
    });
    match masked {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(masked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let masked = mask(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
        String::from_utf8(masked).unwrap()
    }

    #[test]
    fn the_pattern_is_a_regular_expression() {
        assert!(Regex::new(PATTERN).is_ok());
    }

    #[test]
    fn tokens_are_masked_in_every_form_in_which_tools_print_them() {
        for (text, expected) in [
            (
                "Authorization: Bearer abc.def",
                "Authorization: Bearer [REDACTED]",
            ),
            (
                "\"Authorization\" = \"Bearer eyJhbGciOi.eyJpc3Mi.MEUCIQ\";",
                "\"Authorization\" = \"Bearer [REDACTED]\";",
            ),
            (
                "{\"authorization\"=>\"Bearer s3cr3t\", \"x\"=>1}",
                "{\"authorization\"=>\"Bearer [REDACTED]\", \"x\"=>1}",
            ),
            (
                "authorization: Basic dXNlcjpwYXNz\n",
                "authorization: Basic [REDACTED]\n",
            ),
            (
                "token eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiI1NyJ9.MEUCIQDx-y_z",
                "token [REDACTED]",
            ),
            ("bearer 0123456789abcdef0123456789", "bearer [REDACTED]"),
            (
                "Cookie: dslang=US-EN; myacinfo=DAWTKNV3abc+/=; DES5c148586daa451e55afb017aa62418f91=HSARMTKNSRVX==; x=1",
                "Cookie: dslang=US-EN; myacinfo=[REDACTED]; DES5c148586daa451e55afb017aa62418f91=[REDACTED]; x=1",
            ),
            (
                "- name: myacinfo\n  value: QWERTY123\n",
                "- name: myacinfo\n  value: [REDACTED]\n",
            ),
            (
                "{\"name\":\"myacinfo\", \"value\":\"QWERTY123\"}",
                "{\"name\":\"myacinfo\", \"value\":\"[REDACTED]\"}",
            ),
            ("  value: HSARMTKNSRVXWFla123", "  value: [REDACTED]"),
            (
                r#"{"myacinfo":"AB12\u002fCD\u002bREST\u003d"}"#,
                r#"{"myacinfo":"[REDACTED]"}"#,
            ),
            (
                r#"{"Authorization":"Bearer abc\u002bdef"}"#,
                r#"{"Authorization":"Bearer [REDACTED]"}"#,
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nMIGTAgEAMBMGByqGSM49AgEGCCqGSM49\nAwEHBHkw\n-----END PRIVATE KEY-----\n",
                "-----BEGIN PRIVATE KEY-----[REDACTED] PRIVATE KEY-----\n",
            ),
            (
                "key: -----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIAAAAAAAAAAAAAAAAAAAAAAA\\n, next",
                "key: -----BEGIN EC PRIVATE KEY-----[REDACTED]\\n, next",
            ),
            ("MIGTAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBHkwdwIBAQQg!", "[REDACTED]!"),
            (
                "k=LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JR1RBZ0VBTUJNRw==.",
                "k=[REDACTED].",
            ),
        ] {
            assert_eq!(masked(text), expected);
            // What is masked stays as it is.
            assert_eq!(masked(expected), expected);
        }
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "Authentication credentials are missing or invalid. - Provide a properly configured and signed bearer token, and make sure that it has not expired.",
            "eyJ is how tokens begin",
            "a.b.c eyJhbGciOiJFUzI1NiJ9 alone",
            "DESCRIPTION=the app; DESTDIR=/usr",
            "Basic authentication is used",
            "authorization: pending",
            "-----BEGIN PRIVATE KEY----- is the first line",
            "-----BEGIN CERTIFICATE-----\nMIICZjCCAc+gAwIBAgIUX\n-----END CERTIFICATE-----",
            "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUNaakND",
            "com.example.bearer=1",
        ] {
            assert_eq!(mask(text.as_bytes()), None, "{text}");
        }
    }
}
