//! Sending the parts of a file, several at a time, each tried on its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use app_store_connect::uploads::UploadOperation;
use futures_util::stream::{self, TryStreamExt as _};
use tokio::sync::{Semaphore, SemaphorePermit};
use transport::{Backoff, Piece, Transfer};

use crate::error::UploadError;

/// Parts in flight at the beginning: enough to fill a fast line over a long distance. A storage that is overloaded gets
/// fewer.
const AT_ONCE: usize = 4;

/// How often a part is tried.
const ATTEMPTS: u32 = 7;

/// Pauses between attempts, of which a store may ask for longer ones.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(250),
    longest: Duration::from_secs(60),
};

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
    let permits = Permits::new(AT_ONCE);
    let permits = &permits;
    stream::iter(operations.iter().enumerate().map(Ok))
        .try_for_each_concurrent(AT_ONCE, |(index, operation)| async move {
            send_one(transfer, file, operation, sent, permits)
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

/// How many parts may be in flight; one at least.
struct Permits {
    semaphore: Semaphore,
    left: AtomicUsize,
}

impl Permits {
    fn new(count: usize) -> Self {
        Self {
            semaphore: Semaphore::new(count),
            left: AtomicUsize::new(count),
        }
    }

    /// Takes a permit out for good, unless it is the last one.
    fn retire(&self, permit: SemaphorePermit<'_>) {
        let fewer = |left: usize| (left > 1).then(|| left - 1);
        if self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer)
            .is_ok()
        {
            permit.forget();
        }
    }
}

async fn send_one(
    transfer: &Transfer,
    file: &Path,
    operation: &UploadOperation,
    sent: &Arc<AtomicU64>,
    permits: &Permits,
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
    for attempt in 1.. {
        let permit = permits.semaphore.acquire().await;
        let error = match transfer.send(piece, sent).await {
            Ok(()) => return Ok(()),
            Err(error) if attempt >= ATTEMPTS || !error.is_passing() => return Err((attempt, error)),
            Err(error) => error,
        };
        tracing::debug!("the part at {} is sent again: {error}", operation.offset);
        if let (true, Ok(permit)) = (error.is_overload(), permit) {
            permits.retire(permit);
        }
        let asked = error.retry_after().unwrap_or_default().min(BACKOFF.longest);
        tokio::time::sleep(BACKOFF.random(attempt).max(asked)).await;
    }
    Ok(())
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
    fn an_overloaded_storage_gets_fewer_parts_at_once_and_never_none() {
        let permits = Permits::new(3);
        for expected in [2, 1, 1, 1] {
            let permit = permits.semaphore.try_acquire().unwrap();
            permits.retire(permit);
            assert_eq!(permits.semaphore.available_permits(), expected);
        }
    }

    #[test]
    fn a_part_never_shows_its_url() {
        assert_eq!(format!("{:?}", operation(5, 3)), "UploadOperation(3 bytes at 5)");
    }
}
