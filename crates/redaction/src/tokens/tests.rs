//! What is masked, and that it is what one regular expression says.

use std::sync::LazyLock;

use proptest::prelude::*;
use regex::bytes::{Captures, Regex};

use super::*;

/// All forms. In each alternative the group `keep` stays, and the rest is masked.
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

static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| Regex::new(PATTERN).unwrap());

/// What [`mask`] returns, by [`PATTERN`].
fn masked_by_pattern(bytes: &[u8]) -> Option<Vec<u8>> {
    let masked = EXPRESSION.replace_all(bytes, |captures: &Captures<'_>| {
        let kept = ["keep1", "keep2", "keep3", "keep4", "keep5"]
            .iter()
            .find_map(|name| captures.name(name))
            .map_or(&b""[..], |kept| kept.as_bytes());
        [kept, MASK.as_bytes()].concat()
    });
    matches!(masked, std::borrow::Cow::Owned(_)).then(|| masked.into_owned())
}

fn masked(text: &str) -> String {
    let masked = mask(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
    String::from_utf8(masked).unwrap()
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

/// Tokens, their beginnings, and what stands around them.
const PIECES: &[&str] = &[
    "authorization",
    "Authorization",
    "AUTHORIZATION",
    "bearer",
    "Bearer",
    "BEARER",
    "basic",
    "Basic",
    "token",
    "Token",
    "Authorization: Bearer ",
    "\"authorization\"=>\"Bearer ",
    "Authorization: Basic ",
    "Bearer ",
    "bearer=",
    "bearer\"",
    "name",
    "Name",
    "value",
    "VALUE",
    "name: myacinfo\n  value: ",
    "\"name\":\"dqsid\", \"value\":\"",
    "name=",
    "value=>",
    "myacinfo",
    "dqsid",
    "DES",
    "DES5c148586daa451e5",
    "DES5c148586daa451e",
    "myacinfo=",
    "dqsid=>",
    "=>",
    "=",
    ":",
    "==",
    "eyJ",
    "eyJhbGciOi",
    "eyJpc3",
    ".",
    "a.b",
    "-",
    "_",
    "eyJhbGciOi.eyJpc3Mi.MEUCIQ",
    "DAWTKN",
    "HSARMTKN",
    "DAWTKNV3",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN EC PRIVATE KEY-----",
    "PRIVATE KEY",
    "-----",
    "-----END",
    "-----END PRIVATE KEY-----",
    "MIGTAgEAMBMGByqGSM49",
    "AgEAMBMGByqGSM49",
    "M",
    "MI",
    "MHcCAQEEI",
    "MII",
    "MIIEvIBADANBgkqhkiG9w0BAQEFAASC",
    "MIIEowIBAAKCA",
    "IBADANBgkqhkiG9w0BAQEFAASC",
    "IBAAKCA",
    "LS0tLS1CRUdJTi",
    "LS0tLS1CRUdJTiBQUklW",
    "LS0tLS1CRUdJTiBFQyBQUklW",
    "BQUklW",
    "BSU0Eg",
    "BFTkNS",
    "BPUEVO",
    "BEU0Eg",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{a0}",
    "\\n",
    "\\r",
    "\\",
    "\\\\",
    "\\\"",
    "/",
    "\\/",
    "\\u002f",
    "\\\\u002F",
    "\\u00",
    "u002f",
    "\"",
    "'",
    ",",
    ";",
    "<",
    ">",
    "+",
    "~",
    "é",
    "ſ",
    "K",
    "🍏",
    "\0",
    "a",
    "Z",
    "7",
    "f",
    "0123456789abcdef",
    "abcde",
    "QWERTY",
    "AAAAAAA",
    "AAAAAAAA",
    "0123456789abcdefghi",
    "0123456789abcdefghij",
    "A1b2C3d4E5f6G7h8",
];

/// One of each form, and what is almost one.
const TOKENS: &[&str] = &[
    "Authorization: Bearer abc.def",
    r#""authorization" => "Token a\/b\u002fc""#,
    "bearer = \"0123456789abcdefghij\"",
    "Bearer =====fghijklmnopqrst",
    "eyJhbGci.eyJpc3.MEUCIQ",
    "eyJhbGciOi-eyJhbGciOi.eyJpc3Mi.MEUCIQ",
    "myacinfo=ABC+/=",
    "DES5c148586daa451e5 => 'HSARM1'",
    "name: dqsid, value: ABCDEF",
    r#""name":"DES5c148586daa451e5f", "value":"A\u002fC\/EF""#,
    "DAWTKN12345678",
    "HSARMTKN1234567=",
    "-----BEGIN PRIVATE KEY-----\nMIGTAgEAMBMGByqG\nSM49AgEGCCqGSM49\nAwEH\n-----END",
    r"-----BEGIN RSA PRIVATE KEY-----\nMIGTAgEAMBMGByqG\r\nA=\n-----END",
    "-----BEGIN PUBLIC KEY-----\nMIGTAgEAMBMGByqG\n-----END",
    "MIGAgEAMBMGByqGSM49AwEHBHkw",
    "MIGTABAgEAMBMGByqGSM49AwEHBHk-",
    "MHcCAQEEIAAAAAAAA",
    "MIIEvIBADANBgkqhkiG9w0BAQEFAASCAAAAAAAA",
    "MIIEowIBAAKCAAAAA-_AA",
    "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCk1J",
];

/// What an edit puts in.
const EDITS: &[u8] = b"aAfZ09=+/-_.~ \n\x0b\"'\\:>,;\xe9";

/// The token with a byte inserted, replaced, or, without one, left out.
fn edited(token: &[u8], place: usize, byte: Option<u8>, is_inserted: bool) -> Vec<u8> {
    let mut text = token.to_vec();
    text.splice(place..place + usize::from(!is_inserted), byte);
    text
}

fn edited_tokens() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::option::of(prop::sample::select(EDITS));
    let edit = (any::<prop::sample::Index>(), byte, any::<bool>());
    let edits = prop::collection::vec(edit, 0..4);
    (prop::sample::select(TOKENS), edits).prop_map(|(token, edits)| {
        let edit = |text: Vec<u8>, (place, byte, is_inserted): (prop::sample::Index, _, _)| {
            edited(&text, place.index(text.len()), byte, is_inserted)
        };
        edits.into_iter().fold(token.as_bytes().to_vec(), edit)
    })
}

#[test]
fn every_single_edit_of_a_token_is_read_as_the_expression_reads_it() {
    for token in TOKENS {
        for place in 0..token.len() {
            let bytes = EDITS.iter().copied().map(Some).chain([None]);
            for (byte, is_inserted) in bytes.flat_map(|byte| [(byte, false), (byte, true)]) {
                let text = edited(token.as_bytes(), place, byte, is_inserted);
                assert_eq!(mask(&text), masked_by_pattern(&text), "{}", text.escape_ascii());
            }
        }
    }
}

/// Texts of such pieces and tokens, some of them cut, repeated, or broken by bytes that are no UTF-8.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec());
    let cut = (prop::sample::select(PIECES), any::<prop::sample::Index>())
        .prop_map(|(piece, end)| piece.as_bytes()[..end.index(piece.len())].to_vec());
    let repeated = (prop::sample::select(PIECES), 2_usize..9)
        .prop_map(|(piece, count)| piece.repeat(count).into_bytes());
    let any_bytes = prop::collection::vec(any::<u8>(), 1..3);
    let piece = prop_oneof![8 => whole, 2 => cut, 1 => repeated, 1 => any_bytes, 4 => edited_tokens()];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]

    #[test]
    fn what_is_masked_is_what_the_expression_says(text in texts()) {
        prop_assert_eq!(mask(&text), masked_by_pattern(&text), "{}", text.escape_ascii());
    }
}

