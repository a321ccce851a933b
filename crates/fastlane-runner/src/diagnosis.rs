//! What fastlane's last words mean, and what to do about them.

/// A well-known cause of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnosis {
    /// What happened.
    pub cause: &'static str,
    /// What a person should do.
    pub remedy: &'static str,
}

struct Known {
    words: &'static [&'static str],
    diagnosis: Diagnosis,
}

/// The most telling first: an upload that failed for one reason often mentions others in passing. The words
/// are those of Apple's services and of fastlane, in lower case.
const KNOWN: &[Known] = &[
    // Since 2026-09-10 the address from which fastlane read its sign-in key answers 404 (fastlane #30199, #30206): up to
    // 2.239.0 it says that the key is empty, or takes the page for a timeout of Apple's.
    Known {
        words: &[
            "service key is empty",
            "could not receive latest api key from app store connect",
        ],
        diagnosis: Diagnosis {
            cause: "this fastlane can't sign in with an Apple ID: it reads its sign-in key from an address that Apple removed on 2026-09-10",
            remedy: "update fastlane to 2.240.0 or newer (2.238 and 2.239 still fail), or use an API key, which needs no sign-in",
        },
    },
    Known {
        words: &[
            "required_agreements_missing_or_expired",
            "a required agreement is missing or has expired",
            "program license agreement has been updated",
            "you haven't accepted the latest license agreement",
            "the current program license agreement",
        ],
        diagnosis: Diagnosis {
            cause: "an agreement with Apple is missing or has expired",
            remedy: "the Account Holder must accept it at https://developer.apple.com/account and in App Store Connect > Business; then rebuild",
        },
    },
    Known {
        words: &[
            "redundant binary upload",
            "itms-90189",
            "itms-90062",
            "has already been used",
            "bundle version must be higher than the previously uploaded version",
            "already exists a binary upload with build",
            "entity_error.attribute.invalid.duplicate",
            "version train",
        ],
        diagnosis: Diagnosis {
            cause: "App Store Connect has a build with this version and build number, or the version is closed",
            remedy: "raise CFBundleVersion (and CFBundleShortVersionString once the version is on sale), then rebuild",
        },
    },
    Known {
        words: &["itms-90382", "upload limit reached"],
        diagnosis: Diagnosis {
            cause: "the app's limit of uploads per day is reached",
            remedy: "upload again tomorrow; until then no build of this app is taken",
        },
    },
    Known {
        words: &[
            "invalid username and password combination",
            "username or password was incorrect",
        ],
        diagnosis: Diagnosis {
            cause: "Apple does not accept the Apple ID's password",
            remedy: "correct it where it is kept: on Bitrise under Account settings > Apple Service connection, or in the step's inputs",
        },
    },
    Known {
        words: &["sign in with an app-specific password", "app-specific password"],
        diagnosis: Diagnosis {
            cause: "the upload needs an app-specific password",
            remedy: "make one at https://account.apple.com and give it to the Apple ID connection on Bitrise or to the input app_password",
        },
    },
    Known {
        words: &[
            "your session has expired",
            "session expired",
            "two-factor authentication (6 digits code",
            "two factor authentication",
            "two-step verification",
            "please enter the 6 digit code",
            "need to acknowledge to apple's apple id and privacy",
            "unauthorized access",
        ],
        diagnosis: Diagnosis {
            cause: "Apple wants the second factor again: the Apple ID's session is over",
            remedy: "sign in again on Bitrise (Account settings > Apple Service connection > Re-authenticate (2SA/2FA)), or use an API key, which needs no session",
        },
    },
    Known {
        words: &[
            "could not find an app on app store connect",
            "couldn't find app",
            "cannot determine the apple id from bundle id",
            "no suitable application records were found",
            "could not find app with",
        ],
        diagnosis: Diagnosis {
            cause: "App Store Connect has no app record that fits, or the account may not see it",
            remedy: "create the app in App Store Connect > Apps, check bundle_id and app_id, and give the account or key access to it",
        },
    },
    Known {
        words: &[
            "multiple app store connect teams found",
            "multiple teams found",
            "your account is in multiple teams",
            "-asc-provider",
            "--asc-provider",
        ],
        diagnosis: Diagnosis {
            cause: "the Apple ID belongs to several teams, and none was chosen",
            remedy: "set team_id or team_name",
        },
    },
    Known {
        words: &[
            "rate_limit_exceeded",
            "exceeded the rate limit",
            "too many requests",
        ],
        diagnosis: Diagnosis {
            cause: "Apple's limit of requests is reached",
            remedy: "wait an hour, or use an API key of its own for this workspace",
        },
    },
    Known {
        words: &[
            "not_authorized",
            "authentication credentials are missing or invalid",
            "error code (-19209)",
            "-19209",
        ],
        diagnosis: Diagnosis {
            cause: "Apple does not accept the API key",
            remedy: "check that key ID, issuer ID and .p8 file belong together, that the key was not revoked, that its role is App Manager or Admin, and that this machine's clock is right",
        },
    },
    Known {
        words: &[
            "forbidden_error",
            "forbidden for security reasons",
            "does not allow this operation",
            "insufficient permission",
        ],
        diagnosis: Diagnosis {
            cause: "the account may not do this",
            remedy: "give the API key or the Apple ID the role App Manager or Admin, and access to this app",
        },
    },
    Known {
        words: &[
            "another build is in review",
            "review submission in progress",
            "cannot submit for review",
            "already in review",
            "you cannot create a new version of the app in the current state",
            "waiting for review",
        ],
        diagnosis: Diagnosis {
            cause: "App Store Connect has a submission of this app under way",
            remedy: "finish or cancel it in App Store Connect > App Review, then rebuild",
        },
    },
    Known {
        words: &["itms-90725", "sdk version issue", "must be built with the"],
        diagnosis: Diagnosis {
            cause: "the app was built with an SDK that App Store Connect takes no more",
            remedy: "build with a newer Xcode (the stack of the workflow)",
        },
    },
    Known {
        words: &[
            "invalid signature",
            "itms-90035",
            "missing code signing",
            "invalid provisioning profile",
            "itms-90161",
        ],
        diagnosis: Diagnosis {
            cause: "the app is not signed for the App Store",
            remedy: "export it with the method app-store, a distribution certificate and an App Store profile",
        },
    },
    Known {
        words: &[
            "xcrun: command not found",
            "no such file or directory - xcrun",
            "could not find transporter",
            "could not download/upload from app store connect",
            "itmstransporter: not found",
        ],
        diagnosis: Diagnosis {
            cause: "neither altool nor Apple's Transporter is installed here, and fastlane uploads binaries with one of them",
            remedy: "run this step on macOS with Xcode, install Transporter, or upload with the step application-loader, which needs neither",
        },
    },
    Known {
        words: &["appletimeouterror"],
        diagnosis: Diagnosis {
            cause: "Apple did not answer fastlane in time, or this fastlane is older than 2.240.0 and reads its sign-in key from an address that Apple removed on 2026-09-10",
            remedy: "update fastlane to 2.240.0 or newer, or use an API key; with a newer fastlane rebuild, and see https://developer.apple.com/system-status/",
        },
    },
    Known {
        words: &[
            "failed to open tcp connection",
            "getaddrinfo",
            "connection reset by peer",
            "net::opentimeout",
            "execution expired",
        ],
        diagnosis: Diagnosis {
            cause: "a connection to Apple failed",
            remedy: "rebuild; if it happens again, look at https://developer.apple.com/system-status/ and at the machine's proxy",
        },
    },
];

