//! The Developer Portal's services for sessions (`/services-account/QH65B2/…`), on the same state as the App Store Connect
//! API: what one side creates, the other lists.
//!
//! Facts: nearly everything is a `POST` of a form and answered with HTTP 200; an envelope says whether it worked. Changes
//! need a token that was given with an answer about the same kind of thing.

mod certificates;
mod devices;
mod identifiers;
mod passes;
mod profiles;
pub(crate) mod v1;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use crate::account::Team;
use crate::answer::answer;
use crate::asc::Request;
use crate::fault::Kind;
use crate::sign_in;
use crate::state::State;

pub(crate) const SERVICES: &str = "/services-account/QH65B2/";

/// Why a service did not do it: Apple's code and words.
#[derive(Debug)]
pub(crate) struct No {
    code: i64,
    words: String,
    validation: Option<(&'static str, String)>,
}

impl No {
    fn new(code: i64, words: impl Into<String>) -> Self {
        Self {
            code,
            words: words.into(),
            validation: None,
        }
    }

    /// Data that do not fit.
    fn data(words: impl Into<String>) -> Self {
        Self::new(35, words)
    }

    fn expired() -> Self {
        Self::new(1100, "Your session has expired. Please log in.")
    }
}

/// What a service answers: what goes into the envelope, or bytes.
enum Yes {
    Payload(Map<String, Value>),
    File(Vec<u8>),
}

fn payload(key: &str, value: Value) -> Outcome {
    Ok(Yes::Payload(Map::from_iter([(key.to_owned(), value)])))
}

type Outcome = Result<Yes, No>;

/// A call, taken apart.
pub(crate) struct Call<'a> {
    slug: &'a str,
    form: Vec<(String, String)>,
}

impl Call<'_> {
    fn value(&self, name: &str) -> &str {
        self.form
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    }

    fn require(&self, name: &str) -> Result<&str, No> {
        match self.value(name) {
            "" => Err(No::data(format!(
                "There were errors in the data supplied: {name}"
            ))),
            value => Ok(value),
        }
    }

    /// Every value of a key; blank ones do not count.
    fn values(&self, name: &str) -> Vec<String> {
        self.form
            .iter()
            .filter(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.clone())
            .collect()
    }

    fn is_mac(&self) -> bool {
        self.slug == "mac"
    }

    /// One page of a list.
    fn page(&self, key: &str, items: Vec<Value>) -> Outcome {
        let number = |name: &str, usual: usize| self.value(name).parse().unwrap_or(usual).max(1);
        let (size, page) = (number("pageSize", 500), number("pageNumber", 1));
        let total = items.len();
        let items: Vec<Value> = items.into_iter().skip(size * (page - 1)).take(size).collect();
        Ok(Yes::Payload(Map::from_iter([
            (key.to_owned(), items.into()),
            ("pageNumber".to_owned(), page.into()),
            ("pageSize".to_owned(), size.into()),
            ("totalRecords".to_owned(), total.into()),
        ])))
    }
}

/// What kind of thing a path is about, and whether it needs a token.
fn kind_of(path: &str) -> (&'static str, bool) {
    let action = path.rsplit('/').next().unwrap_or_default();
    let reads = action.starts_with("list") || action.starts_with("get");
    let kind = match action {
        // Public clients assign with the tokens of what they assign.
        _ if action.contains("ApplicationGroup") => "app group",
        _ if action.contains("CloudContainer") => "cloud container",
        _ if action.contains("OMC") => "merchant",
        _ if action.contains("PassTypeId") => "pass type ID",
        _ if path.contains("/device/") => "device",
        _ if path.contains("/certificate/") => "certificate",
        _ if path.contains("/profile/") => "profile",
        _ => "app id",
    };
    // Certificates are downloaded without, profiles are not.
    (kind, !reads && action != "downloadCertificateContent.action")
}

