//! BER made DER: indefinite lengths become definite, constructed octet strings become primitive.
//!
//! `.p12` files and profiles that passed through other tools than Apple's are often written so.

/// Deeper nesting than any real file has.
const DEEPEST: usize = 32;

const CONSTRUCTED_OCTETS: u8 = 0x24;
const OCTETS: u8 = 0x04;

/// The same content with definite lengths; `None` when it is not BER at all.
pub(crate) fn normalised(bytes: &[u8]) -> Option<Vec<u8>> {
    let (out, _) = element(bytes, 0)?;
    Some(out)
}

/// One element in DER, and how many bytes it had.
fn element(bytes: &[u8], depth: usize) -> Option<(Vec<u8>, usize)> {
    if depth > DEEPEST {
        return None;
    }
    let tag_length = tag_length(bytes)?;
    let tag = &bytes[..tag_length];
    let (length, length_length) = length(&bytes[tag_length..])?;
    let header = tag_length + length_length;
    let constructed = tag[0] & 0x20 != 0;
    let (content, used) = match length {
        Some(length) => {
            let content = bytes.get(header..header.checked_add(length)?)?;
            let content = if constructed {
                children(content, depth)?
            } else {
                content.to_vec()
            };
            (content, header + length)
        }
        None => {
            let mut content = Vec::new();
            let mut at = header;
            while bytes.get(at..at + 2)? != [0, 0] {
                let (child, used) = element(&bytes[at..], depth + 1)?;
                content.extend(child);
                at += used;
            }
            (content, at + 2)
        }
    };
    if tag == [CONSTRUCTED_OCTETS] {
        return Some((encoded(&[OCTETS], &joined(&content)?), used));
    }
    Some((encoded(tag, &content), used))
}

fn children(mut content: &[u8], depth: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(content.len());
    while !content.is_empty() {
        let (child, used) = element(content, depth + 1)?;
        out.extend(child);
        content = &content[used..];
    }
    Some(out)
}

/// The contents of the (already primitive) pieces of a constructed string.
fn joined(mut pieces: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while !pieces.is_empty() {
        let (length, length_length) = length(&pieces[1..])?;
        let from = 1 + length_length;
        let to = from + length?;
        out.extend_from_slice(pieces.get(from..to)?);
        pieces = &pieces[to..];
    }
    Some(out)
}

fn tag_length(bytes: &[u8]) -> Option<usize> {
    if bytes.first()? & 0x1f != 0x1f {
        return Some(1);
    }
    bytes
        .iter()
        .skip(1)
        .position(|byte| byte & 0x80 == 0)
        .map(|at| at + 2)
}

/// The length (`None` for indefinite), and how many bytes say so.
fn length(bytes: &[u8]) -> Option<(Option<usize>, usize)> {
    match *bytes.first()? {
        0x80 => Some((None, 1)),
        short if short < 0x80 => Some((Some(usize::from(short)), 1)),
        long => {
            let count = usize::from(long & 0x7f);
            let digits = bytes.get(1..=count)?;
            if count > 6 {
                return None;
            }
            let value = digits
                .iter()
                .fold(0_usize, |value, digit| (value << 8) | usize::from(*digit));
            Some((Some(value), 1 + count))
        }
    }
}

fn encoded(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let mut out = tag.to_vec();
    if content.len() < 0x80 {
        out.push(content.len().to_le_bytes()[0]);
    } else {
        let digits = content.len().to_be_bytes();
        let first = digits.iter().position(|digit| *digit != 0).unwrap_or(0);
        out.push(0x80 | (digits.len() - first).to_le_bytes()[0]);
        out.extend_from_slice(&digits[first..]);
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definite_lengths_stay_as_they_are() {
        let der = [0x30, 0x03, 0x02, 0x01, 0x05];
        assert_eq!(normalised(&der).unwrap(), der);
    }

    #[test]
    fn indefinite_lengths_and_pieces_are_joined() {
        let ber = [
            0x30, 0x80, 0x24, 0x80, 0x04, 0x02, 1, 2, 0x04, 0x01, 3, 0, 0, 0, 0,
        ];
        assert_eq!(normalised(&ber).unwrap(), [0x30, 0x05, 0x04, 0x03, 1, 2, 3]);
    }

    #[test]
    fn what_is_cut_short_or_too_deep_is_refused() {
        assert_eq!(normalised(&[0x30, 0x05, 0x04]), None);
        assert_eq!(normalised(&[0x30, 0x80].repeat(100)), None);
        assert_eq!(normalised(b""), None);
    }
}
