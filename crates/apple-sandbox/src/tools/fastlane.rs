//! `fastlane`, where there is none: it takes lanes and `deliver`, checks what it was given, and uploads as the sandbox's
//! altool does.
//!
//! It prints what fastlane 2.230 prints: headings of steps, the summary table, the lines of altool behind `[altool]`, and
//! errors on standard error behind `[!]`. Source: fastlane 2.237.0 at d5347690d (2026-07-21), `lane_manager_base.rb`,
//! `actions_helper.rb`, `shell.rb`, `itunes_transporter.rb`; compared with a run of 2.146.1.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Call, Ended, altool, value};

/// The variables by which an account is handed over, named as fastlane reads them.
const CREDENTIALS: [&str; 5] = [
    "APP_STORE_CONNECT_API_KEY_PATH",
    "FASTLANE_USER",
    "FASTLANE_PASSWORD",
    "FASTLANE_SESSION",
    "FASTLANE_APPLE_APPLICATION_SPECIFIC_PASSWORD",
];

/// The platforms that a lane's name may begin with.
const PLATFORMS: [&str; 4] = ["ios", "mac", "android", "tvos"];

pub(super) fn play(call: &Call) -> anyhow::Result<Ended> {
    match call.args.first().map(String::as_str) {
        Some("--version" | "-v") => Ok(Ended::well("fastlane 2.230.0 (the sandbox's stand-in)\n")),
        Some("deliver" | "upload_to_app_store") => deliver(call),
        Some(lane) if !lane.starts_with('-') => Ok(Ended::well(run_lane(call))),
        _ => Ok(Ended::badly(
            1,
            "fastlane: the sandbox's fastlane takes a lane or deliver\n",
        )),
    }
}

/// What fastlane prints, with the time before each line unless `FASTLANE_HIDE_TIMESTAMP` is set.
struct Output {
    prefix: String,
    text: String,
}

impl Output {
    fn of(call: &Call) -> Self {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs() % 86_400);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        Self {
            prefix: match call.env.contains_key("FASTLANE_HIDE_TIMESTAMP") {
                true => String::new(),
                false => format!("[{hours:02}:{minutes:02}:{:02}]: ", seconds % 60),
            },
            text: String::new(),
        }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{}{text}", self.prefix);
    }

    /// A heading, such as that of a step.
    fn header(&mut self, text: &str) {
        let text = format!("--- {text} ---");
        let rule = "-".repeat(text.chars().count());
        for line in [&rule, &text, &rule] {
            self.line(line);
        }
    }

    /// The table of a run's steps, as `terminal-table` draws it.
    fn summary(&mut self, steps: &[&str]) {
        let width = steps.iter().map(|step| step.len()).max().unwrap_or(0).max(6);
        let rule = format!("+------+{}+-------------+\n", "-".repeat(width + 2));
        let inner = rule.trim_end().len() - 2;
        let title = format!("|{:^inner$}|\n", "fastlane summary");
        let head = format!("| Step | {:width$} | Time (in s) |\n", "Action");
        let _ = write!(self.text, "\n{rule}{title}{rule}{head}{rule}");
        for (index, step) in steps.iter().enumerate() {
            let _ = writeln!(self.text, "| {:<4} | {step:width$} | {:<11} |", index + 1, 0);
        }
        let _ = writeln!(self.text, "{rule}");
    }
}

/// A lane of one action, which names what it received, without values: a log is no place for them.
fn run_lane(call: &Call) -> String {
    let given: Vec<&str> = CREDENTIALS
        .into_iter()
        .filter(|name| call.env.contains_key(*name))
        .collect();
    let is_option = |word: &&String| word.contains(':');
    let name: Vec<&str> = call
        .args
        .iter()
        .take_while(|word| !is_option(word))
        .map(String::as_str)
        .collect();
    let options: Vec<&str> = call.args.iter().filter(is_option).map(String::as_str).collect();
    let mut output = Output::of(call);
    let mut steps = Vec::new();
    if name.first().is_some_and(|first| PLATFORMS.contains(first)) {
        output.header("Step: default_platform");
        steps.push("default_platform");
    }
    output.line(&format!("Driving the lane '{}' 🚀", name.join(" ")));
    output.header("Step: puts");
    steps.push("puts");
    output.line(&format!(
        "options: {}",
        if options.is_empty() {
            "none".to_owned()
        } else {
            options.join(" ")
        }
    ));
    output.line(&format!(
        "credentials: {}",
        if given.is_empty() {
            "none".to_owned()
        } else {
            given.join(", ")
        }
    ));
    output.summary(&steps);
    output.line("fastlane.tools finished successfully 🎉");
    output.text
}

