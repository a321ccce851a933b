//! Why a match storage gives no identities.

/// Why a match storage gives no identities. Of an address only the host is named: the rest may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be read on this machine.
    #[error("the match storage can't be read")]
    Local(#[source] std::io::Error),
    /// There is something else.
    #[error(
        "found {0}; expected a match storage: a directory with `certs`, a Git repository or bundle, or a zip or tar archive"
    )]
    NotAStorage(&'static str),
    /// It can't be downloaded.
    #[error(transparent)]
    Download(#[from] transport::DownloadError),
    /// The archive is damaged.
    #[error("the archive can't be read: {0}")]
    Archive(String),
    /// It is larger than any storage.
    #[error("{what} has more than {limit}, which is more than a match storage needs")]
    TooLarge {
        /// What is too large, such as "the archive".
        what: &'static str,
        /// The limit with its unit.
        limit: String,
    },
    /// There are more certificates than any team has.
    #[error("the match storage has more than 2,000 certificates and keys")]
    TooManyFiles,
    /// Git failed.
    #[error("could not {what}")]
    Git {
        /// What was being done, such as "list the branches of the match repository on example.com".
        what: String,
        /// What follows from what Git said.
        refusal: GitRefusal,
        /// What happened, with Git's last lines.
        #[source]
        source: command::Error,
    },
    /// The branch is not there.
    #[error("the match repository has no branch `{branch}`; it has {}", listed(branches))]
    NoBranch {
        /// The branch.
        branch: String,
        /// Those that there are.
        branches: Vec<String>,
    },
    /// There are no certificates at all.
    #[error(
        "there are no certificates below `certs` in {place}{}",
        other_branches(branches)
    )]
    Empty {
        /// Where that was looked for, such as "the branch `master`".
        place: String,
        /// Other branches that there are.
        branches: Vec<String>,
    },
    /// There are others.
    #[error(
        "the match storage has nothing in `certs/{wanted}`; it has {}",
        listed(present)
    )]
    NoSuchType {
        /// The directory.
        wanted: &'static str,
        /// Those that there are, with the number of their certificates.
        present: Vec<String>,
    },
    /// There are others.
    #[error(
        "the match storage has no certificates for the team {team_id}; it has directories of {}",
        listed(teams)
    )]
    NoSuchTeam {
        /// The team.
        team_id: String,
        /// Those that there are.
        teams: Vec<String>,
    },
    /// There are others.
    #[error(
        "the match storage has no certificate `{id}` in `certs/{directory}`; it has {}",
        listed(ids)
    )]
    NoSuchCertificate {
        /// The certificate's ID.
        id: String,
        /// The directory.
        directory: &'static str,
        /// Those that there are.
        ids: Vec<String>,
    },
    /// It is encrypted.
    #[error("the match storage is encrypted, and no password is set")]
    NoPassword,
    /// The password is another one's, or the files were changed.
    #[error("the password does not decrypt the match storage (tried on {}, such as {example})", wording::counted(*.files, "file"))]
    WrongPassword {
        /// How many files were tried.
        files: usize,
        /// One of them.
        example: String,
    },
    /// There are files, and no identity in them.
    #[error(
        "found no certificate with its private key in `certs/{directory}` of the match storage{}",
        reasons(notes)
    )]
    NoIdentity {
        /// The directory.
        directory: &'static str,
        /// What is wrong with the files.
        notes: Vec<String>,
    },
}

/// What follows from what Git said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitRefusal {
    /// There is no `git`.
    NotInstalled,
    /// Credentials are missing, wrong, or of no use, or the repository is not there: hosts do not tell these apart.
    NoAccess,
    /// The machine does not know the host's key.
    HostKey,
    /// The host can't be reached.
    Unreachable,
    /// The repository belongs to another user of this machine.
    Ownership,
    /// Something else.
    Other,
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn other_branches(branches: &[String]) -> String {
    if branches.is_empty() {
        String::new()
    } else {
        format!("; other branches: {}", branches.join(", "))
    }
}

fn reasons(notes: &[String]) -> String {
    if notes.is_empty() {
        String::new()
    } else {
        format!(": {}", notes.join("; "))
    }
}
