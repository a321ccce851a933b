//! Property lists by others, XML or binary, read within limits.
//!
//! The parser builds nested values by recursion and copies what a binary list refers to several times: a small file could
//! overflow the stack or fill the memory. So each list is measured first, without building anything.

mod binary;
mod xml;

use std::io::Cursor;

use plist::Value;

/// Deeper nesting than any real list has.
const DEEPEST: usize = 128;

/// More than any real list holds, in bytes, with everything that is referred to counted as often as it is.
const LARGEST: u64 = 64 << 20;

/// More values than any real list holds.
const MOST_VALUES: u64 = 1_000_000;

/// Why bytes are no property list that can be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The parser can't read it.
    #[error("it is not a property list: {}", short(.0))]
    Syntax(#[from] plist::Error),
    /// It is nested deeper than any real one.
    #[error("its values are nested more than {DEEPEST} levels deep")]
    TooDeep,
    /// It is larger than any real one.
    #[error("it holds more than {MOST_VALUES} values or {} MB", LARGEST >> 20)]
    TooLarge,
    /// A binary list is damaged.
    #[error("it is a damaged binary property list")]
    Damaged,
}

fn short(error: &plist::Error) -> String {
    error.to_string().chars().take(300).collect()
}

/// Reads a property list in XML or binary form.
///
/// # Errors
/// When it is none, or exceeds the limits.
pub fn read(bytes: &[u8]) -> Result<Value, Error> {
    if bytes.starts_with(b"bplist") {
        binary::measure(bytes)?;
        return Ok(Value::from_reader(Cursor::new(bytes))?);
    }
    xml::measure(bytes)?;
    Ok(Value::from_reader_xml(bytes)?)
}

#[cfg(test)]
mod tests {
    use plist::Dictionary;
    use proptest::prelude::*;

    use super::*;

    fn xml(body: &str) -> String {
        format!("<?xml version=\"1.0\"?><plist version=\"1.0\">{body}</plist>")
    }

    #[test]
    fn both_forms_are_read() {
        let mut fields = Dictionary::new();
        fields.insert(
            "a".to_owned(),
            Value::Array(vec!["x".into(), true.into(), 5.into()]),
        );
        fields.insert("long".to_owned(), "ü".repeat(40).into());
        let value = Value::Dictionary(fields);
        let (mut text, mut binary) = (Vec::new(), Vec::new());
        value.to_writer_xml(&mut text).unwrap();
        value.to_writer_binary(&mut binary).unwrap();
        assert_eq!(read(&text).unwrap(), value);
        assert_eq!(read(&binary).unwrap(), value);
    }

    #[test]
    fn lists_that_are_nested_without_end_are_refused() {
        for (open, close) in [
            ("<array>", "</array>"),
            ("<dict><key>k</key>", "</dict>"),
            ("<ARRAY>", ""),
            ("<array a='>'>", ""),
        ] {
            let text = xml(&format!("{}{}", open.repeat(200_000), close.repeat(200_000)));
            assert!(read(text.as_bytes()).is_err(), "{open}");
        }
        let unclosed = "<array>".repeat(200_000);
        assert!(matches!(read(unclosed.as_bytes()), Err(Error::TooDeep)));
        let wide = xml(&format!(
            "<array>{}</array>",
            "<array></array><dict/>".repeat(1000)
        ));
        assert!(read(wide.as_bytes()).is_ok());
        let comments = xml(&format!(
            "<array>{}</array>",
            "<!-- <array> --><string><![CDATA[<array>]]></string>".repeat(500)
        ));
        assert!(read(comments.as_bytes()).is_ok());
    }

    /// A binary list from objects, each given as its bytes; references and offsets are two bytes long.
    fn binary(objects: &[Vec<u8>]) -> Vec<u8> {
        let mut out = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for object in objects {
            offsets.push(u16::try_from(out.len()).unwrap());
            out.extend(object);
        }
        let table = out.len() as u64;
        offsets.iter().for_each(|offset| out.extend(offset.to_be_bytes()));
        out.extend([0, 0, 0, 0, 0, 0, 2, 2]);
        for number in [objects.len() as u64, 0, table] {
            out.extend(number.to_be_bytes());
        }
        out
    }

    fn array(references: &[u16]) -> Vec<u8> {
        let count = u16::try_from(references.len()).unwrap();
        let mut out = vec![0xaf, 0x11];
        out.extend(count.to_be_bytes());
        references
            .iter()
            .for_each(|reference| out.extend(reference.to_be_bytes()));
        out
    }

    #[test]
    fn a_small_binary_list_can_not_grow_without_end() {
        // Each array holds the next one ten times: ten to the power of twenty values.
        let mut objects: Vec<Vec<u8>> = (1..=20).map(|next| array(&[next; 10])).collect();
        objects.push(vec![0x09]);
        assert!(matches!(read(&binary(&objects)), Err(Error::TooLarge)));
        // One long string, many times.
        let mut string = vec![0x5f, 0x11];
        string.extend(10_000_u16.to_be_bytes());
        string.extend([b'x'; 10_000]);
        assert!(matches!(
            read(&binary(&[array(&[1; 10_000]), string])),
            Err(Error::TooLarge)
        ));
        // One that holds itself.
        assert!(read(&binary(&[array(&[0])])).is_err());
        let chain: Vec<Vec<u8>> = (1..=1000)
            .map(|next| array(&[next]))
            .chain([vec![0x09]])
            .collect();
        assert!(matches!(read(&binary(&chain)), Err(Error::TooDeep)));
        assert!(read(&binary(&[array(&[1, 1]), vec![0x09]])).is_ok());
        // Counts and references that lead nowhere.
        for objects in [
            vec![array(&[7])],
            vec![vec![0xaf, 0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
            vec![vec![0x5f, 0x12, 0x7f, 0xff, 0xff, 0xff]],
            vec![],
        ] {
            assert!(read(&binary(&objects)).is_err(), "{objects:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let mut binary = b"bplist00".to_vec();
            binary.extend(&bytes);
            let _ = read(&binary);
        }

        #[test]
        fn no_damage_panics(at in 0_usize..400, byte in any::<u8>()) {
            let objects: Vec<Vec<u8>> = (1..=8).map(|next| array(&[next, 8])).chain([vec![0x53, b'a', b'b', b'c']]).collect();
            let mut list = binary(&objects);
            let at = at % list.len();
            list[at] = byte;
            let _ = read(&list);
        }

        #[test]
        fn no_text_panics(text in "(<array>|</array>|<dict>|<key>k</key>|<!--|-->|<\\?|\\?>|<!\\[CDATA\\[|\\]\\]>|'|\"|x|<string/>){0,40}") {
            let _ = read(text.as_bytes());
        }
    }
}
