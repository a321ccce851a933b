//! A session against a server that plays Apple: it checks the proof of the password, the stamp and the cookies.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use std::sync::{Arc, Mutex};

use apple_account::{AppleId, Cookie, Session as Connected};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use developer_portal::{Hosts, Session, SessionError, answer, choose};
use redaction::Redactor;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
const NAME: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";
const SALT: [u8; 16] = [7; 16];
const ITERATIONS: u32 = 1200;
const PRIME: &str = "ac6bdb41324a9a9bf166de5e1389582faf72b6651987ee07fc3192943db56050a37329cbb4a099ed8193e0757767a13dd52312ab4b03310dcd7f48a9da04fd50e8083969edb767b0cf6095179a163ab3661a05fbd5faaae82918a9962f0b93b855f97993ec975eeaa80d740adbf4ff747359d041d5c33ea71d281e446b14773bca97b43a23fb801676bd207a436c6481f1d2b9078717461a5b9d32e688f87748544523b524b0d57d5ea77a2775d2ecfa032cfbdbf52fb3786160279004e57ae6af874e7303ce53299ccc041c7bc308d82a5698f3a8d0c38271ae35f8e9dbfbb694b5c803d89f7ae435de236d525f54759b65e372fcd68ef20fa7111f9e4aff73";

