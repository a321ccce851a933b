//! application-loader: from the upload to the testers.

use apple_sandbox::{Fault, Json, Kind, Pace, SeedBuild, SeedGroup, SeedRelease, Situation};
use e2e::Run;

use super::{APP, Shop, at, seed};

fn group(name: &str) -> SeedGroup {
    SeedGroup {
        name: name.to_owned(),
        ..SeedGroup::default()
    }
}

fn release() -> SeedRelease {
    SeedRelease {
        groups: vec![
            SeedGroup {
                internal: true,
                ..group("Team")
            },
            SeedGroup {
                internal: true,
                all_builds: true,
                ..group("Everyone")
            },
            SeedGroup {
                public_link: true,
                ..group("Friends")
            },
        ],
        builds: vec![SeedBuild {
            version: "1.0".to_owned(),
            number: "1".to_owned(),
            uses_encryption: Some(false),
        }],
        ..at(Situation::None)
    }
}

fn shop() -> Shop {
    Shop::of(&seed(release()))
}

impl Shop {
    /// Uploads and distributes.
    fn distribute(&self, inputs: &[(&str, &str)]) -> Run {
        let mut all = vec![
            ("ipa_path", "Courier.ipa"),
            ("uploader", "native"),
            ("uses_non_exempt_encryption", "no"),
            ("what_to_test", "Look at the widget."),
        ];
        for (key, value) in inputs {
            all.retain(|(known, _)| known != key);
            all.push((key, value));
        }
        let run = self.machine.run("step-application-loader", &all);
        self.checked(run)
    }

    /// What TestFlight shows of a build.
    fn build(&self, number: &str) -> Json {
        let product = self.sandbox.product();
        let builds = product["apps"][0]["builds"].as_array().unwrap();
        let own = builds.iter().find(|build| build["number"] == number);
        own.cloned().unwrap_or_default()
    }

