//! What Apple's sign-in answers, told apart.

use serde::Deserialize;

/// An answer of `signin/init` or `signin/complete`, as far as it matters.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: &'a str,
    /// What it sets, in the words of its `Set-Cookie` headers.
    pub set_cookies: &'a [String],
    /// The seconds of its `Retry-After` header.
    pub retry_after: Option<u64>,
}

/// What it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Signed in.
    SignedIn,
    /// It did not work.
    Refused(Refusal),
}

/// Why a sign-in did not work. No variant is worth another attempt with the same password at once, but
/// [`Refusal::Unavailable`] and [`Refusal::TooMany`] pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name or the password is wrong.
    #[error("Apple does not accept the Apple ID and its password")]
    WrongPassword,
    /// The account is locked.
    #[error("Apple has locked this account for security")]
    Locked,
    /// A second factor is wanted, which a build can't give.
    #[error("Apple requires a verification code, and a build can't enter one")]
    SecondFactor,
    /// The account has security keys: there is no code that anybody could enter.
    #[error(
        "the Apple ID signs in with a security key or passkey, which a build can't do: such accounts have no six-digit code"
    )]
    SecurityKey,
    /// Terms, privacy or an invitation must be answered by a person.
    #[error("Apple requires someone to accept terms or confirm data of this account first")]
    Interaction,
    /// The same, and Apple names it.
    #[error("Apple requires this for the account first: {}", .0.join(", "))]
    Steps(Vec<String>),
    /// The password is one for uploads, which never signs in.
    #[error("the connected password is an app-specific password, which works only for uploads")]
    AppSpecificPassword,
    /// The proof of work or this address is not accepted.
    #[error("Apple refuses sign-ins from this machine (HTTP 403)")]
    Blocked,
    /// Too many sign-ins.
    #[error("Apple has seen too many sign-ins{}", after(.0))]
    TooMany(Option<u64>),
    /// The service is down.
    #[error("Apple's sign-in is not available (HTTP {0})")]
    Unavailable(u16),
    /// Signed in, and yet without access to App Store Connect.
    #[error("the Apple ID signed in, and has no access to App Store Connect")]
    NoAccess,
    /// Something that is not known: with the evidence.
    #[error("Apple's sign-in answered HTTP {status}{}", describe_reasons(.reasons))]
    Unknown {
        /// The HTTP status.
        status: u16,
        /// Apple's own words and codes.
        reasons: Vec<String>,
    },
}

fn after(seconds: &Option<u64>) -> String {
    seconds.map_or_else(String::new, |seconds| format!("; retry after {seconds} s"))
}

/// Apple's reasons behind a colon; nothing where there are none.
pub(crate) fn describe_reasons(reasons: &[String]) -> String {
    if reasons.is_empty() {
        String::new()
    } else {
        format!(": {}", reasons.join("; "))
    }
}

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default, alias = "service_errors", rename = "serviceErrors")]
    errors: Vec<ServiceError>,
    #[serde(default, rename = "fsaChallenge")]
    security_key: Option<serde_json::Value>,
    #[serde(default, rename = "keyNames")]
    key_names: Vec<serde_json::Value>,
}

impl Document {
    fn challenges_security_key(&self) -> bool {
        self.security_key.is_some() || !self.key_names.is_empty()
    }
}

#[derive(Default, Deserialize)]
struct ServiceError {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl ServiceError {
    fn code(&self) -> String {
        // Codes are text mostly, and numbers now and then.
        self.code
            .as_str()
            .map_or_else(|| self.code.to_string(), str::to_owned)
    }