/// Answers a call.
pub(crate) fn route(request: &Request<'_>, headers: &HeaderMap, state: &mut State) -> Response {
    let path = request.path.strip_prefix(SERVICES).unwrap_or_default();
    state.apple_id.note_request();
    if !sign_in::has_session(headers, state) {
        return envelope(request, Err(No::expired()));
    }
    if path == "account/listTeams.action" {
        let teams = state.teams().iter().map(team).collect();
        let mut response = envelope(request, payload("teams", Value::Array(teams)));
        give_token("teams", &mut response, state);
        return response;
    }
    let (mut kind, needs_token) = kind_of(path);
    if path.contains("/assign") && state.portal.assigned_by_app_id_tokens {
        kind = "app id";
    }
    let given = headers.get("csrf").and_then(|value| value.to_str().ok());
    let has_time = headers.contains_key("csrf_ts");
    let is_known = given.is_some_and(|given| state.apple_id.handed_out.has_token(Some(kind), given));
    if needs_token && !(is_known && has_time) {
        return (StatusCode::BAD_REQUEST, "Bad Request").into_response();
    }
    let body = String::from_utf8_lossy(request.body);
    let form = if request.method == "GET" {
        request.query.clone()
    } else {
        crate::form::pairs(&body)
    };
    let parts: Vec<&str> = path.split('/').collect();
    let (slug, action) = match parts.as_slice() {
        ["account", "cloudContainer", action] => ("ios", *action),
        ["account", slug @ ("ios" | "mac"), _, action] => (*slug, *action),
        _ => ("", ""),
    };
    let call = Call { slug, form };
    let team_id = call.value("teamId").to_owned();
    let is_bare_list = action == "listProvisioningProfiles.action" && team_id.is_empty();
    let outcome = if !is_bare_list && !state.teams().iter().any(|team| team.id == team_id) {
        Err(No::new(
            9999,
            format!("Unable to find a team with the given Team ID '{team_id}' to which you belong."),
        ))
    } else if !is_bare_list && team_id != state.team_id {
        Err(No::new(
            1200,
            "You are not permitted to access the resources of this team.",
        ))
    } else if request.method
        != if action.starts_with("download") {
            "GET"
        } else {
            "POST"
        }
    {
        Err(No::new(405, "Method Not Allowed"))
    } else {
        dispatch(&call, action, state)
    };
    if action.starts_with("list") {
        state.lists.advance();
    }
    let mut response = envelope(request, outcome);
    give_token(kind, &mut response, state);
    response
}

/// Adds the pair of headers against forged requests to an answer that says yes.
fn give_token(kind: &str, response: &mut Response, state: &mut State) {
    if !response.status().is_success() {
        return;
    }
    let token = state.apple_id.handed_out.give_token(kind, &mut state.fresh);
    if let Ok(value) = HeaderValue::from_str(&token) {
        response.headers_mut().insert("csrf", value);
        response
            .headers_mut()
            .insert("csrf_ts", HeaderValue::from_static("1795000000000"));
    }
}

fn dispatch(call: &Call<'_>, action: &str, state: &mut State) -> Outcome {
    match action.trim_end_matches(".action") {
        "listDevices" => devices::list(call, state),
        "addDevices" => devices::add(call, state),
        "deleteDevice" => devices::set_status(call.value("deviceId"), "DISABLED", state),
        "enableDevice" => devices::set_status(call.value("displayId"), "ENABLED", state),
        "listCertRequests" => certificates::list(call, state),
        "downloadCertificateContent" => certificates::content(call, state),
        "submitCertificateRequest" => certificates::create(call, state),
        "revokeCertificate" => certificates::revoke(call, state),
        "listAppIds" => identifiers::list(call, state),
        "getAppIdDetail" => identifiers::details(call, state),
        "addAppId" => identifiers::add(call, state),
        "deleteAppId" => identifiers::delete(call, state),
        "updateAppIdName" => identifiers::rename(call, state),
        "updateService" | "updatePushService" => identifiers::set_feature(call, action, state),
        "listApplicationGroups" => identifiers::GROUPS.list(call, state),
        "addApplicationGroup" => identifiers::GROUPS.add(call, state),
        "assignApplicationGroupToAppId" => identifiers::GROUPS.assign(call, state),
        "listCloudContainers" => identifiers::CONTAINERS.list(call, state),
        "addCloudContainer" => identifiers::CONTAINERS.add(call, state),
        "assignCloudContainerToAppId" => identifiers::CONTAINERS.assign(call, state),
        "deleteApplicationGroup" => identifiers::GROUPS.delete(call, state),
        "listPassTypeIds" => passes::list(call, state),
        "addPassTypeId" => passes::add(call, state),
        "deletePassTypeId" => passes::delete(call, state),
        "listOMCs" => identifiers::MERCHANTS.list(call, state),
        "addOMC" => identifiers::MERCHANTS.add(call, state),
        "deleteOMC" => identifiers::MERCHANTS.delete(call, state),
        "assignOMCToAppId" => identifiers::MERCHANTS.assign(call, state),
        "listProvisioningProfiles" => profiles::list(call, state),
        "getProvisioningProfile" => profiles::details(call, state),
        "createProvisioningProfile" => profiles::create(call, state),
        "regenProvisioningProfile" => profiles::repair(call, state),
        "deleteProvisioningProfile" => profiles::delete(call, state),
        "downloadProfileContent" => profiles::content(call, state),
        other => Err(No::new(404, format!("{other} is not served by the sandbox"))),
    }
}

