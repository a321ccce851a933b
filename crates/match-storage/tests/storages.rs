//! Storages as fastlane makes them: real keys and certificates, encrypted by a real fastlane and by OpenSSL.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]
#![cfg_attr(
    no_openssl,
    allow(dead_code, unused_imports, reason = "the tests need openssl")
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use command::Runner;
use match_storage::{CertificateType, Error, Found, Location, Request};
use redaction::Redactor;
use secrecy::SecretString;

const PASSWORD: &str = "correct horse: #1 'battery' staple";

const BOTH: [CertificateType; 2] = [CertificateType::Distribution, CertificateType::Development];

/// A directory that becomes a storage.
struct Storage {
    folder: tempfile::TempDir,
}

impl Storage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("storage")).unwrap();
        std::fs::create_dir(folder.path().join("private")).unwrap();
        Self { folder }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    fn private(&self) -> PathBuf {
        self.folder.path().join("private")
    }

    /// A certificate and its key as `cert`, which match calls, leaves them: DER, and an RSA key in PEM named `.p12`.
    fn certificate(&self, directory: &str, id: &str, common_name: &str) -> &Self {
        let folder = self.root().join(directory);
        std::fs::create_dir_all(&folder).unwrap();
        let (key, certificate) = (folder.join(format!("{id}.p12")), folder.join(format!("{id}.cer")));
        run("openssl genrsa -traditional -out", &[&key]);
        let mut command =
            words("openssl req -new -x509 -days 300 -outform DER -addext basicConstraints=critical,CA:FALSE");
        command.args([
            "-subj",
            &format!("/CN={common_name}/OU=TEAM123456/O=Example GmbH/C=DE"),
        ]);
        finish(command.arg("-key").arg(&key).arg("-out").arg(&certificate));
        self
    }

    fn files(&self) -> Vec<PathBuf> {
        let all = walkdir::WalkDir::new(self.root()).into_iter().flatten();
        all.filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .filter(|path| path.extension().is_some_and(|end| end == "cer" || end == "p12"))
            .collect()
    }

    /// Encrypts everything with the OpenSSL of this machine, in the first format.
    fn encrypted_by_openssl(&self, digest: &str) -> &Self {
        for path in self.files() {
            let plain = path.with_extension("plain");
            std::fs::rename(&path, &plain).unwrap();
            let mut command = words("openssl enc -aes-256-cbc -a");
            command.args(["-md", digest, "-pass", &format!("pass:{PASSWORD}")]);
            finish(command.arg("-in").arg(&plain).arg("-out").arg(&path));
            std::fs::remove_file(plain).unwrap();
        }
        self
    }

    async fn read_at(&self, address: &str, password: Option<&str>) -> Result<Found, Error> {
        let runner =
            Runner::new(Redactor::default()).with_env([("PATH".into(), std::env::var_os("PATH").unwrap())]);
        let location = Location::parse(address).unwrap().unwrap();
        let outcome = match_storage::read(Request {
            location: &location,
            password: password.map(SecretString::from).as_ref(),
            types: &BOTH,
            directory: &self.private(),
            runner: &runner,
        })
        .await;
        assert_no_key_below(&self.private());
        outcome
    }

    async fn read(&self, password: Option<&str>) -> Result<Found, Error> {
        self.read_at(&format!("match+file://{}", self.root().display()), password)
            .await
    }

    async fn error(&self, options: &str, password: &str) -> String {
        let address = format!("match+file://{}{options}", self.root().display());
        self.read_at(&address, Some(password))
            .await
            .unwrap_err()
            .to_string()
    }
}

fn assert_no_key_below(folder: &Path) {
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten() {
        if entry.file_type().is_file() {
            let content = std::fs::read(entry.path()).unwrap();
            let text = String::from_utf8_lossy(&content);
            assert!(!text.contains("PRIVATE KEY"), "{}", entry.path().display());
        }
    }
}

fn words(line: &str) -> Command {
    let mut parts = line.split_whitespace();
    let mut command = Command::new(parts.next().unwrap());
    command.args(parts);
    command
}

