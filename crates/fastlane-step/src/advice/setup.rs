//! Remedies for failures before fastlane runs.

use fastlane_runner::{Error, SetupCause, SourceRefusal, VersionManager};

/// What to do about fastlane that could not be made ready, where that is known.
pub fn about_setup(error: &Error) -> Option<String> {
    Some(match error {
        Error::Missing { program: "ruby" } => "install Ruby (macOS: `brew install ruby`, Debian: `apt-get install ruby-full`, or a version manager such as rbenv, asdf, or mise) before this step".to_owned(),
        Error::Missing { program: "fastlane" } => "let the step install fastlane, add it to the Gemfile, or install it before this step (`gem install fastlane` or `brew install fastlane`)".to_owned(),
        Error::Missing { program } => format!("install {program}: it comes with Ruby, so check that PATH contains the directory of the active Ruby"),
        Error::NoLockfile(_) => "check the Gemfile and `bundle config`: `bundle install` writes the lock file beside the Gemfile".to_owned(),
        Error::NoGemfile { .. } => "correct BUNDLE_GEMFILE, or remove it so that Bundler looks for the Gemfile itself".to_owned(),
        Error::Lock(_) => "make the lock file readable, or create it again with `bundle lock`".to_owned(),
        Error::Failed { cause, .. } => about_cause(cause.as_deref()?),
        Error::Command(_) => return None,
    })
}

