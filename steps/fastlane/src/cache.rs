//! Names the directories that are worth caching: for the Save Cache step and for the older Cache:Push step.
//!
//! Facts: Save Cache has the inputs `key`, a template of at most 512 characters without commas, and `paths`, one a line;
//! Restore Cache takes the same key (bitrise-step-save-cache, docs.bitrise.io, 2026-11). Cache:Push reads
//! `BITRISE_CACHE_INCLUDE_PATHS` and `BITRISE_CACHE_EXCLUDE_PATHS`, a path per line; in `directory -> file` the file's
//! content tells whether the cached directory is out of date.

mod gems;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base16ct::lower::encode_string;
use command::Command;
use fastlane_runner::Gemfile;
use sha1::{Digest as _, Sha1};
use step_kit::Step;
use walkdir::{DirEntry, WalkDir};

use crate::inputs::Inputs;

const INCLUDE: &str = "BITRISE_CACHE_INCLUDE_PATHS";
const EXCLUDE: &str = "BITRISE_CACHE_EXCLUDE_PATHS";
const KEY: &str = "FASTLANE_CACHE_KEY";
const PATHS: &str = "FASTLANE_CACHE_PATHS";

/// The longest key that Save Cache takes.
const LONGEST_KEY: usize = 512;

/// The file that changes when a Gradle project's dependencies may have changed.
const GRADLE_INDICATOR: &str = "gradle.deps";

/// Larger than any build file of Gradle, in bytes.
const LARGEST_BUILD_FILE: u64 = 16 << 20;

/// `git ls-tree` reads one commit.
const GIT_PATIENCE: Duration = Duration::from_secs(30);

/// A directory to cache, and the file whose content tells whether it is out of date.
struct Cached {
    directory: PathBuf,
    indicator: PathBuf,
}

/// Exports the paths. Caching is a convenience: what goes wrong here is a warning.
pub(crate) async fn name_paths(step: &Step<Inputs>, directory: &Path, bundle: Option<&Gemfile>) {
    step.log.heading("Cache");
    let mut cached = locked_directories(directory);
    let mut exclude = Vec::new();
    let home = step.env.path("HOME").unwrap_or_default();
    for project in gradle_projects(directory) {
        match write_indicator(step, &project).await {
            Ok(indicator) => {
                cached.extend([".gradle", ".kotlin", ".m2"].map(|name| Cached {
                    directory: home.join(name),
                    indicator: indicator.clone(),
                }));
                exclude.extend(gradle_excludes(&project, &home));
            }
            Err(error) => step.log.warn(format!(
                "Gradle's directories are not cached: {} could not be written: {error}",
                project.join(GRADLE_INDICATOR).display()
            )),
        }
    }
    let include: Vec<String> = cached.iter().map(pair).collect();
    let gems = match bundle {
        Some(gemfile) => gems::directory(step, gemfile).await.map(|directory| Cached {
            directory,
            indicator: gemfile.lock_path(),
        }),
        None => None,
    };
    if include.is_empty() && gems.is_none() {
        step.log.plain("There is nothing to cache.");
    }
    for (key, lines) in [(INCLUDE, include), (EXCLUDE, exclude)] {
        if !lines.is_empty() {
            let value = joined(step.env.given(key).unwrap_or_default(), &lines);
            export(step, key, &value).await;
        }
    }
    // Gems are what the older step never cached: without them its variables are enough.
    if let Some(gems) = gems {
        cached.insert(0, gems);
        let root = step
            .env
            .path("BITRISE_SOURCE_DIR")
            .unwrap_or_else(|| directory.to_owned());
        export(step, KEY, &key(&cached, &root)).await;
        export(step, PATHS, &paths(&cached)).await;
    }
}

/// The directories, one a line.
fn paths(cached: &[Cached]) -> String {
    let mut paths: Vec<String> = Vec::new();
    for path in cached.iter().map(|cached| cached.directory.display().to_string()) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths.join("\n")
}

async fn export(step: &Step<Inputs>, key: &str, value: &str) {
    if let Err(error) = step.export(key, value).await {
        step.log.warn(format!("{:#}", anyhow::Error::from(error)));
    }
}

