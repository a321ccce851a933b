//! `fastlane`, where there is none: it takes lanes and `deliver`, checks what it was given, and tells the sandbox what
//! was uploaded.

use std::path::Path;

use super::{Call, Ended, altool, value};

/// The variables by which an account is handed over, named as fastlane reads them.
const CREDENTIALS: [&str; 5] = [
    "APP_STORE_CONNECT_API_KEY_PATH",
    "FASTLANE_USER",
    "FASTLANE_PASSWORD",
    "FASTLANE_SESSION",
    "FASTLANE_APPLE_APPLICATION_SPECIFIC_PASSWORD",
];

pub(super) fn play(call: &Call) -> anyhow::Result<Ended> {
    match call.args.first().map(String::as_str) {
        Some("--version" | "-v") => Ok(Ended::well("fastlane 2.230.0 (the sandbox's stand-in)\n")),
        Some("deliver" | "upload_to_app_store") => deliver(call),
        Some(lane) if !lane.starts_with('-') => Ok(Ended::well(lane_of(call, lane))),
        _ => Ok(Ended::badly(
            1,
            "fastlane: the sandbox's fastlane takes a lane or deliver\n",
        )),
    }
}

/// What the lane received, without values: a log is no place for them.
fn lane_of(call: &Call, lane: &str) -> String {
    let given: Vec<&str> = CREDENTIALS
        .into_iter()
        .filter(|name| call.env.contains_key(*name))
        .collect();
    let options = call.args.get(1..).unwrap_or_default().join(" ");
    format!(
        "Driving the lane '{lane}' {options}\ncredentials: {}\nfastlane.tools finished successfully\n",
        if given.is_empty() {
            "none".to_owned()
        } else {
            given.join(", ")
        }
    )
}

fn deliver(call: &Call) -> anyhow::Result<Ended> {
    let args = &call.args;
    let refuse = |text: &str| Ok(Ended::badly(1, format!("[!] {text}\n")));
    let Some(file) = value(args, "--ipa").or_else(|| value(args, "--pkg")) else {
        return refuse("Neither --ipa nor --pkg was given");
    };
    if !Path::new(file).is_file() {
        return refuse("Could not find the package");
    }
    let signs_in = match value(args, "--api_key_path") {
        Some(key) => {
            let text = std::fs::read_to_string(key).unwrap_or_default();
            serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|key| key["key"].is_string())
        }
        None => {
            let has = |name: &str| call.env.get(name).is_some_and(|text| !text.is_empty());
            value(args, "--username").is_some() && (has("DELIVER_PASSWORD") || has("FASTLANE_SESSION"))
        }
    };
    if !signs_in {
        return refuse("Could not sign in: there is no usable API key and no Apple ID");
    }
    if let Some(url) = call.env.get("APP_STORE_CONNECT_URL") {
        altool::deliver(url, Path::new(file))?;
    }
    Ok(Ended::well(
        "Successfully uploaded package to App Store Connect\n",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;

    #[test]
    fn deliver_needs_a_package_and_an_account() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("App.ipa");
        std::fs::write(&package, "x").unwrap();
        let package = package.display().to_string();
        let played = |args: &[&str]| play(&call(folder.path(), args)).unwrap();
        assert!(played(&["deliver"]).stderr.contains("Neither"));
        assert!(played(&["deliver", "--ipa", "/none"]).stderr.contains("find"));
        assert!(played(&["deliver", "--ipa", &package]).stderr.contains("sign in"));
        let key = folder.path().join("key.json");
        std::fs::write(&key, r#"{"key":"K"}"#).unwrap();
        let key = key.display().to_string();
        assert_eq!(
            played(&["deliver", "--ipa", &package, "--api_key_path", &key]).status,
            0
        );
    }

    #[test]
    fn a_lane_names_what_it_received_and_no_value() {
        let mut call = call(Path::new("."), &["beta", "a:1"]);
        call.env
            .insert("FASTLANE_PASSWORD".to_owned(), "secret".to_owned());
        let text = play(&call).unwrap().stdout;
        assert!(
            text.contains("'beta' a:1\ncredentials: FASTLANE_PASSWORD\n") && !text.contains("secret"),
            "{text}"
        );
    }
}
