//! altool, as `xcrun altool` runs it.
//!
//! It prints what each generation prints: one line of JSON with `userInfo` up to Xcode 16, many lines with `user-info`,
//! `underlying-errors` and `details` from 26 on, plists for `--output-format xml`, banners on standard error. The shapes are those of
//! recorded outputs: codemagic-ci-cd/cli-tools (15.4, 16.4, 26.0; 2025-10-17), Apple-Actions/upload-testflight-build #28 and #32 (13),
//! fastlane #29739 (26.0.1). What goes wrong is asked from the sandbox, see `AltoolFault`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use app_package::{Format, Package};
use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::xcode::version;
use super::{Call, Ended, value};
use crate::deliveries::AltoolFault;

/// The delivery UUID of every delivery.
const DELIVERY: &str = "5a5a5a5a-0000-4000-8000-000000000001";

/// A generation of altool.
struct Generation {
    major: u32,
    /// Whether the old program was asked for.
    format: String,
}

impl Generation {
    fn of(call: &Call) -> Self {
        let major = version(call)
            .split('.')
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(16);
        let is_old = call.args.iter().any(|arg| arg == "--use-old-altool");
        Self {
            major: if is_old { 16.min(major) } else { major },
            format: value(&call.args, "--output-format")
                .unwrap_or("normal")
                .to_owned(),
        }
    }

    fn is_new(&self) -> bool {
        self.major >= 26
    }

    /// The version as each generation writes it.
    fn tool_version(&self) -> &'static str {
        match self.major {
            ..=13 => "4.060.1220",
            14 => "5.4211.13411",
            15 => "7.006.15006",
            16..=25 => "8.303.16303",
            _ => "26.0.18 (170018)",
        }
    }

    fn tool_path(&self) -> &'static str {
        if self.is_new() {
            "/Applications/Xcode.app/Contents/SharedFrameworks/ContentDelivery.framework/Resources/altool"
        } else {
            "/Applications/Xcode.app/Contents/SharedFrameworks/ContentDeliveryServices.framework/Versions/A/Frameworks/AppStoreService.framework"
        }
    }

    /// A result in the format that was asked for; `plain` stands for it in the normal one.
    fn document(&self, mut result: Value, plain: &str) -> String {
        let os = if self.is_new() {
            "Version 15.7 (Build 24G222)"
        } else {
            "15.5.0"
        };
        result["os-version"] = os.into();
        result["tool-path"] = self.tool_path().into();
        result["tool-version"] = self.tool_version().into();
        match self.format.as_str() {
            "json" if self.is_new() => format!("{result:#}\n"),
            "json" => format!("{}\n", result.to_string().replace('/', "\\/")),
            "xml" => {
                let mut text = Vec::new();
                let _ = plist::to_writer_xml(&mut text, &result);
                format!("{}\n", String::from_utf8_lossy(&text))
            }
            _ => format!("{plain}\n"),
        }
    }

    fn delivered(&self, file: &str, bytes: u64) -> Ended {
        let message = if self.is_new() {
            format!("No errors uploading archive at '{file}'.")
        } else {
            format!("No errors uploading '{file}'")
        };
        let mut result = json!({"success-message": message});
        let transferred = format!("{bytes} bytes in 0.100 seconds (4.0MB/s, 31.870Mbps)");
        if self.is_new() {
            result["details"] = json!({"delivery-uuid": DELIVERY, "transferred": transferred});
        }
        let rule = "=======================================";
        let banner = match self.major {
            ..=14 => format!(
                "{rule}\nUPLOAD SUCCEEDED\nDelivery UUID: {DELIVERY}\nTransferred {transferred}\n{rule}\n"
            ),
            15 => String::new(),
            16..=25 => format!("{rule}\nUPLOAD SUCCEEDED with 0 warnings, 0 messages\n{rule}\n"),
            _ => format!("{rule}\nUPLOAD SUCCEEDED with no errors\n{rule}\n"),
        };
        Ended {
            status: 0,
            stdout: self.document(result, &message),
            stderr: banner,
        }
    }

    fn refused(&self, status: u8, code: i64, message: &str, reason: &str) -> Ended {
        let info = json!({
            "NSLocalizedDescription": message,
            "NSLocalizedFailureReason": format!("{reason} (ID: {DELIVERY})"),
        });
        let mut error = json!({"code": code, "message": message});
        if self.is_new() {
            error["underlying-errors"] = json!([{
                "code": -19241,
                "message": message,
                "underlying-errors": [],
                "user-info": {"status": "409", "title": message, "detail": reason},
            }]);
            error["user-info"] = info;
        } else {
            error["userInfo"] = info;
        }
        let rule = "=======================================";
        let stderr = match self.major {
            ..=15 => {
                format!("2025-10-16 09:18:55.102 *** Error: {message} ({code}) {reason} (ID: {DELIVERY})\n")
            }
            16..=25 => format!(
                "2025-10-16 09:18:55.102 ERROR: [altool.600003] [ContentDelivery.Uploader.600003] {message} ({code}) {reason} (ID: {DELIVERY})\n"
            ),
            // As fastlane #29739 shows it; beside a document, the line says less.
            _ if self.format == "normal" => format!(
                "2025-10-16 09:18:55.102 ERROR: [ContentDelivery.Uploader.600003] {message} ({code}) {reason} (ID: {DELIVERY})\n{rule}\nUPLOAD FAILED with 1 error\n{rule}\n"
            ),
            _ => format!(
                "2025-10-16 09:18:55.102 ERROR: [ContentDelivery.Uploader.600003]\n{rule}\nUPLOAD FAILED with 1 error\n{rule}\nFailed to upload package.\n"
            ),
        };
        Ended {
            status,
            stdout: self.document(json!({"product-errors": [error]}), ""),
            stderr,
        }
    }
}