fn finish(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
}

fn run(line: &str, paths: &[&Path]) {
    finish(words(line).args(paths));
}

fn names(found: &Found) -> Vec<&str> {
    found
        .identities
        .iter()
        .map(|identity| identity.certificate.common_name.as_str())
        .collect()
}

#[tokio::test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
async fn what_fastlane_2_146_1_encrypted_is_read() {
    let storage = Storage::new();
    storage
        .certificate(
            "certs/distribution",
            "7NWP3CB9BQ",
            "Apple Distribution: Example GmbH (TEAM123456)",
        )
        .certificate(
            "certs/development",
            "4HSA87H2VR",
            "Apple Development: Ada (ABCDE12345)",
        );
    let package = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../e2e/fastlane/node_modules/@expo/traveling-fastlane-linux/dist/lib");
    let script = "require 'fastlane'; require 'match'; raise Fastlane::VERSION unless Fastlane::VERSION == '2.146.1'; \
        files = Match::Encryption::OpenSSL.new(keychain_name: 'x', working_directory: ARGV[0]).encrypt_files; \
        raise files.inspect unless files.size == 4";
    let mut ruby = Command::new(package.join("ruby/bin/ruby"));
    ruby.args(["-W0", "-rbundler/setup", "-e", script])
        .arg(storage.root())
        .env("BUNDLE_GEMFILE", package.join("vendor/Gemfile"))
        .env("MATCH_PASSWORD", PASSWORD)
        .env("LANG", "C.UTF-8");
    finish(&mut ruby);
    let key = std::fs::read_to_string(storage.root().join("certs/distribution/7NWP3CB9BQ.p12")).unwrap();
    // The base64 of `Salted__`.
    assert!(key.starts_with("U2FsdGVkX1"), "{key}");
    let found = storage.read(Some(PASSWORD)).await.unwrap();
    assert_eq!(
        names(&found),
        [
            "Apple Distribution: Example GmbH (TEAM123456)",
            "Apple Development: Ada (ABCDE12345)"
        ]
    );
    assert_eq!(found.notes, Vec::<String>::new());
    // The key is the certificate's own: what is packed is read again.
    let packed = found.identities[0].to_p12("x", 1).unwrap();
    assert_eq!(signing_assets::read_p12(&packed, "x").unwrap().len(), 1);
}

#[tokio::test]
#[cfg_attr(no_openssl, ignore = "openssl is not installed")]
async fn both_digests_of_the_first_format_are_read_and_blanks_around_the_password_do_not_matter() {
    for digest in ["md5", "sha256"] {
        let storage = Storage::new();
        storage
            .certificate("certs/distribution", "A", "Apple Distribution: A")
            .encrypted_by_openssl(digest);
        let found = storage.read(Some(&format!(" {PASSWORD}\n"))).await.unwrap();
        assert_eq!(names(&found), ["Apple Distribution: A"], "{digest}");
    }
}

#[tokio::test]
#[cfg_attr(no_openssl, ignore = "openssl is not installed")]
async fn a_wrong_password_and_a_missing_one_are_told_apart() {
    let storage = Storage::new();
    storage
        .certificate("certs/distribution", "A", "Apple Distribution: A")
        .encrypted_by_openssl("md5");
    let error = storage.read(Some("wrong")).await.unwrap_err();
    assert!(matches!(&error, Error::WrongPassword { files: 2, .. }), "{error}");
    assert!(matches!(storage.read(None).await.unwrap_err(), Error::NoPassword));
}

