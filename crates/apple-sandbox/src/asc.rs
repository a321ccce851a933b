//! The App Store Connect API, as far as provisioning uses it.
//!
//! Facts: Apple's API document. Where it is vague the sandbox is strict: parameters and attributes that it
//! does not list are refused.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::answer::{Refusal, answer};
use crate::profile;
use crate::state::{BundleId, Capability, Certificate, Device, Profile, State};
use crate::uploads;

/// The largest page, and the page when nothing is said.
const LARGEST: usize = 200;
const USUAL: usize = 20;

pub(crate) type Outcome = Result<Response, Refusal>;

/// A request, taken apart.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: &'a [u8],
    /// Where the sandbox is, for links.
    pub(crate) base: &'a str,
}

/// Answers a request whose token was checked.
pub(crate) fn route(request: &Request<'_>, state: &mut State) -> Outcome {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method, parts.as_slice()) {
        ("GET", ["v1", "certificates"]) => certificates(request, state),
        ("GET", ["v1", "devices"]) => devices(request, state),
        ("POST", ["v1", "devices"]) => register_device(request, state),
        ("GET", ["v1", "bundleIds"]) => bundle_ids(request, state),
        ("POST", ["v1", "bundleIds"]) => create_bundle_id(request, state),
        ("GET", ["v1", "bundleIds", id, "profiles"]) => profiles_of(request, state, id),
        ("GET", ["v1", "bundleIds", id, "bundleIdCapabilities"]) => capabilities_of(request, state, id),
        ("POST", ["v1", "bundleIdCapabilities"]) => enable(request, state),
        ("PATCH", ["v1", "bundleIdCapabilities", id]) => change(request, state, id),
        ("GET", ["v1", "profiles"]) => profiles(request, state),
        ("POST", ["v1", "profiles"]) => create_profile(request, state),
        ("DELETE", ["v1", "profiles", id]) => delete_profile(state, id),
        parts => uploads::route(request, state, parts.1).unwrap_or_else(|| {
            Err(Refusal::new(
                404,
                "PATH_ERROR",
                "The URL path is not valid",
                format!("{} {} is not served by the sandbox", request.method, request.path),
            ))
        }),
    }
}

pub(crate) fn date(time: OffsetDateTime) -> Value {
    // Apple writes milliseconds and a numeric offset.
    let text = time
        .replace_nanosecond(0)
        .unwrap_or(time)
        .format(&Rfc3339)
        .unwrap_or_default();
    text.replace('Z', ".000+00:00").into()
}

/// What a write carries.
pub(crate) type AttributesAndRelationships = (Map<String, Value>, Map<String, Value>);