/// A key that changes with the files that tell whether a directory is out of date. Both cache steps resolve relative
/// paths in the source directory.
fn key(cached: &[Cached], root: &Path) -> String {
    let key = |files: Vec<String>| {
        let files: Vec<String> = files.iter().map(|file| format!("\"{file}\"")).collect();
        format!(
            "fastlane-{{{{ .OS }}}}-{{{{ .Arch }}}}-{{{{ checksum {} }}}}",
            files.join(" ")
        )
    };
    let mut files: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for indicator in cached.iter().map(|cached| &cached.indicator) {
        let file = indicator
            .strip_prefix(root)
            .unwrap_or(indicator)
            .display()
            .to_string();
        let name = indicator.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("**/{name}");
        if !files.contains(&file) {
            files.push(file);
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let full = key(files);
    if full.len() <= LONGEST_KEY && !full.contains(',') {
        full
    } else {
        key(names)
    }
}

/// What earlier steps named, and the new lines.
fn joined(before: &str, lines: &[String]) -> String {
    let before = if before.is_empty() {
        String::new()
    } else {
        format!("{before}\n")
    };
    format!("{before}{}\n", lines.join("\n"))
}

fn pair(cached: &Cached) -> String {
    format!("{} -> {}", cached.directory.display(), cached.indicator.display())
}

/// Pods and Carthage directories that lie beside their lock files.
fn locked_directories(directory: &Path) -> Vec<Cached> {
    let mut found = Vec::new();
    for entry in walk(directory, &[".git"]) {
        let built = match entry.file_name().to_str() {
            Some("Podfile.lock") => "Pods",
            Some("Cartfile.resolved") => "Carthage",
            _ => continue,
        };
        let built = entry.path().with_file_name(built);
        if built.exists() {
            found.push(Cached {
                directory: built,
                indicator: entry.path().to_owned(),
            });
        }
    }
    found
}

fn walk<'a>(directory: &Path, skipped: &'a [&'a str]) -> impl Iterator<Item = DirEntry> + use<'a> {
    WalkDir::new(directory)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(move |entry| {
            let name = entry.file_name().to_str().unwrap_or_default();
            entry.depth() == 0 || !entry.file_type().is_dir() || !skipped.contains(&name)
        })
        .flatten()
}

/// Directories with Gradle's build and settings files and its wrapper.
fn gradle_projects(directory: &Path) -> Vec<PathBuf> {
    walk(directory, &[".git", "CordovaLib", "node_modules"])
        .filter(|entry| entry.file_type().is_dir())
        .map(DirEntry::into_path)
        .filter(|path| {
            let has = |name: &str| path.join(name).exists();
            (has("build.gradle") || has("build.gradle.kts"))
                && (has("settings.gradle") || has("settings.gradle.kts"))
                && has("gradlew")
        })
        .collect()
}

/// Writes the indicator: the build files' content in the form that Git keeps it under. A file that the lane
/// changed, to raise a version say, counts as it is in the last commit, so that the cache stays valid.
async fn write_indicator(step: &Step<Inputs>, project: &Path) -> std::io::Result<PathBuf> {
    let committed = committed_blobs(step, project).await;
    let mut lines = String::new();
    for entry in walk(project, &["node_modules", ".git"]) {
        let name = entry.file_name().to_string_lossy();
        let counts =
            name.ends_with(".gradle") || name.ends_with(".gradle.kts") || name == "gradle-wrapper.properties";
        if !counts || !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path().strip_prefix(project).unwrap_or(entry.path());
        let id = match committed.get(path) {
            Some(id) => id.clone(),
            None => blob_id(&files::read(entry.path(), LARGEST_BUILD_FILE)?),
        };
        lines.push_str(&id);
        lines.push('\n');
    }
    let indicator = project.join(GRADLE_INDICATOR);
    // What a repository put there may be a link to a file of the user's: it is replaced, not followed.
    files::replace(&indicator, lines.as_bytes(), 0o644)?;
    Ok(indicator)
}

/// The last commit's files below the project, by path relative to it; empty outside of Git.
async fn committed_blobs(step: &Step<Inputs>, project: &Path) -> BTreeMap<PathBuf, String> {
    let list = Command::new("git")
        .args(["ls-tree", "-r", "-z", "HEAD", "."])
        .current_dir(project)
        .timeout(GIT_PATIENCE);
    let output = match step.runner.output(list).await {
        Ok(output) if output.success() => output.stdout,
        _ => return BTreeMap::new(),
    };
    let lines = output.split('\0');
    lines
        .filter_map(|line| {
            let (meta, path) = line.split_once('\t')?;
            Some((PathBuf::from(path), meta.split(' ').nth(2)?.to_owned()))
        })
        .collect()
}

/// Git's name for a content.
fn blob_id(content: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", content.len()));
    hash.update(content);
    encode_string(&hash.finalize())
}

/// What grows in Gradle's directories and helps no later build, as Bitrise's Android steps list it, and the
/// remains of other versions of Gradle.
fn gradle_excludes(project: &Path, home: &Path) -> Vec<String> {
    const ALWAYS: [&str; 14] = [
        "!~/.gradle/daemon/*/daemon-*.out.log",
        "~/.android/build-cache/**",
        "*.lock",
        "*.bin",
        "*/build/*.json",
        "*/build/*.html",
        "*/build/*.xml",
        "*/build/*.properties",
        "*/build/*/zip-cache/*",
        "*.log",
        "*.txt",
        "*.rawproto",
        "!*.ap_",
        "!*.apk",
    ];
    let gradle_home = home.join(".gradle");
    let Some(version) = wrapper_version(project).filter(|_| gradle_home.is_dir()) else {
        return Vec::new();
    };
    let mut excludes = ALWAYS.map(str::to_owned).to_vec();
    let distributions = gradle_home.join("wrapper/dists");
    let current = format!("gradle-{version}");
    excludes.extend(
        names_in(&distributions)
            .into_iter()
            .filter(|name| !name.starts_with(&current))
            .map(|name| format!("!{}", distributions.join(name).display())),
    );
    for folder in [
        gradle_home.join("caches"),
        gradle_home.join("daemon"),
        project.join(".gradle"),
    ] {
        let old = names_in(&folder)
            .into_iter()
            .filter(|name| is_version(name) && *name != version);
        excludes.extend(old.map(|name| format!("!{}", folder.join(name).display())));
    }
    excludes
}

/// The version of Gradle that the project's wrapper runs.
fn wrapper_version(project: &Path) -> Option<String> {
    let text = files::read_text(
        &project.join("gradle/wrapper/gradle-wrapper.properties"),
        LARGEST_BUILD_FILE,
    )
    .ok()?;
    let url = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("distributionUrl="))?;
    let name = url.rsplit('/').next()?.strip_prefix("gradle-")?;
    let version = name
        .trim_end_matches(".zip")
        .trim_end_matches("-bin")
        .trim_end_matches("-all");
    Some(version.to_owned())
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn is_version(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .split(['.', '-'])
            .all(|part| part.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(root: &Path, name: &str, content: &str) {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    #[test]
    fn pods_and_carthage_count_where_they_are_built() {
        let root = tempfile::tempdir().unwrap();
        touch(root.path(), "ios/Podfile.lock", "");
        touch(root.path(), "ios/Pods/Manifest.lock", "");
        touch(root.path(), "Cartfile.resolved", "");
        let found: Vec<String> = locked_directories(root.path()).iter().map(pair).collect();
        assert_eq!(
            found,
            [format!(
                "{0}/ios/Pods -> {0}/ios/Podfile.lock",
                root.path().display()
            )]
        );
    }

    #[test]
    fn gradle_projects_need_build_settings_and_wrapper() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "android/build.gradle.kts",
            "android/settings.gradle",
            "android/gradlew",
        ] {
            touch(root.path(), name, "");
        }
        for name in [
            "node_modules/x/build.gradle",
            "node_modules/x/settings.gradle",
            "node_modules/x/gradlew",
        ] {
            touch(root.path(), name, "");
        }
        touch(root.path(), "build.gradle", "");
        assert_eq!(gradle_projects(root.path()), [root.path().join("android")]);
    }

    #[test]
    fn remains_of_other_gradle_versions_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        let (project, home) = (root.path().join("android"), root.path().join("home"));
        touch(
            &project,
            "gradle/wrapper/gradle-wrapper.properties",
            "distributionUrl=https\\://services.gradle.org/distributions/gradle-8.5-bin.zip\n",
        );
        for folder in [
            "caches/8.5",
            "caches/7.6",
            "caches/modules-2",
            "wrapper/dists/gradle-7.6-all",
        ] {
            std::fs::create_dir_all(home.join(".gradle").join(folder)).unwrap();
        }
        let excludes = gradle_excludes(&project, &home);
        let old = |name: &str| format!("!{}", home.join(".gradle").join(name).display());
        assert!(
            excludes.contains(&old("caches/7.6")) && excludes.contains(&old("wrapper/dists/gradle-7.6-all"))
        );
        assert!(!excludes.contains(&old("caches/8.5")) && !excludes.contains(&old("caches/modules-2")));
    }

    #[test]
    fn the_key_is_a_template_that_both_cache_steps_take() {
        let cached = |directory: &str, indicator: &str| Cached {
            directory: directory.into(),
            indicator: indicator.into(),
        };
        let two = [
            cached("/gems", "/src/Gemfile.lock"),
            cached("/src/ios/Pods", "/src/ios/Podfile.lock"),
            cached("/h/.m2", "/src/Gemfile.lock"),
        ];
        assert_eq!(
            key(&two, Path::new("/src")),
            "fastlane-{{ .OS }}-{{ .Arch }}-{{ checksum \"Gemfile.lock\" \"ios/Podfile.lock\" }}"
        );
        let with_comma = [cached("/x", "/src/a,b/Podfile.lock")];
        let many: Vec<Cached> = (0..40)
            .map(|number| cached("/x", &format!("/src/module-{number}/Podfile.lock")))
            .collect();
        for cached in [&with_comma[..], &many] {
            assert_eq!(
                key(cached, Path::new("/src")),
                "fastlane-{{ .OS }}-{{ .Arch }}-{{ checksum \"**/Podfile.lock\" }}"
            );
        }
    }

    #[test]
    fn contents_are_named_as_git_names_them() {
        assert_eq!(blob_id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn what_earlier_steps_named_stays() {
        assert_eq!(joined("", &["a".to_owned()]), "a\n");
        assert_eq!(joined("x\n", &["a".to_owned(), "b".to_owned()]), "x\n\na\nb\n");
    }
}
