//! The sample of the documentation: the log of a run, and a picture of its report.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::workspace::{self, succeed};

/// The inputs of the run that is shown.
const RUN: [&str; 3] = ["demo", "auto-provision-asc", "distribution_type=app-store"];

/// Writes `docs/sample-log.txt` and `docs/report.png`.
///
/// # Errors
/// When the run fails, or there is no Chromium to take the picture.
pub(crate) fn docs() -> anyhow::Result<()> {
    let folder = workspace::root().join("docs");
    std::fs::create_dir_all(&folder)?;
    let lab = tempfile::tempdir()?;
    let output = Command::new(std::env::current_exe()?)
        .args(RUN)
        .env("CARGO_MANIFEST_DIR", workspace::root().join("xtask"))
        .env("BITRISE_HTML_REPORT_DIR", lab.path())
        .env("NO_COLOR", "1")
        .output()?;
    ensure!(
        output.status.success(),
        "the run failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    std::fs::write(folder.join("sample-log.txt"), step_log(&text))?;
    let page = walkdir::WalkDir::new(lab.path())
        .into_iter()
        .flatten()
        .find(|entry| entry.file_name() == "index.html")
        .context("the run left no report")?;
    take_picture(page.path(), &folder.join("report.png"))
}

/// The step's own lines, without the places of this run.
fn step_log(text: &str) -> String {
    let end = text
        .find("\nOutputs, as the next step gets them")
        .unwrap_or(text.len());
    let start = text.find("\n\n").map_or(0, |at| at + 2).min(end);
    let mut log = String::new();
    for line in text[start..end].lines() {
        let words: Vec<String> = line.split(' ').map(without_place).collect();
        log.push_str(words.join(" ").trim_end());
        log.push('\n');
    }
    format!("{}\n", log.trim_end())
}

/// A word of a log without the port and the temporary folder of the run.
fn without_place(word: &str) -> String {
    if word.starts_with("http://127.0.0.1:") {
        return "http://127.0.0.1/…".to_owned();
    }
    if let Some((_, name)) = word.split_once("/project/") {
        return name.to_owned();
    }
    let below = word
        .split_once("/apple-steps-demo-")
        .and_then(|(_, rest)| rest.split_once('/'));
    below.map_or_else(|| word.to_owned(), |(_, rest)| format!("…/{rest}"))
}

fn take_picture(page: &Path, picture: &Path) -> anyhow::Result<()> {
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| {
            Command::new(name)
                .arg("--version")
                .output()
                .is_ok_and(|output| output.status.success())
        })
        .context("Chromium is not installed; it takes the picture")?;
    succeed(
        Command::new(browser)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--window-size=1000,1500",
            ])
            .arg(format!("--screenshot={}", picture.display()))
            .arg(format!("file://{}", page.display())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_log_holds_no_place_of_this_machine() {
        let text = "The sandbox is at http://127.0.0.1:1.\n\nAuto Provision\n- project_path: /tmp/x/project/Courier.xcodeproj\n- build_url: http://127.0.0.1:3/bitrise\n- keychain_path: /tmp/apple-steps-demo-x1/home/login.keychain\nDone\n\nOutputs, as the next step gets them:\n";
        assert_eq!(
            step_log(text),
            "Auto Provision\n- project_path: Courier.xcodeproj\n- build_url: http://127.0.0.1/…\n- keychain_path: …/home/login.keychain\nDone\n"
        );
    }
}