impl Request<'_> {
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The values of a filter; blank ones are refused.
    pub(crate) fn filter(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(text) = self.value(&format!("filter[{name}]")) else {
            return Ok(None);
        };
        let values: Vec<String> = text.split(',').map(str::to_owned).collect();
        if values.iter().any(String::is_empty) {
            return Err(Refusal::parameter(format!("'filter[{name}]' has an empty value")));
        }
        Ok(Some(values))
    }

    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.query.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, _)) => Err(Refusal::parameter(format!(
                "The parameter '{key}' can not be used with this request"
            ))),
            None => Ok(()),
        }
    }

    /// One page of `items`, with links and totals.
    pub(crate) fn page(&self, items: Vec<Value>) -> Result<Map<String, Value>, Refusal> {
        let limit = match self.value("limit") {
            None => USUAL,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=LARGEST).contains(limit))
                .ok_or_else(|| {
                    Refusal::parameter(format!("'{text}' is not a valid limit; it is 1 to {LARGEST}"))
                })?,
        };
        let start = match self.value("cursor") {
            None => 0,
            Some(cursor) => STANDARD
                .decode(cursor)
                .ok()
                .and_then(|bytes| {
                    String::from_utf8(bytes)
                        .ok()?
                        .strip_prefix("at ")?
                        .parse::<usize>()
                        .ok()
                })
                .ok_or_else(|| {
                    Refusal::parameter(format!("'{cursor}' is not a valid cursor for this request"))
                })?,
        };
        let total = items.len();
        let data: Vec<Value> = items.into_iter().skip(start).take(limit).collect();
        let end = start + data.len();
        let link = |cursor: Option<usize>| {
            let mut pairs: Vec<String> = self
                .query
                .iter()
                .filter(|(key, _)| key != "cursor")
                .map(|(key, value)| format!("{}={}", encoded(key), encoded(value)))
                .collect();
            pairs
                .extend(cursor.map(|at| format!("cursor={}", encoded(&STANDARD.encode(format!("at {at}"))))));
            let query = if pairs.is_empty() {
                String::new()
            } else {
                format!("?{}", pairs.join("&"))
            };
            Value::String(format!("{}{}{query}", self.base, self.path))
        };
        let mut links = Map::new();
        links.insert("self".to_owned(), link(None));
        if end < total {
            links.insert("next".to_owned(), link(Some(end)));
        }
        let mut document = Map::new();
        document.insert("data".to_owned(), data.into());
        document.insert("links".to_owned(), links.into());
        document.insert(
            "meta".to_owned(),
            json!({"paging": {"total": total, "limit": limit}}),
        );
        Ok(document)
    }

    /// The attributes and relationships of the body's resource.
    pub(crate) fn resource(
        &self,
        kind: &str,
        attributes: &[&str],
    ) -> Result<AttributesAndRelationships, Refusal> {
        let body: Value = serde_json::from_slice(self.body).map_err(|_| {
            Refusal::new(
                400,
                "ENTITY_INVALID",
                "JSON processing failed",
                "The request body is not valid JSON",
            )
        })?;
        if body["data"]["type"] != kind {
            return Err(Refusal::entity(
                "ENTITY_ERROR.TYPE_INVALID",
                format!("The type must be '{kind}'"),
            ));
        }
        let given = body["data"]["attributes"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        if let Some(key) = given.keys().find(|key| !attributes.contains(&key.as_str())) {
            return Err(Refusal::entity(
                "ENTITY_ERROR.ATTRIBUTE.UNKNOWN",
                format!("'{key}' is not an attribute on the resource '{kind}'"),
            ));
        }
        let relationships = body["data"]["relationships"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        Ok((given, relationships))
    }
}

/// Percent-encoding of what may not stand in a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

pub(crate) fn required(attributes: &Map<String, Value>, key: &'static str) -> Result<String, Refusal> {
    attributes
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| {
            Refusal::entity(
                "ENTITY_ERROR.ATTRIBUTE.REQUIRED",
                format!("You must provide a value for the attribute '{key}'"),
            )
        })
}

pub(crate) fn related(relationships: &Map<String, Value>, name: &str) -> Vec<String> {
    let data = &relationships.get(name).cloned().unwrap_or_default()["data"];
    let one = data.as_object().map(|_| data.clone()).into_iter();
    let many = data.as_array().cloned().unwrap_or_default();
    one.chain(many)
        .filter_map(|identifier| identifier["id"].as_str().map(str::to_owned))
        .collect()
}

pub(crate) fn found(document: Map<String, Value>) -> Outcome {
    Ok(answer(200, &document.into()))
}

pub(crate) fn created(resource: Value, path: &str, base: &str) -> Outcome {
    let link = format!("{base}{path}/{}", resource["id"].as_str().unwrap_or_default());
    Ok(answer(201, &json!({"data": resource, "links": {"self": link}})))
}

pub(crate) fn self_link(base: &str, kind: &str, id: &str) -> Value {
    json!({"self": format!("{base}/v1/{kind}/{id}")})
}

// --- certificates

fn certificate(base: &str, certificate: &Certificate) -> Value {
    let display = certificate.name.split(": ").nth(1).unwrap_or(&certificate.name);
    json!({
        "type": "certificates",
        "id": certificate.id,
        "attributes": {
            "name": certificate.name,
            "certificateType": certificate.certificate_type,
            "displayName": display,
            "serialNumber": certificate.serial,
            "platform": null,
            "expirationDate": date(certificate.expires),
            "certificateContent": STANDARD.encode(&certificate.der),
        },
        "links": self_link(base, "certificates", &certificate.id),
    })
}