#[tokio::test]
#[cfg_attr(no_openssl, ignore = "openssl is not installed")]
async fn storages_that_do_not_encrypt_are_read_by_team_without_a_password() {
    let storage = Storage::new();
    storage
        .certificate("TEAM123456/certs/distribution", "A", "Apple Distribution: A")
        .certificate("TEAM654321/certs/distribution", "B", "Apple Distribution: B");
    let found = storage.read(None).await.unwrap();
    assert_eq!(names(&found), ["Apple Distribution: B", "Apple Distribution: A"]);
    let of_team = format!("match+file://{}#team_id=TEAM123456", storage.root().display());
    assert_eq!(
        names(&storage.read_at(&of_team, None).await.unwrap()),
        ["Apple Distribution: A"]
    );
    let error = storage.error("#team_id=TEAM000000", "").await;
    assert!(error.contains("directories of TEAM123456, TEAM654321"), "{error}");
}

#[tokio::test]
#[cfg_attr(no_openssl, ignore = "openssl is not installed")]
async fn what_is_asked_for_and_not_there_is_named_with_what_is() {
    let storage = Storage::new();
    storage
        .certificate("certs/development", "D", "Apple Development: D")
        .certificate("certs/enterprise", "E", "iPhone Distribution: E")
        .certificate("certs/enterprize", "X", "iPhone Distribution: X");
    let error = storage.error("", "").await;
    assert_eq!(
        error,
        "the match storage has nothing in `certs/distribution`; it has certs/development (1), certs/enterprise (1), certs/enterprize (1)"
    );
    let error = storage.error("#type=enterprise&certificate_id=F", "").await;
    assert_eq!(
        error,
        "the match storage has no certificate `F` in `certs/enterprise`; it has E"
    );
    let of_type = format!("match+file://{}#type=enterprise", storage.root().display());
    assert_eq!(
        names(&storage.read_at(&of_type, None).await.unwrap()),
        ["iPhone Distribution: E"]
    );
}

#[tokio::test]
#[cfg_attr(no_openssl, ignore = "openssl is not installed")]
async fn of_several_certificates_the_last_by_name_comes_first_as_match_chooses() {
    let storage = Storage::new();
    for id in ["9AAA", "ABBB", "1CCC"] {
        storage.certificate("certs/distribution", id, &format!("Apple Distribution: {id}"));
    }
    let found = storage.read(None).await.unwrap();
    assert_eq!(names(&found)[0], "Apple Distribution: ABBB");
    let one = format!("match+file://{}#certificate_id=1CCC", storage.root().display());
    assert_eq!(
        names(&storage.read_at(&one, None).await.unwrap()),
        ["Apple Distribution: 1CCC"]
    );
}

#[tokio::test]
#[cfg_attr(no_openssl, ignore = "openssl is not installed")]
async fn what_match_import_stores_is_read_too() {
    let storage = Storage::new();
    storage.certificate("certs/distribution", "A", "Apple Distribution: A");
    let folder = storage.root().join("certs/distribution");
    let (key, certificate) = (folder.join("A.p12"), folder.join("A.cer"));
    let pem = folder.join("A.pem");
    let mut to_pem = words("openssl x509 -inform DER");
    finish(to_pem.arg("-in").arg(&certificate).arg("-out").arg(&pem));
    let mut pack = words("openssl pkcs12 -export -passout pass:");
    let packed = folder.join("packed");
    finish(
        pack.arg("-inkey")
            .arg(&key)
            .arg("-in")
            .arg(&pem)
            .arg("-out")
            .arg(&packed),
    );
    std::fs::rename(&packed, &key).unwrap();
    // A certificate may have been imported in PEM.
    std::fs::rename(&pem, &certificate).unwrap();
    storage.encrypted_by_openssl("md5");
    assert_eq!(
        names(&storage.read(Some(PASSWORD)).await.unwrap()),
        ["Apple Distribution: A"]
    );
}

