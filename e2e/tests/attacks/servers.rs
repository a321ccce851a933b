//! What servers could do.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::lab::{APP_STORE, APPLE_ID, ASC, Liar, answer, endless, machine, run, sandbox};

const CONNECTION: &str = "GET /bitrise/apple_developer_portal_data.json";

fn says(
    prefix: &'static str,
    bytes: Vec<u8>,
) -> impl Fn(&crate::lab::Heard, &mut std::net::TcpStream) -> bool {
    move |heard, stream| {
        let is_meant = heard.line.starts_with(prefix);
        if is_meant {
            let _ = stream.write_all(&bytes);
        }
        is_meant
    }
}

pub fn credentials_follow_no_redirect_to_another_host() {
    let sandbox = sandbox();
    for prefix in [CONNECTION, "GET /v1/", "POST /v1/"] {
        for status in ["301 X", "302 X", "307 X", "308 X"] {
            let thief = Liar::new(&sandbox.url(), says("", answer("200 OK", &[], "{}")));
            // The same machine by another name is another host.
            let place = format!("Location: {}/stolen", thief.url.replace("127.0.0.1", "localhost"));
            let liar = Liar::new(&sandbox.url(), says(prefix, answer(status, &[&place], "")));
            run(&liar.machine(&sandbox), ASC, APP_STORE).failed();
            let stolen = thief.heard.lock().unwrap();
            assert!(stolen.is_empty(), "{prefix} {status}: {}", stolen[0].everything());
        }
    }
}

pub fn the_sign_in_follows_no_redirect() {
    let sandbox = sandbox();
    let thief = Liar::new(&sandbox.url(), says("", answer("200 OK", &[], "{}")));
    let place = format!("Location: {}/stolen", thief.url);
    let liar = Liar::new(
        &sandbox.url(),
        says("POST /appleauth/", answer("307 X", &[&place], "")),
    );
    let mut machine = liar.machine(&sandbox);
    machine.set("generate_profiles", "yes");
    run(&machine, APPLE_ID, APP_STORE);
    assert!(thief.heard.lock().unwrap().is_empty());
}

pub fn answers_without_end_fill_no_memory() {
    let sandbox = sandbox();
    for (prefix, kind, text) in [
        (CONNECTION, "application/json", " "),
        ("GET /files/", "application/octet-stream", "x"),
        ("GET /v1/devices", "application/json", "[[],"),
        ("GET /v1/bundleIds", "text/html", "<html>"),
    ] {
        let liar = Liar::new(&sandbox.url(), move |heard, stream| {
            let is_meant = heard.line.starts_with(prefix);
            if is_meant {
                endless(stream, kind, text);
            }
            is_meant
        });
        run(&liar.machine(&sandbox), ASC, APP_STORE).failed();
        assert!(liar.count(prefix) <= 3, "{prefix}");
    }
}

pub fn compressed_bombs_fill_no_memory() {
    let sandbox = sandbox();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..80 {
        encoder.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bomb.len()
    );
    let bytes = [head.into_bytes(), bomb].concat();
    for prefix in [CONNECTION, "GET /files/", "GET /v1/"] {
        let liar = Liar::new(&sandbox.url(), says(prefix, bytes.clone()));
        run(&liar.machine(&sandbox), ASC, APP_STORE).failed();
    }
}

