//! What is asked of `security`, in which order, and what stays when it fails.
//!
//! The stand-in answers as macOS's does: error 48 with these words where a keychain is there (`security error
//! -25296`), and the search list as quoted paths with four spaces before them.
//!
//! Behaviors that these tests hold:
//!
//! 1. The keychain is searched first, and the others stay on the list.
//! 2. It is found under its name and under that with `-db`, and one that another build creates meanwhile is no error.
//! 3. Apple's tools may use the key without asking.
//! 4. The `.p12` file lies in a directory of this user alone, and is gone afterwards.
//! 5. A failed run leaves no new keychain on the list, and two runs at once lose none.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use command::Runner;
use p12_keystore::{KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{CertificateParams, DnType, KeyPair};
use signing_assets::{Identity, Keychain};

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// A machine whose `security` does `script` after it has noted its arguments.
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        let machine = Self { folder };
        let tool = machine.path("bin/security");
        let calls = machine.path("calls");
        std::fs::write(
            &tool,
            format!("#!/bin/sh\necho \"$@\" >> '{}'\n{script}\n", calls.display()),
        )
        .unwrap();
        std::fs::set_permissions(tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Installs an identity; the calls of `security`, without the folder's name and passphrases.
    async fn install(&self, keychain: &str) -> (bool, Vec<String>) {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let runner = Runner::new(redaction::Redactor::new()).with_env([("PATH".into(), path.into())]);
        let keychain = Keychain::at(&self.path(keychain), "passw0rd".into(), runner);
        let done = keychain.install(&[identity()]).await.is_ok();
        let calls = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        let folder = format!("{}/", self.folder.path().display());
        (
            done,
            calls.replace(&folder, "").lines().map(str::to_owned).collect(),
        )
    }
}

fn identity() -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Apple Development: Ada (X)");
    let certificate = params.self_signed(&key).unwrap();
    let chain = PrivateKeyChain::new(
        vec![1],
        PrivateKey::from_der(&key.serialize_der()).unwrap(),
        [p12_keystore::Certificate::from_der(certificate.der()).unwrap()],
    );
    let mut store = KeyStore::new();
    store.add_entry("a", KeyStoreEntry::PrivateKeyChain(chain));
    let file = store.writer("x").write().unwrap();
    signing_assets::read_p12(&file, "x").unwrap().remove(0)
}

const LIST: &str = r#"case "$1 $4" in "list-keychains ") printf '    "/Users/ada/login.keychain-db"\n    "/Library/System.keychain"\n' ;; esac"#;

#[tokio::test]
async fn a_missing_keychain_is_created_filled_opened_for_apples_tools_and_put_before_the_others() {
    let machine = Machine::new(LIST);
    let (done, calls) = machine.install("build.keychain").await;
    assert!(done, "{calls:?}");
    let verbs: Vec<&str> = calls.iter().map(|call| call.split(' ').next().unwrap()).collect();
    assert_eq!(
        verbs,
        [
            "create-keychain",
            "unlock-keychain",
            "import",
            "set-key-partition-list",
            "set-keychain-settings",
            "list-keychains",
            "list-keychains",
            "default-keychain"
        ]
    );
    assert_eq!(calls[0], "create-keychain -p passw0rd build.keychain");
    assert_eq!(
        calls[3],
        "set-key-partition-list -S apple-tool:,apple:,codesign: -s -k passw0rd build.keychain"
    );
    assert_eq!(
        calls[6],
        "list-keychains -d user -s build.keychain /Users/ada/login.keychain-db /Library/System.keychain"
    );
}

#[tokio::test]
async fn a_keychain_that_is_there_is_used_with_the_suffix_that_macos_gives_it() {
    for (file, given) in [
        ("login.keychain-db", "login.keychain"),
        ("own.keychain", "own.keychain"),
    ] {
        let machine = Machine::new(LIST);
        std::fs::write(machine.path(file), "").unwrap();
        let (done, calls) = machine.install(given).await;
        assert!(
            done && !calls.iter().any(|call| call.starts_with("create")),
            "{calls:?}"
        );
        assert_eq!(calls[0], format!("unlock-keychain -p passw0rd {file}"));
    }
}

#[tokio::test]
async fn a_keychain_that_another_build_creates_meanwhile_is_used() {
    for name in ["\"$4\"", "\"$4-db\""] {
        let machine = Machine::new(&format!(
            "case \"$1\" in create-keychain) touch {name}; echo 'security: SecKeychainCreate {}: A keychain with the same name already exists.' >&2; exit 48 ;; esac\n{LIST}",
            "x"
        ));
        let (done, calls) = machine.install("build.keychain").await;
        assert!(done, "{calls:?}");
        assert!(calls.last().unwrap().starts_with("default-keychain"), "{calls:?}");
    }
    let machine = Machine::new("exit 48");
    assert!(
        !machine.install("build.keychain").await.0,
        "one that can't be created is an error"
    );
}

