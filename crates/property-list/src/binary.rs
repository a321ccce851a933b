//! The depth and the size of a binary list, with everything that is referred to counted as often as it is.
//!
//! Fact: the format as `CFBinaryPList.c` of Apple's CoreFoundation describes it: a header, objects, a table of their
//! offsets, and a trailer of 32 bytes.

use crate::{DEEPEST, Error, LARGEST, MOST_VALUES};

const TRAILER: usize = 32;

/// What a value takes in memory beside its content, in bytes, at most.
const PER_VALUE: u64 = 64;

struct List<'a> {
    bytes: &'a [u8],
    offset_size: usize,
    reference_size: usize,
    table: usize,
    /// What is known of each object.
    known: Vec<Known>,
}

#[derive(Clone, Copy)]
enum Known {
    Nothing,
    /// It is being measured: who meets it again has found a circle.
    Open,
    Measured(Measure),
}

/// How deep and how large an object is.
#[derive(Clone, Copy)]
struct Measure {
    depth: usize,
    bytes: u64,
    values: u64,
}

/// Refuses lists that are too deep, too large, or damaged.
pub(crate) fn measure(bytes: &[u8]) -> Result<(), Error> {
    let trailer = bytes.len().checked_sub(TRAILER).ok_or(Error::Damaged)?;
    let number = |at: usize, size: usize| read(bytes, trailer + at, size);
    let count = number(8, 8)?;
    let top = number(16, 8)?;
    let mut list = List {
        bytes,
        offset_size: number(6, 1)?,
        reference_size: number(7, 1)?,
        table: number(24, 8)?,
        known: Vec::new(),
    };
    // An object takes a byte, and its offset another one.
    if count > bytes.len() {
        return Err(Error::Damaged);
    }
    list.known = vec![Known::Nothing; count];
    list.measure(top, 0).map(drop)
}

impl List<'_> {
    fn measure(&mut self, object: usize, depth: usize) -> Result<Measure, Error> {
        if depth > DEEPEST {
            return Err(Error::TooDeep);
        }
        match self.known.get(object).ok_or(Error::Damaged)? {
            Known::Measured(measure) if measure.depth + depth > DEEPEST => return Err(Error::TooDeep),
            Known::Measured(measure) => return Ok(*measure),
            Known::Open => return Err(Error::Damaged),
            Known::Nothing => {}
        }
        self.known[object] = Known::Open;
        let place = self.table.saturating_add(object.saturating_mul(self.offset_size));
        let at = read(self.bytes, place, self.offset_size)?;
        let (kind, length, content) = self.head(at)?;
        let mut measure = Measure {
            depth: 0,
            bytes: PER_VALUE,
            values: 1,
        };
        let references = match kind {
            0x0a | 0x0c => length,
            0x0d => length.saturating_mul(2),
            _ => {
                // Two bytes a character become up to three.
                let size = if kind == 0x06 {
                    length.saturating_mul(3)
                } else {
                    length
                };
                measure.bytes = measure.bytes.saturating_add(size as u64);
                0
            }
        };
        let room = self.bytes.len().saturating_sub(content);
        if references.saturating_mul(self.reference_size.max(1)) > room || length > self.bytes.len() {
            return Err(Error::Damaged);
        }
        for index in 0..references {
            let child = read(
                self.bytes,
                content + index * self.reference_size,
                self.reference_size,
            )?;
            let inner = self.measure(child, depth + 1)?;
            measure.depth = measure.depth.max(inner.depth + 1);
            measure.bytes = measure.bytes.saturating_add(inner.bytes);
            measure.values = measure.values.saturating_add(inner.values);
            if measure.bytes > LARGEST || measure.values > MOST_VALUES {
                return Err(Error::TooLarge);
            }
        }
        self.known[object] = Known::Measured(measure);
        Ok(measure)
    }

    /// The kind of an object, how many items or bytes it has, and where those begin.
    fn head(&self, at: usize) -> Result<(u8, usize, usize), Error> {
        let marker = *self.bytes.get(at).ok_or(Error::Damaged)?;
        let (kind, short) = (marker >> 4, usize::from(marker & 0x0f));
        if matches!(kind, 0x00..=0x03 | 0x08) {
            // Constants and numbers: up to 16 bytes.
            return Ok((kind, 16.min(self.bytes.len()), at + 1));
        }
        if short != 0x0f {
            return Ok((kind, short, at + 1));
        }
        // A longer length follows as an integer object.
        let size = 1_usize << (self.bytes.get(at + 1).ok_or(Error::Damaged)? & 0x0f).min(4);
        Ok((kind, read(self.bytes, at + 2, size)?, at + 2 + size))
    }
}

/// A big-endian number.
fn read(bytes: &[u8], at: usize, size: usize) -> Result<usize, Error> {
    let end = at.checked_add(size).ok_or(Error::Damaged)?;
    let digits = bytes.get(at..end).ok_or(Error::Damaged)?;
    digits.iter().try_fold(0_usize, |number, digit| {
        number
            .checked_mul(256)
            .map(|number| number + usize::from(*digit))
            .ok_or(Error::Damaged)
    })
}