pub fn pages_without_end_end() {
    let sandbox = sandbox();
    let page = |next: &str| {
        let device = r#"{"type":"devices","id":"1","attributes":{"name":"n","udid":"u","status":"ENABLED","platform":"IOS","deviceClass":"IPHONE"}}"#;
        answer(
            "200 OK",
            &[],
            &format!(r#"{{"data":[{device}],"links":{{"self":"x","next":"{next}"}}}}"#),
        )
    };
    for next in [
        "/v1/devices?cursor=1",
        "https://evil.example.com/v1/devices",
        "/v1/users",
    ] {
        let liar = Liar::new(&sandbox.url(), says("GET /v1/devices", page(next)));
        let mut machine = liar.machine(&sandbox);
        machine.set("register_test_devices", "yes");
        run(&machine, ASC, &[("distribution_type", "development")]).failed();
        assert!(liar.count("GET /v1/devices") <= 3);
    }
}

pub fn an_empty_list_that_says_it_has_entries_is_an_error() {
    let sandbox = sandbox();
    let empty = answer(
        "200 OK",
        &[],
        r#"{"data":[],"links":{"self":"x"},"meta":{"paging":{"total":5,"limit":200}}}"#,
    );
    let liar = Liar::new(&sandbox.url(), says("GET /v1/devices", empty));
    run(
        &liar.machine(&sandbox),
        ASC,
        &[("distribution_type", "development")],
    )
    .failed()
    .said(&["reports 5 entries"]);
}

pub fn a_broken_answer_is_asked_for_once_and_half_of_one_again() {
    let sandbox = sandbox();
    let broken = Liar::new(
        &sandbox.url(),
        says("GET /v1/bundleIds", answer("200 OK", &[], "{\"data\":oops}")),
    );
    run(&broken.machine(&sandbox), ASC, APP_STORE)
        .failed()
        .said(&["broken JSON"]);
    assert_eq!(broken.count("GET /v1/bundleIds"), 1);
    let truncated = Liar::new(
        &sandbox.url(),
        says("GET /v1/bundleIds", answer("200 OK", &[], "{\"data\":[")),
    );
    run(&truncated.machine(&sandbox), ASC, APP_STORE)
        .failed()
        .said(&["truncated response"]);
    assert_eq!(truncated.count("GET /v1/bundleIds"), 5);
}

pub fn the_proof_of_the_password_is_sent_once() {
    let mut seed = apple_sandbox::Seed::default();
    seed.connection
        .insert("session_cookies".to_owned(), serde_json::json!({}));
    let sandbox = apple_sandbox::Sandbox::start(&seed).unwrap();
    let path = "POST /appleauth/auth/signin/complete";
    let liar = Liar::new(
        &sandbox.url(),
        says(path, answer("429 X", &["Retry-After: 0"], "{}")),
    );
    let mut machine = liar.machine(&sandbox);
    machine.set("generate_profiles", "yes");
    run(&machine, APPLE_ID, APP_STORE).failed();
    assert_eq!(liar.count(path), 1);
}

pub fn certificates_come_over_https_or_from_this_machine() {
    let sandbox = sandbox();
    let mut machine = machine();
    machine.meets(&sandbox);
    machine.set(
        "BITRISE_CERTIFICATE_URL",
        "http://certificates.example.com/s3cret.p12",
    );
    machine.set("BITRISE_CERTIFICATE_PASSPHRASE", "sandbox-passphrase");
    run(&machine, ASC, APP_STORE)
        .failed()
        .said(&["https"])
        .kept(&["s3cret".to_owned()]);
}

pub fn a_tls_certificate_for_another_name_is_named_and_not_tried_again() {
    let key = rcgen::generate_simple_self_signed(vec!["elsewhere.example.com".to_owned()]).unwrap();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let (config, connections) = (Arc::new(config), Arc::new(AtomicUsize::new(0)));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            let _ = std::io::Read::read(&mut stream, &mut [0]);
        }
    });
    let sandbox = sandbox();
    let mut machine = machine();
    machine.meets(&sandbox).set("BITRISE_BUILD_URL", &url);
    run(&machine, ASC, APP_STORE)
        .failed()
        .said(&["TLS certificate of 127.0.0.1 is not trusted"]);
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

