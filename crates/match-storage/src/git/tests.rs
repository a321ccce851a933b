use redaction::Redactor;

use super::*;

const CERTIFICATE: &str = "certs/distribution/ABC.cer";

/// Paths with their contents.
type Files<'a> = &'a [(&'a str, &'a [u8])];

/// A repository with a branch per list of files, the first of them the default.
struct Made {
    folder: tempfile::TempDir,
    runner: Runner,
}

#[expect(clippy::disallowed_methods, reason = "tests run git as it is on this machine")]
fn git(folder: &Path, words: &[&str]) {
    let output = std::process::Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args([
            "-c",
            "init.defaultBranch=master",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {words:?}: {text}");
}

impl Made {
    fn new(branches: &[(&str, Files<'_>)]) -> Self {
        #[expect(clippy::disallowed_methods, reason = "where git is")]
        let path = std::env::var_os("PATH").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let runner = Runner::new(Redactor::default())
            .with_env([("PATH".into(), path), ("HOME".into(), folder.path().into())]);
        let made = Self { folder, runner };
        std::fs::create_dir_all(made.work()).unwrap();
        std::fs::create_dir_all(made.private()).unwrap();
        git(&made.work(), &["init", "--quiet"]);
        for (branch, files) in branches {
            // As match does: a branch of its own history.
            git(&made.work(), &["checkout", "--quiet", "--orphan", branch]);
            let _ = std::fs::remove_dir_all(made.work().join("certs"));
            for (path, content) in *files {
                let path = made.work().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            made.commit();
        }
        if let Some((first, _)) = branches.first() {
            git(&made.work(), &["checkout", "--quiet", first]);
        }
        made
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn private(&self) -> PathBuf {
        self.folder.path().join("private")
    }

    fn commit(&self) {
        git(&self.work(), &["add", "--all"]);
        git(
            &self.work(),
            &["commit", "--quiet", "--allow-empty", "-m", "[fastlane] Updated"],
        );
    }

    fn git(&self) -> Git<'_> {
        Git::local(&self.work(), &self.private(), &self.runner).unwrap()
    }

    async fn read(&self, branch: Option<&str>) -> Result<Listing, Error> {
        let outcome = self.git().read(branch).await;
        std::fs::remove_dir_all(self.private()).unwrap();
        std::fs::create_dir_all(self.private()).unwrap();
        outcome
    }

    async fn paths(&self, branch: Option<&str>) -> Vec<String> {
        let listing = self.read(branch).await.unwrap();
        listing.files.into_iter().map(|file| file.place.path).collect()
    }
}

#[tokio::test]
#[cfg_attr(no_git, ignore = "git is not installed")]
async fn matchs_branch_is_looked_into_first_then_the_default_one() {
    // A repository that its host made with a README on `main`, and match's own branch beside it.
    let made = Made::new(&[
        ("main", &[("README.md", b"read me")]),
        ("master", &[(CERTIFICATE, b"of master")]),
        ("team-b", &[("certs/development/B.cer", b"of team b")]),
    ]);
    assert_eq!(made.paths(None).await, [CERTIFICATE]);
    assert_eq!(made.paths(Some("team-b")).await, ["certs/development/B.cer"]);
    let made = Made::new(&[
        ("main", &[(CERTIFICATE, b"of main")]),
        ("master", &[("README.md", b"")]),
    ]);
    assert_eq!(made.paths(None).await, [CERTIFICATE]);
}

#[tokio::test]
#[cfg_attr(no_git, ignore = "git is not installed")]
async fn branches_that_are_there_are_named() {
    let made = Made::new(&[
        ("main", &[("README.md", b"")]),
        ("release", &[(CERTIFICATE, b"")]),
    ]);
    let error = made.read(Some("relaese")).await.err().unwrap().to_string();
    assert_eq!(
        error,
        "the match repository has no branch `relaese`; it has main, release"
    );
    let error = made.read(None).await.err().unwrap().to_string();
    assert_eq!(
        error,
        "there are no certificates below `certs` in the branch `main`; other branches: release"
    );
}

#[tokio::test]
#[cfg_attr(no_git, ignore = "git is not installed")]
async fn a_bundle_is_read_like_the_repository_and_binary_files_stay_as_they_are() {
    let binary: Vec<u8> = (0..=255).collect();
    let made = Made::new(&[("master", &[(CERTIFICATE, &binary)])]);
    let bundle = made.folder.path().join("certs.bundle");
    git(
        &made.work(),
        &["bundle", "create", &bundle.display().to_string(), "--all"],
    );
    let git = Git::local(&bundle, &made.private(), &made.runner).unwrap();
    let listing = git.read(None).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(listing.files[0].content.as_slice(), binary);
}

#[tokio::test]
#[cfg_attr(no_git, ignore = "git is not installed")]
async fn links_submodules_hooks_and_filters_of_a_repository_do_nothing() {
    let made = Made::new(&[(
        "master",
        &[
            (CERTIFICATE, b"$Id$ content\n"),
            ("certs/distribution/BIG.p12", &vec![7; 2 << 20]),
        ],
    )]);
    let certs = made.work().join("certs/distribution");
    std::os::unix::fs::symlink("/etc/passwd", certs.join("LINK.p12")).unwrap();
    let marker = made.folder.path().join("ran");
    std::fs::write(
        made.work().join(".gitattributes"),
        "*.cer text eol=lf ident filter=evil export-ignore\n",
    )
    .unwrap();
    let evil = format!("touch {}; cat", marker.display());
    std::fs::write(
        made.work().join(".gitmodules"),
        "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c touch% ran\n",
    )
    .unwrap();
    made.commit();
    git(&made.work(), &["config", "filter.evil.smudge", &evil]);
    git(&made.work(), &["config", "core.fsmonitor", &evil]);
    for hook in ["post-checkout", "reference-transaction", "post-merge"] {
        let path = made.work().join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{evil} >/dev/null\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
    }
    let listing = made.read(None).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(listing.files.len(), 1);
    assert_eq!(listing.files[0].content.as_slice(), b"$Id$ content\n");
    let notes = listing.notes.join("\n");
    assert!(notes.contains("LINK.p12 is skipped: it is a link"), "{notes}");
    assert!(notes.contains("BIG.p12 is skipped: it is larger"), "{notes}");
    assert!(!marker.exists());
}

#[tokio::test]
#[cfg_attr(no_git, ignore = "git is not installed")]
async fn a_repository_that_grows_too_large_is_given_up_and_only_its_newest_commit_counts() {
    let mut noise = vec![0; 1 << 20];
    fill(&mut noise);
    let made = Made::new(&[("master", &[(CERTIFICATE, b"content"), ("history.bin", &noise)])]);
    let limited = || Git {
        largest: 512 << 10,
        ..made.git()
    };
    let error = limited().read(None).await.err().unwrap();
    assert!(
        matches!(
            &error,
            Error::TooLarge {
                what: "the Git repository",
                ..
            }
        ),
        "{error:?}"
    );
    std::fs::remove_dir_all(made.private()).unwrap();
    std::fs::create_dir_all(made.private()).unwrap();
    std::fs::remove_file(made.work().join("history.bin")).unwrap();
    made.commit();
    let listing = limited()
        .read(None)
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(listing.files.len(), 1);
}

/// Bytes that do not compress.
fn fill(bytes: &mut [u8]) {
    let mut state = 1_u64;
    for byte in bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *byte = state.to_be_bytes()[0];
    }
}

#[test]
fn what_git_says_is_understood() {
    let failed = |output: &str| command::Error::Failed {
        command: "git".to_owned(),
        status: 128,
        output: output.to_owned(),
    };
    for (words, expected) in [
        // Git 2.47 over https, with credentials that are missing, refused, or for another repository.
        (
            "fatal: could not read Username for 'https://example.com': terminal prompts disabled",
            GitRefusal::NoAccess,
        ),
        (
            "fatal: Authentication failed for 'https://example.com/a.git/'",
            GitRefusal::NoAccess,
        ),
        (
            "remote: Repository not found.\nfatal: repository 'https://example.com/a.git/' not found",
            GitRefusal::NoAccess,
        ),
        (
            "fatal: unable to access 'https://example.com/a.git/': The requested URL returned error: 403",
            GitRefusal::NoAccess,
        ),
        (
            "fatal: unable to access 'https://x.invalid/': Could not resolve host: x.invalid",
            GitRefusal::Unreachable,
        ),
        // OpenSSH 9 below Git.
        (
            "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            GitRefusal::NoAccess,
        ),
        (
            "Host key verification failed.\nfatal: Could not read from remote repository.",
            GitRefusal::HostKey,
        ),
        (
            "ssh: Could not resolve hostname x.invalid: Name or service not known\nfatal: Could not read from remote repository.",
            GitRefusal::Unreachable,
        ),
        (
            "fatal: detected dubious ownership in repository at '/x'",
            GitRefusal::Ownership,
        ),
        ("fatal: bad object", GitRefusal::Other),
    ] {
        assert_eq!(refusal(&failed(words)), expected, "{words}");
    }
    let missing = command::Error::NotFound {
        program: "git".to_owned(),
    };
    assert_eq!(refusal(&missing), GitRefusal::NotInstalled);
}
