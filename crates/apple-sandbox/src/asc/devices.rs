//! Certificates and devices.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Outcome, Request, created, date, found, required, self_link};
use crate::answer::Refusal;
use crate::state::{Certificate, Device, State};

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

pub(crate) fn certificates(request: &Request<'_>, state: &mut State) -> Outcome {
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
    let is_unknown = |kind: &String| kind == "DEVELOPER_ID_APPLICATION_G2" && !state.switches.developer_id_g2;
    if let Some(kind) = kinds.iter().flatten().find(|kind| is_unknown(kind)) {
        return Err(Refusal::new(
            400,
            "PARAMETER_ERROR.INVALID",
            "A parameter has an invalid value",
            format!("'{kind}' is not a valid filter value for the attribute 'certificateType'."),
        ));
    }
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

pub(crate) fn devices(request: &Request<'_>, state: &mut State) -> Outcome {
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

pub(crate) fn register_device(request: &Request<'_>, state: &mut State) -> Outcome {
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
