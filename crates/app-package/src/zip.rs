//! Finds and reads single entries of a zip archive, without a list of all of them in memory.
//!
//! Fact: PKWARE's `APPNOTE.TXT`, 4.3 (records) and 4.5.3 (zip64). Data descriptors need no care: the central
//! directory has the sizes. Bytes before the archive are allowed, as self-extracting archives have them.

use std::io::{BufReader, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::Error;

/// The end record, and the longest comment that may follow it.
const END_SIZE: u64 = 22;
const LONGEST_COMMENT: u64 = 0xffff;

/// The longest name that is looked at: file systems allow 255 bytes a segment.
const LONGEST_NAME: usize = 4096;

/// More entries than any app has; walking on would only cost time.
const MOST_ENTRIES: u32 = 2_000_000;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;

/// One file of the archive, as its central directory describes it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The path, as the bytes that were stored: mostly UTF-8, in old archives something else.
    pub(crate) name: Vec<u8>,
    flags: u16,
    method: u16,
    checksum: u32,
    compressed: u64,
    size: u64,
    offset: u64,
}

/// Where the central directory is.
struct Directory {
    /// The first byte of the archive in the file.
    start: u64,
    /// The directory, counted from there.
    offset: u64,
    size: u64,
}

/// Shows every entry to `visit`, in the archive's order.
pub(crate) fn walk<F: Read + Seek>(
    file: &mut F,
    size: u64,
    mut visit: impl FnMut(Entry),
) -> Result<(), Error> {
    let directory = directory(file, size)?;
    file.seek(SeekFrom::Start(directory.start + directory.offset))?;
    let mut records = BufReader::with_capacity(64 * 1024, file.take(directory.size));
    let mut count = 0;
    while records.get_ref().limit() > 0 || !records.buffer().is_empty() {
        count += 1;
        if count > MOST_ENTRIES {
            return Err(Error::zip("it has more than two million entries"));
        }
        if let Some(mut entry) = record(&mut records)? {
            entry.offset = entry.offset.saturating_add(directory.start);
            visit(entry);
        }
    }
    Ok(())
}

/// The content of an entry, which must not be longer than `limit`.
pub(crate) fn content<F: Read + Seek>(file: &mut F, entry: &Entry, limit: u64) -> Result<Vec<u8>, Error> {
    let part = || String::from_utf8_lossy(&entry.name).into_owned();
    let unreadable = |problem: &str| Error::Part {
        part: part(),
        problem: problem.to_owned(),
    };
    if entry.flags & ENCRYPTED != 0 {
        return Err(unreadable("it is encrypted"));
    }
    file.seek(SeekFrom::Start(entry.offset))?;
    let header: [u8; 30] = take(file)?;
    if u32_at(&header, 0) != 0x0403_4b50 {
        return Err(unreadable("its header is not where the archive says"));
    }
    let skip = i64::from(u16_at(&header, 26)) + i64::from(u16_at(&header, 28));
    file.seek(SeekFrom::Current(skip))?;
    let stored = file.take(entry.compressed);
    let mut content = Vec::new();
    // One byte more than allowed tells an entry that is too large from one that just fits.
    let read = match entry.method {
        STORED => stored.take(limit + 1).read_to_end(&mut content),
        DEFLATED => DeflateDecoder::new(BufReader::new(stored))
            .take(limit + 1)
            .read_to_end(&mut content),
        _ => {
            return Err(unreadable(
                "it is compressed in a way that Apple's tools do not use",
            ));
        }
    };
    read.map_err(|_| unreadable("its compressed data is damaged"))?;
    if content.len() as u64 > limit {
        return Err(Error::TooLarge { part: part(), limit });
    }
    let mut crc = Crc::new();
    crc.update(&content);
    if content.len() as u64 != entry.size || crc.sum() != entry.checksum {
        return Err(unreadable("its checksum does not match"));
    }
    Ok(content)
}

