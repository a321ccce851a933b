//! `xcodebuild -exportArchive`: checks the export options as Xcode does, signs every bundle of an archive again, and
//! packs it.
//!
//! Sources: keys, `xcodebuild -help` of Xcode 16; the refusal of a method, tauri-apps/tauri #13818 (Xcode 15 and earlier);
//! the notice about an old name, flutter/flutter #149369 (Xcode 15.4); a bundle without a profile,
//! hey24sheep/azure-flutter-tasks #127; profiles that are not installed or of another kind, fastlane #28301 and #17349;
//! certificates, fastlane #13339. From 26 on the colon behind `exportArchive` is gone (theengs/app #122). Unverified: what
//! Xcode says to an unknown key; here it is refused, so that a misspelled one is found.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use plist::{Dictionary, Value};

use super::code_signing::{Identity, Kind, Profile, Signature};
use super::{Call, Ended, value};

const KEYS: [&str; 22] = [
    "compileBitcode",
    "destination",
    "distributionBundleIdentifier",
    "embedOnDemandResourcesAssetPacksInBundle",
    "generateAppStoreInformation",
    "iCloudContainerEnvironment",
    "installerSigningCertificate",
    "manageAppVersionAndBuildNumber",
    "manifest",
    "method",
    "onDemandResourcesAssetPacksBaseURL",
    "provisioningProfiles",
    "signingCertificate",
    "signingStyle",
    "stripSwiftSymbols",
    "teamID",
    "testFlightInternalTestingOnly",
    "thinning",
    "uploadBitcode",
    "uploadSymbols",
    "embedOnDemandResourcesAssetPacks",
    "stripBitcode",
];

/// A refusal: Xcode's words, and its suggestion.
type Refused = (String, Option<&'static str>);

const ADD_PROFILE: &str =
    "Add a profile to the \"provisioningProfiles\" dictionary in your Export Options property list.";

pub(super) fn run(call: &Call, xcode: &str) -> anyhow::Result<Ended> {
    let path = |flag: &str| value(&call.args, flag).map(PathBuf::from);
    let archive = path("-archivePath").context("there is no -archivePath")?;
    let options = path("-exportOptionsPlist").context("there is no -exportOptionsPlist")?;
    let target = path("-exportPath").context("there is no -exportPath")?;
    if !archive.is_dir() {
        let message = format!(
            "error: archive not found at path '{}'\n** EXPORT FAILED **\n\n",
            archive.display()
        );
        return Ok(Ended::badly(65, message));
    }
    let Ok(Value::Dictionary(options)) = Value::from_file(&options) else {
        let message = format!(
            "error: Couldn't load -exportOptionsPlist: {}\n** EXPORT FAILED **\n\n",
            options.display()
        );
        return Ok(Ended::badly(65, message));
    };
    let export = Export { call, xcode, options };
    let mut notices = String::new();
    match export.checked(&archive, &mut notices) {
        Ok(bundles) => {
            let file = export.write(&archive, &bundles, &target)?;
            let mut ended = Ended::well(format!(
                "Exported {} to: {}\n** EXPORT SUCCEEDED **\n\n",
                file,
                target.display()
            ));
            ended.stderr = notices;
            Ok(ended)
        }
        Err((message, suggestion)) => {
            let colon = if export.major() < 26 { ":" } else { "" };
            let suggestion = suggestion.map(|text| format!("\n    {text}")).unwrap_or_default();
            Ok(Ended::badly(
                70,
                format!(
                    "{notices}error: exportArchive{colon} {message}{suggestion}\n\n** EXPORT FAILED **\n\n"
                ),
            ))
        }
    }
}

/// A bundle of the archive with its new signature.
struct Resigned {
    /// The folder that holds Info.plist and profile, relative to the app's parent.
    contents: PathBuf,
    is_mac: bool,
    bundle_id: String,
    name: String,
    signature: Signature,
}

struct Export<'a> {
    call: &'a Call,
    xcode: &'a str,
    options: Dictionary,
}

