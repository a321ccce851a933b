//! `apple-sandbox serve`: what it prints, and that clients which know Apple's host names alone get to it over TLS. The
//! client is curl, which is not ours.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_apple-sandbox");

/// A sandbox of its own process, which ends with the test.
struct Served {
    child: Child,
    /// Standard output: for scripts.
    variables: String,
    /// Standard error: for people.
    words: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(directory: &Path, arguments: &[&str]) -> Served {
    let mut child = Command::new(BINARY)
        .arg("serve")
        .args(arguments)
        .current_dir(directory)
        .env("TMPDIR", directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = String::new();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    while !words.contains("until it is interrupted") {
        assert!(errors.read_line(&mut words).unwrap() > 0, "it ended: {words}");
    }
    let mut variables = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    while !variables.contains("BITRISE_CERTIFICATE_PASSPHRASE") {
        output.read_line(&mut variables).unwrap();
    }
    if arguments.contains(&"--tools") {
        while !variables.contains("export PATH=") {
            output.read_line(&mut variables).unwrap();
        }
    }
    Served {
        child,
        variables,
        words,
    }
}

/// The words after a label of standard error.
fn after<'a>(served: &'a Served, label: &str) -> &'a str {
    let line = served.words.lines().find(|line| line.starts_with(label)).unwrap();
    line.strip_prefix(label).unwrap().trim()
}

fn shell(line: &str, directory: &Path) -> (bool, String) {
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(directory)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), text)
}

#[test]
fn serve_works_twice_on_one_folder_and_prints_absolute_paths() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let served = serve(folder.path(), &["--tools", "lab"]);
        let lines: Vec<&str> = served.variables.lines().collect();
        assert!(
            lines.iter().all(|line| line.starts_with("export ")),
            "{}",
            served.variables
        );
        let lab = folder.path().canonicalize().unwrap().join("lab");
        assert!(
            served
                .variables
                .contains(&format!("export SANDBOX_TOOLS_DIR='{}'", lab.display())),
            "{}",
            served.variables
        );
        let (worked, text) = shell(
            &format!(
                "{}\ncd / && security -h; sw_vers -productVersion",
                served.variables
            ),
            folder.path(),
        );
        assert!(worked && text.contains("15.1"), "{text}");
    }
}

#[test]
fn a_name_with_quotes_and_blanks_is_one_word_of_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    let served = serve(folder.path(), &["--tools", "it's a lab"]);
    let (worked, text) = shell(
        &format!("{}\nprintf '%s' \"$SANDBOX_TOOLS_DIR\"", served.variables),
        folder.path(),
    );
    assert!(worked && text.ends_with("/it's a lab"), "{text}");
}

#[test]
#[cfg_attr(no_curl, ignore = "curl is not installed")]
fn the_lines_for_curl_work_as_they_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&[][..], 1),
        (&["--tls", "--proxy", "--ca", "ca.pem"], 2),
        (&["--tls"], 2),
        (&["--proxy"], 2),
    ] {
        let served = serve(folder.path(), arguments);
        let lines: Vec<&str> = served
            .words
            .lines()
            .filter(|line| line.starts_with("curl "))
            .collect();
        assert_eq!(lines.len(), expected, "{}", served.words);
        for line in lines {
            let (worked, text) = shell(&format!("{line} -sS --fail"), folder.path());
            assert!(worked && text.contains("\"data\""), "{line}\n{text}");
        }
    }
}

