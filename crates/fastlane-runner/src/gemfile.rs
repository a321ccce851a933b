//! Which Gemfile Bundler uses: its own lookup, so that the fastlane that is pinned is the one that runs.
//!
//! Source: rubygems/rubygems at 69ec4a3a5f (2025-10-10), `bundler/lib/bundler/shared_helpers.rb`, `settings.rb` and
//! `cli.rb`; checked against Bundler 2.3.15 on 2026-11-25.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The names of a Gemfile, in the order in which Bundler looks for them in each directory.
const NAMES: [&str; 2] = ["gems.rb", "Gemfile"];

/// The setting and the variable that name a Gemfile.
const SETTING: &str = "BUNDLE_GEMFILE";

/// How Bundler came to a Gemfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChosenBy {
    /// The environment variable `BUNDLE_GEMFILE`.
    Variable,
    /// The setting `BUNDLE_GEMFILE` of this configuration file.
    Configuration(PathBuf),
    /// It is the first one from the working directory upwards.
    Search,
    /// Somebody named it.
    Name,
}

/// The Gemfile that Bundler uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gemfile {
    /// Where it is, or should be: a file that a variable or a configuration names may be missing.
    pub path: PathBuf,
    /// How it was chosen.
    pub chosen_by: ChosenBy,
}

impl Gemfile {
    /// The Gemfile that `bundle` uses in `directory`, which is absolute. `variable` reads the environment.
    pub fn find(directory: &Path, variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let variable = |key: &str| variable(key).filter(|value| !value.is_empty());
        // Ruby's working directory has no links in it.
        let real = directory.canonicalize();
        let directory = real.as_deref().unwrap_or(directory);
        let from_environment = variable(SETTING).map(|path| Self {
            path: resolve(directory, Path::new(&path)),
            chosen_by: ChosenBy::Variable,
        });
        let searched = || {
            search(directory).map(|path| Self {
                path,
                chosen_by: ChosenBy::Search,
            })
        };
        // The local configuration lies beside the Gemfile that is found without it, else beside the next `.bundle`.
        let first = from_environment.clone().or_else(searched);
        let root = match &first {
            Some(gemfile) => Some(gemfile.root().to_owned()),
            None => root_without_gemfile(directory, variable("HOME").as_deref()),
        };
        let local = root.map(|root| local_configuration(&root, &variable));
        // A setting is relative to the working directory, not to the file that holds it.
        let configured = |file: PathBuf| {
            let path = read_settings(&file).remove(SETTING)?;
            Some(Self {
                path: resolve(directory, Path::new(&path)),
                chosen_by: ChosenBy::Configuration(file),
            })
        };
        local
            .and_then(configured)
            .or(from_environment)
            .or_else(|| global_configuration(&variable).and_then(configured))
            .or(first)
    }

    /// Whether it asks for fastlane by name: `gem "fastlane"`, in it or in a file that it evaluates by a plain path.
    pub fn names_fastlane(&self) -> bool {
        names_fastlane(&self.path, DEEPEST)
    }

    /// The directory that Bundler installs into where it is not Ruby's own: the setting `path`, or `vendor/bundle` in
    /// deployment mode.
    pub fn install_path(&self, variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
        let variable = |key: &str| variable(key).filter(|value| !value.is_empty());
        let local = read_settings(&local_configuration(self.root(), &variable));
        let global = global_configuration(&variable).map(|file| read_settings(&file));
        let setting = |key: &str| {
            let global = || global.as_ref()?.get(key).cloned();
            local.get(key).cloned().or_else(|| variable(key)).or_else(global)
        };
        if let Some(path) = setting("BUNDLE_PATH") {
            return Some(resolve(self.root(), Path::new(&path)));
        }
        let is_deployment = setting("BUNDLE_DEPLOYMENT").is_some_and(|value| value == "true" || value == "1");
        is_deployment.then(|| self.root().join("vendor/bundle"))
    }

    /// The Gemfile that somebody named; relative paths start in `directory`.
    pub fn named(directory: &Path, path: &Path) -> Self {
        Self {
            path: resolve(directory, path),
            chosen_by: ChosenBy::Name,
        }
    }

