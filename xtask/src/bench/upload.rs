//! The native upload beside `curl -T` and `openssl dgst -sha256`, on the same file in one run.
//!
//! curl and the step send to the same minimal sink. The step's parts go there because a minimal App Store Connect tells it so:
//! the sandbox's storage writes and hashes what arrives, which would be measured as well.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use apple_sandbox::{Sandbox, Seed};
use serde_json::{Value, json};

use super::{Binaries, Lab, median};
use crate::sample;

const RUNS: usize = 5;

/// The size of a part, in bytes.
const PART: u64 = 64 << 20;

pub(super) fn bench(megabytes: u64, binaries: &Binaries) -> anyhow::Result<()> {
    let labs = binaries.labs(&["step-application-loader"])?;
    let package = labs
        .first()
        .context("there are no binaries")?
        .path("project/App.ipa");
    let size = write_package(&package, megabytes)?;
    let server = serve(size)?;
    let sandbox = Sandbox::start(&Seed::default())?;
    let (mut theirs, mut hashing) = (Vec::new(), Vec::new());
    let mut ours: Vec<Vec<Native>> = labs.iter().map(|_| Vec::new()).collect();
    for _ in 0..RUNS {
        theirs.push(timed(
            Command::new("curl")
                .args(["-sS", "-T"])
                .arg(&package)
                .arg(format!("{server}/sink")),
        )?);
        hashing.push(timed(
            Command::new("openssl").args(["dgst", "-sha256"]).arg(&package),
        )?);
        for (lab, runs) in labs.iter().zip(&mut ours) {
            runs.push(native(lab, &package, &sandbox, &server)?);
        }
    }
    let theirs = median(theirs);
    let mut rows = vec![
        ("curl -T".to_owned(), theirs),
        ("openssl dgst -sha256".to_owned(), median(hashing)),
    ];
    for (lab, runs) in labs.iter().zip(&ours) {
        let sending = median(runs.iter().map(|run| run.sending).collect());
        let whole = median(runs.iter().map(|run| run.whole).collect());
        rows.push((
            format!("native upload, {}: parts and checksum", lab.label),
            sending,
        ));
        rows.push((format!("native upload, {}: the whole step", lab.label), whole));
    }
    println!("| what | time | throughput | of curl's |\n| --- | --- | --- | --- |");
    for (what, time) in rows {
        println!(
            "| {what} | {:.2} s | {:.0} MB/s | {:.2} |",
            time.as_secs_f64(),
            size as f64 / 1e6 / time.as_secs_f64(),
            theirs.as_secs_f64() / time.as_secs_f64()
        );
    }
    let peak = ours.iter().flatten().map(|run| run.peak).max().unwrap_or(0);
    println!(
        "\n{megabytes} MiB, medians of {RUNS} runs; peak memory of the step {} MB",
        peak / 1024
    );
    Ok(())
}

/// An `.ipa` of so many mebibytes that don't compress; its size in bytes.
fn write_package(path: &Path, mebibytes: u64) -> anyhow::Result<u64> {
    let mut noise = std::fs::File::open("/dev/urandom")?.take(1 << 20);
    let mut chunk = Vec::new();
    noise.read_to_end(&mut chunk)?;
    let stored = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .large_file(mebibytes >= 4096);
    let mut archive = sample::begin_package(path)?;
    archive.start_file("Payload/Courier.app/Assets.car", stored)?;
    for _ in 0..mebibytes {
        archive.write_all(&chunk)?;
    }
    archive.finish()?;
    Ok(path.metadata()?.len())
}

fn timed(command: &mut Command) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let status = command.stdout(Stdio::null()).status();
    if !status
        .with_context(|| format!("{command:?} can't be run"))?
        .success()
    {
        bail!("{command:?} failed");
    }
    Ok(began.elapsed())
}

/// A sink, and as much of App Store Connect as an upload of a file of this size needs; its URL.
fn serve(size: u64) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let base = url.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let base = base.clone();
            // A client that goes away in the middle is the next run's to notice.
            std::thread::spawn(move || while let Ok(true) = answer(&stream, &base, size) {});
        }
    });
    Ok(url)
}

/// Answers one request; whether another one may follow.
fn answer(mut stream: &TcpStream, base: &str, size: u64) -> std::io::Result<bool> {
    let mut reader = BufReader::with_capacity(1 << 18, stream);
    let (mut request, mut length) = (String::new(), 0);
    if reader.read_line(&mut request)? == 0 {
        return Ok(false);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if lower.starts_with("expect:") {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
    let document = document(&request, base, size);
    let body = document.map_or_else(String::new, |document| document.to_string());
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    Ok(true)
}

/// What App Store Connect answers; nothing for the sink.
fn document(request: &str, base: &str, size: u64) -> Option<Value> {
    let mut words = request.split([' ', '?']);
    let (method, path) = (words.next()?, words.next()?);
    let state = |state: &str| json!({"state": state, "errors": [], "warnings": []});
    let file = |delivery: &str| {
        let parts = (0..size.div_ceil(PART)).map(|part| {
            let offset = part * PART;
            json!({"method": "PUT", "url": format!("{base}/sink"), "offset": offset, "length": PART.min(size - offset), "requestHeaders": []})
        });
        json!({"type": "buildUploadFiles", "id": "F1", "attributes": {
            "assetDeliveryState": state(delivery), "assetType": "ASSET", "fileSize": size,
            "uploadOperations": parts.collect::<Vec<_>>(),
        }})
    };
    let upload =
        json!({"type": "buildUploads", "id": "U1", "attributes": {"state": state("AWAITING_UPLOAD")}});
    let data = match (method, path) {
        (_, "/sink") => return None,
        ("GET", "/v1/apps") => {
            json!([{"type": "apps", "id": "1", "attributes": {"name": "Courier", "bundleId": "com.example.courier"}}])
        }
        ("POST", "/v1/buildUploads") | ("GET", "/v1/buildUploads/U1") => upload,
        ("POST", "/v1/buildUploadFiles") => file("AWAITING_UPLOAD"),
        ("PATCH" | "GET", "/v1/buildUploadFiles/F1") => file("UPLOAD_COMPLETE"),
        _ => json!([]),
    };
    Some(json!({"data": data, "links": {"self": base}}))
}

/// What a run took.
struct Native {
    whole: Duration,
    /// From the first part to the last, the checksum included, as the step says it.
    sending: Duration,
    /// In kilobytes.
    peak: u64,
}

fn native(lab: &Lab, package: &Path, sandbox: &Sandbox, server: &str) -> anyhow::Result<Native> {
    let began = Instant::now();
    let mut child = lab
        .step("step-application-loader", sandbox)
        .env("APP_STORE_CONNECT_URL", server)
        .env("uploader", "native")
        .env("ipa_path", package)
        .env("bundle_id", "com.example.courier")
        .env("bundle_version", "1")
        .env("bundle_short_version_string", "1.0")
        .env("platform", "ios")
        .stdout(Stdio::piped())
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
        std::thread::sleep(Duration::from_millis(5));
    };
    let whole = began.elapsed();
    let mut log = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut log)?;
    }
    if !status.success() {
        bail!("the upload failed:\n{log}");
    }
    let sent = log.lines().find_map(|line| line.trim().strip_prefix("sent: "));
    let seconds = sent.and_then(|sent| sent.split(" in ").nth(1)?.split(' ').next()?.parse().ok());
    Ok(Native {
        whole,
        sending: Duration::from_secs_f64(seconds.context("the step did not say how long it sent")?),
        peak,
    })
}
