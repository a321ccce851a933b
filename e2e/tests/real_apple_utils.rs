//! Expo's `@expo/apple-utils` 2.2.1 against the sandbox: a client and an SRP implementation that are not ours prove that
//! the sandbox is like Apple where our own client meets it. `npm ci` in `e2e/apple-utils` installs it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::process::Command;

use apple_sandbox::{Era, Sandbox, Seed, SeedAppleId};

#[test]
#[cfg_attr(no_apple_utils, ignore = "run `npm ci` in e2e/apple-utils for Expo's client")]
fn expos_client_signs_in_and_enables_a_new_capability() {
    let folder = e2e::repository().join("e2e/apple-utils");
    assert!(
        folder.join("node_modules/@expo/apple-utils").is_dir(),
        "run `npm ci` in e2e/apple-utils"
    );
    for (era, protocol) in [(Era::November2026, "s2k"), (Era::November2026, "s2k_fo")] {
        let sandbox = Sandbox::start(&Seed {
            apple: era,
            bundle_ids: [(
                "com.example.courier".to_owned(),
                vec!["IN_APP_PURCHASE".to_owned()],
            )]
            .into(),
            apple_id: SeedAppleId {
                second_factor: false,
                signed_in: false,
                protocol: protocol.to_owned(),
                ..SeedAppleId::default()
            },
            ..Seed::default()
        })
        .unwrap();
        let home = tempfile::tempdir().unwrap();
        let port = sandbox.url().rsplit(':').next().unwrap().to_owned();
        let (name, password) = {
            let state = sandbox.state();
            (
                state.apple_id.seed.name.clone(),
                state.apple_id.seed.password.clone(),
            )
        };
        let output = Command::new("node")
            .arg("sandbox.js")
            .current_dir(&folder)
            .env("HOME", home.path())
            .env("CI", "1")
            .env("SANDBOX_PORT", port)
            .env("APPLE_ID", name)
            .env("APPLE_PASSWORD", password)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{text}");
        for said in [
            "team=SBXTEAM123",
            "capabilities=IN_APP_PURCHASE,WEATHERKIT",
            "clip=com.example.courier.Clip",
            "profile=By utils ACTIVE",
        ] {
            assert!(text.contains(said), "`{said}` was not said:\n{text}");
        }
        let state = sandbox.state();
        let paths: Vec<&str> = state.requests.iter().map(|one| one.path.as_str()).collect();
        assert!(paths.contains(&"/logout") && !paths.contains(&"/olympus/v1/app/config"));
        assert_eq!(state.apple_id.failures(), 0);
    }
}