fn certificates(request: &Request<'_>, state: &mut State) -> Outcome {
    request.only(&[
        "filter[serialNumber]",
        "filter[certificateType]",
        "filter[id]",
        "filter[displayName]",
        "limit",
        "cursor",
        "sort",
        "fields[certificates]",
    ])?;
    let serials = request.filter("serialNumber")?;
    let kinds = request.filter("certificateType")?;
    let listed = state
        .certificates
        .iter()
        .filter(|known| known.on_portal && known.expires > OffsetDateTime::now_utc())
        .filter(|known| {
            serials.as_ref().is_none_or(|serials| {
                serials
                    .iter()
                    .any(|serial| serial.trim_start_matches('0').eq_ignore_ascii_case(&known.serial))
            })
        })
        .filter(|known| {
            kinds
                .as_ref()
                .is_none_or(|kinds| kinds.contains(&known.certificate_type))
        })
        .map(|known| certificate(request.base, known))
        .collect();
    found(request.page(listed)?)
}

// --- devices

fn device(base: &str, device: &Device) -> Value {
    json!({
        "type": "devices",
        "id": device.id,
        "attributes": {
            "name": device.name,
            "platform": device.platform,
            "udid": device.udid,
            "deviceClass": device.device_class,
            "status": device.status,
            "model": null,
            "addedDate": date(device.added),
        },
        "links": self_link(base, "devices", &device.id),
    })
}

fn devices(request: &Request<'_>, state: &mut State) -> Outcome {
    request.only(&[
        "filter[name]",
        "filter[platform]",
        "filter[udid]",
        "filter[status]",
        "filter[id]",
        "limit",
        "cursor",
        "sort",
        "fields[devices]",
    ])?;
    let platforms = request.filter("platform")?;
    let statuses = request.filter("status")?;
    let udids = request.filter("udid")?;
    let served = state.lists_served;
    let listed = state
        .devices
        .iter()
        .filter(|known| known.hidden_until <= served)
        .filter(|known| platforms.as_ref().is_none_or(|all| all.contains(&known.platform)))
        .filter(|known| statuses.as_ref().is_none_or(|all| all.contains(&known.status)))
        .filter(|known| udids.as_ref().is_none_or(|all| all.contains(&known.udid)))
        .map(|known| device(request.base, known))
        .collect();
    found(request.page(listed)?)
}

pub(crate) fn is_udid(text: &str) -> bool {
    let hex = text.replace('-', "");
    matches!(text.len(), 24 | 25 | 36 | 40) && hex.chars().all(|c| c.is_ascii_hexdigit())
}

fn register_device(request: &Request<'_>, state: &mut State) -> Outcome {
    let (attributes, _) = request.resource("devices", &["name", "platform", "udid"])?;
    let name = required(&attributes, "name")?;
    let udid = required(&attributes, "udid")?;
    let platform = required(&attributes, "platform")?;
    if !is_udid(&udid) {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID",
            format!("An attribute value is invalid. '{udid}' is not a valid device identifier"),
        ));
    }
    if state
        .devices
        .iter()
        .any(|known| known.udid.eq_ignore_ascii_case(&udid))
    {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE",
            format!("A device with number '{udid}' already exists on this team."),
        ));
    }
    if state.devices.len() >= state.device_limit {
        return Err(Refusal::entity(
            "ENTITY_ERROR",
            "You have reached the maximum number of registered devices for this product family.",
        ));
    }
    let class = if platform == "MAC_OS" { "MAC" } else { "IPHONE" };
    let made = Device {
        id: state.id(),
        name,
        udid,
        device_class: class.to_owned(),
        status: if state.devices_are_processed {
            "PROCESSING"
        } else {
            "ENABLED"
        }
        .to_owned(),
        platform,
        added: OffsetDateTime::now_utc(),
        hidden_until: state.hidden_until(),
    };
    let answer = created(device(request.base, &made), request.path, request.base);
    state.devices.push(made);
    answer
}

// --- bundle IDs and capabilities

fn bundle_id(base: &str, id: &BundleId, team: &str) -> Value {
    json!({
        "type": "bundleIds",
        "id": id.id,
        "attributes": {
            "name": id.name,
            "identifier": id.identifier,
            "platform": id.platform,
            "seedId": team,
        },
        "links": self_link(base, "bundleIds", &id.id),
    })
}

