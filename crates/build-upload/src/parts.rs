//! Sending the parts of a file, several at a time, each tried on its own.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use app_store_connect::uploads::UploadOperation;
use futures_util::stream::{self, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use transport::{Piece, Transfer};

use crate::error::UploadError;

/// Parts in flight: enough to fill a fast line over a long distance.
const AT_ONCE: usize = 4;

/// How often a part is tried.
const ATTEMPTS: u32 = 6;

/// The pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Whether the parts, in any order, are the whole file and no more.
pub(crate) fn cover(operations: &[UploadOperation], size: u64) -> bool {
    let mut spans: Vec<(u64, u64)> = operations.iter().map(|part| (part.offset, part.length)).collect();
    spans.sort_unstable();
    let end = spans.iter().try_fold(0_u64, |end, (offset, length)| {
        (*offset == end).then(|| end.checked_add(*length)).flatten()
    });
    end == Some(size)
}

/// Sends all parts.
///
/// # Errors
/// With the first part that did not arrive.
pub(crate) async fn send(
    transfer: &Transfer,
    file: &Path,
    operations: &[UploadOperation],
    sent: &Arc<AtomicU64>,
) -> Result<(), UploadError> {
    let parts = operations.len();
    stream::iter(operations.iter().enumerate().map(Ok))
        .try_for_each_concurrent(AT_ONCE, |(index, operation)| async move {
            send_one(transfer, file, operation, sent)
                .await
                .map_err(|(attempts, source)| UploadError::Part {
                    part: index + 1,
                    parts,
                    attempts,
                    source,
                })
        })
        .await
}

async fn send_one(
    transfer: &Transfer,
    file: &Path,
    operation: &UploadOperation,
    sent: &Arc<AtomicU64>,
) -> Result<(), (u32, transport::TransferError)> {
    let headers: Vec<(String, String)> = operation
        .request_headers
        .iter()
        .map(|header| (header.name.clone(), header.value.clone()))
        .collect();
    let piece = Piece {
        file,
        offset: operation.offset,
        length: operation.length,
        method: &operation.method,
        url: &operation.url,
        headers: &headers,
    };
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        match transfer.send(piece, sent).await {
            Ok(()) => return Ok(()),
            Err(error) if attempt >= ATTEMPTS || !error.is_passing() => return Err((attempt, error)),
            Err(error) => {
                tracing::debug!("the part at {} is sent again: {error}", operation.offset);
                tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
                pause *= 2;
            }
        }
    }
    Ok(())
}

/// The SHA-256 of a file, hexadecimal. It is read beside the upload, whose pages it finds in memory.
///
/// # Errors
/// When the file can't be read.
pub(crate) async fn checksum(file: &Path) -> Result<String, std::io::Error> {
    let file = file.to_owned();
    let hashed = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(file)?;
        let mut hasher = Sha256::new();
        let mut chunk = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut chunk)?;
            if read == 0 {
                break;
            }
            hasher.update(&chunk[..read]);
        }
        Ok(hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    });
    hashed.await.map_err(std::io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(offset: u64, length: u64) -> UploadOperation {
        UploadOperation {
            method: "PUT".to_owned(),
            url: "https://example.com/secret".to_owned(),
            offset,
            length,
            request_headers: Vec::new(),
        }
    }

    #[test]
    fn parts_must_be_the_whole_file() {
        assert!(cover(&[operation(5, 3), operation(0, 5)], 8));
        assert!(!cover(&[operation(0, 5)], 8));
        assert!(!cover(&[operation(0, 5), operation(4, 4)], 8));
        assert!(!cover(&[operation(0, 8), operation(8, 1)], 8));
        assert!(!cover(&[], 1));
        assert!(!cover(&[operation(0, u64::MAX), operation(u64::MAX, 2)], 8));
    }

    #[test]
    fn a_part_never_shows_its_url() {
        assert_eq!(format!("{:?}", operation(5, 3)), "UploadOperation(3 bytes at 5)");
    }
}
