//! What to do about an upload that failed, where no input of a step decides it.

use build_upload::UploadError;
use transport::TransferError;

/// What to do about a file of which a part did not arrive at Apple's storage.
pub fn about_transfer(error: &TransferError) -> &'static str {
    match error {
        TransferError::File(_) => {
            "check the file and its permissions; nothing may change it during the upload"
        }
        TransferError::Place(_) => {
            "report this bug with the build log: Apple named an address that can't be used"
        }
        TransferError::Refused { .. } if error.is_refusal() => {
            "rerun the step, which gets new upload addresses: a refused one has expired, or is not for this part. If it is refused again, check the clock of this machine, and whether a proxy changes its requests"
        }
        TransferError::Refused { .. } => {
            "rerun the step later: Apple's storage is overloaded; https://developer.apple.com/system-status/ shows outages"
        }
        TransferError::Lost { .. } | TransferError::Stalled { .. } => {
            "check the network of this machine, then rerun the step"
        }
    }
}

/// What to do about an upload that failed; `None` where a step's inputs or Apple's reasons decide it.
pub fn about_upload(error: &UploadError) -> Option<&'static str> {
    Some(match error {
        UploadError::Part { source, .. } => about_transfer(source),
        UploadError::Vanished(_) => {
            "find out who else uploads this build (another machine, or a person in App Store Connect), and rerun the step once that has ended"
        }
        UploadError::Unsettled { .. } => {
            "run the step again with the same file: it continues, or reports the delivery"
        }
        UploadError::Duplicate { .. } => "increase the build number (CFBundleVersion) and build again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use transport::StatusCode;

    use super::*;

    #[test]
    fn the_network_is_blamed_only_for_connections_that_break() {
        let refused = |status| TransferError::Refused {
            host: "storage.example.com".to_owned(),
            status,
            retry_after: None,
        };
        let host = "storage.example.com".to_owned();
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        for (error, expected) in [
            (refused(StatusCode::FORBIDDEN), "has expired"),
            (refused(StatusCode::NOT_FOUND), "has expired"),
            (refused(StatusCode::GONE), "has expired"),
            (refused(StatusCode::BAD_REQUEST), "not for this part"),
            (refused(StatusCode::TOO_MANY_REQUESTS), "overloaded"),
            (refused(StatusCode::SERVICE_UNAVAILABLE), "overloaded"),
            (refused(StatusCode::INTERNAL_SERVER_ERROR), "overloaded"),
            (TransferError::File(gone()), "the file"),
            (TransferError::Place("its URL is not https".to_owned()), "report"),
            (
                TransferError::Lost {
                    host: host.clone(),
                    reason: "reset".to_owned(),
                },
                "network",
            ),
            (
                TransferError::Stalled {
                    host,
                    after: Duration::from_secs(60),
                },
                "network",
            ),
        ] {
            let advice = about_transfer(&error);
            assert!(advice.contains(expected), "{error}: {advice}");
            assert_eq!(
                advice.contains("network"),
                expected == "network",
                "{error}: {advice}"
            );
        }
    }
}
