//! auto-provision-apple-id: how long until it asks the portal for the first time, and what a warm run asks.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use apple_sandbox::{Fault, Kind, Sandbox, Seed};

use super::{Lab, median, millis, project, succeed};

const STEP: &str = "step-auto-provision-apple-id";
const RUNS: usize = 15;
const LATENCIES: [u64; 3] = [0, 20, 100];
const TARGETS: [usize; 2] = [1, 20];

pub(super) fn bench() -> anyhow::Result<()> {
    let lab = Lab::new(&[STEP])?;
    // The time of other programs is not ours: a machine without them.
    std::fs::remove_dir_all(lab.path("tools/bin"))?;
    println!(
        "| targets | latency | requests to the portal | until the first of them | whole warm run | time / latency |\n| --- | --- | --- | --- | --- | --- |"
    );
    for targets in TARGETS {
        let folder = lab.path("project");
        std::fs::remove_dir_all(&folder)?;
        std::fs::create_dir(&folder)?;
        let path = project::write(&folder, targets);
        for latency in LATENCIES {
            let sandbox = Sandbox::start(&Seed::default())?;
            run(&lab, &sandbox, &path)?;
            if latency > 0 {
                sandbox.fail(Fault::always(
                    "/services-account/",
                    Kind::Latency {
                        milliseconds: latency,
                    },
                ));
            }
            let (mut firsts, mut wholes, mut requests) = (Vec::new(), Vec::new(), 0);
            for _ in 0..RUNS {
                let (first, whole, asked) = run(&lab, &sandbox, &path)?;
                firsts.push(first);
                wholes.push(whole);
                requests = asked;
            }
            let whole = median(wholes);
            let trips = if latency == 0 {
                "–".to_owned()
            } else {
                let ratio = whole.as_secs_f64() / Duration::from_millis(latency).as_secs_f64();
                format!("{ratio:.1}")
            };
            println!(
                "| {targets} | {latency} ms | {requests} | {} | {} | {trips} |",
                millis(median(firsts).saturating_sub(Duration::from_millis(latency))),
                millis(whole)
            );
        }
    }
    println!(
        "\ndevelopment, by a connected session that holds; medians of {RUNS} runs. The first request is preceded by one to Bitrise. A round trip is one latency, so `time / latency` counts them, our own time included."
    );
    Ok(())
}

/// A run: the time until the portal is asked, the time of the whole, and how often it was asked.
fn run(lab: &Lab, sandbox: &Sandbox, path: &std::path::Path) -> anyhow::Result<(Duration, Duration, usize)> {
    // What is installed would be used without asking the portal.
    let installed = lab.path("home/Library");
    std::fs::remove_dir_all(&installed)?;
    std::fs::create_dir_all(installed.join("Keychains"))?;
    sandbox.state().requests.clear();
    let mut command = lab.step(STEP, sandbox);
    command.env("project_path", path).env("scheme", "Bench");
    let began = Instant::now();
    let watch = || {
        loop {
            let is_asked = sandbox
                .state()
                .requests
                .iter()
                .any(|request| request.path.starts_with("/services-account/"));
            if is_asked || began.elapsed() > Duration::from_secs(20) {
                return began.elapsed();
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    };
    let (first, ended) = std::thread::scope(|scope| {
        let first = scope.spawn(watch);
        let ended = succeed(&mut command);
        (first.join(), ended)
    });
    ended?;
    let whole = began.elapsed();
    let first = first.ok().context("the watch ended early")?;
    let state = sandbox.state();
    let asked = state
        .requests
        .iter()
        .filter(|request| request.path.starts_with("/services-account/"));
    Ok((first, whole, asked.count()))
}
