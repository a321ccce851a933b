//! Certificates and private keys that fastlane match keeps.
//!
//! A storage is a Git repository, a Git bundle, an archive, or a directory. Its files are decrypted in memory, in both of
//! match's formats; what lies on disk meanwhile is as encrypted as it came, in a private directory of the caller's.
//! Profiles are left alone.
//!
//! Facts, as of 2026-11-25: fastlane 2.237.0 (`match/lib/match`), and 2.146.1 for the first format.

mod archive;
mod cipher;
mod directory;
mod error;
mod git;
mod identities;
mod layout;
mod location;

use std::path::Path;

use command::Runner;
use secrecy::SecretString;
use transport::{DownloadError, Url};

pub use error::{Error, GitRefusal};
pub use identities::Found;
pub use layout::CertificateType;
pub use location::{Location, LocationError};

use archive::Kind;
use git::Git;
use layout::Listing;
use location::Source;

/// The largest archive of this machine that is read, in bytes; [`transport::download`] has the same limit.
const LARGEST_ARCHIVE: u64 = 16 << 20;

/// What to read, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where the storage is.
    pub location: &'a Location,
    /// What decrypts it: match's `MATCH_PASSWORD`.
    pub password: Option<&'a SecretString>,
    /// The types that are asked for, where the address names none: the first must be there, others may.
    pub types: &'a [CertificateType],
    /// A private directory for what Git fetches, empty.
    pub directory: &'a Path,
    /// What runs `git`.
    pub runner: &'a Runner,
}

/// Reads the identities of a storage. A password with blanks around it, as secret stores add them, works without them.
///
/// # Errors
/// When the storage can't be had, does not hold what is asked for, or can't be decrypted.
pub async fn read(request: Request<'_>) -> Result<Found, Error> {
    let listing = listing(&request).await?;
    let selection = request.location.selection.clone();
    let types = request.types.to_vec();
    let password = request.password.cloned();
    // It hashes 10,000 times for every file.
    off_thread(move || {
        let with =
            |password: Option<&SecretString>| identities::assemble(&listing, &types, &selection, password);
        let trimmed = password.as_ref().and_then(trimmed);
        match (with(password.as_ref()), trimmed) {
            (Err(Error::WrongPassword { .. }), Some(trimmed)) => with(Some(&trimmed)),
            (outcome, _) => outcome,
        }
    })
    .await
}

/// Runs what keeps a processor busy elsewhere: meanwhile a signal must find somebody who listens.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::Local(std::io::Error::other(error)))?
}

/// The password without blanks around it; `None` when it has none.
fn trimmed(password: &SecretString) -> Option<SecretString> {
    use secrecy::ExposeSecret as _;
    let text = password.expose_secret();
    (text.trim() != text).then(|| SecretString::from(text.trim()))
}

async fn listing(request: &Request<'_>) -> Result<Listing, Error> {
    let branch = request.location.selection.branch.as_deref();
    match &request.location.source {
        Source::Git(remote) => {
            let git = Git::remote(remote.clone(), request.directory, request.runner);
            git.read(branch).await
        }
        Source::Web(url) => of_web(request, url).await,
        Source::Path(path) => of_path(request, path).await,
    }
}

/// An archive, a bundle, or else a Git repository: the URL alone does not tell.
async fn of_web(request: &Request<'_>, url: &Url) -> Result<Listing, Error> {
    let mut plain = url.clone();
    plain.set_fragment(None);
    let failure = match transport::download(&plain).await {
        Ok(answer) => {
            let bytes = answer.bytes();
            match Kind::of(bytes) {
                Kind::Bundle => {
                    let bundle = request.directory.join("storage.bundle");
                    files::replace(&bundle, bytes, 0o600).map_err(Error::Local)?;
                    return of_bundle(request, &bundle).await;
                }
                Kind::Other(what) => Error::NotAStorage(what),
                kind => return in_archive(kind, bytes.to_vec()).await,
            }
        }
        Err(refused @ DownloadError::Status { .. }) => Error::from(refused),
        // A server that can't be reached, or is not trusted, does not become better by Git.
        Err(error) => return Err(error.into()),
    };
    let protocols = if url.scheme() == "https" {
        "https:ssh"
    } else {
        "http"
    };
    let Ok(Source::Git(remote)) = location::remote(&plain, protocols) else {
        return Err(failure);
    };
    let git = Git::remote(remote, request.directory, request.runner);
    match git.read(request.location.selection.branch.as_deref()).await {
        // Neither of both: what the server said to the plain question is the shorter answer.
        Err(Error::Git {
            refusal: GitRefusal::Other | GitRefusal::NotInstalled,
            ..
        }) => Err(failure),
        outcome => outcome,
    }
}

async fn of_path(request: &Request<'_>, path: &Path) -> Result<Listing, Error> {
    let data = std::fs::metadata(path).map_err(Error::Local)?;
    if data.is_dir() {
        return of_directory(request, path).await;
    }
    if !data.is_file() {
        return Err(Error::NotAStorage("a device or a pipe"));
    }
    let kind = Kind::of(&start_of(path).map_err(Error::Local)?);
    if kind == Kind::Bundle {
        return of_bundle(request, path).await;
    }
    if let Kind::Other(what) = kind {
        return Err(Error::NotAStorage(what));
    }
    if data.len() > LARGEST_ARCHIVE {
        return Err(Error::TooLarge {
            what: "the archive",
            limit: format!("{} MB", LARGEST_ARCHIVE >> 20),
        });
    }
    let bytes = files::read(path, LARGEST_ARCHIVE).map_err(Error::Local)?;
    in_archive(kind, bytes).await
}

/// The first bytes of a file.
fn start_of(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut start = Vec::new();
    files::open(path)?
        .take(archive::START as u64)
        .read_to_end(&mut start)?;
    Ok(start)
}

/// A directory as it is, or a branch of the Git repository in it.
async fn of_directory(request: &Request<'_>, path: &Path) -> Result<Listing, Error> {
    let branch = request.location.selection.branch.as_deref();
    let repository = directory::is_repository(path);
    if repository != Some(false) && branch.is_none() {
        let listing = directory::read(path)?;
        if !listing.files.is_empty() || !listing.notes.is_empty() {
            return Ok(listing);
        }
    }
    if repository.is_none() {
        return Err(match branch {
            Some(_) => Error::NotAStorage("a directory without a Git repository, which has no branches"),
            None => Error::Empty {
                place: "the directory".to_owned(),
                branches: Vec::new(),
            },
        });
    }
    let git = Git::local(path, request.directory, request.runner)?;
    git.read(branch).await
}

async fn of_bundle(request: &Request<'_>, path: &Path) -> Result<Listing, Error> {
    let git = Git::local(path, request.directory, request.runner)?;
    git.read(request.location.selection.branch.as_deref()).await
}

async fn in_archive(kind: Kind, bytes: Vec<u8>) -> Result<Listing, Error> {
    let listing = off_thread(move || archive::read(kind, &bytes)).await?;
    if listing.files.is_empty() && listing.notes.is_empty() {
        return Err(Error::Empty {
            place: "the archive".to_owned(),
            branches: Vec::new(),
        });
    }
    Ok(listing)
}