/// Checks the call as altool does, uploads, and writes down what was uploaded.
pub(super) fn run(call: &Call) -> anyhow::Result<Ended> {
    let args = &call.args;
    let generation = Generation::of(call);
    if args.iter().any(|arg| arg == "--version") {
        return Ok(Ended::well(format!("{}\n", generation.tool_version())));
    }
    let by_package = value(args, "--upload-package");
    let file = by_package
        .or_else(|| value(args, "-f"))
        .or_else(|| value(args, "--file"));
    let refuse = |message: &str| Ok(generation.refused(1, -1, message, ""));
    let Some((file, bytes)) = file.and_then(|file| Some((file, std::fs::read(file).ok()?))) else {
        return refuse("The file could not be read.");
    };
    let kind = ["--type", "-t", "--platform"]
        .iter()
        .find_map(|name| value(args, name));
    if !kind.is_some_and(|kind| ["macos", "ios", "appletvos", "visionos"].contains(&kind)) {
        return refuse("The value of --type is not valid.");
    }
    let needed = [
        "--apple-id",
        "--bundle-id",
        "--bundle-version",
        "--bundle-short-version-string",
    ];
    if by_package.is_some() && !generation.is_new() && needed.iter().any(|flag| value(args, flag).is_none()) {
        return refuse("--upload-package needs app ID, bundle ID and versions.");
    }
    if let Some(problem) = sign_in_problem(call) {
        return refuse(problem);
    }
    upload(call, &generation, file, &bytes, kind)
}

/// altool as fastlane calls it for `deliver`: `--upload-app -f FILE -t PLATFORM`, in the normal format.
pub(super) fn upload_for_fastlane(call: &Call, file: &str, kind: Option<&str>) -> anyhow::Result<Ended> {
    let generation = Generation {
        format: "normal".to_owned(),
        ..Generation::of(call)
    };
    upload(call, &generation, file, &std::fs::read(file)?, kind)
}

/// Uploads a file for a call that is well formed.
fn upload(
    call: &Call,
    generation: &Generation,
    file: &str,
    bytes: &[u8],
    kind: Option<&str>,
) -> anyhow::Result<Ended> {
    let args = &call.args;
    let fault = match call.env.get("APP_STORE_CONNECT_URL") {
        Some(url) => next_fault(url),
        None => None,
    };
    if let Some(ended) = fault
        .as_ref()
        .and_then(|fault| instead_of_upload(fault, generation))
    {
        return Ok(ended);
    }
    let log = call.directory.join("uploads.json");
    let mut uploads: Vec<Value> = std::fs::read(&log)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let sha256 = base16ct::lower::encode_string(&Sha256::digest(bytes));
    uploads.push(json!({"sha256": sha256, "size": bytes.len(), "type": kind}));
    std::fs::write(log, serde_json::to_vec_pretty(&uploads)?)?;
    if let Some(url) = call.env.get("APP_STORE_CONNECT_URL")
        && let Some(refusal) = deliver_to(url, Path::new(file), value(args, "--apple-id"))?
    {
        return Ok(match refusal {
            409 => generation.refused(
                u8::from(generation.major != 26),
                -19232,
                "The provided entity includes an attribute with a value that has already been used",
                "The bundle version must be higher than the previously uploaded version.",
            ),
            422 => generation.refused(
                1,
                409,
                "Validation failed",
                "The bundle identifier cannot be changed from the current value. (90054)",
            ),
            _ => generation.refused(
                1,
                -19237,
                "Failed to determine the appleID from bundleID",
                "The server returned unexpected content. (-19237) (12)",
            ),
        });
    }
    let ended = generation.delivered(file, bytes.len() as u64);
    Ok(match fault {
        Some(fault) => after_upload(&fault, ended),
        None => ended,
    })
}

