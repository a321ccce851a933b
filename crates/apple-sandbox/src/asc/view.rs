//! What the sandbox knows, read as resources.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::date;
use super::document::Api;
use super::objects::Key;
use super::query::Query;
use crate::signing::{AssociableKind, Certificate, Device, Profile};
use crate::state::{App, Build, State};
use crate::uploads;

/// The state, as the API shows it.
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) api: &'a Api,
    /// Where the sandbox is, for links.
    pub(crate) base: &'a str,
    pub(crate) now: OffsetDateTime,
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Which platform a certificate is for; those of Xcode 11 and later are for all, which the Enterprise Program's document
/// has no word for.
fn platform_of(kind: &str, enterprise: bool) -> &'static str {
    match kind {
        "DEVELOPMENT" | "DISTRIBUTION" if !enterprise => "UNIVERSAL",
        kind if kind.starts_with("MAC_") || kind.starts_with("DEVELOPER_ID") => "MAC_OS",
        _ => "IOS",
    }
}

/// A model for a class of devices; which one a device is only Apple knows.
fn model_of(class: &str) -> &'static str {
    match class {
        "IPAD" => "iPad Air (5th generation)",
        "IPOD" => "iPod touch (7th generation)",
        "APPLE_TV" => "Apple TV 4K",
        "APPLE_WATCH" => "Apple Watch Series 7",
        "APPLE_VISION_PRO" => "Apple Vision Pro",
        "MAC" | "INTEL_MAC" | "APPLE_SILICON_MAC" => "MacBook Pro",
        _ => "iPhone 13 Pro",
    }
}

fn certificate(known: &Certificate, enterprise: bool) -> Value {
    let display = known.name.split(": ").nth(1).unwrap_or(&known.name);
    json!({
        "name": known.name,
        "certificateType": known.certificate_type,
        "displayName": display,
        "serialNumber": known.serial,
        "platform": platform_of(&known.certificate_type, enterprise),
        "expirationDate": date(known.expires),
        "certificateContent": STANDARD.encode(&known.der),
        // Apple keeps no request; clients such as codemagic-cli-tools 0.70 want the member.
        "csrContent": "",
        "activated": true,
    })
}

fn device(known: &Device) -> Value {
    json!({
        "name": known.name,
        "platform": known.platform,
        "udid": known.udid,
        "deviceClass": known.device_class,
        "status": known.status,
        "model": model_of(&known.device_class),
        "addedDate": date(known.added),
    })
}

fn profile(known: &Profile) -> Value {
    let platform = if known.profile_type.starts_with("MAC") {
        "MAC_OS"
    } else {
        "IOS"
    };
    json!({
        "name": known.name,
        "platform": platform,
        "profileType": known.profile_type,
        "profileState": known.state,
        "profileContent": STANDARD.encode(&known.content),
        "uuid": known.uuid,
        "createdDate": date(known.created),
        "expirationDate": date(known.expires),
    })
}

fn app(known: &App) -> Value {
    json!({
        "name": known.name,
        "bundleId": known.bundle_id,
        "sku": known.bundle_id,
        "primaryLocale": "en-US",
        "isOrEverWasMadeForKids": false,
        // codemagic-cli-tools 0.70 wants the member.
        "contentRightsDeclaration": "DOES_NOT_USE_THIRD_PARTY_CONTENT",
        "streamlinedPurchasingEnabled": true,
    })
}

fn build(known: &Build) -> Value {
    json!({
        "version": known.version,
        "uploadedDate": date(known.uploaded),
        "expirationDate": date(known.uploaded + Duration::days(90)),
        "expired": false,
        "minOsVersion": "15.0",
        "lsMinimumSystemVersion": "15.0",
        "computedMinMacOsVersion": "12.0",
        "computedMinVisionOsVersion": "1.0",
        "iconAssetToken": {
            "templateUrl": "https://is1-ssl.mzstatic.com/image/thumb/sandbox/{w}x{h}bb.{f}",
            "width": 1024,
            "height": 1024,
        },
        "processingState": known.processing_state,
        "buildAudienceType": "APP_STORE_ELIGIBLE",
    })
}