/// What the server is like, and what it was asked.
#[derive(Default)]
struct Apple {
    /// Answers `signin/complete` with this instead of looking.
    refuses: Option<(u16, &'static str)>,
    /// The portal accepts `myacinfo=old`.
    old_session_holds: bool,
    /// The trusted device's cookie spares the second factor.
    trusted: bool,
    /// People without a team of App Store Connect.
    without_provider: bool,
    asked: Vec<String>,
    public_a: Vec<u8>,
}

fn group() -> FixedMontyParams<{ U2048::LIMBS }> {
    FixedMontyParams::new_vartime(Odd::<U2048>::from_be_hex(PRIME))
}

fn padded(bytes: &[u8]) -> U2048 {
    let mut all = [0; 256];
    all[256 - bytes.len()..].copy_from_slice(bytes);
    U2048::from_be_slice(&all)
}

fn bytes(number: &U2048) -> Vec<u8> {
    number.to_be_bytes().as_ref().to_vec()
}

fn form(number: &U2048) -> FixedMontyForm<{ U2048::LIMBS }> {
    FixedMontyForm::new(number, &group())
}

/// What Apple keeps of the password: `v`.
fn verifier() -> U2048 {
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(&Sha256::digest(PASSWORD), &SALT, ITERATIONS, &mut key);
    let inner = Sha256::new().chain_update(b":").chain_update(key).finalize();
    let x = Sha256::new().chain_update(SALT).chain_update(inner).finalize();
    form(&U2048::from_u8(2)).pow(&padded(&x)).retrieve()
}

const SECRET: [u8; 32] = [0x2b; 32];

fn public_b() -> Vec<u8> {
    let mut two = [0; 256];
    two[255] = 2;
    let k = Sha256::new()
        .chain_update(bytes(&U2048::from_be_hex(PRIME)))
        .chain_update(two)
        .finalize();
    let sum = form(&padded(&k)) * form(&verifier()) + form(&U2048::from_u8(2)).pow(&padded(&SECRET));
    bytes(&sum.retrieve())
}

/// The proof that a client which knows the password sends.
fn expected_proof(public_a: &[u8]) -> Vec<u8> {
    let public_b = public_b();
    let u = Sha256::new()
        .chain_update(public_a)
        .chain_update(&public_b)
        .finalize();
    let base = form(&padded(public_a)) * form(&verifier()).pow(&padded(&u));
    let key = Sha256::digest(bytes(&base.pow(&padded(&SECRET)).retrieve()));
    let mut two = [0; 256];
    two[255] = 2;
    let of_prime = Sha256::digest(bytes(&U2048::from_be_hex(PRIME)));
    let mixed: Vec<u8> = of_prime
        .iter()
        .zip(Sha256::digest(two))
        .map(|(one, other)| one ^ other)
        .collect();
    Sha256::new()
        .chain_update(mixed)
        .chain_update(Sha256::digest(NAME))
        .chain_update(SALT)
        .chain_update(public_a)
        .chain_update(&public_b)
        .chain_update(key)
        .finalize()
        .to_vec()
}

async fn serve(request: Request<Body>, apple: Arc<Mutex<Apple>>) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let header = |name: &str| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let cookies = header("cookie");
    let mut apple = apple.lock().unwrap();
    apple.asked.push(format!("{} {}", head.method, head.uri.path()));
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let json_answer = |value: Value| {
        (
            StatusCode::OK,
            [("content-type", "application/json")],
            value.to_string(),
        )
            .into_response()
    };
    match head.uri.path() {
        "/olympus/v1/app/config" => json_answer(json!({"authServiceKey": "key-of-the-service"})),
        "/olympus/v1/session" if apple.without_provider => json_answer(json!({"provider": null})),
        "/olympus/v1/session" => json_answer(json!({"provider": {"providerId": 1}})),
        "/appleauth/auth/signin" => (
            StatusCode::OK,
            [
                ("X-Apple-HC-Bits", "10"),
                ("X-Apple-HC-Challenge", "00112233445566778899aabbccddeeff"),
            ],
            "<html>",
        )
            .into_response(),
        "/appleauth/auth/signin/init" => {
            assert_eq!(
                (
                    header("x-apple-widget-key").as_str(),
                    json["accountName"].as_str()
                ),
                ("key-of-the-service", Some(NAME))
            );
            apple.public_a = STANDARD.decode(json["a"].as_str().unwrap()).unwrap();
            json_answer(
                json!({"iteration": ITERATIONS, "salt": STANDARD.encode(SALT), "protocol": "s2k", "b": STANDARD.encode(public_b()), "c": "d-227"}),
            )
        }
        "/appleauth/auth/signin/complete" => {
            if let Some((status, body)) = apple.refuses {
                return (StatusCode::from_u16(status).unwrap(), body).into_response();
            }
            assert!(
                header("x-apple-hc").starts_with("1:10:202611241200")
                    && header("x-apple-hc").contains(":00112233445566778899aabbccddeeff::")
            );
            assert_eq!(json["c"], "d-227");
            if STANDARD.decode(json["m1"].as_str().unwrap()).unwrap() != expected_proof(&apple.public_a) {
                let wrong = json!({"serviceErrors": [{"code": "-20101", "message": "Check the account information"}]});
                return (StatusCode::UNAUTHORIZED, wrong.to_string()).into_response();
            }
            if apple.trusted && !cookies.contains("DES1=\"trust\"") {
                return (StatusCode::CONFLICT, "{\"authType\":\"hsa2\"}").into_response();
            }
            let set = [(
                "set-cookie",
                "myacinfo=fresh-session-of-today; Domain=apple.com; Path=/; Secure; HttpOnly",
            )];
            (StatusCode::OK, set, "{}").into_response()
        }
        "/services-account/QH65B2/account/listTeams.action" => {
            let holds = cookies.contains("myacinfo=fresh")
                || (apple.old_session_holds && cookies.contains("myacinfo=old"));
            json_answer(if holds {
                json!({"resultCode": 0, "teams": [{"teamId": "TEAM123456", "name": "Example", "type": "In-House"}]})
            } else {
                json!({"resultCode": 1100, "userString": "Your session has expired. Please log in."})
            })
        }
        other => panic!("{other} is not asked for"),
    }
}

