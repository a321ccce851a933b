//! Other people's clients against the sandbox, unmodified, under Apple's own host names: over TLS, led here by the
//! sandbox's proxy or by an entry of `/etc/hosts`. What one of them stumbles over is a fault of the sandbox.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::Path;
use std::process::Command;

use apple_sandbox::{
    Ports, Sandbox, Seed, SeedAppleId, SeedBuild, SeedGroup, SeedProfile, SeedRelease, Situation,
};
use e2e::client::Client;
use e2e::{Machine, ipa_of, secrets};

/// A sandbox with a proxy, and the file of its CA.
struct Led {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Led {
    fn start(seed: &Seed) -> Self {
        let ports = Ports {
            http: 0,
            https: Some(0),
            proxy: Some(0),
        };
        let sandbox = Sandbox::start_on(seed, ports).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), sandbox.ca().unwrap()).unwrap();
        Self { sandbox, folder }
    }

    fn ca(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    fn proxy(&self) -> String {
        self.sandbox.proxy_url().unwrap()
    }

    /// A command that knows Apple's names alone.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path())
            .env("LANG", "C.UTF-8")
            .env("HTTPS_PROXY", self.proxy())
            .env("https_proxy", self.proxy())
            .env("SSL_CERT_FILE", self.ca())
            .env("REQUESTS_CA_BUNDLE", self.ca())
            .env("NODE_EXTRA_CA_CERTS", self.ca())
            .current_dir(self.folder.path());
        command
    }

    /// Asks for the build with this number until it is processed, as who waits for Apple does.
    fn wait_for_build(&self, number: &str) {
        let client = Client::of(&self.sandbox);
        let path = format!("/v1/builds?filter[version]={number}");
        let is_there = || client.get(&path).body["data"][0]["attributes"]["processingState"] == "VALID";
        assert!((0..8).any(|_| is_there()));
    }

    /// What the client asked for that the sandbox refused.
    fn refusals(&self) -> Vec<String> {
        let state = self.sandbox.state();
        let refused = state.requests.iter().filter(|one| one.status >= 400);
        refused
            .map(|one| {
                format!(
                    "{} {} {}?{} {}",
                    one.status, one.method, one.path, one.query, one.answer
                )
            })
            .collect()
    }
}

fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), text)
}

#[test]
fn our_own_steps_get_there_with_nothing_but_a_proxy_and_a_ca() {
    let seed = Seed {
        part_size: 64 << 10,
        ..Seed::default()
    };
    let led = Led::start(&seed);
    let mut machine = Machine::new();
    machine.meets(&led.sandbox);
    for name in [
        "APP_STORE_CONNECT_URL",
        "APPLE_ID_URL",
        "APPLE_ACCOUNT_URL",
        "APPLE_OLYMPUS_URL",
        "APPLE_DEVELOPER_PORTAL_URL",
    ] {
        machine.set(name, "");
    }
    machine
        .set("HTTPS_PROXY", &led.proxy())
        .set("NO_PROXY", "127.0.0.1")
        .set("SSL_CERT_FILE", &led.ca());
    let hidden = secrets(&led.sandbox);
    machine.run("step-auto-provision-asc", &[]).kept(&hidden).ended(0);
    let package = machine.file("Courier.ipa", ipa_of(&[], 200 << 10));
    let inputs = [("ipa_path", package.as_str()), ("uploader", "native")];
    machine
        .run("step-application-loader", &inputs)
        .kept(&hidden)
        .ended(0);
    let state = led.sandbox.state();
    assert_eq!((state.profiles.len(), state.uploads.len()), (3, 1));
    assert!(state.uploads[0].committed);
}

fn codemagic(led: &Led) -> Command {
    let folder = e2e::repository().join("e2e/codemagic/.venv/bin");
    assert!(
        folder.join("app-store-connect").is_file(),
        "install e2e/codemagic/requirements.txt into e2e/codemagic/.venv"
    );
    let mut command = led.command(folder.join("app-store-connect"));
    let state = led.sandbox.state();
    command
        .env("APP_STORE_CONNECT_ISSUER_ID", state.issuer_id.as_deref().unwrap())
        .env("APP_STORE_CONNECT_KEY_IDENTIFIER", &state.key_id)
        .env("APP_STORE_CONNECT_PRIVATE_KEY", &state.private_key);
    command
}

