//! The portal's newer services, `https://developer.apple.com/services-account/v1/`: JSON:API behind the same session, with
//! the resources of the public App Store Connect API and more.
//!
//! Undocumented; facts as of 2026-11-25 from `@expo/apple-utils` 2.2.1, fastlane's `connect_api/provisioning/client.rb` and
//! rork's App-Store-Connect-CLI. The operations of this client, each with its source:
//!
//! | operation | request | body |
//! | --- | --- | --- |
//! | read | `POST v1/PATH`, `X-HTTP-Method-Override: GET` | `{"urlEncodedQueryParams", "teamId"}` (both clients) |
//! | delete | `POST v1/PATH`, override `DELETE` | the same (utils) |
//! | create | `POST v1/TYPE` | JSON:API with `data.attributes.teamId` (both) |
//! | capabilities | `PATCH v1/bundleIds/ID` | the complete set as relationship `bundleIdCapabilities` (rork; utils sends the changed ones) |
//! | App Clip | `POST v1/bundleIds` | `bundleType` and the relationship with `parentBundleId` (utils) |
//! | profile | `POST v1/profiles` | as in the public API (both) |

use std::collections::HashMap;

use apple_types::{BundleIdentifier, TeamId};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use transport::{Method, Response};

use crate::answer::describe_reasons;
use crate::messages::{KnownMessage, says};
use crate::session::{Session, SessionError};

/// Where the services are, below the portal's host.
const SERVICES: &str = "/services-account/v1";

/// The media type of JSON:API.
const MEDIA_TYPE: &str = "application/vnd.api+json";

/// What a bundle ID is read with. At most fifty capabilities are included; more cut the list (rork #2619).
const BUNDLE_ID_QUERY: &str = "include=bundleIdCapabilities,bundleIdCapabilities.capability,bundleIdCapabilities.appGroups,bundleIdCapabilities.merchantIds,bundleIdCapabilities.cloudContainers,bundleIdCapabilities.parentBundleId&limit[bundleIdCapabilities]=50";

/// Relations of a capability that a write must repeat: lists inside one capability are replaced (eas-cli #4445).
const LINKS: [&str; 4] = ["appGroups", "merchantIds", "cloudContainers", "parentBundleId"];

/// Why the services did not do what they were asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the Developer Portal refused {method} v1/{path} (HTTP {status}){}",
    describe_reasons(reasons)
)]
pub struct Refusal {
    /// The request's method.
    pub method: &'static str,
    /// The request's path, below the services.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// Apple's codes.
    pub codes: Vec<String>,
    /// Apple's words.
    pub reasons: Vec<String>,
}

impl Refusal {
    fn of(method: &'static str, path: &str, answer: &Response) -> Self {
        #[derive(Default, Deserialize)]
        struct Document {
            #[serde(default)]
            errors: Vec<ApiError>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct ApiError {
            code: String,
            title: String,
            detail: String,
        }
        let errors = answer.json::<Document>().unwrap_or_default().errors;
        Self {
            method,
            path: path.to_owned(),
            status: answer.status.as_u16(),
            reasons: errors
                .iter()
                .map(|error| {
                    let words = if error.detail.is_empty() {
                        &error.title
                    } else {
                        &error.detail
                    };
                    format!("{words} [{}]", error.code)
                })
                .collect(),
            codes: errors.into_iter().map(|error| error.code).collect(),
        }
    }

    /// Whether the Account Holder has an agreement to accept. The code is that of the App Store Connect API.
    pub fn is_agreement(&self) -> bool {
        let code = "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED";
        self.status == 403 && self.codes.iter().any(|known| known.starts_with(code))
    }

    /// Whether these services are not there at all, so that the older ones must do.
    pub fn is_missing(&self) -> bool {
        self.codes.is_empty() && matches!(self.status, 404 | 405 | 410 | 501)
    }

    pub(crate) fn is_race(&self) -> bool {
        (self.status == 404 && !self.codes.is_empty())
            || self.codes.iter().any(|code| code.ends_with(".DUPLICATE"))
            || self
                .reasons
                .iter()
                .any(|text| says(text, KnownMessage::SeveralProfiles))
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.status == 409
            && (self
                .codes
                .iter()
                .any(|code| code != "ENTITY_ERROR.ATTRIBUTE.INVALID")
                || self
                    .reasons
                    .iter()
                    .any(|text| says(text, KnownMessage::NotAvailable)))
    }
}

/// A bundle ID with its capabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleId {
    /// The portal's ID.
    pub id: String,
    /// Its attributes, as they came.
    attributes: Map<String, Value>,
    /// Its capabilities.
    pub capabilities: Vec<Capability>,
}

