//! `xcodebuild archive`, as far as signing goes: each bundle is signed with what the settings of its target say, which
//! `reference-resolver` resolves, and embeds its profile. Nothing is compiled.
//!
//! Sources: which product types take a profile, and how settings combine, is that of swift-build at commit 41aee62
//! (`ProductTypes.xcspec`, `PlanningOperation.swift`, `Provisioning.swift`); the refusals are those of public logs
//! (fastlane #10315, #13339; cordova-plugin-openwith #77; McMartin/FRUT #711). Unverified: the layout of what is signed,
//! for which a property list stands in the place of `CodeResources`; automatic signing without an account, which takes a
//! development profile that Xcode manages and that is installed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plist::{Dictionary, Value};
use reference_resolver::{Built, Settings};

use super::build_settings::Question;
use super::code_signing::{Identity, Kind, Profile, Signature};
use super::{Call, Ended, value};

/// How a product type deals with profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provisioning {
    Required,
    Optional,
    Unsupported,
    /// It is not signed at all.
    Unsigned,
}

impl Provisioning {
    fn of(kind: &str, is_mac: bool) -> Self {
        let on_device = if is_mac { Self::Optional } else { Self::Required };
        match kind {
            "driver-extension" => Self::Required,
            "system-extension" | "xcode-extension" | "bundle.unit-test" => Self::Optional,
            "" | "library.static" | "objfile" | "in-app-purchase-content" => Self::Unsigned,
            "framework" | "framework.static" | "library.dynamic" | "bundle" | "tool"
            | "spotlight-importer" => Self::Unsupported,
            kind if kind.starts_with("kernel-extension") => Self::Unsupported,
            _ => on_device,
        }
    }
}

pub(super) fn run(call: &Call, xcode: &str) -> anyhow::Result<Ended> {
    let container = value(&call.args, "-workspace").or_else(|| value(&call.args, "-project"));
    let container = Path::new(container.context("there is no -project and no -workspace")?);
    if !container.is_dir() {
        let message = format!("xcodebuild: error: '{}' does not exist.\n", container.display());
        return Ok(Ended::badly(66, message));
    }
    let question = Question::of(call, container, xcode);
    let scheme = question.scheme.context("there is no -scheme")?;
    let archive = PathBuf::from(value(&call.args, "-archivePath").context("there is no -archivePath")?);
    let built = match question.built()? {
        Ok(built) => built,
        Err(ended) => return Ok(ended),
    };
    let mut errors = String::new();
    let mut bundles: Vec<Bundle> = Vec::new();
    for built in &built {
        let settings = built
            .project
            .settings(&built.target, question.configuration, &built.destination);
        match signature(call, built, &settings) {
            Ok(signature) => bundles.push(Bundle::of(built, &settings, signature)),
            Err(message) => errors.push_str(&format!(
                "{}: error: {message} (in target '{}' from project '{}')\n",
                built.project.path.display(),
                built.target.name,
                built
                    .project
                    .path
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
            )),
        }
    }
    if !errors.is_empty() {
        let mut ended = Ended::badly(65, errors);
        ended.stdout = "** ARCHIVE FAILED **\n\n".to_owned();
        return Ok(ended);
    }
    if archive.exists() {
        std::fs::remove_dir_all(&archive)?;
    }
    let app = built
        .iter()
        .position(|built| built.target.kind.starts_with("application"))
        .unwrap_or(0);
    let products = archive.join("Products/Applications");
    for at in 0..bundles.len() {
        write(&bundles, &built, at, app, &products)?;
    }
    let main = bundles.get(app).context("the scheme builds nothing")?;
    describe(main, scheme, &archive)?;
    Ok(Ended::well("** ARCHIVE SUCCEEDED **\n\n"))
}

/// A product.
struct Bundle {
    /// Such as `App.app`; blank for what is no bundle of its own.
    file: String,
    kind: String,
    bundle_id: String,
    is_mac: bool,
    is_watch: bool,
    signature: Option<Signature>,
}

impl Bundle {
    fn of(built: &Built, settings: &Settings, signature: Option<Signature>) -> Self {
        let get = |name: &str| settings.get(name).unwrap_or_default();
        Self {
            file: get("WRAPPER_NAME"),
            kind: built.target.kind.clone(),
            bundle_id: get("PRODUCT_BUNDLE_IDENTIFIER"),
            is_mac: built.destination.sdk == "macosx",
            is_watch: built.destination.sdk == "watchos",
            signature,
        }
    }

    /// The folder that holds Info.plist and profile.
    fn contents(&self, bundle: &Path) -> PathBuf {
        if self.is_mac {
            bundle.join("Contents")
        } else {
            bundle.to_owned()
        }
    }