fn capability(base: &str, capability: &Capability) -> Value {
    json!({
        "type": "bundleIdCapabilities",
        "id": capability.id,
        "attributes": {"capabilityType": capability.capability_type, "settings": capability.settings},
        "links": self_link(base, "bundleIdCapabilities", &capability.id),
    })
}

fn bundle_ids(request: &Request<'_>, state: &mut State) -> Outcome {
    request.only(&[
        "filter[identifier]",
        "filter[name]",
        "filter[platform]",
        "filter[seedId]",
        "filter[id]",
        "include",
        "limit",
        "limit[bundleIdCapabilities]",
        "limit[profiles]",
        "cursor",
        "sort",
        "fields[bundleIds]",
        "fields[profiles]",
        "fields[bundleIdCapabilities]",
    ])?;
    let identifiers = request.filter("identifier")?;
    let includes: Vec<&str> = request
        .value("include")
        .map(|text| text.split(',').collect())
        .unwrap_or_default();
    if let Some(other) = includes
        .iter()
        .find(|name| !["bundleIdCapabilities", "profiles", "app"].contains(name))
    {
        return Err(Refusal::parameter(format!(
            "'{other}' is not a relationship on the resource 'bundleIds'"
        )));
    }
    let limit = |name: &str| {
        request
            .value(&format!("limit[{name}]"))
            .and_then(|text| text.parse().ok())
            .unwrap_or(10_usize)
    };
    let served = state.lists_served;
    let mut included = Vec::new();
    let mut listed = Vec::new();
    for id in state
        .bundle_ids
        .iter()
        .filter(|known| known.hidden_until <= served)
    {
        // Apple's filter matches parts of identifiers, whatever their case.
        let matches = identifiers.as_ref().is_none_or(|wanted| {
            wanted
                .iter()
                .any(|part| id.identifier.to_lowercase().contains(&part.to_lowercase()))
        });
        if !matches {
            continue;
        }
        let mut resource = bundle_id(request.base, id, &state.team_id);
        let mut relationships = Map::new();
        if includes.contains(&"bundleIdCapabilities") {
            let own: Vec<Value> = id
                .capabilities
                .iter()
                .map(|one| capability(request.base, one))
                .collect();
            relationships.insert(
                "bundleIdCapabilities".to_owned(),
                relationship(&own, limit("bundleIdCapabilities")),
            );
            included.extend(own.into_iter().take(limit("bundleIdCapabilities")));
        }
        if includes.contains(&"profiles") {
            let own: Vec<Value> = state
                .profiles
                .iter()
                .filter(|one| one.bundle_id == id.id && one.hidden_until <= served)
                .map(|one| profile_resource(request.base, one))
                .collect();
            relationships.insert("profiles".to_owned(), relationship(&own, limit("profiles")));
            included.extend(own.into_iter().take(limit("profiles")));
        }
        if !relationships.is_empty()
            && let Some(resource) = resource.as_object_mut()
        {
            resource.insert("relationships".to_owned(), relationships.into());
        }
        listed.push(resource);
    }
    let mut document = request.page(listed)?;
    if !includes.is_empty() {
        document.insert("included".to_owned(), included.into());
    }
    found(document)
}

fn relationship(own: &[Value], limit: usize) -> Value {
    let data: Vec<Value> = own
        .iter()
        .take(limit)
        .map(|resource| json!({"type": resource["type"], "id": resource["id"]}))
        .collect();
    json!({"data": data, "meta": {"paging": {"total": own.len(), "limit": limit}}})
}