    /// The builds of a group.
    fn builds_of(&self, name: &str) -> Vec<String> {
        let product = self.sandbox.product();
        let groups = product["apps"][0]["groups"].as_array().unwrap();
        let own = groups.iter().find(|group| group["name"] == name).unwrap();
        let builds = own["builds"].as_array().unwrap().iter();
        builds.map(|build| build.as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn an_internal_group_gets_the_build_at_once() {
    let shop = shop();
    shop.distribute(&[("beta_groups", "Team")])
        .ended(0)
        .said(&["Build 42 is available on TestFlight."]);
    assert_eq!(shop.builds_of("Team"), ["1.2.3 (42)"]);
    let build = shop.build("42");
    assert_eq!(build["internal"], "IN_BETA_TESTING");
    assert_eq!(build["external"], "READY_FOR_BETA_SUBMISSION");
    assert_eq!(build["what_to_test"]["en-US"], "Look at the widget.");
    let outputs = shop.machine.outputs();
    assert!(
        outputs["BITRISE_TESTFLIGHT_BUILD_URL"].starts_with(&format!(
            "https://appstoreconnect.apple.com/apps/{APP}/testflight/ios/"
        )),
        "{outputs:?}"
    );
}

#[test]
fn an_external_group_gets_the_build_after_beta_review() {
    let shop = shop();
    shop.distribute(&[("beta_groups", "Team|Friends")])
        .ended(0)
        .said(&["once Apple has reviewed it"]);
    assert_eq!(shop.build("42")["external"], "WAITING_FOR_BETA_REVIEW");
    assert_eq!(shop.builds_of("Friends"), ["1.2.3 (42)"]);
    assert!(
        shop.machine.outputs()["BITRISE_TESTFLIGHT_PUBLIC_LINK"]
            .starts_with("https://testflight.apple.com/join/")
    );
    shop.sandbox.beta_review("APPROVED").unwrap();
    assert_eq!(shop.build("42")["external"], "IN_BETA_TESTING");
}

#[test]
fn an_external_group_without_beta_review_is_said_to_wait_for_it() {
    let shop = shop();
    shop.distribute(&[("beta_groups", "Friends"), ("submit_beta_review", "no")])
        .ended(0)
        .said(&["once it is submitted for beta review and Apple has reviewed it"]);
    assert_eq!(shop.build("42")["external"], "READY_FOR_BETA_SUBMISSION");
}

#[test]
fn an_unknown_group_is_told_with_those_that_there_are_before_the_upload() {
    let shop = shop();
    shop.distribute(&[("beta_groups", "Freinds")])
        .ended(1)
        .said(&["Freinds", "Team", "Everyone", "Friends"]);
    assert_eq!(shop.writes(), [] as [String; 0]);
}

#[test]
fn a_group_with_all_builds_is_left_alone() {
    let shop = shop();
    shop.distribute(&[("beta_groups", "Everyone")])
        .ended(0)
        .said(&["gets every build by itself"]);
    assert!(shop.builds_of("Everyone").contains(&"1.2.3 (42)".to_owned()));
}

#[test]
fn a_plan_uploads_and_changes_nothing() {
    let shop = shop();
    shop.distribute(&[("beta_groups", "Team"), ("mode", "plan")])
        .ended(0)
        .said(&["Plan for TestFlight", "Team"]);
    assert_eq!(shop.writes(), [] as [String; 0]);
}

#[test]
fn a_build_that_is_there_is_distributed_without_an_upload() {
    let shop = shop();
    let inputs = [
        ("ipa_path", ""),
        ("bundle_id", "com.example.courier"),
        ("bundle_short_version_string", "1.0"),
        ("bundle_version", "1"),
        ("beta_groups", "Team"),
    ];
    shop.distribute(&inputs).ended(0);
    assert_eq!(shop.builds_of("Team"), ["1.0 (1)"]);
    assert!(shop.sandbox.state().uploads.is_empty());
    // Once more, there is nothing left to do.
    let writes = shop.writes().len();
    shop.distribute(&inputs).ended(0);
    assert_eq!(shop.writes()[writes..], [] as [String; 0]);
}

#[test]
fn processing_and_compliance_that_take_their_time_are_waited_for() {
    let shop = shop();
    shop.sandbox.state().release.pace = Pace {
        build: 3,
        compliance: 2,
        ..Pace::default()
    };
    shop.distribute(&[("beta_groups", "Friends")]).ended(0);
    assert_eq!(shop.build("42")["external"], "WAITING_FOR_BETA_REVIEW");
}

#[test]
fn a_build_that_fails_its_processing_is_given_to_nobody() {
    let shop = shop();
    shop.sandbox.state().release.pace.build = 1;
    shop.sandbox.state().release.build_outcome = "INVALID".to_owned();
    shop.distribute(&[("beta_groups", "Team")])
        .ended(1)
        .said(&["42", "Next:"]);
    assert_eq!(shop.builds_of("Team"), [] as [String; 0]);
}

#[test]
fn what_external_testing_lacks_is_told_before_the_upload() {
    let shop = Shop::of(&seed(SeedRelease {
        is_ready_for_beta_review: false,
        ..release()
    }));
    shop.distribute(&[("beta_groups", "Friends"), ("what_to_test", "")])
        .ended(1)
        .said(&["beta app description", "feedback", "phone", "what to test"]);
    assert_eq!(shop.writes(), [] as [String; 0]);
    shop.distribute(&[
        ("beta_groups", "Friends"),
        ("beta_app_description", "Courier delivers letters."),
        ("beta_feedback_email", "beta@example.com"),
        ("beta_contact_first_name", "Ada"),
        ("beta_contact_last_name", "Example"),
        ("beta_contact_email", "ada@example.com"),
        ("beta_contact_phone", "+4930123456"),
    ])
    .ended(0);
    assert_eq!(shop.build("42")["external"], "WAITING_FOR_BETA_REVIEW");
}

#[test]
fn builds_before_are_expired_where_that_is_asked_for() {
    let shop = shop();
    shop.distribute(&[("beta_groups", "Team"), ("expire_previous_builds", "yes")])
        .ended(0);
    assert_eq!(shop.build("1")["internal"], "EXPIRED");
    assert_eq!(shop.build("42")["internal"], "IN_BETA_TESTING");
}

#[test]
fn lost_answers_distribute_a_build_once() {
    for form in [
        "PATCH /v1/builds/*",
        "PATCH /v1/betaBuildLocalizations/*",
        "POST /v1/betaAppReviewSubmissions",
        "POST /v1/builds/*/relationships/betaGroups",
    ] {
        for kind in [
            Kind::Reset,
            Kind::ResetBefore,
            Kind::AppliedServerError,
            Kind::RateLimit { retry_after: Some(1) },
        ] {
            let shop = shop();
            shop.sandbox.fail(Fault::times(form, 1, kind.clone()));
            let run = shop.distribute(&[("beta_groups", "Friends")]);
            assert_eq!(run.status, Some(0), "{} at {form}\n{}", kind.name(), run.text);
            assert_eq!(shop.build("42")["external"], "WAITING_FOR_BETA_REVIEW", "{form}");
            assert_eq!(shop.builds_of("Friends"), ["1.2.3 (42)"], "{form}");
            assert_eq!(shop.sandbox.state().uploads.len(), 1, "{form}");
        }
    }
}
