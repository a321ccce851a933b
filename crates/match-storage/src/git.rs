//! Storages in Git: repositories elsewhere, bare ones of this machine, and bundles.
//!
//! Nothing is checked out, so that no hook, filter, submodule, or link of the repository matters: the tree is listed, and
//! the files of interest are read as they were committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use command::{Command, Output, Runner};
use secrecy::SecretString;
use walkdir::WalkDir;

use crate::error::{Error, GitRefusal};
use crate::layout::{LARGEST_FILE, Listing, Place};
use crate::location::{Credentials, Remote};

/// The largest repository that is fetched, in bytes. Only the newest commit is, where the server can do that.
const LARGEST_REPOSITORY: u64 = 256 << 20;

/// How long one call of Git may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked how much a fetch has brought.
const LOOK: Duration = Duration::from_millis(200);

/// match's own default.
const USUAL_BRANCH: &str = "master";

/// More branches than are worth naming.
const NAMED_BRANCHES: usize = 20;

/// More settings than any environment brings along for Git.
const MOST_SETTINGS: usize = 1000;

/// What the repository is called on command lines, so that its address is not on them.
const SOURCE: &str = "match-source";

/// Gives Git the credentials of one host, on standard output, from its environment.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$APPLE_STEPS_GIT_USER" "$APPLE_STEPS_GIT_PASSWORD"; }; f"#;

/// A Git repository, and where to keep what is fetched of it.
pub(crate) struct Git<'a> {
    runner: &'a Runner,
    /// Where it is.
    address: String,
    /// What it is called in messages.
    called: String,
    host: String,
    credentials: Option<Credentials>,
    protocols: &'static str,
    /// A private directory.
    directory: PathBuf,
    /// The largest repository that is fetched, in bytes.
    largest: u64,
}

/// What is there: the branches with their commits, and which one is the default.
struct Branches {
    names: BTreeSet<String>,
    head: Option<String>,
}

impl<'a> Git<'a> {
    /// A repository elsewhere.
    pub(crate) fn remote(remote: Remote, directory: &Path, runner: &'a Runner) -> Self {
        let host = remote.host.split_once("://").map_or("", |(_, host)| host);
        Self {
            runner,
            called: format!("the match repository on {host}"),
            address: remote.address,
            host: remote.host,
            credentials: remote.credentials,
            protocols: remote.protocols,
            directory: directory.to_owned(),
            largest: LARGEST_REPOSITORY,
        }
    }

    /// A repository or a bundle of this machine.
    pub(crate) fn local(path: &Path, directory: &Path, runner: &'a Runner) -> Result<Self, Error> {
        // Git takes an absolute path for a path, whatever is in it.
        let path = std::path::absolute(path).map_err(Error::Local)?;
        Ok(Self {
            runner,
            address: path.display().to_string(),
            called: "the match repository".to_owned(),
            host: String::new(),
            credentials: None,
            protocols: "file",
            directory: directory.to_owned(),
            largest: LARGEST_REPOSITORY,
        })
    }

    /// The certificates and keys of a branch: of the given one, else of match's default, else of the repository's.
    pub(crate) async fn read(&self, branch: Option<&str>) -> Result<Listing, Error> {
        let repository = self.directory.join("match.git");
        // Without templates there are no hooks.
        let init = Command::new("git")
            .args(["init", "--quiet", "--bare", "--template="])
            .arg(&repository);
        self.run("make room for the match repository".to_owned(), init)
            .await?;
        let branches = self.branches().await?;
        let candidates = branches.candidates(branch)?;
        let mut looked = Vec::new();
        for candidate in candidates {
            self.fetch(&repository, &candidate).await?;
            let listing = self.listing(&repository).await?;
            if !listing.files.is_empty() || !listing.notes.is_empty() {
                return Ok(listing);
            }
            looked.push(candidate);
        }
        let branches = branches.others(&looked);
        Err(Error::Empty {
            place: format!("the branch `{}`", looked.join("` or `")),
            branches,
        })
    }

    async fn branches(&self) -> Result<Branches, Error> {
        let what = format!("list the branches of {}", self.called);
        let command = Command::new("git").args(["ls-remote", "--symref", SOURCE, "HEAD", "refs/heads/*"]);
        let output = self.run(what, command).await?;
        Ok(Branches::read(&output.stdout))
    }