/// The value of a member of what `--json` prints.
fn json(text: &str) -> serde_json::Value {
    let start = text.find(['[', '{']).unwrap();
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter();
    values.next().unwrap().unwrap()
}

// codemagic-cli-tools 0.70.0, from PyPI.
#[test]
#[cfg_attr(
    no_codemagic,
    ignore = "install e2e/codemagic/requirements.txt into e2e/codemagic/.venv"
)]
fn codemagic_creates_lists_and_deletes_app_ids_and_devices() {
    let led = Led::start(&Seed::default());
    let does = |arguments: &[&str]| {
        let (worked, text) = run(codemagic(&led).args(arguments));
        assert!(worked, "{arguments:?}\n{text}\n{}", led.refusals().join("\n"));
        text
    };
    let id = |text: &str| {
        let value = json(text);
        let one = value.get(0).unwrap_or(&value);
        one["id"].as_str().unwrap().to_owned()
    };
    let made = does(&[
        "bundle-ids",
        "create",
        "com.example.magic",
        "--name",
        "Magic",
        "--platform",
        "IOS",
        "--json",
        "-s",
    ]);
    let bundle_id = id(&made);
    let listed = does(&[
        "bundle-ids",
        "list",
        "--bundle-id-identifier",
        "com.example.magic",
        "--json",
        "-s",
    ]);
    assert_eq!(id(&listed), bundle_id);
    does(&["bundle-ids", "get", &bundle_id, "--json", "-s"]);
    does(&[
        "bundle-ids",
        "enable-capabilities",
        &bundle_id,
        "--capability",
        "Push Notifications",
    ]);
    let text = does(&["bundle-ids", "capabilities", &bundle_id]);
    assert!(
        text.contains("PUSH_NOTIFICATIONS") || text.contains("Push"),
        "{text}"
    );
    does(&[
        "bundle-ids",
        "disable-capabilities",
        &bundle_id,
        "--capability",
        "Push Notifications",
    ]);
    does(&["devices", "list", "--json", "-s"]);
    does(&[
        "devices",
        "register",
        "--platform",
        "IOS",
        "--name",
        "By codemagic",
        "--udid",
        "00008120-000011112222333E",
    ]);
    does(&["builds", "list", "--json", "-s"]);
    does(&["apps", "list", "--json", "-s"]);

    does(&["profiles", "list", "--json", "-s"]);
    does(&["certificates", "list", "--json", "-s"]);
    does(&["bundle-ids", "delete", &bundle_id]);
    let state = led.sandbox.state();
    assert!(state.bundle_ids.is_empty());
    assert!(state.devices.iter().any(|device| device.name == "By codemagic"));
    drop(state);
    assert_eq!(led.refusals(), Vec::<String>::new());
}

/// A package whose Info.plist says that it uses no encryption that is not exempt, so that Apple does not ask.
fn package_with_compliance(folder: &Path) -> String {
    let path = folder.join("Courier.ipa");
    let says = [("ITSAppUsesNonExemptEncryption", "<false/>")];
    std::fs::write(&path, e2e::ipa_of(&says, 20 << 10)).unwrap();
    path.display().to_string()
}

// codemagic-cli-tools 0.70.0, from PyPI.
#[test]
#[cfg_attr(
    no_codemagic,
    ignore = "install e2e/codemagic/requirements.txt into e2e/codemagic/.venv"
)]
fn codemagic_fetches_signing_files_and_creates_what_is_missing() {
    let led = Led::start(&Seed::default());
    let key = led.folder.path().join("key.pem");
    let (made, text) = run(Command::new("openssl")
        .args(["genrsa", "-out"])
        .arg(&key)
        .arg("2048"));
    assert!(made, "{text}");
    let key = format!("@file:{}", key.display());
    for kind in ["IOS_APP_DEVELOPMENT", "IOS_APP_ADHOC", "IOS_APP_STORE"] {
        for _ in 0..2 {
            let (worked, text) = run(codemagic(&led).args([
                "fetch-signing-files",
                "com.example.fetched",
                "--type",
                kind,
                "--create",
                "--certificate-key",
                &key,
                "--certificates-dir",
                "certificates",
                "--profiles-dir",
                "profiles",
            ]));
            assert!(
                worked && text.contains("Saved Signing Certificate") && text.contains("Saved Profile"),
                "{kind}\n{text}\n{}",
                led.refusals().join("\n")
            );
        }
    }
    let state = led.sandbox.state();
    // The second run of each finds what the first one created.
    let kinds: Vec<&str> = state
        .profiles
        .iter()
        .map(|one| one.profile_type.as_str())
        .collect();
    assert_eq!(kinds, ["IOS_APP_DEVELOPMENT", "IOS_APP_ADHOC", "IOS_APP_STORE"]);
    assert_eq!(state.bundle_ids.len(), 1);
    drop(state);
    assert_eq!(led.refusals(), Vec::<String>::new());
}

