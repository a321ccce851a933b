//! Opens an `.ipa` within limits; the `zip` crate reads the archive itself.
//!
//! Fact: PKWARE's `APPNOTE.TXT`, 4.3 (records) and 4.5.3 (zip64). Bytes before the archive are allowed, as self-extracting
//! archives have them; bytes after it are found here, because App Store Connect refuses them and the `zip` crate does not.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use crate::Error;

/// The end record, in bytes; a comment of up to 65,535 bytes follows it.
const END_SIZE: u64 = 22;

/// How far from the end of the file the end record is looked for.
const FARTHEST: u64 = 1 << 20;

/// More than the directory of any app takes, in bytes; it is held in memory.
const LARGEST_DIRECTORY: u64 = 64 << 20;

/// More entries than any app has.
const MOST_ENTRIES: u64 = 500_000;

/// An archive that was opened.
pub(crate) struct Archive<F> {
    archive: ZipArchive<Window<F>>,
    /// How many bytes follow the archive.
    pub(crate) trailing: u64,
}

impl<F: Read + Seek> Archive<F> {
    pub(crate) fn open(mut file: F, size: u64) -> Result<Self, Error> {
        let end = end_of_archive(&mut file, size)?;
        let mut archive = ZipArchive::new(Window {
            file,
            position: 0,
            length: end,
        })
        .map_err(broken)?;
        if archive.has_overlapping_entries().map_err(broken)? {
            return Err(unsupported("its entries overlap"));
        }
        Ok(Self {
            archive,
            trailing: size - end,
        })
    }

    /// The paths of all entries, as the bytes that were stored: mostly UTF-8, in old archives something else.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.archive.file_names_raw()
    }

    /// Whether there is an entry of this name.
    pub(crate) fn holds(&self, name: &[u8]) -> bool {
        self.archive.index_for_name_raw(name).is_some()
    }

    /// An entry, unpacked while it is read.
    pub(crate) fn entry(&mut self, name: &[u8]) -> Result<ZipFile<'_, Window<F>>, Error> {
        let index = self.archive.index_for_name_raw(name);
        index
            .ok_or(ZipError::FileNotFound)
            .and_then(|index| self.archive.by_index(index))
            .map_err(|error| unreadable(name, &error))
    }

    /// The content of an entry, which must not be longer than `limit`.
    pub(crate) fn content(&mut self, name: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        // One byte more than allowed tells an entry that is too large from one that just fits.
        self.entry(name)?
            .take(limit + 1)
            .read_to_end(&mut content)
            .map_err(|error| unreadable(name, &ZipError::Io(error)))?;
        if content.len() as u64 > limit {
            return Err(Error::TooLarge {
                part: String::from_utf8_lossy(name).into_owned(),
                limit,
            });
        }
        Ok(content)
    }
}

/// The beginning of a file, for a reader that looks for its end.
pub(crate) struct Window<F> {
    file: F,
    position: u64,
    length: u64,
}

impl<F: Read> Read for Window<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.file.read(&mut buffer[..wanted])?;
        self.position += read as u64;
        Ok(read)
    }
}

impl<F: Seek> Seek for Window<F> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let outside = || std::io::Error::from(std::io::ErrorKind::InvalidInput);
        let position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(offset) => self.length.checked_add_signed(offset).ok_or_else(outside)?,
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset).ok_or_else(outside)?,
        };
        self.position = self.file.seek(SeekFrom::Start(position))?;
        Ok(position)
    }
}

fn broken(error: ZipError) -> Error {
    match error {
        // A position outside of the file is one that the archive names.
        ZipError::Io(error)
            if !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidInput) =>
        {
            Error::Io(error)
        }
        ZipError::UnsupportedArchive(problem) => unsupported(problem),
        error => Error::zip(error.to_string()),
    }
}

fn unsupported(problem: impl Into<String>) -> Error {
    Error::Unsupported {
        part: "the archive".to_owned(),
        problem: problem.into(),
    }
}

fn unreadable(name: &[u8], error: &ZipError) -> Error {
    let problem = match error {
        ZipError::UnsupportedArchive(text) if text.contains("assword") => "it is encrypted".to_owned(),
        ZipError::InvalidPassword => "it is encrypted".to_owned(),
        ZipError::UnsupportedArchive(problem) => {
            return Error::Unsupported {
                part: String::from_utf8_lossy(name).into_owned(),
                problem: (*problem).to_owned(),
            };
        }
        ZipError::Io(error) => format!("its data is damaged ({error})"),
        other => other.to_string(),
    };
    Error::Part {
        part: String::from_utf8_lossy(name).into_owned(),
        problem,
    }
}

/// Where the archive ends in the file. Its directory is checked against the limits before anything is read into memory.
fn end_of_archive<F: Read + Seek>(file: &mut F, size: u64) -> Result<u64, Error> {
    let tail_start = size.saturating_sub(FARTHEST);
    file.seek(SeekFrom::Start(tail_start))?;
    let mut tail = Vec::new();
    file.take(FARTHEST).read_to_end(&mut tail)?;
    let end_of = |at: usize| {
        let record = tail.get(at..at + END_SIZE as usize)?;
        let end = tail_start + at as u64 + END_SIZE + u64::from(u16_at(record, 20));
        (record.starts_with(b"PK\x05\x06") && end <= size).then_some(end)
    };
    let ends = || {
        (0..tail.len())
            .rev()
            .filter_map(|at| end_of(at).map(|end| (at, end)))
    };
    // A comment may contain what looks like an end record; the real one's comment ends with the file. Where no record's does,
    // something was appended.
    let (at, end) = ends()
        .find(|(_, end)| *end == size)
        .or_else(|| ends().next())
        .ok_or_else(|| Error::zip(not_a_zip(file)))?;
    let record = &tail[at..];
    let (mut entries, mut directory) = (u64::from(u16_at(record, 10)), u64::from(u32_at(record, 12)));
    if entries == u64::from(u16::MAX) || directory == u64::from(u32::MAX) {
        (entries, directory) = wide(file, tail_start + at as u64)?.unwrap_or((entries, directory));
    }
    if entries > MOST_ENTRIES {
        return Err(unsupported(format!("it has more than {MOST_ENTRIES} entries")));
    }
    if directory > LARGEST_DIRECTORY {
        return Err(Error::TooLarge {
            part: "directory of the archive".to_owned(),
            limit: LARGEST_DIRECTORY,
        });
    }
    Ok(end)
}

/// Why a file has no end record, by how it begins.
fn not_a_zip<F: Read + Seek>(file: &mut F) -> &'static str {
    let begins = file
        .seek(SeekFrom::Start(0))
        .ok()
        .and_then(|_| take::<4>(file).ok());
    match begins.as_ref() {
        // A local header: `APPNOTE.TXT`, 4.3.7.
        Some(b"PK\x03\x04") => "it is truncated: its end is missing",
        Some(b"xar!") => "it is a xar archive, as a .pkg is",
        _ => "it does not begin as one",
    }
}

/// Number of entries and size of the directory, as the zip64 end record has them.
fn wide<F: Read + Seek>(file: &mut F, end_position: u64) -> Result<Option<(u64, u64)>, Error> {
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
            return Ok(Some((u64_at(&record, 32), u64_at(&record, 40))));
        }
    }
    Err(Error::zip("its zip64 end record is missing"))
}

fn take<const N: usize>(from: &mut impl Read) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Error::zip("it is cut off"),
        _ => Error::Io(error),
    })?;
    Ok(bytes)
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