#[test]
#[cfg_attr(no_curl, ignore = "curl is not installed")]
fn apples_hosts_are_answered_over_tls_by_a_ca_whose_key_is_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let served = serve(folder.path(), &["--tls", "--proxy", "--ca", "ca.pem"]);
    let proxy = after(&served, "the proxy:");
    let port = after(&served, "TLS:").rsplit(':').next().unwrap().to_owned();
    for host in [
        "api.appstoreconnect.apple.com",
        "api.enterprise.developer.apple.com",
        "appstoreconnect.apple.com",
        "developer.apple.com",
        "developerservices2.apple.com",
        "idmsa.apple.com",
        "appleid.apple.com",
        "contentdelivery.itunes.apple.com",
        "some-other.apple.com",
    ] {
        for led in [
            format!("--proxy {proxy}"),
            format!("--connect-to ::127.0.0.1:{port}"),
            format!("--resolve {host}:{port}:127.0.0.1"),
        ] {
            let place = if led.starts_with("--resolve") {
                format!("{host}:{port}")
            } else {
                host.to_owned()
            };
            let (worked, text) = shell(
                &format!("curl -sS {led} --cacert ca.pem https://{place}/v1/apps"),
                folder.path(),
            );
            // Without a token: an answer of the sandbox's, over a connection that curl trusts. The Enterprise Program API
            // has no apps.
            let is_answered = text.contains("NOT_AUTHORIZED") || text.contains("sandbox.not_served");
            assert!(worked && is_answered, "{host} {led}: {text}");
        }
    }
    for (line, why) in [
        (
            format!("curl -sS --proxy {proxy} https://idmsa.apple.com/"),
            "certificate",
        ),
        (
            format!("curl -sS --proxy {proxy} --cacert ca.pem https://example.com/"),
            "403",
        ),
        (
            format!("curl -sS --fail --proxy {proxy} http://example.com/"),
            "403",
        ),
        (
            // The sandbox's own pages are for this machine's names alone.
            format!(
                "curl -sS --fail --proxy {proxy} --cacert ca.pem https://developer.apple.com/_sandbox/state"
            ),
            "403",
        ),
    ] {
        let (worked, text) = shell(&line, folder.path());
        assert!(!worked && text.contains(why), "{line}\n{text}");
    }
    let ca = folder.path().join("ca.pem");
    assert_eq!(ca.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        let path = entry.path();
        if path.is_file() {
            let mut text = Vec::new();
            std::fs::File::open(&path)
                .unwrap()
                .read_to_end(&mut text)
                .unwrap();
            assert!(
                !String::from_utf8_lossy(&text).contains("PRIVATE KEY"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
#[cfg_attr(no_curl, ignore = "curl is not installed")]
fn links_lead_to_the_name_that_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let served = serve(folder.path(), &["--proxy", "--ca", "ca.pem"]);
    let url = served
        .variables
        .lines()
        .find_map(|line| line.strip_prefix("export APP_STORE_CONNECT_URL='"))
        .and_then(|rest| rest.strip_suffix('\''))
        .unwrap()
        .to_owned();
    let token = format!("-H \"Authorization: Bearer $(curl -s {url}/_sandbox/token)\"");
    let proxy = after(&served, "the proxy:");
    for (line, start) in [
        (format!("curl -sS {token} {url}/v1/apps"), url.clone()),
        (
            format!("curl -sS {token} -H 'X-Forwarded-Proto: https' {url}/v1/apps"),
            url.replace("http:", "https:"),
        ),
        (
            format!(
                "curl -sS {token} --proxy {proxy} --noproxy 127.0.0.1 --cacert ca.pem https://api.appstoreconnect.apple.com/v1/apps"
            ),
            "https://api.appstoreconnect.apple.com".to_owned(),
        ),
        (
            format!(
                "curl -sS --http1.1 {token} --proxy {proxy} --cacert ca.pem https://api.appstoreconnect.apple.com/v1/apps"
            ),
            "https://api.appstoreconnect.apple.com".to_owned(),
        ),
    ] {
        let (_, text) = shell(&line, folder.path());
        assert!(
            text.contains(&format!("\"self\":\"{start}/v1/apps\"")),
            "{line}\n{text}"
        );
    }
}

#[test]
fn a_ca_file_is_replaced_whole_and_never_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, mine) = (folder.path().join("ca.pem"), folder.path().join("mine"));
    std::fs::write(&mine, "keep me").unwrap();
    std::os::unix::fs::symlink(&mine, &ca).unwrap();
    let served = serve(folder.path(), &["--tls", "--ca", "ca.pem"]);
    assert!(served.words.contains("ca.pem"));
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "keep me");
    assert!(ca.symlink_metadata().unwrap().is_file());
}

#[test]
fn random_faults_are_off_unless_asked_for_and_the_same_for_one_seed() {
    let statuses = |arguments: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let served = serve(folder.path(), arguments);
        let port = served.variables.split("127.0.0.1:").nth(1).unwrap();
        let port: u16 = port.split(['/', '\'']).next().unwrap().parse().unwrap();
        (0..200)
            .map(|_| {
                let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
                write!(
                    stream,
                    "GET /services-account/x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
                )
                .unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer.split(' ').nth(1).unwrap().to_owned()
            })
            .collect::<Vec<_>>()
    };
    let off = statuses(&[]);
    assert!(off.iter().all(|status| *status == off[0]), "{off:?}");
    let (first, again, other) = (
        statuses(&["--random-faults", "3"]),
        statuses(&["--random-faults", "3"]),
        statuses(&["--random-faults", "4"]),
    );
    assert!(first == again && first != other);
    assert!(first.contains(&"429".to_owned()), "{first:?}");
    assert!(
        statuses(&["--random-faults"])
            .iter()
            .any(|status| *status != off[0])
    );
}
