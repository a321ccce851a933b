//! Every request of the steps and every answer of the sandbox against Apple's own API document.

#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

#[path = "contract/lives.rs"]
mod lives;

use std::collections::BTreeMap;

use apple_sandbox::{AppVersion, Fault, Json, Kind, Sandbox, Seed, SeedDevice, SeedProfile};
use e2e::client::Client;
use e2e::contract::Contract;
use e2e::{Machine, ipa};
use serde_json::json;

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

/// A document's `GET` operations whose resource is there, by path with an ID in it.
fn reads(document: &Json, ids: &dyn Fn(&str) -> Option<String>) -> Vec<(String, Json)> {
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(operation) = operations.get("get") else {
            continue;
        };
        let kind = path.split('/').nth(2).unwrap();
        let path = match (path.contains("{id}"), ids(kind)) {
            (false, _) => path.clone(),
            (true, Some(id)) => path.replace("{id}", &id),
            (true, None) => continue,
        };
        all.push((path, operation.clone()));
    }
    all
}

/// What a parameter may be given.
fn values(parameter: &Json) -> Vec<String> {
    let schema = &parameter["schema"];
    let name = parameter["name"].as_str().unwrap();
    match schema["items"]["enum"].as_array() {
        Some(values) if name == "sort" => values
            .iter()
            .map(|value| value.as_str().unwrap().to_owned())
            .collect(),
        Some(values) => {
            let all: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
            vec![all.join(","), all[0].to_owned()]
        }
        None if schema["type"] == "integer" => vec!["1".to_owned(), schema["maximum"].to_string()],
        None if schema["type"] == "boolean" => vec!["true".to_owned(), "false".to_owned()],
        None => vec!["true".to_owned()],
    }
}

fn encoded(name: &str) -> String {
    name.replace('[', "%5B").replace(']', "%5D")
}

