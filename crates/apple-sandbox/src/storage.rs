//! Where the files of builds, screenshots, and the like are sent to, in parts.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use md5::Md5;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::fault::{Kind, broken, linger, refusal_of};
use crate::server::{Shared, lock};

/// Where parts are sent to.
pub(crate) const STORAGE: &str = "/storage/";

/// More bytes than any file that Apple takes: an app is 4 GB at most. The parts of larger files would fill the memory.
const LARGEST_FILE: u64 = 64 << 30;

/// A part of a file.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
    /// Whether it is there.
    pub arrived: bool,
}

/// SHA-256 and MD5 of a file, hexadecimal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) sha256: String,
    pub(crate) md5: String,
}

impl Digests {
    fn of(mut content: impl std::io::Read) -> std::io::Result<Self> {
        let (mut sha256, mut md5, mut chunk) = (Sha256::new(), Md5::new(), vec![0; 1 << 20]);
        loop {
            match content.read(&mut chunk)? {
                0 => break,
                read => {
                    sha256.update(&chunk[..read]);
                    md5.update(&chunk[..read]);
                }
            }
        }
        Ok(Self {
            sha256: base16ct::lower::encode_string(&sha256.finalize()),
            md5: base16ct::lower::encode_string(&md5.finalize()),
        })
    }
}

/// What arrived, by the IDs of the resources that it belongs to.
#[derive(Debug)]
pub(crate) struct Storage {
    folder: tempfile::TempDir,
    /// Whether what arrives is kept and checked, or only counted.
    keeps: bool,
    /// How long the parts of a file are, in bytes.
    part_size: u64,
}

impl Storage {
    /// An empty one.
    ///
    /// # Errors
    /// When it can't have a folder.
    pub(crate) fn new(keeps: bool, part_size: u64) -> std::io::Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
            keeps,
            part_size: part_size.max(1),
        })
    }

    /// Whether what arrives is kept and checked, or only counted.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Where a file is, once any of it has arrived.
    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.folder.path().join(id)
    }

    /// The parts of a file of so many bytes.
    pub(crate) fn parts(&self, size: u64) -> Vec<Part> {
        let step = usize::try_from(self.part_size).unwrap_or(usize::MAX);
        (0..size)
            .step_by(step)
            .map(|offset| Part {
                offset,
                length: self.part_size.min(size - offset),
                arrived: false,
            })
            .collect()
    }

    /// Takes a whole file. One that can't be written is refused when it is looked at.
    pub(crate) fn put(&self, id: &str, content: &[u8]) {
        let _ = std::fs::write(self.path(id), content);
    }

    /// A file as it arrived.
    pub(crate) fn read(&self, id: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(id)).ok()
    }

    /// The digests of a file; empty ones where nothing has arrived.
    pub(crate) fn digests(&self, id: &str) -> Digests {
        let file = std::fs::File::open(self.path(id));
        file.and_then(Digests::of).unwrap_or_default()
    }

    /// Copies a file. Without its bytes a picture is one all the same.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let _ = std::fs::copy(self.path(from), self.path(to));
    }

    /// Removes a file. What never arrived is no file.
    pub(crate) fn remove(&self, id: &str) {
        let _ = std::fs::remove_file(self.path(id));
    }
}

/// A number of bytes: a negative one is none, and a huge one is the largest there is.
pub(crate) fn bytes(value: &Value) -> u64 {
    value
        .as_u64()
        .or(value.as_f64().map(|size| size as u64))
        .unwrap_or_default()
}

/// Refuses sizes that no file has.
pub(crate) fn check_size(draft: &Draft) -> Result<u64, Refusal> {
    let size = draft.attributes.get("fileSize").map(bytes).unwrap_or_default();
    if (1..=LARGEST_FILE).contains(&size) {
        return Ok(size);
    }
    let words = format!("The attribute 'fileSize' must be 1 to {LARGEST_FILE}");
    Err(Refusal::attribute("fileSize", words))
}

/// Refuses a commit of a file that is not whole.
pub(crate) fn check_arrived(parts: &[Part]) -> Result<(), Refusal> {
    match parts.iter().position(|part| !part.arrived) {
        None => Ok(()),
        Some(missing) => {
            let detail = format!("Part {} was not uploaded", missing + 1);
            Err(Refusal::entity("STATE_ERROR.PARTS_MISSING", detail))
        }
    }
}

