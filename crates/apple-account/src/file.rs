//! Files that an input names: by URL, `file://` or plain path.

use std::path::Path;

use url::Url;

/// Keys, certificates and connection documents are kilobytes; [`transport::download`] takes as much.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Why a file could not be read. Inputs that name files are sensitive and a URL may hold a token, so no path is quoted,
/// and of a URL only the host.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is on this machine, and can't be read: it is not there, no regular file, or larger than 16 MB.
    #[error("the file can't be read")]
    Local(#[source] std::io::Error),
    /// It would travel for everyone to see.
    #[error("{host} is asked for a secret without encryption; accepted: https, or http on this machine")]
    Insecure {
        /// The server.
        host: String,
    },
    /// It can't be downloaded.
    #[error(transparent)]
    Download(#[from] transport::DownloadError),
}

/// Reads the file that `location` names: `file://…`, `https://…` or a path; `http://` only from this machine.
///
/// # Errors
/// When it can't be read.
pub async fn read(location: &str) -> Result<Vec<u8>, FileError> {
    if let Some(path) = transport::path_of_file_url(location) {
        return local(&path);
    }
    let Some(url) = Url::parse(location)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
    else {
        return local(Path::new(location));
    };
    if transport::base_url(url.as_str()).is_err() {
        let host = url.host_str().unwrap_or_default().to_owned();
        return Err(FileError::Insecure { host });
    }
    Ok(transport::download(&url).await?.bytes().to_vec())
}

fn local(path: &Path) -> Result<Vec<u8>, FileError> {
    files::read(path, LARGEST).map_err(FileError::Local)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error(location: &str) -> String {
        transport::chain(&read(location).await.unwrap_err())
    }

    #[tokio::test]
    async fn only_files_are_read_and_no_path_is_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("s3cret/AuthKey_X.p8");
        for (location, expected) in [
            (directory.path().display().to_string(), "a directory"),
            ("/dev/zero".to_owned(), "a device or a pipe"),
            (missing.display().to_string(), "No such file"),
            (format!("file://{}", missing.display()), "No such file"),
            ("http://example.com/s3cret".to_owned(), "without encryption"),
        ] {
            let text = error(&location).await;
            assert!(text.contains(expected) && !text.contains("s3cret"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_file_url_is_read_as_written_and_escaped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("AuthKey_X (1).p8");
        std::fs::write(&path, "key").unwrap();
        let escaped = Url::from_file_path(&path).unwrap().to_string();
        for location in [
            path.display().to_string(),
            format!("file://{}", path.display()),
            escaped,
        ] {
            assert_eq!(read(&location).await.unwrap(), b"key", "{location}");
        }
    }
}
