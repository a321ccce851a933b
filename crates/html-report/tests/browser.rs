//! The page in a real browser: nothing overflows, on a phone and on a desk, in light and dark.
//!
//! Needs Chromium. `SCREENSHOTS` names a directory to keep the pictures in.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use html_report::{Block, Expiry, Outcome, Page, Request, Timeline, Waterfall};
use time::macros::datetime;

fn page() -> Page {
    let now = datetime!(2026-11-24 12:00 UTC);
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    Page::new("Auto Provision with App Store Connect API", Outcome::Succeeded)
        .fact("distribution", "app-store")
        .fact("team", "TEAM123456")
        .fact("configuration", "Release")
        .block(Block::Table {
            heading: "Targets".to_owned(),
            columns: text(&["target", "bundle ID", "profile", "until", "certificate", "devices"]),
            rows: vec![
                text(&["Courier", "com.example.courier", "Bitrise iOS app-store - (com.example.courier)", "2027-11-20", "Apple Distribution: Example GmbH (TEAM123456)", "-"]),
                text(&["CourierWidgetExtensionWithAVeryLongName", "com.example.courier.widget.with.a.very.long.identifier", "Bitrise iOS app-store - (com.example.courier.widget.with.a.very.long.identifier)", "2027-11-20", "Apple Distribution: Example GmbH (TEAM123456)", "-"]),
            ],
        })
        .block(Block::Timeline(Timeline::new(
            "What ends first",
            now,
            vec![
                Expiry::new("Apple Distribution: Example GmbH (TEAM123456)", "certificate", datetime!(2026-12-10 0:00 UTC)),
                Expiry::new("Bitrise iOS app-store - (com.example.courier)", "profile", datetime!(2027-11-20 0:00 UTC)),
                Expiry::new("Apple Development: Ada Example (ABCDE12345)", "certificate", datetime!(2026-11-27 0:00 UTC)),
            ],
        )))
        .block(Block::List {
            heading: "Changed on the portal".to_owned(),
            items: text(&["create the profile Bitrise iOS app-store - (com.example.courier): the portal has none of that name"]),
        })
        .block(Block::Waterfall(Waterfall::new(
            "Requests",
            [("GET /v1/certificates", "200", 0, 104), ("GET /v1/bundleIds", "200", 3, 131), ("GET /v1/devices", "429", 4, 40), ("GET /v1/devices", "200", 90, 98), ("POST /v1/profiles", "201", 195, 240)]
                .map(|(label, status, start, duration)| Request {
                    label: label.to_owned(),
                    status: status.to_owned(),
                    start: Duration::from_millis(start),
                    duration: Duration::from_millis(duration),
                })
                .to_vec(),
        )))
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

fn browse(chromium: &Path, home: &Path, arguments: &[String]) -> String {
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--virtual-time-budget=2000",
        ])
        .arg(format!("--user-data-dir={}", home.join("profile").display()))
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[cfg_attr(no_chromium, ignore = "Chromium is not installed")]
fn nothing_overflows_on_any_screen() {
    let chromium = chromium().expect("Chromium is not installed");
    let folder = tempfile::tempdir().unwrap();
    let html = page().render();
    // The page has no script of its own; this one measures it.
    let probe = "<script>document.body.dataset.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;</script></body>";
    let probed = folder.path().join("probed.html");
    std::fs::write(&probed, html.replace("</body>", probe)).unwrap();
    let plain = folder.path().join("index.html");
    std::fs::write(&plain, &html).unwrap();
    let pictures = std::env::var_os("SCREENSHOTS").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    for (name, size, dark) in [
        ("phone", "500,1600", false),
        ("desk", "1280,1100", false),
        ("dark", "1280,1100", true),
    ] {
        let mut arguments = vec![format!("--window-size={size}")];
        if dark {
            arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let dom = browse(
            &chromium,
            folder.path(),
            &[
                &arguments[..],
                &["--dump-dom".to_owned(), format!("file://{}", probed.display())],
            ]
            .concat(),
        );
        assert!(
            dom.contains("data-overflow=\"0\""),
            "{name}: {}",
            dom.lines()
                .find(|line| line.contains("data-overflow"))
                .unwrap_or(&dom)
        );
        let picture = pictures.join(format!("report-{name}.png"));
        browse(
            &chromium,
            folder.path(),
            &[
                &arguments[..],
                &[
                    format!("--screenshot={}", picture.display()),
                    format!("file://{}", plain.display()),
                ],
            ]
            .concat(),
        );
        assert!(picture.metadata().unwrap().len() > 10_000, "{name}");
    }
}
