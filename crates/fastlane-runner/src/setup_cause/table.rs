//! The texts by which causes are recognized: one table.
//!
//! Sources: rubygems/rubygems at 69ec4a3a5f (2025-10-10, Bundler 4.0.0.dev) with its exit statuses, rbenv 23c3041
//! (2026-03-24), asdf 25b3911c (2026-07-20), mise and chruby as quoted in public repositories (2026), and the issues
//! that a row names.

use std::cmp::Reverse;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::{SetupCause, SourceRefusal, VersionManager};
use crate::patterns::Patterns;

/// How much a text says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// It is printed beside other causes, which count more.
    Weak,
    /// It is why the program failed.
    Strong,
}
use Weight::{Strong, Weak};

/// Where a pattern matched.
struct Place<'a> {
    line: &'a str,
    output: &'a str,
}

type Build = fn(&Captures<'_>, &Place<'_>) -> Option<SetupCause>;

struct Row {
    /// The exit statuses with which it counts; empty for any.
    statuses: &'static [i32],
    weight: Weight,
    /// A regular expression for one line, without anchors. `\w` and `\s` are ASCII.
    pattern: &'static str,
    build: Build,
}

const fn row(pattern: &'static str, build: Build) -> Row {
    Row {
        statuses: &[],
        weight: Strong,
        pattern,
        build,
    }
}

const fn weak(pattern: &'static str, build: Build) -> Row {
    Row {
        statuses: &[],
        weight: Weak,
        pattern,
        build,
    }
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns::new("", patterns()));

pub(super) fn patterns() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.pattern)
}

/// The cause of the last text in `output` that is known, strong ones first: a failed program says last what it died of.
pub(super) fn find(output: &str, status: i32) -> Option<(SetupCause, String)> {
    let mut weak = None;
    for line in output.lines().rev() {
        let place = Place { line, output };
        for (row, captures) in matches(line, status) {
            if row.weight == Weak && weak.is_some() {
                continue;
            }
            let Some(cause) = (row.build)(&captures, &place) else {
                continue;
            };
            let found = (cause, line.trim().to_owned());
            match row.weight {
                Strong => return Some(found),
                Weak => weak = Some(found),
            }
        }
    }
    weak.or_else(|| Some((by_status(status)?, String::new())))
}

/// What matches in a line: strong rows first, then by place, the last one first.
fn matches(line: &str, status: i32) -> Vec<(&'static Row, Captures<'_>)> {
    let mut matches: Vec<(&Row, Captures<'_>)> = PATTERNS
        .candidates(line)
        .map(|(row, pattern)| (&ROWS[row], pattern))
        .filter(|(row, _)| row.statuses.is_empty() || row.statuses.contains(&status))
        .flat_map(|(row, pattern)| pattern.captures_iter(line).map(move |captures| (row, captures)))
        .collect();
    let start = |captures: &Captures<'_>| captures.get(0).map(|whole| whole.start());
    matches.sort_by_key(|(row, captures)| Reverse((row.weight, start(captures))));
    matches
}

/// What an exit status of Bundler's says without a text.
fn by_status(status: i32) -> Option<SetupCause> {
    Some(match status {
        10 => SetupCause::GemfileMissing,
        22 => SetupCause::LockMissing,
        31 => SetupCause::DiskFull,
        37 => SetupCause::ChecksumMismatch,
        _ => return None,
    })
}

fn text(captures: &Captures<'_>, name: &str) -> String {
    optional(captures, name).unwrap_or_default()
}

fn optional(captures: &Captures<'_>, name: &str) -> Option<String> {
    let value = captures
        .name(name)?
        .as_str()
        .trim()
        .trim_end_matches(['.', ',', ':']);
    (!value.is_empty()).then(|| value.to_owned())
}

/// The first matching group of a pattern anywhere in the output.
fn elsewhere(place: &Place<'_>, pattern: &str) -> Option<String> {
    first_group(place.output, pattern)
}

fn first_group(text: &str, pattern: &str) -> Option<String> {
    let captures = Regex::new(pattern).ok()?.captures(text)?;
    let group = captures.iter().skip(1).flatten().next()?;
    Some(group.as_str().to_owned())
}

/// The host of a URL, without the credentials that may be in it; a text that is none stays.
fn host(captures: &Captures<'_>) -> Option<String> {
    host_of(&optional(captures, "host")?)
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].to_owned())
}

