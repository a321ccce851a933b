//! The depth of an XML list, by its tags alone.

use memchr::{memchr, memmem};

use crate::{DEEPEST, Error, LARGEST, MOST_VALUES};

/// Refuses lists that are too deep or too large. Whether tags match is for the parser to say.
pub(crate) fn measure(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() as u64 > LARGEST {
        return Err(Error::TooLarge);
    }
    let (mut depth, mut values) = (0_usize, 0_u64);
    let mut rest = bytes;
    while let Some(at) = memchr(b'<', rest) {
        rest = &rest[at..];
        let end = if rest.starts_with(b"<!--") {
            after(rest, b"-->")
        } else if rest.starts_with(b"<![CDATA[") {
            after(rest, b"]]>")
        } else if rest.starts_with(b"<?") {
            after(rest, b"?>")
        } else {
            after(rest, b">")
        };
        let tag = &rest[..end];
        match tag.get(1) {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'!' | b'?') | None => {}
            Some(_) => {
                values += 1;
                if !tag.ends_with(b"/>") {
                    depth += 1;
                }
            }
        }
        // The tags of a value and of the list around it count too.
        if depth > DEEPEST + 2 {
            return Err(Error::TooDeep);
        }
        if values > MOST_VALUES {
            return Err(Error::TooLarge);
        }
        rest = &rest[end..];
    }
    Ok(())
}

/// Where the first `end` ends; the whole length where there is none.
fn after(bytes: &[u8], end: &[u8]) -> usize {
    memmem::find(bytes, end).map_or(bytes.len(), |at| at + end.len())
}
