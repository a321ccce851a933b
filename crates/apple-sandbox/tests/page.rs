//! The sandbox's page in a real browser. Needs Chromium; `SCREENSHOTS` names a folder to keep the picture in.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::PathBuf;
use std::process::Command;

use apple_sandbox::{Fault, Kind, Sandbox, Seed, SeedProfile};

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

fn browse(arguments: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(chromium().unwrap())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--virtual-time-budget=3000",
        ])
        .arg(format!("--user-data-dir={}", home.path().display()))
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[cfg_attr(no_chromium, ignore = "Chromium is not installed")]
fn the_page_shows_what_the_sandbox_knows_and_fits_every_screen() {
    let sandbox = Sandbox::start(&Seed {
        bundle_ids: [(
            "com.example.courier".to_owned(),
            vec!["PUSH_NOTIFICATIONS".to_owned()],
        )]
        .into(),
        profiles: vec![SeedProfile {
            name: "Bitrise iOS app-store - (com.example.courier)".to_owned(),
            profile_type: "IOS_APP_STORE".to_owned(),
            bundle_id: "com.example.courier".to_owned(),
            days: 100,
            state: "ACTIVE".to_owned(),
            ..SeedProfile::default()
        }],
        ..Seed::default()
    })
    .unwrap();
    sandbox.fail(Fault::times("POST /v1/profiles", 3, Kind::ServerError));
    for size in ["--window-size=500,1400", "--window-size=1280,1100"] {
        let dom = browse(&[size, "--dump-dom", &sandbox.url()]);
        for words in [
            "Bitrise iOS app-store - (com.example.courier)",
            "PUSH_NOTIFICATIONS",
            "Studio iPad",
            "server-error</td><td>POST /v1/profiles</td><td>3 more",
            "Team SBXTEAM123",
            "Apple ID ada@example.com: connected, s2k, second factor, trusted device, on App Store Connect, 1 live session(s), 1 team(s)",
            "data-overflow=\"0\"",
        ] {
            assert!(dom.contains(words), "{words}\n{dom}");
        }
        assert!(!dom.contains(&sandbox.state().build_api_token));
        assert!(!dom.contains(&sandbox.state().apple_id.seed.password));
    }
    let folder = tempfile::tempdir().unwrap();
    let pictures = std::env::var_os("SCREENSHOTS").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    let picture = pictures.join("sandbox.png");
    browse(&[
        "--window-size=1280,1100",
        &format!("--screenshot={}", picture.display()),
        &sandbox.url(),
    ]);
    assert!(picture.metadata().unwrap().len() > 10_000);
}
