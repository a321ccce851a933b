//! altool, as `xcrun altool` runs it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use anyhow::Context as _;
use app_package::{Format, Package};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::xcode::version;
use super::{Call, Ended, value};

/// Checks the call as altool does, and writes down what was uploaded.
pub(super) fn run(call: &Call) -> anyhow::Result<Ended> {
    let args = &call.args;
    let major: u32 = version(call)
        .split('.')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(16);
    let by_package = value(args, "--upload-package");
    let file = by_package
        .or_else(|| value(args, "-f"))
        .or_else(|| value(args, "--file"));
    let refuse = |message: &str| {
        let error = json!({"product-errors": [{"code": -1, "message": message, "user-info": {"NSLocalizedDescription": message}}], "tool-version": version(call)});
        Ended {
            status: 1,
            stdout: format!("{error:#}\n"),
            stderr: format!("ERROR: {message}\n"),
        }
    };
    let Some(bytes) = file.and_then(|file| std::fs::read(file).ok()) else {
        return Ok(refuse("The file could not be read."));
    };
    if !value(args, "--type").is_some_and(|kind| ["macos", "ios", "appletvos", "visionos"].contains(&kind)) {
        return Ok(refuse("The value of --type is not valid."));
    }
    let needed = [
        "--apple-id",
        "--bundle-id",
        "--bundle-version",
        "--bundle-short-version-string",
    ];
    if by_package.is_some() && major < 26 && needed.iter().any(|flag| value(args, flag).is_none()) {
        return Ok(refuse("--upload-package needs app ID, bundle ID and versions."));
    }
    if let Some(problem) = sign_in_problem(call) {
        return Ok(refuse(problem));
    }
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let log = call.directory.join("uploads.json");
    let mut uploads: Vec<Value> = std::fs::read(&log)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    uploads.push(json!({"sha256": digest, "size": bytes.len(), "type": value(args, "--type")}));
    std::fs::write(log, serde_json::to_vec_pretty(&uploads)?)?;
    if let Some(url) = call.env.get("APP_STORE_CONNECT_URL") {
        deliver(url, Path::new(file.unwrap_or_default()))?;
    }
    let mut answer = json!({"success-message": "No errors uploading archive.", "tool-version": version(call), "os-version": "Version 15.1 (Build 24B83)"});
    if major >= 26 {
        answer["details"] = json!({"delivery-uuid": "5a5a5a5a-0000-4000-8000-000000000001", "transferred": format!("{} bytes in 0.100 seconds", bytes.len())});
    }
    Ok(Ended::well(format!("{answer:#}\n")))
}

/// Tells the sandbox of a package that says what it is.
pub(super) fn deliver(url: &str, file: &Path) -> anyhow::Result<()> {
    let is_installer = file.extension().is_some_and(|extension| extension == "pkg");
    let format = if is_installer { Format::Pkg } else { Format::Ipa };
    let Ok(package) = Package::read(file, format) else {
        return Ok(());
    };
    let app = package.app;
    let platform = app.platform().map_or("MAC_OS", app_package::Platform::api_name);
    let body = json!({
        "bundle_id": app.bundle_id.unwrap_or_default(),
        "version": app.version.unwrap_or_default(),
        "short_version": app.short_version.unwrap_or_default(),
        "platform": platform,
    })
    .to_string();
    let address = url
        .strip_prefix("http://")
        .context("the sandbox is not on this machine")?;
    let mut stream = TcpStream::connect(address.trim_end_matches('/'))?;
    write!(
        stream,
        "POST /_sandbox/builds HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    anyhow::ensure!(
        answer.starts_with("HTTP/1.1 201"),
        "the sandbox did not take the build: {answer}"
    );
    Ok(())
}

/// What is wrong with the way in which the call signs in.
fn sign_in_problem(call: &Call) -> Option<&'static str> {
    let args = &call.args;
    if let Some(key) = value(args, "--apiKey").or_else(|| value(args, "--api-key")) {
        let file = format!("AuthKey_{key}.p8");
        let home = call.env.get("HOME").cloned().unwrap_or_default();
        let folders = [
            "private_keys".to_owned(),
            format!("{home}/private_keys"),
            format!("{home}/.private_keys"),
            format!("{home}/.appstoreconnect/private_keys"),
            call.env.get("API_PRIVATE_KEYS_DIR").cloned().unwrap_or_default(),
        ];
        let found = folders
            .iter()
            .any(|folder| Path::new(folder).join(&file).is_file());
        return (!found).then_some("Failed to load AuthKey file.");
    }
    let password = value(args, "--password").or_else(|| value(args, "-p"))?;
    let known = match password.strip_prefix("@env:") {
        Some(name) => call.env.get(name).is_some_and(|value| !value.is_empty()),
        None => !password.is_empty(),
    };
    (!known).then_some("Unable to authenticate. (-19209)")
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::super::xcode::run;

    #[test]
    fn altool_wants_what_its_version_wants() {
        let folder = tempfile::tempdir().unwrap();
        let ipa = folder.path().join("a.ipa");
        std::fs::write(&ipa, "content").unwrap();
        let ipa = ipa.display().to_string();
        let by_package = [
            "altool",
            "--upload-package",
            &ipa,
            "--type",
            "ios",
            "--username",
            "a",
            "--password",
            "@env:P",
        ];
        let mut with_password = call(folder.path(), &by_package);
        with_password.env.insert("P".to_owned(), "secret".to_owned());
        assert!(run(&with_password).unwrap().stdout.contains("needs app ID"));
        std::fs::write(folder.path().join("xcode-version"), "26.1").unwrap();
        assert!(run(&with_password).unwrap().stdout.contains("delivery-uuid"));
        assert!(
            run(&call(folder.path(), &by_package))
                .unwrap()
                .stdout
                .contains("-19209")
        );
    }
}