impl Export<'_> {
    fn major(&self) -> u32 {
        self.xcode
            .split('.')
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.options.get(key).and_then(Value::as_string)
    }

    /// The kind of profile that the method asks for, and what Xcode calls it.
    fn method(&self, notices: &mut String, is_mac: bool) -> Result<(Kind, &'static str), Refused> {
        let mut numbers = self.xcode.split('.').map(|text| text.parse::<u32>().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let is_renamed = version >= (15, 3);
        let method = self
            .text("method")
            .unwrap_or(if is_renamed { "debugging" } else { "development" });
        let known: &[&str] = match (is_mac, is_renamed) {
            (false, false) => &["app-store", "ad-hoc", "enterprise", "development", "validation"],
            (false, true) => &[
                "app-store-connect",
                "release-testing",
                "enterprise",
                "debugging",
                "validation",
            ],
            (true, false) => &[
                "app-store",
                "development",
                "developer-id",
                "mac-application",
                "validation",
                "package",
            ],
            (true, true) => &[
                "app-store-connect",
                "debugging",
                "developer-id",
                "mac-application",
                "validation",
                "package",
            ],
        };
        let renamed = [
            ("app-store", "app-store-connect"),
            ("ad-hoc", "release-testing"),
            ("development", "debugging"),
        ];
        let today = renamed
            .iter()
            .find(|(old, _)| *old == method)
            .map_or(method, |(_, new)| new);
        if is_renamed && today != method {
            notices.push_str(&format!(
                "2026-11-25 12:00:00.000 xcodebuild[100:1000] [MT] IDEDistribution: Command line name \"{method}\" is deprecated. Use \"{today}\" instead.\n"
            ));
        }
        let is_known = known.contains(&method) || is_renamed && known.contains(&today);
        if !is_known {
            return Err((
                format!(
                    "exportOptionsPlist error for key \"method\": expected one of {{{}}}, but found {method}",
                    known.join(", ")
                ),
                None,
            ));
        }
        Ok(match (today, is_mac) {
            ("app-store-connect" | "validation", false) => (Kind::Store, "iOS App Store"),
            ("app-store-connect" | "validation", true) => (Kind::Store, "Mac App Store"),
            ("release-testing", _) => (Kind::AdHoc, "iOS Ad Hoc"),
            ("enterprise", _) => (Kind::Everyone, "iOS In House"),
            ("developer-id", _) => (Kind::Everyone, "Developer ID"),
            (_, true) => (Kind::Development, "Mac App Development"),
            _ => (Kind::Development, "iOS App Development"),
        })
    }

    fn checked(&self, archive: &Path, notices: &mut String) -> Result<Vec<Resigned>, Refused> {
        let bundles = bundles(&archive.join("Products/Applications"));
        let main = bundles
            .first()
            .ok_or_else(|| ("the archive holds no app".to_owned(), None))?;
        if let Some(key) = self.options.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err((format!("the sandbox knows no export option \"{key}\""), None));
        }
        let (kind, kind_name) = self.method(notices, main.is_mac)?;
        let old = main.signature.clone();
        let old_text = |key: &str| {
            let value = old.as_ref().and_then(|fields| fields.get(key)?.as_string());
            value.unwrap_or_default().to_owned()
        };
        let team = self
            .text("teamID")
            .map_or_else(|| old_text("Team"), str::to_owned);
        let style = self
            .text("signingStyle")
            .map_or_else(|| old_text("Style"), str::to_owned);
        let is_automatic = style != "manual";
        self.cloud(&bundles, kind)?;
        let selector = self.text("signingCertificate").unwrap_or(match kind {
            Kind::Development => "Apple Development",
            Kind::Everyone if main.is_mac => "Developer ID Application",
            _ => "Apple Distribution",
        });
        let identity = Identity::named(self.call, selector)
            .ok_or_else(|| (format!("No signing certificate \"{selector}\" found"), None))?;
        let installed = Profile::installed(self.call);
        let named = self
            .options
            .get("provisioningProfiles")
            .and_then(Value::as_dictionary);
        if is_automatic && named.is_some() {
            return Err((
                "exportOptionsPlist error for key \"provisioningProfiles\": it is for manual signing only"
                    .to_owned(),
                None,
            ));
        }
        let mut resigned = Vec::new();
        for bundle in bundles {
            let id = bundle.bundle_id.as_str();
            let profile = if is_automatic {
                let fits = |profile: &&Profile| {
                    profile.is_managed()
                        && profile.kind() == kind
                        && profile.covers(id)
                        && profile.includes(&identity)
                };
                let found = installed.iter().find(fits);
                found
                    .cloned()
                    .ok_or_else(|| (format!("No profiles for '{id}' were found"), None))?
            } else {
                let wanted = named.and_then(|map| map.get(id)?.as_string());
                let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
                    return Err((
                        format!("\"{}\" requires a provisioning profile.", bundle.name),
                        Some(ADD_PROFILE),
                    ));
                };
                let found = installed
                    .iter()
                    .find(|profile| profile.uuid == wanted || profile.name == wanted);
                let Some(found) = found else {
                    return Err((
                        format!(
                            "No \"{kind_name}\" profiles for team '{team}' matching '{wanted}' are installed."
                        ),
                        Some(
                            "Install a profile (by dragging and dropping it onto Xcode's dock item) or specify a different profile in your Export Options property list.",
                        ),
                    ));
                };
                if found.kind() != kind {
                    return Err((
                        format!(
                            "Provisioning profile \"{}\" is not an \"{kind_name}\" profile.",
                            found.name
                        ),
                        None,
                    ));
                }
                if let Some(problem) = found.problem(&team, id, Some(&identity)) {
                    return Err((problem, None));
                }
                found.clone()
            };
            let entitlements = bundle
                .signature
                .as_ref()
                .and_then(|fields| fields.get("Entitlements")?.as_dictionary());
            resigned.push(Resigned {
                contents: bundle.contents,
                is_mac: bundle.is_mac,
                signature: Signature {
                    identity: identity.clone(),
                    team: team.clone(),
                    profile: Some(profile),
                    entitlements: entitlements.cloned().unwrap_or_default(),
                    is_automatic,
                },
                bundle_id: bundle.bundle_id,
                name: bundle.name,
            });
        }
        Ok(resigned)
    }

    /// An app with CloudKit needs to know its environment, unless the store decides.
    fn cloud(&self, bundles: &[Found], kind: Kind) -> Result<(), Refused> {
        let uses = |found: &Found| {
            let entitlements = found
                .signature
                .as_ref()
                .and_then(|fields| fields.get("Entitlements")?.as_dictionary());
            let services = entitlements.and_then(|all| all.get("com.apple.developer.icloud-services"));
            services.is_some_and(|services| {
                services
                    .as_array()
                    .is_some_and(|list| list.iter().any(|item| item.as_string() == Some("CloudKit")))
                    || services.as_string() == Some("*")
            })
        };
        let expected = "exportOptionsPlist error for key \"iCloudContainerEnvironment\": expected one of {Development, Production}, but";
        match self.text("iCloudContainerEnvironment") {
            Some("Development" | "Production") => Ok(()),
            Some(other) => Err((format!("{expected} found {other}"), None)),
            None if kind != Kind::Store && bundles.iter().any(uses) => {
                Err((format!("{expected} no value was provided"), None))
            }
            None => Ok(()),
        }
    }

    /// Writes the package, and what Xcode leaves beside it; the package's name.
    fn write(&self, archive: &Path, bundles: &[Resigned], target: &Path) -> anyhow::Result<String> {
        let work = tempfile::tempdir()?;
        copy(&archive.join("Products/Applications"), work.path())?;
        for bundle in bundles {
            bundle
                .signature
                .seal(&work.path().join(&bundle.contents), bundle.is_mac)?;
        }
        std::fs::create_dir_all(target)?;
        let main = bundles.first().context("the archive holds no app")?;
        let file = if main.is_mac {
            copy(work.path(), target)?;
            main.name.clone()
        } else {
            let name = format!("{}.ipa", main.name.trim_end_matches(".app"));
            pack(work.path(), &target.join(&name))?;
            name
        };
        Value::Dictionary(self.options.clone()).to_file_xml(target.join("ExportOptions.plist"))?;
        let summary = bundles.iter().map(summary).collect();
        let mut all = Dictionary::new();
        all.insert(file.clone(), Value::Array(summary));
        Value::Dictionary(all).to_file_xml(target.join("DistributionSummary.plist"))?;
        Ok(file)
    }
}

