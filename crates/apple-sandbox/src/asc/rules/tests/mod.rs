//! The state machines of a release, a test for each transition and each refusal.
//!
//! Sources, as of 2026-11-25: Apple's API documents 4.4.1 and 4.5.1; deliver, pilot, and spaceship of fastlane 2.237.0; and
//! what users of clients quote of Apple's answers, whose issues are named beside the tests. Where only a guess was to be had,
//! the test says so.

mod beta;
mod media;
mod review;
mod situations;
mod versions;

use axum::body::to_bytes;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::situations::{SeedRelease, Situation};
use crate::asc::{self, Decision, Request};
use crate::seed::Seed;
use crate::state::State;
use crate::token;

const APP: &str = "1023456789";

/// A store with one app.
struct Store {
    state: State,
}

/// Status and body.
struct Answer(u16, Value);

impl Answer {
    /// The body, if the status is this one.
    fn is(self, status: u16) -> Value {
        assert_eq!(self.0, status, "{}", self.1);
        self.1
    }

    fn id(self) -> String {
        let body = self.is(201);
        body["data"]["id"].as_str().unwrap().to_owned()
    }

    /// A refusal with this status, code, and words, whichever of its errors has them.
    fn refused(self, status: u16, code: &str, words: &str) {
        let body = self.is(status);
        let fits = |error: &Value| {
            error["code"] == code && error["detail"].as_str().unwrap_or_default().contains(words)
        };
        assert!(body["errors"].as_array().unwrap().iter().any(fits), "{body:#}");
    }
}

impl Store {
    fn of(release: SeedRelease) -> Self {
        Self::seeded(release, |_| {})
    }

    fn seeded(release: SeedRelease, change: impl FnOnce(&mut Seed)) -> Self {
        let mut seed = Seed {
            // They take time, and have no part in a release.
            certificates: Vec::new(),
            ..Seed::releasing(release)
        };
        change(&mut seed);
        let mut state = seed.state().unwrap();
        asc::prepare(&mut state);
        Self { state }
    }

