//! `xcodebuild`, `xcrun` and `xcode-select`.

use super::{Call, Ended, altool, archive, build_settings, export};

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
    if has("-showBuildSettings") {
        return build_settings::show(call, &version(call));
    }
    if has("-exportArchive") {
        return export::run(call, &version(call));
    }
    if has("archive") {
        return archive::run(call, &version(call));
    }
    Ok(Ended::badly(
        64,
        "xcodebuild: error: the sandbox knows -version, -showBuildSettings, archive, and -exportArchive\n",
    ))
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