    /// Where it lies in the one that embeds it.
    fn place(&self) -> &'static str {
        match self.kind.as_str() {
            "extensionkit-extension" => "Extensions",
            "application.on-demand-install-capable" => "AppClips",
            "xpc-service" => "XPCServices",
            "system-extension" | "driver-extension" => "SystemExtensions",
            kind if kind.starts_with("framework") || kind == "library.dynamic" => "Frameworks",
            kind if kind.starts_with("application") && self.is_watch => "Watch",
            kind if kind.starts_with("application") => "Library/LoginItems",
            "bundle" => "",
            _ => "PlugIns",
        }
    }
}

/// Where a product lies: in the one that needs it, unless that is none.
fn location(bundles: &[Bundle], built: &[Built], at: usize, app: usize, products: &Path) -> PathBuf {
    let bundle = &bundles[at];
    if at == app {
        return products.join(&bundle.file);
    }
    let mut parent = built[at].needed_by;
    // A framework holds no extensions, and an aggregate nothing at all.
    while let Some(next) =
        parent.filter(|next| bundles[*next].file.is_empty() || bundles[*next].kind.starts_with("framework"))
    {
        parent = built[next].needed_by;
    }
    match parent {
        Some(parent) if parent != at => {
            let holder = location(bundles, built, parent, app, products);
            bundles[parent]
                .contents(&holder)
                .join(bundle.place())
                .join(&bundle.file)
        }
        _ => products.join(&bundle.file),
    }
}

fn write(bundles: &[Bundle], built: &[Built], at: usize, app: usize, products: &Path) -> anyhow::Result<()> {
    let bundle = &bundles[at];
    if bundle.file.is_empty() {
        return Ok(());
    }
    let contents = bundle.contents(&location(bundles, built, at, app, products));
    std::fs::create_dir_all(&contents)?;
    let mut info = Dictionary::new();
    let text = |text: &str| Value::String(text.to_owned());
    info.insert("CFBundleIdentifier".to_owned(), text(&bundle.bundle_id));
    info.insert("CFBundleShortVersionString".to_owned(), text("1.0"));
    info.insert("CFBundleVersion".to_owned(), text("1"));
    Value::Dictionary(info).to_file_xml(contents.join("Info.plist"))?;
    match &bundle.signature {
        Some(signature) => signature.seal(&contents, bundle.is_mac),
        None => Ok(()),
    }
}

/// The archive's own Info.plist.
fn describe(main: &Bundle, scheme: &str, archive: &Path) -> anyhow::Result<()> {
    let text = |text: &str| Value::String(text.to_owned());
    let mut properties = Dictionary::new();
    properties.insert(
        "ApplicationPath".to_owned(),
        text(&format!("Applications/{}", main.file)),
    );
    properties.insert("CFBundleIdentifier".to_owned(), text(&main.bundle_id));
    if let Some(signature) = &main.signature {
        properties.insert(
            "SigningIdentity".to_owned(),
            text(&signature.identity.common_name),
        );
        properties.insert("Team".to_owned(), text(&signature.team));
    }
    let mut info = Dictionary::new();
    info.insert("ApplicationProperties".to_owned(), Value::Dictionary(properties));
    info.insert("ArchiveVersion".to_owned(), Value::Integer(2.into()));
    info.insert(
        "CreationDate".to_owned(),
        Value::Date(std::time::SystemTime::now().into()),
    );
    info.insert("Name".to_owned(), text(main.file.trim_end_matches(".app")));
    info.insert("SchemeName".to_owned(), text(scheme));
    Value::Dictionary(info).to_file_xml(archive.join("Info.plist"))?;
    Ok(())
}

