//! The newer services against the sandbox: each request in the shape that `@expo/apple-utils` 2.2.1 and spaceship send.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod common;

use apple_sandbox::{Json, Sandbox, Seed};
use apple_types::TeamId;
use developer_portal::v1::{Capability, NewProfile};
use developer_portal::{Services, Session, SessionError};
use redaction::Redactor;

const TEAM: &str = "SBXTEAM123";

fn team() -> TeamId {
    TEAM.parse().unwrap()
}

fn with<T>(sandbox: &Sandbox, work: impl AsyncFnOnce(&Session) -> T) -> T {
    let value = sandbox.state().apple_id.sessions()[0].clone();
    let account = common::account(None, &[("myacinfo", value)]);
    common::open(sandbox, &account, &Redactor::new(), async |session| {
        work(&session.unwrap()).await
    })
}

fn with_app(capabilities: &[&str]) -> (Sandbox, String) {
    let capabilities = capabilities.iter().map(|kind| (*kind).to_owned()).collect();
    let sandbox = Sandbox::start(&Seed {
        bundle_ids: [("com.example.app".to_owned(), capabilities)].into(),
        ..Seed::default()
    })
    .unwrap();
    let id = sandbox.state().bundle_ids[0].id.clone();
    (sandbox, id)
}

fn kinds(sandbox: &Sandbox) -> Vec<String> {
    let state = sandbox.state();
    let mut all: Vec<String> = state.bundle_ids[0]
        .capabilities
        .iter()
        .map(|one| one.capability_type.clone())
        .collect();
    all.sort();
    all
}

/// Method, path and body of what was asked of the newer services.
fn asked(sandbox: &Sandbox) -> Vec<(String, String, Json)> {
    let state = sandbox.state();
    state
        .requests
        .iter()
        .filter_map(|request| {
            let path = request.path.strip_prefix("/services-account/")?;
            path.starts_with("v1/").then(|| {
                let body = serde_json::from_str(&request.body).unwrap();
                (request.method.clone(), path.to_owned(), body)
            })
        })
        .collect()
}

#[test]
fn a_capability_is_enabled_and_the_others_stay_whatever_apple_does_with_them() {
    for replaced in [true, false] {
        let (sandbox, id) = with_app(&["APP_GROUPS", "IN_APP_PURCHASE", "SIRIKIT"]);
        {
            let mut state = sandbox.state();
            state.portal.capabilities_are_replaced = replaced;
            let group = apple_sandbox::Associable {
                id: "GROUPTOKEN".to_owned(),
                identifier: "group.x".to_owned(),
                name: "X".to_owned(),
            };
            state.associables.add(apple_sandbox::AssociableKind::Group, group);
            state.bundle_ids[0].groups = vec!["group.x".to_owned()];
        }
        with(&sandbox, async |session| {
            let team = team();
            let v1 = Services::new(session, &team).v1();
            v1.enable(&id, &[Capability::on("WEATHERKIT", &[])])
                .await
                .unwrap();
        });
        assert_eq!(
            kinds(&sandbox),
            ["APP_GROUPS", "IN_APP_PURCHASE", "SIRIKIT", "WEATHERKIT"]
        );
        assert_eq!(sandbox.state().bundle_ids[0].groups, ["group.x"]);
        let asked = asked(&sandbox);
        let methods: Vec<&str> = asked.iter().map(|(method, ..)| method.as_str()).collect();
        assert_eq!(methods, ["POST", "PATCH", "POST"], "read, write, and read again");
        // The form of the write is that of `updateBundleIdCapabilityAsync` of utils, with the complete set.
        let (_, path, body) = &asked[1];
        assert_eq!(path, &format!("v1/bundleIds/{id}"));
        assert_eq!(body["data"]["attributes"]["teamId"], TEAM);
        assert_eq!(body["data"]["attributes"]["identifier"], "com.example.app");
        let written = body["data"]["relationships"]["bundleIdCapabilities"]["data"]
            .as_array()
            .unwrap();
        let new = written
            .iter()
            .find(|one| one["relationships"]["capability"]["data"]["id"] == "WEATHERKIT")
            .unwrap();
        assert_eq!(
            new["attributes"],
            serde_json::json!({"enabled": true, "settings": []})
        );
        assert_eq!(written.len(), 4);
    }
}

