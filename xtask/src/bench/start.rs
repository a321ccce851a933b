//! How long the steps take until fastlane starts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use apple_sandbox::{Sandbox, Seed};

use super::{Lab, median, millis, succeed};

const RUNS: usize = 40;

pub(super) fn bench() -> anyhow::Result<()> {
    let lab = Lab::new(&["step-fastlane", "step-deliver"])?;
    let sandbox = Sandbox::start(&Seed::default())?;
    let (started, shown) = (lab.path("tools/started"), lab.path("tools/shown"));
    // `date` itself starts before it tells the time: its own start is part of the figure.
    lab.script(
        "fastlane",
        &format!(
            "if [ \"$1\" = --version ]; then date +%s%N > '{}'; echo fastlane 2.230.0; else date +%s%N > '{}'; fi",
            shown.display(),
            started.display()
        ),
    )?;
    let package = lab.path("project/App.ipa");
    std::fs::write(&package, "not read by fastlane's stand-in")?;
    let key = lab.path("project/AuthKey_SBXKEY1234.p8");
    std::fs::write(&key, &sandbox.state().private_key)?;
    println!("| step | until its first process | until fastlane starts |\n| --- | --- | --- |");
    for name in ["step-fastlane", "step-deliver"] {
        let (mut first, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let began = SystemTime::now().duration_since(UNIX_EPOCH)?;
            succeed(
                lab.step(name, &sandbox)
                    .env("connection", "off")
                    .env("api_key_path", &key)
                    .env("api_issuer", "00000000-5a5a-4b4b-8c8c-000000000001")
                    .env("lane", "beta")
                    .env("update_fastlane", "false")
                    .env("enable_cache", "no")
                    .env("ipa_path", &package)
                    .env("bundle_id", "com.example.courier")
                    .env("fastlane_version", "")
                    .env("gemfile_path", ""),
            )?;
            let read = |path| -> anyhow::Result<Duration> {
                let text = std::fs::read_to_string(path)?;
                Ok(Duration::from_nanos(text.trim().parse().context("no time")?))
            };
            first.push(read(&shown)?.saturating_sub(began));
            whole.push(read(&started)?.saturating_sub(began));
        }
        println!(
            "| {name} | {} | {} |",
            millis(median(first)),
            millis(median(whole))
        );
    }
    println!("\nMedians of {RUNS} runs; the second figure holds a run of `fastlane --version`.");
    Ok(())
}