// codemagic-cli-tools 0.70.0 wants every attribute of a build, `usesNonExemptEncryption` included, which is null where the
// Info.plist does not answer.
#[test]
#[cfg_attr(
    no_codemagic,
    ignore = "install e2e/codemagic/requirements.txt into e2e/codemagic/.venv"
)]
fn codemagic_reads_builds_that_say_how_they_encrypt_and_builds_that_do_not() {
    let led = Led::start(&Seed::default());
    let mut machine = Machine::new();
    machine.meets(&led.sandbox);
    for package in [
        package_with_compliance(led.folder.path()),
        machine.file("Next.ipa", ipa_of(&[("CFBundleVersion", "43")], 10)),
    ] {
        let inputs = [("ipa_path", package.as_str()), ("uploader", "native")];
        machine.run("step-application-loader", &inputs).ended(0);
        let number = led.sandbox.state().uploads.last().unwrap().version.clone();
        led.wait_for_build(&number);
        for arguments in [
            &["builds", "list", "--json", "-s"][..],
            &["apps", "builds", "1023456789", "--json", "-s"],
            &["get-latest-testflight-build-number", "1023456789"],
            &["get-latest-build-number", "1023456789"],
        ] {
            let (worked, text) = run(codemagic(&led).args(arguments));
            assert!(
                worked && text.contains(&number),
                "{arguments:?}\n{text}\n{}",
                led.refusals().join("\n")
            );
        }
    }
}