#[tokio::test]
async fn the_identity_lies_in_a_private_place_for_as_long_as_it_is_imported() {
    let machine = Machine::new(&format!(
        "case \"$1\" in import) stat -c '%a %n' \"$2\" \"$(dirname \"$2\")\" >> \"$(dirname \"$0\")/modes\" ;; esac\n{LIST}"
    ));
    assert!(machine.install("build.keychain").await.0);
    let modes = std::fs::read_to_string(machine.path("bin/modes")).unwrap();
    let lines: Vec<(&str, &str)> = modes.lines().map(|line| line.split_once(' ').unwrap()).collect();
    assert_eq!((lines[0].0, lines[1].0), ("600", "700"), "{modes}");
    assert!(
        lines.iter().all(|(_, path)| !Path::new(path).exists()),
        "it is gone afterwards"
    );
}

#[tokio::test]
async fn a_failure_leaves_the_search_list_and_the_default_as_they_were() {
    for verb in ["unlock-keychain", "import", "set-key-partition-list"] {
        let machine = Machine::new(&format!(
            "case \"$1\" in {verb}) echo 'security: failed' >&2; exit 51 ;; esac\n{LIST}"
        ));
        let (done, calls) = machine.install("build.keychain").await;
        assert!(!done);
        let changes = calls
            .iter()
            .filter(|call| call.contains("-d user -s") || call.starts_with("default-keychain"));
        assert_eq!(changes.count(), 0, "{calls:?}");
    }
}

#[tokio::test]
async fn without_security_builds_that_share_a_directory_do_not_disturb_each_other() {
    let machine = Machine::new("");
    std::fs::remove_file(machine.path("bin/security")).unwrap();
    let (identity, path) = (identity(), machine.path("build.keychain"));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let runner = Runner::new(redaction::Redactor::new());
                let keychain = Keychain::at(&path, "passw0rd".into(), runner);
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for _ in 0..5 {
                    runtime
                        .block_on(keychain.install(std::slice::from_ref(&identity)))
                        .unwrap();
                }
            });
        }
    });
    let directory = machine.path("build.identities");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(
        (files.len(), mode(&directory), mode(&files[0])),
        (1, 0o700, 0o600)
    );
    let content = std::fs::read(&files[0]).unwrap();
    assert_eq!(signing_assets::read_p12(&content, "passw0rd").unwrap().len(), 1);
}

/// The stand-in keeps its list in a file, and takes its time between reading and writing, as the real one does.
const KEPT_LIST: &str = r#"list="$(dirname "$0")/list"
case "$1 $4" in
"list-keychains -s") shift 4; sleep 0.02; for path in "$@"; do printf '    "%s"\n' "$path"; done > "$list.$$"; mv "$list.$$" "$list" ;;
"list-keychains ") cat "$list"; sleep 0.02 ;;
esac"#;

fn listed(machine: &Machine) -> Vec<String> {
    let text = std::fs::read_to_string(machine.path("bin/list")).unwrap();
    text.lines()
        .map(|line| line.trim().trim_matches('"').to_owned())
        .collect()
}

#[tokio::test]
async fn builds_at_the_same_time_lose_no_entry_of_the_search_list() {
    let machine = Machine::new(KEPT_LIST);
    std::fs::create_dir_all(machine.path("home/Library/Keychains")).unwrap();
    std::fs::write(machine.path("bin/list"), "    \"/Users/ada/login.keychain-db\"\n").unwrap();
    let identity = identity();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (machine, identity) = (&machine, &identity);
            scope.spawn(move || {
                let path = format!("{}:/usr/bin:/bin", machine.path("bin").display());
                let home = machine.path("home").into_os_string();
                let runner = Runner::new(redaction::Redactor::new())
                    .with_env([("PATH".into(), path.into()), ("HOME".into(), home)]);
                let path = machine.path(&format!("{number}.keychain"));
                let keychain = Keychain::at(&path, "passw0rd".into(), runner);
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime
                    .unwrap()
                    .block_on(keychain.install(std::slice::from_ref(identity)))
                    .unwrap();
            });
        }
    });
    let listed = listed(&machine);
    assert_eq!(listed.len(), 9, "{listed:?}");
    assert_eq!(listed.last().unwrap(), "/Users/ada/login.keychain-db");
}

#[tokio::test]
async fn a_keychain_that_can_not_be_the_default_is_taken_off_the_search_list_again() {
    let machine = Machine::new(&format!(
        "{KEPT_LIST}\ncase \"$1\" in default-keychain) printf '    \"/other\"\\n' >> \"$list\"; exit 51 ;; esac"
    ));
    std::fs::write(machine.path("bin/list"), "    \"/Users/ada/login.keychain-db\"\n").unwrap();
    assert!(!machine.install("build.keychain").await.0);
    // What another program put there meanwhile stays.
    assert_eq!(listed(&machine), ["/Users/ada/login.keychain-db", "/other"]);
}