/// A capability of a bundle ID, on or off.
#[derive(Debug, Clone, PartialEq)]
pub struct Capability {
    /// The portal's ID; `None` for one that is to be.
    pub id: Option<String>,
    /// Its type, such as `WEATHERKIT`.
    pub kind: String,
    /// Whether it is on.
    pub enabled: bool,
    /// Settings by key with the options that are on.
    pub settings: Vec<(String, Vec<String>)>,
    /// What is linked with it: the relation, and types and IDs.
    links: Vec<(String, Value)>,
}

impl Capability {
    /// One that is to be on, with these settings.
    pub fn on(kind: &str, settings: &[(String, Vec<String>)]) -> Self {
        Self {
            id: None,
            kind: kind.to_owned(),
            enabled: true,
            settings: settings.to_vec(),
            links: Vec::new(),
        }
    }

    /// Its form in a write: read-only attributes bring 409 (rork #2136).
    fn to_json(&self) -> Value {
        let settings: Vec<Value> = self
            .settings
            .iter()
            .map(|(key, options)| {
                let options: Vec<Value> = options
                    .iter()
                    .map(|option| json!({"key": option, "enabled": true}))
                    .collect();
                json!({"key": key, "options": options})
            })
            .collect();
        let mut relationships = Map::new();
        relationships.insert(
            "capability".to_owned(),
            json!({"data": {"type": "capabilities", "id": self.kind}}),
        );
        for (name, data) in &self.links {
            relationships.insert(name.clone(), json!({"data": data}));
        }
        let mut resource = json!({
            "type": "bundleIdCapabilities",
            "attributes": {"enabled": self.enabled, "settings": settings},
            "relationships": relationships,
        });
        if let (Some(id), Some(fields)) = (&self.id, resource.as_object_mut()) {
            fields.insert("id".to_owned(), json!(id));
        }
        resource
    }

    /// Whether `self`, as read, is at least what `wanted` says.
    fn covers(&self, wanted: &Self) -> bool {
        self.kind == wanted.kind
            && self.enabled == wanted.enabled
            && wanted.settings.iter().all(|(key, options)| {
                let same = |(known, have): &&(String, Vec<String>)| {
                    known == key && options.iter().all(|option| have.contains(option))
                };
                self.settings.iter().any(|setting| same(&setting))
            })
            && wanted.links.iter().all(|(name, data)| {
                let have = self.links.iter().find(|(known, _)| known == name);
                ids(data)
                    .iter()
                    .all(|id| have.is_some_and(|(_, data)| ids(data).contains(id)))
            })
    }
}

/// The IDs of a relation, of one or of many.
fn ids(data: &Value) -> Vec<&str> {
    let one = data["id"].as_str().into_iter();
    let many = data.as_array().into_iter().flatten();
    one.chain(many.filter_map(|item| item["id"].as_str())).collect()
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The portal's ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type, such as `MAC_CATALYST_APP_STORE`.
    pub profile_type: String,
    /// `ACTIVE`, `INVALID` or `EXPIRED`.
    pub state: String,
    /// The file in base64.
    pub content: String,
}

/// A profile that is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewProfile<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub profile_type: &'a str,
    /// The bundle ID's portal ID.
    pub bundle_id: &'a str,
    /// The certificates' portal IDs.
    pub certificates: &'a [String],
    /// The devices' portal IDs.
    pub devices: &'a [String],
}

/// The services, for one team.
#[derive(Debug, Clone, Copy)]
pub struct V1<'a> {
    session: &'a Session,
    team_id: &'a TeamId,
}

impl<'a> V1<'a> {
    /// The services of `session` for the team with this ID.
    pub fn new(session: &'a Session, team_id: &'a TeamId) -> Self {
        Self { session, team_id }
    }