#[tokio::test]
#[cfg_attr(no_openssl, ignore = "openssl is not installed")]
async fn one_damaged_or_foreign_file_is_named_and_the_others_are_used() {
    let storage = Storage::new();
    for id in ["A", "B", "C", "D"] {
        storage.certificate("certs/distribution", id, &format!("Apple Distribution: {id}"));
    }
    let file = |name: &str| storage.root().join("certs/distribution").join(name);
    // The key of C is not there, and that of D is B's.
    std::fs::remove_file(file("C.p12")).unwrap();
    std::fs::copy(file("B.p12"), file("D.p12")).unwrap();
    storage.encrypted_by_openssl("md5");
    std::fs::write(
        file("B.cer"),
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    )
    .unwrap();
    let found = storage.read(Some(PASSWORD)).await.unwrap();
    assert_eq!(names(&found), ["Apple Distribution: A"]);
    for words in [
        "certs/distribution/B.cer is skipped: it is a Git LFS pointer",
        "certs/distribution/C.cer is skipped: its private key is not there",
        "certs/distribution/D.cer is skipped: the key of the same name belongs to another certificate",
    ] {
        assert!(
            found.notes.iter().any(|note| note == words),
            "{words}: {:?}",
            found.notes
        );
    }
    std::fs::remove_file(file("A.p12")).unwrap();
    let error = storage.error("", PASSWORD).await;
    assert!(
        error.contains("no certificate with its private key in `certs/distribution`"),
        "{error}"
    );
}

#[tokio::test]
#[cfg_attr(any(no_openssl, no_git), ignore = "openssl or git is not installed")]
async fn every_kind_of_place_gives_the_same_identity() {
    let storage = Storage::new();
    storage
        .certificate("certs/distribution", "A", "Apple Distribution: A")
        .encrypted_by_openssl("md5");
    let root = storage.root();
    let git = |line: &str, more: &[&Path]| {
        let mut command =
            words("git -c user.name=Ada -c user.email=ada@example.com -c init.defaultBranch=master");
        finish(
            command
                .args(line.split_whitespace())
                .args(more)
                .current_dir(&root),
        );
    };
    let place = |name: &str| storage.folder.path().join(name);
    finish(
        words("tar -czf")
            .arg(place("certs.tar.gz"))
            .arg("-C")
            .arg(&root)
            .arg("."),
    );
    git("init --quiet", &[]);
    git("add --all", &[]);
    git("commit --quiet -m x", &[]);
    git(
        "bundle create --quiet",
        &[&place("certs.bundle"), Path::new("--all")],
    );
    git("clone --quiet --bare .", &[&place("bare.git")]);
    git(
        "archive --format=zip --prefix=certificates-1a2b3c/ HEAD -o",
        &[&place("certs.zip")],
    );
    git("checkout --quiet --orphan release", &[]);
    git("rm -rfq .", &[]);
    git("commit --quiet --allow-empty -m y", &[]);
    for address in [
        place("certs.tar.gz").display().to_string(),
        place("certs.zip").display().to_string(),
        place("certs.bundle").display().to_string(),
        place("bare.git").display().to_string(),
        // The work tree is on another branch now.
        root.display().to_string(),
        format!("{}#master", root.display()),
    ] {
        let found = storage
            .read_at(&format!("match+file://{address}"), Some(PASSWORD))
            .await;
        let found = found.unwrap_or_else(|error| panic!("{address}: {error:?}"));
        assert_eq!(names(&found), ["Apple Distribution: A"], "{address}");
        std::fs::remove_dir_all(storage.private()).unwrap();
        std::fs::create_dir(storage.private()).unwrap();
    }
}

#[tokio::test]
async fn a_place_without_a_storage_is_named() {
    let storage = Storage::new();
    let file = storage.folder.path().join("file");
    for (content, words) in [
        (b"".as_slice(), "an empty file"),
        (b"<html>", "a web page"),
        (b"0\x82\x05\x00", "a certificate or a .p12 file"),
    ] {
        std::fs::write(&file, content).unwrap();
        let error = storage
            .read_at(&format!("match+file://{}", file.display()), None)
            .await;
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains(words) && error.contains("expected a match storage"),
            "{error}"
        );
    }
    let error = storage.error("", "").await;
    assert_eq!(error, "there are no certificates below `certs` in the directory");
    let error = storage.error("#main", "").await;
    assert!(error.contains("a directory without a Git repository"), "{error}");
    let error = storage
        .read_at("match+file:///nowhere/s3cret", None)
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("s3cret"));
}
