//! `xcodebuild`, `xcrun` and `xcode-select`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use xcode_project::{Answer, Container, Project, Target, executables};

use super::{Call, Ended, altool, value};

/// The version that is played, unless the file `xcode-version` says another.
const VERSION: &str = "16.2";

pub(super) fn version(call: &Call) -> String {
    std::fs::read_to_string(call.directory.join("xcode-version"))
        .map_or_else(|_| VERSION.to_owned(), |text| text.trim().to_owned())
}

pub(super) fn select(call: &Call) -> Ended {
    match call.args.first().map(String::as_str) {
        Some("-p" | "--print-path") => Ended::well("/Applications/Xcode.app/Contents/Developer\n"),
        _ => Ended::badly(1, "xcode-select: error: the sandbox only prints the path\n"),
    }
}

pub(super) fn build(call: &Call) -> anyhow::Result<Ended> {
    let has = |flag: &str| call.args.iter().any(|arg| arg == flag);
    if has("-version") {
        return Ok(Ended::well(format!(
            "Xcode {}\nBuild version 16C5032a\n",
            version(call)
        )));
    }
    if has("-showBuildSettings") && has("-json") {
        return settings(call);
    }
    Ok(Ended::badly(
        64,
        "xcodebuild: error: the sandbox knows -version and -showBuildSettings -json\n",
    ))
}

/// Of one target (`-project`, `-target`), or of all that a scheme archives (`-project` or `-workspace`, `-scheme`).
fn settings(call: &Call) -> anyhow::Result<Ended> {
    let configuration = value(&call.args, "-configuration").context("there is no -configuration")?;
    let container = value(&call.args, "-workspace").or_else(|| value(&call.args, "-project"));
    let container = Path::new(container.context("there is no -project and no -workspace")?);
    let targets = match (value(&call.args, "-target"), value(&call.args, "-scheme")) {
        (Some(name), None) => {
            let project = Arc::new(Project::open(container)?);
            let target = project.targets().into_iter().find(|known| known.name == name);
            vec![(
                project,
                target.with_context(|| format!("the project has no target named {name}"))?,
            )]
        }
        (None, Some(name)) => archived(container, name)?,
        _ => anyhow::bail!("there must be either -target or -scheme"),
    };
    let entries = targets
        .iter()
        .map(|(project, target)| entry(project, target, configuration))
        .collect::<anyhow::Result<Vec<Value>>>()?;
    Ok(Ended::well(format!("{:#}\n", Value::from(entries))))
}

fn archived(container: &Path, scheme: &str) -> anyhow::Result<Vec<(Arc<Project>, Target)>> {
    let container = Container::open(container)?;
    let scheme = container.scheme(scheme)?;
    let mut all = Vec::new();
    for entry in scheme.entries.iter().filter(|entry| entry.for_archiving) {
        let project = Arc::new(Project::open(&container.project_of(&scheme, entry))?);
        if let Some(target) = project.target(&entry.blueprint) {
            all.extend(executables(project, &target));
        }
    }
    Ok(all)
}

fn entry(project: &Project, target: &Target, configuration: &str) -> anyhow::Result<Value> {
    let resolved = project.settings(target, configuration)?;
    let mut all = Map::new();
    for name in [
        "PRODUCT_BUNDLE_IDENTIFIER",
        "INFOPLIST_FILE",
        "CODE_SIGN_ENTITLEMENTS",
        "PRODUCT_NAME",
        "SDKROOT",
        "SUPPORTED_PLATFORMS",
    ] {
        if let Answer::Resolved(text) = resolved.get(name) {
            all.insert(name.to_owned(), text.into());
        }
    }
    all.insert(
        "PROJECT_FILE_PATH".to_owned(),
        project.path().display().to_string().into(),
    );
    Ok(json!({"action": "build", "target": target.name, "buildSettings": all}))
}

pub(super) fn run(call: &Call) -> anyhow::Result<Ended> {
    match call.args.first().map(String::as_str) {
        Some("altool") => altool::run(call),
        Some("--find" | "-f") => Ok(Ended::well(format!(
            "/Applications/Xcode.app/Contents/Developer/usr/bin/{}\n",
            call.args.get(1).cloned().unwrap_or_default()
        ))),
        Some("--version") => Ok(Ended::well("xcrun version 70.\n")),
        other => Ok(Ended::badly(
            72,
            format!(
                "xcrun: error: unable to find utility \"{}\"\n",
                other.unwrap_or_default()
            ),
        )),
    }
}