fn team(team: &Team) -> Value {
    json!({
        "teamId": team.id,
        "name": team.name,
        "type": team.kind,
        "status": "active",
        "teamAgent": {"personId": 1, "firstName": "Grace", "lastName": "Example", "email": "grace@example.com"},
        "currentTeamMember": {"teamMemberId": format!("MEMBER{}", &team.id[..4.min(team.id.len())]), "roles": ["ADMIN"], "privileges": {}},
        "memberships": [{"membershipId": "M1", "membershipProductId": "ds1", "status": "active", "inDeviceResetWindow": false, "platform": "ios", "name": "Apple Developer Program"}],
    })
}

/// The envelope around what a service answers.
fn envelope(request: &Request<'_>, outcome: Outcome) -> Response {
    let mut document = Map::from_iter([
        ("creationTimestamp".to_owned(), json!("2026-11-24T12:00:00Z")),
        ("resultCode".to_owned(), json!(0)),
        ("userLocale".to_owned(), json!("en_US")),
        ("protocolVersion".to_owned(), json!("QH65B2")),
        (
            "requestUrl".to_owned(),
            json!(format!("https://developer.apple.com:443{}", request.path)),
        ),
        (
            "responseId".to_owned(),
            json!("5a5a5a5a-0000-4000-8000-000000000001"),
        ),
        ("httpCode".to_owned(), json!(200)),
        ("isAdmin".to_owned(), json!(true)),
        ("isMember".to_owned(), json!(false)),
        ("isAgent".to_owned(), json!(false)),
    ]);
    match outcome {
        Ok(Yes::File(bytes)) => return (StatusCode::OK, bytes).into_response(),
        Ok(Yes::Payload(payload)) => document.extend(payload),
        Err(no) => {
            // Apple writes its words for a web page.
            let words = no.words.replace('\'', "&#x27;").replace('"', "&quot;");
            document.insert("resultCode".to_owned(), no.code.into());
            document.insert("resultString".to_owned(), words.as_str().into());
            document.insert("userString".to_owned(), words.into());
            let messages: Vec<Value> = no
                .validation
                .into_iter()
                .map(|(key, words)| json!({"validationKey": key, "validationUserMessage": words}))
                .collect();
            document.insert("validationMessages".to_owned(), messages.into());
        }
    }
    answer(200, &document.into())
}

/// The answer of a fault, in the portal's manner.
pub(crate) fn refusal_of(request: &Request<'_>, kind: &Kind) -> Option<Response> {
    let no = match kind {
        Kind::Unauthorized => No::expired(),
        Kind::Agreement => No::new(
            1,
            "You must accept the latest Program License Agreement in the developer website.",
        ),
        Kind::Role => No::new(1200, "You are not permitted to perform this operation."),
        Kind::Vanished => No::data("There were errors in the data supplied. No such resource."),
        Kind::ServerError => {
            let page = Html("<html><body>Internal Server Error - Read</body></html>");
            return Some((StatusCode::INTERNAL_SERVER_ERROR, page).into_response());
        }
        other => return crate::fault::refusal_of(other),
    };
    Some(envelope(request, Err(no)))
}
