//! What could lie in the places of the launcher and of caches.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::lab::{FASTLANE, fastlane, lane, machine, run};

const BINARY: &str = "#!/bin/sh\necho the binary runs\n";
const EVIL: &str = "#!/bin/sh\necho something else runs\n";

/// A launcher of a release on a "host" that is a folder.
struct Lab {
    machine: e2e::Machine,
    launcher: String,
}

impl Lab {
    fn new() -> Self {
        let machine = machine();
        let sum: String = Sha256::digest(BINARY)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let assets = e2e::repository().join("xtask/src/assets");
        let asset = |name: &str| std::fs::read_to_string(assets.join(name)).unwrap();
        let script = asset("step.sh")
            .replace("@HEAD@", asset("launcher-head.sh").trim_end())
            .replace("@NAME@", "step-deliver")
            .replace("@ID@", "deliver")
            .replace("@VERSION@", "1.2.3")
            .replace("@CHECKSUMS@", &format!("{} {sum}", platform()))
            .replace("@URL@", &format!("file://{}", machine.path("host").display()));
        let launcher = machine.file("step/step.sh", script);
        machine.file(
            &format!("host/executables/deliver/1.2.3/step-deliver-{}", platform()),
            BINARY,
        );
        Self { machine, launcher }
    }

    fn run(&self, variables: &[(&str, &str)]) -> (bool, String) {
        let output = Command::new("bash")
            .arg(&self.launcher)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TMPDIR", self.machine.path("tmp"))
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    fn program(&self, path: &Path, content: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        e2e::executable(&path.display().to_string());
    }
}

fn platform() -> &'static str {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "darwin-arm64",
        ("macos", _) => "darwin-amd64",
        (_, "aarch64") => "linux-arm64",
        _ => "linux-amd64",
    }
}

pub fn an_indicator_of_gradle_is_not_written_through_a_link() {
    for target in ["victim", "missing", "."] {
        let mut machine = machine();
        machine.tool("fastlane", &fastlane("exit 0"));
        for name in ["build.gradle", "settings.gradle", "gradlew"] {
            machine.file(&format!("project/android/{name}"), "x");
        }
        let victim = machine.file("victim", "kept");
        let target = machine.path(target);
        std::os::unix::fs::symlink(&target, machine.path("project/android/gradle.deps")).unwrap();
        let mut inputs = lane();
        inputs.retain(|(key, _)| *key != "enable_cache");
        inputs.push(("enable_cache", "yes"));
        let ran = run(&machine, FASTLANE, &inputs);
        assert_eq!(ran.status, Some(0), "{}", ran.text);
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "kept");
        assert!(!machine.path("missing").exists());
        let written = machine.path("project/android/gradle.deps");
        assert!(written.is_file() && !written.is_symlink(), "{}", ran.text);
    }
}

pub fn a_cached_program_that_was_replaced_is_not_run() {
    let lab = Lab::new();
    let cache = lab.machine.path("cache").display().to_string();
    let variables = [("APPLE_STEPS_CACHE_DIR", cache.as_str())];
    let (ok, text) = lab.run(&variables);
    assert!(ok && text.contains("the binary runs"), "{text}");
    let place: PathBuf = lab
        .machine
        .path(&format!("cache/1.2.3/step-deliver-{}", platform()));
    assert!(place.is_file());
    // Another program, a link to one, and one that lost its end.
    let other = lab.machine.path("other");
    lab.program(&other, EVIL);
    for kind in 0..3 {
        std::fs::remove_file(&place).unwrap();
        match kind {
            0 => lab.program(&place, EVIL),
            1 => std::os::unix::fs::symlink(&other, &place).unwrap(),
            _ => lab.program(&place, &BINARY[..20]),
        }
        let (ok, text) = lab.run(&variables);
        assert!(
            ok && text.contains("the binary runs") && !text.contains("something else"),
            "{kind}: {text}"
        );
        assert_eq!(std::fs::read_to_string(&other).unwrap(), EVIL);
        assert!(!place.is_symlink());
    }
}

pub fn without_a_home_no_place_of_everybodys_is_used() {
    let sandbox = crate::lab::sandbox();
    for home in [None, Some("")] {
        let mut machine = machine();
        machine.meets(&sandbox).set("mode", "plan");
        let wrapper = format!(
            "#!/bin/sh\n{}\nexec '{}'\n",
            if home.is_none() { "unset HOME" } else { "HOME=" },
            e2e::binary(crate::lab::ASC).display()
        );
        let wrapper = machine.file("wrapper", wrapper);
        e2e::executable(&wrapper);
        let ran = run(&machine, &wrapper, crate::lab::APP_STORE);
        let line = ran
            .text
            .lines()
            .find(|line| line.contains("- keychain_path:"))
            .unwrap()
            .to_owned();
        assert!(!line.contains(": /Library"), "{line}");
        assert!(line.ends_with("/Library/Keychains/login.keychain"), "{line}");
    }
}

pub fn what_was_planted_without_a_home_is_not_run() {
    let own = nobody();
    for kind in ["link", "open", "foreign"] {
        let lab = Lab::new();
        let user = String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap();
        let place = lab
            .machine
            .path(&format!("tmp/apple-steps-cache-{}", user.trim()));
        let planted = lab.machine.path("planted");
        lab.program(&planted.join(format!("1.2.3/step-deliver-{}", platform())), EVIL);
        match kind {
            "link" => std::os::unix::fs::symlink(&planted, &place).unwrap(),
            "open" => {
                std::fs::create_dir(&place).unwrap();
                assert!(
                    Command::new("chmod")
                        .arg("777")
                        .arg(&place)
                        .status()
                        .unwrap()
                        .success()
                );
            }
            _ => {
                std::fs::create_dir(&place).unwrap();
                // Who is not root can't give a folder away.
                if !own
                    || !Command::new("chown")
                        .arg("65534")
                        .arg(&place)
                        .status()
                        .unwrap()
                        .success()
                {
                    continue;
                }
            }
        }
        let (ok, text) = lab.run(&[]);
        assert!(!ok && text.contains("apple-steps-cache-"), "{kind}: {text}");
        assert!(!text.contains("runs"), "{kind}: {text}");
    }
}

/// Whether this is root, who can give files away.
fn nobody() -> bool {
    String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout)
        .unwrap()
        .trim()
        == "0"
}
