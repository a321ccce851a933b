//! Entitlements in DER, the form that signatures have had beside the property list since macOS 12 and iOS 15.
//!
//! `[APPLICATION 16] { INTEGER 1, [CONTEXT 16] { SEQUENCE { UTF8String, value } … } }`: a dictionary is `[CONTEXT 16]`, an
//! array a SEQUENCE; older codesigns wrote a SET of the pairs instead of all of it (indygreg/apple-platform-rs,
//! `apple-codesign/src/plist_der.rs`, whose tests compare their vectors with what Apple's codesign writes).

use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use plist::{Dictionary, Value};

/// Deeper than any real entitlement is nested.
const DEEPEST: usize = 16;

const DICTIONARY: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber(16),
};

const ENTITLEMENTS: Tag = Tag::Application {
    constructed: true,
    number: TagNumber(16),
};

/// The entitlements; `None` where the bytes are something else.
pub(crate) fn entitlements(bytes: &[u8]) -> Option<Dictionary> {
    let outer = AnyRef::from_der(bytes).ok()?;
    if outer.tag() == Tag::Set {
        return dictionary(outer, 0);
    }
    if outer.tag() != ENTITLEMENTS {
        return None;
    }
    let mut inner = elements(outer.value())?.into_iter();
    inner.next().filter(|version| version.tag() == Tag::Integer)?;
    value(inner.next()?, 0)?.into_dictionary()
}

fn elements(bytes: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(elements)
}

fn text(element: AnyRef<'_>) -> Option<String> {
    std::str::from_utf8(element.value()).map(str::to_owned).ok()
}

fn dictionary(element: AnyRef<'_>, depth: usize) -> Option<Dictionary> {
    let mut all = Dictionary::new();
    for pair in elements(element.value())? {
        let [key, of_key] = elements(pair.value())?.try_into().ok()?;
        all.insert(text(key)?, value(of_key, depth + 1)?);
    }
    Some(all)
}

fn value(element: AnyRef<'_>, depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    Some(match element.tag() {
        Tag::Boolean => Value::Boolean(element.value().iter().any(|byte| *byte != 0)),
        Tag::Integer => Value::from(element.decode_as::<i64>().ok()?),
        Tag::Utf8String => Value::String(text(element)?),
        Tag::OctetString => Value::Data(element.value().to_vec()),
        Tag::Sequence => {
            let all = elements(element.value())?.into_iter();
            Value::Array(
                all.map(|element| value(element, depth + 1))
                    .collect::<Option<_>>()?,
            )
        }
        DICTIONARY => Value::Dictionary(dictionary(element, depth)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entitlements_are_read_as_codesign_writes_them() {
        // The vectors of `apple_der_entitlements_encoding` in the file that the module names.
        let list = |text: &str| {
            let text = format!("<plist version=\"1.0\"><dict>{text}</dict></plist>");
            property_list::read(text.as_bytes()).unwrap().into_dictionary()
        };
        for (der, expected) in [
            (&[112, 5, 2, 1, 1, 176, 0][..], ""),
            (
                &[112, 15, 2, 1, 1, 176, 10, 48, 8, 12, 3, 107, 101, 121, 1, 1, 0],
                "<key>key</key><false/>",
            ),
            (
                &[112, 15, 2, 1, 1, 176, 10, 48, 8, 12, 3, 107, 101, 121, 1, 1, 255],
                "<key>key</key><true/>",
            ),
            (
                &[112, 15, 2, 1, 1, 176, 10, 48, 8, 12, 3, 107, 101, 121, 2, 1, 255],
                "<key>key</key><integer>-1</integer>",
            ),
            (
                &[
                    112, 19, 2, 1, 1, 176, 14, 48, 12, 12, 3, 107, 101, 121, 12, 5, 118, 97, 108, 117, 101,
                ],
                "<key>key</key><string>value</string>",
            ),
            (
                &[
                    112, 22, 2, 1, 1, 176, 17, 48, 15, 12, 3, 107, 101, 121, 48, 8, 1, 1, 255, 12, 3, 102,
                    111, 111,
                ],
                "<key>key</key><array><true/><string>foo</string></array>",
            ),
            (
                &[
                    112, 26, 2, 1, 1, 176, 21, 48, 19, 12, 3, 107, 101, 121, 176, 12, 48, 10, 12, 5, 105,
                    110, 110, 101, 114, 1, 1, 0,
                ],
                "<key>key</key><dict><key>inner</key><false/></dict>",
            ),
            // A SET, as older ones wrote it.
            (
                &[49, 10, 48, 8, 12, 3, 107, 101, 121, 2, 1, 42],
                "<key>key</key><integer>42</integer>",
            ),
        ] {
            assert_eq!(entitlements(der), list(expected), "{expected}");
        }
        for damaged in [
            &b""[..],
            b"\x70",
            &[112, 5, 2, 1, 1, 176],
            &[48, 0],
            &[112, 3, 2, 1, 1],
        ] {
            assert_eq!(entitlements(damaged), None, "{damaged:?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let mut der = vec![0x01, 0x01, 0xff];
        for _ in 0..40 {
            der = [&[0x30, der.len() as u8][..], &der].concat();
        }
        let pair = [&[0x0c, 1, b'a'][..], &der].concat();
        let pair = [&[0x30, 0x81, pair.len() as u8][..], &pair].concat();
        assert_eq!(
            entitlements(&[&[0x31, 0x81, pair.len() as u8][..], &pair].concat()),
            None
        );
    }
}
