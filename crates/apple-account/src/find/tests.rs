//! What the inputs mean, with real keys and files.

use serde_json::json;

use super::*;

const KEY: &str = include_str!("../../tests/keys/right.p8");
const ISSUER: &str = "57246542-96fe-1a63-e053-0824d011072a";

fn request(credentials: &InputCredentials) -> Request<'_> {
    Request {
        selection: Selection::Off,
        team_key_only: false,
        needs_session: true,
        build_url: None,
        build_api_token: None,
        document: None,
        credentials,
    }
}

async fn found(request: Request<'_>) -> Result<Found, FindError> {
    find(request, &Redactor::new(), OffsetDateTime::UNIX_EPOCH).await
}

async fn key(credentials: &InputCredentials) -> Result<(ApiKey, Vec<String>), FindError> {
    let found = found(request(credentials)).await?;
    match found.account {
        Some(Account::ApiKey(key)) => Ok((key, found.warnings)),
        other => panic!("{other:?}"),
    }
}

fn text(key: &str, issuer: Option<&str>, key_id: Option<&str>) -> InputCredentials {
    InputCredentials {
        key_text: Some(key.into()),
        issuer: issuer.map(str::to_owned),
        key_id: key_id.map(str::to_owned),
        ..InputCredentials::default()
    }
}

#[tokio::test]
async fn a_key_is_taken_from_either_input_as_text_or_as_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("AuthKey_2X9R4HXF34 (1).p8");
    std::fs::write(&path, KEY.replace('\n', " ")).unwrap();
    let path = path.display().to_string();
    for value in [
        KEY,
        &KEY.replace('\n', "\\n"),
        &path,
        &format!("file://{path}"),
        &format!("'{path}'"),
    ] {
        for is_location in [true, false] {
            let secret = Some(value.into());
            let credentials = InputCredentials {
                key_location: secret.clone().filter(|_| is_location),
                key_text: secret.filter(|_| !is_location),
                key_id: (!value.contains("AuthKey")).then(|| "2X9R4HXF34".to_owned()),
                issuer: Some(ISSUER.to_owned()),
                ..InputCredentials::default()
            };
            let (key, warnings) = key(&credentials).await.unwrap();
            assert_eq!(key.private_key.expose_secret(), KEY, "{value}");
            assert_eq!(
                (key.key_id.as_str(), key.issuer_id.as_deref()),
                ("2X9R4HXF34", Some(ISSUER))
            );
            assert!(warnings.is_empty() && !key.enterprise);
        }
    }
}

#[tokio::test]
async fn both_inputs_work_together() {
    let credentials = InputCredentials {
        key_location: Some("/nowhere/AuthKey_2X9R4HXF34.p8".into()),
        is_enterprise: true,
        ..text(KEY, Some(ISSUER), None)
    };
    let (key, warnings) = key(&credentials).await.unwrap();
    assert_eq!(key.key_id, "2X9R4HXF34");
    assert!(key.enterprise && warnings[0].contains("twice"));
}

#[tokio::test]
async fn fastlanes_key_file_brings_its_ids_and_inputs_win() {
    let team = json!({"key_id": "2X9R4HXF34", "issuer_id": ISSUER, "key": KEY, "in_house": true}).to_string();
    let (team_key, _) = key(&text(&team, None, None)).await.unwrap();
    assert_eq!(
        (team_key.key_id.as_str(), team_key.issuer_id.as_deref()),
        ("2X9R4HXF34", Some(ISSUER))
    );
    assert!(team_key.enterprise);
    let other = "00000000-96fe-1a63-e053-0824d011072a";
    let (given, _) = key(&text(&team, Some(other), Some("OTHERKEY12"))).await.unwrap();
    assert_eq!(
        (given.key_id.as_str(), given.issuer_id.as_deref()),
        ("OTHERKEY12", Some(other))
    );
    let individual = json!({"key_id": "2X9R4HXF34", "key": KEY}).to_string();
    assert_eq!(
        key(&text(&individual, None, None)).await.unwrap().0.issuer_id,
        None
    );
}

#[tokio::test]
async fn ids_are_trimmed_turned_round_and_looked_at() {
    let (trimmed, warnings) = key(&text(
        KEY,
        Some(" 57246542-96fe-1a63-e053-0824d011072a\n"),
        Some(" 2X9R4HXF34 "),
    ))
    .await
    .unwrap();
    assert_eq!(
        (trimmed.key_id.as_str(), trimmed.issuer_id.as_deref()),
        ("2X9R4HXF34", Some(ISSUER))
    );
    assert!(warnings.is_empty());
    let (swapped, warnings) = key(&text(KEY, Some("2X9R4HXF34"), Some(ISSUER))).await.unwrap();
    assert_eq!(
        (swapped.key_id.as_str(), swapped.issuer_id.as_deref()),
        ("2X9R4HXF34", Some(ISSUER))
    );
    assert_eq!(warnings.len(), 1);
    let (named, _) = key(&text(KEY, Some(ISSUER), Some("AuthKey_2X9R4HXF34.p8")))
        .await
        .unwrap();
    assert_eq!(named.key_id, "2X9R4HXF34");
    let (odd, warnings) = key(&text(KEY, Some(ISSUER), Some("2x9r4"))).await.unwrap();
    assert_eq!(odd.key_id, "2x9r4");
    assert!(warnings[0].contains("`2x9r4`"), "{warnings:?}");
    for (issuer, expected) in [
        ("SBXTEAM123", IssuerError::TeamId),
        ("2X9R4HXF34", IssuerError::KeyId),
        ("x", IssuerError::Other),
    ] {
        let error = key(&text(KEY, Some(issuer), Some("2X9R4HXF34")))
            .await
            .unwrap_err();
        assert!(
            matches!(error, FindError::Issuer { reason, .. } if reason == expected),
            "{error:?}"
        );
    }
    let nameless = InputCredentials {
        key_location: Some(KEY.into()),
        ..text(KEY, Some(ISSUER), None)
    };
    assert!(matches!(key(&nameless).await, Err(FindError::NoKeyId)));
}

