//! The launcher of a step: what it runs, and what it refuses to run.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what fails ends the test"
)]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use common::root;

const BINARY: &str = "#!/bin/sh\necho the binary runs\n";

fn platform() -> &'static str {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "darwin-arm64",
        ("macos", _) => "darwin-amd64",
        (_, "aarch64") => "linux-arm64",
        _ => "linux-amd64",
    }
}

fn write_program(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// Every file below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() { walk(&path) } else { vec![path] }
        })
        .collect()
}

/// A release of one step on a "host" that is a folder, and an empty place to run its launcher in.
struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    fn new(checksum_of: &str, platform_of_checksum: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sum = base16ct::lower::encode_string(&Sha256::digest(checksum_of.replace("BINARY", BINARY)));
        let asset = |name: &str| std::fs::read_to_string(root().join("xtask/src/assets").join(name)).unwrap();
        let script = asset("step.sh")
            .replace("@HEAD@", asset("launcher-head.sh").trim_end())
            .replace("@NAME@", "step-deliver")
            .replace("@ID@", "deliver")
            .replace("@VERSION@", "1.2.3")
            .replace("@CHECKSUMS@", &format!("{platform_of_checksum} {sum}"))
            .replace("@URL@", &format!("file://{}/host", folder.path().display()));
        write_program(&folder.path().join("step/step.sh"), &script);
        let binary = format!("host/executables/deliver/1.2.3/step-deliver-{}", platform());
        write_program(&folder.path().join(binary), BINARY);
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("bash");
        command
            .arg(self.path("step/step.sh"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("TMPDIR", self.path("tmp"))
            .env("APPLE_STEPS_CACHE_DIR", self.path("cache"));
        command
    }

    fn run(&self, change: impl FnOnce(&mut Command)) -> (bool, String) {
        let mut command = self.command();
        change(&mut command);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }
}

#[test]
fn a_launcher_downloads_verifies_and_runs_and_the_second_time_only_runs() {
    let lab = Lab::new("BINARY", platform());
    let (good, text) = lab.run(|_| {});
    assert!(
        good && text.contains("Downloading") && text.contains("the binary runs"),
        "{text}"
    );
    let (good, text) = lab.run(|command| {
        command.env("APPLE_STEPS_RELEASE_URL", "file:///nowhere");
    });
    assert!(
        good && !text.contains("Downloading") && text.contains("the binary runs"),
        "{text}"
    );
    // A file in the cache that is not the release's is replaced, never run.
    let cached = walk(&lab.path("cache"));
    write_program(&cached[0], "#!/bin/sh\necho planted\n");
    let (good, text) = lab.run(|_| {});
    assert!(
        good && text.contains("the binary runs") && !text.contains("planted"),
        "{text}"
    );
}

#[test]
fn a_launcher_runs_nothing_that_it_cannot_verify() {
    for (lab, url, expected) in [
        (
            Lab::new("something else", platform()),
            None,
            "is not what release",
        ),
        (Lab::new("BINARY", "plan9-mips"), None, "for this platform"),
        (
            Lab::new("BINARY", platform()),
            Some("http://127.0.0.1:1"),
            "could not be downloaded",
        ),
    ] {
        let (good, text) = lab.run(|command| {
            if let Some(url) = url {
                command.env("APPLE_STEPS_RELEASE_URL", url);
            }
        });
        assert!(
            !good && text.contains(expected) && !text.contains("the binary runs"),
            "{text}"
        );
        assert_eq!(walk(&lab.path("cache")), Vec::<PathBuf>::new());
    }
}

#[test]
fn credentials_in_the_address_of_a_release_are_not_shown() {
    let lab = Lab::new("BINARY", platform());
    let (good, text) = lab.run(|command| {
        command.env(
            "APPLE_STEPS_RELEASE_URL",
            "http://ada:s3cret@127.0.0.1:1/releases",
        );
    });
    assert!(!good && text.contains("http://127.0.0.1:1/releases"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn without_a_home_the_cache_is_private_and_a_planted_one_is_refused() {
    let lab = Lab::new("BINARY", platform());
    let without_home = |command: &mut Command| {
        command.env_remove("APPLE_STEPS_CACHE_DIR");
    };
    let (good, text) = lab.run(without_home);
    assert!(good && text.contains("the binary runs"), "{text}");
    let cache = std::fs::read_dir(lab.path("tmp"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert_eq!(mode(&cache), 0o700);
    // Somebody else could have put a program there.
    for planted in [0o777, 0o775, 0o707] {
        std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(planted)).unwrap();
        let (good, text) = lab.run(without_home);
        assert!(!good && !text.contains("the binary runs"), "{planted:o}: {text}");
    }
    std::fs::remove_dir_all(&cache).unwrap();
    std::fs::create_dir(lab.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(lab.path("elsewhere"), &cache).unwrap();
    let (good, text) = lab.run(without_home);
    assert!(!good && text.contains("belongs to somebody else"), "{text}");
    assert_eq!(walk(&lab.path("elsewhere")), Vec::<PathBuf>::new());
}

/// A checkout with a cargo that tells what it is asked for and "builds" the step.
fn checkout(lab: &Lab, name: &str) -> PathBuf {
    let clone = lab.path(name);
    let script = std::fs::read_to_string(root().join("steps/deliver/step.sh")).unwrap();
    write_program(&clone.join("steps/deliver/step.sh"), &script);
    for (file, content) in [
        ("Cargo.toml", "[workspace]"),
        ("Cargo.lock", "version = 4"),
        ("crates/a/src/lib.rs", "//! A."),
    ] {
        let path = clone.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let cargo = "#!/bin/sh\necho \"   Compiling $*\"\necho \"cargo runs in $PWD\"\nwhile [ \"$1\" != --target-dir ]; do shift; done\nmkdir -p \"$2/release\"\n\
                 printf '#!/bin/sh\\necho \"the binary runs in $PWD\"\\n' > \"$2/release/step-deliver\"\n";
    write_program(&lab.path("bin/cargo"), cargo);
    clone
}

/// The launcher of a checkout, with the lab's cargo.
fn launched(lab: &Lab, launcher: &Path) -> Command {
    let mut own = Command::new("bash");
    let path = std::env::var("PATH").unwrap();
    own.arg(launcher)
        .env_clear()
        .envs(
            lab.command()
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .env("PATH", format!("{}:{path}", lab.path("bin").display()));
    own
}

#[test]
fn sources_are_built_once_wherever_they_are_cloned_to() {
    let lab = Lab::new("BINARY", platform());
    let run =
        |clone: &Path| lab.run(|command| *command = launched(&lab, &clone.join("steps/deliver/step.sh")));
    let first = checkout(&lab, "first");
    let (good, text) = run(&first);
    assert!(good && text.contains("the binary runs"), "{text}");
    for words in [
        "Building step-deliver",
        "were not built before",
        "Compiling build --release",
    ] {
        assert!(text.contains(words), "`{words}`: {text}");
    }
    let (good, text) = run(&checkout(&lab, "second"));
    assert!(
        good && !text.contains("Building") && text.contains("the binary runs"),
        "{text}"
    );
    std::fs::write(first.join("crates/a/src/lib.rs"), "//! B.").unwrap();
    let (good, text) = run(&first);
    assert!(good && text.contains("Building"), "{text}");
    // A file's name is part of a program, too.
    std::fs::rename(
        first.join("crates/a/src/lib.rs"),
        first.join("crates/a/src/main.rs"),
    )
    .unwrap();
    let (good, text) = run(&first);
    assert!(good && text.contains("Building"), "{text}");
}

/// An app's `.cargo/config.toml` or `rust-toolchain.toml` is for the app's own Rust: cargo and rustup look for them in the folder
/// where they start, and above it. The step itself runs where Bitrise starts it.
#[test]
fn an_apps_configuration_of_cargo_does_not_reach_the_step() {
    let lab = Lab::new("BINARY", platform());
    let clone = checkout(&lab, "clone");
    let app = lab.path("app");
    std::fs::create_dir(&app).unwrap();
    for (target, place) in [
        (None, "cache/target"),
        (Some("own"), "app/own"),
        (Some(""), "cache/target"),
    ] {
        let (good, text) = lab.run(|command| {
            *command = launched(&lab, &clone.join("steps/deliver/step.sh"));
            command.current_dir(&app);
            if let Some(target) = target {
                command.env("CARGO_TARGET_DIR", target);
            }
        });
        for words in [
            format!("cargo runs in {}", clone.display()),
            format!("the binary runs in {}", app.display()),
            lab.path(place).display().to_string(),
        ] {
            assert!(good && text.contains(&words), "`{words}`: {text}");
        }
        std::fs::remove_dir_all(lab.path("cache")).unwrap();
    }
}

#[test]
fn a_signal_to_the_launcher_ends_cargo_and_leaves_nothing() {
    for signal in ["TERM", "HUP", "INT"] {
        let lab = Lab::new("BINARY", platform());
        let clone = checkout(&lab, "clone");
        let pid = lab.path("pid");
        write_program(
            &lab.path("bin/cargo"),
            &format!("#!/bin/sh\necho $$ > '{}'\nexec sleep 60\n", pid.display()),
        );
        let mut launcher = launched(&lab, &clone.join("steps/deliver/step.sh"))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let until = |holds: &dyn Fn() -> bool| {
            (0..300).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(50));
                holds()
            })
        };
        assert!(until(
            &|| std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))
        ));
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &launcher.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        assert!(!launcher.wait().unwrap().success());
        let cargo = std::fs::read_to_string(&pid).unwrap();
        let lives = || {
            let mut probe = Command::new("kill");
            probe
                .args(["-0", cargo.trim()])
                .stderr(std::process::Stdio::null());
            probe.status().unwrap().success()
        };
        assert!(until(&|| !lives()), "cargo survives SIG{signal}");
        assert_eq!(walk(&lab.path("cache")), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_launcher_is_found_through_links_and_whatever_cd_searches() {
    let lab = Lab::new("BINARY", platform());
    checkout(&lab, "a clone");
    let link = lab.path("linked/step.sh");
    std::fs::create_dir(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("../a clone/steps/deliver/step.sh", &link).unwrap();
    let absolute = lab.path("step-of-mine");
    std::os::unix::fs::symlink(&link, &absolute).unwrap();
    for launcher in [
        link,
        absolute,
        PathBuf::from("linked/step.sh"),
        PathBuf::from("a clone/steps/deliver/step.sh"),
    ] {
        let (good, text) = lab.run(|command| {
            *command = launched(&lab, &launcher);
            command
                .current_dir(lab.folder.path())
                .env("CDPATH", format!("{}:.", lab.path("a clone").display()));
        });
        assert!(
            good && text.contains("the binary runs"),
            "{}: {text}",
            launcher.display()
        );
    }
}

/// Where Bitrise shows what became of a step: its summary and the build's annotations.
struct Shown {
    folder: tempfile::TempDir,
}

impl Shown {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("home/.bitrise/plugins/annotations")).unwrap();
        let annotated = folder.path().join("annotated");
        write_program(
            &folder.path().join("bin/bitrise"),
            &format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > '{}'\n", annotated.display()),
        );
        Self { folder }
    }

    fn add_to(&self, command: &mut Command) {
        let path = std::env::var("PATH").unwrap();
        command
            .env(
                "PATH",
                format!("{}:{path}", self.folder.path().join("bin").display()),
            )
            .env("HOME", self.folder.path().join("home"))
            .env(
                "BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH",
                self.folder.path().join("summary.md"),
            );
    }

    fn assert(&self, words: &str) {
        for file in ["summary.md", "annotated"] {
            let text = std::fs::read_to_string(self.folder.path().join(file)).unwrap();
            assert!(
                text.contains("**Failed:** ") && text.contains(words),
                "{file}: {text}"
            );
        }
    }
}

#[test]
fn what_a_launcher_fails_of_stands_in_the_summary_and_on_the_builds_page() {
    let lab = Lab::new("BINARY", platform());
    let shown = Shown::new();
    let (good, text) = lab.run(|command| {
        shown.add_to(command);
        command.env("APPLE_STEPS_RELEASE_URL", "file:///nowhere");
    });
    assert!(!good, "{text}");
    shown.assert("could not be downloaded from file:///nowhere");
    let shown = Shown::new();
    let (good, text) = lab.run(|command| {
        *command = Command::new("bash");
        command.arg(root().join("step.sh")).env("step", "delivr");
        shown.add_to(command);
    });
    assert!(!good, "{text}");
    shown.assert("'delivr' is none of the steps; accepted: application-loader, ");
}

/// A folder of links to programs, for a `PATH` that lacks some.
fn programs_without(lab: &Lab, missing: &[&str]) -> String {
    let folder = lab.path("programs");
    std::fs::create_dir_all(&folder).unwrap();
    let path = std::env::var("PATH").unwrap();
    for name in [
        "bash",
        "basename",
        "cat",
        "chmod",
        "curl",
        "cut",
        "date",
        "dirname",
        "find",
        "id",
        "kill",
        "mkdir",
        "mktemp",
        "mv",
        "openssl",
        "rm",
        "sed",
        "sha256sum",
        "shasum",
        "sleep",
        "sort",
        "tr",
        "uname",
        "wget",
        "readlink",
        "xargs",
    ] {
        let found = std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file());
        if let (Some(found), false) = (found, missing.contains(&name)) {
            std::os::unix::fs::symlink(found, folder.join(name)).unwrap();
        }
    }
    folder.display().to_string()
}

#[test]
fn what_the_machine_lacks_is_said_before_anything_is_run() {
    for (missing, expected) in [
        (&["curl", "wget"][..], "Neither curl nor wget is installed"),
        (
            &["sha256sum", "shasum", "openssl"],
            "None of sha256sum, shasum, and openssl is installed",
        ),
    ] {
        let lab = Lab::new("BINARY", platform());
        let path = programs_without(&lab, missing);
        let (good, text) = lab.run(|command| {
            command.env("PATH", &path);
        });
        assert!(!good && text.contains(expected), "{text}");
        assert!(!text.contains("the binary runs"), "{text}");
        assert_eq!(walk(&lab.path("cache")), Vec::<PathBuf>::new());
    }
}

/// Alpine and others have musl: a program that needs glibc's loader would be "not found" there, although it is there.
#[test]
#[cfg_attr(target_os = "macos", ignore = "macOS has no glibc")]
fn a_system_without_glibc_is_told_what_to_do() {
    let lab = Lab::new("BINARY", platform());
    let script = std::fs::read_to_string(lab.path("step/step.sh")).unwrap();
    let elsewhere = script
        .replace("/lib64/ld-", "/nowhere/ld-")
        .replace("/lib/ld-", "/nowhere/ld-");
    assert_ne!(script, elsewhere);
    write_program(&lab.path("step/step.sh"), &elsewhere);
    let (good, text) = lab.run(|_| {});
    assert!(!good && !text.contains("Downloading"), "{text}");
    for words in ["needs glibc 2.17", "Alpine", "APPLE_STEPS_BIN_DIR"] {
        assert!(text.contains(words), "`{words}`: {text}");
    }
}

#[test]
fn a_home_that_cannot_be_written_to_is_no_obstacle_and_a_chosen_cache_is_named() {
    let lab = Lab::new("BINARY", platform());
    std::fs::write(lab.path("file"), "").unwrap();
    // A home that is none: containers run as users without one.
    for home in [lab.path("file").display().to_string(), "/dev/null".to_owned()] {
        let (good, text) = lab.run(|command| {
            command.env_remove("APPLE_STEPS_CACHE_DIR").env("HOME", &home);
        });
        assert!(good && text.contains("the binary runs"), "{home}: {text}");
    }
    let (good, text) = lab.run(|command| {
        command.env("APPLE_STEPS_CACHE_DIR", lab.path("file/cache"));
    });
    assert!(!good && text.contains("APPLE_STEPS_CACHE_DIR is "), "{text}");
    // Neither place: the temporary directory is a file, too.
    let (good, text) = lab.run(|command| {
        command
            .env_remove("APPLE_STEPS_CACHE_DIR")
            .env("HOME", "/dev/null")
            .env("TMPDIR", lab.path("file"));
    });
    assert!(
        !good && text.contains("There is no place for step-deliver"),
        "{text}"
    );
}

#[test]
fn a_cached_file_that_lost_its_mode_runs_again() {
    let lab = Lab::new("BINARY", platform());
    let (good, text) = lab.run(|_| {});
    assert!(good, "{text}");
    let cached = walk(&lab.path("cache")).remove(0);
    std::fs::set_permissions(&cached, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (good, text) = lab.run(|_| {});
    assert!(good && !text.contains("Downloading"), "{text}");
}

#[test]
fn a_download_that_breaks_off_leaves_nothing() {
    use std::io::{Read as _, Write as _};
    let lab = Lab::new("BINARY", platform());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n#!/bin/sh\n");
        }
    });
    let (good, text) = lab.run(|command| {
        command.env("APPLE_STEPS_RELEASE_URL", &url);
    });
    assert!(!good && text.contains("could not be downloaded"), "{text}");
    assert_eq!(walk(&lab.path("cache")), Vec::<PathBuf>::new());
}

#[test]
fn folders_with_blanks_two_at_once_and_a_plain_shell_work() {
    let lab = Lab::new("BINARY", platform());
    let children: Vec<_> = ["bash", "bash", "sh"]
        .iter()
        .map(|shell| {
            let mut command = Command::new(shell);
            command
                .arg(lab.path("step/step.sh"))
                .env_clear()
                .envs(
                    lab.command()
                        .get_envs()
                        .filter_map(|(key, value)| Some((key, value?))),
                )
                .env("APPLE_STEPS_CACHE_DIR", lab.path("a cache 'of' mine"))
                .stdout(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("the binary runs"),
            "{text}"
        );
    }
    assert_eq!(walk(&lab.path("a cache 'of' mine")).len(), 1);
}

#[test]
fn the_root_launcher_names_the_steps_that_there_are() {
    let output = Command::new("bash")
        .arg(root().join("step.sh"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("step", "codesign")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("'codesign'") && text.contains("auto-provision-asc"),
        "{text}"
    );
}

/// As in all other inputs; a release that was unpacked by a program that forgets modes works as well.
#[test]
fn the_root_launcher_takes_blanks_around_a_steps_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("step.sh"), folder.path().join("step.sh")).unwrap();
    let inner = folder.path().join("steps/deliver/step.sh");
    write_program(&inner, "#!/bin/sh\necho \"runs $0\"\n");
    std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o644)).unwrap();
    for (given, starts) in [
        ("deliver", true),
        (" deliver ", true),
        ("deliver\n", true),
        ("\tdeliver\r\n", true),
        ("", false),
        (" ", false),
        ("de liver", false),
        ("*", false),
    ] {
        let output = Command::new("bash")
            .arg(folder.path().join("step.sh"))
            .env("step", given)
            .env_remove("HOME")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            text.contains("steps/deliver/step.sh"),
            starts,
            "{given:?}: {text}"
        );
        assert_eq!(output.status.success(), starts, "{given:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            error.contains("is required, but has no value"),
            given.trim().is_empty(),
            "{error}"
        );
    }
}