/// Opens a session with the server; what came of it, and what was asked.
fn open(
    apple: Apple,
    password: Option<&str>,
    cookies: &[(&str, &str)],
) -> (Result<Session, SessionError>, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let apple = Arc::new(Mutex::new(apple));
        let shared = Arc::clone(&apple);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = transport::base_url(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let router = Router::new().fallback(move |request| serve(request, Arc::clone(&shared)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let cookie = |(name, domain): &(&str, &str)| Cookie {
            origin: "https://idmsa.apple.com".to_owned(),
            name: (*name).to_owned(),
            value: if name.starts_with("DES") {
                "trust".into()
            } else {
                "old".into()
            },
            path: "/".to_owned(),
            domain: (*domain).to_owned(),
            secure: true,
            expires: None,
            max_age: None,
            http_only: true,
            for_domain: true,
        };
        let account = AppleId {
            apple_id: "Ada@Example.com".to_owned(),
            password: password.map(Into::into),
            app_specific_password: None,
            session: Some(Connected {
                cookies: cookies.iter().map(cookie).collect(),
                expires_at: None,
            }),
        };
        let hosts = Hosts {
            sign_in: url.clone(),
            account: url.clone(),
            app_store_connect: url.clone(),
            portal: url,
        };
        let redactor = Redactor::new();
        let opened = Session::open(&account, hosts, &redactor, NOW).await;
        if let Ok(session) = &opened
            && session.signed_in()
        {
            assert!(!redactor.redact("fresh-session-of-today").contains("fresh"));
        }
        if let Ok(session) = &opened {
            let expected = !apple.lock().unwrap().without_provider;
            assert_eq!(session.on_app_store_connect(), Some(expected));
        }
        let asked = apple.lock().unwrap().asked.clone();
        (opened, asked)
    })
}

const TRUST: (&str, &str) = ("DES1", "idmsa.apple.com");
const OLD: (&str, &str) = ("myacinfo", "apple.com");

#[test]
fn a_session_that_holds_needs_no_password() {
    let apple = Apple {
        old_session_holds: true,
        without_provider: true,
        ..Apple::default()
    };
    let (session, asked) = open(apple, None, &[OLD]);
    let session = session.unwrap();
    assert!(!session.signed_in() && choose(session.teams(), None).unwrap().is_enterprise());
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(!asked.iter().any(|line| line.contains("signin")), "{asked:?}");
}

#[test]
fn a_session_that_has_ended_is_renewed_with_the_password_and_the_trusted_device() {
    let apple = Apple {
        trusted: true,
        ..Apple::default()
    };
    let (session, asked) = open(apple, Some(PASSWORD), &[TRUST, OLD]);
    let session = session.unwrap();
    assert!(session.signed_in());
    assert!(session.notes()[0].contains("does not accept the connected session"));
    let completed = asked.iter().filter(|line| line.ends_with("/complete")).count();
    assert_eq!(completed, 1, "{asked:?}");
}

#[test]
fn refusals_are_told_apart_and_never_tried_again() {
    use answer::Refusal;
    for (refuses, trusted, password, expected) in [
        (None, false, "wrong", Refusal::WrongPassword),
        (None, true, PASSWORD, Refusal::SecondFactor),
        (
            Some((403, "{\"serviceErrors\":[{\"code\":\"-20209\"}]}")),
            false,
            PASSWORD,
            Refusal::Locked,
        ),
        (
            Some((412, "{\"authType\":\"sa\"}")),
            false,
            PASSWORD,
            Refusal::Interaction,
        ),
        (Some((403, "<html>")), false, PASSWORD, Refusal::Blocked),
    ] {
        let apple = Apple {
            refuses,
            trusted,
            ..Apple::default()
        };
        let (opened, asked) = open(apple, Some(password), &[]);
        let error = opened.unwrap_err();
        let SessionError::Refused { source, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*source, expected);
        assert!(!error.advice().is_empty());
        assert_eq!(
            asked.iter().filter(|line| line.ends_with("/complete")).count(),
            1,
            "{expected}: {asked:?}"
        );
    }
}

#[test]
fn without_a_password_an_ended_session_says_how_to_renew_it() {
    let (opened, _) = open(Apple::default(), None, &[OLD]);
    let error = opened.unwrap_err();
    assert!(matches!(error, SessionError::NoPassword(_)), "{error}");
    assert!(error.advice().contains("Re-authenticate"));
}
