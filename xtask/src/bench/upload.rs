//! The native upload beside `curl -T`: throughput and memory.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use apple_sandbox::{Sandbox, Seed};

use super::{Lab, exists, median};

const RUNS: usize = 3;

pub(super) fn bench(megabytes: u64) -> anyhow::Result<()> {
    let lab = Lab::new(&["step-application-loader"])?;
    let package = lab.path("project/App.ipa");
    write_noise(&package, megabytes << 20)?;
    let sink = sink()?;
    let (mut ours, mut theirs, mut peak) = (Vec::new(), Vec::new(), 0);
    for run in 0..RUNS {
        theirs.push(curl(&package, &sink)?);
        let (time, memory) = native(&lab, &package, run)?;
        ours.push(time);
        peak = peak.max(memory);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let rate = |time: Duration| format!("{:.0} MB/s", (megabytes << 20) as f64 / 1e6 / time.as_secs_f64());
    println!("| what | time | throughput |\n| --- | --- | --- |");
    println!(
        "| curl -T to a plain sink | {:.2} s | {} |",
        theirs.as_secs_f64(),
        rate(theirs)
    );
    println!(
        "| native upload to the sandbox | {:.2} s | {} |",
        ours.as_secs_f64(),
        rate(ours)
    );
    println!(
        "\n{megabytes} MB, medians of {RUNS} runs; ratio {:.2}; peak memory of the step {} MB",
        theirs.as_secs_f64() / ours.as_secs_f64(),
        peak / 1024
    );
    Ok(())
}

fn write_noise(path: &Path, size: u64) -> anyhow::Result<()> {
    let mut noise = std::fs::File::open("/dev/urandom")?.take(1 << 20);
    let mut chunk = Vec::new();
    noise.read_to_end(&mut chunk)?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for _ in 0..size >> 20 {
        file.write_all(&chunk)?;
    }
    Ok(file.flush()?)
}

/// Takes whatever is sent to it; its URL.
fn sink() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away in the middle is the next run's to notice.
            let _ = swallow(stream);
        }
    });
    Ok(url)
}

fn swallow(stream: std::net::TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 18, stream);
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if lower.starts_with("expect:") {
            reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn curl(package: &Path, url: &str) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let status = Command::new("curl")
        .args(["-sS", "-T"])
        .arg(package)
        .arg(url)
        .status()
        .context("curl can't be run")?;
    if !status.success() {
        bail!("curl failed");
    }
    Ok(began.elapsed())
}

/// The time of a run, and its peak memory in kilobytes.
fn native(lab: &Lab, package: &Path, run: usize) -> anyhow::Result<(Duration, u64)> {
    exists(package)?;
    let sandbox = Sandbox::start(&Seed {
        keep_uploads: false,
        ..Seed::default()
    })?;
    let began = Instant::now();
    let mut child = lab
        .step("step-application-loader", &sandbox)
        .env("uploader", "native")
        .env("ipa_path", package)
        .env("bundle_id", "com.example.courier")
        .env("bundle_version", (run + 1).to_string())
        .env("bundle_short_version_string", "1.0")
        .env("platform", "ios")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut peak = 0;
    let status = loop {
        if let Ok(text) = std::fs::read_to_string(format!("/proc/{}/status", child.id())) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(kilobytes.unwrap_or(0));
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let elapsed = began.elapsed();
    if !status.success() {
        bail!("the upload failed");
    }
    Ok((elapsed, peak))
}
