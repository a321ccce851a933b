//! The table as JSON, for scripts.

use std::path::Path;

use plist::Value as Plist;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::{SignedTarget, SignedWith, SigningTable};
use crate::options::ApplyTo;

/// The document. Files are named where they were written.
///
/// # Errors
/// When a date can't be written.
pub(crate) fn document(
    table: &SigningTable,
    apply_to: ApplyTo,
    is_automatic: bool,
    files: &[(&str, &Path)],
) -> anyhow::Result<Value> {
    let (_, main) = table.main()?;
    let targets = table.targets.iter().map(target);
    let files = files
        .iter()
        .map(|(name, path)| ((*name).to_owned(), path.display().to_string().into()));
    Ok(json!({
        "version": 1,
        "scheme": table.scheme,
        "configuration": table.configuration,
        "distribution": table.distribution.as_str(),
        "team_id": main.team_id,
        "signing_style": if is_automatic { "automatic" } else { "manual" },
        "apply_to": apply_to.as_str(),
        "files": files.collect::<Map<String, Value>>(),
        "targets": targets.collect::<anyhow::Result<Vec<Value>>>()?,
    }))
}

fn target(target: &SignedTarget) -> anyhow::Result<Value> {
    let export = target.export.as_ref().map(signed_with).transpose()?;
    Ok(json!({
        "name": target.name,
        "project": target.project,
        "configurations": target.configurations,
        "platform": target.platform.name(),
        "bundle_id": target.bundle_id,
        "ui_test": target.is_ui_test,
        "entitlements": dictionary(&target.entitlements),
        "build": signed_with(&target.build)?,
        "export": export,
    }))
}

fn signed_with(with: &SignedWith) -> anyhow::Result<Value> {
    let certificate = &with.certificate;
    Ok(json!({
        "distribution": with.distribution.as_str(),
        "profile": {
            "name": with.profile_name,
            "uuid": with.profile_uuid,
            "expires_at": with.expires_at.format(&Rfc3339)?,
        },
        "certificate": {
            "common_name": certificate.common_name,
            "sha1": certificate.sha1,
            "serial": certificate.serial,
            "expires_at": certificate.not_after.format(&Rfc3339)?,
        },
        "team_id": with.team_id,
    }))
}

fn dictionary(dictionary: &plist::Dictionary) -> Value {
    let pairs = dictionary.iter().map(|(key, item)| (key.clone(), value(item)));
    Value::Object(pairs.collect())
}

/// A property list's value; what JSON has no word for is its text.
fn value(item: &Plist) -> Value {
    match item {
        Plist::Array(items) => items.iter().map(value).collect(),
        Plist::Dictionary(items) => dictionary(items),
        Plist::Boolean(truth) => (*truth).into(),
        Plist::Integer(number) => match (number.as_signed(), number.as_unsigned()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => Value::Null,
        },
        Plist::Real(number) => (*number).into(),
        Plist::String(text) => text.as_str().into(),
        Plist::Date(date) => date.to_xml_format().into(),
        _ => Value::Null,
    }
}