/// What the next run of altool is to fail with.
fn next_fault(url: &str) -> Option<AltoolFault> {
    let (_, answer) = post(url, "/_sandbox/altool", "{}").ok()?;
    let answer: Value = serde_json::from_str(&answer).ok()?;
    serde_json::from_value(answer["fault"].clone()).ok()
}

/// How a run ends that uploads nothing.
fn instead_of_upload(fault: &AltoolFault, generation: &Generation) -> Option<Ended> {
    let failed = |code: i64, message: &str, reason: &str| generation.refused(1, code, message, reason);
    Some(match fault {
        // codemagic-ci-cd/cli-tools #435, fastlane #21535.
        AltoolFault::Crash => Ended {
            status: 134,
            stdout: String::new(),
            stderr: "2025-10-16 DEBUG: [ContentDelivery.Uploader.600003] Wrote part 2 to temp file\n"
                .to_owned(),
        },
        // fastlane #29725.
        AltoolFault::Nothing => Ended {
            stderr: "Running altool at path '/Applications/Xcode.app/x/altool'...\n".to_owned(),
            ..Ended::default()
        },
        AltoolFault::Refused {
            code,
            message,
            reason,
        } => generation.refused(0, *code, message, reason),
        // fastlane #29739 and #29938.
        AltoolFault::DeliveryBesideErrors => {
            let error = json!({"code": 409, "message": "Validation failed", "user-info": {"NSLocalizedFailureReason": "Missing Info.plist value NSCameraUsageDescription."}});
            let result = json!({"details": {"delivery-uuid": DELIVERY}, "product-errors": [error]});
            Ended::well(generation.document(result, ""))
        }
        AltoolFault::GatewayTimeout => failed(
            504,
            "Failed to upload part number 8.",
            "HTTP response: gateway timed out. HTTP status code: 504",
        ),
        AltoolFault::ConnectionLost => failed(-1005, "The network connection was lost.", ""),
        AltoolFault::NotAuthenticated => failed(-19209, "Unable to authenticate.", ""),
        AltoolFault::AppLookup => failed(
            -19201,
            "Unable to determine the application using bundleId: x.",
            "",
        ),
        AltoolFault::AppNotDetermined => failed(
            -19237,
            "Failed to determine the appleID from bundleID",
            "The server returned unexpected content. (-19237) (12)",
        ),
        // codemagic-ci-cd/cli-tools #475. It ends by itself in the end, should nobody stop it.
        AltoolFault::RetryLoop => {
            for part in 0..1200 {
                let line = format!(
                    "WILL RETRY PART 1. Failed with error: Error Domain=NSURLErrorDomain Code=-1005 ({part})\n"
                );
                let _ = std::io::stderr().write_all(line.as_bytes());
                std::thread::sleep(Duration::from_millis(100));
            }
            failed(-1005, "The network connection was lost.", "")
        }
        AltoolFault::Hang => {
            std::thread::sleep(Duration::from_secs(120));
            Ended::default()
        }
        AltoolFault::CrashAfterDelivery
        | AltoolFault::Silent
        | AltoolFault::ExitStatus
        | AltoolFault::HarmlessErrors => return None,
    })
}