#[test]
fn settings_are_written_as_the_web_page_writes_them() {
    let (sandbox, id) = with_app(&[]);
    let settings = [("ICLOUD_VERSION".to_owned(), vec!["XCODE_6".to_owned()])];
    with(&sandbox, async |session| {
        let team = team();
        let v1 = Services::new(session, &team).v1();
        v1.enable(&id, &[Capability::on("ICLOUD", &settings)])
            .await
            .unwrap();
        let read = v1.bundle_id(&id).await.unwrap();
        assert_eq!(read.capabilities[0].settings, settings);
    });
    let written = asked(&sandbox)[1].2["data"]["relationships"]["bundleIdCapabilities"]["data"][0]["attributes"]
        ["settings"]
        .clone();
    assert_eq!(
        written,
        serde_json::json!([{"key": "ICLOUD_VERSION", "options": [{"key": "XCODE_6", "enabled": true}]}])
    );
}

#[test]
fn an_app_clip_belongs_to_its_app() {
    let (sandbox, id) = with_app(&[]);
    with(&sandbox, async |session| {
        let team = team();
        let v1 = Services::new(session, &team).v1();
        v1.create_app_clip(&"com.example.app.Clip".parse().unwrap(), "Clip", &id)
            .await
            .unwrap();
        let refused = v1
            .create_app_clip(&"com.example.app.Two".parse().unwrap(), "Clip", "NOSUCHID")
            .await;
        assert!(matches!(refused, Err(SessionError::V1(_))));
    });
    let state = sandbox.state();
    assert_eq!(state.bundle_ids[1].parent.as_deref(), Some(id.as_str()));
    assert_eq!(state.bundle_ids.len(), 2);
}

#[test]
fn a_profile_that_the_older_services_have_no_word_for_is_made_listed_and_deleted() {
    let (sandbox, id) = with_app(&[]);
    sandbox.state().add_device(
        &apple_sandbox::SeedDevice {
            name: "Desk".to_owned(),
            udid: "AAAAAAAA-0000-4000-8000-000000000001".to_owned(),
            device_class: "INTEL_MAC".to_owned(),
            status: "ENABLED".to_owned(),
        },
        clock::now(),
    );
    let (certificate, device) = {
        let state = sandbox.state();
        (
            state.certificates[0].id.clone(),
            state.devices.last().unwrap().id.clone(),
        )
    };
    with(&sandbox, async |session| {
        let team = team();
        let v1 = Services::new(session, &team).v1();
        let new = NewProfile {
            name: "Catalyst",
            profile_type: "MAC_CATALYST_APP_DEVELOPMENT",
            bundle_id: &id,
            certificates: &[certificate],
            devices: &[device],
        };
        let made = v1.create_profile(new).await.unwrap();
        assert!(!made.content.is_empty());
        let again = v1.create_profile(new).await.unwrap_err();
        assert!(again.may_be_race(), "{again}");
        let listed = v1.profiles(&["MAC_CATALYST_APP_DEVELOPMENT"]).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&made));
        v1.delete_profile(&made.id).await.unwrap();
    });
    assert!(sandbox.state().profiles.is_empty());
}

#[test]
fn a_session_that_ends_is_renewed_and_refusals_keep_apples_words() {
    let (sandbox, id) = with_app(&[]);
    let password = sandbox.state().apple_id.seed.password.clone();
    let (session, trust) = {
        let state = sandbox.state();
        (
            state.apple_id.sessions()[0].clone(),
            state.apple_id.trust().to_owned(),
        )
    };
    let account = common::account(Some(&password), &[("myacinfo", session), ("DES5a", trust)]);
    common::open(&sandbox, &account, &Redactor::new(), async |session| {
        let session = session.unwrap();
        let team = team();
        let v1 = Services::new(&session, &team).v1();
        sandbox.state().apple_id.end_sessions();
        v1.bundle_id(&id).await.unwrap();
        let Err(SessionError::V1(refusal)) = v1.bundle_id("NOSUCHID").await else {
            panic!("it is refused");
        };
        assert_eq!(refusal.status, 404);
        assert!(refusal.to_string().contains("NOSUCHID") && !refusal.is_missing());
    });
}