/// The answer is that of Squid 6 (`http_access deny !auth`), without its page.
pub fn a_proxy_that_asks_for_credentials_is_named_and_not_asked_again() {
    let sandbox = sandbox();
    let refusal = answer(
        "407 Proxy Authentication Required",
        &["Proxy-Authenticate: Basic realm=\"Squid proxy-caching web server\""],
        "",
    );
    let proxy = Liar::new(&sandbox.url(), says("CONNECT ", refusal));
    let mut machine = machine();
    machine
        .meets(&sandbox)
        .set("APP_STORE_CONNECT_URL", "https://api.example.com")
        .set("HTTPS_PROXY", &proxy.url)
        .set("NO_PROXY", "127.0.0.1");
    run(&machine, ASC, APP_STORE).failed().said(&[
        "the proxy asks for credentials",
        "set HTTPS_PROXY to the proxy's address with its credentials",
    ]);
    // The first look is a few requests at once.
    assert!((1..=4).contains(&proxy.count("CONNECT ")));
}

pub fn cookies_with_any_lifetime_are_taken() {
    let sandbox = sandbox();
    for age in [
        "9223372036854775807",
        "-9223372036854775808",
        "99999999999999999999",
        "x",
    ] {
        let cookie = format!("Set-Cookie: dqsid=x; Max-Age={age}");
        let liar = Liar::new(
            &sandbox.url(),
            says(
                "GET /olympus/",
                answer("200 OK", &[&cookie], r#"{"authServiceKey":"k"}"#),
            ),
        );
        let mut machine = liar.machine(&sandbox);
        machine.set("generate_profiles", "yes");
        run(&machine, APPLE_ID, APP_STORE);
    }
}

pub fn a_server_that_drips_every_answer_ends_with_its_part_of_the_run() {
    let sandbox = sandbox();
    for (prefix, part) in [
        (CONNECTION, "finding the Apple account"),
        ("GET /files/", "downloading the certificates"),
        ("GET /v1/", "comparing and installing profiles"),
    ] {
        let liar = Liar::new(&sandbox.url(), move |heard, stream| {
            let is_meant = heard.line.starts_with(prefix);
            if is_meant {
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n",
                );
                while stream.write_all(b" ").is_ok() {
                    std::thread::sleep(std::time::Duration::from_millis(200));
                }
            }
            is_meant
        });
        let mut machine = liar.machine(&sandbox);
        machine.set("APPLE_STEPS_PHASE_SECONDS", "3");
        run(&machine, ASC, APP_STORE)
            .failed()
            .said(&[&format!("{} took longer than 3 s", &part[1..])]);
    }
}

pub fn heads_without_end_fill_no_memory() {
    let sandbox = sandbox();
    for piece in ["X-Header: 0123456789\r\n", "x", "\r\n\r\n"] {
        let liar = Liar::new(&sandbox.url(), move |heard, stream| {
            let is_meant = heard.line.starts_with("GET /v1/devices");
            if is_meant {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
                let text = piece.repeat(4096);
                while stream.write_all(text.as_bytes()).is_ok() {}
            }
            is_meant
        });
        run(
            &liar.machine(&sandbox),
            ASC,
            &[("distribution_type", "development")],
        )
        .failed();
    }
}

pub fn answers_of_another_kind_are_errors() {
    let sandbox = sandbox();
    for body in [
        "null",
        "[]",
        "\"\"",
        "0",
        "{}",
        "{\"data\":null}",
        "{\"data\":{}}",
        "{\"data\":[null]}",
        "{\"data\":[{\"type\":7,\"id\":[],\"attributes\":null}]}",
        "{\"data\":[{\"type\":\"profiles\",\"id\":\"\",\"attributes\":{}}],\"links\":null}",
        "{\"errors\":{}}",
        "{\"errors\":[null]}",
    ] {
        for status in ["200 OK", "403 X", "409 X"] {
            if status == "200 OK" && body.starts_with("{\"data\":[") {
                continue;
            }
            let liar = Liar::new(
                &sandbox.url(),
                says("GET /v1/bundleIds", answer(status, &[], body)),
            );
            run(&liar.machine(&sandbox), ASC, APP_STORE).failed();
        }
    }
}
