//! Provisioning profiles.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::profile;
use crate::signing::{Profile, ProfileParts};
use crate::state::State;

use super::{Call, No, Outcome, Yes, certificates, devices, payload};

/// Profile types, and what the portal calls their platform, sub-platform and distribution.
const TYPES: [(&str, &str, &str, &str); 11] = [
    ("IOS_APP_DEVELOPMENT", "ios", "", "limited"),
    ("IOS_APP_ADHOC", "ios", "", "adhoc"),
    ("IOS_APP_STORE", "ios", "", "store"),
    ("IOS_APP_INHOUSE", "ios", "", "inhouse"),
    ("TVOS_APP_DEVELOPMENT", "ios", "tvOS", "limited"),
    ("TVOS_APP_ADHOC", "ios", "tvOS", "adhoc"),
    ("TVOS_APP_STORE", "ios", "tvOS", "store"),
    ("TVOS_APP_INHOUSE", "ios", "tvOS", "inhouse"),
    ("MAC_APP_DEVELOPMENT", "mac", "", "limited"),
    ("MAC_APP_STORE", "mac", "", "store"),
    ("MAC_APP_DIRECT", "mac", "", "direct"),
];

fn resource(known: &Profile, state: &State, detailed: bool) -> Value {
    let words = TYPES.iter().find(|(kind, ..)| *kind == known.profile_type);
    let (_, platform, sub_platform, method) = words.unwrap_or(&("", "mac", "", "unknown"));
    let status = match known.state.as_str() {
        _ if known.expires <= OffsetDateTime::now_utc() => "Expired",
        "ACTIVE" => "Active",
        _ => "Invalid",
    };
    let mut value = json!({
        "provisioningProfileId": known.id,
        "UUID": known.uuid,
        "name": known.name,
        "status": status,
        "type": if *method == "limited" { "iOS Development" } else { "iOS Distribution" },
        "distributionMethod": method,
        "proProPlatform": platform,
        "proProSubPlatform": if sub_platform.is_empty() { Value::Null } else { json!(sub_platform) },
        "version": "2",
        "dateExpire": known.expires.date().to_string(),
        "managingApp": if known.xcode_managed { json!("Xcode") } else { Value::Null },
        "isTemplateProfile": false,
        "template": null,
        "isTeamProfile": known.xcode_managed,
        "isFreeProvisioningProfile": false,
        "appIdId": known.bundle_id,
        "deviceIds": [],
        "devices": [],
        "certificateIds": [],
        "certificates": [],
        "deviceCount": known.devices.len(),
        "certificateCount": known.certificates.len(),
    });
    if detailed && let Some(fields) = value.as_object_mut() {
        let own_devices = state
            .devices
            .iter()
            .filter(|device| known.devices.contains(&device.id));
        fields.insert("devices".to_owned(), own_devices.map(devices::device).collect());
        fields.insert("deviceIds".to_owned(), json!(known.devices));
        let own = state
            .certificates
            .iter()
            .filter(|certificate| known.certificates.contains(&certificate.id));
        fields.insert(
            "certificates".to_owned(),
            own.map(|certificate| certificates::certificate(certificate, state))
                .collect(),
        );
        fields.insert("certificateIds".to_owned(), json!(known.certificates));
        let app_id = state.bundle_ids.by_id(&known.bundle_id);
        fields.insert(
            "appId".to_owned(),
            app_id.map_or(Value::Null, |id| {
                json!({"appIdId": id.id, "identifier": id.identifier, "name": id.name, "prefix": state.team_id, "isWildCard": id.identifier.ends_with('*'), "appIdPlatform": "ios"})
            }),
        );
    }
    value
}

pub(super) fn list(call: &Call<'_>, state: &mut State) -> Outcome {
    let listed = state
        .profiles
        .iter()
        .filter(|known| state.lists.shows(known.hidden_until))
        .filter(|known| known.profile_type.starts_with("MAC") == call.is_mac())
        .map(|known| resource(known, state, false))
        .collect();
    call.page("provisioningProfiles", listed)
}

