//! The document is read field by field. Its shape is that of go-xcode's `devportalservice` (2026-08).

use secrecy::ExposeSecret as _;
use serde_json::json;
use time::macros::datetime;

use super::*;

const KEY: &str = include_str!("../../tests/keys/right.p8");

fn parse(document: &str) -> Result<Connection, ConnectionError> {
    read(document.as_bytes(), &Redactor::new())
}

/// A document with a whole key and a whole Apple ID, with some fields replaced.
fn with(changes: Value) -> Connection {
    let mut document = json!({
        "key_id": "2X9R4HXF34",
        "issuer_id": "57246542-96fe-1a63-e053-0824d011072a",
        "private_key": KEY,
        "is_enterprise_account": null,
        "apple_id": "ada@example.com",
        "password": "correct horse",
        "app_specific_password": "abcd-efgh-ijkl-mnop",
        "connection_expiry_date": "2026-12-24T10:00:00Z",
        "session_cookies": {"https://idmsa.apple.com": [
            {"name": "DES58", "value": "t0kent0ken", "path": "/", "domain": "idmsa.apple.com", "secure": true,
             "httponly": true, "expires": null, "max_age": 2592000, "for_domain": null},
        ]},
        "test_devices": [],
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    parse(&document.to_string()).unwrap()
}

#[test]
fn broken_documents_name_the_place_and_quote_nothing() {
    for (document, expected) in [
        (r#"{"password":"s3cr3t"#, "line 1"),
        (r#"["s3cr3t"]"#, "a list"),
        (r#""s3cr3t""#, "a single value"),
        ("<html>s3cr3t</html>", "a web page"),
        ("", "empty"),
        (" \n", "empty"),
    ] {
        let message = parse(document).unwrap_err().to_string();
        assert!(
            message.contains(expected) && !message.contains("s3cr3t"),
            "{message}"
        );
    }
}

#[test]
fn a_broken_key_names_its_field_and_leaves_the_apple_id() {
    let rsa = include_str!("../../tests/keys/rsa-pkcs8.pem");
    for (changes, expected) in [
        (json!({"issuer_id": "", "private_key": "s3cr3t"}), "issuer_id"),
        (json!({"issuer_id": null}), "issuer_id"),
        (json!({"key_id": "", "private_key": "s3cr3t"}), "key_id"),
        (json!({"key_id": {"s3cr3t": 1}}), "key_id"),
        (json!({"private_key": null}), "private_key"),
        (
            json!({"private_key": "s3cr3ts3cr3t"}),
            "text that is not a private key",
        ),
        (json!({"private_key": rsa}), "an RSA private key"),
        (json!({"issuer_id": "SBXTEAM123"}), "looks like a team ID"),
        (json!({"issuer_id": "2X9R4HXF34"}), "is the key ID"),
    ] {
        let connection = with(changes);
        assert!(connection.api_key.is_none());
        let message = transport::chain(&connection.api_key_error.unwrap());
        assert!(
            message.contains(expected) && !message.contains("s3cr3t"),
            "{message}"
        );
        assert_eq!(connection.apple_id.unwrap().session.unwrap().cookies.len(), 1);
    }
}

#[test]
fn a_broken_apple_id_leaves_the_key() {
    for changes in [
        json!({"session_cookies": "s3cr3t"}),
        json!({"session_cookies": {"https://idmsa.apple.com": "s3cr3t"}}),
        json!({"session_cookies": 7}),
        json!({"connection_expiry_date": "soon"}),
        json!({"connection_expiry_date": {}}),
        json!({"apple_id": 7, "password": {}}),
        json!({"apple_id": null}),
        json!({"apple_id": []}),
        json!({"password": ["s3cr3t"], "app_specific_password": 7}),
        json!({"test_devices": "s3cr3t"}),
        json!({"test_devices": [null, 7, {}]}),
    ] {
        let connection = with(changes.clone());
        assert!(connection.api_key_error.is_none(), "{changes}");
        assert_eq!(connection.api_key.unwrap().key_id, "2X9R4HXF34", "{changes}");
        let told = format!("{:?} {:?}", connection.warnings, connection.apple_id_error);
        assert!(!told.contains("s3cr3t"), "{told}");
    }
}

#[test]
fn null_is_absent_everywhere() {
    let connection = parse("null").unwrap();
    assert!(connection.api_key.is_none() && connection.apple_id.is_none());
    let all = [
        "apple_id",
        "password",
        "app_specific_password",
        "connection_expiry_date",
        "session_cookies",
        "key_id",
        "issuer_id",
        "private_key",
        "is_enterprise_account",
        "test_devices",
    ];
    let nothing: Map<String, Value> = all.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    let connection = with(Value::Object(nothing));
    assert!(connection.api_key.is_none() && connection.api_key_error.is_none());
    assert!(connection.apple_id.is_none() && connection.apple_id_error.is_none());
    assert!(connection.test_devices.is_empty() && connection.warnings.is_empty());
    for name in all {
        let mut changes = Map::new();
        changes.insert(name.to_owned(), Value::Null);
        let connection = with(Value::Object(changes));
        assert!(
            connection.warnings.is_empty(),
            "{name}: {:?}",
            connection.warnings
        );
        assert!(
            connection.api_key.is_some() || connection.apple_id.is_some(),
            "{name}"
        );
    }
}

#[test]
fn a_broken_cookie_is_left_out_alone() {
    let good = json!({"name": "myacinfo", "value": "t0kent0ken"});
    let connection = with(json!({"session_cookies": {
        "https://idmsa.apple.com": [good, null, {"name": "x"}, {"value": "s3cr3ts3cr3t"}, "s3cr3t", 7,
            {"name": "n", "value": null}, {"name": null, "value": "s3cr3t"}, good],
        "https://appstoreconnect.apple.com": null,
        "https://developer.apple.com": [],
        "https://single.apple.com": good,
    }}));
    let cookies = connection.apple_id.unwrap().session.unwrap().cookies;
    assert_eq!(cookies.len(), 3);
    assert_eq!(connection.warnings.len(), 6, "{:?}", connection.warnings);
    assert!(connection.warnings.iter().all(|line| !line.contains("s3cr3t")));
}

#[test]
fn cookies_have_the_types_that_languages_give_them() {
    let connection = with(json!({"session_cookies": [
        {"name": "a", "value": 12345678, "path": null, "domain": ".apple.com", "secure": "true", "httponly": 1,
         "max_age": "2592000", "expires": "", "for_domain": false},
        {"name": "b", "value": "", "path": "/x", "domain": null, "secure": null, "httponly": null, "max_age": 1.5},
    ]}));
    assert!(connection.warnings.is_empty(), "{:?}", connection.warnings);
    let cookies = connection.apple_id.unwrap().session.unwrap().cookies;
    let first = &cookies[0];
    assert_eq!(
        (first.origin.as_str(), first.value.expose_secret()),
        ("https://apple.com", "12345678")
    );
    assert!(first.secure && first.http_only && !first.for_domain && first.expires.is_none());
    assert_eq!(first.max_age, Some(2_592_000));
    let second = &cookies[1];
    assert_eq!(
        (second.path.as_str(), second.domain.as_str(), second.max_age),
        ("/x", "", Some(1))
    );
    assert!(second.for_domain && !second.secure);
}

#[test]
fn dates_are_read_in_every_form() {
    let day = datetime!(2026-12-24 23:59:59 UTC);
    let moment = datetime!(2026-12-24 10:00:00 UTC);
    for (date, expected) in [
        (json!("2026-12-24"), day),
        (json!(" 2026-12-24 "), day),
        (json!("2026-12-24T10:00:00Z"), moment),
        (json!("2026-12-24T12:00:00+02:00"), moment),
        (json!("2026-12-24T12:00:00.000+0200"), moment),
        (json!("2026-12-24 12:00:00 +0200"), moment),
        (json!("2026-12-24T10:00:00"), moment),
        (json!("2026-12-24 10:00:00 UTC"), moment),
        (json!("2026-12-24 10:00:00"), moment),
        (json!("2026-12-24T10:00"), moment),
        (json!("2026-12-24 10:00:00Z"), moment),
        (json!(moment.unix_timestamp()), moment),
        (json!(moment.unix_timestamp() * 1000), moment),
    ] {
        let connection = with(json!({"connection_expiry_date": date}));
        let session = connection.apple_id.unwrap().session.unwrap();
        assert_eq!(session.expires_at, Some(expected), "{date}");
    }
    for date in [json!("soon"), json!("24.12.2026"), json!([1]), json!(true)] {
        let connection = with(json!({"connection_expiry_date": date}));
        assert_eq!(
            connection.apple_id.unwrap().session.unwrap().expires_at,
            None,
            "{date}"
        );
        assert_eq!(connection.warnings.len(), 1, "{date}");
    }
    assert!(with(json!({"connection_expiry_date": ""})).warnings.is_empty());
}

#[test]
fn blank_passwords_are_none_and_others_keep_their_blanks() {
    let connection = with(json!({"app_specific_password": "  ", "password": " p "}));
    let apple_id = connection.apple_id.unwrap();
    assert!(apple_id.app_specific_password.is_none());
    assert_eq!(apple_id.password.unwrap().expose_secret(), " p ");
}

#[test]
fn an_enterprise_key_says_so_in_several_ways() {
    for (value, expected) in [
        (json!(true), true),
        (json!("true"), true),
        (json!("yes"), true),
        (json!(1), true),
        (json!(false), false),
        (json!("false"), false),
        (json!("no"), false),
        (json!(null), false),
        (json!([]), false),
    ] {
        let connection = with(json!({"is_enterprise_account": value}));
        assert_eq!(connection.api_key.unwrap().enterprise, expected, "{value}");
    }
}

#[test]
fn ids_are_trimmed_and_an_odd_key_id_is_worth_a_warning() {
    let connection =
        with(json!({"key_id": " 2X9R4HXF34\n", "issuer_id": "\"57246542-96fe-1a63-e053-0824d011072a\""}));
    let key = connection.api_key.unwrap();
    assert_eq!(key.key_id, "2X9R4HXF34");
    assert_eq!(
        key.issuer_id.as_deref(),
        Some("57246542-96fe-1a63-e053-0824d011072a")
    );
    assert!(connection.warnings.is_empty());
    let connection = with(json!({"key_id": "2x9r4"}));
    assert!(connection.api_key.is_some());
    assert!(
        connection.warnings[0].contains("ten"),
        "{:?}",
        connection.warnings
    );
}

#[test]
fn test_devices_are_cleaned_and_counted_once() {
    let connection = parse(
        r#"{"test_devices":[{"device_identifier":"00008101-000a1b2c3d4e001e ","title":"A"},
            {"device_identifier":"00008101000A1B2C3D4E001E","title":"B"},
            {"device_identifier":null,"title":null}]}"#,
    )
    .unwrap();
    assert_eq!(connection.test_devices.len(), 1);
    assert_eq!(connection.warnings.len(), 2);
}

#[test]
fn nothing_connected_is_no_error() {
    let connection = parse("{}").unwrap();
    assert!(connection.api_key.is_none() && connection.apple_id.is_none());
    assert!(connection.api_key_error.is_none() && connection.apple_id_error.is_none());
}

#[tokio::test]
async fn a_file_url_names_the_directory_or_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let document = json!({"apple_id": "ada@example.com"}).to_string();
    let folder = directory.path().join("with blanks");
    std::fs::create_dir(&folder).unwrap();
    for name in [DOCUMENT, "other.json", "document"] {
        std::fs::write(folder.join(name), &document).unwrap();
    }
    let folder = folder.display();
    for url in [
        format!("file://{folder}"),
        format!("file://{folder}/"),
        format!("file://{folder}/{DOCUMENT}"),
        format!("file://{folder}/other.json"),
        format!("file://{folder}/document"),
        format!(" file://{folder}/other.json "),
        format!("file://{}", folder.to_string().replace(' ', "%20")),
        format!("file://{}/other.json", folder.to_string().replace(' ', "%20")),
    ] {
        let connection = fetch(&url, None, &Redactor::new()).await.unwrap();
        assert_eq!(connection.apple_id.unwrap().apple_id, "ada@example.com", "{url}");
    }
}
