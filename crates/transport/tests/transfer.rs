//! Pieces of files on their way to storage.
//!
//! Behaviors that these tests hold:
//!
//! 1. A piece is read from its own offset, with its own length and the headers that the service asks for.
//! 2. Bytes of a piece that did not arrive are not counted.
//! 3. Refusals differ from what passes, and a pause that the storage asks for is told.
//! 4. A connection over which nothing moves is given up.
//! 5. A piece goes to https or this machine only, follows no redirect, and no error shows its URL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::{Server, answer};
use transport::{Journal, Piece, Transfer, TransferError};

struct Job {
    _folder: tempfile::TempDir,
    file: PathBuf,
    url: String,
    sent: Arc<AtomicU64>,
}

impl Job {
    fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.ipa");
        std::fs::write(&file, "0123456789").unwrap();
        Self {
            file,
            url: format!("{url}/storage?signature=s3cret"),
            sent: Arc::default(),
            _folder: folder,
        }
    }

    async fn send(
        &self,
        offset: u64,
        length: u64,
        headers: &[(String, String)],
    ) -> Result<(), TransferError> {
        let piece = Piece {
            file: &self.file,
            offset,
            length,
            method: "PUT",
            url: &self.url,
            headers,
        };
        let transfer = Transfer::new(Journal::default()).unwrap();
        transfer
            .with_stall(Duration::from_millis(300))
            .send(piece, &self.sent)
            .await
    }
}

#[tokio::test]
async fn a_piece_is_sent_from_its_place_with_its_own_length_and_headers() {
    let server = Server::new(|_, stream| stream.write_all(&answer("200 OK", &[], "")).unwrap());
    let job = Job::new(&server.url);
    let headers = [
        ("Content-Type".to_owned(), "application/octet-stream".to_owned()),
        // A length of the service's own would not be that of the piece.
        ("Content-Length".to_owned(), "999".to_owned()),
    ];
    job.send(3, 4, &headers).await.unwrap();
    let heard = &server.heard()[0];
    assert_eq!(
        (heard.line.as_str(), heard.body.as_slice()),
        ("PUT /storage?signature=s3cret HTTP/1.1", &b"3456"[..])
    );
    assert!(heard.headers.contains(&"content-length: 4".to_owned()));
    assert!(
        heard
            .headers
            .contains(&"content-type: application/octet-stream".to_owned())
    );
    assert_eq!(job.sent.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn refusals_are_told_from_what_passes_and_bytes_that_did_not_arrive_are_taken_back() {
    for (status, is_refusal, is_passing) in [
        ("403 X", true, false),
        ("400 X", true, false),
        ("408 X", false, true),
        ("429 X", false, true),
        ("500 X", false, true),
        ("302 X", false, true),
        // Its method would become `GET`, which needs no body.
        ("303 X", false, true),
    ] {
        let server = Server::new(move |_, stream| {
            stream
                .write_all(&answer(
                    status,
                    &["Location: http://127.0.0.1:1/", "Retry-After: 7"],
                    "",
                ))
                .unwrap();
        });
        let job = Job::new(&server.url);
        let error = job.send(0, 10, &[]).await.unwrap_err();
        assert_eq!(
            (error.is_refusal(), error.is_passing()),
            (is_refusal, is_passing),
            "{status}"
        );
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)), "{status}");
        assert_eq!(job.sent.load(Ordering::Relaxed), 0, "{status}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_or_stalls_is_worth_another_attempt() {
    let broken = Server::new(|_, _| {});
    let error = Job::new(&broken.url).send(0, 10, &[]).await.unwrap_err();
    assert!(
        matches!(error, TransferError::Lost { .. }) && error.is_passing(),
        "{error}"
    );
    let silent = Server::new(|_, _| std::thread::sleep(Duration::from_secs(3)));
    let error = Job::new(&silent.url).send(0, 10, &[]).await.unwrap_err();
    assert!(
        matches!(error, TransferError::Stalled { .. }) && error.is_passing(),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_drops_in_the_middle_costs_this_piece_alone() {
    const PIECE: usize = 8 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let job = Job::new(&format!("http://{}", listener.local_addr().unwrap()));
    let bytes: Vec<u8> = (0..3 * PIECE).map(|at| (at / 1021) as u8).collect();
    std::fs::write(&job.file, &bytes).unwrap();
    let server = std::thread::spawn(move || {
        let take = |length: usize| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = vec![0; length];
            stream.read_exact(&mut heard).unwrap();
            (stream, heard)
        };
        // A third of it arrives, and the rest meets a closed connection.
        drop(take(PIECE / 3));
        let (mut stream, mut heard) = take(PIECE);
        let head = heard.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        let mut rest = vec![0; head];
        stream.read_exact(&mut rest).unwrap();
        heard.extend(rest);
        stream.write_all(&answer("200 OK", &[], "")).unwrap();
        heard.split_off(head)
    });
    let (offset, length) = (PIECE as u64, PIECE as u64);
    let error = job.send(offset, length, &[]).await.unwrap_err();
    assert!(
        matches!(error, TransferError::Lost { .. }) && error.is_passing(),
        "{error}"
    );
    assert_eq!(job.sent.load(Ordering::Relaxed), 0);
    job.send(offset, length, &[]).await.unwrap();
    assert_eq!(job.sent.load(Ordering::Relaxed), length);
    assert!(
        server.join().unwrap() == bytes[PIECE..2 * PIECE],
        "the second time, all of it arrives"
    );
}

#[tokio::test]
async fn a_file_that_became_shorter_is_not_sent_as_if_it_were_whole() {
    let server = Server::new(|_, stream| {
        let _ = stream.write_all(&answer("200 OK", &[], ""));
    });
    assert!(Job::new(&server.url).send(5, 10, &[]).await.is_err());
}

#[tokio::test]
async fn a_piece_goes_to_https_or_this_machine_only() {
    for (url, method) in [("http://storage.example.com", "PUT"), ("ftp://127.0.0.1", "PUT")] {
        let error = Job::new(url).send(0, 10, &[]).await.unwrap_err();
        assert!(
            matches!(error, TransferError::Place(_)) && !error.is_passing(),
            "{method} {error}"
        );
    }
    let mut job = Job::new("http://127.0.0.1:1");
    job.file = PathBuf::from("/nowhere");
    assert!(matches!(job.send(0, 10, &[]).await, Err(TransferError::File(_))));
}
