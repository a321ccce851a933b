//! Every request of the steps and every answer of the sandbox against Apple's own API document.

use apple_sandbox::{Fault, Kind, Sandbox, Seed, SeedDevice, SeedProfile};
use e2e::contract::Contract;
use e2e::{Machine, ipa};

/// A portal that gives the step a reason for every kind of request.
fn seed() -> Seed {
    let profile = |name: &str, days, state: &str| SeedProfile {
        name: name.to_owned(),
        profile_type: "IOS_APP_DEVELOPMENT".to_owned(),
        bundle_id: "com.example.courier".to_owned(),
        days,
        state: state.to_owned(),
        ..SeedProfile::default()
    };
    Seed {
        bundle_ids: [("com.example.courier".to_owned(), vec!["GAME_CENTER".to_owned()])].into(),
        // More than an answer includes, so that the rest is asked for.
        profiles: (0..60)
            .map(|index| profile(&format!("Other profile {index}"), 100, "ACTIVE"))
            .chain([profile(
                "Bitrise iOS development - (com.example.courier)",
                100,
                "INVALID",
            )])
            .collect(),
        // More than a page.
        devices: (0..230)
            .map(|index| SeedDevice {
                name: format!("Device {index}"),
                udid: format!("00008110-{index:016X}"),
                device_class: "IPHONE".to_owned(),
                status: if index % 50 == 0 { "DISABLED" } else { "ENABLED" }.to_owned(),
            })
            .collect(),
        device_limit: 300,
        ..Seed::default()
    }
}

/// Uploads by both ways, one of them in vain.
fn upload(sandbox: &Sandbox) {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    let path = machine.file("App.ipa", ipa(&[]));
    let by = |uploader: &'static str, path: &str| {
        let inputs = [
            ("ipa_path", path),
            ("uploader", uploader),
            ("wait_for_processing", "yes"),
        ];
        machine.run("step-application-loader", &inputs)
    };
    sandbox.fail(Fault::times("PUT /storage/", 12, Kind::Expired));
    by("native", &path).ended(1);
    sandbox.state().faults.clear();
    by("native", &path).ended(0);
    by("native", &path).ended(0).said(&["already delivered"]);
    let same_name = machine.file("Same.ipa", ipa(&[("CFBundleName", "Another")]));
    by("native", &same_name).ended(1);
    let other = machine.file("Other.ipa", ipa(&[("CFBundleVersion", "43")]));
    by("altool", &other).ended(0);
}

#[test]
#[cfg_attr(no_api_document, ignore = "Apple's API document is not beside the repository")]
fn requests_and_answers_are_those_of_the_document() {
    let contract = Contract::of_app_store_connect();
    let sandbox = Sandbox::start(&seed()).unwrap();
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    for distribution in ["app-store", "ad-hoc"] {
        machine
            .run(
                "step-auto-provision-asc",
                &[
                    ("distribution_type", distribution),
                    ("register_test_devices", "yes"),
                    ("sign_uitest_targets", "yes"),
                ],
            )
            .ended(0);
    }
    upload(&sandbox);
    let state = sandbox.state();
    let judged: Vec<_> = state
        .requests
        .iter()
        .filter(|request| request.path.starts_with("/v1/"))
        .collect();
    let kinds: std::collections::BTreeSet<String> = judged
        .iter()
        .map(|request| {
            format!(
                "{} {}",
                request.method,
                request.path.split('/').nth(2).unwrap_or_default()
            )
        })
        .collect();
    for kind in [
        "GET certificates",
        "GET devices",
        "POST devices",
        "GET bundleIds",
        "POST bundleIds",
        "POST bundleIdCapabilities",
        "POST profiles",
        "DELETE profiles",
        "GET apps",
        "POST buildUploads",
        "GET buildUploads",
        "DELETE buildUploads",
        "POST buildUploadFiles",
        "GET buildUploadFiles",
        "PATCH buildUploadFiles",
        "GET builds",
    ] {
        assert!(kinds.contains(kind), "{kind} is missing in {kinds:?}");
    }
    let problems: Vec<String> = judged
        .iter()
        .flat_map(|request| contract.judge(request))
        .collect();
    assert!(
        problems.is_empty(),
        "{} problems: {:#?}",
        problems.len(),
        &problems[..problems.len().min(12)]
    );
    eprintln!("{} requests and answers are as documented", judged.len());
}