fn record<R: Read>(records: &mut R) -> Result<Option<Entry>, Error> {
    let header: [u8; 46] = take(records)?;
    if u32_at(&header, 0) != 0x0201_4b50 {
        return Err(Error::zip("its directory is damaged"));
    }
    let name_length = usize::from(u16_at(&header, 28));
    let mut name = vec![0; name_length];
    fill(records, &mut name)?;
    let mut extra = vec![0; usize::from(u16_at(&header, 30))];
    fill(records, &mut extra)?;
    let mut comment = vec![0; usize::from(u16_at(&header, 32))];
    fill(records, &mut comment)?;
    if name_length > LONGEST_NAME {
        return Ok(None);
    }
    let mut wide = Wide::of(&extra);
    Ok(Some(Entry {
        name,
        flags: u16_at(&header, 8),
        method: u16_at(&header, 10),
        checksum: u32_at(&header, 16),
        // Where a field is all ones, the zip64 extra field has it, in this order.
        size: wide.or(u32_at(&header, 24))?,
        compressed: wide.or(u32_at(&header, 20))?,
        offset: wide.or(u32_at(&header, 42))?,
    }))
}

/// The values of a zip64 extra field, of which only the needed ones are there.
struct Wide<'a>(&'a [u8]);

impl<'a> Wide<'a> {
    fn of(mut extra: &'a [u8]) -> Self {
        while extra.len() >= 4 {
            let (kind, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
            let Some(value) = extra.get(4..4 + length) else {
                break;
            };
            if kind == 1 {
                return Self(value);
            }
            extra = &extra[4 + length..];
        }
        Self(&[])
    }

    fn or(&mut self, narrow: u32) -> Result<u64, Error> {
        if narrow != u32::MAX {
            return Ok(u64::from(narrow));
        }
        let (value, rest) = self
            .0
            .split_at_checked(8)
            .ok_or(Error::zip("an entry has no zip64 sizes"))?;
        self.0 = rest;
        Ok(u64_at(value, 0))
    }
}

fn directory<F: Read + Seek>(file: &mut F, size: u64) -> Result<Directory, Error> {
    let tail_start = size.saturating_sub(END_SIZE + LONGEST_COMMENT);
    file.seek(SeekFrom::Start(tail_start))?;
    let mut tail = Vec::new();
    file.take(END_SIZE + LONGEST_COMMENT).read_to_end(&mut tail)?;
    let is_end = |at: usize| {
        let end = at + END_SIZE as usize;
        // A comment may contain what looks like an end record; the real one's comment ends with the file.
        tail[at..].starts_with(b"PK\x05\x06") && end + usize::from(u16_at(&tail, at + 20)) == tail.len()
    };
    let last = tail
        .len()
        .checked_sub(END_SIZE as usize)
        .ok_or(Error::zip("it is too short"))?;
    let at = (0..=last)
        .rev()
        .find(|at| is_end(*at))
        .ok_or(Error::zip("it has no end record"))?;
    let end = &tail[at..];
    let end_position = tail_start + at as u64;
    let (offset, length) = (u32_at(end, 16), u32_at(end, 12));
    let narrow = offset != u32::MAX && length != u32::MAX && u16_at(end, 10) != u16::MAX;
    let (offset, length, directory_end) = match locator(file, end_position)? {
        Some(wide) if !narrow => wide,
        _ => (u64::from(offset), u64::from(length), end_position),
    };
    let start = directory_end
        .checked_sub(length)
        .and_then(|start| start.checked_sub(offset))
        .ok_or(Error::zip("its directory is cut off"))?;
    Ok(Directory {
        start,
        offset,
        size: length,
    })
}

/// Offset and size of the directory, and where it ends, as the zip64 end record has them.
fn locator<F: Read + Seek>(file: &mut F, end_position: u64) -> Result<Option<(u64, u64, u64)>, Error> {
    let Some(position) = end_position.checked_sub(20) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(position))?;
    let locator: [u8; 20] = take(file)?;
    if u32_at(&locator, 0) != 0x0706_4b50 {
        return Ok(None);
    }
    // Bytes before the archive shift the record; without extensible data it is right before the locator.
    for record_position in [u64_at(&locator, 8), position.saturating_sub(56)] {
        if record_position > position.saturating_sub(56) {
            continue;
        }
        file.seek(SeekFrom::Start(record_position))?;
        let record: [u8; 56] = take(file)?;
        if u32_at(&record, 0) == 0x0606_4b50 {
            return Ok(Some((u64_at(&record, 48), u64_at(&record, 40), record_position)));
        }
    }
    Err(Error::zip("its zip64 end record is missing"))
}

fn take<const N: usize>(from: &mut impl Read) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    fill(from, &mut bytes)?;
    Ok(bytes)
}

fn fill(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), Error> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::zip("it is cut off"),
        _ => Error::Io(error),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