/// Notes that a part arrived; they are counted from 1.
pub(crate) fn arrive(parts: &mut [Part], number: usize) {
    if let Some(part) = parts.get_mut(number.wrapping_sub(1)) {
        part.arrived = true;
    }
}

/// Where a part of a file is sent to; they are counted from 1. The signature is the permission.
pub(crate) fn url(base: &str, id: &str, number: usize, signature: &str) -> String {
    format!("{base}{STORAGE}{id}/{number}?signature={signature}")
}

/// Takes a part, as it comes. It does not know tokens: the URL is the permission.
pub(crate) async fn receive(head: &Parts, body: Body, faults: &[Kind], state: &Shared) -> Response {
    linger(faults).await;
    if let Some(refused) = faults.iter().find_map(refusal_of) {
        // The answer must not overtake a client that is still sending.
        drain(body).await;
        return refused;
    }
    let (id, number) = place(head.uri.path());
    let query = head.uri.query().unwrap_or_default();
    let signature = query.strip_prefix("signature=").unwrap_or_default();
    let known = {
        let state = lock(state);
        let parts = state.uploads.signed_parts(&id, signature);
        let parts = parts.or_else(|| state.assets.signed_parts(&id, signature));
        let part = parts.and_then(|parts| parts.get(number.wrapping_sub(1)).cloned());
        part.map(|part| (part, state.storage.keeps().then(|| state.storage.path(&id))))
    };
    let Some((part, path)) = known.filter(|_| head.method == "PUT") else {
        drain(body).await;
        return StatusCode::FORBIDDEN.into_response();
    };
    let has_token = head.headers.contains_key(header::AUTHORIZATION);
    let length = head
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if has_token || length != Some(part.length) {
        drain(body).await;
        return StatusCode::BAD_REQUEST.into_response();
    }
    let rate = faults.iter().find_map(|fault| match fault {
        Kind::Slow { bytes_per_second } => Some(*bytes_per_second),
        _ => None,
    });
    let breaks = faults.contains(&Kind::Reset);
    match write(body, path.as_deref(), &part, rate, breaks).await {
        Ok(()) => {
            let mut state = lock(state);
            state.uploads.arrive(&id, number);
            state.assets.arrive(&id, number);
            StatusCode::OK.into_response()
        }
        Err(_) => broken(),
    }
}

/// The file's ID and the part's number.
fn place(path: &str) -> (String, usize) {
    let rest = path.trim_start_matches(STORAGE);
    let (id, number) = rest.split_once('/').unwrap_or((rest, ""));
    (id.to_owned(), number.parse().unwrap_or_default())
}

async fn drain(body: Body) {
    let mut stream = body.into_data_stream();
    while let Some(Ok(_)) = stream.next().await {}
}

async fn write(
    body: Body,
    path: Option<&Path>,
    part: &Part,
    rate: Option<u64>,
    breaks: bool,
) -> std::io::Result<()> {
    let file = match path {
        Some(path) => Some(
            std::fs::OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?,
        ),
        None => None,
    };
    let mut stream = body.into_data_stream();
    let mut at = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(std::io::Error::other)?;
        if breaks && at + chunk.len() as u64 > part.length / 2 {
            return Err(std::io::Error::other("broken on purpose"));
        }
        if let Some(file) = &file {
            file.write_all_at(&chunk, part.offset + at)?;
        }
        at += chunk.len() as u64;
        if let Some(rate) = rate {
            tokio::time::sleep(Duration::from_millis(chunk.len() as u64 * 1000 / rate.max(1))).await;
        }
    }
    if at == part.length {
        Ok(())
    } else {
        Err(std::io::Error::other("the part is not whole"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_file_are_as_long_as_it() {
        let storage = Storage::new(true, 4).unwrap();
        for (size, lengths) in [(1, &[1][..]), (4, &[4]), (9, &[4, 4, 1])] {
            let parts = storage.parts(size);
            let own: Vec<u64> = parts.iter().map(|part| part.length).collect();
            assert_eq!(own, lengths);
            assert!(check_arrived(&parts).is_err());
        }
        // RFC 1321, A.5, and FIPS 180-2, B.1.
        storage.put("a", b"abc");
        let digests = storage.digests("a");
        assert_eq!(digests.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert!(digests.sha256.starts_with("ba7816bf8f01cfea"));
        storage.copy("a", "b");
        storage.remove("a");
        assert_eq!(
            (storage.read("a"), storage.read("b")),
            (None, Some(b"abc".to_vec()))
        );
    }
}