/// What to do about a failure of Ruby, RubyGems or Bundler.
pub fn about_cause(cause: &SetupCause) -> String {
    match cause {
        SetupCause::RubyNotInstalled { manager, version, .. } => ruby_not_installed(*manager, version.as_deref()),
        SetupCause::RubyNotSelected { manager } => match manager {
            VersionManager::Mise => "select a Ruby for the project with `mise use ruby@<version>` and commit the file".to_owned(),
            VersionManager::Asdf => "add a line `ruby <version>` to `.tool-versions` in the project, and install that version with `asdf install ruby`".to_owned(),
            manager => format!("select a Ruby for the project with {manager}, in `.ruby-version`"),
        },
        SetupCause::ProgramNotInRuby { manager, program } => match manager {
            VersionManager::Rbenv => format!("install the gem with `{program}` for the selected Ruby and run `rbenv rehash`, or select the Ruby that has it in `.ruby-version`"),
            VersionManager::Asdf => format!("install the gem with `{program}` for the selected Ruby and run `asdf reshim ruby`, or select the Ruby that has it in `.tool-versions`"),
            _ => format!("install the gem with `{program}` for the selected Ruby, or select the Ruby that has it"),
        },
        SetupCause::GemfileRuby { wanted, .. } => format!("install and select {wanted} before this step (rbenv: `rbenv install`, asdf: `asdf install ruby`, mise: `mise use ruby@<version>`), or change the line `ruby` of the Gemfile"),
        SetupCause::GemNeedsRuby { gem, last, .. } => match last {
            Some(version) => format!("select a newer Ruby, or pin {gem} to {version}, the last version for this Ruby"),
            None => format!("select a newer Ruby (`.ruby-version` or `.tool-versions`), or pin an older version of {gem} in the Gemfile"),
        },
        SetupCause::PlatformNotLocked { platform } => format!(
            "run `bundle lock --add-platform {}` on your machine and commit the lock file",
            platform.as_deref().unwrap_or("<platform>")
        ),
        SetupCause::LockFrozen => "run `bundle install` on your machine and commit the lock file".to_owned(),
        SetupCause::LockMissing => "run `bundle install` on your machine and commit the lock file, or unset frozen and deployment mode (`bundle config`)".to_owned(),
        SetupCause::ChecksumMismatch => "find out which gem server serves another file (a mirror or proxy is the usual reason); if the new file is right, remove the gem's line from CHECKSUMS in the lock file and run `bundle install`".to_owned(),
        SetupCause::LockDependencies { .. } => "run `bundle install` on your machine, without frozen mode, and commit the lock file".to_owned(),
        SetupCause::LockMergeConflict => "resolve the merge: `git checkout HEAD -- Gemfile.lock`, then `bundle install`, and commit the lock file".to_owned(),
        SetupCause::LockUnreadable => "delete the lock file, run `bundle install` on your machine, and commit the new one".to_owned(),
        SetupCause::BundlerTooOldForLock { wanted } => format!("install Bundler {wanted} (`gem install bundler`) for the active Ruby"),
        SetupCause::BundlerTooOldForRuby { .. } => "run `bundle update --bundler` with a newer Bundler on your machine and commit the lock file, whose BUNDLED WITH names the old one".to_owned(),
        SetupCause::LockedBundlerMissing { version } => format!("run `gem install bundler:{version}` before this step, or `bundle update --bundler` on your machine"),
        SetupCause::BundlerTooNewForFastlane { .. } => "update fastlane (`bundle update fastlane`), or install a Bundler that it allows".to_owned(),
        SetupCause::StandardLibraryGem { gem, .. } => format!("add `gem \"{gem}\"` to the Gemfile and run `bundle install`, update fastlane, or select an older Ruby"),
        SetupCause::FastlaneTooOldForRuby => "update fastlane (`bundle update fastlane`), or select an older Ruby".to_owned(),
        SetupCause::GemNotInstalled { .. } => "run `bundle install` with the same Ruby, GEM_HOME, and BUNDLE_PATH as this step".to_owned(),
        SetupCause::NoSuchGem { .. } => "check the name and the version of the gem, and the sources of the Gemfile".to_owned(),
        SetupCause::Yanked { gem } => format!("run `bundle update {}` on your machine and commit the lock file", gem.split(' ').next().unwrap_or("<gem>")),
        SetupCause::IncompatibleVersions => "relax the versions in the Gemfile, run `bundle update fastlane` on your machine, and commit the lock file".to_owned(),
        SetupCause::ExecutableMissing { program } => format!("add the gem that has `{program}` to the Gemfile, and run `bundle install`"),
        SetupCause::ExecutableConflict { gem, .. } => format!("remove the other program, install with `gem install {gem} --force`, or pin {gem} in a Gemfile so that Bundler runs it"),
        SetupCause::StaleExecutable { gem, .. } => format!("run `gem install {gem}` with the active Ruby, or select the Ruby that has it"),
        SetupCause::Source { host, refusal } => source(host, *refusal),
        SetupCause::GitMissing => "install git before this step".to_owned(),
        SetupCause::GitAccess { .. } => "give this build access to the repository: an SSH key that can read it, or a token in the variable of its host (`bundle config` names it)".to_owned(),
        SetupCause::GitRevision { .. } => "run `bundle update` for that gem on your machine and commit the lock file; the history of the repository was rewritten".to_owned(),
        SetupCause::GitNotCheckedOut { .. } => "run `bundle install` before this step, with the same BUNDLE_PATH".to_owned(),
        SetupCause::NotWritable { .. } => "use a Ruby whose gem directory this user may write (rbenv, asdf, mise, or Homebrew), or set GEM_HOME or BUNDLE_PATH to a separate directory".to_owned(),
        SetupCause::DiskFull => "free disk space on this machine, or use a machine with a larger disk".to_owned(),
        SetupCause::Tls { .. } => "install the CA certificates of the gem server or proxy on this machine (SSL_CERT_FILE), and check its clock; retrying does not help".to_owned(),
        SetupCause::Network { .. } => "rebuild; if it happens again, check this machine's DNS and proxy, and https://status.rubygems.org".to_owned(),
        SetupCause::OpensslMissing => "install a Ruby that is built with OpenSSL".to_owned(),
        SetupCause::NativeExtension { .. } => "install a compiler: the Xcode command line tools, or `build-essential` and `ruby-dev` on Linux; the lines above name the header that is missing".to_owned(),
        SetupCause::GemfileMissing => "commit the Gemfile, or correct BUNDLE_GEMFILE".to_owned(),
        SetupCause::GemfileInvalid { file } => format!("correct {file}; the lines above name the place"),
        SetupCause::PathSourceMissing { .. } => "commit that directory, or correct the path in the Gemfile".to_owned(),
        SetupCause::Locale => "set LC_ALL to a UTF-8 locale that is installed on this machine".to_owned(),
        SetupCause::BundlerCrash => "update Bundler (`bundle update --bundler`); the report above names the defect".to_owned(),
        // A cause that is younger than this list speaks for itself.
        _ => "see the lines above".to_owned(),
    }
}