    async fn fetch(&self, repository: &Path, branch: &str) -> Result<(), Error> {
        let what = format!("fetch the branch `{branch}` of {}", self.called);
        let command = |depth: &[&str]| {
            Command::new("git")
                .args(["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"])
                .args(depth)
                .arg(SOURCE)
                .arg(format!("+refs/heads/{branch}:refs/heads/source"))
                .current_dir(repository)
        };
        match self.run(what.clone(), command(&["--depth=1"])).await {
            // Servers that only hand out files.
            Err(Error::Git { source, .. }) if source.to_string().contains("shallow") => {
                self.run(what, command(&[])).await.map(drop)
            }
            outcome => outcome.map(drop),
        }
    }

    /// What the fetched branch holds.
    async fn listing(&self, repository: &Path) -> Result<Listing, Error> {
        let what = || format!("read {}", self.called);
        let tree = Command::new("git")
            .args(["ls-tree", "-r", "-l", "-z", "--full-tree", "refs/heads/source"])
            .current_dir(repository);
        let tree = self.run(what(), tree).await?;
        let mut listing = Listing::default();
        for line in tree.stdout.split('\0') {
            // <mode> <type> <object> <size>, a tab, and the path.
            let Some((facts, path)) = line.split_once('\t') else {
                continue;
            };
            let Some(place) = Place::of(path) else { continue };
            let facts: Vec<&str> = facts.split_whitespace().collect();
            let [mode, "blob", object, size] = facts.as_slice() else {
                continue;
            };
            if !mode.starts_with("100") {
                listing.skip(&place, "it is a link");
                continue;
            }
            if size.parse::<u64>().is_ok_and(|size| size > LARGEST_FILE) {
                listing.skip(&place, "it is larger than any certificate or key");
                continue;
            }
            let unpack = Command::new("git")
                .args(["unpack-file", object])
                .current_dir(repository);
            let unpacked = self.run(what(), unpack).await?;
            let file = repository.join(unpacked.stdout.trim());
            let content = files::read(&file, LARGEST_FILE).map_err(Error::Local)?;
            let _ = std::fs::remove_file(&file);
            listing.add(place, content)?;
        }
        Ok(listing)
    }

    /// Runs Git, and ends it when it has brought more than any storage has.
    async fn run(&self, what: String, command: Command) -> Result<Output, Error> {
        let command = self.environment(command).timeout(PATIENCE);
        let outgrown = async {
            while size(&self.directory) <= self.largest {
                tokio::time::sleep(LOOK).await;
            }
        };
        let outcome = tokio::select! {
            outcome = self.runner.checked(command) => outcome,
            () = outgrown => return Err(self.too_large()),
        };
        if size(&self.directory) > self.largest {
            return Err(self.too_large());
        }
        outcome.map_err(|source| Error::Git {
            what,
            refusal: refusal(&source),
            source,
        })
    }

    fn too_large(&self) -> Error {
        Error::TooLarge {
            what: "the Git repository",
            limit: format!("{} MB", self.largest >> 20),
        }
    }

