//! Runs with limits, and servers that lie.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apple_sandbox::{Sandbox, Seed};
use e2e::Machine;

pub const ASC: &str = "step-auto-provision-asc";
pub const APPLE_ID: &str = "step-auto-provision-apple-id";
pub const FASTLANE: &str = "step-fastlane";
pub const DELIVER: &str = "step-deliver";
pub const LOADER: &str = "step-application-loader";
/// The folders of the steps, and their binaries.
pub const STEPS: [(&str, &str); 5] = [
    ("auto-provision-asc", ASC),
    ("auto-provision-apple-id", APPLE_ID),
    ("fastlane", FASTLANE),
    ("deliver", DELIVER),
    ("application-loader", LOADER),
];
pub const APP_STORE: &[(&str, &str)] = &[("distribution_type", "app-store")];

/// No run of these attacks needs longer.
const TIME: Duration = Duration::from_secs(120);

/// No run needs more memory, in MB.
const MEMORY: u64 = 600;

thread_local! {
    /// The most memory that a step of this thread's attack took, in MB.
    static PEAK: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Begins an attack on this thread.
pub fn begin() {
    PEAK.set(0);
}

/// The most memory that a step of this thread's attack took, in MB.
pub fn peak() -> u64 {
    PEAK.get()
}

pub fn sandbox() -> Sandbox {
    Sandbox::start(&Seed::default()).unwrap()
}

/// A machine that leaves its reports where [`Ran`] finds them.
pub fn machine() -> Machine {
    let mut machine = Machine::new();
    let (summary, report) = (machine.path("out/summary.md"), machine.path("report"));
    std::fs::create_dir_all(machine.path("out")).unwrap();
    machine.set(
        "BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH",
        &summary.display().to_string(),
    );
    machine.set("BITRISE_HTML_REPORT_DIR", &report.display().to_string());
    machine
}

/// A run that is over.
pub struct Ran {
    pub status: Option<i32>,
    /// What it printed.
    pub text: String,
    /// What its reports show, with character references resolved.
    pub pages: String,
}

/// Runs a step within limits of time and memory: to exceed one fails the attack, and so does a crash.
pub fn run(machine: &Machine, step: &str, inputs: &[(&str, &str)]) -> Ran {
    let mut child = machine.start(step, inputs);
    let mut out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = out.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let (started, mut peak) = (Instant::now(), 0);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        peak = peak.max(memory_of(child.id()));
        if started.elapsed() > TIME || peak > MEMORY {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!(
                "stopped after {:?} with {peak} MB:\n{}",
                started.elapsed(),
                reader.join().unwrap()
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    PEAK.set(PEAK.get().max(peak));
    let text = reader.join().unwrap();
    let crashed = matches!(status.code(), None | Some(70 | 101 | 134 | 139)) || text.contains("panicked at");
    assert!(!crashed, "crashed with {status}:\n{text}");
    let mut pages = String::new();
    for path in e2e::files(&machine.path("report"))
        .into_iter()
        .chain(e2e::files(&machine.path("out")))
    {
        pages.push_str(&unescaped(&String::from_utf8_lossy(
            &std::fs::read(path).unwrap(),
        )));
    }
    Ran {
        status: status.code(),
        text,
        pages,
    }
}

/// The most memory that a process has taken, in MB (Linux; elsewhere it is not measured).
fn memory_of(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

fn unescaped(html: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(html.to_owned(), |text, (escaped, plain)| {
        text.replace(escaped, plain)
    })
}

impl Ran {
    /// The same, if it failed as a step should.
    pub fn failed(self) -> Self {
        assert!(
            matches!(self.status, Some(1 | 2)),
            "ended with {:?}:\n{}",
            self.status,
            self.text
        );
        self
    }

    /// The same, if it said each of the words.
    pub fn said(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.text.contains(word), "`{word}` was not said:\n{}", self.text);
        }
        self
    }

    /// The same, if none of the secrets is in its log or its reports.
    pub fn kept(self, secrets: &[String]) -> Self {
        for secret in secrets {
            assert!(
                !self.text.contains(secret.as_str()),
                "`{secret}` was printed:\n{}",
                self.text
            );
            assert!(
                !self.pages.contains(secret.as_str()),
                "`{secret}` is in a report:\n{}",
                self.pages
            );
        }
        self
    }

    /// The last bold red block, which Bitrise shows as the build's failure reason.
    pub fn last_block(&self) -> &str {
        let (_, block) = self.text.rsplit_once("\x1b[31;1m").unwrap_or_default();
        block.split("\x1b[0m").next().unwrap_or_default()
    }
}

/// What makes a stand-in for fastlane answer `--version`, and then do more.
pub fn fastlane(script: &str) -> String {
    format!("[ \"$1\" = --version ] && {{ echo 'fastlane 2.230.0'; exit 0; }}\n{script}")
}

/// The inputs of a lane without an account.
pub fn lane() -> Vec<(&'static str, &'static str)> {
    vec![
        ("lane", "beta"),
        ("connection", "off"),
        ("update_fastlane", "false"),
        ("enable_cache", "no"),
    ]
}

/// The inputs of a step's manifest: key, whether it is sensitive, and the least number where it is one.
pub fn manifest(step: &str) -> Vec<(String, bool, Option<i64>)> {
    let path = e2e::repository().join("steps").join(step).join("step.yml");
    let document = step_yaml::read(&std::fs::read_to_string(path).unwrap()).unwrap();
    let inputs = document.get("inputs").unwrap().items().iter();
    let read = inputs.map(|input| {
        let (key, _) = input
            .as_mapping()
            .unwrap()
            .iter()
            .find(|(key, _)| *key != "opts")
            .unwrap();
        let opts = input.get("opts").unwrap();
        let sensitive = opts.get("is_sensitive").and_then(step_yaml::Value::as_bool) == Some(true);
        let own = opts.get("meta").and_then(|meta| meta.get("apple-steps"));
        let least = own
            .and_then(|own| own.get("at_least"))
            .and_then(step_yaml::Value::as_i64);
        (key.to_owned(), sensitive, least)
    });
    read.collect()
}

/// A request that a server of ours got.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Such as `GET /path`.
    pub line: String,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn everything(&self) -> String {
        format!(
            "{}\n{}\n{}",
            self.line,
            self.headers.join("\n"),
            String::from_utf8_lossy(&self.body)
        )
    }
}

/// A proxy before a sandbox that lies where `lie` writes an answer itself, and returns `true`.
pub struct Liar {
    pub url: String,
    pub heard: Arc<Mutex<Vec<Heard>>>,
}

impl Liar {
    pub fn new(sandbox: &str, lie: impl Fn(&Heard, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (shared, lie, behind) = (Arc::clone(&heard), Arc::new(lie), sandbox.replace("http://", ""));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, lie, behind) = (Arc::clone(&shared), Arc::clone(&lie), behind.clone());
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let Some(request) = read(&stream) else { return };
                    shared.lock().unwrap().push(request.clone());
                    if !lie(&request, &mut stream) {
                        let _ = stream.write_all(&forwarded(&behind, &request));
                    }
                });
            }
        });
        Self { url, heard }
    }

    /// A machine that meets the proxy in the place of the sandbox.
    pub fn machine(&self, sandbox: &Sandbox) -> Machine {
        let mut machine = machine();
        for (key, value) in sandbox.environment() {
            machine.set(&key, &value.replace(&sandbox.url(), &self.url));
        }
        machine
    }

    pub fn count(&self, line: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .filter(|request| request.line.starts_with(line))
            .count()
    }
}

fn read(stream: &TcpStream) -> Option<Heard> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.trim().rsplit_once(' ')?.0.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        headers.push(header.trim().to_owned());
    }
    let length = headers.iter().find_map(|header| {
        header
            .to_lowercase()
            .strip_prefix("content-length:")?
            .trim()
            .parse()
            .ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Heard { line, headers, body })
}

/// What the sandbox would have answered.
fn forwarded(address: &str, request: &Heard) -> Vec<u8> {
    let mut head = format!(
        "{} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n",
        request.line
    );
    for header in &request.headers {
        let name = header.split(':').next().unwrap_or_default().to_lowercase();
        if !["host", "connection", "accept-encoding"].contains(&name.as_str()) {
            let _ = write!(head, "{header}\r\n");
        }
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream.write_all(&request.body).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// A whole answer.
pub fn answer(status: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    headers.iter().for_each(|header| {
        let _ = write!(text, "{header}\r\n");
    });
    format!("{text}\r\n{body}").into_bytes()
}

/// Answers without end.
pub fn endless(stream: &mut TcpStream, kind: &str, text: &str) {
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let piece = text.repeat(65536 / text.len());
    while write!(stream, "{:x}\r\n{piece}\r\n", piece.len()).is_ok() {}
}