/// How a run ends that did upload.
fn after_upload(fault: &AltoolFault, ended: Ended) -> Ended {
    match fault {
        AltoolFault::CrashAfterDelivery => Ended::badly(139, ""),
        AltoolFault::Silent => Ended::default(),
        AltoolFault::ExitStatus => Ended { status: 1, ..ended },
        // fastlane #30130 (26.6), #30136.
        AltoolFault::HarmlessErrors => Ended {
            stderr: format!(
                "ERROR: [ContentDelivery.Uploader.6] Failed to get json from defaults for 'com.apple.cds_5D0A.plist'.\nERROR: The network connection was lost for CHANGE UPLOAD STATE TO COMPLETE (ASSET_UPLOAD). Retrying request (4 attempts remaining).\n{}",
                ended.stderr
            ),
            ..ended
        },
        _ => ended,
    }
}

/// Tells the sandbox of a package that says what it is, with the app that the call names; the sandbox's status where it
/// refuses.
fn deliver_to(url: &str, file: &Path, app_id: Option<&str>) -> anyhow::Result<Option<u16>> {
    let is_installer = file.extension().is_some_and(|extension| extension == "pkg");
    let format = if is_installer { Format::Pkg } else { Format::Ipa };
    let Ok(package) = Package::read(file, format) else {
        return Ok(None);
    };
    let content = std::fs::read(file)?;
    let app = package.app;
    let platform = app
        .platform()
        .map_or("MAC_OS", app_package::StorePlatform::api_name);
    let body = json!({
        "bundle_id": app.bundle_id.unwrap_or_default(),
        "version": app.version.unwrap_or_default(),
        "short_version": app.short_version.unwrap_or_default(),
        "platform": platform,
        "app": app_id,
        "name": file.file_name().unwrap_or_default().to_string_lossy(),
        "size": content.len(),
        "md5": base16ct::lower::encode_string(&Md5::digest(&content)),
        "sha256": base16ct::lower::encode_string(&Sha256::digest(&content)),
        "uses_non_exempt_encryption": app.uses_encryption,
        "min_os_version": app.minimum_os_version,
    });
    let (status, _) = post(url, "/_sandbox/builds", &body.to_string())?;
    Ok((status != 201).then_some(status))
}

/// Status and body of the sandbox's answer.
fn post(url: &str, path: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let address = url
        .strip_prefix("http://")
        .context("the sandbox is not on this machine")?
        .trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok((status.context("the sandbox gave no answer")?, body.to_owned()))
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
    let password = ["--password", "-p", "--app-password"]
        .iter()
        .find_map(|name| value(args, name))?;
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

    fn json_call(folder: &std::path::Path, ipa: &str) -> super::Call {
        let args = [
            "altool",
            "--upload-package",
            ipa,
            "--type",
            "ios",
            "--username",
            "a",
            "--password",
            "@env:P",
            "--output-format",
            "json",
        ];
        let mut call = call(folder, &args);
        call.env.insert("P".to_owned(), "secret".to_owned());
        call
    }

    #[test]
    fn altool_wants_what_its_version_wants() {
        let folder = tempfile::tempdir().unwrap();
        let ipa = folder.path().join("a.ipa");
        std::fs::write(&ipa, "content").unwrap();
        let ipa = ipa.display().to_string();
        let with_password = json_call(folder.path(), &ipa);
        assert!(run(&with_password).unwrap().stdout.contains("needs app ID"));
        std::fs::write(folder.path().join("xcode-version"), "26.1").unwrap();
        assert!(run(&with_password).unwrap().stdout.contains("delivery-uuid"));
        let mut without = json_call(folder.path(), &ipa);
        without.env.clear();
        assert!(run(&without).unwrap().stdout.contains("-19209"));
    }

    #[test]
    fn each_generation_has_its_shape() {
        let folder = tempfile::tempdir().unwrap();
        let ipa = folder.path().join("a.ipa");
        std::fs::write(&ipa, "content").unwrap();
        let ipa = ipa.display().to_string();
        for (version, key, lines) in [
            ("13.4", "userInfo", 1),
            ("16.2", "userInfo", 1),
            ("26.2", "user-info", 10),
        ] {
            std::fs::write(folder.path().join("xcode-version"), version).unwrap();
            let mut call = json_call(folder.path(), &ipa);
            call.env.clear();
            let refused = run(&call).unwrap().stdout;
            assert!(
                refused.contains(key) && refused.lines().count() >= lines,
                "{version}: {refused}"
            );
            assert_eq!(refused.lines().count() == 1, lines == 1, "{version}");
        }
    }
}
