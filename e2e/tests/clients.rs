//! Other people's clients against the sandbox, unmodified, under Apple's own host names: over TLS, led here by the
//! sandbox's proxy or by an entry of `/etc/hosts`. What one of them stumbles over is a fault of the sandbox.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::Path;
use std::process::Command;

use apple_sandbox::{Ports, Sandbox, Seed, SeedAppleId};
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