/// A sandbox in which a resource of every kind is, and their IDs.
fn full() -> (Sandbox, Client, BTreeMap<String, String>) {
    let sandbox = Sandbox::start(&Seed {
        apps: Seed::with_versions(vec![AppVersion {
            version: "1.0".to_owned(),
            state: "READY_FOR_DISTRIBUTION".to_owned(),
            platform: "IOS".to_owned(),
        }])
        .apps,
        device_limit: 300,
        ..seed()
    })
    .unwrap();
    // What a version lacks is no matter of the document.
    sandbox.state().release.checks_completeness = false;
    let client = Client::of(&sandbox);
    let mut ids = BTreeMap::from([("apps".to_owned(), "1023456789".to_owned())]);
    let body = json!({"data": {"type": "buildUploads", "attributes": {"cfBundleShortVersionString": "1.1", "cfBundleVersion": "7", "platform": "IOS"}, "relationships": {"app": {"data": {"type": "apps", "id": "1023456789"}}}}});
    let upload = client.write("POST", "/v1/buildUploads", &body, 201).id();
    {
        let mut state = sandbox.state();
        let upload = state.uploads.iter_mut().find(|known| known.id == upload).unwrap();
        upload.state = "PROCESSING".to_owned();
        upload.committed = true;
    }
    client.get(&format!("/v1/buildUploads/{upload}"));
    let build = client.get("/v1/builds").body["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    ids.insert("buildUploads".to_owned(), upload);
    ids.insert("builds".to_owned(), build.clone());
    ids.insert("buildBetaDetails".to_owned(), build);
    for kind in [
        "bundleIds",
        "certificates",
        "devices",
        "profiles",
        "users",
        "preReleaseVersions",
        "appCategories",
        "territories",
    ] {
        let first = client.get(&format!("/v1/{kind}")).body["data"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        ids.insert(kind.to_owned(), first);
    }
    let app = "/v1/apps/1023456789";
    for (kind, path) in [
        ("appInfos", format!("{app}/appInfos")),
        ("betaAppLocalizations", format!("{app}/betaAppLocalizations")),
        ("appPricePoints", format!("{app}/appPricePoints")),
        ("betaBuildLocalizations", "/v1/betaBuildLocalizations".to_owned()),
    ] {
        let first = client.get(&path).body["data"][0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{path}"))
            .to_owned();
        ids.insert(kind.to_owned(), first);
    }
    for (kind, path) in [
        ("betaAppReviewDetails", "betaAppReviewDetail"),
        ("betaLicenseAgreements", "betaLicenseAgreement"),
        ("appAssetLibraries", "assetLibrary"),
    ] {
        ids.insert(kind.to_owned(), client.get(&format!("{app}/{path}")).id());
    }
    for (path, attributes, relationships) in CREATIONS {
        let kind = path.split('/').nth(2).unwrap();
        let body = creation(kind, attributes, relationships, &ids);
        let id = client.write("POST", path, &body, 201).id();
        ids.insert(kind.to_owned(), id);
        if kind == "appStoreVersions" {
            let locales = client.get(&format!(
                "/v1/appStoreVersions/{}/appStoreVersionLocalizations",
                ids[kind]
            ));
            let locale = locales.body["data"][0]["id"].as_str().unwrap().to_owned();
            ids.insert("appStoreVersionLocalizations".to_owned(), locale);
            // The live version's info is locked; the new version has one of its own.
            let infos = client.get(&format!("{app}/appInfos"));
            let open = infos.body["data"][1]["id"].as_str().unwrap().to_owned();
            ids.insert("appInfos".to_owned(), open);
        }
    }
    (sandbox, client, ids)
}

/// Kinds in an order in which each finds what it belongs to: path, attributes, and relationships as `name kind`.
const CREATIONS: [(&str, &str, &str); 24] = [
    (
        "/v1/bundleIdCapabilities",
        r#"{"capabilityType":"ICLOUD","settings":[{"key":"ICLOUD_VERSION","options":[{"key":"XCODE_6","enabled":true}]}]}"#,
        "bundleId bundleIds",
    ),
    (
        "/v1/passTypeIds",
        r#"{"name":"Courier pass","identifier":"pass.com.example.courier"}"#,
        "",
    ),
    (
        "/v1/appStoreVersions",
        r#"{"platform":"IOS","versionString":"1.1"}"#,
        "app apps,build builds",
    ),
    (
        "/v1/appInfoLocalizations",
        r#"{"locale":"de-DE","name":"Kurier"}"#,
        "appInfo appInfos",
    ),
    (
        "/v1/appScreenshotSets",
        r#"{"screenshotDisplayType":"APP_IPHONE_67"}"#,
        "appStoreVersionLocalization appStoreVersionLocalizations",
    ),
    (
        "/v1/appScreenshots",
        r#"{"fileName":"1.png","fileSize":5}"#,
        "appScreenshotSet appScreenshotSets",
    ),
    (
        "/v1/appPreviewSets",
        r#"{"previewType":"IPHONE_67"}"#,
        "appStoreVersionLocalization appStoreVersionLocalizations",
    ),
    (
        "/v1/appPreviews",
        r#"{"fileName":"1.mp4","fileSize":5}"#,
        "appPreviewSet appPreviewSets",
    ),
    (
        "/v1/appStoreReviewDetails",
        r#"{"contactFirstName":"Ada"}"#,
        "appStoreVersion appStoreVersions",
    ),
    (
        "/v1/appStoreReviewAttachments",
        r#"{"fileName":"1.pdf","fileSize":5}"#,
        "appStoreReviewDetail appStoreReviewDetails",
    ),
    (
        "/v1/appStoreVersionPhasedReleases",
        r#"{"phasedReleaseState":"INACTIVE"}"#,
        "appStoreVersion appStoreVersions",
    ),
    (
        "/v1/routingAppCoverages",
        r#"{"fileName":"1.geojson","fileSize":5}"#,
        "appStoreVersion appStoreVersions",
    ),
    (
        "/v1/appEncryptionDeclarations",
        r#"{"appDescription":"a","containsProprietaryCryptography":false,"containsThirdPartyCryptography":true,"availableOnFrenchStore":false}"#,
        "app apps",
    ),
    (
        "/v1/appEncryptionDeclarationDocuments",
        r#"{"fileName":"1.pdf","fileSize":5}"#,
        "appEncryptionDeclaration appEncryptionDeclarations",
    ),
    (
        "/v1/betaGroups",
        r#"{"name":"Friends","publicLinkEnabled":true}"#,
        "app apps",
    ),
    (
        "/v1/betaTesters",
        r#"{"email":"grace@example.com"}"#,
        "betaGroups* betaGroups",
    ),
    ("/v1/betaTesterInvitations", "", "app apps,betaTester betaTesters"),
    (
        "/v1/endUserLicenseAgreements",
        r#"{"agreementText":"a"}"#,
        "app apps,territories* territories",
    ),
    (
        "/v2/appAvailabilities",
        r#"{"availableInNewTerritories":true}"#,
        "app apps,territoryAvailabilities*",
    ),
    (
        "/v1/appPriceSchedules",
        "",
        "app apps,baseTerritory territories,manualPrices*",
    ),
    (
        "/v1/appAssetLibraryImages",
        r#"{"category":"APP_SCREENSHOTS_AND_PREVIEWS","fileName":"1.png","fileSize":5}"#,
        "assetLibrary appAssetLibraries",
    ),
    (
        "/v1/appAssetLibraryPlacements",
        r#"{"placementType":"APP_SCREENSHOT","placementGroup":"IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE"}"#,
        "image appAssetLibraryImages,appStoreVersionLocalization appStoreVersionLocalizations",
    ),
    ("/v1/reviewSubmissions", r#"{"platform":"IOS"}"#, "app apps"),
    (
        "/v1/reviewSubmissionItems",
        "",
        "reviewSubmission reviewSubmissions,appStoreVersion appStoreVersions",
    ),
];

fn creation(kind: &str, attributes: &str, relationships: &str, ids: &BTreeMap<String, String>) -> Json {
    let mut data = json!({"type": kind});
    if !attributes.is_empty() {
        data["attributes"] = attributes.parse().unwrap();
    }
    for relationship in relationships.split(',').filter(|text| !text.is_empty()) {
        let (name, target) = relationship.split_once(' ').unwrap_or((relationship, ""));
        let identifier = json!({"type": target, "id": ids.get(target)});
        data["relationships"][name.trim_end_matches('*')] = match (name.ends_with('*'), target) {
            (true, "") => json!({"data": []}),
            (true, _) => json!({"data": [identifier]}),
            _ => json!({"data": identifier}),
        };
    }
    json!({"data": data})
}

fn judged(contract: &Contract, sandbox: &Sandbox) -> usize {
    let state = sandbox.state();
    let judged: Vec<_> = state
        .requests
        .iter()
        .filter(|request| request.path.starts_with("/v"))
        .collect();
    // Who asks for some fields does without the others, required or not.
    let is_sparse =
        |query: &str, problem: &String| query.contains("fields%5B") && problem.ends_with("is missing");
    let problems: Vec<String> = judged
        .iter()
        .flat_map(|request| {
            let found = contract.judge(request).into_iter();
            found.filter(|problem| !is_sparse(&request.query, problem))
        })
        .collect();
    assert!(
        problems.is_empty(),
        "{} problems: {:#?}",
        problems.len(),
        &problems[..problems.len().min(20)]
    );
    for request in &judged {
        // Apple answers null where a build's question about encryption is open, whatever the document says.
        let answer = request.answer.replace(r#""usesNonExemptEncryption":null"#, "");
        assert!(!answer.contains(":null"), "{}: {}", request.path, request.answer);
    }
    judged.len()
}

#[test]
#[cfg_attr(no_api_document, ignore = "Apple's API document is not beside the repository")]
fn every_documented_parameter_is_taken_and_every_answer_is_as_documented() {
    let contract = Contract::of_app_store_connect();
    let (sandbox, client, ids) = full();
    let mut count = judged(&contract, &sandbox);
    for (path, operation) in reads(contract.document(), &|kind| ids.get(kind).cloned()) {
        sandbox.state().requests.clear();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let required: Vec<String> = parameters
            .iter()
            .filter(|parameter| parameter["required"] == true && parameter["in"] == "query")
            .map(|parameter| format!("{}=x", encoded(parameter["name"].as_str().unwrap())))
            .collect();
        let mut queries = vec![required.join("&")];
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
            for value in values(parameter) {
                let mut query: Vec<String> = required
                    .iter()
                    .filter(|known| {
                        !known.starts_with(&format!("{}=", encoded(parameter["name"].as_str().unwrap())))
                    })
                    .cloned()
                    .collect();
                query.push(format!(
                    "{}={value}",
                    encoded(parameter["name"].as_str().unwrap())
                ));
                queries.push(query.join("&"));
            }
        }
        for query in queries {
            let answer = client.get(&format!("{path}?{query}"));
            // What a relationship to one does not lead to is not found.
            assert!(
                matches!(answer.status, 200 | 404),
                "{path}?{query}: {}",
                answer.body
            );
            assert!(
                answer.status == 200 || path.split('/').count() > 4,
                "{path}?{query}: {}",
                answer.body
            );
        }
        count += judged(&contract, &sandbox);
    }
    assert!(count > 1500, "{count}");
    eprintln!("{count} requests and answers are as documented");
}

#[test]
#[cfg_attr(no_api_document, ignore = "Apple's API document is not beside the repository")]
fn what_is_not_documented_is_refused_by_every_list() {
    let contract = Contract::of_app_store_connect();
    let (sandbox, client, ids) = full();
    let mut count = 0;
    for (path, operation) in reads(contract.document(), &|kind| ids.get(kind).cloned()) {
        sandbox.state().requests.clear();
        let refused = |query: String, code: &str| {
            let answer = client.get(&format!("{path}?{query}"));
            assert_eq!(answer.status, 400, "{path}?{query}: {}", answer.body);
            let errors = answer.body["errors"].as_array().unwrap();
            assert!(
                errors.iter().any(|error| error["code"] == code),
                "{path}?{query}: {}",
                answer.body
            );
        };
        refused("filter%5Bfoo%5D=a".to_owned(), "PARAMETER_ERROR.ILLEGAL");
        refused("Limit=1".to_owned(), "PARAMETER_ERROR.ILLEGAL");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] != "query" {
                continue;
            }
            let name = encoded(parameter["name"].as_str().unwrap());
            let schema = &parameter["schema"];
            if schema["items"]["enum"].is_array() {
                for value in ["FOO", ",", "FOO,"] {
                    refused(format!("{name}={value}"), "PARAMETER_ERROR.INVALID");
                }
                count += 1;
            }
            if let Some(most) = schema["maximum"].as_i64() {
                for value in [
                    (most + 1).to_string(),
                    "0".to_owned(),
                    "-1".to_owned(),
                    "a".to_owned(),
                    "1.0".to_owned(),
                    String::new(),
                ] {
                    refused(format!("{name}={value}"), "PARAMETER_ERROR.INVALID");
                }
                count += 1;
            }
            if schema["type"] == "boolean" {
                refused(format!("{name}=yes"), "PARAMETER_ERROR.INVALID");
            }
        }
    }
    assert!(count > 500, "{count}");
}

#[test]
#[cfg_attr(no_api_document, ignore = "Apple's API document is not beside the repository")]
fn bodies_that_the_document_does_not_allow_are_refused() {
    let contract = Contract::of_app_store_connect();
    let (_sandbox, client, ids) = full();
    let mut count = 0;
    for (path, attributes, relationships) in CREATIONS {
        let kind = path.split('/').nth(2).unwrap();
        let valid = creation(kind, attributes, relationships, &ids);
        let document = &contract.document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]
            ["schema"];
        let data = &contract.resolved(document)["properties"]["data"];
        let mut refused = |change: &dyn Fn(&mut Json), what: &str| {
            let mut body = valid.clone();
            change(&mut body);
            let answer = client.ask("POST", path, Some(&body.to_string()));
            assert!(
                matches!(answer.status, 400 | 409 | 422),
                "{path}, {what}: {} for {body}",
                answer.status
            );
            assert!(!answer.body["errors"].as_array().unwrap().is_empty());
            count += 1;
        };
        refused(&|body| body["data"]["id"] = "mine".into(), "a client's ID");
        refused(&|body| body["data"]["type"] = "foo".into(), "another type");
        refused(&|body| body["data"]["foo"] = 1.into(), "an unknown member");
        refused(&|body| body["foo"] = 1.into(), "an unknown member at the top");
        refused(&|body| *body = json!([]), "an array");
        refused(&|body| body["data"] = Json::Null, "no data");
        for (name, shape) in data["properties"]["attributes"]["properties"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let shape = contract.resolved(shape);
            refused(&|body| body["data"]["attributes"][name] = json!({"foo": 1}), name);
            if shape["enum"].is_array() {
                refused(&|body| body["data"]["attributes"][name] = "FOO".into(), name);
            }
        }
        if data["properties"]["attributes"].is_object() {
            refused(
                &|body| body["data"]["attributes"]["foo"] = 1.into(),
                "an unknown attribute",
            );
        }
        for name in data["properties"]["attributes"]["required"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let name = name.as_str().unwrap();
            refused(
                &|body| _ = body["data"]["attributes"].as_object_mut().unwrap().remove(name),
                name,
            );
        }
        for (name, _) in data["properties"]["relationships"]["properties"]
            .as_object()
            .into_iter()
            .flatten()
        {
            refused(
                &|body| body["data"]["relationships"][name] = json!({"data": {"type": "foo", "id": "x"}}),
                name,
            );
            refused(
                &|body| body["data"]["relationships"][name] = json!({"data": "x"}),
                name,
            );
        }
        for name in data["properties"]["relationships"]["required"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let name = name.as_str().unwrap();
            refused(
                &|body| {
                    _ = body["data"]["relationships"]
                        .as_object_mut()
                        .unwrap()
                        .remove(name);
                },
                name,
            );
        }
        if data["properties"]["relationships"].is_object() {
            refused(
                &|body| body["data"]["relationships"]["foo"] = json!({"data": null}),
                "an unknown relationship",
            );
        }
    }
    for (kind, id) in &ids {
        let path = format!(
            "/{}/{kind}/{{id}}",
            if kind == "appAvailabilities" { "v2" } else { "v1" }
        );
        if contract.document()["paths"][&path]["patch"].is_null() {
            continue;
        }
        let path = path.replace("{id}", id);
        for (body, what) in [
            (json!({"data": {"type": kind}}), "no ID"),
            (json!({"data": {"type": kind, "id": "other"}}), "another ID"),
            (json!({"data": {"type": "foo", "id": id}}), "another type"),
            (
                json!({"data": {"type": kind, "id": id, "attributes": {"foo": 1}}}),
                "an unknown attribute",
            ),
        ] {
            let answer = client.ask("PATCH", &path, Some(&body.to_string()));
            assert!(
                matches!(answer.status, 409 | 422),
                "{path}, {what}: {}",
                answer.status
            );
            count += 1;
        }
        assert_eq!(
            client
                .ask("PATCH", &path, Some(&json!({"data": {"type": kind}}).to_string()))
                .status,
            409
        );
    }
    assert!(count > 400, "{count}");
}

#[test]
#[cfg_attr(no_api_document, ignore = "Apple's API document is not beside the repository")]
fn the_enterprise_programs_api_has_its_own_document() {
    let contract = Contract::of_enterprise_program();
    let sandbox = Sandbox::start(&Seed {
        enterprise: true,
        profiles: Vec::new(),
        ..seed()
    })
    .unwrap();
    let client = Client::of(&sandbox);
    for kind in [
        "bundleIds",
        "certificates",
        "devices",
        "profiles",
        "users",
        "passTypeIds",
        "userInvitations",
    ] {
        assert_eq!(client.get(&format!("/v1/{kind}?limit=3")).status, 200, "{kind}");
    }
    // What only the other API has.
    for path in ["/v1/apps", "/v1/buildUploads", "/v1/betaGroups"] {
        let answer = client.get(path);
        assert_eq!(
            (answer.status, answer.code()),
            (501, "sandbox.not_served"),
            "{path}"
        );
    }
    for (type_of, status) in [("IOS_APP_INHOUSE", 201), ("IOS_APP_STORE", 409)] {
        let certificates = client
            .get("/v1/certificates?filter[certificateType]=DISTRIBUTION")
            .body;
        let bundle_id = client.get("/v1/bundleIds").body["data"][0]["id"].clone();
        let body = json!({"data": {"type": "profiles", "attributes": {"name": type_of, "profileType": type_of}, "relationships": {
            "bundleId": {"data": {"type": "bundleIds", "id": bundle_id}},
            "certificates": {"data": [{"type": "certificates", "id": certificates["data"][0]["id"]}]},
        }}});
        let answer = client.ask("POST", "/v1/profiles", Some(&body.to_string()));
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let host = "api.enterprise.developer.apple.com";
    assert_eq!(client.ask_as(host, "GET", "/v1/users", None).status, 200);
    assert_eq!(
        client
            .ask_as("api.appstoreconnect.apple.com", "GET", "/v1/users", None)
            .status,
        401
    );
    let state = sandbox.state();
    let requests = state
        .requests
        .iter()
        .filter(|request| request.status < 300 || request.status == 409);
    // A profile for the App Store is no request that the document allows.
    let problems: Vec<String> = requests
        .filter(|request| !request.body.contains("IOS_APP_STORE"))
        .flat_map(|request| contract.judge(request))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}
