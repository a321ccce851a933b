//! Which account the steps fastlane and deliver hand to fastlane, and how: `connection` × what is connected × what the
//! inputs hold.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use apple_sandbox::{Json, Sandbox, Seed};
use e2e::{Machine, Run, ipa, secrets};

/// What fastlane is made to tell: its arguments, the names of the account's variables, and the key file.
const FASTLANE: &str = r#"[ "$1" = --version ] && { echo "fastlane 2.230.0"; exit 0; }
{ echo "args $*"; env | grep -E '^(FASTLANE_(USER|PASSWORD|SESSION|APPLE)|DELIVER_|PILOT_|APP_STORE_CONNECT_API|SPACESHIP|PRECHECK)' | cut -d= -f1 | sort | sed 's/^/has /'
echo "user $FASTLANE_USER"; [ -n "$APP_STORE_CONNECT_API_KEY_PATH" ] && cat "$APP_STORE_CONNECT_API_KEY_PATH"
for word in "$@"; do case "$word" in *api_key.json) cat "$word";; esac; done; echo
} > "$TOLD"
exit 0"#;

/// Inputs that hold an account.
fn given(what: &str, key: &str) -> Vec<(&'static str, String)> {
    let mut inputs = Vec::new();
    for word in what.split_whitespace() {
        inputs.extend(match word {
            "key" => vec![
                ("api_key_path", key.to_owned()),
                ("api_issuer", "11112222-3333-4444-5555-666677778888".to_owned()),
            ],
            "individual" => vec![
                ("api_key_path", key.to_owned()),
                ("api_issuer", "individual".to_owned()),
            ],
            "apple" => vec![
                ("apple_id", "grace@inputs.example".to_owned()),
                ("password", "inputs p4ss".to_owned()),
            ],
            "specific" => vec![("app_password", "wxyz-wxyz-wxyz-wxyz".to_owned())],
            other => panic!("no such input: {other}"),
        });
    }
    inputs
}

/// What Bitrise says is connected.
fn connected(what: &str) -> Seed {
    let mut seed = Seed::default();
    seed.apple_id.connected = false;
    let mut set = |key: &str, value: Json| {
        seed.connection.insert(key.to_owned(), value);
    };
    let words: Vec<&str> = what.split_whitespace().collect();
    if !words.contains(&"key") && !words.contains(&"enterprise") {
        ["key_id", "issuer_id", "private_key"]
            .iter()
            .for_each(|key| set(key, Json::Null));
    }
    let ends = words.iter().find_map(|word| match *word {
        "apple" => Some(Some(20)),
        "soon" => Some(Some(2)),
        "expired" => Some(Some(-1)),
        "sessionless" => Some(None),
        _ => None,
    });
    if let Some(days) = ends {
        set("apple_id", "ada@connected.example".into());
        set("password", "connected p4ss".into());
        set("app_specific_password", "abcd-efgh-ijkl-mnop".into());
        if let Some(days) = days {
            let until = clock::now() + time::Duration::days(days);
            let format = time::format_description::well_known::Rfc3339;
            set("connection_expiry_date", until.format(&format).unwrap().into());
            let cookie = serde_json::json!({"https://idmsa.apple.com": [{"name": "DES5c148586daa451e55afb017aa62418f91", "value": "HSARMTKNSRVX: the #1 s3cret", "path": "/", "domain": "idmsa.apple.com", "secure": true, "httponly": true}]});
            set("session_cookies", cookie);
        }
    }
    seed.enterprise = words.contains(&"enterprise");
    seed
}

