//! Why Ruby, RubyGems or Bundler failed.

mod table;
#[cfg(test)]
mod tests;

/// Who selects one of several installed Rubies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionManager {
    /// rbenv.
    Rbenv,
    /// asdf.
    Asdf,
    /// mise.
    Mise,
    /// chruby.
    Chruby,
    /// RVM.
    Rvm,
}

impl std::fmt::Display for VersionManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rbenv => "rbenv",
            Self::Asdf => "asdf",
            Self::Mise => "mise",
            Self::Chruby => "chruby",
            Self::Rvm => "RVM",
        })
    }
}

/// Why a source of gems did not let us in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceRefusal {
    /// No credentials were given.
    Missing,
    /// The credentials are wrong.
    Wrong,
    /// The credentials are right, and may not do this.
    Scope,
}

/// Why Ruby, RubyGems or Bundler failed. The texts by which causes are recognized are in one table, with their source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupCause {
    /// The Ruby that a version file or variable requires is not installed.
    #[error("{manager} has no Ruby {}{}", version.as_deref().unwrap_or("of the required version"), required_by(.set_by))]
    RubyNotInstalled {
        /// The version manager.
        manager: VersionManager,
        /// The version.
        version: Option<String>,
        /// The file or variable that requires it.
        set_by: Option<String>,
    },
    /// Several Rubies may be installed, and none is selected.
    #[error("{manager} has no Ruby selected for this directory")]
    RubyNotSelected {
        /// The version manager.
        manager: VersionManager,
    },
    /// The program belongs to another Ruby than the selected one.
    #[error("the Ruby that {manager} selects here has no program `{program}`")]
    ProgramNotInRuby {
        /// The version manager.
        manager: VersionManager,
        /// The program.
        program: String,
    },
    /// The Gemfile requires another Ruby.
    #[error("the Gemfile requires {wanted}, but {active} is active")]
    GemfileRuby {
        /// The active Ruby, or engine.
        active: String,
        /// The demanded one.
        wanted: String,
    },
    /// A gem needs another Ruby.
    #[error("{gem} needs Ruby {wanted}{}", active.as_ref().map(|active| format!(", but {active} is active")).unwrap_or_default())]
    GemNeedsRuby {
        /// The gem.
        gem: String,
        /// The versions of Ruby that it supports.
        wanted: String,
        /// The active Ruby.
        active: Option<String>,
        /// The last version of the gem that supports the active Ruby.
        last: Option<String>,
    },
    /// The lock file was made on another kind of machine.
    #[error("the lock file was not resolved for this machine's platform{}", platform.as_ref().map(|name| format!(" {name}")).unwrap_or_default())]
    PlatformNotLocked {
        /// This machine's platform.
        platform: Option<String>,
    },
    /// Gemfile and lock file differ, and the lock file may not be changed.
    #[error("the lock file does not match the Gemfile and may not be changed here (frozen)")]
    LockFrozen,
    /// The lock file may not be changed and is missing.
    #[error("Bundler is set to frozen, and there is no lock file")]
    LockMissing,
    /// A gem is not the one that the lock file has the checksum of.
    #[error("a gem does not have the checksum that is expected")]
    ChecksumMismatch,
    /// The lock file's requirements of a gem are not the gem's.
    #[error("the lock file lists wrong dependencies for {gem}")]
    LockDependencies {
        /// The gem.
        gem: String,
    },
    /// The lock file has merge markers.
    #[error("the lock file contains merge conflicts")]
    LockMergeConflict,
    /// The lock file is damaged.
    #[error("the lock file is unreadable")]
    LockUnreadable,
    /// The lock file requires a newer Bundler.
    #[error("the lock file needs Bundler {wanted} or newer")]
    BundlerTooOldForLock {
        /// The major version.
        wanted: String,
    },
    /// Bundler calls methods that Ruby has removed.
    #[error("Bundler{} is too old for this Ruby", version.as_ref().map(|version| format!(" {version}")).unwrap_or_default())]
    BundlerTooOldForRuby {
        /// The version of Bundler.
        version: Option<String>,
    },
    /// The Bundler that the lock file names is not installed.
    #[error("Bundler {version}, which the lock file names, is not installed")]
    LockedBundlerMissing {
        /// The version of Bundler.
        version: String,
    },
    /// fastlane does not allow the installed Bundler.
    #[error("this fastlane allows only Bundler {range}, which is not installed")]
    BundlerTooNewForFastlane {
        /// The versions that fastlane allows.
        range: String,
    },
    /// A library left Ruby's standard library.
    #[error(
        "`{library}` is no longer part of Ruby's standard library, and the gem `{gem}` is not in the bundle"
    )]
    StandardLibraryGem {
        /// What was required.
        library: String,
        /// The gem that has it now.
        gem: String,
    },
    /// fastlane uses what this Ruby has removed.
    #[error("this fastlane does not support the active Ruby")]
    FastlaneTooOldForRuby,
    /// Gems of the lock file are not installed for this Ruby.
    #[error("{gem} of the lock file is not installed for the active Ruby")]
    GemNotInstalled {
        /// The gem, with its version where it is named.
        gem: String,
    },
    /// No such gem, or version of it, is published.
    #[error("no source has the gem {gem}")]
    NoSuchGem {
        /// The gem, with the demanded version.
        gem: String,
    },
    /// The locked version is not published any more.
    #[error("{gem} of the lock file is not published any more")]
    Yanked {
        /// The gem, with its version where it is named.
        gem: String,
    },
    /// Requirements exclude each other.
    #[error("the Gemfile asks for versions that exclude each other")]
    IncompatibleVersions,
    /// The bundle has no such program.
    #[error("the bundle has no program `{program}`")]
    ExecutableMissing {
        /// The program.
        program: String,
    },
    /// A program of another gem or of the system is in the way.
    #[error("the program `{program}` of the gem {gem} conflicts with {other}")]
    ExecutableConflict {
        /// The program.
        program: String,
        /// The gem.
        gem: String,
        /// What is there already.
        other: String,
    },
    /// A program stub whose gem is gone.
    #[error("the program `{program}` is a stub of the gem {gem}, which is not installed for the active Ruby")]
    StaleExecutable {
        /// The program.
        program: String,
        /// The gem.
        gem: String,
    },
    /// A private source of gems refused us.
    #[error("{host} {}", refused(.refusal))]
    Source {
        /// The source's host.
        host: String,
        /// Why.
        refusal: SourceRefusal,
    },
    /// Git is missing.
    #[error("a gem comes from a Git repository, and git is not installed")]
    GitMissing,
    /// A repository can't be read.
    #[error("the Git repository of a gem{} can't be read", repository.as_ref().map(|name| format!(" ({name})")).unwrap_or_default())]
    GitAccess {
        /// The repository, where it is named.
        repository: Option<String>,
    },
    /// A locked revision is gone.
    #[error("the locked revision {revision} is not in the Git repository {repository}")]
    GitRevision {
        /// The revision.
        revision: String,
        /// The repository.
        repository: String,
    },
    /// A repository was not checked out by `bundle install`.
    #[error("the Git source {repository} is not checked out")]
    GitNotCheckedOut {
        /// The repository.
        repository: String,
    },
    /// A directory or file can't be written.
    #[error("{} can't be written", path.as_deref().unwrap_or("Ruby's gem directory"))]
    NotWritable {
        /// Which.
        path: Option<String>,
    },
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// A TLS certificate can't be verified.
    #[error("the TLS certificate of {} can't be verified", host.as_deref().unwrap_or("a gem server"))]
    Tls {
        /// The host, where it is named.
        host: Option<String>,
    },
    /// A server can't be reached, or is out of order.
    #[error("{} can't be reached", host.as_deref().unwrap_or("a gem server"))]
    Network {
        /// The host, where it is named.
        host: Option<String>,
    },
    /// Ruby was built without OpenSSL.
    #[error("this Ruby was built without OpenSSL")]
    OpensslMissing,
    /// A gem with native code can't be compiled.
    #[error("{} can't be compiled", gem.as_deref().unwrap_or("a gem with native code"))]
    NativeExtension {
        /// The gem, where it is named.
        gem: Option<String>,
    },
    /// There is no Gemfile.
    #[error("Bundler found no Gemfile")]
    GemfileMissing,
    /// The Gemfile has an error.
    #[error("{file} has an error")]
    GemfileInvalid {
        /// The Gemfile or gemspec.
        file: String,
    },
    /// A source on this machine is missing.
    #[error("the directory {path} that the Gemfile names does not exist")]
    PathSourceMissing {
        /// The directory.
        path: String,
    },
    /// Ruby reads texts as ASCII.
    #[error("Ruby runs without a UTF-8 locale")]
    Locale,
    /// Bundler crashed.
    #[error("Bundler has crashed")]
    BundlerCrash,
}

impl SetupCause {
    /// The cause that the output of a failed program speaks of. `status` is its exit status.
    pub fn find(output: &str, status: i32) -> Option<Self> {
        Self::find_with_evidence(output, status).map(|(cause, _)| cause)
    }

    /// The same with the line that says so.
    pub(crate) fn find_with_evidence(output: &str, status: i32) -> Option<(Self, String)> {
        table::find(output, status)
    }

    /// Whether another try may help: what the network does may pass, and nothing else does.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Network { .. })
    }
}

fn required_by(origin: &Option<String>) -> String {
    origin
        .as_ref()
        .map(|origin| format!(", which {origin} requires"))
        .unwrap_or_default()
}

fn refused(refusal: &SourceRefusal) -> &'static str {
    match refusal {
        SourceRefusal::Missing => "needs credentials, and Bundler has none",
        SourceRefusal::Wrong => "does not accept Bundler's credentials",
        SourceRefusal::Scope => "does not let Bundler's access token read gems",
    }
}