    /// A bundle ID with every capability.
    ///
    /// # Errors
    /// When the portal does not show it, or not all of it.
    pub async fn bundle_id(&self, id: &str) -> Result<BundleId, SessionError> {
        let path = format!("bundleIds/{id}");
        let document = self.read(&path, BUNDLE_ID_QUERY).await?;
        let listed = &document["data"]["relationships"]["bundleIdCapabilities"];
        let found = read_bundle_id(&document);
        let total = listed["meta"]["paging"]["total"].as_u64();
        if total.is_some_and(|total| total > found.capabilities.len() as u64) {
            return Err(SessionError::Lacks("bundleIdCapabilities, which Apple cut"));
        }
        Ok(found)
    }

    /// Turns capabilities on and changes their settings; every other one stays as it is.
    ///
    /// Clients disagree on whether a write drops what it does not list. So it carries the complete set, the answer is read
    /// again, and what was lost is restored once.
    ///
    /// # Errors
    /// When the portal does not do it, or not what it was told.
    pub async fn enable(&self, id: &str, wanted: &[Capability]) -> Result<(), SessionError> {
        let _turn = self.session.one_change().await;
        let before = self.bundle_id(id).await?;
        let mut complete = before.capabilities.clone();
        for one in wanted {
            match complete.iter_mut().find(|known| known.kind == one.kind) {
                Some(known) => {
                    known.enabled = true;
                    known.settings.clone_from(&one.settings);
                }
                None => complete.push(one.clone()),
            }
        }
        // What is off, and never was on, is not part of what a write must keep.
        complete.retain(|capability| capability.enabled);
        let mut after = before;
        for attempt in 1..=2 {
            self.write_capabilities(&after, &complete).await?;
            after = self.bundle_id(id).await?;
            let lost: Vec<&str> = complete
                .iter()
                .filter(|wanted| !after.capabilities.iter().any(|have| have.covers(wanted)))
                .map(|wanted| wanted.kind.as_str())
                .collect();
            if lost.is_empty() {
                return Ok(());
            }
            if attempt == 2 {
                return Err(SessionError::NotKept(lost.join(", ")));
            }
            tracing::warn!(
                "Apple's portal did not keep {} of the App ID: writing the complete set once more.",
                lost.join(", ")
            );
        }
        Ok(())
    }

    async fn write_capabilities(
        &self,
        bundle_id: &BundleId,
        complete: &[Capability],
    ) -> Result<(), SessionError> {
        let path = format!("bundleIds/{}", bundle_id.id);
        let mut attributes = Map::new();
        for key in ["name", "identifier", "seedId"] {
            if let Some(value) = bundle_id.attributes.get(key) {
                attributes.insert(key.to_owned(), value.clone());
            }
        }
        attributes.insert("teamId".to_owned(), json!(self.team_id));
        let data: Vec<Value> = complete.iter().map(Capability::to_json).collect();
        let body = json!({"data": {
            "type": "bundleIds",
            "id": bundle_id.id,
            "attributes": attributes,
            "relationships": {"bundleIdCapabilities": {"data": data}},
        }});
        self.send(Method::PATCH, "PATCH", &path, None, &body)
            .await
            .map(drop)
    }

    /// Creates the bundle ID of an App Clip: it belongs to that of its app, whose portal ID is `parent`. Without it the
    /// portal answers 409 `ENTITY_ERROR.RELATIONSHIP.REQUIRED` (go-xcode #125).
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn create_app_clip(
        &self,
        identifier: &BundleIdentifier,
        name: &str,
        parent: &str,
    ) -> Result<String, SessionError> {
        let _turn = self.session.one_change().await;
        let body = json!({"data": {
            "type": "bundleIds",
            "attributes": {
                "identifier": identifier,
                "name": name,
                "platform": "IOS",
                "bundleType": "onDemandInstallCapable",
                "teamId": self.team_id,
            },
            "relationships": {"bundleIdCapabilities": {"data": [{
                "type": "bundleIdCapabilities",
                "attributes": {"enabled": true, "settings": []},
                "relationships": {
                    "capability": {"data": {"type": "capabilities", "id": "ON_DEMAND_INSTALL_CAPABLE"}},
                    "parentBundleId": {"data": {"type": "bundleIds", "id": parent}},
                },
            }]}},
        }});
        let document = self.send(Method::POST, "POST", "bundleIds", None, &body).await?;
        id_of(&document["data"])
    }

