//! The services against the sandbox's portal, which takes a change only with the right token.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod common;

use apple_sandbox::{Fault, Kind, Sandbox, Seed, SeedDevice, SeedProfile};
use apple_types::{TeamId, Udid};
use developer_portal::{
    Assignable, ProfileRequest, Services, Session, SessionError, Slug, envelope::Refusal,
};
use redaction::Redactor;

fn team() -> TeamId {
    "SBXTEAM123".parse().unwrap()
}

/// Does something with a session on the portal of a sandbox.
fn with<T>(sandbox: &Sandbox, work: impl AsyncFnOnce(&Session) -> T) -> T {
    let value = sandbox.state().apple_id.sessions()[0].clone();
    let account = common::account(None, &[("myacinfo", value)]);
    common::open(sandbox, &account, &Redactor::new(), async |session| {
        work(&session.unwrap()).await
    })
}

fn device(number: usize) -> SeedDevice {
    SeedDevice {
        name: format!("Device {number}"),
        udid: format!("00008110-{number:016X}"),
        device_class: "IPHONE".to_owned(),
        status: "ENABLED".to_owned(),
    }
}

#[test]
fn long_lists_come_in_pages() {
    for count in [499, 500, 501, 1200] {
        let sandbox = Sandbox::start(&Seed {
            devices: (0..count).map(device).collect(),
            ..Seed::default()
        })
        .unwrap();
        let listed = with(&sandbox, async |session| {
            Services::new(session, &team()).devices(Slug::Ios).await
        });
        assert_eq!(listed.unwrap().len(), count);
    }
}

#[test]
fn a_change_fetches_the_token_of_its_kind_and_a_forgotten_one_anew() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    with(&sandbox, async |session| {
        let team = team();
        let services = Services::new(session, &team);
        // None was listed before: the first change fetches a token.
        services
            .add_app_id(Slug::Ios, &"com.example.one".parse().unwrap(), "One")
            .await
            .unwrap();
        sandbox.state().apple_id.forget_tokens();
        services
            .add_app_id(Slug::Ios, &"com.example.two".parse().unwrap(), "Two")
            .await
            .unwrap();
        services
            .add_app_id(Slug::Ios, &"com.example.*".parse().unwrap(), "All")
            .await
            .unwrap();
    });
    assert_eq!(sandbox.state().bundle_ids.len(), 3);
}

#[test]
fn changes_that_come_together_wait_for_each_other() {
    let sandbox = Sandbox::start(&Seed {
        device_limit: 1000,
        ..Seed::default()
    })
    .unwrap();
    with(&sandbox, async |session| {
        let team = team();
        let services = Services::new(session, &team);
        let names: Vec<Udid> = (100..130)
            .map(|number| device(number).udid.parse().unwrap())
            .collect();
        let added = names
            .iter()
            .map(|udid| services.add_device(Slug::Ios, "one of many", udid));
        for answer in futures_util::future::join_all(added).await {
            answer.unwrap();
        }
    });
    assert_eq!(sandbox.state().devices.len(), 32);
}

#[test]
fn a_profile_is_made_repaired_downloaded_and_deleted() {
    let sandbox = Sandbox::start(&Seed {
        bundle_ids: [("com.example.app".to_owned(), Vec::new())].into(),
        profiles: vec![SeedProfile {
            name: "There".to_owned(),
            bundle_id: "com.example.app".to_owned(),
            ..SeedProfile::default()
        }],
        ..Seed::default()
    })
    .unwrap();
    with(&sandbox, async |session| {
        let team = team();
        let services = Services::new(session, &team);
        let there = services.profiles(Slug::Ios).await.unwrap().remove(0);
        let content = services.content(Slug::Ios, &there).await.unwrap();
        assert!(content.windows(5).any(|window| window == b"<dict"));
        let devices: Vec<String> = services
            .devices(Slug::Ios)
            .await
            .unwrap()
            .into_iter()
            .map(|device| device.device_id)
            .collect();
        let certificate = services
            .certificates(Slug::Ios)
            .await
            .unwrap()
            .into_iter()
            .find(|certificate| certificate.certificate_type_display_id == "83Q87W3TGH")
            .unwrap();
        let der = services
            .download_certificate(Slug::Ios, &certificate)
            .await
            .unwrap();
        assert_eq!(der[0], 0x30);
        let app_id = services.app_ids(Slug::Ios).await.unwrap().remove(0);
        let certificates = [certificate.certificate_id];
        let request = ProfileRequest {
            slug: Slug::Ios,
            name: "There",
            app_id: &app_id.app_id_id,
            distribution: "limited",
            sub_platform: None,
            certificates: &certificates,
            devices: &devices,
        };
        // A name that is taken.
        let error = services.create_profile(request).await.unwrap_err();
        assert!(error.may_be_race(), "{error}");
        assert!(
            error
                .to_string()
                .contains("Multiple profiles found with the name 'There'"),
            "{error}"
        );
        let repaired = services
            .repair_profile(&there.provisioning_profile_id, request)
            .await
            .unwrap();
        assert_ne!(repaired.provisioning_profile_id, there.provisioning_profile_id);
        assert!(services.content(Slug::Ios, &repaired).await.unwrap() != content);
        services
            .delete_profile(Slug::Ios, &repaired.provisioning_profile_id)
            .await
            .unwrap();
    });
    assert!(sandbox.state().profiles.is_empty());
}