/// The signature that the settings of a target ask for; `None` where there is none to make.
fn signature(call: &Call, built: &Built, settings: &Settings) -> Result<Option<Signature>, String> {
    let get = |name: &str| settings.get(name).unwrap_or_default();
    let name = &built.target.name;
    let is_mac = built.destination.sdk == "macosx";
    let provisioning = Provisioning::of(&built.target.kind, is_mac);
    let is_refused = settings
        .get("CODE_SIGNING_ALLOWED")
        .is_some_and(|value| !is_true(&value));
    if is_refused || provisioning == Provisioning::Unsigned {
        return Ok(None);
    }
    let (specifier, uuid) = (get("PROVISIONING_PROFILE_SPECIFIER"), get("PROVISIONING_PROFILE"));
    let wanted = if specifier.is_empty() { uuid } else { specifier };
    let style = get("CODE_SIGN_STYLE").to_lowercase();
    let noted = built
        .project
        .provisioning_style(&built.target)
        .unwrap_or("Automatic")
        .to_lowercase();
    let style = if ["automatic", "manual"].contains(&style.as_str()) {
        style
    } else {
        noted
    };
    if provisioning == Provisioning::Unsupported {
        if !wanted.is_empty() {
            return Err(format!(
                "{name} does not support provisioning profiles, but provisioning profile {wanted} has been manually specified. Set the provisioning profile value to \"Automatic\" in the build settings editor."
            ));
        }
        // Frameworks are signed again when they are embedded.
        return Ok(None);
    }
    let team = get("DEVELOPMENT_TEAM");
    let identity = get("CODE_SIGN_IDENTITY");
    let bundle_id = get("PRODUCT_BUNDLE_IDENTIFIER");
    if is_mac && wanted.is_empty() && (identity == "-" || team.is_empty()) {
        return Ok(None);
    }
    if team.is_empty() {
        return Err(format!(
            "Signing for \"{name}\" requires a development team. Select a development team in the Signing & Capabilities editor."
        ));
    }
    let identity = if identity.is_empty() {
        "Apple Development".to_owned()
    } else {
        identity
    };
    if style == "automatic" {
        return automatic(call, name, &team, &identity, &wanted, &bundle_id, built, settings).map(Some);
    }
    if wanted.is_empty() && provisioning == Provisioning::Required {
        return Err(format!(
            "\"{name}\" requires a provisioning profile. Select a provisioning profile in the Signing & Capabilities editor."
        ));
    }
    let Some(found) = Identity::named(call, &identity) else {
        return Err(format!(
            "No signing certificate \"{identity}\" found: No \"{identity}\" signing certificate matching team ID \"{team}\" with a private key was found."
        ));
    };
    let mut profile = None;
    if !wanted.is_empty() {
        let installed = Profile::installed(call);
        let Some(known) = installed
            .into_iter()
            .find(|profile| profile.uuid == wanted || profile.name == wanted)
        else {
            return Err(format!(
                "No profile for team '{team}' matching '{wanted}' found: Xcode couldn't find any provisioning profiles matching '{team}/{wanted}'. Install the profile (by dragging and dropping it onto Xcode's dock item) or select a different one in the Signing & Capabilities tab of the target editor."
            ));
        };
        if let Some(problem) = known.problem(&team, &bundle_id, Some(&found)) {
            return Err(problem);
        }
        profile = Some(known);
    }
    Ok(Some(Signature {
        identity: found,
        entitlements: entitlements(built, settings, &team),
        team,
        profile,
        is_automatic: false,
    }))
}

/// Automatic signing of an archive is for development (swift-build `PlanningOperation.swift`).
#[allow(
    clippy::too_many_arguments,
    reason = "the settings of one target, each by its name"
)]
fn automatic(
    call: &Call,
    name: &str,
    team: &str,
    identity: &str,
    wanted: &str,
    bundle_id: &str,
    built: &Built,
    settings: &Settings,
) -> Result<Signature, String> {
    if !wanted.is_empty() {
        return Err(format!(
            "{name} has conflicting provisioning settings. {name} is automatically signed, but provisioning profile {wanted} has been manually specified. Set the provisioning profile value to \"Automatic\" in the build settings editor, or switch to manual signing in the Signing & Capabilities editor."
        ));
    }
    let is_development = [
        "Apple Development",
        "iPhone Developer",
        "iOS Developer",
        "Mac Developer",
    ]
    .iter()
    .any(|start| identity.starts_with(start));
    if !is_development {
        return Err(format!(
            "{name} has conflicting provisioning settings. {name} is automatically signed for development, but a conflicting code signing identity {identity} has been manually specified. Set the code signing identity value to \"Apple Development\" in the build settings editor, or switch to manual signing in the Signing & Capabilities editor."
        ));
    }
    let identity = Identity::named(call, "Apple Development");
    let profile = Profile::installed(call).into_iter().find(|profile| {
        profile.is_managed()
            && profile.kind() == Kind::Development
            && profile.covers(bundle_id)
            && identity
                .as_ref()
                .is_some_and(|identity| profile.includes(identity))
    });
    let (Some(identity), Some(profile)) = (identity, profile) else {
        return Err(format!(
            "No profiles for '{bundle_id}' were found: Xcode couldn't find any iOS App Development provisioning profiles matching '{bundle_id}'. Automatic signing is disabled and unable to generate a profile. To enable automatic signing, pass -allowProvisioningUpdates to xcodebuild."
        ));
    };
    Ok(Signature {
        identity,
        team: team.to_owned(),
        profile: Some(profile),
        entitlements: entitlements(built, settings, team),
        is_automatic: true,
    })
}

fn is_true(value: &str) -> bool {
    value.starts_with(['y', 'Y', 't', 'T', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
}

/// The entitlements of the target, with settings replaced.
fn entitlements(built: &Built, settings: &Settings, team: &str) -> Dictionary {
    let path = settings.get("CODE_SIGN_ENTITLEMENTS").unwrap_or_default();
    let file = built.project.folder().join(&path);
    let value = if path.is_empty() {
        None
    } else {
        Value::from_file(file).ok()
    };
    let Some(Value::Dictionary(fields)) = value else {
        return Dictionary::new();
    };
    let expand = |text: &str| settings.expand(&text.replace("$(AppIdentifierPrefix)", &format!("{team}.")));
    fields
        .iter()
        .map(|(key, value)| (key.clone(), expanded(value, &expand)))
        .collect()
}

fn expanded(value: &Value, expand: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(expand(text)),
        Value::Array(items) => Value::Array(items.iter().map(|item| expanded(item, expand)).collect()),
        other => other.clone(),
    }
}