fn find<'a>(call: &Call<'_>, state: &'a State) -> Result<&'a Profile, No> {
    let id = call.require("provisioningProfileId")?;
    let found = state.profiles.by_id(id);
    found.ok_or_else(|| {
        No::data(format!(
            "There were errors in the data supplied. There is no profile '{id}'."
        ))
    })
}

pub(super) fn details(call: &Call<'_>, state: &mut State) -> Outcome {
    let found = find(call, state)?;
    payload("provisioningProfile", resource(found, state, true))
}

pub(super) fn content(call: &Call<'_>, state: &mut State) -> Outcome {
    Ok(Yes::File(find(call, state)?.content.clone()))
}

pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Outcome {
    let id = find(call, state)?.id.clone();
    state.profiles.remove(&id);
    Ok(Yes::Payload(Map::new()))
}

pub(super) fn create(call: &Call<'_>, state: &mut State) -> Outcome {
    let certificates = call.values("certificateIds");
    make(call, state, certificates, None)
}

pub(super) fn repair(call: &Call<'_>, state: &mut State) -> Outcome {
    let old = find(call, state)?.clone();
    if old.xcode_managed {
        return Err(No::data("This profile is managed by Xcode."));
    }
    let certificates = call
        .require("certificateIds")?
        .split(',')
        .map(str::to_owned)
        .collect();
    make(call, state, certificates, Some(&old))
}

/// Makes a profile, in the place of `old` where there is one.
fn make(call: &Call<'_>, state: &mut State, certificates: Vec<String>, old: Option<&Profile>) -> Outcome {
    let name = call.require("provisioningProfileName")?.to_owned();
    let app_id = call.require("appIdId")?.to_owned();
    let method = call.require("distributionType")?;
    let sub_platform = call.value("subPlatform");
    let known = TYPES.iter().find(|(_, platform, sub, distribution)| {
        *platform == call.slug && *sub == sub_platform && *distribution == method
    });
    let Some((kind, ..)) = known else {
        return Err(No::data(format!("'{method}' is no distribution type here.")));
    };
    let is_in_house = *kind == "IOS_APP_INHOUSE" || *kind == "TVOS_APP_INHOUSE";
    if is_in_house && !state.enterprise || method == "store" && state.enterprise {
        return Err(No::new(
            1200,
            format!("You are not permitted to create profiles of the distribution type '{method}'."),
        ));
    }
    if !state.bundle_ids.has(&app_id) {
        return Err(No::data(format!("There is no App ID '{app_id}' on this team.")));
    }
    let fits = |id: &String| {
        state.certificates.iter().any(|known| {
            known.id == *id && known.on_portal && profile::takes_certificate(kind, &known.certificate_type)
        })
    };
    if certificates.is_empty() || !certificates.iter().all(fits) {
        return Err(No::data(
            "There are no current certificates on this team matching the provided certificate IDs.",
        ));
    }
    let devices = call.values("deviceIds");
    let is_usable = |id: &String| {
        let mut all = state.devices.iter();
        all.any(|known| known.id == *id && known.status == "ENABLED")
    };
    if profile::lists_devices(kind) == devices.is_empty() || !devices.iter().all(is_usable) {
        return Err(No::data("There were errors in the data supplied: deviceIds."));
    }
    let is_taken = |known: &Profile| known.name == name && old.is_none_or(|old| old.id != known.id);
    if state.profiles.iter().any(is_taken) {
        return Err(No::data(format!(
            "Multiple profiles found with the name '{name}'. Please remove the duplicate profiles and try again."
        )));
    }
    let made = state.make_profile(ProfileParts {
        name: &name,
        profile_type: kind,
        bundle_id: &app_id,
        certificates,
        devices,
        created: OffsetDateTime::now_utc(),
    });
    let mut answer = resource(&made, state, true);
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("encodedProfile".to_owned(), STANDARD.encode(&made.content).into());
        fields.insert("filename".to_owned(), format!("{name}.mobileprovision").into());
    }
    if let Some(old) = old {
        state.profiles.remove(&old.id);
    }
    state.profiles.push(made);
    payload("provisioningProfile", answer)
}