fn create_bundle_id(request: &Request<'_>, state: &mut State) -> Outcome {
    let (attributes, _) = request.resource("bundleIds", &["identifier", "name", "platform", "seedId"])?;
    let identifier = required(&attributes, "identifier")?;
    let name = required(&attributes, "name")?;
    let platform = required(&attributes, "platform")?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let body = identifier.strip_suffix(".*").unwrap_or(&identifier);
    if !body.chars().all(is_part) && body != "*" {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID",
            format!("An attribute value is invalid. '{identifier}' is not a valid identifier"),
        ));
    }
    if !name.chars().all(|c| c.is_alphanumeric() || c == ' ') {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID",
            format!("An attribute value is invalid. '{name}' has invalid characters"),
        ));
    }
    if state
        .bundle_ids
        .iter()
        .any(|known| known.identifier.eq_ignore_ascii_case(&identifier))
    {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE",
            format!(
                "An App ID with Identifier '{identifier}' is not available. Please enter a different string."
            ),
        ));
    }
    let made = BundleId {
        id: state.id(),
        identifier,
        name,
        platform,
        capabilities: Vec::new(),
        containers: Vec::new(),
        groups: Vec::new(),
        merchants: Vec::new(),
        hidden_until: state.hidden_until(),
    };
    let answer = created(
        bundle_id(request.base, &made, &state.team_id),
        request.path,
        request.base,
    );
    state.bundle_ids.push(made);
    answer
}

fn capabilities_of(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    request.only(&["limit", "cursor", "fields[bundleIdCapabilities]"])?;
    let id = state
        .bundle_ids
        .iter()
        .find(|known| known.id == id)
        .ok_or_else(|| Refusal::not_found("bundleIds", id))?;
    found(
        request.page(
            id.capabilities
                .iter()
                .map(|one| capability(request.base, one))
                .collect(),
        )?,
    )
}

fn enable(request: &Request<'_>, state: &mut State) -> Outcome {
    let (attributes, relationships) =
        request.resource("bundleIdCapabilities", &["capabilityType", "settings"])?;
    let kind = required(&attributes, "capabilityType")?;
    let settings = attributes.get("settings").cloned().unwrap_or(Value::Null);
    let wanted = related(&relationships, "bundleId")
        .into_iter()
        .next()
        .unwrap_or_default();
    let index = state
        .bundle_ids
        .iter()
        .position(|known| known.id == wanted)
        .ok_or_else(|| Refusal::not_found("bundleIds", &wanted))?;
    let made = Capability {
        id: format!("{wanted}_{kind}"),
        capability_type: kind,
        settings,
    };
    let answer = created(capability(request.base, &made), request.path, request.base);
    if let Some(id) = state.bundle_ids.get_mut(index) {
        // Enabling what is enabled changes its settings.
        id.capabilities.retain(|known| known.id != made.id);
        id.capabilities.push(made);
    }
    invalidate(state, &wanted);
    answer
}

fn change(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    let (attributes, _) = request.resource("bundleIdCapabilities", &["capabilityType", "settings"])?;
    let owner = state
        .bundle_ids
        .iter_mut()
        .find(|known| known.capabilities.iter().any(|capability| capability.id == id))
        .ok_or_else(|| Refusal::not_found("bundleIdCapabilities", id))?;
    let owner_id = owner.id.clone();
    let mut changed = Value::Null;
    for known in owner.capabilities.iter_mut().filter(|known| known.id == id) {
        known.settings = attributes.get("settings").cloned().unwrap_or(Value::Null);
        changed = capability(request.base, known);
    }
    invalidate(state, &owner_id);
    Ok(answer(
        200,
        &json!({"data": changed, "links": {"self": format!("{}{}", request.base, request.path)}}),
    ))
}

/// A change of capabilities makes the bundle ID's profiles invalid.
pub(crate) fn invalidate(state: &mut State, bundle_id: &str) {
    for profile in state
        .profiles
        .iter_mut()
        .filter(|profile| profile.bundle_id == bundle_id)
    {
        "INVALID".clone_into(&mut profile.state);
    }
}

// --- profiles

fn profile_resource(base: &str, profile: &Profile) -> Value {
    let platform = if profile.profile_type.starts_with("MAC") {
        "MAC_OS"
    } else {
        "IOS"
    };
    json!({
        "type": "profiles",
        "id": profile.id,
        "attributes": {
            "name": profile.name,
            "platform": platform,
            "profileType": profile.profile_type,
            "profileState": profile.state,
            "profileContent": STANDARD.encode(&profile.content),
            "uuid": profile.uuid,
            "createdDate": date(profile.created),
            "expirationDate": date(profile.expires),
        },
        "links": self_link(base, "profiles", &profile.id),
    })
}