/// A row: a name, the step, `connection`, what is connected, what the inputs hold, and what comes of it.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// `key` and `apple` are the connected ones, `own-key` and `own-apple` those of the inputs; `none` runs without an
/// account; everything else is what the failed step says.
const FASTLANE_ROWS: [Row; 32] = [
    ("nothing anywhere", "automatic", "", "", "none"),
    ("a connected key", "automatic", "key", "", "key"),
    ("an enterprise key", "automatic", "enterprise", "", "key"),
    ("a connected Apple ID", "automatic", "apple", "", "apple"),
    ("the key wins", "automatic", "key apple", "", "key"),
    ("connected wins over inputs", "automatic", "key", "key", "key"),
    (
        "connected Apple ID wins over a key of the inputs",
        "automatic",
        "apple",
        "key",
        "apple",
    ),
    ("a key of the inputs", "automatic", "", "key", "own-key"),
    ("an individual key", "automatic", "", "individual", "own-key"),
    ("an Apple ID of the inputs", "automatic", "", "apple", "own-apple"),
    (
        "an Apple ID with an app-specific password",
        "automatic",
        "",
        "apple specific",
        "own-apple",
    ),
    ("a session that ends soon", "automatic", "soon", "", "apple"),
    ("a session that ended", "automatic", "expired", "", "expired on"),
    (
        "a session that ended, beside a key",
        "automatic",
        "key expired",
        "",
        "key",
    ),
    (
        "a session that ended, and a key of the inputs",
        "automatic",
        "expired",
        "key",
        "own-key",
    ),
    (
        "a session that ended, and an Apple ID of the inputs",
        "automatic",
        "expired",
        "apple",
        "own-apple",
    ),
    (
        "an Apple ID without session",
        "automatic",
        "sessionless",
        "",
        "apple",
    ),
    ("only the connected key", "api_key", "key apple", "", "key"),
    (
        "only the connected key, which is not there",
        "api_key",
        "apple",
        "",
        "none",
    ),
    ("not even that of the inputs", "api_key", "", "key", "none"),
    ("the dashed spelling of api_key", "api-key", "key", "", "key"),
    (
        "only the connected Apple ID",
        "apple_id",
        "key apple",
        "",
        "apple",
    ),
    (
        "only the connected Apple ID, which is not there",
        "apple_id",
        "key",
        "",
        "none",
    ),
    (
        "only the connected Apple ID, which ended",
        "apple_id",
        "key expired",
        "",
        "expired on",
    ),
    (
        "only the connected Apple ID, which ends soon",
        "apple_id",
        "key soon",
        "",
        "apple",
    ),
    (
        "the dashed spelling of apple_id",
        "apple-id",
        "apple",
        "",
        "apple",
    ),
    ("only inputs: a key", "off", "key apple", "key", "own-key"),
    (
        "only inputs: an Apple ID",
        "off",
        "key apple",
        "apple",
        "own-apple",
    ),
    (
        "only inputs, and there is nothing",
        "off",
        "key apple",
        "",
        "none",
    ),
    (
        "both kinds of inputs",
        "automatic",
        "",
        "key apple",
        "api_key_path: ",
    ),
    (
        "both kinds of inputs, though connected",
        "automatic",
        "key",
        "key apple",
        "api_key_path: ",
    ),
    ("no such connection", "sometimes", "key", "", "connection: "),
];

const DELIVER_ROWS: [Row; 20] = [
    (
        "nothing anywhere",
        "automatic",
        "",
        "",
        "no Apple account was found",
    ),
    ("a connected key", "automatic", "key", "", "key"),
    ("an enterprise key", "automatic", "enterprise", "", "key"),
    ("a connected Apple ID", "automatic", "apple", "", "apple"),
    ("the key wins", "automatic", "key apple", "", "key"),
    ("a key of the inputs", "automatic", "", "key", "own-key"),
    ("an individual key", "automatic", "", "individual", "own-key"),
    ("an Apple ID of the inputs", "automatic", "", "apple", "own-apple"),
    ("a session that ends soon", "automatic", "soon", "", "apple"),
    ("a session that ended", "automatic", "expired", "", "expired on"),
    (
        "a session that ended, beside a key",
        "automatic",
        "key expired",
        "",
        "key",
    ),
    (
        "a session that ended, and a key of the inputs",
        "automatic",
        "expired",
        "key",
        "own-key",
    ),
    (
        "only the connected key, which is not there",
        "api_key",
        "apple",
        "key",
        "no Apple account was found",
    ),
    (
        "only the connected Apple ID",
        "apple_id",
        "key apple",
        "key",
        "apple",
    ),
    (
        "only the connected Apple ID, which is not there",
        "apple_id",
        "key",
        "",
        "no Apple account was found",
    ),
    (
        "only the connected Apple ID, which ended",
        "apple_id",
        "key expired",
        "",
        "expired on",
    ),
    ("only inputs: a key", "off", "key apple", "key", "own-key"),
    (
        "only inputs: an Apple ID",
        "off",
        "key",
        "apple specific",
        "own-apple",
    ),
    (
        "only inputs, and there is nothing",
        "off",
        "key",
        "",
        "no Apple account was found",
    ),
    (
        "both kinds of inputs",
        "automatic",
        "key",
        "key apple",
        "api_key_path: ",
    ),
];

struct Told {
    run: Run,
    text: String,
}