    fn describe(&self) -> String {
        let words = self
            .message
            .as_deref()
            .or(self.title.as_deref())
            .unwrap_or_default();
        format!("{words} ({})", self.code()).trim().to_owned()
    }
}

/// What an answer means.
///
/// Facts: -20101 and -20283 are wrong credentials, -20209 is a locked account, -36607 an outage; 409 asks for the second factor, 412 for a
/// person; a page instead of JSON is an outage, whatever its status.
pub fn read(answer: Answer<'_>) -> Verdict {
    let document: Option<Document> = serde_json::from_str(answer.body).ok();
    let is_page = answer.body.trim_start().starts_with('<');
    let document = document.unwrap_or_default();
    let errors = &document.errors;
    let has = |codes: &[&str]| errors.iter().any(|error| codes.contains(&error.code().as_str()));
    let refusal = match answer.status {
        _ if has(&["-20101", "-20283"]) || answer.body.contains("invalid=\"true\"") => Refusal::WrongPassword,
        _ if has(&["-20209"]) => Refusal::Locked,
        status if has(&["-36607"]) => Refusal::Unavailable(status),
        200..=299 if !is_page => return Verdict::SignedIn,
        // `authType` says `hsa2` for them, too (kei #228, 2026-04-18).
        409 if document.challenges_security_key() => Refusal::SecurityKey,
        409 => Refusal::SecondFactor,
        412 => Refusal::Interaction,
        403 => Refusal::Blocked,
        429 => Refusal::TooMany(answer.retry_after),
        status @ 500..=599 => Refusal::Unavailable(status),
        status if is_page => Refusal::Unavailable(status),
        _ if answer
            .set_cookies
            .iter()
            .any(|cookie| cookie.starts_with("itctx=")) =>
        {
            Refusal::NoAccess
        }
        status => Refusal::Unknown {
            status,
            reasons: errors.iter().map(ServiceError::describe).collect(),
        },
    };
    Verdict::Refused(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_told_apart_and_has_a_way_out() {
        let code =
            |code: &str| format!("{{\"serviceErrors\":[{{\"code\":{code},\"message\":\"Apple's words\"}}]}}");
        let unknown = |status, reasons: &[&str]| Refusal::Unknown {
            status,
            reasons: reasons.iter().map(|text| (*text).to_owned()).collect(),
        };
        for (status, body, cookies, expected) in [
            (401, code("\"-20101\""), &[][..], Refusal::WrongPassword),
            (401, code("-20283"), &[], Refusal::WrongPassword),
            (
                401,
                "{\"service_errors\":[{\"code\":\"-20101\"}]}".to_owned(),
                &[],
                Refusal::WrongPassword,
            ),
            (
                200,
                "<form invalid=\"true\">".to_owned(),
                &[],
                Refusal::WrongPassword,
            ),
            (403, code("\"-20209\""), &[], Refusal::Locked),
            (403, "<html>".to_owned(), &[], Refusal::Blocked),
            (
                409,
                "{\"authType\":\"hsa2\"}".to_owned(),
                &[],
                Refusal::SecondFactor,
            ),
            (
                409,
                "{\"authType\":\"hsa2\",\"fsaChallenge\":{\"challenge\":\"x\"},\"keyNames\":[\"blue\"]}"
                    .to_owned(),
                &[],
                Refusal::SecurityKey,
            ),
            (503, code("-36607"), &[], Refusal::Unavailable(503)),
            (412, "{\"authType\":\"sa\"}".to_owned(), &[], Refusal::Interaction),
            (429, String::new(), &[], Refusal::TooMany(Some(60))),
            (
                503,
                "Service Temporarily Unavailable".to_owned(),
                &[],
                Refusal::Unavailable(503),
            ),
            (
                200,
                "<html>down</html>".to_owned(),
                &[],
                Refusal::Unavailable(200),
            ),
            (
                400,
                String::new(),
                &["itctx=x; Domain=apple.com"],
                Refusal::NoAccess,
            ),
            (
                400,
                code("\"-900007\""),
                &[],
                unknown(400, &["Apple's words (-900007)"]),
            ),
            (401, "no JSON".to_owned(), &[], unknown(401, &[])),
        ] {
            let cookies: Vec<String> = cookies.iter().map(|text: &&str| (*text).to_owned()).collect();
            let answer = Answer {
                status,
                body: &body,
                set_cookies: &cookies,
                retry_after: Some(60),
            };
            assert_eq!(
                read(answer),
                Verdict::Refused(expected.clone()),
                "{status} {body}"
            );
            assert!(!expected.to_string().is_empty());
        }
        let well = Answer {
            status: 200,
            body: "{\"authType\":\"sa\"}",
            set_cookies: &[],
            retry_after: None,
        };
        assert_eq!(read(well), Verdict::SignedIn);
    }
}