#[test]
fn groups_containers_and_features_are_set() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    with(&sandbox, async |session| {
        let team = team();
        let services = Services::new(session, &team);
        let app_id = services
            .add_app_id(Slug::Ios, &"com.example.app".parse().unwrap(), "App")
            .await
            .unwrap();
        for (what, identifier) in [
            (Assignable::AppGroups, "group.com.example"),
            (Assignable::CloudContainers, "iCloud.com.example"),
        ] {
            let made = services.add_assignable(what, identifier, "Made").await.unwrap();
            services
                .assign(what, &app_id.app_id_id, std::slice::from_ref(&made.id))
                .await
                .unwrap();
            assert_eq!(services.assignables(what).await.unwrap(), [made]);
        }
        for (feature, value) in [
            ("push", "true"),
            ("cloudKitVersion", "2"),
            ("dataProtection", "unlessopen"),
        ] {
            services
                .set_feature(&app_id.app_id_id, feature, value)
                .await
                .unwrap();
        }
        let details = services.app_id(Slug::Ios, &app_id.app_id_id).await.unwrap();
        assert_eq!(details.features["push"], true);
        assert_eq!(details.features["cloudKitVersion"], 2);
        assert_eq!(details.features["dataProtection"], "unlessopen");
        assert_eq!(
            details.associated_application_groups[0].identifier,
            "group.com.example"
        );
        assert_eq!(
            details.associated_cloud_containers[0].identifier,
            "iCloud.com.example"
        );
    });
}

#[test]
fn groups_are_assigned_with_either_kind_of_token_and_the_second_is_tried_once() {
    for by_app_id in [false, true] {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        sandbox.state().portal.assigned_by_app_id_tokens = by_app_id;
        with(&sandbox, async |session| {
            let team = team();
            let services = Services::new(session, &team);
            let app_id = services
                .add_app_id(Slug::Ios, &"com.example.app".parse().unwrap(), "App")
                .await
                .unwrap();
            let what = Assignable::AppGroups;
            let made = services.add_assignable(what, "group.x", "Made").await.unwrap();
            services
                .assign(what, &app_id.app_id_id, &[made.id])
                .await
                .unwrap();
        });
        let state = sandbox.state();
        assert_eq!(state.bundle_ids[0].groups, ["group.x"]);
        let refused = state
            .requests
            .iter()
            .filter(|request| request.status == 400)
            .count();
        assert_eq!(refused, usize::from(by_app_id));
    }
}

#[test]
fn refusals_carry_apples_words() {
    let sandbox = Sandbox::start(&Seed {
        device_limit: 2,
        ..Seed::default()
    })
    .unwrap();
    with(&sandbox, async |session| {
        let team = team();
        let services = Services::new(session, &team);
        let refusal = |error: SessionError| match error {
            SessionError::Portal(refusal) => refusal,
            other => panic!("{other}"),
        };
        let full = services
            .add_device(Slug::Ios, "x", &device(9).udid.parse().unwrap())
            .await
            .unwrap_err();
        assert!(matches!(refusal(full), Refusal::DeviceLimit(_)));
        let no_udid = services
            .add_device(Slug::Ios, "x", &"what".parse().unwrap())
            .await
            .unwrap_err();
        assert!(matches!(refusal(no_udid), Refusal::Device(_)));
        let no_team = "NOSUCHTEAM".parse().unwrap();
        let wrong_team = Services::new(session, &no_team);
        let error = refusal(wrong_team.devices(Slug::Ios).await.unwrap_err());
        assert!(error.to_string().contains("'NOSUCHTEAM'"), "{error}");
        assert!(matches!(error, Refusal::Team(_)));
        sandbox.fail(Fault::times("POST /services-account", 1, Kind::Agreement));
        let error = refusal(services.profiles(Slug::Ios).await.unwrap_err());
        assert!(matches!(error, Refusal::Agreement(_)));
    });
}
