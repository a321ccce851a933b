//! What a client does with servers that lie, break, or never end.
//!
//! Behaviors that these tests hold:
//!
//! 1. Credentials and changes never follow a redirect to another place, and a write never follows one at all.
//! 2. Redirects end after five, and an answer ends at its limit, announced or not, compressed or not.
//! 3. A write whose answer is lost is never repeated, and what must be sent once is sent once.
//! 4. A pause that the server asks for is kept, and one beyond the limit ends the request.
//! 5. A half answer is asked for again; a broken one and a certificate that is not trusted are not.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use common::{Server, answer};
use transport::{Client, DownloadError, Error, Method, Policy, Url, base_url, chain, download};

const JSON: &str = "Content-Type: application/json";

/// A client that does not wait long.
fn client(url: &str) -> Client {
    let policy = Policy {
        attempts: 3,
        first_pause: Duration::from_millis(1),
        ..Policy::default()
    };
    Client::builder(base_url(url).unwrap())
        .policy(policy)
        .largest_answer(1 << 20)
        .timeouts(Duration::from_millis(500), Duration::from_millis(300))
        .build()
        .unwrap()
}

fn fixed(bytes: Vec<u8>) -> Server {
    Server::new(move |_, stream| {
        // A client that has heard enough hangs up.
        let _ = stream.write_all(&bytes);
    })
}

#[tokio::test]
async fn credentials_never_follow_a_redirect() {
    let other = fixed(answer("200 OK", &[JSON], "{\"believed\":true}"));
    for status in ["301 X", "302 X", "303 X", "307 X", "308 X"] {
        let server = fixed(answer(status, &[&format!("Location: {}/stolen", other.url)], ""));
        for (method, body) in [(Method::GET, false), (Method::POST, true), (Method::PATCH, true)] {
            let client = client(&server.url);
            let mut request = client
                .request(method, "v1/x")
                .header("BUILD_API_TOKEN", &"s3cret".into())
                .bearer("t0ken".into());
            if body {
                request = request.form([("password", "s3cret")]);
            }
            let error = request.send().await.unwrap_err();
            assert!(matches!(error, Error::Redirected { .. }), "{error}");
            assert!(
                error.to_string().contains("redirected to `http://127.0.0.1`"),
                "{error}"
            );
        }
    }
    assert!(other.heard().is_empty(), "{:?}", other.heard());
}

#[tokio::test]
async fn a_get_is_followed_on_its_own_host_and_a_write_never() {
    let server = Server::new(|request, stream| {
        let bytes = if request.line.contains("/new") {
            answer("200 OK", &[JSON], "{}")
        } else {
            answer("302 Found", &["Location: /new"], "")
        };
        stream.write_all(&bytes).unwrap();
    });
    let client = client(&server.url);
    let response = client.request(Method::GET, "old").bearer("t".into()).send().await;
    assert!(response.unwrap().status.is_success());
    let error = client.request(Method::POST, "old").send().await.unwrap_err();
    assert!(matches!(error, Error::Redirected { .. }), "{error}");
    let lines: Vec<String> = server.heard().into_iter().map(|heard| heard.line).collect();
    assert_eq!(
        lines,
        ["GET /old HTTP/1.1", "GET /new HTTP/1.1", "POST /old HTTP/1.1"]
    );
}

#[tokio::test]
async fn redirects_without_end_end() {
    let server = fixed(answer("302 Found", &["Location: /again"], ""));
    let error = client(&server.url)
        .request(Method::GET, "x")
        .send()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("more than 5 redirects"), "{error}");
    assert_eq!(server.heard().len(), 6);
}

#[tokio::test]
async fn a_download_follows_redirects_but_not_to_plain_http_elsewhere() {
    let storage = fixed(answer("200 OK", &[], "certificate"));
    let server = fixed(answer(
        "302 Found",
        &[&format!("Location: {}/file", storage.url)],
        "",
    ));
    let url = Url::parse(&format!("{}/s3cret-path?token=s3cret", server.url)).unwrap();
    assert_eq!(download(&url).await.unwrap().text(), "certificate");
    for place in [
        "http://example.com/file",
        "ftp://127.0.0.1/file",
        "file:///etc/passwd",
    ] {
        let server = fixed(answer("302 Found", &[&format!("Location: {place}")], ""));
        let url = Url::parse(&format!("{}/s3cret-path", server.url)).unwrap();
        let error = download(&url).await.unwrap_err();
        assert!(matches!(cause(&error), Error::Redirected { .. }), "{error}");
        assert!(!chain(&error).contains("s3cret"), "{error}");
    }
    let error = download(&Url::parse("http://user:s3cret@example.com/s3cret").unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(cause(&error), Error::BaseUrl { .. }) && !chain(&error).contains("s3cret"),
        "{error}"
    );
    let server = fixed(answer("404 Not Found", &[], "s3cret"));
    let url = Url::parse(&format!("{}/s3cret", server.url)).unwrap();
    let error = download(&url).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the download from 127.0.0.1 was answered with HTTP 404"
    );
}