fn network(captures: &Captures<'_>, place: &Place<'_>) -> Option<SetupCause> {
    let url = || {
        host_of(&first_group(
            place.line,
            r"(https?://[^\s)'`]+)|TCP connection to ([\w.\u{80}-\u{10FFFF}-]+)",
        )?)
    };
    Some(SetupCause::Network {
        host: host(captures).or_else(url),
    })
}

fn not_writable(captures: &Captures<'_>, _: &Place<'_>) -> Option<SetupCause> {
    Some(SetupCause::NotWritable {
        path: optional(captures, "path"),
    })
}

fn source(captures: &Captures<'_>, refusal: SourceRefusal) -> Option<SetupCause> {
    Some(SetupCause::Source {
        host: host(captures).unwrap_or_else(|| "the gem source".to_owned()),
        refusal,
    })
}

fn program_not_in_ruby(manager: VersionManager, captures: &Captures<'_>) -> Option<SetupCause> {
    Some(SetupCause::ProgramNotInRuby {
        manager,
        program: text(captures, "program"),
    })
}

fn ruby_not_installed(manager: VersionManager, captures: &Captures<'_>) -> Option<SetupCause> {
    Some(SetupCause::RubyNotInstalled {
        manager,
        version: optional(captures, "version"),
        set_by: optional(captures, "by"),
    })
}

/// A failed handshake: a certificate, or a connection that broke.
fn handshake(captures: &Captures<'_>, _: &Place<'_>) -> Option<SetupCause> {
    let rest = text(captures, "rest").to_lowercase();
    let broke = [
        "syscall",
        "econnreset",
        "connection reset",
        "timed out",
        "unexpected eof",
    ];
    Some(if broke.iter().any(|word| rest.contains(word)) {
        SetupCause::Network { host: host(captures) }
    } else {
        SetupCause::Tls { host: host(captures) }
    })
}

/// The gem that has a library since it left the standard library: with Ruby 3.4 and with 4.0 (Ruby's `bundled_gems.rb`;
/// fastlane #29766, 2025-11-21, for kconv).
fn standard_library(captures: &Captures<'_>, _: &Place<'_>) -> Option<SetupCause> {
    const GEMS: [&str; 33] = [
        "abbrev",
        "base64",
        "bigdecimal",
        "csv",
        "drb",
        "getoptlong",
        "mutex_m",
        "nkf",
        "observer",
        "racc",
        "resolv-replace",
        "rinda",
        "syslog",
        "ostruct",
        "logger",
        "benchmark",
        "irb",
        "rdoc",
        "reline",
        "fiddle",
        "pstore",
        "win32ole",
        "readline",
        "cgi",
        "matrix",
        "prime",
        "net-smtp",
        "net-imap",
        "net-pop",
        "net-ftp",
        "rexml",
        "rss",
        "tracer",
    ];
    let library = text(captures, "library");
    let first = library.split('/').next().unwrap_or_default();
    let gem = match library.as_str() {
        "kconv" => "nkf",
        path if path.starts_with("net/") => &path.replace('/', "-"),
        _ => first,
    };
    GEMS.contains(&gem).then(|| SetupCause::StandardLibraryGem {
        gem: gem.to_owned(),
        library: library.clone(),
    })
}

fn git_access(_: &Captures<'_>, place: &Place<'_>) -> Option<SetupCause> {
    let url = elsewhere(
        place,
        r"(?:Fetching|clone[^\n]*?|[Rr]epository|access) '?((?:https?://|ssh://|git@)[^\s'`]+)",
    );
    Some(SetupCause::GitAccess {
        repository: url.map(|url| without_credentials(&url)),
    })
}