fn profiles(request: &Request<'_>, state: &mut State) -> Outcome {
    request.only(&[
        "filter[name]",
        "filter[profileType]",
        "filter[profileState]",
        "filter[id]",
        "include",
        "limit",
        "cursor",
        "sort",
        "fields[profiles]",
    ])?;
    let names = request.filter("name")?;
    let kinds = request.filter("profileType")?;
    let served = state.lists_served;
    let listed = state
        .profiles
        .iter()
        // The list hides what has expired; only the bundle ID's own profiles show it.
        .filter(|known| known.expires > OffsetDateTime::now_utc() && known.hidden_until <= served)
        .filter(|known| {
            names
                .as_ref()
                .is_none_or(|all| all.iter().any(|part| known.name.contains(part)))
        })
        .filter(|known| kinds.as_ref().is_none_or(|all| all.contains(&known.profile_type)))
        .map(|known| profile_resource(request.base, known))
        .collect();
    found(request.page(listed)?)
}

fn profiles_of(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    request.only(&["limit", "cursor", "fields[profiles]"])?;
    if !state.bundle_ids.iter().any(|known| known.id == id) {
        return Err(Refusal::not_found("bundleIds", id));
    }
    let served = state.lists_served;
    let listed = state
        .profiles
        .iter()
        .filter(|known| known.bundle_id == id && known.hidden_until <= served)
        .map(|known| profile_resource(request.base, known))
        .collect();
    found(request.page(listed)?)
}

fn create_profile(request: &Request<'_>, state: &mut State) -> Outcome {
    let (attributes, relationships) = request.resource("profiles", &["name", "profileType"])?;
    let name = required(&attributes, "name")?;
    let kind = required(&attributes, "profileType")?;
    let bundle_id = related(&relationships, "bundleId")
        .into_iter()
        .next()
        .unwrap_or_default();
    let certificates = related(&relationships, "certificates");
    let devices = related(&relationships, "devices");
    if !state.bundle_ids.iter().any(|known| known.id == bundle_id) {
        return Err(Refusal::not_found("bundleIds", &bundle_id));
    }
    if certificates.is_empty() {
        return Err(Refusal::entity(
            "ENTITY_ERROR.RELATIONSHIP.REQUIRED",
            "You must provide a value for the relationship 'certificates'",
        ));
    }
    for id in &certificates {
        let known = state
            .certificates
            .iter()
            .find(|known| known.id == *id && known.on_portal);
        let known = known.ok_or_else(|| Refusal::not_found("certificates", id))?;
        if !profile::takes_certificate(&kind, &known.certificate_type) {
            return Err(Refusal::entity(
                "ENTITY_ERROR.RELATIONSHIP.INVALID",
                format!(
                    "A certificate of type {} can't be used in a profile of type {kind}",
                    known.certificate_type
                ),
            ));
        }
    }
    for id in &devices {
        let known = state.devices.iter().find(|known| known.id == *id);
        let known = known.ok_or_else(|| Refusal::not_found("devices", id))?;
        if known.status != "ENABLED" {
            return Err(Refusal::entity(
                "ENTITY_ERROR.RELATIONSHIP.INVALID",
                format!("The device '{}' is not enabled", known.name),
            ));
        }
    }
    if profile::lists_devices(&kind) == devices.is_empty() {
        return Err(Refusal::entity(
            "ENTITY_ERROR.RELATIONSHIP.INVALID",
            if devices.is_empty() {
                "You must provide devices for this profile type"
            } else {
                "Devices can't be used with this profile type"
            },
        ));
    }
    if state.profiles.iter().any(|known| known.name == name) {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE",
            format!(
                "Multiple profiles found with the name '{name}'. Please remove the duplicate profiles and try again."
            ),
        ));
    }
    let made = state.make_profile(
        &name,
        &kind,
        &bundle_id,
        certificates,
        devices,
        OffsetDateTime::now_utc(),
    );
    let answer = created(profile_resource(request.base, &made), request.path, request.base);
    state.profiles.push(made);
    answer
}

fn delete_profile(state: &mut State, id: &str) -> Outcome {
    let before = state.profiles.len();
    state.profiles.retain(|known| known.id != id);
    if state.profiles.len() == before {
        return Err(Refusal::not_found("profiles", id));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
