//! Why a package can't be read.

/// Why a package can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be read.
    #[error("could not read the package")]
    Io(#[from] std::io::Error),
    /// It is not the archive that it should be, or a damaged one.
    #[error("not a usable {archive} archive: {problem}")]
    Archive {
        /// The archive format, `zip` or `xar`.
        archive: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A part is larger than any real one: the archive may be made to exhaust memory.
    #[error("`{part}` is larger than {limit} bytes, which no real package needs")]
    TooLarge {
        /// The part.
        part: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A part that every package has is not there.
    #[error("the package has no `{0}`")]
    Missing(&'static str),
    /// A part uses what this reader does not know. Another one may.
    #[error("`{part}` can't be read: {problem}")]
    Unsupported {
        /// The part.
        part: String,
        /// What is not known.
        problem: String,
    },
    /// A part is there and says nothing usable.
    #[error("`{part}` in the package is not readable: {problem}")]
    Part {
        /// The part.
        part: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// Whether only this reader gives up: the package may be a good one. Everything else is wrong with the file itself, and
    /// nobody can read it.
    pub fn is_limit_of_reader(&self) -> bool {
        matches!(self, Self::Unsupported { .. } | Self::TooLarge { .. })
    }

    pub(crate) fn zip(problem: impl Into<String>) -> Self {
        Self::Archive {
            archive: "zip",
            problem: problem.into(),
        }
    }

    pub(crate) fn xar(problem: impl Into<String>) -> Self {
        Self::Archive {
            archive: "xar",
            problem: problem.into(),
        }
    }
}
