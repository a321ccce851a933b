//! auto-provision-apple-id: how long until it asks the portal for the first time, and what a warm run asks.

use std::path::Path;
use std::time::Duration;

use apple_sandbox::{Sandbox, Seed};

use super::{Binaries, Lab, Taken, middle, millis, project, slow_down, timed, trips};

const STEP: &str = "step-auto-provision-apple-id";
const RUNS: usize = 15;
const LATENCIES: [u64; 3] = [0, 20, 100];
const TARGETS: [usize; 2] = [1, 20];

/// What the portal is asked by.
const PORTAL: &str = "/services-account/";

pub(super) fn bench(binaries: &Binaries) -> anyhow::Result<()> {
    let labs = binaries.labs(&[STEP])?;
    labs.iter().try_for_each(Lab::without_tools)?;
    println!(
        "| targets | latency | binaries | requests to the portal | until the first of them | whole warm run | time / latency |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for targets in TARGETS {
        for latency in LATENCIES {
            measure(&labs, targets, latency)?;
        }
    }
    println!(
        "\ndevelopment, by a connected session that holds; medians of {RUNS} runs. The first request is preceded by one to Bitrise. A round trip is one latency, so `time / latency` counts them, our own time included."
    );
    Ok(())
}

fn measure(labs: &[Lab], targets: usize, latency: u64) -> anyhow::Result<()> {
    let mut places = Vec::new();
    for lab in labs {
        let path = project::write(&lab.fresh_project()?, targets);
        let sandbox = Sandbox::start(&Seed::default())?;
        run(lab, &sandbox, &path)?;
        slow_down(&sandbox, PORTAL, latency);
        places.push((lab, sandbox, path, Vec::new()));
    }
    for _ in 0..RUNS {
        for (lab, sandbox, path, runs) in &mut places {
            runs.push(run(lab, sandbox, path)?);
        }
    }
    for (lab, _, _, runs) in &places {
        let taken = middle(runs)?;
        println!(
            "| {targets} | {latency} ms | {} | {} | {} | {} | {} |",
            lab.label,
            taken.requests,
            millis(taken.first.saturating_sub(Duration::from_millis(latency))),
            millis(taken.whole),
            trips(taken.whole, latency)
        );
    }
    Ok(())
}

fn run(lab: &Lab, sandbox: &Sandbox, path: &Path) -> anyhow::Result<Taken> {
    lab.without_profiles()?;
    let mut command = lab.step(STEP, sandbox);
    command.env("project_path", path).env("scheme", "Bench");
    timed(sandbox, command, PORTAL)
}