/// The best-known cause that fastlane's output speaks of, `None` when it speaks of none.
pub fn diagnose(output: &str) -> Option<Diagnosis> {
    let output = output.to_lowercase();
    KNOWN
        .iter()
        .find(|known| known.words.iter().any(|words| output.contains(words)))
        .map(|known| known.diagnosis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_failures_have_a_cause() {
        for (output, expected) in [
            (
                "[!] A required agreement is missing or has expired. - This request requires an in-effect agreement",
                "agreement",
            ),
            (
                "ERROR ITMS-90189: \"Redundant Binary Upload. You've already uploaded a build",
                "build number",
            ),
            (
                "[!] Could not find an app on App Store Connect with app_identifier: x",
                "no app record",
            ),
            (
                "Two-factor Authentication (6 digits code) is enabled for account",
                "session",
            ),
            (
                "[!] Invalid username and password combination. Used 'a@b.c' as the username.",
                "password",
            ),
            (
                "Authentication credentials are missing or invalid. - Provide a properly configured",
                "API key",
            ),
            (
                "The request exceeded the rate limit - RATE_LIMIT_EXCEEDED",
                "limit of requests",
            ),
            ("sh: xcrun: command not found", "Transporter"),
            // As fastlane #30199 shows them.
            ("[!] Service key is empty (RuntimeError)", "2026-09-10"),
            (
                "client.rb:740:in 'Spaceship::Client#itc_service_key': [!] The request could not be completed because: (Spaceship::AppleTimeoutError)\n\tCould not receive latest API key from App Store Connect, this might be a server issue.",
                "2026-09-10",
            ),
            (
                "[!] The request could not be completed because: (Spaceship::AppleTimeoutError)",
                "in time",
            ),
        ] {
            let diagnosis = diagnose(output).unwrap_or_else(|| panic!("{output}"));
            assert!(
                diagnosis.cause.contains(expected),
                "{output}: {}",
                diagnosis.cause
            );
            assert!(!diagnosis.remedy.is_empty());
        }
        assert_eq!(diagnose("[!] No value found for 'note'"), None);
    }

    #[test]
    fn the_words_are_in_lower_case_as_they_are_compared() {
        for known in KNOWN {
            for words in known.words {
                assert_eq!(*words, words.to_lowercase());
            }
        }
    }
}