    fn at(situation: Situation) -> Self {
        Self::of(SeedRelease {
            situation,
            screenshots: 2,
            is_ready_for_beta_review: true,
            ..SeedRelease::default()
        })
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let token = format!("Bearer {}", token::sign(&self.state).unwrap());
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request {
            method,
            path,
            query: crate::form::pairs(query),
            body: body.as_bytes(),
            content_type: "",
            base: "http://127.0.0.1",
            by_key: true,
            cursor_life: 600,
        };
        let response =
            asc::route(&request, Some(&token), &mut self.state).unwrap_or_else(|refusal| refusal.response());
        if method == "GET" {
            self.state.lists.advance();
        }
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX)
            .now_or_never()
            .unwrap()
            .unwrap();
        Answer(status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, None).is(200)
    }

    /// Creates; relationships are written as `name kind id`.
    fn post(&mut self, kind: &str, attributes: Value, relationships: &[&str]) -> Answer {
        let mut data = json!({"type": kind});
        if attributes.as_object().is_some_and(|all| !all.is_empty()) {
            data["attributes"] = attributes;
        }
        let mut by_name = relationships_of(relationships);
        if by_name.as_object_mut().is_some_and(|all| !all.is_empty()) {
            data["relationships"] = by_name;
        }
        let version = if kind == "appAvailabilities" { "v2" } else { "v1" };
        self.ask(
            "POST",
            &format!("/{version}/{kind}"),
            Some(&json!({"data": data})),
        )
    }

    fn patch(&mut self, kind: &str, id: &str, attributes: Value) -> Answer {
        let body = json!({"data": {"type": kind, "id": id, "attributes": attributes}});
        self.ask("PATCH", &format!("/v1/{kind}/{id}"), Some(&body))
    }

    fn delete(&mut self, kind: &str, id: &str) -> Answer {
        self.ask("DELETE", &format!("/v1/{kind}/{id}"), None)
    }

    /// Changes a relationship: to one as `kind id`, to many as several of them.
    fn link(&mut self, method: &str, path: &str, targets: &[&str], many: bool) -> Answer {
        let all: Vec<Value> = targets
            .iter()
            .map(|target| {
                let (kind, id) = target.split_once(' ').unwrap();
                json!({"type": kind, "id": id})
            })
            .collect();
        let data = if many { Value::Array(all) } else { all[0].clone() };
        self.ask(method, path, Some(&json!({"data": data})))
    }

    fn attribute(&mut self, kind: &str, id: &str, name: &str) -> Value {
        self.get(&format!("/v1/{kind}/{id}"))["data"]["attributes"][name].clone()
    }

    /// The IDs that a list shows.
    fn ids(&mut self, path: &str) -> Vec<String> {
        let body = self.get(path);
        let all = body["data"].as_array().unwrap().iter();
        all.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The ID of the version with this number.
    fn version(&mut self, number: &str) -> String {
        let path = format!("/v1/apps/{APP}/appStoreVersions?filter[versionString]={number}");
        self.ids(&path).remove(0)
    }

    fn version_state(&mut self, number: &str) -> String {
        let id = self.version(number);
        let state = self.attribute("appStoreVersions", &id, "appVersionState");
        state.as_str().unwrap().to_owned()
    }

    /// The state of each app info, the live one first.
    fn info_states(&mut self) -> Vec<String> {
        let body = self.get(&format!("/v1/apps/{APP}/appInfos"));
        let all = body["data"].as_array().unwrap().iter();
        all.map(|one| one["attributes"]["state"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Creates a locale of a version.
    fn create_locale(&mut self, version: &str, attributes: Value) -> Answer {
        self.post(
            "appStoreVersionLocalizations",
            attributes,
            &[&format!("appStoreVersion appStoreVersions {version}")],
        )
    }

    /// Makes a build a version's.
    fn attach(&mut self, version: &str, build: &str) -> Answer {
        self.link(
            "PATCH",
            &format!("/v1/appStoreVersions/{version}/relationships/build"),
            &[&format!("builds {build}")],
            false,
        )
    }

    /// Says that a build uses no encryption that is not exempt, or that it does.
    fn answer_encryption(&mut self, build: &str, uses: bool) -> Answer {
        self.patch("builds", build, json!({"usesNonExemptEncryption": uses}))
    }

    fn localization(&mut self, version: &str, locale: &str) -> String {
        let path =
            format!("/v1/appStoreVersions/{version}/appStoreVersionLocalizations?filter[locale]={locale}");
        self.ids(&path).remove(0)
    }

    fn create_version(&mut self, number: &str) -> Answer {
        self.post(
            "appStoreVersions",
            json!({"platform": "IOS", "versionString": number}),
            &[&format!("app apps {APP}")],
        )
    }

    fn submission(&mut self) -> Answer {
        self.post(
            "reviewSubmissions",
            json!({"platform": "IOS"}),
            &[&format!("app apps {APP}")],
        )
    }

    fn item(&mut self, submission: &str, version: &str) -> Answer {
        self.post(
            "reviewSubmissionItems",
            json!({}),
            &[
                &format!("reviewSubmission reviewSubmissions {submission}"),
                &format!("appStoreVersion appStoreVersions {version}"),
            ],
        )
    }

    fn submission_state(&mut self) -> String {
        let path = format!("/v1/reviewSubmissions?filter[app]={APP}");
        let id = self.ids(&path).pop().unwrap();
        self.attribute("reviewSubmissions", &id, "state")
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn open_submission(&mut self) -> String {
        self.ids(&format!("/v1/reviewSubmissions?filter[app]={APP}"))
            .pop()
            .unwrap()
    }

    fn decide_beta(&mut self, state: &str) {
        let decision = Decision::Beta {
            beta: state.to_owned(),
        };
        asc::decide(&mut self.state, &decision).unwrap();
    }

    fn decide(&mut self, verdict: super::review::Verdict) {
        asc::decide(&mut self.state, &Decision::Review { app: None, verdict }).unwrap();
    }

    /// Everything that review asks of version 1.1 of an app in the situation `Draft`.
    fn complete(&mut self) -> String {
        let version = self.version("1.1");
        for localization in self.ids(&format!(
            "/v1/appStoreVersions/{version}/appStoreVersionLocalizations"
        )) {
            self.patch(
                "appStoreVersionLocalizations",
                &localization,
                json!({"whatsNew": "Sooner."}),
            )
            .is(200);
        }
        let build = self.add_build("1.1", "7");
        self.answer_encryption(&build, false).is(200);
        self.attach(&version, &build).is(204);
        version
    }

    fn add_build(&mut self, version: &str, number: &str) -> String {
        let id = self.state.fresh.id();
        self.state.builds.push(crate::state::Build {
            id: id.clone(),
            app: APP.to_owned(),
            version: number.to_owned(),
            short_version: version.to_owned(),
            platform: "IOS".to_owned(),
            processing_state: "VALID".to_owned(),
            uploaded: time::OffsetDateTime::now_utc(),
        });
        asc::prepare(&mut self.state);
        id
    }
}

fn relationships_of(relationships: &[&str]) -> Value {
    let mut by_name = json!({});
    for one in relationships {
        let [name, kind, id] = one.split(' ').collect::<Vec<_>>()[..] else {
            panic!("`{one}` is not `name kind id`");
        };
        let target = json!({"type": kind, "id": id});
        match name.strip_suffix('*') {
            None => by_name[name] = json!({"data": target}),
            Some(name) => match by_name[name]["data"].as_array_mut() {
                Some(all) => all.push(target),
                None => by_name[name] = json!({"data": [target]}),
            },
        }
    }
    by_name
}
