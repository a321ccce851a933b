//! Files that an input names: by URL, `file://` or plain path.

use std::path::{Path, PathBuf};

use transport::{Client, Method};
use url::Url;

/// Why a file could not be read. Its URL may hold a token, so only the host is named.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is on this machine, and can't be read.
    #[error("failed to read {}", path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
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

/// Reads the file that `location` names: `file://…`, `http(s)://…` or a path.
///
/// # Errors
/// When it can't be read.
pub async fn read(location: &str) -> Result<Vec<u8>, FileError> {
    let local = |path: &Path| {
        std::fs::read(path).map_err(|source| FileError::Local {
            path: path.to_owned(),
            source,
        })
    };
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
    let failed = |source| FileError::Download {
        host: host.clone(),
        source: Box::new(source),
    };
    // Certificates come from Bitrise's storage or the user's own; the URL decides, not a base.
    let client = Client::builder(url.clone()).build().map_err(failed)?;
    let answer = client
        .request(Method::GET, location)
        .send()
        .await
        .map_err(failed)?;
    if !answer.status.is_success() {
        return Err(FileError::Status {
            host,
            status: answer.status.as_u16(),
        });
    }
    Ok(answer.bytes().to_vec())
}