fn run(step: &str, row: &Row) -> Told {
    let (_, connection, on_bitrise, inputs, _) = *row;
    let sandbox = Sandbox::start(&connected(on_bitrise)).unwrap();
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    machine.tool("fastlane", FASTLANE);
    // The test reads it afterwards; it is not a leftover of the step's.
    let told = machine.path("tools/told");
    machine.set("TOLD", &told.display().to_string());
    let key = machine.file("tools/AuthKey_OWNKEY1234.p8", &sandbox.state().private_key);
    let mut all = given(inputs, &key);
    all.push(("connection", connection.to_owned()));
    if step == "step-fastlane" {
        all.extend([
            ("lane", "beta".to_owned()),
            ("update_fastlane", "false".to_owned()),
            ("enable_cache", "no".to_owned()),
        ]);
    } else {
        all.extend([
            ("ipa_path", machine.file("App.ipa", ipa(&[]))),
            ("bundle_id", "com.example.courier".to_owned()),
            ("fastlane_version", String::new()),
            ("gemfile_path", String::new()),
        ]);
        all.iter_mut()
            .filter(|(key, _)| *key == "apple_id")
            .for_each(|(key, _)| *key = "itunescon_user");
    }
    let all: Vec<(&str, &str)> = all.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let mut hidden = secrets(&sandbox);
    hidden.extend(
        [
            "connected p4ss",
            "inputs p4ss",
            "abcd-efgh-ijkl-mnop",
            "wxyz-wxyz-wxyz-wxyz",
            "HSARMTKNSRVX: the #1 s3cret",
        ]
        .map(str::to_owned),
    );
    let run = machine.run(step, &all).kept(&hidden);
    assert_eq!(machine.leftovers(&hidden), Vec::<std::path::PathBuf>::new());
    let text = std::fs::read_to_string(told).unwrap_or_default();
    Told { run, text }
}

/// What came of it, in the words of the table.
fn outcome(told: &Told) -> String {
    let key = |id: &str| told.text.contains(&format!("\"key_id\":\"{id}\""));
    let user = |name: &str| {
        told.text.contains(&format!("user {name}")) || told.text.contains(&format!("--username {name}"))
    };
    match (told.run.status, &told.text) {
        (Some(0), _) if key("SBXKEY1234") => "key".to_owned(),
        (Some(0), _) if key("OWNKEY1234") => "own-key".to_owned(),
        (Some(0), _) if user("ada@connected.example") => "apple".to_owned(),
        (Some(0), _) if user("grace@inputs.example") => "own-apple".to_owned(),
        (Some(0), _) => "none".to_owned(),
        _ => told.run.text.clone(),
    }
}

fn check(step: &str, rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        let told = run(step, row);
        let (came, expected) = (outcome(&told), row.4);
        let fits = match expected {
            "key" | "own-key" | "apple" | "own-apple" | "none" => {
                came == expected && coherent(step, row, &told)
            }
            words => {
                told.run.status != Some(0)
                    && came.to_lowercase().contains(&words.to_lowercase())
                    && told.text.is_empty()
            }
        };
        if !fits {
            wrong.push(format!("{}: expected `{expected}`\n{came}\n{}", row.0, told.text));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} rows:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n\n")
    );
}

/// Whether fastlane has everything of one account and nothing of another, and people hear what they should.
fn coherent(step: &str, row: &Row, told: &Told) -> bool {
    let has = |name: &str| told.text.lines().any(|line| line == format!("has {name}"));
    let (connected, inputs) = (row.2, row.3);
    let is_deliver = step == "step-deliver";
    let for_account = match row.4 {
        "key" | "own-key" => {
            let in_house = told.text.contains(&format!(
                "\"in_house\":{}",
                connected.contains("enterprise") && row.4 == "key"
            ));
            let issuer = told.text.contains("issuer_id") != inputs.contains("individual");
            let handed = if is_deliver {
                told.text.contains("api_key.json")
            } else {
                has("APP_STORE_CONNECT_API_KEY_PATH") && has("PILOT_API_KEY_PATH")
            };
            let precheck = is_deliver || has("PRECHECK_INCLUDE_IN_APP_PURCHASES");
            in_house
                && issuer
                && handed
                && precheck
                && !has("FASTLANE_SESSION")
                && !has("FASTLANE_PASSWORD")
                && !has("DELIVER_PASSWORD")
        }
        "apple" => {
            let session = has("FASTLANE_SESSION") != connected.contains("sessionless");
            session
                && has("DELIVER_PASSWORD")
                && has("SPACESHIP_SKIP_2FA_UPGRADE")
                && has("FASTLANE_APPLE_APPLICATION_SPECIFIC_PASSWORD")
        }
        "own-apple" => {
            let specific = has("FASTLANE_APPLE_APPLICATION_SPECIFIC_PASSWORD") == inputs.contains("specific");
            specific && has("DELIVER_PASSWORD") && !has("FASTLANE_SESSION")
        }
        _ => !told.text.contains("has "),
    };
    let warned = told.run.text.contains("Re-authenticate");
    let renew = connected.contains("expired") && !row.1.starts_with("off")
        || (connected.contains("soon") && row.4 == "apple");
    for_account && warned == renew
}

#[test]
fn fastlane_gets_the_account_that_the_inputs_mean() {
    check("step-fastlane", &FASTLANE_ROWS);
}

#[test]
fn deliver_gets_the_account_that_the_inputs_mean() {
    check("step-deliver", &DELIVER_ROWS);
}