#[test]
fn every_order_of_separators_is_read_as_the_expression_reads_it() {
    const BEGINNINGS: [&str; 5] = [
        "bearer",
        "authorization",
        "myacinfo",
        "name=dqsid value",
        "-----BEGIN PRIVATE KEY-----",
    ];
    const SEPARATORS: [&str; 10] = ["", " ", "\"", "'", "=", ">", ":", "\\n", "basic", "AAAA"];
    const ENDINGS: [&str; 5] = [
        "AAAAA",
        "AAAAAA",
        "AAAAAAAAAAAAAAAAAAAA",
        "bearer AAAAAAAAAAAAAAAAAA",
        "A-----END",
    ];
    for beginning in BEGINNINGS {
        for order in 0..SEPARATORS.len().pow(4) {
            let separators: String = (0..4)
                .map(|place| SEPARATORS[order / SEPARATORS.len().pow(place) % SEPARATORS.len()])
                .collect();
            for ending in ENDINGS {
                let text = format!("{beginning}{separators}{ending}");
                assert_eq!(
                    mask(text.as_bytes()),
                    masked_by_pattern(text.as_bytes()),
                    "{text:?}"
                );
            }
        }
    }
}

#[test]
fn other_bytes_stay_beside_a_token() {
    let mut text = b"\xff\xfe Authorization: Bearer abc\xc3.def\n\x80".to_vec();
    assert_eq!(
        mask(&text).unwrap(),
        b"\xff\xfe Authorization: Bearer [REDACTED]\n\x80"
    );
    text.retain(|byte| *byte != b':');
    assert_eq!(mask(&text), None);
}