// codemagic-cli-tools 0.70.0 wants every attribute of these resources, with a value or without: Apple's answers have `null`.
#[test]
#[cfg_attr(
    no_codemagic,
    ignore = "install e2e/codemagic/requirements.txt into e2e/codemagic/.venv"
)]
fn codemagic_goes_through_testflight_and_into_a_review_where_answers_have_null() {
    let led = Led::start(&Seed {
        answers_null: true,
        ..Seed::releasing(SeedRelease {
            situation: Situation::Draft,
            groups: vec![SeedGroup {
                name: "Friends".to_owned(),
                ..SeedGroup::default()
            }],
            builds: vec![SeedBuild {
                version: "1.1".to_owned(),
                number: "42".to_owned(),
                uses_encryption: Some(false),
            }],
            is_ready_for_beta_review: true,
            ..SeedRelease::default()
        })
    });
    let client = Client::of(&led.sandbox);
    let id = |path: &str| {
        client.get(path).body["data"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let build = id("/v1/builds?filter[version]=42");
    let app = "1023456789";
    for (arguments, words) in [
        (&["apps", "app-store-versions", app][..], "1.1"),
        (&["builds", "beta-details", &build], "READY_FOR_BETA_SUBMISSION"),
        (
            &[
                "builds",
                "add-beta-test-info",
                &build,
                "--whats-new",
                "Look",
                "--locale",
                "en-US",
            ],
            "Look",
        ),
        (
            &["beta-groups", "add-build", &build, "--beta-group", "Friends"],
            "Added build",
        ),
        (&["builds", "submit-to-testflight", &build], "WAITING_FOR_REVIEW"),
        (
            &[
                "builds",
                "submit-to-app-store",
                &build,
                "--version-string",
                "1.1",
                "--whats-new",
                "Sooner",
                "--locale",
                "en-US",
            ],
            "WAITING_FOR_REVIEW",
        ),
        (&["apps", "list-review-submissions", app], "WAITING_FOR_REVIEW"),
        (&["get-latest-app-store-build-number", app], "42"),
    ] {
        let (worked, text) = run(codemagic(&led).args(arguments));
        assert!(
            worked && text.contains(words),
            "{arguments:?}\n{text}\n{}",
            led.refusals().join("\n")
        );
    }
    assert_eq!(
        led.sandbox.product()["apps"][0]["versions"][0]["state"],
        "WAITING_FOR_REVIEW"
    );
}

/// A script by spaceship 2.146.1, with the Ruby that npm's `@expo/traveling-fastlane-linux` carries. That Ruby's own
/// launcher names another file of authorities, so the launcher's variables are taken over without it.
fn spaceship(led: &Led, script: &str) -> Command {
    let package = e2e::repository().join("e2e/fastlane/node_modules/@expo/traveling-fastlane-linux/dist/lib");
    let ruby = package.join("ruby");
    assert!(
        ruby.join("bin.real/ruby").is_file(),
        "run `npm ci` in e2e/fastlane"
    );
    let mut command = led.command("bash");
    let start = r#"eval "$("$1/bin/ruby_environment")"; export SSL_CERT_FILE="$2"; exec "$1/bin.real/ruby" -W0 -rbundler/setup "$3""#;
    command
        .args(["-c", start, "bash"])
        .arg(&ruby)
        .arg(led.ca())
        .arg(e2e::repository().join("e2e/fastlane").join(script))
        .env("BUNDLE_GEMFILE", package.join("vendor/Gemfile"))
        .env("LC_ALL", "C.UTF-8");
    command
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn spaceship_with_a_key_goes_through_the_life_of_a_build() {
    let led = Led::start(&Seed {
        bundle_ids: [("com.example.courier".to_owned(), Vec::new())].into(),
        profiles: vec![SeedProfile {
            name: "Ours".to_owned(),
            bundle_id: "com.example.courier".to_owned(),
            profile_type: "IOS_APP_ADHOC".to_owned(),
            ..SeedProfile::default()
        }],
        ..Seed::releasing(SeedRelease {
            is_ready_for_beta_review: true,
            ..SeedRelease::default()
        })
    });
    let mut machine = Machine::new();
    machine.meets(&led.sandbox);
    let package = package_with_compliance(led.folder.path());
    let inputs = [("ipa_path", package.as_str()), ("uploader", "native")];
    machine.run("step-application-loader", &inputs).ended(0);
    let number = led.sandbox.state().uploads.last().unwrap().version.clone();
    led.wait_for_build(&number);
    let (key_id, issuer, key) = {
        let state = led.sandbox.state();
        (
            state.key_id.clone(),
            state.issuer_id.clone().unwrap(),
            state.private_key.clone(),
        )
    };
    let file = led.folder.path().join("key.p8");
    std::fs::write(&file, key).unwrap();
    let (worked, text) = run(spaceship(&led, "by_key.rb")
        .env("KEY_ID", key_id)
        .env("ISSUER_ID", issuer)
        .env("KEY_FILE", file));
    let problems = format!("{text}\n{}", led.refusals().join("\n"));
    assert!(worked, "{problems}");
    for words in [
        "profile=Ours ACTIVE IOS_APP_ADHOC",
        "app=Courier",
        "VALID train=",
        "encrypts=false",
        "testers=grace@example.com",
        "texts=Faster.",
        "review=WAITING_FOR_REVIEW",
        "groups=Friends",
        "done",
    ] {
        assert!(text.contains(words), "{words}\n{problems}");
    }
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn spaceship_with_a_session_creates_changes_and_deletes_everything_of_signing() {
    let led = Led::start(&Seed::default());
    let url = format!("{}/_sandbox/fastlane-session", led.sandbox.url());
    let (found, session) = run(Command::new("curl").args(["-sS", "--fail", &url]));
    assert!(found, "{session}");
    let (name, password) = {
        let seed = &led.sandbox.state().apple_id.seed;
        (seed.name.clone(), seed.password.clone())
    };
    let (worked, text) = run(spaceship(&led, "by_session.rb")
        .env("FASTLANE_USER", name)
        .env("FASTLANE_PASSWORD", password)
        .env("FASTLANE_SESSION", session));
    let problems = format!("{text}\n{}", led.refusals().join("\n"));
    assert!(worked, "{problems}");
    for words in [
        "app=Ship renamed push=true groups=group.com.example.ship",
        "certificate=AppleDevelopment of_the_key=true",
        "profile=Ship profile plist=true",
        "after a change=Invalid",
        "repaired=Active",
        "passes=pass.com.example.ship merchants=merchant.com.example.ship",
        "left=0 certificates=2",
        "v1: 0 3 2 0",
        "done",
    ] {
        assert!(text.contains(words), "{words}\n{problems}");
    }
    assert!(!text.contains("appleauth"), "{problems}");
}

// @expo/apple-utils 2.2.1 signs in with a password, over TLS: nothing of it is patched.
#[test]
#[cfg_attr(no_apple_utils, ignore = "run `npm ci` in e2e/apple-utils for Expo's client")]
fn expos_client_signs_in_under_apples_own_names() {
    let led = Led::start(&Seed {
        bundle_ids: [("com.example.courier".to_owned(), Vec::new())].into(),
        apple_id: SeedAppleId {
            second_factor: false,
            signed_in: false,
            ..SeedAppleId::default()
        },
        ..Seed::default()
    });
    let script = r#"
const { Auth, BundleId, Device, Teams } = require("@expo/apple-utils");
(async () => {
  await Auth.loginWithUserCredentialsAsync({ username: process.env.APPLE_ID, password: process.env.APPLE_PASSWORD });
  const [team] = await Teams.getTeamsAsync();
  const context = { teamId: team.teamId };
  const app = await BundleId.findAsync(context, { identifier: "com.example.courier" });
  const made = await BundleId.createAsync(context, { identifier: "com.example.made", name: "Made" });
  const devices = await Device.getAsync(context);
  console.log(`team=${team.teamId} app=${app.attributes.identifier} made=${made.attributes.identifier} devices=${devices.length}`);
})().catch((error) => { console.error(error); process.exit(1); });
"#;
    let (name, password) = {
        let state = led.sandbox.state();
        (
            state.apple_id.seed.name.clone(),
            state.apple_id.seed.password.clone(),
        )
    };
    let mut node = led.command("node");
    node.args(["-e", script])
        .current_dir(e2e::repository().join("e2e/apple-utils"))
        .env("CI", "1")
        .env("APPLE_ID", name)
        .env("APPLE_PASSWORD", password);
    let (worked, text) = run(&mut node);
    assert!(
        worked && text.contains("team=SBXTEAM123 app=com.example.courier made=com.example.made devices=2"),
        "{text}\n{}",
        led.refusals().join("\n")
    );
}

/// Whether this machine lets a test have a network and mounts of its own.
fn has_namespaces() -> bool {
    Command::new("unshare")
        .args(["--map-root-user", "--net", "--mount", "true"])
        .output()
        .is_ok_and(|output| output.status.success())
}

// node-app-store-connect-api 5.0.6 uses Node's own `fetch`, which knows no proxy: an entry of `/etc/hosts` leads it to
// port 443, in a network namespace of its own.
#[test]
#[cfg_attr(no_node_sdk, ignore = "run `npm ci` in e2e/node-sdk for the SDK")]
fn an_sdk_of_npm_is_led_by_a_hosts_entry() {
    if !has_namespaces() {
        // A container may forbid it; the other tests go by the proxy.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("hosts"),
        "127.0.0.1 localhost api.appstoreconnect.apple.com\n",
    )
    .unwrap();
    let script = format!(
        r#"set -e
ip link set lo up
mount --bind '{0}/hosts' /etc/hosts
'{1}' serve --port 8080 --tls 443 --ca '{0}/ca.pem' >'{0}/variables' 2>'{0}/words' &
trap 'kill %1' EXIT
for _ in $(seq 100); do grep -q interrupted '{0}/words' && break; sleep 0.1; done
curl -sS --fail http://127.0.0.1:8080/files/AuthKey_SBXKEY1234.p8 -o '{0}/key.p8'
cd '{2}'
NODE_EXTRA_CA_CERTS='{0}/ca.pem' KEY_FILE='{0}/key.p8' node life-cycle.mjs || {{ curl -s http://127.0.0.1:8080/_sandbox/requests; exit 1; }}
"#,
        folder.path().display(),
        e2e::binary("apple-sandbox").display(),
        e2e::repository().join("e2e/node-sdk").display()
    );
    let (worked, text) =
        run(Command::new("unshare").args(["--map-root-user", "--net", "--mount", "bash", "-c", &script]));
    assert!(worked && text.contains("life cycle: done"), "{text}");
}
