//! Storages in an archive: zip, tar, or tar with gzip.

use std::io::{Cursor, Error as IoError, ErrorKind, Read};

use flate2::read::MultiGzDecoder;

use crate::error::Error;
use crate::layout::{LARGEST_FILE, Listing, Place};

/// The most that an archive may hold, decompressed, in bytes: of a tar archive every byte must be looked at.
const LARGEST_CONTENT: u64 = 512 << 20;

/// More than any archive of certificates has.
const MOST_ENTRIES: usize = 100_000;

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Zip,
    Tar,
    Gzip,
    Bundle,
    /// With what it seems to be.
    Other(&'static str),
}

/// Enough of a file to tell its kind, in bytes.
pub(crate) const START: usize = 512;

impl Kind {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let is_tar = bytes.get(257..262) == Some(b"ustar");
        match bytes {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            [0x1f, 0x8b, ..] => Self::Gzip,
            _ if is_tar => Self::Tar,
            _ if bytes.starts_with(b"# v2 git bundle") || bytes.starts_with(b"# v3 git bundle") => {
                Self::Bundle
            }
            [] => Self::Other("an empty file"),
            [b'B', b'Z', b'h', ..] => Self::Other("an archive compressed with bzip2"),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Self::Other("an archive compressed with xz"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Other("an archive compressed with zstd"),
            _ if bytes.trim_ascii_start().starts_with(b"<") => Self::Other("a web page"),
            [0x30, ..] => Self::Other("a certificate or a .p12 file"),
            _ => Self::Other("another kind of file"),
        }
    }
}

/// The certificates and keys of an archive.
pub(crate) fn read(kind: Kind, bytes: &[u8]) -> Result<Listing, Error> {
    match kind {
        Kind::Zip => read_zip(bytes),
        Kind::Tar => read_tar(bytes, LARGEST_CONTENT),
        Kind::Gzip => read_tar(MultiGzDecoder::new(bytes), LARGEST_CONTENT),
        Kind::Bundle => Err(Error::NotAStorage("a Git bundle")),
        Kind::Other(what) => Err(Error::NotAStorage(what)),
    }
}

fn too_many() -> Error {
    Error::TooLarge {
        what: "the archive",
        limit: format!("{MOST_ENTRIES} entries"),
    }
}

fn grown() -> Error {
    Error::TooLarge {
        what: "the archive",
        limit: format!("{} MB, decompressed", LARGEST_CONTENT >> 20),
    }
}

fn read_zip(bytes: &[u8]) -> Result<Listing, Error> {
    let damaged = |error: zip::result::ZipError| Error::Archive(error.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if archive.len() > MOST_ENTRIES {
        return Err(too_many());
    }
    let mut listing = Listing::default();
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).transpose().map_err(damaged)?;
        let Some(place) = name.and_then(|name| Place::of(&name)) else {
            continue;
        };
        let file = match archive.by_index(index) {
            Ok(file) => file,
            Err(error) => {
                listing.skip(&place, &error.to_string());
                continue;
            }
        };
        if file.is_file() {
            take(&mut listing, place, file)?;
        } else {
            listing.skip(&place, "it is not a regular file");
        }
    }
    Ok(listing)
}

/// Of a tar archive, at most `largest` bytes.
fn read_tar(reader: impl Read, largest: u64) -> Result<Listing, Error> {
    let damaged = |error: IoError| match error.kind() {
        ErrorKind::FileTooLarge => grown(),
        _ => Error::Archive(error.to_string()),
    };
    let mut archive = tar::Archive::new(Limited {
        reader,
        left: largest,
    });
    let mut listing = Listing::default();
    for (index, entry) in archive.entries().map_err(damaged)?.enumerate() {
        let entry = entry.map_err(damaged)?;
        if index >= MOST_ENTRIES {
            return Err(too_many());
        }
        let Some(place) = Place::of(&String::from_utf8_lossy(&entry.path_bytes())) else {
            continue;
        };
        if entry.header().entry_type().is_file() {
            take(&mut listing, place, entry)?;
        } else {
            listing.skip(&place, "it is not a regular file");
        }
    }
    Ok(listing)
}