    /// Every profile of these types.
    ///
    /// # Errors
    /// When the portal does not list them.
    pub async fn profiles(&self, types: &[&str]) -> Result<Vec<Profile>, SessionError> {
        let query = format!("filter[profileType]={}&limit=200", types.join(","));
        let document = self.read("profiles", &query).await?;
        let listed = document["data"].as_array().into_iter().flatten();
        Ok(listed.filter_map(read_profile).collect())
    }

    /// Creates a profile.
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn create_profile(&self, new: NewProfile<'_>) -> Result<Profile, SessionError> {
        let _turn = self.session.one_change().await;
        let all = |kind: &str, ids: &[String]| -> Value {
            ids.iter().map(|id| json!({"type": kind, "id": id})).collect()
        };
        let body = json!({"data": {
            "type": "profiles",
            "attributes": {"name": new.name, "profileType": new.profile_type, "teamId": self.team_id},
            "relationships": {
                "bundleId": {"data": {"type": "bundleIds", "id": new.bundle_id}},
                "certificates": {"data": all("certificates", new.certificates)},
                "devices": {"data": all("devices", new.devices)},
            },
        }});
        let document = self.send(Method::POST, "POST", "profiles", None, &body).await?;
        read_profile(&document["data"]).ok_or(SessionError::Lacks("profile"))
    }

    /// Deletes a profile.
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn delete_profile(&self, id: &str) -> Result<(), SessionError> {
        let _turn = self.session.one_change().await;
        let body = json!({"urlEncodedQueryParams": "", "teamId": self.team_id});
        let path = format!("profiles/{id}");
        self.send(Method::POST, "DELETE", &path, Some("DELETE"), &body)
            .await
            .map(drop)
    }

    async fn read(&self, path: &str, query: &str) -> Result<Value, SessionError> {
        // Names with brackets are percent-encoded; what separates pairs and values is not.
        let query = query.replace('[', "%5B").replace(']', "%5D");
        let body = json!({"urlEncodedQueryParams": query, "teamId": self.team_id});
        self.send(Method::POST, "GET", path, Some("GET"), &body).await
    }

    async fn send(
        &self,
        method: Method,
        told: &'static str,
        path: &str,
        as_if: Option<&str>,
        body: &Value,
    ) -> Result<Value, SessionError> {
        let full = format!("{SERVICES}/{path}");
        let answer = self
            .session
            .send_v1(&full, || {
                let mut request = self
                    .session
                    .portal()
                    .request(method.clone(), &full)
                    .header("X-Requested-With", &"XMLHttpRequest".into());
                if let Some(as_if) = as_if {
                    request = request.header("X-HTTP-Method-Override", &as_if.into());
                    if as_if == "GET" {
                        request = request.repeatable();
                    }
                }
                request.json_as(MEDIA_TYPE, body)
            })
            .await?;
        if !answer.status.is_success() {
            return Err(SessionError::V1(Refusal::of(told, path, &answer)));
        }
        if answer.bytes().is_empty() {
            return Ok(Value::Null);
        }
        answer.json().map_err(SessionError::Transport)
    }
}

fn id_of(resource: &Value) -> Result<String, SessionError> {
    let id = resource["id"].as_str().map(str::to_owned);
    id.ok_or(SessionError::Lacks("id"))
}