fn ruby_not_installed(manager: VersionManager, version: Option<&str>) -> String {
    let version = version.unwrap_or("<version>");
    let install = match manager {
        VersionManager::Rbenv => format!("rbenv install {version}"),
        VersionManager::Asdf => format!("asdf install ruby {version}"),
        VersionManager::Mise => format!("mise install ruby@{version}"),
        VersionManager::Chruby => format!("ruby-install ruby {}", version.trim_start_matches("ruby-")),
        VersionManager::Rvm => format!("rvm install {version}"),
    };
    format!("run `{install}` before this step, or demand a version that is installed")
}

fn source(host: &str, refusal: SourceRefusal) -> String {
    // Bundler's own rule: upper case, `.` becomes `__`, `-` becomes `___` (Bundler's `settings.rb`).
    let name = host.to_uppercase().replace('-', "___").replace('.', "__");
    let name = name.replace(':', "__");
    match refusal {
        SourceRefusal::Missing => {
            format!("set the secret variable BUNDLE_{name} to `user:password` or a token for this source")
        }
        SourceRefusal::Wrong => format!("correct the credentials in BUNDLE_{name}, or in `bundle config`"),
        SourceRefusal::Scope => format!(
            "give the token in BUNDLE_{name} the right to read packages, or check that it has not expired"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(output: &str, status: i32) -> Option<String> {
        Some(about_cause(&SetupCause::find(output, status)?))
    }

    #[test]
    fn each_version_manager_has_its_own_command() {
        for (output, expected) in [
            (
                "rbenv: version `3.3.0' is not installed (set by /src/.ruby-version)",
                "rbenv install 3.3.0",
            ),
            (
                "No preset version installed for command ruby\nasdf install ruby 3.3.1",
                "asdf install ruby 3.3.1",
            ),
            ("mise WARN  missing: ruby@3.3.5", "mise install ruby@3.3.5"),
            ("chruby: unknown Ruby: ruby-3.3.0", "ruby-install ruby 3.3.0"),
            ("Required ruby-3.2.2 is not installed.", "rvm install 3.2.2"),
            ("mise ERROR No version is set for shim: ruby", "mise use ruby@"),
            ("No version is set for command ruby", ".tool-versions"),
            ("rbenv: fastlane: command not found", "rbenv rehash"),
        ] {
            let advice = advice(output, 1).unwrap_or_default();
            assert!(advice.contains(expected), "{output}: {advice}");
        }
    }

    #[test]
    fn remedies_name_what_is_to_be_run() {
        for (output, expected) in [
            (
                "Your bundle only supports platforms [\"ruby\"] but your local platform is arm64-darwin-24.",
                "bundle lock --add-platform arm64-darwin-24",
            ),
            (
                "undefined method `untaint' for \"/x\":String",
                "bundle update --bundler",
            ),
            (
                "Cannot write a changed lockfile while frozen.",
                "commit the lock file",
            ),
            (
                "Your Gemfile.lock contains merge conflicts.",
                "git checkout HEAD -- Gemfile.lock",
            ),
            ("cannot load such file -- kconv (LoadError)", "gem \"nkf\""),
            (
                "Authentication is required for gems.my-host.example.com.",
                "BUNDLE_GEMS__MY___HOST__EXAMPLE__COM",
            ),
            (
                "Your bundle is locked to fastlane (2.105.0) from x, but that version could not be found in any of the sources",
                "bundle update fastlane",
            ),
            (
                "The last version of bundler (>= 0) to support your Ruby & RubyGems was 2.4.22. Try",
                "2.4.22",
            ),
            (
                "fastlane's executable \"fastlane\" conflicts with /usr/bin/fastlane",
                "gem install fastlane --force",
            ),
        ] {
            let advice = advice(output, 1).unwrap_or_default();
            assert!(advice.contains(expected), "{output}: {advice}");
        }
    }

    #[test]
    fn only_the_network_is_worth_a_rebuild() {
        let rebuild = |output: &str| advice(output, 17).unwrap_or_default().contains("rebuild");
        assert!(rebuild("Could not reach host rubygems.org."));
        for output in [
            "Could not verify the SSL certificate for https://rubygems.org/.",
            "Bad username or password for x.",
            "Bundler found mismatched checksums.",
            "Your lockfile is unreadable.",
        ] {
            assert!(!rebuild(output), "{output}");
        }
        assert_eq!(advice("harness: simulated failure", 1), None);
    }
}