    /// The lock file that belongs to it, there or not: `gems.locked` for `gems.rb`, else `<Gemfile>.lock`.
    pub fn lock_path(&self) -> PathBuf {
        if self.path.file_name().is_some_and(|name| name == "gems.rb") {
            return self.path.with_file_name("gems.locked");
        }
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        path.into()
    }

    /// The directory that holds it.
    pub fn root(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Whether Bundler has to be told, since its search from `directory` would not end here.
    pub fn needs_variable(&self, directory: &Path) -> bool {
        self.chosen_by == ChosenBy::Name && search(directory).as_ref() != Some(&self.path)
    }
}

/// The first Gemfile from `directory` upwards. A lock file whose Gemfile is missing counts, too: Bundler would fail
/// there, and a lock file alone is how some caches and some tests look.
fn search(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().find_map(|folder| {
        NAMES.iter().map(|name| folder.join(name)).find(|path| {
            let gemfile = Gemfile {
                path: path.clone(),
                chosen_by: ChosenBy::Search,
            };
            path.is_file() || gemfile.lock_path().exists()
        })
    })
}

/// The directory above the next `.bundle`, which is not the user's own.
fn root_without_gemfile(directory: &Path, home: Option<&str>) -> Option<PathBuf> {
    let is_users = |folder: &Path| home.is_some_and(|home| folder == Path::new(home));
    directory
        .ancestors()
        .find(|folder| folder.join(".bundle").is_dir() && !is_users(folder))
        .map(Path::to_owned)
}

fn local_configuration(root: &Path, variable: &impl Fn(&str) -> Option<String>) -> PathBuf {
    match variable("BUNDLE_APP_CONFIG") {
        Some(folder) => resolve(root, Path::new(&folder)).join("config"),
        None => root.join(".bundle/config"),
    }
}

fn global_configuration(variable: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    variable("BUNDLE_CONFIG")
        .or_else(|| variable("BUNDLE_USER_CONFIG"))
        .map(PathBuf::from)
        .or_else(|| variable("BUNDLE_USER_HOME").map(|home| Path::new(&home).join("config")))
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".bundle/config")))
}

/// Larger than any configuration of Bundler, in bytes.
const LARGEST_CONFIGURATION: u64 = 1 << 20;

/// The settings of a configuration file: a flat YAML mapping. One that can't be read has none, as for Bundler.
fn read_settings(file: &Path) -> BTreeMap<String, String> {
    let Ok(text) = files::read_text(file, LARGEST_CONFIGURATION) else {
        return BTreeMap::new();
    };
    let settings: BTreeMap<String, serde_yaml::Value> = serde_yaml::from_str(&text).unwrap_or_default();
    settings
        .into_iter()
        .filter_map(|(key, value)| {
            let text = match value {
                serde_yaml::Value::String(text) => text,
                serde_yaml::Value::Bool(flag) => flag.to_string(),
                serde_yaml::Value::Number(number) => number.to_string(),
                _ => return None,
            };
            (!text.is_empty()).then_some((key, text))
        })
        .collect()
}

/// `path` from `directory` on, without `.` and `..`, as Ruby's `File.expand_path` has it.
fn resolve(directory: &Path, path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in directory.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
    }
    resolved
}

/// How deep files may evaluate each other, and how large one may be, in bytes.
const DEEPEST: u32 = 4;
const LARGEST: u64 = 1 << 20;

fn names_fastlane(path: &Path, depth: u32) -> bool {
    let text = match files::read(path, LARGEST) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => return false,
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    text.lines().any(|line| {
        let line = line.trim_start();
        argument(line, "gem") == Some("fastlane")
            || depth > 0
                && argument(line, "eval_gemfile")
                    .is_some_and(|file| names_fastlane(&resolve(folder, Path::new(file)), depth - 1))
    })
}