fn read_profile(resource: &Value) -> Option<Profile> {
    let text = |key: &str| {
        resource["attributes"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    Some(Profile {
        id: resource["id"].as_str()?.to_owned(),
        name: text("name"),
        profile_type: text("profileType"),
        state: text("profileState"),
        content: text("profileContent"),
    })
}

fn read_bundle_id(document: &Value) -> BundleId {
    let data = &document["data"];
    let included: HashMap<&str, &Value> = document["included"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|resource| resource["type"] == "bundleIdCapabilities")
        .filter_map(|resource| Some((resource["id"].as_str()?, resource)))
        .collect();
    let own = &data["relationships"]["bundleIdCapabilities"]["data"];
    BundleId {
        id: data["id"].as_str().unwrap_or_default().to_owned(),
        attributes: data["attributes"].as_object().cloned().unwrap_or_default(),
        capabilities: ids(own)
            .into_iter()
            .filter_map(|id| read_capability(id, included.get(id)?))
            .collect(),
    }
}

/// Reads a capability. Its type is the ID of the related catalogue entry, else the end of its own, `<bundle ID>_<TYPE>`;
/// answers to sessions have no `capabilityType` (eas-cli #4178).
fn read_capability(id: &str, resource: &Value) -> Option<Capability> {
    let attributes = &resource["attributes"];
    let relationships = &resource["relationships"];
    let kind = relationships["capability"]["data"]["id"]
        .as_str()
        .or(attributes["capabilityType"].as_str())
        .or(id.split_once('_').map(|(_, kind)| kind))?;
    let settings = attributes["settings"].as_array().into_iter().flatten();
    let settings = settings.filter_map(|setting| {
        let options = setting["options"].as_array().into_iter().flatten();
        let on = options
            .filter(|option| option["enabled"] != false)
            .filter_map(|option| option["key"].as_str().map(str::to_owned));
        Some((setting["key"].as_str()?.to_owned(), on.collect()))
    });
    let links = LINKS.iter().filter_map(|name| {
        let data = relationships[*name]["data"].clone();
        (!ids(&data).is_empty()).then(|| ((*name).to_owned(), data))
    });
    Some(Capability {
        id: Some(id.to_owned()),
        kind: kind.to_owned(),
        enabled: attributes["enabled"] != false,
        settings: settings.collect(),
        links: links.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape is that of the answers in eas-cli #4178 and rork's tests.
    #[test]
    fn capabilities_are_read_and_written_without_what_apple_refuses() {
        let document = json!({
            "data": {
                "type": "bundleIds",
                "id": "ABC123",
                "attributes": {"name": "App", "identifier": "org.x", "seedId": "TEAM", "responseId": "r"},
                "relationships": {"bundleIdCapabilities": {"data": [
                    {"type": "bundleIdCapabilities", "id": "ABC123_APP_GROUPS"},
                    {"type": "bundleIdCapabilities", "id": "PR06102F2"},
                    {"type": "bundleIdCapabilities", "id": "ABC123_WEATHERKIT"},
                ]}},
            },
            "included": [
                {"type": "bundleIdCapabilities", "id": "ABC123_APP_GROUPS", "attributes": {"enabled": true, "settings": null, "ownerType": "BUNDLE", "editable": true, "responseId": "r"}, "relationships": {"appGroups": {"data": [{"type": "appGroups", "id": "G1"}]}}},
                {"type": "bundleIdCapabilities", "id": "PR06102F2", "attributes": {"enabled": true, "settings": [{"key": "K", "options": [{"key": "A", "enabled": true}, {"key": "B", "enabled": false}]}]}, "relationships": {"capability": {"data": {"type": "capabilities", "id": "CARPLAY_MESSAGING"}}}},
                {"type": "bundleIdCapabilities", "id": "ABC123_WEATHERKIT", "attributes": {"enabled": false}},
            ],
        });
        let read = read_bundle_id(&document);
        let kinds: Vec<(&str, bool)> = read
            .capabilities
            .iter()
            .map(|one| (one.kind.as_str(), one.enabled))
            .collect();
        assert_eq!(
            kinds,
            [
                ("APP_GROUPS", true),
                ("CARPLAY_MESSAGING", true),
                ("WEATHERKIT", false)
            ]
        );
        assert_eq!(
            read.capabilities[0].to_json(),
            json!({
                "type": "bundleIdCapabilities",
                "id": "ABC123_APP_GROUPS",
                "attributes": {"enabled": true, "settings": []},
                "relationships": {
                    "capability": {"data": {"type": "capabilities", "id": "APP_GROUPS"}},
                    "appGroups": {"data": [{"type": "appGroups", "id": "G1"}]},
                },
            })
        );
        assert_eq!(
            read.capabilities[1].settings,
            [("K".to_owned(), vec!["A".to_owned()])]
        );
    }
}
