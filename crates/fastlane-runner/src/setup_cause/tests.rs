use super::table;
use super::*;

/// What the cause is called, and its text.
fn found(output: &str, status: i32) -> String {
    SetupCause::find(output, status).map_or_else(
        || "none".to_owned(),
        |cause| {
            let name = format!("{cause:?}");
            let end = name.find([' ', '{']).unwrap_or(name.len());
            format!("{}: {cause}", &name[..end])
        },
    )
}

fn check(rows: &[(&str, i32, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter(|(output, status, expected)| found(output, *status) != *expected)
        .map(|(output, status, expected)| {
            format!(
                "{output}\n  expected {expected}\n  found    {}",
                found(output, *status)
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_pattern_is_for_one_line_and_has_texts_to_look_for() {
    crate::patterns::check("", table::patterns());
}

/// Phrases of rbenv 23c3041, asdf 25b3911c (`cli.go`), mise and chruby, as upload-tool facts of 2026-11-25 quote them.
#[test]
fn a_missing_ruby_is_told_by_its_version_manager() {
    check(&[
        (
            "rbenv: version `3.3.0' is not installed (set by /src/.ruby-version)",
            1,
            "RubyNotInstalled: rbenv has no Ruby 3.3.0, which /src/.ruby-version requires",
        ),
        (
            "rbenv: version `3.1.4' is not installed (set by RBENV_VERSION environment variable)",
            1,
            "RubyNotInstalled: rbenv has no Ruby 3.1.4, which RBENV_VERSION environment variable requires",
        ),
        (
            "rbenv: bundle: command not found\n\nThe `bundle' command exists in these Ruby versions:\n  3.2.2\n",
            127,
            "ProgramNotInRuby: the Ruby that rbenv selects here has no program `bundle`",
        ),
        (
            "No version is set for command ruby\nConsider adding one of the following versions in your config file at /src/.tool-versions\nruby 3.2.2\n",
            126,
            "RubyNotSelected: asdf has no Ruby selected for this directory",
        ),
        (
            "No preset version installed for command ruby\nPlease install a version by running one of the following:\n\nasdf install ruby 3.3.1\n\nor add one of the following versions in your config file at /src/.tool-versions\nruby 3.2.2\n",
            126,
            "RubyNotInstalled: asdf has no Ruby 3.3.1, which /src/.tool-versions requires",
        ),
        (
            "No executable bundle found for current version. Please select a different version or install bundle manually for the current version",
            1,
            "ProgramNotInRuby: the Ruby that asdf selects here has no program `bundle`",
        ),
        (
            "mise ERROR No version is set for shim: ruby",
            1,
            "RubyNotSelected: mise has no Ruby selected for this directory",
        ),
        (
            "mise WARN  missing: ruby@3.3.5\nsh: ruby: not found",
            127,
            "RubyNotInstalled: mise has no Ruby 3.3.5",
        ),
        (
            "chruby: unknown Ruby: ruby-3.3.0",
            1,
            "RubyNotInstalled: chruby has no Ruby ruby-3.3.0",
        ),
    ]);
}

/// Phrases of rubygems/rubygems at 69ec4a3a5f (2025-10-10).
#[test]
fn versions_that_do_not_fit_are_named() {
    check(&[
        (
            "Your Ruby version is 3.1.2, but your Gemfile specified 3.3.0",
            18,
            "GemfileRuby: the Gemfile requires Ruby 3.3.0, but 3.1.2 is active",
        ),
        (
            "Your Ruby version is 2.7.8, but your Gemfile specified ~> 3.2",
            18,
            "GemfileRuby: the Gemfile requires Ruby ~> 3.2, but 2.7.8 is active",
        ),
        (
            "ERROR:  Error installing fastlane:\n\tpublic_suffix requires Ruby version >= 3.0. The current ruby version is 2.6.10.210.",
            1,
            "GemNeedsRuby: public_suffix needs Ruby >= 3.0, but 2.6.10.210 is active",
        ),
        (
            "ERROR:  Error installing bundler:\n\tThe last version of bundler (>= 0) to support your Ruby & RubyGems was 2.4.22. Try installing it with `gem install bundler -v 2.4.22`\n\tbundler requires Ruby version >= 3.0.0. The current ruby version is 2.7.8.225.",
            1,
            "GemNeedsRuby: bundler needs Ruby >= 3.0.0, but 2.7.8.225 is active",
        ),
        (
            "Could not find compatible versions\n\nBecause every version of fastlane depends on Ruby >= 3.0\n  and Gemfile depends on fastlane >= 0,\n  Ruby >= 3.0 is required.\nSo, because current Ruby version is = 2.7.8,\n  version solving has failed.",
            6,
            "GemNeedsRuby: fastlane needs Ruby >= 3.0, but 2.7.8 is active",
        ),
        (
            "/gems/bundler-1.17.3/lib/bundler/rubygems_integration.rb:65:in `block': undefined method `untaint' for \"/x\":String (NoMethodError)",
            1,
            "BundlerTooOldForRuby: Bundler 1.17.3 is too old for this Ruby",
        ),
        (
            "/gems/bundler-2.1.4/lib/bundler.rb:1:in 'x': undefined method 'untaint' for an instance of String (NoMethodError)",
            1,
            "BundlerTooOldForRuby: Bundler 2.1.4 is too old for this Ruby",
        ),
        (
            "Could not find 'bundler' (2.7.2) required by your /src/Gemfile.lock.\nTo update to the latest version installed on your system, run `bundle update --bundler`.\nTo install the missing version, run `gem install bundler:2.7.2`",
            1,
            "LockedBundlerMissing: Bundler 2.7.2, which the lock file names, is not installed",
        ),
        (
            "Could not find 'bundler' (>= 1.12.0, < 3.0.0) among 120 total gem(s) (Gem::MissingSpecError)",
            1,
            "BundlerTooNewForFastlane: this fastlane allows only Bundler >= 1.12.0, < 3.0.0, which is not installed",
        ),
        (
            "You must use Bundler 2 or greater with this lockfile.",
            20,
            "BundlerTooOldForLock: the lock file needs Bundler 2 or newer",
        ),
        (
            "/gems/fastlane-2.229.0/bin/fastlane: uninitialized constant FastlaneCore::UpdateChecker (NameError)",
            1,
            "FastlaneTooOldForRuby: this fastlane does not support the active Ruby",
        ),
    ]);
}

#[test]
fn libraries_that_left_ruby_name_their_gem() {
    check(&[
        (
            "warning: abbrev was loaded from the standard library, but is not part of the default gems since Ruby 3.4.0.\nin 'Kernel#require': cannot load such file -- abbrev (LoadError)",
            1,
            "StandardLibraryGem: `abbrev` is no longer part of Ruby's standard library, and the gem `abbrev` is not in the bundle",
        ),
        (
            "in `require': cannot load such file -- kconv (LoadError)",
            1,
            "StandardLibraryGem: `kconv` is no longer part of Ruby's standard library, and the gem `nkf` is not in the bundle",
        ),
        (
            "cannot load such file -- ostruct (LoadError)",
            1,
            "StandardLibraryGem: `ostruct` is no longer part of Ruby's standard library, and the gem `ostruct` is not in the bundle",
        ),
        (
            "cannot load such file -- net/smtp (LoadError)",
            1,
            "StandardLibraryGem: `net/smtp` is no longer part of Ruby's standard library, and the gem `net-smtp` is not in the bundle",
        ),
        // A plugin's own file is nobody's standard library.
        (
            "cannot load such file -- fastlane/plugin/ours (LoadError)",
            1,
            "none",
        ),
        // Only a warning: something else failed.
        (
            "warning: ostruct was loaded from the standard library, but will no longer be part of the default gems starting from Ruby 4.0.0.",
            1,
            "none",
        ),
    ]);
}

#[test]
fn faults_of_the_lock_file_are_told_apart() {
    check(&[
        (
            "Your bundle only supports platforms [\"x86_64-darwin-19\"] but your local platform is arm64-darwin-24. Add the current platform to the lockfile with\n`bundle lock --add-platform arm64-darwin-24` and try again.",
            16,
            "PlatformNotLocked: the lock file was not resolved for this machine's platform arm64-darwin-24",
        ),
        (
            "Could not find gems matching 'google-protobuf' valid for all resolution platforms (x86_64-linux, arm64-darwin) in rubygems repository https://rubygems.org/ or installed locally.",
            7,
            "PlatformNotLocked: the lock file was not resolved for this machine's platform",
        ),
        (
            "The dependencies in your gemfile changed, but the lockfile can't be updated because frozen mode is set\n\nYou have added to the Gemfile:\n* cocoapods\n\nRun `bundle install` elsewhere and add the updated Gemfile.lock to version control.",
            16,
            "LockFrozen: the lock file does not match the Gemfile and may not be changed here (frozen)",
        ),
        (
            "Cannot write a changed lockfile while frozen.",
            16,
            "LockFrozen: the lock file does not match the Gemfile and may not be changed here (frozen)",
        ),
        (
            "Frozen mode is set, but there's no lockfile",
            16,
            "LockMissing: Bundler is set to frozen, and there is no lock file",
        ),
        (
            "Bundler found mismatched checksums. This is a potential security risk.\n  nokogiri (1.16.0) sha256=00\n    from the lockfile CHECKSUMS at Gemfile.lock:12:3",
            37,
            "ChecksumMismatch: a gem does not have the checksum that is expected",
        ),
        (
            "Bundler found incorrect dependencies in the lockfile for fastlane-2.219.0",
            41,
            "LockDependencies: the lock file lists wrong dependencies for fastlane-2.219.0",
        ),
        (
            "Your Gemfile.lock contains merge conflicts.\nRun `git checkout HEAD -- Gemfile.lock` first to get a clean lock.",
            20,
            "LockMergeConflict: the lock file contains merge conflicts",
        ),
        (
            "Your lockfile is unreadable. Run `rm Gemfile.lock` and then `bundle install` to generate a new lockfile.",
            20,
            "LockUnreadable: the lock file is unreadable",
        ),
        (
            "Your bundle is locked to fastlane (2.105.0) from rubygems repository https://rubygems.org/, but that version could not be found in any of the sources listed in your Gemfile.",
            7,
            "Yanked: fastlane (2.105.0) of the lock file is not published any more",
        ),
        (
            "Could not find nokogiri-1.16.0 in locally installed gems\nRun `bundle install` to install missing gems.",
            7,
            "GemNotInstalled: nokogiri-1.16.0 of the lock file is not installed for the active Ruby",
        ),
        (
            "Could not find rake-13.0.6, json-2.7.1 in any of the sources",
            7,
            "GemNotInstalled: rake-13.0.6, json-2.7.1 of the lock file is not installed for the active Ruby",
        ),
        (
            "bundler: command not found: fastlane\nInstall missing gem executables with `bundle install`",
            127,
            "ExecutableMissing: the bundle has no program `fastlane`",
        ),
    ]);
}

#[test]
fn sources_that_refuse_us_are_named_without_their_credentials() {
    check(&[
        (
            "Authentication is required for gems.example.com.\nPlease supply credentials for this source. You can do this by running:\n`bundle config set --global gems.example.com username:password`",
            17,
            "Source: gems.example.com needs credentials, and Bundler has none",
        ),
        (
            "Bad username or password for https://ada:s3cret@gems.example.com/private/.\nPlease double-check your credentials and correct them.",
            17,
            "Source: gems.example.com does not accept Bundler's credentials",
        ),
        (
            "Access token could not be authenticated for https://rubygems.pkg.github.com/acme/.",
            17,
            "Source: rubygems.pkg.github.com does not let Bundler's access token read gems",
        ),
        (
            "ERROR:  While executing gem ... (Gem::RemoteFetcher::FetchError)\n    bad response Forbidden 403 (https://u:p@gems.example.com/specs.4.8.gz)",
            1,
            "Source: gems.example.com does not let Bundler's access token read gems",
        ),
        (
            "Fetching git@github.com:acme/fastlane-plugin-secret.git\nHost key verification failed.\nfatal: Could not read from remote repository.\n\nGit error: command `git clone --bare git@github.com:acme/fastlane-plugin-secret.git` in directory /x has failed.",
            11,
            "GitAccess: the Git repository of a gem (git@github.com:acme/fastlane-plugin-secret.git) can't be read",
        ),
        (
            "fatal: could not read Username for 'https://github.com': terminal prompts disabled\n\nRetrying `git clone 'https://github.com/acme/p.git'` due to error (2/4): Bundler::Source::Git::GitCommandError Git error: command `git clone`",
            11,
            "GitAccess: the Git repository of a gem (https://github.com/acme/p.git) can't be read",
        ),
        (
            "Revision 0123abc does not exist in the repository https://github.com/acme/p.git. Maybe you misspelled it?",
            11,
            "GitRevision: the locked revision 0123abc is not in the Git repository https://github.com/acme/p.git",
        ),
        (
            "The git source https://github.com/acme/p.git is not yet checked out. Please run `bundle install` before trying to start your application",
            11,
            "GitNotCheckedOut: the Git source https://github.com/acme/p.git is not checked out",
        ),
        (
            "You need to install git to be able to use gems from git repositories. For help installing git, please refer to GitHub's tutorial at https://help.github.com/articles/set-up-git",
            11,
            "GitMissing: a gem comes from a Git repository, and git is not installed",
        ),
    ]);
}

#[test]
fn faults_of_the_machine_are_told_apart() {
    check(&[
        (
            "ERROR:  Error installing fastlane:\n\tfastlane's executable \"fastlane\" conflicts with /usr/local/bin/fastlane\nOverwrite the executable? [yN]  ",
            1,
            "ExecutableConflict: the program `fastlane` of the gem fastlane conflicts with /usr/local/bin/fastlane",
        ),
        (
            "ERROR:  Error installing bundler:\n\t\"bundle\" from bundler conflicts with installed executable from another",
            1,
            "ExecutableConflict: the program `bundle` of the gem bundler conflicts with installed executable from another",
        ),
        (
            "in `find_spec_for_exe': can't find gem fastlane (>= 0.a) with executable fastlane (Gem::GemNotFoundException)",
            1,
            "StaleExecutable: the program `fastlane` is a stub of the gem fastlane, which is not installed for the active Ruby",
        ),
        (
            "ERROR:  While executing gem ... (Gem::FilePermissionError)\n    You don't have write permissions for the /Library/Ruby/Gems/2.6.0 directory.",
            1,
            "NotWritable: /Library/Ruby/Gems/2.6.0 can't be written",
        ),
        (
            "There was an error while trying to write to `/src/vendor/bundle`. It is likely that you need to grant write permissions for that path.",
            23,
            "NotWritable: /src/vendor/bundle can't be written",
        ),
        (
            "There was insufficient space remaining on the device.",
            31,
            "DiskFull: the disk is full",
        ),
        (
            "Gem::Ext::BuildError: ERROR: Failed to build gem native extension.\n\nAn error occurred while installing json (2.7.1), and Bundler cannot continue.",
            5,
            "NativeExtension: json (2.7.1) can't be compiled",
        ),
        (
            "invalid byte sequence in US-ASCII (ArgumentError)",
            1,
            "Locale: Ruby runs without a UTF-8 locale",
        ),
        (
            "Could not load OpenSSL.",
            1,
            "OpensslMissing: this Ruby was built without OpenSSL",
        ),
        (
            "Could not locate Gemfile",
            10,
            "GemfileMissing: Bundler found no Gemfile",
        ),
        (
            "/src/none not found",
            10,
            "GemfileMissing: Bundler found no Gemfile",
        ),
        ("/src/none not found", 1, "none"),
        (
            "[!] There was an error parsing `Gemfile`: syntax error, unexpected end-of-input. Bundler cannot continue.",
            4,
            "GemfileInvalid: Gemfile has an error",
        ),
        (
            "--- ERROR REPORT TEMPLATE ---\n# Error Report\nNoMethodError: undefined method `foo' for nil\n--- TEMPLATE END ---\n\nUnfortunately, an unexpected error occurred, and Bundler cannot continue.",
            1,
            "BundlerCrash: Bundler has crashed",
        ),
    ]);
}

#[test]
fn only_the_network_is_worth_another_try() {
    for (output, host) in [
        (
            "Could not reach host index.rubygems.org. Check your network connection and try again.",
            "index.rubygems.org",
        ),
        (
            "Network error while fetching https://rubygems.org/gems/fastlane-2.219.0.gem (Net::OpenTimeout)",
            "rubygems.org",
        ),
        (
            "SocketError: Failed to open TCP connection to rubygems.org:443 (getaddrinfo: nodename nor servname provided)",
            "rubygems.org",
        ),
        (
            "ERROR:  While executing gem ... (Gem::RemoteFetcher::FetchError)\n    bad response Service Unavailable 503 (https://rubygems.org/specs.4.8.gz)",
            "rubygems.org",
        ),
        (
            "ERROR:  Could not find a valid gem 'fastlane' (>= 0), here is why:\n          Unable to download data from https://rubygems.org/ - timed out (https://rubygems.org/specs.4.8.gz)",
            "rubygems.org",
        ),
        (
            "Errno::ECONNREFUSED: Connection refused - connect(2) for \"proxy.local\" port 3128",
            "a gem server",
        ),
        (
            "fatal: unable to access 'https://github.com/acme/p.git/': Could not resolve host: github.com\nGit error: command `git clone` in directory / has failed.",
            "github.com",
        ),
        ("Network is unreachable - timed out", "a gem server"),
    ] {
        let cause = SetupCause::find(output, 17);
        assert!(
            cause.as_ref().is_some_and(SetupCause::is_transient),
            "{output}: {cause:?}"
        );
        assert!(cause.unwrap().to_string().starts_with(host), "{output}");
    }
    for output in [
        "Could not verify the SSL certificate for https://rubygems.org/.",
        "Unable to download data from https://rubygems.org/ - SSL_connect returned=1 errno=0 state=error: certificate verify failed (unable to get local issuer certificate)",
        "Authentication is required for gems.example.com.",
        "Your Ruby version is 3.1.2, but your Gemfile specified 3.3.0",
    ] {
        assert!(!SetupCause::find(output, 17).unwrap().is_transient(), "{output}");
    }
}

#[test]
fn the_last_cause_counts_and_an_unknown_failure_has_none() {
    let recovered = "Retrying fetcher due to error (2/4): Bundler::HTTPError Network error while fetching https://rubygems.org/\nBundler found mismatched checksums. This is a potential security risk.";
    assert!(found(recovered, 37).starts_with("ChecksumMismatch"));
    for output in [
        "",
        "harness: simulated failure",
        "ERROR:  While executing gem",
        "fastlane finished with errors",
    ] {
        assert_eq!(found(output, 1), "none", "{output}");
    }
    // Bundler's own statuses say something even where its text is unknown.
    assert!(found("", 31).starts_with("DiskFull"));
}
