//! Reads files of a xar archive: the container of macOS installer packages.
//!
//! Fact: <https://github.com/apple-oss-distributions/xar> — a header, a table of contents (XML, compressed with
//! zlib), and the heap that the table's offsets count from.

use std::io::{BufReader, Read, Seek, SeekFrom};

use bzip2::read::BzDecoder;
use flate2::read::ZlibDecoder;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::Error;

const MAGIC: u32 = 0x7861_7221;

/// Tables of contents of large installers have some hundreds of kilobytes.
const LARGEST_TABLE: u64 = 32 * 1024 * 1024;

/// A table nests a file's attributes in its folder's: real ones stay below ten levels.
const DEEPEST: usize = 64;

/// Paths are cut here, in bytes: file systems allow 1024, and a folder's name is repeated in the path of each of its files.
const LONGEST_PATH: usize = 4096;

/// More files than any installer has at its top.
const MOST_MEMBERS: usize = 200_000;

/// A file of the archive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    /// Its path, folders separated by slashes.
    pub(crate) path: String,
    offset: u64,
    length: u64,
    size: u64,
    encoding: String,
}

/// An archive whose table of contents was read.
#[derive(Debug)]
pub(crate) struct Archive {
    heap: u64,
    /// Its files.
    pub(crate) members: Vec<Member>,
}

impl Archive {
    /// Reads the table of contents.
    pub(crate) fn open<F: Read + Seek>(file: &mut F, size: u64) -> Result<Self, Error> {
        let mut header = [0; 28];
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut header)
            .map_err(|_| Error::xar("it is too short"))?;
        if u32::from_be_bytes([header[0], header[1], header[2], header[3]]) != MAGIC {
            return Err(Error::xar(if header.starts_with(b"PK\x03\x04") {
                "it is a zip archive, as an .ipa is"
            } else {
                "it does not begin as one"
            }));
        }
        let header_size = u64::from(u16::from_be_bytes([header[4], header[5]]));
        let packed = u64_at(&header, 8);
        let heap = header_size
            .checked_add(packed)
            .filter(|heap| *heap <= size)
            .ok_or(Error::xar("its table of contents is cut off"))?;
        file.seek(SeekFrom::Start(header_size))?;
        let mut table = Vec::new();
        ZlibDecoder::new(BufReader::new(file.take(packed)))
            .take(LARGEST_TABLE + 1)
            .read_to_end(&mut table)
            .map_err(|_| Error::xar("its table of contents is damaged"))?;
        if table.len() as u64 > LARGEST_TABLE {
            return Err(Error::TooLarge {
                part: "table of contents".to_owned(),
                limit: LARGEST_TABLE,
            });
        }
        Ok(Self {
            heap,
            members: members(&table)?,
        })
    }

    /// The content of a member, which must not be longer than `limit`.
    pub(crate) fn content<F: Read + Seek>(
        &self,
        file: &mut F,
        member: &Member,
        limit: u64,
    ) -> Result<Vec<u8>, Error> {
        let unreadable = |problem: &str| Error::Part {
            part: member.path.clone(),
            problem: problem.to_owned(),
        };
        if member.size > limit {
            return Err(Error::TooLarge {
                part: member.path.clone(),
                limit,
            });
        }
        let position = self
            .heap
            .checked_add(member.offset)
            .ok_or_else(|| unreadable("it is outside of the archive"))?;
        file.seek(SeekFrom::Start(position))?;
        let stored = BufReader::new(file.take(member.length));
        let mut content = Vec::new();
        let read = match member.encoding.as_str() {
            "application/octet-stream" | "" => stored.take(limit + 1).read_to_end(&mut content),
            // xar calls zlib's form by gzip's name.
            "application/x-gzip" => ZlibDecoder::new(stored).take(limit + 1).read_to_end(&mut content),
            "application/x-bzip2" => BzDecoder::new(stored).take(limit + 1).read_to_end(&mut content),
            _ => {
                return Err(Error::Unsupported {
                    part: member.path.clone(),
                    problem: format!("it is compressed as `{}`", member.encoding),
                });
            }
        };
        read.map_err(|_| unreadable("its compressed data is damaged"))?;
        if content.len() as u64 != member.size {
            return Err(unreadable("its size is not what the table of contents says"));
        }
        Ok(content)
    }
}

/// The files in a table of contents.
fn members(table: &[u8]) -> Result<Vec<Member>, Error> {
    let damaged = || Error::xar("its table of contents is not XML");
    let mut reader = Reader::from_str(std::str::from_utf8(table).map_err(|_| damaged())?);
    let mut members = Vec::new();
    // The elements that are open, and the files among them.
    let mut open: Vec<String> = Vec::new();
    let mut files: Vec<Member> = Vec::new();
    loop {
        match reader.read_event().map_err(|_| damaged())? {
            Event::Start(element) => {
                if open.len() == DEEPEST {
                    return Err(Error::xar("its table of contents is nested too deeply"));
                }
                let name = element.name().as_ref().to_owned();
                if name == "file" {
                    files.push(Member::default());
                }
                open.push(name);
            }
            Event::Empty(element) => {
                if let (Some(file), true) = (files.last_mut(), is_in(&open, &["file", "data"]))
                    && element.name().as_ref() == "encoding"
                    && let Ok(Some(style)) = element.try_get_attribute("style")
                {
                    file.encoding = style.value.to_string();
                }
            }
            Event::Text(text) => {
                if let Some(file) = files.last_mut() {
                    note(file, &open, text.trim());
                }
            }
            Event::End(element) => {
                open.pop();
                if element.name().as_ref() == "file"
                    && let Some(mut file) = files.pop()
                {
                    if members.len() == MOST_MEMBERS {
                        return Err(Error::xar("it has too many files"));
                    }
                    file.path = path(&files, &file);
                    members.push(file);
                }
            }
            Event::Eof if open.is_empty() => return Ok(members),
            Event::Eof => return Err(damaged()),
            _ => {}
        }
    }
}

/// The path of a file in its folders; one that is too long is cut, which makes it none of the files that are looked for.
fn path(folders: &[Member], file: &Member) -> String {
    let mut path = String::new();
    for (level, part) in folders.iter().chain([file]).enumerate() {
        if path.len() + part.path.len() >= LONGEST_PATH {
            return String::from("…");
        }
        if level > 0 {
            path.push('/');
        }
        path.push_str(&part.path);
    }
    path
}

/// Notes a text of the innermost file.
fn note(file: &mut Member, open: &[String], text: &str) {
    let number = || text.parse().unwrap_or(0);
    if is_in(open, &["file", "name"]) {
        file.path.push_str(text);
    } else if is_in(open, &["file", "data", "offset"]) {
        file.offset = number();
    } else if is_in(open, &["file", "data", "length"]) {
        file.length = number();
    } else if is_in(open, &["file", "data", "size"]) {
        file.size = number();
    }
}

fn is_in(open: &[String], end: &[&str]) -> bool {
    open.len() >= end.len()
        && open[open.len() - end.len()..]
            .iter()
            .zip(end)
            .all(|(open, end)| open == end)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
