//! How long the steps take until fastlane starts.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use apple_sandbox::{Sandbox, Seed};

use super::{Binaries, Lab, median, millis, succeed};

const RUNS: usize = 40;

const STEPS: [&str; 2] = ["step-fastlane", "step-deliver"];

pub(super) fn bench(binaries: &Binaries) -> anyhow::Result<()> {
    let labs = binaries.labs(&STEPS)?;
    let sandbox = Sandbox::start(&Seed::default())?;
    labs.iter().try_for_each(|lab| prepare(lab, &sandbox))?;
    println!(
        "| step | binaries | until its first process | until fastlane starts |\n| --- | --- | --- | --- |"
    );
    for step in STEPS {
        let mut times: Vec<(Vec<Duration>, Vec<Duration>)> =
            labs.iter().map(|_| Default::default()).collect();
        for _ in 0..RUNS {
            for (lab, (first, whole)) in labs.iter().zip(&mut times) {
                let (shown, started) = run(lab, &sandbox, step)?;
                first.push(shown);
                whole.push(started);
            }
        }
        for (lab, (first, whole)) in labs.iter().zip(times) {
            println!(
                "| {step} | {} | {} | {} |",
                lab.label,
                millis(median(first)),
                millis(median(whole))
            );
        }
    }
    println!("\nMedians of {RUNS} runs; the second figure holds a run of `fastlane --version`.");
    Ok(())
}

/// Puts a fastlane that notes when it starts on `PATH`, and a package and a key beside the project.
fn prepare(lab: &Lab, sandbox: &Sandbox) -> anyhow::Result<()> {
    // `date` itself starts before it tells the time: its own start is part of the figure.
    lab.script(
        "fastlane",
        &format!(
            "if [ \"$1\" = --version ]; then date +%s%N > '{}'; echo fastlane 2.230.0; else date +%s%N > '{}'; fi",
            lab.path("tools/shown").display(),
            lab.path("tools/started").display()
        ),
    )?;
    std::fs::write(lab.path("project/App.ipa"), "not read by fastlane's stand-in")?;
    std::fs::write(
        lab.path("project/AuthKey_SBXKEY1234.p8"),
        &sandbox.state().private_key,
    )?;
    Ok(())
}

/// A run: the time until its first process, and until fastlane starts.
fn run(lab: &Lab, sandbox: &Sandbox, step: &str) -> anyhow::Result<(Duration, Duration)> {
    let began = SystemTime::now().duration_since(UNIX_EPOCH)?;
    succeed(
        lab.step(step, sandbox)
            .env("connection", "off")
            .env("api_key_path", lab.path("project/AuthKey_SBXKEY1234.p8"))
            .env("api_issuer", "00000000-5a5a-4b4b-8c8c-000000000001")
            .env("lane", "beta")
            .env("update_fastlane", "false")
            .env("enable_cache", "no")
            .env("ipa_path", lab.path("project/App.ipa"))
            .env("bundle_id", "com.example.courier")
            .env("fastlane_version", "")
            .env("gemfile_path", ""),
    )?;
    let since = |path: &Path| -> anyhow::Result<Duration> {
        let text = std::fs::read_to_string(path)?;
        let time = Duration::from_nanos(text.trim().parse().context("no time")?);
        Ok(time.saturating_sub(began))
    };
    Ok((
        since(&lab.path("tools/shown"))?,
        since(&lab.path("tools/started"))?,
    ))
}