const ROWS: &[Row] = &[
    // --- version managers
    row(
        r"rbenv: version [`'‘](?P<version>[^'’\n]+)['’] is not installed(?: \(set by (?P<by>[^)\n]+)\))?",
        |c, _| ruby_not_installed(VersionManager::Rbenv, c),
    ),
    row(r"rbenv: (?P<program>\S+): command not found", |c, _| {
        program_not_in_ruby(VersionManager::Rbenv, c)
    }),
    row(r"No version is set for command \S+", |_, _| {
        Some(SetupCause::RubyNotSelected {
            manager: VersionManager::Asdf,
        })
    }),
    row(r"No preset version installed for command \S+", |_, place| {
        Some(SetupCause::RubyNotInstalled {
            manager: VersionManager::Asdf,
            version: elsewhere(place, r"asdf install ruby (\S+)"),
            set_by: elsewhere(place, r"(\S+/\.tool-versions)"),
        })
    }),
    row(
        r"No executable (?P<program>\S+) found for current version",
        |c, _| program_not_in_ruby(VersionManager::Asdf, c),
    ),
    row(
        r"unknown command: (?P<program>\S+)\. Perhaps you have to reshim\?",
        |c, _| program_not_in_ruby(VersionManager::Asdf, c),
    ),
    row(r"mise ERROR +No version is set for shim: \S+", |_, _| {
        Some(SetupCause::RubyNotSelected {
            manager: VersionManager::Mise,
        })
    }),
    row(
        r"mise (?:ERROR|WARN)[^\n]*?ruby@(?P<version>\d[\w.-]*)",
        |c, _| ruby_not_installed(VersionManager::Mise, c),
    ),
    row(r"chruby: unknown Ruby: (?P<version>\S+)", |c, _| {
        ruby_not_installed(VersionManager::Chruby, c)
    }),
    row(r"Required ruby-(?P<version>\S+) is not installed", |c, _| {
        ruby_not_installed(VersionManager::Rvm, c)
    }),
    // --- Ruby's version
    row(
        r"Your (?P<what>\S+) (?:version|engine|patchlevel) is (?P<active>[^,\n]+), but your Gemfile specified (?P<wanted>[^\n]+)",
        |c, _| {
            let name = |version: String| {
                let what = text(c, "what");
                if version.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    version
                } else {
                    format!("{what} {version}")
                }
            };
            Some(SetupCause::GemfileRuby {
                active: text(c, "active"),
                wanted: name(text(c, "wanted")),
            })
        },
    ),
    row(
        r"(?P<gem>[\w.-]+) requires [Rr]uby version (?P<wanted>[<>=~! ]*\d+(?:\.\w+)*(?:, [<>=~! ]*\d+(?:\.\w+)*)*)(?:\. The current [Rr]uby version is (?P<active>\d[\w.]*))?",
        |c, place| {
            Some(SetupCause::GemNeedsRuby {
                gem: text(c, "gem"),
                wanted: text(c, "wanted"),
                active: optional(c, "active"),
                last: elsewhere(
                    place,
                    r"The last version of \S+ \([^)\n]*\) to support your Ruby & RubyGems was ([\d.]*\d)",
                ),
            })
        },
    ),
    row(
        r"The last version of (?P<gem>\S+) \([^)\n]*\) to support your Ruby & RubyGems was (?P<last>[\d.]*\d)",
        |c, place| {
            Some(SetupCause::GemNeedsRuby {
                gem: text(c, "gem"),
                wanted: elsewhere(place, r"requires [Rr]uby version ([<>=~! ]*\d[\w.]*\w)")
                    .unwrap_or_else(|| "of a newer version".to_owned()),
                active: elsewhere(place, r"The current [Rr]uby version is (\d[\w.]*\w)"),
                last: optional(c, "last"),
            })
        },
    ),
    // The resolver's wording, since Bundler 2.4.
    row(
        r"(?:every|and) (?:every )?version of (?P<gem>\S+) depends on Ruby (?P<wanted>[<>=~! ]*\d[\w.]*)",
        |c, place| {
            Some(SetupCause::GemNeedsRuby {
                gem: text(c, "gem"),
                wanted: text(c, "wanted"),
                active: elsewhere(place, r"current Ruby version is =? ?(\d[\w.]*\d)"),
                last: None,
            })
        },
    ),
    // --- the lock file
    row(
        r"Your bundle only supports platforms [^\n]*?but your local platforms? (?:is|are) (?P<platform>[\w-]+)",
        |c, _| {
            Some(SetupCause::PlatformNotLocked {
                platform: optional(c, "platform"),
            })
        },
    ),
    row(
        r"Could not find gems? matching [^\n]* valid for all resolution platforms",
        |_, place| {
            Some(SetupCause::PlatformNotLocked {
                platform: elsewhere(place, r"bundle lock --add-platform ([\w-]+)"),
            })
        },
    ),
    row(
        r"Frozen mode is set, but there's no lockfile|The (?:deployment|frozen) setting requires a lockfile",
        |_, _| Some(SetupCause::LockMissing),
    ),
    row(
        r"because frozen mode is set|Cannot write a changed lockfile while frozen|You are trying to install in deployment mode after changing|add the updated \S+ to version control",
        |_, _| Some(SetupCause::LockFrozen),
    ),
    row(
        r"Bundler found mismatched checksums|[Tt]he checksum for the downloaded [^\n]* does not match",
        |_, _| Some(SetupCause::ChecksumMismatch),
    ),
    row(
        r"Bundler found incorrect dependencies in the lockfile for (?P<gem>[^\n]+)",
        |c, _| Some(SetupCause::LockDependencies { gem: text(c, "gem") }),
    ),
    row(r"contains merge conflicts", |_, _| {
        Some(SetupCause::LockMergeConflict)
    }),
    row(r"Your lockfile is unreadable", |_, _| {
        Some(SetupCause::LockUnreadable)
    }),
    row(
        r"You must use Bundler (?P<wanted>\d+) or greater with this lockfile",
        |c, _| {
            Some(SetupCause::BundlerTooOldForLock {
                wanted: text(c, "wanted"),
            })
        },
    ),
    // --- Bundler and Ruby
    row(r"undefined method [`'‘]untaint['’]", |_, place| {
        Some(SetupCause::BundlerTooOldForRuby {
            version: elsewhere(place, r"bundler-((?:1|2)\.[\d.]*\d)"),
        })
    }),
    row(
        r"Could not find '?bundler'? \((?P<version>\d[\d.]*)\) required by",
        |c, _| {
            Some(SetupCause::LockedBundlerMissing {
                version: text(c, "version"),
            })
        },
    ),
    row(
        r"Could not find '?bundler'? \((?P<range>[^)\n]*[<>~=][^)\n]*)\) (?:among|required by|- did find)",
        |c, _| {
            Some(SetupCause::BundlerTooNewForFastlane {
                range: text(c, "range"),
            })
        },
    ),
    row(
        r"cannot load such file -- (?P<library>[\w./-]+)",
        standard_library,
    ),
    weak(
        r"(?P<library>[\w/-]+) was loaded from the standard library, but is not part of the default gems",
        standard_library,
    ),
    weak(
        r"(?P<library>[\w/-]+) is not part of the default gems since Ruby",
        standard_library,
    ),
    row(r"uninitialized constant FastlaneCore::UpdateChecker", |_, _| {
        Some(SetupCause::FastlaneTooOldForRuby)
    }),
    // --- gems
    row(
        r"Could not find (?P<gem>[\w.-]+(?:, [\w.-]+)*) in (?:any of the sources|locally installed gems)",
        |c, _| Some(SetupCause::GemNotInstalled { gem: text(c, "gem") }),
    ),
    weak(r"Run `bundle install` to install missing gems", |_, _| {
        Some(SetupCause::GemNotInstalled {
            gem: "a gem".to_owned(),
        })
    }),
    row(
        r"Your bundle is locked to (?P<gem>\S+ \([^)\n]+\))[^\n]*, but that version (?:could not|can no longer) be found",
        |c, _| Some(SetupCause::Yanked { gem: text(c, "gem") }),
    ),
    row(r"Some locked specs have possibly been yanked", |_, place| {
        Some(SetupCause::Yanked {
            gem: elsewhere(
                place,
                r"Some locked specs have possibly been yanked \(([^)\n]+)\)",
            )
            .unwrap_or_else(|| "a gem".to_owned()),
        })
    }),
    row(r"Could not find gem '(?P<gem>[^'\n]+)'", |c, _| {
        Some(SetupCause::NoSuchGem { gem: text(c, "gem") })
    }),
    row(
        r"Could not find a valid gem '(?P<gem>[^'\n]+)'(?: \((?P<version>[^)\n]+)\))?",
        |c, _| {
            let version = optional(c, "version").filter(|version| version != ">= 0");
            Some(SetupCause::NoSuchGem {
                gem: version.map_or_else(
                    || text(c, "gem"),
                    |version| format!("{} ({version})", text(c, "gem")),
                ),
            })
        },
    ),
    row(r"[Cc]ould not find compatible versions", |_, _| {
        Some(SetupCause::IncompatibleVersions)
    }),
    row(
        r"bundler: (?:command not found|not executable): (?P<program>\S+)",
        |c, _| {
            Some(SetupCause::ExecutableMissing {
                program: text(c, "program"),
            })
        },
    ),
    row(
        r#"(?P<gem>[\w.-]+)'s executable ["“](?P<program>[^"”\n]+)["”] conflicts with (?P<other>[^\n]+)"#,
        |c, _| {
            Some(SetupCause::ExecutableConflict {
                program: text(c, "program"),
                gem: text(c, "gem"),
                other: text(c, "other"),
            })
        },
    ),
    row(
        r#"["“](?P<program>[^"”\n]+)["”] from (?P<gem>\S+) conflicts with (?P<other>[^\n]+)"#,
        |c, _| {
            Some(SetupCause::ExecutableConflict {
                program: text(c, "program"),
                gem: text(c, "gem"),
                other: text(c, "other"),
            })
        },
    ),
    row(
        r"can't find gem (?P<gem>\S+) (?:\([^)\n]*\) )?with executable (?P<program>[\w.-]+)",
        |c, _| {
            Some(SetupCause::StaleExecutable {
                program: text(c, "program"),
                gem: text(c, "gem"),
            })
        },
    ),
    // --- private sources
    row(r"Authentication is required for (?P<host>\S+)", |c, _| {
        source(c, SourceRefusal::Missing)
    }),
    row(r"Bad username or password for (?P<host>\S+)", |c, _| {
        source(c, SourceRefusal::Wrong)
    }),
    row(
        r"Access token could not be authenticated for (?P<host>\S+)",
        |c, _| source(c, SourceRefusal::Scope),
    ),
    row(
        r"bad response (?:Unauthorized )?401[^\n(]*\(?(?P<host>https?://[^)\s]+)?",
        |c, _| source(c, SourceRefusal::Wrong),
    ),
    row(
        r"bad response (?:Forbidden )?403[^\n(]*\(?(?P<host>https?://[^)\s]+)?",
        |c, _| source(c, SourceRefusal::Scope),
    ),
    // --- Git
    row(
        r"You need to install git to be able to use gems from git",
        |_, _| Some(SetupCause::GitMissing),
    ),
    row(
        r"Revision (?P<revision>\S+) does not exist in the repository (?P<repository>\S+)",
        |c, _| {
            Some(SetupCause::GitRevision {
                revision: text(c, "revision"),
                repository: text(c, "repository"),
            })
        },
    ),
    row(
        r"The git source [`'‘]?(?P<repository>[^\s`'’]+)['’]? is not yet checked out",
        |c, _| {
            Some(SetupCause::GitNotCheckedOut {
                repository: text(c, "repository"),
            })
        },
    ),
    row(
        r"Permission denied \(publickey|Host key verification failed|could not read Username for|Repository not found|terminal prompts disabled",
        git_access,
    ),
    weak(
        r"Git error: command [`'‘]git |Could not read from remote repository",
        git_access,
    ),
    // --- the machine
    row(
        r"You don't have write permissions for the (?P<path>\S+) directory",
        not_writable,
    ),
    row(r"Permission denied @ \S+ - (?P<path>[^\s)]+)", not_writable),
    row(
        r"There was an error while trying to write to [`'‘](?P<path>[^`'’\n]+)['’`]",
        not_writable,
    ),
    weak(
        r"Gem::FilePermissionError|Errno::EACCES|Errno::EPERM",
        not_writable,
    ),
    row(
        r"Read-only file system(?: @ \S+ - (?P<path>[^\s)]+))?",
        not_writable,
    ),
    row(r"insufficient space remaining|No space left on device", |_, _| {
        Some(SetupCause::DiskFull)
    }),
    row(
        r"Could not load OpenSSL|cannot load such file -- openssl",
        |_, _| Some(SetupCause::OpensslMissing),
    ),
    row(r"Failed to build gem native extension", |_, place| {
        Some(SetupCause::NativeExtension {
            gem: elsewhere(place, r"An error occurred while installing ([\w.-]+ \([^)\n]+\))")
                .or_else(|| elsewhere(place, r"Error installing ([\w.-]+):")),
        })
    }),
    row(r"invalid byte sequence in US-ASCII", |_, _| {
        Some(SetupCause::Locale)
    }),
    // --- the network
    row(
        r"Could not verify the SSL certificate for (?P<host>\S+)",
        |c, _| Some(SetupCause::Tls { host: host(c) }),
    ),
    row(
        r"(?:from (?P<host>https?://\S+)[^\n]*)?SSL_connect(?P<rest>[^\n]*)",
        handshake,
    ),
    weak(r"certificate verify failed|OpenSSL::SSL::SSLError", |_, _| {
        Some(SetupCause::Tls { host: None })
    }),
    row(r"Could not reach host (?P<host>\S+)", network),
    row(r"Network error while fetching (?P<host>\S+)", network),
    row(r"Too many redirects", network),
    row(
        r"Could not resolve (?:host|proxy)(?: name)?:? ?(?P<host>[\w.\u{80}-\u{10FFFF}-]+)?",
        network,
    ),
    row(
        r"Failed to open TCP connection to (?P<host>[\w.\u{80}-\u{10FFFF}-]+)|getaddrinfo|no such name|Socket::ResolutionError|SocketError|Temporary failure in name resolution",
        network,
    ),
    row(
        r"Errno::(?:ECONN\w+|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN)|Connection (?:refused|reset)|Network is unreachable",
        network,
    ),
    row(
        r"Net::(?:Open|Read|Write)Timeout|Gem::Timeout|execution expired|timed out",
        network,
    ),
    row(
        r"bad response (?:[A-Z][A-Za-z ]*)?(?:5\d\d|429|407|408)[^\n(]*\(?(?P<host>https?://[^)\s]+)?|Bundler::Fetcher::TooManyRequestsError",
        network,
    ),
    weak(r"Gem::RemoteFetcher::FetchError|Bundler::HTTPError", network),
    // --- the Gemfile
    row(r"Could not locate (?:Gemfile|a Gemfile)", |_, _| {
        Some(SetupCause::GemfileMissing)
    }),
    row(
        r"There was an error (?:parsing|while loading) [`'‘](?P<file>[^`'’\n]+)['’`]",
        |c, _| {
            Some(SetupCause::GemfileInvalid {
                file: text(c, "file"),
            })
        },
    ),
    row(
        r"The path [`'‘](?P<path>[^`'’\n]+)['’`] does not exist",
        |c, _| {
            Some(SetupCause::PathSourceMissing {
                path: text(c, "path"),
            })
        },
    ),
    Row {
        statuses: &[10],
        weight: Strong,
        pattern: r"(?P<path>/\S+) not found",
        build: |_, _| Some(SetupCause::GemfileMissing),
    },
    weak(
        r"--- ERROR REPORT TEMPLATE ---|an unexpected error occurred, and Bundler cannot continue",
        |_, _| Some(SetupCause::BundlerCrash),
    ),
];

fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
            format!("{scheme}://{rest}")
        }
        None => url.to_owned(),
    }
}
