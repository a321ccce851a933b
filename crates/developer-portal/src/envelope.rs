//! What the Developer Portal answers: an envelope that says whether it worked, with HTTP 200 either way.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::messages::{KnownMessage, says};

/// Why the portal did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The session has expired.
    #[error("the session has expired")]
    Expired,
    /// An agreement waits for the Account Holder.
    #[error("the Apple Developer Program License Agreement is not accepted: {0}")]
    Agreement(String),
    /// The role is too small.
    #[error("the role of this Apple ID does not permit it: {0}")]
    NotPermitted(String),
    /// A device that the portal did not take.
    #[error("the portal refused the device {0}: it is disabled there, or its UDID is invalid")]
    Device(String),
    /// No more devices of this kind this year.
    #[error("the number of devices of this kind is used up: {0}")]
    DeviceLimit(String),
    /// The identifier belongs to another team, or to none any more.
    #[error("the identifier is not available: {0}")]
    NotAvailable(String),
    /// The team is wrong, or its membership has expired.
    #[error("the portal does not know the team, or its membership has expired: {0}")]
    Team(String),
    /// Something in the request.
    #[error("the portal refused it (code {code}): {words}")]
    Other {
        /// Apple's code.
        code: i64,
        /// Apple's words.
        words: String,
    },
    /// The token against forged requests is not, or no longer, the right one.
    #[error("the portal answered `Bad Request`: the request carried no valid token")]
    Token,
    /// No envelope at all.
    #[error("the Developer Portal is not available: it answered HTTP {0} without JSON")]
    Unavailable(u16),
    /// An envelope without what it should hold.
    #[error("the portal's response has no `{0}`")]
    Lacks(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    result_code: i64,
    #[serde(default)]
    result_string: Option<String>,
    #[serde(default)]
    user_string: Option<String>,
    #[serde(default)]
    validation_messages: Vec<Validation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Validation {
    #[serde(default)]
    validation_user_message: Option<String>,
}

/// Reads an answer and takes `payload` out of it.
///
/// # Errors
/// With Apple's words, when it did not work.
pub fn read<T: DeserializeOwned>(status: u16, body: &str, payload: &'static str) -> Result<T, Refusal> {
    let mut document = check(status, body)?;
    match document.get_mut(payload).map(Value::take) {
        Some(value) => serde_json::from_value(value).map_err(|error| {
            tracing::debug!("`{payload}` of the portal's answer can't be read: {error}");
            Refusal::Lacks(payload)
        }),
        None => Err(Refusal::Lacks(payload)),
    }
}

/// Reads an answer whose envelope says all.
///
/// # Errors
/// With Apple's words, when it did not work.
pub fn check(status: u16, body: &str) -> Result<Value, Refusal> {
    let Ok(document) = serde_json::from_str::<Value>(body) else {
        return Err(if status == 401 {
            Refusal::Expired
        } else if body.trim() == "Bad Request" {
            Refusal::Token
        } else {
            Refusal::Unavailable(status)
        });
    };
    let envelope: Envelope =
        serde_json::from_value(document.clone()).map_err(|_| Refusal::Unavailable(status))?;
    if status >= 400 && document.get("resultCode").is_none() {
        return Err(Refusal::Unavailable(status));
    }
    if envelope.result_code != 0 {
        return Err(refusal(&envelope));
    }
    Ok(document)
}

fn refusal(envelope: &Envelope) -> Refusal {
    let messages = envelope
        .validation_messages
        .iter()
        .filter_map(|message| message.validation_user_message.as_deref());
    let mut words: Vec<String> = Vec::new();
    for text in [envelope.result_string.as_deref(), envelope.user_string.as_deref()]
        .into_iter()
        .flatten()
        .chain(messages)
    {
        let text = unescaped(text);
        if !text.is_empty() && !words.contains(&text) {
            words.push(text);
        }
    }
    let words = words.join("; ");
    match envelope.result_code {
        1100 => Refusal::Expired,
        _ if says(&words, KnownMessage::Agreement) => Refusal::Agreement(words),
        _ if says(&words, KnownMessage::Team) => Refusal::Team(words),
        1200 => Refusal::NotPermitted(words),
        5405 => Refusal::DeviceLimit(words),
        9400 | 9401 => Refusal::NotAvailable(words),
        code => Refusal::Other { code, words },
    }
}

/// Apple escapes its words as for a web page.
fn unescaped(text: &str) -> String {
    [
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.trim().to_owned(), |text, (escaped, plain)| {
        text.replace(escaped, plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Refusal {
        read::<Vec<Value>>(200, body, "teams").unwrap_err()
    }

    #[test]
    fn a_payload_is_there_or_apples_words_are() {
        assert_eq!(
            read::<Vec<u8>>(200, r#"{"resultCode":0,"teams":[1]}"#, "teams"),
            Ok(vec![1])
        );
        for (body, expected) in [
            (r#"{"resultCode":1100}"#, Refusal::Expired),
            (
                r#"{"resultCode":35,"resultString":"There were errors","userString":"Multiple profiles found with the name &#x27;x&#x27;","validationMessages":[{"validationUserMessage":"No devices"}]}"#,
                Refusal::Other {
                    code: 35,
                    words: "There were errors; Multiple profiles found with the name 'x'; No devices"
                        .to_owned(),
                },
            ),
            (
                r#"{"resultCode":1200,"userString":"You are not permitted"}"#,
                Refusal::NotPermitted("You are not permitted".to_owned()),
            ),
            (
                r#"{"resultCode":5405,"userString":"maximum"}"#,
                Refusal::DeviceLimit("maximum".to_owned()),
            ),
            (
                r#"{"resultCode":9401,"userString":"not available"}"#,
                Refusal::NotAvailable("not available".to_owned()),
            ),
            (
                r#"{"resultCode":1,"userString":"accept the Program License Agreement"}"#,
                Refusal::Agreement("accept the Program License Agreement".to_owned()),
            ),
            (
                r#"{"resultCode":1,"userString":"Access Unavailable"}"#,
                Refusal::Team("Access Unavailable".to_owned()),
            ),
            ("Bad Request", Refusal::Token),
            ("<html>503</html>", Refusal::Unavailable(200)),
            ("", Refusal::Unavailable(200)),
            (r#"{"resultCode":0}"#, Refusal::Lacks("teams")),
        ] {
            assert_eq!(refused(body), expected, "{body}");
        }
    }
}
