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
    /// The server said no.
    #[error("the download from {host} was answered with HTTP {status}")]
    Status {
        /// The server.
        host: String,
        /// The answer's status.
        status: u16,
    },
    /// No answer came.
    #[error("the download from {host} failed")]
    Download {
        /// The server.
        host: String,
        /// What happened.
        #[source]
        source: Box<transport::Error>,
    },
}

/// Reads the file that `location` names: `file://…`, `https://…` or a path; `http://` only from this machine.
///
/// # Errors
/// When it can't be read.
pub async fn read(location: &str) -> Result<Vec<u8>, FileError> {
    if let Some(path) = location.strip_prefix("file://") {
        // The path as written, spaces included; an escaped one only where that does not exist.
        let plain = Path::new(path);
        let decoded = Url::parse(location).ok().and_then(|url| url.to_file_path().ok());
        return match decoded {
            Some(decoded) if !plain.exists() => local(&decoded),
            _ => local(plain),
        };
    }
    let Some(url) = Url::parse(location)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
    else {
        return local(Path::new(location));
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    if transport::base_url(url.as_str()).is_err() {
        return Err(FileError::Insecure { host });
    }
    let failed = |source| FileError::Download {
        host: host.clone(),
        source: Box::new(source),
    };
    let answer = transport::download(&url).await.map_err(failed)?;
    if !answer.status.is_success() {
        return Err(FileError::Status {
            host,
            status: answer.status.as_u16(),
        });
    }
    Ok(answer.bytes().to_vec())
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