/// Why no answer came.
fn cause(error: &DownloadError) -> &Error {
    match error {
        DownloadError::NoAnswer { source, .. } => source,
        DownloadError::Status { .. } => panic!("{error}"),
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let endless = Server::new(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(chunk.as_bytes()).is_ok() {}
    });
    let announced = fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n[".to_vec());
    let error = client(&endless.url)
        .request(Method::GET, "x")
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert_eq!(endless.heard().len(), 1, "it is not asked again");
    let error = client(&announced.url)
        .request(Method::GET, "x")
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn the_limit_counts_what_is_decompressed() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\n{JSON}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    );
    let server = fixed([head.into_bytes(), bomb].concat());
    let error = client(&server.url)
        .request(Method::GET, "x")
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn more_values_than_memory_holds_are_not_read() {
    let server = fixed(answer(
        "200 OK",
        &[JSON],
        &format!("[{}0]", "[],".repeat(1_000_000)),
    ));
    let client = Client::builder(base_url(&server.url).unwrap()).build().unwrap();
    let error = client.request(Method::GET, "x").send().await.unwrap_err();
    assert!(error.to_string().contains("more than 2000000 values"), "{error}");
}

#[tokio::test]
async fn an_answer_that_drips_is_given_up() {
    let body = Server::new(|_, stream| {
        let _ =
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{JSON}\r\nContent-Length: 1000\r\n\r\n").as_bytes());
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let head = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    for (server, words) in [(&body, "too slow"), (&head, "no answer within")] {
        let error = client(&server.url)
            .request(Method::GET, "x")
            .send()
            .await
            .unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn half_an_answer_is_asked_for_again_and_a_broken_one_is_not() {
    for (bytes, attempts, words) in [
        (
            answer("200 OK", &[JSON], "{\"data\":[{\"id\""),
            3,
            "truncated response",
        ),
        (answer("200 OK", &[JSON], "{\"data\":oops}"), 1, "broken JSON"),
        (answer("200 OK", &[JSON], "{} trailing"), 1, "broken JSON"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec(),
            3,
            "got no answer after 3 attempts",
        ),
    ] {
        let server = fixed(bytes);
        let error = client(&server.url)
            .request(Method::GET, "x")
            .send()
            .await
            .unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(server.heard().len(), attempts, "{words}");
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_never_repeated() {
    for bytes in [
        Vec::new(),
        answer("500 X", &[], ""),
        answer("201 X", &[JSON], "{\"da"),
    ] {
        let server = fixed(bytes);
        let error = client(&server.url)
            .request(Method::POST, "x")
            .send()
            .await
            .unwrap_err();
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
        assert_eq!(server.heard().len(), 1);
    }
}

#[tokio::test]
async fn what_must_be_sent_once_is_sent_once() {
    let server = fixed(answer("429 X", &["Retry-After: 0"], ""));
    let client = client(&server.url);
    let response = client.request(Method::POST, "proof").once().send().await.unwrap();
    assert_eq!((response.status.as_u16(), server.heard().len()), (429, 1));
    client.request(Method::POST, "proof").send().await.unwrap();
    assert_eq!(
        server.heard().len(),
        4,
        "other writes are repeated after a 429: it was refused before it did anything"
    );
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept_and_a_long_one_is_not_waited_for() {
    let server = fixed(answer("429 X", &["Retry-After: 3600"], ""));
    let response = client(&server.url)
        .request(Method::GET, "x")
        .send()
        .await
        .unwrap();
    assert_eq!((response.status.as_u16(), server.heard().len()), (429, 1));
    // All pauses together count.
    let policy = Policy {
        attempts: 100,
        first_pause: Duration::from_millis(1),
        longest_retry_after: Duration::from_secs(2),
        ..Policy::default()
    };
    let server = fixed(answer("429 X", &["Retry-After: 1"], ""));
    let client = Client::builder(base_url(&server.url).unwrap())
        .policy(policy)
        .build()
        .unwrap();
    client.request(Method::GET, "x").send().await.unwrap();
    assert!(
        (2..=3).contains(&server.heard().len()),
        "{}",
        server.heard().len()
    );
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named_and_not_tried_again() {
    let key = rcgen::generate_simple_self_signed(vec!["elsewhere.example.com".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let connections = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            let _ = std::io::Read::read(&mut stream, &mut [0]);
        }
    });
    let error = client(&url).request(Method::GET, "x").send().await.unwrap_err();
    assert!(matches!(error, Error::Certificate { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("is not trusted: invalid peer certificate"),
        "{error}"
    );
    assert_eq!(connections.load(std::sync::atomic::Ordering::Relaxed), 1);
}
