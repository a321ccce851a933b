//! auto-provision-asc for projects of many targets, on a cold and on a warm portal, near and far.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use apple_sandbox::{Fault, Kind, Sandbox, Seed, SeedDevice};

use super::{Lab, millis, project, succeed};

const TARGETS: [usize; 4] = [1, 5, 20, 100];
const LATENCIES: [u64; 3] = [0, 20, 100];
const DEVICES: usize = 230;

pub(super) fn bench() -> anyhow::Result<()> {
    let lab = Lab::new(&["step-auto-provision-asc"])?;
    // The time of other programs is not ours: a machine without them.
    std::fs::remove_dir_all(lab.path("tools/bin"))?;
    println!(
        "| targets | latency | portal | reads | writes | time | time / latency |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for targets in TARGETS {
        for latency in LATENCIES {
            let sandbox = Sandbox::start(&seed())?;
            if latency > 0 {
                sandbox.fail(Fault::always(
                    "/v1/",
                    Kind::Latency {
                        milliseconds: latency,
                    },
                ));
            }
            for portal in ["cold", "warm"] {
                measure(&lab, &sandbox, targets, latency, portal)?;
            }
        }
    }
    println!(
        "\nad-hoc, {DEVICES} devices; a round trip is one latency, so `time / latency` counts them, our own time included."
    );
    Ok(())
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

fn measure(lab: &Lab, sandbox: &Sandbox, targets: usize, latency: u64, portal: &str) -> anyhow::Result<()> {
    let folder = lab.path("project");
    std::fs::remove_dir_all(&folder)?;
    std::fs::create_dir(&folder)?;
    // What is installed would be used without asking the portal.
    let installed = lab.path("home/Library");
    std::fs::remove_dir_all(&installed)?;
    std::fs::create_dir_all(installed.join("Keychains"))?;
    let path = project::write(&folder, targets);
    sandbox.state().requests.clear();
    let began = Instant::now();
    succeed(
        lab.step("step-auto-provision-asc", sandbox)
            .env("project_path", &path)
            .env("scheme", "Bench")
            .env("distribution_type", "ad-hoc"),
    )
    .with_context(|| format!("{targets} targets, {portal}"))?;
    let time = began.elapsed();
    let state = sandbox.state();
    let asked = state
        .requests
        .iter()
        .filter(|request| request.path.starts_with("/v1/"));
    let (reads, writes): (Vec<_>, Vec<_>) = asked.partition(|request| request.method == "GET");
    let trips = if latency == 0 {
        "–".to_owned()
    } else {
        format!(
            "{:.1}",
            time.as_secs_f64() / Duration::from_millis(latency).as_secs_f64()
        )
    };
    println!(
        "| {targets} | {latency} ms | {portal} | {} | {} | {} | {trips} |",
        reads.len(),
        writes.len(),
        millis(time)
    );
    Ok(())
}
