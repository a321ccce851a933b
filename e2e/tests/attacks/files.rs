//! What could lie where a step reads and writes.

use std::path::Path;

use e2e::Machine;

use crate::lab::{APP_STORE, ASC, DELIVER, FASTLANE, LOADER, fastlane, lane, machine, run, sandbox};

fn pipe(machine: &Machine, name: &str) -> String {
    let path = machine.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = std::fs::remove_file(&path);
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    path.display().to_string()
}

pub fn a_pipe_in_the_place_of_any_file_holds_nothing_up() {
    let sandbox = sandbox();
    // Files that a repository brings along.
    for name in [
        "Gemfile",
        "Gemfile.lock",
        ".bundle/config",
        "fastlane/Appfile",
        "fastlane/Deliverfile",
        "fastlane/metadata/copyright.txt",
        "fastlane/metadata/en-US/description.txt",
        "fastlane/screenshots/en-US/1.png",
        "android/gradle/wrapper/gradle-wrapper.properties",
    ] {
        let mut machine = machine();
        machine.meets(&sandbox);
        machine.tool("fastlane", &fastlane("exit 0"));
        machine.tool("bundle", "exit 1");
        for file in ["build.gradle", "settings.gradle", "gradlew"] {
            machine.file(&format!("project/android/{file}"), "x");
        }
        std::fs::create_dir_all(machine.path("home/.gradle")).unwrap();
        pipe(&machine, &format!("project/{name}"));
        run(
            &machine,
            FASTLANE,
            &[
                ("lane", "beta"),
                ("update_fastlane", "false"),
                ("enable_cache", "yes"),
            ],
        );
        let inputs = [
            ("engine", "native"),
            ("mode", "plan"),
            ("bundle_id", "com.example.courier"),
        ];
        run(&machine, DELIVER, &inputs);
    }
    // Places that Bitrise names.
    for key in [
        "BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH",
        "BITRISEIO_ENVFILE_PATH",
        "BITRISE_HTML_REPORT_DIR",
        "BITRISE_DEPLOY_DIR",
    ] {
        let mut machine = machine();
        machine.tool("fastlane", &fastlane("exit 0"));
        let place = pipe(&machine, "place");
        machine.set(key, &place);
        run(&machine, FASTLANE, &lane());
    }
    let mut machine = machine();
    machine.without("envman");
    let store = pipe(&machine, "place");
    machine.meets(&sandbox).set("ENVMAN_ENVSTORE_PATH", &store);
    run(&machine, ASC, APP_STORE).failed();
    // Packages.
    let mut machine = crate::lab::machine();
    machine.meets(&sandbox);
    for place in [
        pipe(&machine, "app.ipa"),
        pipe(&machine, "app.pkg"),
        "/dev/zero".to_owned(),
    ] {
        let key = if place.ends_with("pkg") {
            "pkg_path"
        } else {
            "ipa_path"
        };
        run(&machine, LOADER, &[(key, &place), ("uploader", "native")]).failed();
    }
}

pub fn places_that_others_prepared_are_not_written_through() {
    let sandbox = sandbox();
    let mut machine = machine();
    machine.meets(&sandbox);
    let victim = machine.file("victim", "kept");
    let link = |place: &Path| {
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(place);
        std::os::unix::fs::symlink(&victim, place).unwrap();
    };
    // The page, under the name that every run of the step gives it; profiles, under the UUIDs of a first run.
    run(&machine, ASC, APP_STORE);
    let mut places = e2e::files(&machine.path("report"));
    places.extend(e2e::files(&machine.path("home")));
    assert!(places.len() >= 2, "{places:?}");
    for place in places {
        link(&place);
    }
    run(&machine, ASC, APP_STORE);
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "kept");
}