/// Adds a file to the listing if it is not larger than any certificate or key.
fn take(listing: &mut Listing, place: Place, file: impl Read) -> Result<(), Error> {
    let mut content = Vec::new();
    match file.take(LARGEST_FILE + 1).read_to_end(&mut content) {
        Err(error) if error.kind() == ErrorKind::FileTooLarge => Err(grown()),
        Err(error) => {
            listing.skip(&place, &error.to_string());
            Ok(())
        }
        Ok(_) if content.len() as u64 > LARGEST_FILE => {
            listing.skip(&place, "it is larger than any certificate or key");
            Ok(())
        }
        Ok(_) => listing.add(place, content),
    }
}

/// Ends with an error, rather than as if the archive were over.
struct Limited<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let count = self.reader.by_ref().take(self.left).read(buffer)?;
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const PATH: &str = "repository-0a1b2c/certs/distribution/ABC.cer";

    fn tarred(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(*kind);
            header.set_size(if kind.is_file() { content.len() as u64 } else { 0 });
            header.set_mode(0o644);
            if kind.is_symlink() {
                header.set_link_name("/etc/passwd").unwrap();
            }
            let content = if kind.is_file() { *content } else { &[] };
            builder.append_data(&mut header, path, content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in entries {
            writer
                .start_file(*path, zip::write::SimpleFileOptions::default())
                .unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn listed(bytes: &[u8]) -> Listing {
        read(Kind::of(bytes), bytes).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_kind_of_archive_gives_the_same_files() {
        let tar = tarred(&[
            ("repository-0a1b2c/README.md", tar::EntryType::Regular, b"read me"),
            (PATH, tar::EntryType::Regular, b"content"),
        ]);
        let zip = zipped(&[("repository-0a1b2c/README.md", b"read me"), (PATH, b"content")]);
        for archive in [gzipped(&tar), tar, zip] {
            let listing = listed(&archive);
            assert_eq!(listing.files.len(), 1);
            assert_eq!(listing.files[0].place.path, PATH);
            assert_eq!(listing.files[0].content.as_slice(), b"content");
        }
    }

    #[test]
    fn links_and_huge_files_are_skipped_and_named() {
        let zeros = vec![0; usize::try_from(LARGEST_FILE).unwrap() + 1];
        let tar = tarred(&[
            (PATH, tar::EntryType::Symlink, b""),
            ("certs/distribution/BIG.p12", tar::EntryType::Regular, &zeros),
            ("certs/distribution/OK.p12", tar::EntryType::Regular, b"content"),
        ]);
        let listing = listed(&gzipped(&tar));
        let notes = listing.notes.join("\n");
        assert_eq!(listing.files.len(), 1, "{notes}");
        assert!(
            notes.contains("ABC.cer is skipped: it is not a regular file"),
            "{notes}"
        );
        assert!(notes.contains("BIG.p12 is skipped: it is larger"), "{notes}");
    }

    #[test]
    fn an_archive_that_grows_without_end_is_given_up_wherever_that_is() {
        let zeros = vec![0; 64 << 10];
        // Before the file, and in it.
        for path in ["README.md", PATH] {
            let tar = tarred(&[(path, tar::EntryType::Regular, &zeros)]);
            for largest in [600, 40 << 10] {
                let error = read_tar(tar.as_slice(), largest).err().unwrap().to_string();
                assert!(error.contains("512 MB, decompressed"), "{error}");
            }
            assert!(read_tar(tar.as_slice(), 128 << 10).is_ok());
        }
    }

    #[test]
    fn what_is_no_archive_is_named() {
        for (bytes, words) in [
            (b"".as_slice(), "an empty file"),
            (b"BZh91AY", "bzip2"),
            (b"\xfd7zXZ\0", "xz"),
            (b"<!DOCTYPE html>", "a web page"),
            (b"0\x82\x01", "a certificate or a .p12 file"),
            (b"hello", "another kind of file"),
        ] {
            let error = read(Kind::of(bytes), bytes).err().unwrap().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert_eq!(Kind::of(b"# v2 git bundle\n"), Kind::Bundle);
        for damaged in [b"PK\x03\x04nonsense".as_slice(), b"\x1f\x8bnonsense"] {
            assert!(matches!(read(Kind::of(damaged), damaged), Err(Error::Archive(_))));
        }
    }
}