fn summary(bundle: &Resigned) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    let dictionary = |pairs: &[(&str, &str)]| {
        Value::Dictionary(
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), text(value)))
                .collect(),
        )
    };
    let signature = &bundle.signature;
    let mut fields = Dictionary::new();
    fields.insert("name".to_owned(), text(&bundle.name));
    fields.insert("bundleIdentifier".to_owned(), text(&bundle.bundle_id));
    fields.insert(
        "certificate".to_owned(),
        dictionary(&[
            ("SHA1", &signature.identity.sha1),
            ("type", &signature.identity.common_name),
        ]),
    );
    if let Some(profile) = &signature.profile {
        fields.insert(
            "profile".to_owned(),
            dictionary(&[("UUID", &profile.uuid), ("name", &profile.name)]),
        );
    }
    fields.insert("team".to_owned(), dictionary(&[("id", &signature.team)]));
    Value::Dictionary(fields)
}

/// A bundle of an archive that needs a profile.
struct Found {
    contents: PathBuf,
    is_mac: bool,
    bundle_id: String,
    name: String,
    /// `None` where the archive was not signed.
    signature: Option<Dictionary>,
}

/// The bundles of an archive that need a profile, the app itself first.
fn bundles(folder: &Path) -> Vec<Found> {
    let mut all = Vec::new();
    collect(folder, Path::new(""), &mut all);
    all.sort_by(|one: &Found, other| {
        let depth = |found: &Found| found.contents.components().count();
        depth(one)
            .cmp(&depth(other))
            .then_with(|| one.contents.cmp(&other.contents))
    });
    all
}