impl View<'_> {
    fn is_visible(&self, hidden_until: u32) -> bool {
        self.state.lists.shows(hidden_until)
    }

    /// Whether lists show a resource already.
    pub(crate) fn is_listed(&self, key: &Key) -> bool {
        let object = self.state.objects.get(&key.kind, &key.id);
        object.is_none_or(|object| self.is_visible(object.hidden_until))
    }

    /// The attributes of a resource; `None` where there is none.
    pub(crate) fn attributes(&self, kind: &str, id: &str) -> Option<Map<String, Value>> {
        let state = self.state;
        let of_type = match kind {
            "certificates" => {
                let known = state
                    .certificates
                    .iter()
                    .find(|known| known.id == id && known.on_portal);
                into_object(certificate(known?, state.enterprise))
            }
            "devices" => into_object(device(state.devices.by_id(id)?)),
            "profiles" => into_object(profile(state.profiles.by_id(id)?)),
            "bundleIds" => {
                let known = state.bundle_ids.by_id(id)?;
                into_object(json!({
                    "name": known.name,
                    "identifier": known.identifier,
                    "platform": known.platform,
                    "seedId": state.team_id,
                }))
            }
            "bundleIdCapabilities" => {
                let mut all = state.bundle_ids.iter().flat_map(|known| &known.capabilities);
                let known = all.find(|known| known.id == id)?;
                let settings = if known.settings.is_null() {
                    json!([])
                } else {
                    known.settings.clone()
                };
                into_object(json!({"capabilityType": known.capability_type, "settings": settings}))
            }
            "apps" => into_object(app(state.apps.by_id(id)?)),
            "builds" => into_object(build(state.builds.by_id(id)?)),
            "buildUploads" => into_object(uploads::upload(state.uploads.by_id(id)?)),
            "buildUploadFiles" => {
                let known = state.uploads.files().by_id(id)?;
                into_object(uploads::file(known, self.base))
            }
            _ => Some(state.objects.get(kind, id)?.attributes.clone()),
        };
        let mut attributes = of_type?;
        if let Some(object) = state.objects.get(kind, id) {
            for (name, value) in &object.attributes {
                attributes.insert(name.clone(), value.clone());
            }
        }
        attributes.extend(state.assets.attributes(id, self.base));
        Some(attributes)
    }

    /// Whether there is such a resource.
    pub(crate) fn has(&self, kind: &str, id: &str) -> bool {
        let state = self.state;
        match kind {
            "certificates" => state
                .certificates
                .iter()
                .any(|known| known.id == id && known.on_portal),
            "devices" => state.devices.has(id),
            "profiles" => state.profiles.has(id),
            "bundleIds" => state.bundle_ids.has(id),
            "apps" => state.apps.has(id),
            "builds" => state.builds.has(id),
            "buildUploads" => state.uploads.by_id(id).is_some(),
            "buildUploadFiles" => state.uploads.files().has(id),
            "merchantIds" => state.associables.of(AssociableKind::Merchant).has(id),
            "bundleIdCapabilities" => {
                let mut all = state.bundle_ids.iter().flat_map(|known| &known.capabilities);
                all.any(|known| known.id == id)
            }
            _ => state.objects.get(kind, id).is_some(),
        }
    }

    /// What the list of a kind shows.
    pub(crate) fn list(&self, kind: &str) -> Vec<Key> {
        let state = self.state;
        let keys = |ids: Vec<String>| ids.into_iter().map(|id| Key::new(kind, &id)).collect();
        match kind {
            "certificates" => {
                let listed = state
                    .certificates
                    .iter()
                    .filter(|known| known.on_portal && known.expires > self.now);
                keys(listed.map(|known| known.id.clone()).collect())
            }
            "devices" => {
                let listed = state
                    .devices
                    .iter()
                    .filter(|known| self.is_visible(known.hidden_until));
                keys(listed.map(|known| known.id.clone()).collect())
            }
            "bundleIds" => {
                let listed = state
                    .bundle_ids
                    .iter()
                    .filter(|known| self.is_visible(known.hidden_until));
                keys(listed.map(|known| known.id.clone()).collect())
            }
            // The list hides what has expired; only the bundle ID's own profiles show it.
            "profiles" => {
                let listed = state
                    .profiles
                    .iter()
                    .filter(|known| known.expires > self.now && self.is_visible(known.hidden_until));
                keys(listed.map(|known| known.id.clone()).collect())
            }
            "apps" => keys(state.apps.iter().map(|known| known.id.clone()).collect()),
            "builds" => keys(state.builds.iter().map(|known| known.id.clone()).collect()),
            _ => {
                let mut ids = state.objects.ids(kind);
                ids.retain(|id| {
                    let object = state.objects.get(kind, id);
                    object.is_some_and(|object| self.is_visible(object.hidden_until))
                });
                keys(ids)
            }
        }
    }

    /// What a relationship leads to.
    pub(crate) fn related(&self, kind: &str, id: &str, name: &str) -> Vec<Key> {
        let state = self.state;
        let found: Vec<Key> = match (kind, name) {
            ("bundleIds", "profiles") => {
                let own = state.profiles.iter().filter(|known| known.bundle_id == id);
                own.filter(|known| self.is_visible(known.hidden_until))
                    .map(|known| Key::new("profiles", &known.id))
                    .collect()
            }
            ("bundleIds", "bundleIdCapabilities") => {
                let own = state.bundle_ids.by_id(id);
                let all = own.into_iter().flat_map(|known| &known.capabilities);
                all.map(|known| Key::new("bundleIdCapabilities", &known.id))
                    .collect()
            }
            ("bundleIds", "app") => {
                let own = state.bundle_ids.by_id(id);
                let fits = |app: &&App| own.is_some_and(|own| own.identifier == app.bundle_id);
                state
                    .apps
                    .iter()
                    .filter(fits)
                    .map(|app| Key::new("apps", &app.id))
                    .collect()
            }
            ("profiles", "bundleId" | "certificates" | "devices") => {
                let Some(own) = state.profiles.by_id(id) else {
                    return Vec::new();
                };
                let keys = |kind: &str, ids: &[String]| -> Vec<Key> {
                    let there = ids.iter().filter(|id| self.has(kind, id));
                    there.map(|id| Key::new(kind, id)).collect()
                };
                match name {
                    "bundleId" => keys("bundleIds", std::slice::from_ref(&own.bundle_id)),
                    "certificates" => keys("certificates", &own.certificates),
                    _ => keys("devices", &own.devices),
                }
            }
            ("apps", "builds") => {
                let own = state.builds.iter().filter(|known| known.app == id);
                own.map(|known| Key::new("builds", &known.id)).collect()
            }
            ("apps", "buildUploads") => {
                let own = state.uploads.iter().filter(|known| known.app == id);
                own.map(|known| Key::new("buildUploads", &known.id)).collect()
            }
            ("builds", "app") => {
                let own = state.builds.by_id(id);
                own.map(|known| Key::new("apps", &known.app))
                    .into_iter()
                    .collect()
            }
            ("builds", "buildUpload") => {
                let own = state
                    .uploads
                    .iter()
                    .filter(|known| known.build.as_deref() == Some(id));
                own.map(|known| Key::new("buildUploads", &known.id)).collect()
            }
            ("buildUploads", "build") => {
                let build = state.uploads.by_id(id).and_then(|known| known.build.as_ref());
                build.map(|id| Key::new("builds", id)).into_iter().collect()
            }
            ("buildUploads", "buildUploadFiles" | "assetFile") => {
                let own = state.uploads.files().iter().filter(|known| known.upload == id);
                own.map(|known| Key::new("buildUploadFiles", &known.id)).collect()
            }
            _ => state.objects.links(kind, id, name).to_vec(),
        };
        found
            .into_iter()
            .filter(|key| self.has(&key.kind, &key.id))
            .collect()
    }

    /// Those of the resources that the filters let through, in the order that is asked for.
    pub(crate) fn select(&self, keys: Vec<Key>, query: &Query) -> Vec<Key> {
        let mut kept: Vec<Key> = keys.into_iter().filter(|key| self.passes(key, query)).collect();
        if !query.sort.is_empty() {
            kept.sort_by(|left, right| self.order(left, right, &query.sort));
        }
        kept
    }

    fn passes(&self, key: &Key, query: &Query) -> bool {
        let filters = query
            .filters
            .iter()
            .all(|(name, wanted)| self.values(key, name).iter().any(|own| fits(name, own, wanted)));
        let exists = query
            .exists
            .iter()
            .all(|(name, wanted)| self.values(key, name).is_empty() != *wanted);
        filters && exists
    }

    /// The values that a filter compares: an attribute's, or the IDs of what a relationship leads to.
    fn values(&self, key: &Key, name: &str) -> Vec<String> {
        if name == "id" {
            return vec![key.id.clone()];
        }
        if let Some((relationship, rest)) = name.split_once('.') {
            let related = self.related(&key.kind, &key.id, relationship);
            return related
                .iter()
                .flat_map(|other| self.values(other, rest))
                .collect();
        }
        let attributes = self.attributes(&key.kind, &key.id).unwrap_or_default();
        if let Some(value) = attributes.get(name) {
            return texts(value, name);
        }
        let is_relationship = self.api.relationships(&key.kind).contains_key(name);
        let related = if is_relationship {
            self.related(&key.kind, &key.id, name)
        } else {
            Vec::new()
        };
        related.into_iter().map(|key| key.id).collect()
    }

    fn order(&self, left: &Key, right: &Key, sort: &[String]) -> Ordering {
        for name in sort {
            let (name, is_reversed) = match name.strip_prefix('-') {
                Some(name) => (name, true),
                None => (name.as_str(), false),
            };
            let value = |key: &Key| -> String {
                let by = if name == "preReleaseVersion" {
                    "preReleaseVersion.version"
                } else {
                    name
                };
                self.values(key, by).into_iter().next().unwrap_or_default()
            };
            let order = compare(&value(left), &value(right));
            let order = if is_reversed { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

/// An attribute as filters see it.
fn texts(value: &Value, name: &str) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(|value| texts(value, name)).collect(),
        // The state of an upload is an object that holds it.
        Value::Object(members) => members
            .get(name)
            .map(|value| texts(value, name))
            .unwrap_or_default(),
        other => vec![other.to_string()],
    }
}

/// Whether a value is one of those that a filter wants. Apple's filters of names and identifiers match parts, whatever
/// their case; serial numbers may have zeros before them.
fn fits(name: &str, own: &str, wanted: &[String]) -> bool {
    let own_lower = own.to_lowercase();
    wanted.iter().any(|wanted| match name {
        "name" | "identifier" | "bundleId" | "displayName" => own_lower.contains(&wanted.to_lowercase()),
        "serialNumber" => wanted
            .trim_start_matches('0')
            .eq_ignore_ascii_case(own.trim_start_matches('0')),
        "udid"
        | "email"
        | "username"
        | "expired"
        | "usesNonExemptEncryption"
        | "isInternalGroup"
        | "publicLinkEnabled"
        | "publicLinkLimitEnabled" => own_lower == wanted.to_lowercase(),
        _ => own == wanted,
    })
}

/// Numbers by what they say, everything else as text, whatever its case.
fn compare(left: &str, right: &str) -> Ordering {
    let numbers =
        |text: &str| -> Option<Vec<u64>> { text.split('.').map(|part| part.parse().ok()).collect() };
    match (numbers(left), numbers(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.to_lowercase().cmp(&right.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_part_and_types_as_a_whole() {
        let wanted = ["Courier".to_owned()];
        assert!(fits("name", "The courier app", &wanted));
        assert!(!fits("profileType", "The courier app", &wanted));
        assert!(fits("serialNumber", "0AB1", &["ab1".to_owned()]));
    }

    #[test]
    fn versions_sort_as_numbers() {
        assert_eq!(compare("1.10", "1.9"), Ordering::Greater);
        assert_eq!(compare("a", "B"), Ordering::Less);
    }
}
