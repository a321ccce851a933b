//! The XML form of a property list, which older CocoaPods and converters write.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::pbxproj::{Entry, Node, Value};

/// Deeper nesting than any real project has.
const DEEPEST: usize = 64;

/// A dictionary or array that is still open.
struct Open {
    start: usize,
    value: Value,
    /// The key that waits for its value, and where it begins.
    key: Option<(String, usize)>,
}

/// Reads an XML property list; an error is a byte offset and what was expected there.
pub(crate) fn parse(text: &str) -> Result<Node, (usize, String)> {
    // The reader drops a byte order mark and does not count it.
    let xml = text.trim_start_matches('\u{feff}');
    let mark = text.len() - xml.len();
    let mut reader = Reader::from_str(xml);
    let position = |reader: &Reader<&[u8]>| {
        usize::try_from(reader.buffer_position()).map_or(text.len(), |position| mark + position)
    };
    let mut stack: Vec<Open> = Vec::new();
    let mut leaf: Option<(String, usize, String)> = None;
    loop {
        let start = position(&reader);
        let event = reader
            .read_event()
            .map_err(|error| (start, format!("XML: {error}")))?;
        let end = position(&reader);
        let finished = match event {
            Event::Start(tag) => {
                let name = tag.name();
                let name: &str = name.as_ref();
                match container(name) {
                    Some(_) if stack.len() > DEEPEST => {
                        return Err((start, "expected less nesting".to_owned()));
                    }
                    Some(value) => stack.push(Open {
                        start,
                        value,
                        key: None,
                    }),
                    None if name == "plist" => {}
                    None => leaf = Some((name.to_owned(), start, String::new())),
                }
                None
            }
            Event::Empty(tag) => {
                let name = tag.name();
                let name: &str = name.as_ref();
                let value = container(name).unwrap_or_else(|| scalar(name, String::new()));
                Some(Node {
                    span: start..end,
                    value,
                })
            }
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                if let Some((_, _, content)) = &mut leaf {
                    content.push_str(&unescaped(&text[start..end]));
                }
                None
            }
            Event::End(tag) => {
                let name = tag.name();
                let name: &str = name.as_ref();
                match (leaf.take(), name) {
                    (Some((_, at, content)), "key") => {
                        if let Some(open) = stack.last_mut() {
                            open.key = Some((content, at));
                        }
                        None
                    }
                    (Some((name, at, content)), _) => Some(Node {
                        span: at..end,
                        value: scalar(&name, content),
                    }),
                    (None, "dict" | "array") => stack.pop().map(|open| Node {
                        span: open.start..end,
                        value: open.value,
                    }),
                    (None, _) => None,
                }
            }
            Event::Eof => return Err((start, "expected a whole property list".to_owned())),
            _ => None,
        };
        let Some(node) = finished else { continue };
        let Some(open) = stack.last_mut() else {
            return Ok(node);
        };
        match &mut open.value {
            Value::Array(items) => items.push(node),
            Value::Dictionary(entries) => {
                let Some((key, at)) = open.key.take() else {
                    return Err((start, "expected a <key>".to_owned()));
                };
                let span: Range<usize> = at..node.span.end;
                entries.push(Entry {
                    key,
                    span,
                    value: node,
                });
            }
            Value::Text(_) | Value::Data(_) => {}
        }
    }
}

fn container(name: &str) -> Option<Value> {
    match name {
        "dict" => Some(Value::Dictionary(Vec::new())),
        "array" => Some(Value::Array(Vec::new())),
        _ => None,
    }
}

/// Booleans become what the OpenStep form writes for them; all else is text.
fn scalar(name: &str, content: String) -> Value {
    Value::Text(match name {
        "true" => "1".to_owned(),
        "false" => "0".to_owned(),
        _ => content,
    })
}

fn unescaped(text: &str) -> String {
    let inner = text
        .strip_prefix("<![CDATA[")
        .and_then(|inner| inner.strip_suffix("]]>"));
    inner.map_or_else(
        || quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), Into::into),
        str::to_owned,
    )
}

/// A string as the XML form writes it.
pub(crate) fn written(text: &str) -> String {
    format!("<string>{}</string>", quick_xml::escape::partial_escape(text))
}

/// A key as the XML form writes it.
pub(crate) fn written_key(text: &str) -> String {
    format!("<key>{}</key>", quick_xml::escape::partial_escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_where_they_stand() {
        let list = "<?xml version=\"1.0\"?>\n<plist version=\"1.0\">\n<dict>\n\t<key>a &amp; b</key>\n\t<string>x&lt;y</string>\n\t<key>l</key>\n\t<array><string>1</string><dict/></array>\n\t<key>e</key><string/>\n</dict>\n</plist>\n";
        for mark in ["", "\u{feff}"] {
            let text = &format!("{mark}{list}");
            let root = parse(text).unwrap();
            assert_eq!(root.text("a & b"), Some("x<y"));
            assert_eq!(
                &text[root.get("a & b").unwrap().span.clone()],
                "<string>x&lt;y</string>"
            );
            assert_eq!(root.get("l").unwrap().items().len(), 2);
            assert_eq!(root.text("e"), Some(""));
            assert_eq!(
                &text[root.entries()[0].span.clone()],
                "<key>a &amp; b</key>\n\t<string>x&lt;y</string>"
            );
        }
    }

    #[test]
    fn broken_lists_are_refused() {
        assert!(parse("<plist><dict>").is_err());
        assert!(parse("<plist><dict><string>no key</string></dict></plist>").is_err());
        assert!(parse(&"<array>".repeat(1000)).is_err());
    }
}