fn collect(root: &Path, at: &Path, all: &mut Vec<Found>) {
    for entry in std::fs::read_dir(root.join(at)).into_iter().flatten().flatten() {
        let place = at.join(entry.file_name());
        if !entry.path().is_dir() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_bundle = ["app", "appex", "xpc", "systemextension", "dext"]
            .iter()
            .any(|extension| name.ends_with(&format!(".{extension}")));
        if is_bundle {
            let is_mac = root.join(&place).join("Contents/Info.plist").is_file();
            let contents = if is_mac {
                place.join("Contents")
            } else {
                place.clone()
            };
            let read = |file: &str| match Value::from_file(root.join(&contents).join(file)) {
                Ok(Value::Dictionary(fields)) => Some(fields),
                _ => None,
            };
            let info = read("Info.plist").unwrap_or_default();
            all.push(Found {
                bundle_id: info
                    .get("CFBundleIdentifier")
                    .and_then(Value::as_string)
                    .unwrap_or_default()
                    .to_owned(),
                signature: read("_CodeSignature/CodeResources"),
                is_mac,
                contents,
                name,
            });
        }
        collect(root, &place, all);
    }
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// An `.ipa`: a zip with everything below `Payload`.
fn pack(folder: &Path, file: &Path) -> anyhow::Result<()> {
    fn add(zip: &mut zip::ZipWriter<std::fs::File>, folder: &Path, name: &str) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(last) = path.file_name().and_then(|name| name.to_str()) else {
                bail!("{} has no readable name", path.display());
            };
            let name = format!("{name}/{last}");
            if path.is_dir() {
                add(zip, &path, &name)?;
            } else {
                zip.start_file(&name, zip::write::SimpleFileOptions::default())?;
                zip.write_all(&std::fs::read(&path)?)?;
            }
        }
        Ok(())
    }
    let mut zip = zip::ZipWriter::new(std::fs::File::create(file)?);
    add(&mut zip, folder, "Payload")?;
    zip.finish()?;
    Ok(())
}
