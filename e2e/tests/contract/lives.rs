//! Whole lives of resources: what documents don't say. Sources of Apple's words and limits stand beside the rules in
//! `crates/apple-sandbox/src/asc/rules`.

use apple_sandbox::{Json, Sandbox, Seed, SeedProfile};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::client::Client;
use serde_json::json;

/// A request for a certificate as a CI tool makes it, and the key that signed it.
fn request() -> (rcgen::KeyPair, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "PEM");
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    (key, csr)
}

fn certificate(kind: &str, csr: &str) -> Json {
    json!({"data": {"type": "certificates", "attributes": {"certificateType": kind, "csrContent": csr}}})
}

fn portal() -> (Sandbox, Client) {
    let sandbox = Sandbox::start(&Seed {
        bundle_ids: [("com.example.courier".to_owned(), Vec::new())].into(),
        profiles: vec![SeedProfile {
            name: "Seeded".to_owned(),
            bundle_id: "com.example.courier".to_owned(),
            ..SeedProfile::default()
        }],
        ..Seed::default()
    })
    .unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

#[test]
fn a_certificate_is_made_for_the_key_of_its_request_and_revoked_by_its_deletion() {
    let (sandbox, client) = portal();
    let (key, csr) = request();
    let made = client.write("POST", "/v1/certificates", &certificate("DEVELOPMENT", &csr), 201);
    let attributes = &made.body["data"]["attributes"];
    let der = STANDARD
        .decode(attributes["certificateContent"].as_str().unwrap())
        .unwrap();
    let raw = key.public_key_raw();
    assert!(
        der.windows(raw.len()).any(|window| window == raw),
        "the certificate is another key's"
    );
    // spaceship looks for Apple's certificates by this name.
    assert!(der.windows(10).any(|window| window == b"Apple Inc."));
    assert!(
        attributes["name"]
            .as_str()
            .unwrap()
            .starts_with("Apple Development: ")
    );
    // A bare request without its header lines is taken as well, until the limit of two is reached.
    let bare: String = csr.lines().filter(|line| !line.starts_with("--")).collect();
    let refused = client.write(
        "POST",
        "/v1/certificates",
        &certificate("DEVELOPMENT", &bare),
        409,
    );
    assert!(
        refused.body["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("already have a current Development")
    );
    let profile = json!({"data": {"type": "profiles", "attributes": {"name": "Mine", "profileType": "IOS_APP_DEVELOPMENT"}, "relationships": {
        "bundleId": {"data": {"type": "bundleIds", "id": sandbox.state().bundle_ids[0].id}},
        "certificates": {"data": [{"type": "certificates", "id": made.id()}]},
        "devices": {"data": [{"type": "devices", "id": sandbox.state().devices[0].id}]},
    }}});
    let profile = client.write("POST", "/v1/profiles", &profile, 201).id();
    let related = client.get(&format!("/v1/profiles/{profile}/certificates"));
    assert_eq!(related.body["data"][0]["id"], made.id().as_str());
    let path = format!("/v1/certificates/{}", made.id());
    assert_eq!(client.ask("DELETE", &path, None).status, 204);
    assert_eq!(client.get(&path).status, 404);
    let state = client.get(&format!("/v1/profiles/{profile}"));
    assert_eq!(state.body["data"]["attributes"]["profileState"], "INVALID");
    client.write(
        "POST",
        "/v1/certificates",
        &certificate("DEVELOPMENT", &bare),
        201,
    );
}

#[test]
fn a_request_for_a_certificate_that_is_none_is_refused() {
    let (_sandbox, client) = portal();
    let (_, csr) = request();
    let mut forged = csr.clone();
    // A request whose content was changed is not signed by its key.
    let at = forged.find('\n').unwrap() + 40;
    let other = if &forged[at..=at] == "A" { "B" } else { "A" };
    forged.replace_range(at..=at, other);
    for text in [
        "",
        "PEM",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
        &forged,
    ] {
        let answer = client.write(
            "POST",
            "/v1/certificates",
            &certificate("DISTRIBUTION", text),
            409,
        );
        assert_eq!(
            answer.body["errors"][0]["source"]["pointer"], "/data/attributes/csrContent",
            "{text}"
        );
    }
    for (kind, status) in [
        ("DEVELOPER_ID_APPLICATION", 403),
        ("PASS_TYPE_ID", 409),
        ("FOO", 409),
    ] {
        client.write("POST", "/v1/certificates", &certificate(kind, &csr), status);
    }
    for status in [201, 201, 409] {
        client.write(
            "POST",
            "/v1/certificates",
            &certificate("DISTRIBUTION", &request().1),
            status,
        );
    }
}

#[test]
fn links_lead_where_the_client_asked_and_included_belongs_to_the_page() {
    let (sandbox, mut client) = portal();
    {
        let mut state = sandbox.state();
        for index in 0..3 {
            state.add_bundle_id(&format!("com.example.more{index}"), &["GAME_CENTER".to_owned()]);
        }
    }
    let path = "/v1/bundleIds?include=bundleIdCapabilities&limit=2&sort=-identifier";
    let first = client.ask_as("localhost:8443", "GET", path, None);
    let links = &first.body["links"];
    assert!(
        links["next"]
            .as_str()
            .unwrap()
            .starts_with("http://localhost:8443/v1/bundleIds?cursor=")
    );
    assert_eq!(first.body["included"].as_array().unwrap().len(), 2);
    let of_first = format!("{}_GAME_CENTER", first.body["data"][0]["id"].as_str().unwrap());
    assert_eq!(first.body["included"][0]["id"], of_first.as_str());
    client
        .headers
        .push(("X-Forwarded-Proto".to_owned(), "https".to_owned()));
    let forwarded = client.ask_as("api.appstoreconnect.apple.com", "GET", path, None);
    let next = forwarded.body["links"]["next"].as_str().unwrap().to_owned();
    let rest = next
        .strip_prefix("https://api.appstoreconnect.apple.com")
        .unwrap();
    let second = client.get(rest);
    assert_eq!(second.body["data"].as_array().unwrap().len(), 2);
    assert_eq!(second.body["included"].as_array().unwrap().len(), 1);
    assert!(second.body["links"].get("next").is_none());
    assert_eq!(second.body["meta"]["paging"]["total"], 4);
    // Cursors belong to a list, and end.
    let cursor = rest
        .split(['?', '&'])
        .find(|part| part.starts_with("cursor="))
        .unwrap();
    assert_eq!(
        client.get(&format!("/v1/devices?{cursor}")).code(),
        "PARAMETER_ERROR.INVALID"
    );
    sandbox.state().cursor_life = -1;
    assert_eq!(client.get(rest).code(), "PARAMETER_ERROR.INVALID");
}

#[test]
fn the_sandbox_says_in_its_own_words_what_it_does_not_serve() {
    let (sandbox, client) = portal();
    for path in [
        "/v1/ciProducts",
        "/v1/apps/1/customerReviews",
        "/v9/apps",
        "/nonsense",
    ] {
        let answer = client.get(path);
        assert_eq!(
            (answer.status, answer.code()),
            (501, "sandbox.not_served"),
            "{path}"
        );
    }
    let answer = client.ask("DELETE", "/v1/apps/1023456789", None);
    assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN_ERROR"));
    assert!(
        answer.body["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("does not allow 'DELETE'")
    );
    sandbox.state().key_id = "OTHER12345".to_owned();
    assert_eq!(client.get("/v1/apps").status, 401);
    // Without a token, too.
    assert_eq!(client.get("/v1/ciProducts").status, 501);
    let state = sandbox.state();
    let refused = state
        .requests
        .iter()
        .find(|request| request.status == 401)
        .unwrap();
    assert!(
        refused.reason.contains("`kid`") && refused.reason.contains("OTHER12345"),
        "{}",
        refused.reason
    );
    assert!(!refused.answer.contains("OTHER12345"));
}

#[test]
fn bundle_ids_and_capabilities_live_and_end() {
    let (sandbox, client) = portal();
    let create = |identifier: &str, name: &str, status| {
        let attributes = json!({"identifier": identifier, "name": name, "platform": "IOS"});
        let body = json!({"data": {"type": "bundleIds", "attributes": attributes}});
        client.write("POST", "/v1/bundleIds", &body, status).id()
    };
    for (identifier, name) in [
        ("..", "a"),
        ("com..a", "a"),
        ("com.a", "a@b"),
        ("COM.example.Courier", "a"),
    ] {
        create(identifier, name, 409);
    }
    let id = create("com.example.other", "Other", 201);
    let rename = json!({"data": {"type": "bundleIds", "id": id, "attributes": {"name": "Renamed"}}});
    let renamed = client.write("PATCH", &format!("/v1/bundleIds/{id}"), &rename, 200);
    assert_eq!(renamed.body["data"]["attributes"]["name"], "Renamed");
    let enable = |kind: &str, settings: Json, status| {
        let body = json!({"data": {"type": "bundleIdCapabilities", "attributes": {"capabilityType": kind, "settings": settings},
            "relationships": {"bundleId": {"data": {"type": "bundleIds", "id": id}}}}});
        client.write("POST", "/v1/bundleIdCapabilities", &body, status)
    };
    let icloud = json!([{"key": "ICLOUD_VERSION", "options": [{"key": "XCODE_6", "enabled": true}]}]);
    enable("PUSH_NOTIFICATIONS", icloud.clone(), 409);
    assert_eq!(
        enable("WEATHERKIT", Json::Null, 409).code(),
        "ENTITY_ERROR.ATTRIBUTE.TYPE"
    );
    let made = enable("ICLOUD", icloud, 201);
    assert_eq!(
        made.body["data"]["attributes"]["settings"][0]["options"][0]["enabled"],
        true
    );
    assert_eq!(
        client
            .ask("DELETE", &format!("/v1/bundleIdCapabilities/{}", made.id()), None)
            .status,
        204
    );
    assert_eq!(
        client.ask("DELETE", &format!("/v1/bundleIds/{id}"), None).status,
        204
    );
    // An app has the other one.
    let used = sandbox.state().bundle_ids[0].id.clone();
    let answer = client.ask("DELETE", &format!("/v1/bundleIds/{used}"), None);
    assert!(
        answer.body["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("in use by the App Store")
    );
    // A relationship that leads to nothing is 409, as documented, not 404.
    let body = json!({"data": {"type": "bundleIdCapabilities", "attributes": {"capabilityType": "ICLOUD"},
        "relationships": {"bundleId": {"data": {"type": "bundleIds", "id": id}}}}});
    assert_eq!(
        client
            .write("POST", "/v1/bundleIdCapabilities", &body, 409)
            .code(),
        "ENTITY_ERROR.RELATIONSHIP.INVALID"
    );
}

#[test]
fn devices_are_renamed_and_disabled_and_sort_and_filter() {
    let (_sandbox, client) = portal();
    let all = client.get("/v1/devices?sort=-name&fields[devices]=name,status");
    let names: Vec<&str> = all.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["attributes"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Studio iPad", "Ada's iPhone"]);
    assert_eq!(all.body["data"][0]["attributes"].as_object().unwrap().len(), 2);
    let id = all.body["data"][0]["id"].as_str().unwrap();
    let change = json!({"data": {"type": "devices", "id": id, "attributes": {"name": "Old iPad", "status": "DISABLED"}}});
    client.write("PATCH", &format!("/v1/devices/{id}"), &change, 200);
    let disabled = client.get("/v1/devices?filter[status]=DISABLED&filter[name]=old");
    assert_eq!(disabled.body["data"][0]["attributes"]["name"], "Old iPad");
    assert_eq!(
        client.get("/v1/devices?filter[id]=nobody").body["data"],
        json!([])
    );
}

#[test]
fn a_release_goes_from_a_version_to_review_and_back() {
    let (sandbox, client) = portal();
    // What a version lacks is told in the rules' own tests.
    sandbox.state().release.checks_completeness = false;
    let app = json!({"data": {"type": "apps", "id": "1023456789"}});
    let create = |kind: &str, attributes: Json, relationships: Json, status| {
        let mut data = json!({"type": kind});
        for (name, value) in [("attributes", attributes), ("relationships", relationships)] {
            if !value.is_null() {
                data[name] = value;
            }
        }
        client.write("POST", &format!("/v1/{kind}"), &json!({"data": data}), status)
    };
    let attributes = json!({"platform": "IOS", "versionString": "1.0"});
    let version = create("appStoreVersions", attributes.clone(), json!({"app": app}), 201).id();
    let again = create("appStoreVersions", attributes, json!({"app": app}), 409);
    assert!(
        again.body["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("in the current state")
    );
    let of_version = json!({"appStoreVersion": {"data": {"type": "appStoreVersions", "id": version}}});
    create("appStoreReviewDetails", json!({}), of_version.clone(), 201);
    create("appStoreReviewDetails", json!({}), of_version.clone(), 409);
    create(
        "appStoreVersionLocalizations",
        json!({"locale": "en"}),
        of_version.clone(),
        409,
    );
    let german = create(
        "appStoreVersionLocalizations",
        json!({"locale": "de-DE"}),
        of_version.clone(),
        201,
    )
    .id();
    create(
        "appStoreVersionLocalizations",
        json!({"locale": "de-DE"}),
        of_version.clone(),
        409,
    );
    let of_locale = json!({"appStoreVersionLocalization": {"data": {"type": "appStoreVersionLocalizations", "id": german}}});
    let set = create(
        "appScreenshotSets",
        json!({"screenshotDisplayType": "APP_IPHONE_67"}),
        of_locale,
        201,
    )
    .id();
    let of_set = json!({"appScreenshotSet": {"data": {"type": "appScreenshotSets", "id": set}}});
    let shots: Vec<String> = (0..3)
        .map(|index| {
            create(
                "appScreenshots",
                json!({"fileName": format!("{index}.png"), "fileSize": 3}),
                of_set.clone(),
                201,
            )
            .id()
        })
        .collect();
    let order = |ids: &[&String]| json!({"data": ids.iter().map(|id| json!({"type": "appScreenshots", "id": id})).collect::<Json>()});
    let path = format!("/v1/appScreenshotSets/{set}/relationships/appScreenshots");
    client.write("PATCH", &path, &order(&[&shots[2], &shots[0], &shots[1]]), 204);
    assert_eq!(client.get(&path).body["data"][0]["id"], shots[2].as_str());
    client.write("PATCH", &path, &order(&[&shots[2]]), 409);
    let submission = create(
        "reviewSubmissions",
        json!({"platform": "IOS"}),
        json!({"app": app}),
        201,
    )
    .id();
    let submit =
        json!({"data": {"type": "reviewSubmissions", "id": submission, "attributes": {"submitted": true}}});
    let path = format!("/v1/reviewSubmissions/{submission}");
    let empty = client.write("PATCH", &path, &submit, 409);
    assert!(
        empty.body["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("does not have any items")
    );
    let item = json!({"reviewSubmission": {"data": {"type": "reviewSubmissions", "id": submission}}, "appStoreVersion": of_version["appStoreVersion"]});
    create("reviewSubmissionItems", Json::Null, item, 201);
    let sent = client.write("PATCH", &path, &submit, 200);
    assert_eq!(sent.body["data"]["attributes"]["state"], "WAITING_FOR_REVIEW");
    let state = || {
        client.get(&format!("/v1/appStoreVersions/{version}")).body["data"]["attributes"]["appVersionState"]
            .clone()
    };
    assert_eq!(state(), "WAITING_FOR_REVIEW");
    let text = json!({"data": {"type": "appStoreVersionLocalizations", "id": german, "attributes": {"description": "Neu"}}});
    client.write(
        "PATCH",
        &format!("/v1/appStoreVersionLocalizations/{german}"),
        &text,
        409,
    );
    let cancel =
        json!({"data": {"type": "reviewSubmissions", "id": submission, "attributes": {"canceled": true}}});
    client.write("PATCH", &path, &cancel, 200);
    assert_eq!(state(), "DEVELOPER_REJECTED");
    client.write(
        "PATCH",
        &format!("/v1/appStoreVersionLocalizations/{german}"),
        &text,
        200,
    );
    assert_eq!(
        client
            .ask("DELETE", &format!("/v1/appScreenshotSets/{set}"), None)
            .status,
        204
    );
    assert_eq!(
        client.get(&format!("/v1/appScreenshots/{}", shots[0])).status,
        404
    );
}

#[test]
fn testers_groups_and_builds_find_each_other_from_every_side() {
    let (sandbox, client) = portal();
    let build = {
        let mut state = sandbox.state();
        let build = apple_sandbox::Build {
            id: "B1".to_owned(),
            app: "1023456789".to_owned(),
            version: "7".to_owned(),
            short_version: "1.0".to_owned(),
            platform: "IOS".to_owned(),
            processing_state: "VALID".to_owned(),
            uploaded: clock::now(),
        };
        state.builds.push(build.clone());
        build.id
    };
    let app = json!({"app": {"data": {"type": "apps", "id": "1023456789"}}});
    let group = |name: &str, all: bool| {
        let attributes = json!({"name": name, "isInternalGroup": all, "hasAccessToAllBuilds": all});
        let body = json!({"data": {"type": "betaGroups", "attributes": attributes, "relationships": app}});
        client.write("POST", "/v1/betaGroups", &body, 201).id()
    };
    let (friends, staff) = (group("Friends", false), group("Staff", true));
    let of = |kind: &str, id: &str| json!({"data": [{"type": kind, "id": id}]});
    client.write(
        "POST",
        &format!("/v1/builds/{build}/relationships/betaGroups"),
        &of("betaGroups", &friends),
        204,
    );
    client.write(
        "POST",
        &format!("/v1/builds/{build}/relationships/betaGroups"),
        &of("betaGroups", &staff),
        422,
    );
    for group in [&friends, &staff] {
        assert_eq!(
            client.get(&format!("/v1/betaGroups/{group}/builds")).body["data"][0]["id"],
            "B1"
        );
    }
    let tester = |groups: &str| {
        let body = json!({"data": {"type": "betaTesters", "attributes": {"email": "grace@example.com"}, "relationships": {"betaGroups": of("betaGroups", groups)}}});
        client.write("POST", "/v1/betaTesters", &body, 201).id()
    };
    // One address is one tester.
    let id = tester(&friends);
    assert_eq!(tester(&staff), id);
    let found = client
        .get("/v1/betaTesters?filter[apps]=1023456789&filter[email]=GRACE@example.com&include=betaGroups");
    assert_eq!(found.body["included"].as_array().unwrap().len(), 2);
    client.write(
        "DELETE",
        &format!("/v1/betaGroups/{staff}/relationships/betaTesters"),
        &of("betaTesters", &id),
        204,
    );
    assert_eq!(
        client.get(&format!("/v1/betaTesters/{id}/betaGroups")).body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let compliance = |uses: bool, status| {
        let body =
            json!({"data": {"type": "builds", "id": build, "attributes": {"usesNonExemptEncryption": uses}}});
        client.write("PATCH", &format!("/v1/builds/{build}"), &body, status);
    };
    let state = || {
        client.get(&format!("/v1/builds/{build}/buildBetaDetail")).body["data"]["attributes"]["externalBuildState"].clone()
    };
    assert_eq!(state(), "MISSING_EXPORT_COMPLIANCE");
    compliance(false, 200);
    compliance(true, 409);
    assert_eq!(state(), "READY_FOR_BETA_SUBMISSION");
    for (query, found) in [
        (
            "filter[preReleaseVersion.version]=1.0&filter[preReleaseVersion.platform]=IOS",
            1,
        ),
        ("filter[preReleaseVersion.version]=1.1", 0),
        ("filter[betaGroups]=nobody", 0),
        ("exists[usesNonExemptEncryption]=true", 1),
        ("filter[usesNonExemptEncryption]=true", 0),
    ] {
        let listed = client.get(&format!("/v1/builds?{query}"));
        assert_eq!(
            listed.body["data"].as_array().unwrap().len(),
            found,
            "{query}: {}",
            listed.body
        );
    }
    assert_eq!(
        client
            .ask("DELETE", &format!("/v1/betaGroups/{friends}"), None)
            .status,
        204
    );
}
