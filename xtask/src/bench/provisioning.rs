//! auto-provision-asc for projects of many targets, on a cold and on a warm portal, near and far; and a warm run beside the
//! programs of a Mac.

use std::path::Path;

use anyhow::{Context as _, ensure};
use apple_sandbox::{Sandbox, Seed, SeedDevice};

use super::{Binaries, Lab, Taken, middle, millis, project, slow_down, timed, trips};

const STEP: &str = "step-auto-provision-asc";
const TARGETS: [usize; 4] = [1, 5, 20, 100];
const LATENCIES: [u64; 3] = [0, 20, 100];
const DEVICES: usize = 230;

/// How often the run with child processes is made.
const RUNS: usize = 25;

/// How many targets that run signs.
const TARGETS_WITH_TOOLS: usize = 5;

pub(super) fn bench(binaries: &Binaries) -> anyhow::Result<()> {
    let labs = binaries.labs(&[STEP])?;
    with_tools(&labs)?;
    labs.iter().try_for_each(Lab::without_tools)?;
    println!(
        "| targets | latency | portal | binaries | reads | writes | time | time / latency |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for targets in TARGETS {
        for latency in LATENCIES {
            for lab in &labs {
                let sandbox = Sandbox::start(&seed())?;
                slow_down(&sandbox, "/v1/", latency);
                let path = project::write(&lab.fresh_project()?, targets);
                for portal in ["cold", "warm"] {
                    let taken =
                        run(lab, &sandbox, &path).with_context(|| format!("{targets} targets, {portal}"))?;
                    println!(
                        "| {targets} | {latency} ms | {portal} | {} | {} | {} | {} | {} |",
                        lab.label,
                        taken.requests - taken.writes,
                        taken.writes,
                        millis(taken.whole),
                        trips(taken.whole, latency)
                    );
                }
            }
        }
    }
    println!(
        "\nad-hoc, {DEVICES} devices, no other programs; a round trip is one latency, so `time / latency` counts them, our own time included."
    );
    Ok(())
}

/// A warm run that finds `xcodebuild`, `security`, and `envman`, and the same without them: the difference is the time of
/// child processes.
fn with_tools(labs: &[Lab]) -> anyhow::Result<()> {
    println!("| programs | binaries | child processes | time |\n| --- | --- | --- | --- |");
    let mut places = Vec::new();
    for lab in labs {
        let sandbox = Sandbox::start(&seed())?;
        let path = project::write(&lab.fresh_project()?, TARGETS_WITH_TOOLS);
        let count = children(lab, &sandbox, &path)?;
        places.push((lab, sandbox, path, count));
    }
    for programs in ["those of a Mac", "none"] {
        let mut runs: Vec<Vec<Taken>> = labs.iter().map(|_| Vec::new()).collect();
        for _ in 0..RUNS {
            for ((lab, sandbox, path, _), runs) in places.iter().zip(&mut runs) {
                let mut command = step(lab, sandbox, path);
                if programs == "none" {
                    command.env("PATH", "/usr/bin:/bin");
                }
                lab.without_profiles()?;
                runs.push(timed(sandbox, command, "/v1/")?);
            }
        }
        for ((lab, _, _, count), runs) in places.iter().zip(&runs) {
            let count = if programs == "none" { 0 } else { *count };
            println!(
                "| {programs} | {} | {count} | {} |",
                lab.label,
                millis(middle(runs)?.whole)
            );
        }
    }
    println!("\n{TARGETS_WITH_TOOLS} targets, medians of {RUNS} warm runs without latency.\n");
    Ok(())
}

/// How many child processes a warm run starts, as its verbose log says them; the first run fills the portal.
fn children(lab: &Lab, sandbox: &Sandbox, path: &Path) -> anyhow::Result<usize> {
    run(lab, sandbox, path)?;
    lab.without_profiles()?;
    let output = step(lab, sandbox, path).env("verbose_log", "yes").output()?;
    ensure!(output.status.success(), "the step ended with {}", output.status);
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(log.lines().filter(|line| line.contains("$ ")).count())
}

fn seed() -> Seed {
    Seed {
        devices: (0..DEVICES)
            .map(|index| SeedDevice {
                name: format!("Device {index}"),
                udid: format!("00008110-{index:016X}"),
                device_class: "IPHONE".to_owned(),
                status: "ENABLED".to_owned(),
            })
            .collect(),
        device_limit: 300,
        test_devices: Vec::new(),
        ..Seed::default()
    }
}

fn step(lab: &Lab, sandbox: &Sandbox, path: &Path) -> std::process::Command {
    let mut command = lab.step(STEP, sandbox);
    command
        .env("project_path", path)
        .env("scheme", "Bench")
        .env("distribution_type", "ad-hoc");
    command
}

fn run(lab: &Lab, sandbox: &Sandbox, path: &Path) -> anyhow::Result<Taken> {
    lab.without_profiles()?;
    timed(sandbox, step(lab, sandbox, path), "/v1/")
}