#[tokio::test]
async fn an_individual_key_is_refused_where_the_team_is_needed() {
    let credentials = text(KEY, Some("individual"), Some("2X9R4HXF34"));
    assert_eq!(key(&credentials).await.unwrap().0.issuer_id, None);
    let request = Request {
        team_key_only: true,
        ..request(&credentials)
    };
    assert!(matches!(found(request).await, Err(FindError::Individual)));
}

#[tokio::test]
async fn errors_quote_no_input() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("AuthKey_2X9R4HXF34.p8");
    std::fs::write(&path, "s3cr3ts3cr3t").unwrap();
    let half = &KEY[..150];
    for value in [
        "/s3cr3ts3cr3t/AuthKey_2X9R4HXF34.p8",
        "file:///s3cr3ts3cr3t",
        half,
        &path.display().to_string(),
        "s3cr3ts3cr3t",
    ] {
        for is_location in [true, false] {
            let secret = Some(value.into());
            let credentials = InputCredentials {
                key_location: secret.clone().filter(|_| is_location),
                key_text: secret.filter(|_| !is_location),
                ..text("", Some(ISSUER), Some("2X9R4HXF34"))
            };
            let credentials = InputCredentials {
                key_text: credentials.key_text,
                ..credentials
            };
            let error = key(&credentials).await.unwrap_err();
            let shown = format!("{} {error:?}", transport::chain(&error));
            for word in ["s3cr3t", "MIGHAgEA", &directory.path().display().to_string()] {
                assert!(!shown.contains(word), "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn an_account_survives_the_faults_of_the_other_one() {
    let credentials = InputCredentials::default();
    let broken_key = json!({"key_id": "2X9R4HXF34", "issuer_id": ISSUER, "private_key": "?", "apple_id": "ada@example.com",
        "session_cookies": {"https://idmsa.apple.com": [{"name": "n", "value": "v"}]}}).to_string();
    let automatic = |document| Request {
        selection: Selection::Automatic,
        document: Some(document),
        ..request(&credentials)
    };
    let apple_id = found(automatic(&broken_key)).await.unwrap();
    assert!(matches!(apple_id.account, Some(Account::AppleId(_))));
    assert!(matches!(apple_id.failure, Some(ConnectionError::Key(_))));
    assert_eq!(apple_id.explanation[0], "connected API key: can't be used");
    let only_key = Request {
        selection: Selection::ApiKey,
        ..automatic(&broken_key)
    };
    let nothing = found(only_key).await.unwrap();
    assert!(nothing.account.is_none() && nothing.failure.is_some());
    let broken_apple_id =
        json!({"key_id": "2X9R4HXF34", "issuer_id": ISSUER, "private_key": KEY, "password": "p",
        "session_cookies": [7], "connection_expiry_date": 0.5})
        .to_string();
    let key = found(automatic(&broken_apple_id)).await.unwrap();
    assert!(matches!(key.account, Some(Account::ApiKey(_))));
    assert!(key.failure.is_none());
}

#[tokio::test]
async fn a_blank_app_specific_password_does_not_beat_a_real_one() {
    let credentials = InputCredentials {
        app_specific_password: Some("wxyz-wxyz-wxyz-wxyz".into()),
        ..InputCredentials::default()
    };
    for (connected, expected) in [
        (json!("  "), "wxyz-wxyz-wxyz-wxyz"),
        (json!(null), "wxyz-wxyz-wxyz-wxyz"),
        (json!("abcd-abcd-abcd-abcd"), "abcd-abcd-abcd-abcd"),
    ] {
        let document = json!({"apple_id": "ada@example.com", "app_specific_password": connected}).to_string();
        let request = Request {
            selection: Selection::AppleId,
            document: Some(&document),
            ..request(&credentials)
        };
        let Some(Account::AppleId(apple_id)) = found(request).await.unwrap().account else {
            panic!("no Apple ID");
        };
        assert_eq!(apple_id.app_specific_password.unwrap().expose_secret(), expected);
    }
}

#[tokio::test]
async fn a_file_url_needs_no_token() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("connection.json");
    std::fs::write(&path, json!({"apple_id": "ada@example.com"}).to_string()).unwrap();
    let url = format!("file://{}", path.display());
    let credentials = InputCredentials::default();
    let request = Request {
        selection: Selection::Automatic,
        build_url: Some(&url),
        ..request(&credentials)
    };
    assert!(found(request).await.unwrap().account.is_some());
}
