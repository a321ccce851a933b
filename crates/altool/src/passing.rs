//! Failures that pass: nothing in the package causes them, and another attempt may succeed.

use std::fmt;

use crate::cause::{self, Cause};
use crate::finding::Finding;

/// What kind of passing failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// Apple's servers or storage had a fault: HTTP 500, 502, 503, 504 and what altool makes of them.
    Server,
    /// The connection failed: `NSURLErrorDomain` -1001, -1003 to -1006, -1009, -1200.
    Network,
    /// Too many requests.
    Throttled,
    /// altool could not look the app up (-19201, 1194), although it exists.
    AppLookup,
    /// altool could not sign in (-19209), which at times happens to good keys.
    Authentication,
    /// altool could not read its own files (-18000).
    Tool,
    /// altool crashed.
    Crash,
}

impl fmt::Display for Passing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "a fault of Apple's servers",
            Self::Network => "a network failure",
            Self::Throttled => "too many requests",
            Self::AppLookup => "altool could not look up the app",
            Self::Authentication => "altool could not authenticate",
            Self::Tool => "altool could not read the package",
            Self::Crash => "altool crashed",
        })
    }
}

/// Codes by kind. `NSURLErrorDomain` constants are Apple's; the others were collected from public logs (2026-11-25).
const CODES: [(&str, Passing); 23] = [
    ("500", Passing::Server),
    ("502", Passing::Server),
    ("503", Passing::Server),
    ("504", Passing::Server),
    // Exceptions in Apple's content provider (fastlane #17330, #14834), an empty request after a proxy (fastlane #397).
    ("1004", Passing::Server),
    ("1019", Passing::Server),
    ("1269", Passing::Server),
    ("408", Passing::Network),
    ("-1001", Passing::Network),
    ("-1003", Passing::Network),
    ("-1004", Passing::Network),
    ("-1005", Passing::Network),
    ("-1006", Passing::Network),
    ("-1009", Passing::Network),
    ("-1200", Passing::Network),
    ("-1011", Passing::Server),
    ("429", Passing::Throttled),
    ("RATE_LIMIT_EXCEEDED", Passing::Throttled),
    ("-19201", Passing::AppLookup),
    ("1194", Passing::AppLookup),
    ("-19209", Passing::Authentication),
    ("401", Passing::Authentication),
    ("NOT_AUTHORIZED", Passing::Authentication),
];

const PHRASES: [(&str, Passing); 27] = [
    ("The request timed out", Passing::Network),
    ("The network connection was lost", Passing::Network),
    ("The Internet connection appears to be offline", Passing::Network),
    (
        "A server with the specified hostname could not be found",
        Passing::Network,
    ),
    ("Could not connect to the server", Passing::Network),
    // `NSPOSIXErrorDomain` 54, 57, and 60, which Foundation passes on in their own words.
    ("Connection reset by peer", Passing::Network),
    ("Socket is not connected", Passing::Network),
    ("Operation timed out", Passing::Network),
    ("An SSL error has occurred", Passing::Network),
    // iTMSTransporter, which the altool of Xcode 13 and 14 drives.
    (
        "Communication error. Please use diagnostic mode",
        Passing::Network,
    ),
    ("server returned an invalid response", Passing::Server),
    ("try your request again", Passing::Server),
    ("Failed to upload part number", Passing::Server),
    ("gateway timed out", Passing::Server),
    ("Internal Server Error", Passing::Server),
    ("Bad Gateway", Passing::Server),
    ("Service Unavailable", Passing::Server),
    ("Service Temporarily Unavailable", Passing::Server),
    ("Gateway Timeout", Passing::Server),
    ("Too Many Requests", Passing::Throttled),
    ("rate limit", Passing::Throttled),
    ("throttl", Passing::Throttled),
    (
        "Unable to determine the application using bundleId",
        Passing::AppLookup,
    ),
    (
        "Unable to determine app platform for 'Undefined' software type",
        Passing::AppLookup,
    ),
    ("error occurred trying to read the bundle", Passing::Tool),
    ("Unable to authenticate", Passing::Authentication),
    ("auth issue", Passing::Authentication),
];

const CRASHES: [&str; 7] = [
    "Process crashed",
    "altool exited abnormally",
    "Abort trap: 6",
    "Segmentation fault: 11",
    "Bus error: 10",
    "Illegal instruction: 4",
    "Trace/BPT trap: 5",
];

impl Passing {
    /// The kind of a finding that passes; `None` for one that does not.
    pub fn of(finding: &Finding) -> Option<Self> {
        // A reason that lies in the package or the account stays, whatever status transports it.
        match Cause::of(finding) {
            None | Some(Cause::Authentication | Cause::AppNotDetermined) => {}
            Some(_) => return None,
        }
        let text = finding.whole();
        let mut codes: Vec<String> = finding.codes().into_iter().map(str::to_owned).collect();
        codes.extend(cause::codes_in(&text));
        codes.extend(statuses_in(&text));
        let by_code = CODES
            .iter()
            .find(|(code, _)| codes.iter().any(|found| found == code));
        by_code.map(|(_, kind)| *kind).or_else(|| Self::of_phrase(&text))
    }

    fn of_phrase(text: &str) -> Option<Self> {
        // The app could not be found for good: these words come with -19237 as well.
        if Cause::of_text(text) == Some(Cause::AppNotDetermined)
            && !text.contains("Unable to determine the application")
        {
            return None;
        }
        let text = text.to_lowercase();
        let found = PHRASES
            .iter()
            .find(|(words, _)| text.contains(&words.to_lowercase()));
        found.map(|(_, kind)| *kind)
    }

    /// Whether the output says that altool crashed.
    pub(crate) fn is_crash(text: &str) -> bool {
        CRASHES.iter().any(|words| text.contains(words))
    }
}

/// HTTP statuses that a text names as such.
fn statuses_in(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    [
        "status code",
        "http status",
        "status =",
        "status=",
        "http response:",
        "http ",
    ]
    .iter()
    .flat_map(|words| lower.match_indices(words).map(|(at, found)| at + found.len()))
    .filter_map(|end| {
        let rest = lower.get(end..)?.trim_start_matches([':', ' ', '=', '"', '(']);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (digits.len() == 3).then_some(digits)
    })
    .collect()
}
