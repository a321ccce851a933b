//! What could happen at the same time.

use std::os::unix::fs::symlink;

use crate::lab::{APP_STORE, ASC, Liar, Ran, machine, run, sandbox};

pub fn builds_at_the_same_time_share_a_home_and_lose_nothing() {
    let sandbox = sandbox();
    let mut shared = machine();
    shared.meets(&sandbox);
    shared.without("security").without("envman");
    let store = shared.path("envstore.yml").display().to_string();
    shared.set("ENVMAN_ENVSTORE_PATH", &store);
    let copies: Vec<String> = (0..8)
        .map(|number| {
            let copy = shared.path(&format!("copy{number}"));
            e2e::copy_tree(&e2e::repository().join("samples/courier"), &copy);
            copy.join("Courier.xcodeproj").display().to_string()
        })
        .collect();
    std::thread::scope(|scope| {
        let runs: Vec<_> = copies
            .iter()
            .map(|copy| {
                let shared = &shared;
                scope.spawn(move || {
                    run(
                        shared,
                        ASC,
                        &[("distribution_type", "app-store"), ("project_path", copy)],
                    )
                })
            })
            .collect();
        for ended in runs {
            let ran: Ran = ended.join().unwrap();
            assert_eq!(ran.status, Some(0), "{}", ran.text);
        }
    });
    let state = sandbox.state();
    let mut names: Vec<&str> = state
        .profiles
        .iter()
        .map(|profile| profile.name.as_str())
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "profiles were made twice");
    let outputs = apple_sandbox::tools::envman::read(&std::fs::read_to_string(&store).unwrap());
    assert!(
        outputs.iter().any(|(key, _)| key == "BITRISE_DEVELOPER_TEAM"),
        "{outputs:?}"
    );
}

pub fn what_takes_the_projects_place_meanwhile_is_not_written_through() {
    let sandbox = sandbox();
    for kind in ["link", "pipe", "directory", "nothing", "endless"] {
        let place = std::sync::Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
        let shared = std::sync::Arc::clone(&place);
        let liar = Liar::new(&sandbox.url(), move |heard, _| {
            if let (true, Some(file)) = (heard.line.starts_with("POST /v1/profiles"), shared.get()) {
                let _ = std::fs::remove_file(file);
                let victim = file.with_file_name("victim");
                match kind {
                    "link" => drop(symlink(victim, file)),
                    "pipe" => drop(std::process::Command::new("mkfifo").arg(file).status()),
                    "directory" => drop(std::fs::create_dir(file)),
                    "endless" => drop(symlink("/dev/zero", file)),
                    _ => {}
                }
            }
            false
        });
        let machine = liar.machine(&sandbox);
        let file = machine.path("project/Courier.xcodeproj/project.pbxproj");
        let victim = machine.file("project/Courier.xcodeproj/victim", "kept");
        place.set(file).unwrap();
        sandbox.state().profiles.clear();
        run(&machine, ASC, APP_STORE).failed();
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "kept", "{kind}");
    }
}

pub fn a_temporary_directory_that_goes_away_is_an_error() {
    let sandbox = sandbox();
    let place = std::sync::Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let shared = std::sync::Arc::clone(&place);
    let liar = Liar::new(&sandbox.url(), move |heard, _| {
        if let (true, Some(folder)) = (heard.line.starts_with("GET /v1/"), shared.get()) {
            let _ = std::fs::remove_dir_all(folder);
        }
        false
    });
    let machine = liar.machine(&sandbox);
    place.set(machine.path("tmp")).unwrap();
    let before = machine.project_file();
    let ran = run(&machine, ASC, APP_STORE);
    if ran.status != Some(0) {
        assert_eq!(machine.project_file(), before, "{}", ran.text);
    }
    let left = machine.leftovers(&e2e::secrets(&sandbox));
    let left: Vec<_> = left
        .iter()
        .filter(|path| path.starts_with(machine.path("tmp")))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
