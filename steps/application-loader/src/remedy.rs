//! What to do about Apple's well-known refusals of an upload.

struct Known {
    words: &'static [&'static str],
    remedy: &'static str,
}

/// The most telling first.
const KNOWN: &[Known] = &[
    Known {
        words: &["-19209", "Unable to authenticate", "NOT_AUTHORIZED"],
        remedy: "check that key ID, issuer ID and .p8 file belong together, that the key was not revoked, and that its role is Developer, App Manager or Admin; with an Apple ID, check the app-specific password",
    },
    Known {
        words: &["app-specific password", "-22938"],
        remedy: "make an app-specific password at https://account.apple.com and set the input app_password",
    },
    Known {
        words: &["REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED", "agreement"],
        remedy: "the Account Holder must accept the current agreement in App Store Connect > Business; then rebuild",
    },
    Known {
        words: &[
            "previously uploaded version",
            "already been used",
            "Redundant Binary Upload",
        ],
        remedy: "raise CFBundleVersion (and CFBundleShortVersionString once the version is on sale), then rebuild",
    },
    Known {
        words: &["90382", "Upload limit reached"],
        remedy: "the app's limit of uploads per day is reached: upload again tomorrow",
    },
    Known {
        words: &[
            "-19201",
            "Unable to determine the application",
            "Cannot determine the Apple ID from Bundle ID",
            "No suitable application records",
        ],
        remedy: "create the app in App Store Connect > Apps, give the account access to it, and set the input app_id",
    },
    Known {
        words: &["provider", "asc-provider", "multiple teams"],
        remedy: "the account belongs to several teams: name one with altool_options (`--team-id` from Xcode 26 on, `--asc-provider` before), or use an API key",
    },
    Known {
        words: &["90725", "SDK version"],
        remedy: "the app was built with an SDK that App Store Connect takes no more: build with a newer Xcode (the stack of the workflow)",
    },
    Known {
        words: &[
            "Invalid Signature",
            "90035",
            "90161",
            "Invalid Provisioning Profile",
            "code signing",
        ],
        remedy: "export the archive with the method app-store, a distribution certificate and an App Store profile",
    },
    Known {
        words: &[
            "unable to find utility \"altool\"",
            "altool, not a developer tool",
        ],
        remedy: "this Xcode has no altool: select another one, or set uploader to native",
    },
    Known {
        words: &["timed out", "invalid response", "network connection"],
        remedy: "rebuild; if it happens again, look at https://developer.apple.com/system-status/ and at the machine's proxy",
    },
];

/// What to do about a refusal that says `text`.
pub(crate) fn of(text: &str) -> &'static str {
    let text = text.to_lowercase();
    KNOWN
        .iter()
        .find(|known| {
            known
                .words
                .iter()
                .any(|words| text.contains(&words.to_lowercase()))
        })
        .map_or(
            "see altool's words above, and the app's page in App Store Connect",
            |known| known.remedy,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_refusals_have_a_remedy() {
        for (text, expected) in [
            ("Unable to authenticate. (-19209)", ".p8"),
            (
                "The bundle version must be higher than the previously uploaded version: 41.",
                "CFBundleVersion",
            ),
            (
                "Unable to determine the application using bundleId: x. (-19201)",
                "app_id",
            ),
            ("Validation failed: Upload limit reached.", "tomorrow"),
            ("something new", "above"),
        ] {
            assert!(of(text).contains(expected), "{text}: {}", of(text));
        }
    }
}