    /// Git must ask nobody, and must not take this run for a part of another repository's.
    fn environment(&self, mut command: Command) -> Command {
        let address = SecretString::from(self.address.clone());
        if self.protocols != "file" {
            // Its path or query may be a token.
            self.runner.redactor().learn_secret(&address);
        }
        let mut settings = vec![
            (format!("remote.{SOURCE}.url"), self.address.clone()),
            ("gc.auto".to_owned(), "0".to_owned()),
        ];
        if let Some(credentials) = &self.credentials {
            command = command
                .secret_env("APPLE_STEPS_GIT_USER", &credentials.user)
                .secret_env("APPLE_STEPS_GIT_PASSWORD", &credentials.password);
            // An empty helper forgets those before it. Git asks a helper for its own host only.
            settings.push(("credential.helper".to_owned(), String::new()));
            settings.push((format!("credential.{}.helper", self.host), HELPER.to_owned()));
        }
        // After those of the user, such as a proxy or a directory that is trusted: the last one counts.
        let given = self.runner.variable("GIT_CONFIG_COUNT");
        let given: usize = given
            .and_then(|count| count.to_str()?.trim().parse().ok())
            .filter(|count| *count <= MOST_SETTINGS)
            .unwrap_or_default();
        command = command.env("GIT_CONFIG_COUNT", (given + settings.len()).to_string());
        for (number, (key, value)) in (given..).zip(&settings) {
            command = command
                .env(format!("GIT_CONFIG_KEY_{number}"), key)
                .env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        for name in [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            "GIT_NAMESPACE",
            "GIT_TRACE",
            "GIT_TRACE_CURL",
            "GIT_TRACE_PACKET",
            "GIT_TRACE_SETUP",
            "GIT_TRACE2",
            "GIT_TRACE2_EVENT",
            "GIT_CURL_VERBOSE",
        ] {
            command = command.env_remove(name);
        }
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", self.protocols)
            // SSH asks on the terminal, even where its input is closed.
            .env("SSH_ASKPASS", "false")
            .env("SSH_ASKPASS_REQUIRE", "force")
            // What Git says is read.
            .env("LC_ALL", "C")
    }
}

impl Branches {
    /// Reads the answer of `git ls-remote --symref`.
    fn read(text: &str) -> Self {
        let mut names = BTreeSet::new();
        let (mut head, mut head_commit) = (None, None);
        let mut of_head_commit = Vec::new();
        for line in text.lines() {
            let Some((commit, name)) = line.split_once('\t') else {
                continue;
            };
            if let Some(target) = commit.strip_prefix("ref: refs/heads/") {
                head = Some(target.to_owned());
            } else if name == "HEAD" {
                head_commit = Some(commit);
            } else if let Some(branch) = name.strip_prefix("refs/heads/") {
                if head_commit == Some(commit) {
                    of_head_commit.push(branch.to_owned());
                }
                names.insert(branch.to_owned());
            }
        }
        Self {
            names,
            // Bundles do not say what HEAD is, and only its commit.
            head: head.or_else(|| of_head_commit.into_iter().next()),
        }
    }

    /// The branches to look into, in this order.
    fn candidates(&self, asked: Option<&str>) -> Result<Vec<String>, Error> {
        if let Some(branch) = asked {
            return if self.names.contains(branch) {
                Ok(vec![branch.to_owned()])
            } else {
                Err(Error::NoBranch {
                    branch: branch.to_owned(),
                    branches: self.others(&[]),
                })
            };
        }
        let mut candidates: Vec<String> = [Some(USUAL_BRANCH), self.head.as_deref()]
            .into_iter()
            .flatten()
            .filter(|name| self.names.contains(*name))
            .map(str::to_owned)
            .collect();
        candidates.dedup();
        if candidates.is_empty() {
            return Err(Error::NoBranch {
                branch: USUAL_BRANCH.to_owned(),
                branches: self.others(&[]),
            });
        }
        Ok(candidates)
    }

    fn others(&self, than: &[String]) -> Vec<String> {
        let others = self.names.iter().filter(|name| !than.contains(name));
        others.take(NAMED_BRANCHES).cloned().collect()
    }
}

/// What follows from what Git said. Its words are those of Git 2.47, curl, and OpenSSH 9 in the locale C.
fn refusal(error: &command::Error) -> GitRefusal {
    let words = match error {
        command::Error::NotFound { .. } => return GitRefusal::NotInstalled,
        command::Error::Failed { output, .. } => output.as_str(),
        _ => return GitRefusal::Other,
    };
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    if says(&[
        "Host key verification failed",
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
    ]) {
        GitRefusal::HostKey
    } else if says(&["dubious ownership"]) {
        GitRefusal::Ownership
    } else if says(&[
        "Could not resolve host",
        "Could not resolve hostname",
        "Connection refused",
        "Failed to connect",
        "Couldn't connect",
        "unable to connect",
        "Connection timed out",
        "Operation timed out",
        "Network is unreachable",
    ]) {
        GitRefusal::Unreachable
    } else if says(&[
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "Permission denied",
        "Repository not found",
        "repository not found",
        "not found",
        "returned error: 40",
        "access denied",
        "Could not read from remote repository",
    ]) {
        GitRefusal::NoAccess
    } else {
        GitRefusal::Other
    }
}

/// The bytes of all files below a directory.
fn size(directory: &Path) -> u64 {
    WalkDir::new(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|data| data.len())
        .sum()
}

#[cfg(test)]
#[cfg_attr(no_git, allow(dead_code, unused_imports, reason = "the tests need git"))]
mod tests;