fn deliver(call: &Call) -> anyhow::Result<Ended> {
    let args = &call.args;
    let refuse = |text: &str| Ok(Ended::badly(1, format!("\n[!] {text}\n")));
    let (kind, file) = match (value(args, "--ipa"), value(args, "--pkg")) {
        (Some(file), _) => ("ipa", file),
        (None, Some(file)) => ("pkg", file),
        (None, None) => return refuse("Neither --ipa nor --pkg was given"),
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
    let mut output = Output::of(call);
    output.line("Uploading binary to App Store Connect");
    output.line("Going to upload updated app to App Store Connect");
    output.line("This might take a few minutes. Please don't interrupt the script.");
    let platform = value(args, "--platform").unwrap_or("ios");
    let altool = altool::upload_for_fastlane(call, file, Some(platform))?;
    let said = format!("{}{}", altool.stderr, altool.stdout);
    said.lines()
        .for_each(|line| output.line(&format!("[altool] {line}")));
    // Since 2.230 an error line is enough (fastlane #29740).
    let errors: Vec<&str> = said
        .lines()
        .filter_map(|line| {
            line.split_once("ERROR: ")
                .or_else(|| line.split_once("*** Error: "))
        })
        .map(|(_, error)| error)
        .collect();
    if altool.status == 0 && errors.is_empty() {
        output.header(
            "Successfully uploaded package to App Store Connect. It might take a few minutes until it's visible online.",
        );
        output.line("Finished the upload to App Store Connect");
        return Ok(Ended::well(output.text));
    }
    output.line("Application Loader output above ^");
    if altool.status != 0 {
        output.line(&format!(
            "The call to the altool completed with a non-zero exit status: {}. This indicates a failure.",
            altool.status
        ));
    }
    output.line("Could not download/upload from App Store Connect!");
    let mut stderr = format!("\n[!] Error uploading {kind} file: \n");
    for error in errors {
        let _ = writeln!(stderr, " [Application Loader Error Output]: {error}");
    }
    if altool.status != 0 {
        let _ = writeln!(
            stderr,
            " [Application Loader Error Output]: The call to the altool completed with a non-zero exit status: {}. This indicates a failure.",
            altool.status
        );
    }
    Ok(Ended {
        status: 1,
        stdout: output.text,
        stderr,
    })
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
        let ended = played(&["deliver", "--ipa", &package, "--api_key_path", &key]);
        assert_eq!(ended.status, 0);
        assert!(
            ended.stdout.contains("--- Successfully uploaded package"),
            "{}",
            ended.stdout
        );
    }

    #[test]
    fn a_lane_names_what_it_received_and_no_value() {
        let mut call = call(Path::new("."), &["beta", "a:1"]);
        call.env
            .insert("FASTLANE_PASSWORD".to_owned(), "secret".to_owned());
        let text = play(&call).unwrap().stdout;
        assert!(
            text.contains("'beta' 🚀") && text.contains("options: a:1") && !text.contains("secret"),
            "{text}"
        );
        assert!(text.contains("credentials: FASTLANE_PASSWORD\n"), "{text}");
    }

    /// The table is the one that fastlane 2.146.1 prints for these two actions.
    #[test]
    fn a_lane_has_the_headings_and_the_table_of_a_real_one() {
        let mut call = call(Path::new("."), &["ios", "beta"]);
        call.env
            .insert("FASTLANE_HIDE_TIMESTAMP".to_owned(), "1".to_owned());
        let text = play(&call).unwrap().stdout;
        for expected in [
            "------------------------------\n--- Step: default_platform ---\n------------------------------\nDriving the lane 'ios beta' 🚀\n",
            "------------------\n--- Step: puts ---\n------------------\n",
            "+------+------------------+-------------+\n|           fastlane summary            |\n+------+------------------+-------------+\n| Step | Action           | Time (in s) |\n+------+------------------+-------------+\n| 1    | default_platform | 0           |\n| 2    | puts             | 0           |\n+------+------------------+-------------+\n\nfastlane.tools finished successfully",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