/// The plain text that a call of `method` begins with.
fn argument<'a>(line: &'a str, method: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(method)?;
    let rest = rest
        .strip_prefix([' ', '\t', '('])?
        .trim_start_matches([' ', '\t', '(']);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (text, _) = rest[1..].split_once(quote)?;
    (!text.contains("#{")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gemfile_names_fastlane_where_bundler_would_install_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Pluginfile"), "gem 'fastlane-plugin-x'\n").unwrap();
        std::fs::write(
            folder.path().join("ci.gemfile"),
            "  gem(\"fastlane\", '~> 2.2')\n",
        )
        .unwrap();
        for (text, expected) in [
            ("gem \"fastlane\"\n", true),
            (
                "source 'https://rubygems.org'\ngroup :ci do\n  gem 'fastlane', '>= 2.220'\nend\n",
                true,
            ),
            ("gem('fastlane')", true),
            ("eval_gemfile 'ci.gemfile'", true),
            ("eval_gemfile('./ci.gemfile')", true),
            ("eval_gemfile 'Pluginfile'", false),
            ("# gem 'fastlane'", false),
            ("gem 'fastlane-plugin-firebase_app_distribution'", false),
            ("gem 'cocoapods'\n# fastlane comes from Homebrew", false),
            ("gemspec", false),
            ("eval_gemfile 'Gemfile'", false),
            ("", false),
        ] {
            std::fs::write(folder.path().join("Gemfile"), text).unwrap();
            let gemfile = Gemfile::named(folder.path(), Path::new("Gemfile"));
            assert_eq!(gemfile.names_fastlane(), expected, "{text}");
        }
    }

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(files: &[(&str, &str)]) -> Self {
            let root = tempfile::tempdir().unwrap();
            for (name, content) in files {
                let path = root.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            std::fs::create_dir_all(root.path().join("app/ios/fastlane")).unwrap();
            std::fs::create_dir_all(root.path().join("home")).unwrap();
            Self(root)
        }

        fn found(&self, directory: &str, variables: &[(&str, &str)]) -> Option<(String, ChosenBy)> {
            let root = self.0.path().to_str().unwrap().to_owned();
            let gemfile = Gemfile::find(&self.0.path().join(directory), |key| {
                variables
                    .iter()
                    .chain(&[("HOME", "{root}/home")])
                    .find(|(name, _)| *name == key)
                    .map(|(_, value)| value.replace("{root}", &root))
            })?;
            let path = gemfile.path.strip_prefix(&root).unwrap().display().to_string();
            Some((path, gemfile.chosen_by))
        }

        fn path(&self, directory: &str, variables: &[(&str, &str)]) -> Option<String> {
            self.found(directory, variables).map(|(path, _)| path)
        }
    }

    #[test]
    fn the_next_gemfile_upwards_counts() {
        let tree = Tree::new(&[("Gemfile", ""), ("app/Gemfile", "")]);
        assert_eq!(tree.path("app/ios", &[]).as_deref(), Some("app/Gemfile"));
        assert_eq!(tree.path("app/ios/fastlane", &[]).as_deref(), Some("app/Gemfile"));
        assert_eq!(tree.path("home", &[]).as_deref(), Some("Gemfile"));
        assert_eq!(Tree::new(&[]).path("app/ios", &[]), None);
    }

    #[test]
    fn gems_rb_comes_before_gemfile_and_has_its_own_lock_file() {
        let tree = Tree::new(&[("app/Gemfile", ""), ("app/gems.rb", "")]);
        assert_eq!(tree.path("app/ios", &[]).as_deref(), Some("app/gems.rb"));
        let lock = |path: &str| Gemfile::named(Path::new("/w"), Path::new(path)).lock_path();
        assert_eq!(lock("gems.rb"), Path::new("/w/gems.locked"));
        assert_eq!(lock("Gemfile"), Path::new("/w/Gemfile.lock"));
        assert_eq!(lock("../ci/mobile.gemfile"), Path::new("/ci/mobile.gemfile.lock"));
    }

    #[test]
    fn the_variable_wins_over_the_search_and_an_empty_one_is_none() {
        let tree = Tree::new(&[("app/Gemfile", ""), ("ci/Gemfile", "")]);
        for (value, expected) in [
            ("{root}/ci/Gemfile", "ci/Gemfile"),
            ("../../ci/Gemfile", "ci/Gemfile"),
            ("", "app/Gemfile"),
            // Bundler does not look whether it is there.
            ("{root}/none/Gemfile", "none/Gemfile"),
        ] {
            assert_eq!(
                tree.path("app/ios", &[("BUNDLE_GEMFILE", value)]).as_deref(),
                Some(expected),
                "{value}"
            );
        }
    }

    #[test]
    fn the_local_configuration_wins_over_the_variable_and_that_over_the_global_one() {
        let tree = Tree::new(&[
            ("app/Gemfile", ""),
            (
                "app/.bundle/config",
                "---\nBUNDLE_GEMFILE: \"../ci.gemfile\"\nBUNDLE_JOBS: 4\n",
            ),
            ("other/Gemfile", ""),
            ("home/.bundle/config", "---\nBUNDLE_GEMFILE: \"{root}/global\"\n"),
        ]);
        let (path, chosen_by) = tree.found("app/ios", &[]).unwrap();
        assert_eq!(path, "app/ci.gemfile");
        assert!(matches!(chosen_by, ChosenBy::Configuration(file) if file.ends_with("app/.bundle/config")));
        // The root, and with it the configuration, follows the variable.
        let variable = [("BUNDLE_GEMFILE", "{root}/other/Gemfile")];
        assert_eq!(tree.path("app/ios", &variable).as_deref(), Some("other/Gemfile"));
        let elsewhere = [("BUNDLE_APP_CONFIG", "{root}/none")];
        std::fs::write(
            tree.0.path().join("home/.bundle/config"),
            format!("BUNDLE_GEMFILE: {}/global\n", tree.0.path().display()),
        )
        .unwrap();
        assert_eq!(tree.path("app/ios", &elsewhere).as_deref(), Some("global"));
    }

    #[test]
    fn a_configuration_without_a_gemfile_beside_it_counts() {
        let tree = Tree::new(&[
            ("app/.bundle/config", "BUNDLE_GEMFILE: ../tools/Gemfile\n"),
            ("app/tools/Gemfile", ""),
        ]);
        assert_eq!(tree.path("app/ios", &[]).as_deref(), Some("app/tools/Gemfile"));
    }

    #[test]
    fn gems_are_where_bundler_is_told_to_install_them() {
        let tree = Tree::new(&[("app/Gemfile", "")]);
        let root = tree.0.path().join("app");
        let gemfile = Gemfile::named(&root, Path::new("Gemfile"));
        let path = |variables: &[(&str, &str)]| {
            gemfile.install_path(|key| {
                let value = variables.iter().find(|(name, _)| *name == key);
                value.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(path(&[]), None);
        assert_eq!(path(&[("BUNDLE_PATH", "gems")]), Some(root.join("gems")));
        assert_eq!(path(&[("BUNDLE_PATH", "/elsewhere")]), Some("/elsewhere".into()));
        assert_eq!(
            path(&[("BUNDLE_DEPLOYMENT", "true")]),
            Some(root.join("vendor/bundle"))
        );
        std::fs::create_dir_all(root.join(".bundle")).unwrap();
        std::fs::write(
            root.join(".bundle/config"),
            "---\nBUNDLE_PATH: \"vendor/gems\"\nBUNDLE_JOBS: 4\n",
        )
        .unwrap();
        assert_eq!(path(&[("BUNDLE_PATH", "gems")]), Some(root.join("vendor/gems")));
    }

    #[test]
    fn a_broken_configuration_is_none() {
        let tree = Tree::new(&[("app/Gemfile", ""), ("app/.bundle/config", ": : [\n")]);
        assert_eq!(tree.path("app/ios", &[]).as_deref(), Some("app/Gemfile"));
    }

    #[test]
    fn a_named_gemfile_is_told_to_bundler_only_where_it_would_not_find_it() {
        let tree = Tree::new(&[("app/Gemfile", ""), ("app/ci.gemfile", "")]);
        let app = tree.0.path().join("app");
        assert!(!Gemfile::named(&app, Path::new("./Gemfile")).needs_variable(&app));
        assert!(Gemfile::named(&app, Path::new("ci.gemfile")).needs_variable(&app));
    }
}
