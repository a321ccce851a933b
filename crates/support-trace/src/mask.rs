//! Secrets by the names that they go under.

use redaction::{MASK, Redactor};
use serde_json::{Map, Value};

use crate::{Event, Exchange, Process};

/// Members of JSON and fields of forms whose values are secrets, in lower case and without `_` and `-`. Sources: Bitrise's
/// `apple_developer_portal_data.json` (2026-11), Apple's sign-in (SRP: `a`, `b`, `m1`, `m2`, `salt`, `c`), the App Store
/// Connect API's document (`demoAccountPassword`).
const SECRET_MEMBERS: [&str; 24] = [
    "password",
    "passphrase",
    "passwd",
    "accountpassword",
    "demoaccountpassword",
    "appspecificpassword",
    "apppassword",
    "privatekey",
    "secret",
    "token",
    "accesstoken",
    "refreshtoken",
    "buildapitoken",
    "authorization",
    "cookie",
    "trusttoken",
    "trusttokens",
    "sessiontoken",
    "a",
    "b",
    "m1",
    "m2",
    "salt",
    "c",
];

/// Members that hold many secrets: every text in them is masked but names, hosts, and paths.
const SECRET_TREES: [&str; 2] = ["sessioncookies", "cookies"];

/// What a cookie says beside its value.
const COOKIE_MEMBERS: [&str; 4] = ["name", "domain", "path", "expires"];

/// Headers that are worth keeping, by how their values are kept.
const PLAIN_HEADERS: [&str; 5] = [
    "content-type",
    "retry-after",
    "x-rate-limit",
    "x-apple-hc-bits",
    "x-apple-hc-challenge",
];

/// Headers that clients wait for, and whose values are secrets.
const SECRET_HEADERS: [&str; 6] = [
    "csrf",
    "csrf_ts",
    "scnt",
    "x-apple-id-session-id",
    "x-apple-session-token",
    "x-apple-repair-session-token",
];

/// Parameters that sign a URL: whoever has them may use it.
const SIGNED: [&str; 7] = [
    "signature",
    "x-amz-signature",
    "x-amz-security-token",
    "x-amz-credential",
    "x-goog-signature",
    "sig",
    "token",
];

/// Members that hold public documents in base64: certificates, requests for them, and profiles. A redactor that knows a
/// key would mask parts of them, since keys and certificates begin with the same words of ASN.1.
const PUBLIC_MEMBERS: [&str; 4] = [
    "profilecontent",
    "certificatecontent",
    "csrcontent",
    "encodedprofile",
];

/// Public documents, which are set aside while the rest is masked.
#[derive(Default)]
struct Public(Vec<String>);

impl Public {
    /// Sets a document aside; what stands for it in the meantime.
    fn take(&mut self, text: &mut String) -> bool {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if text.len() < 64 || !text.bytes().all(is_base64) {
            return false;
        }
        let place = Self::place(self.0.len());
        self.0.push(std::mem::replace(text, place));
        true
    }

    fn place(number: usize) -> String {
        format!("<public document {number}>")
    }

    /// Puts them back; base64 needs no escapes, however deep it stands in JSON.
    fn put_back(&self, mut line: String) -> String {
        for (number, document) in self.0.iter().enumerate() {
            line = line.replace(&Self::place(number), document);
        }
        line
    }
}

/// The line of an event; `None` where it has no JSON form.
pub(crate) fn line(event: &Event, redactor: &Redactor) -> Option<String> {
    let mut public = Public::default();
    let masked = self::event(event, redactor, &mut public);
    let line = serde_json::to_string(&masked).ok()?;
    Some(public.put_back(line))
}

/// The event without what is secret in it.
fn event(event: &Event, redactor: &Redactor, public: &mut Public) -> Event {
    // Field by field, before the line is JSON: what is masked must not take a quote of the line with it.
    let learned = |text: &str| redactor.redact(text).into_owned();
    let mut masked = |text: &str| text_of(text, redactor, public);
    match event {
        Event::Run(run) => Event::Run(run.clone()),
        Event::Exchange(one) => Event::Exchange(Exchange {
            origin: learned(&one.origin),
            path: learned(&one.path),
            query: learned(&query(&one.query)),
            body: masked(&one.body),
            headers: one
                .headers
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), learned(&header(name, value)?))))
                .collect(),
            answer: masked(&one.answer),
            answer_base64: {
                let mut text = one.answer_base64.clone();
                if !public.take(&mut text) {
                    text = learned(&text);
                }
                text
            },
            ..one.clone()
        }),
        Event::Process(one) => Event::Process(Process {
            command: learned(&urls(&one.command)),
            ended: learned(&one.ended),
            stdout: masked(&one.stdout),
            stderr: masked(&one.stderr),
            ..one.clone()
        }),
    }
}

/// A body: JSON, a form, or other text.
fn text_of(text: &str, redactor: &Redactor, public: &mut Public) -> String {
    let masked = match serde_json::from_str::<Value>(text) {
        Ok(mut document) => {
            if mask_value(&mut document, false, public) {
                document.to_string()
            } else {
                text.to_owned()
            }
        }
        Err(_) if text.contains("PRIVATE KEY-----") => return format!("<a key file: {MASK}>"),
        Err(_) if is_form(text) => query(text),
        Err(_) => urls(text),
    };
    redactor.redact(&masked).into_owned()
}

fn is_form(text: &str) -> bool {
    !text.is_empty()
        && text.contains('=')
        && !text.contains(|c: char| c.is_whitespace() || c == '<' || c == '{')
        && text.split('&').all(|pair| pair.contains('='))
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn is_secret(name: &str) -> bool {
    SECRET_MEMBERS.contains(&plain(name).as_str())
}

/// Masks a value in place, and says whether anything was. In a tree of secrets every text is one.
fn mask_value(value: &mut Value, in_tree: bool, public: &mut Public) -> bool {
    match value {
        // That a secret is missing is worth seeing.
        Value::String(text) if text.is_empty() => false,
        Value::String(text) if in_tree || text.contains("PRIVATE KEY-----") => {
            MASK.clone_into(text);
            true
        }
        Value::String(text) => match url(text) {
            Some(masked) => {
                *text = masked;
                true
            }
            None => false,
        },
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |any, item| mask_value(item, in_tree, public) | any),
        Value::Object(members) => mask_members(members, in_tree, public),
        _ => false,
    }
}

fn mask_members(members: &mut Map<String, Value>, in_tree: bool, public: &mut Public) -> bool {
    // `{name, value}`, as Apple gives the headers that a part of a file is sent with: an authorization among them.
    let named = members.get("name").and_then(Value::as_str).map(str::to_owned);
    let is_credential = named.is_some_and(|name| {
        let name = name.to_lowercase();
        name.contains("auth") || name.contains("cookie") || name.contains("token")
    });
    let mut any = false;
    for (name, value) in members.iter_mut() {
        let is_tree = SECRET_TREES.contains(&plain(name).as_str());
        if in_tree && COOKIE_MEMBERS.contains(&name.to_lowercase().as_str()) {
            continue;
        }
        let is_secret = is_secret(name) || (is_credential && name == "value");
        any |= match value {
            // What is null or blank tells that nothing is there, which may be the very defect.
            Value::String(text) if is_secret && !text.is_empty() => {
                MASK.clone_into(text);
                true
            }
            Value::String(text) if !in_tree && PUBLIC_MEMBERS.contains(&plain(name).as_str()) => {
                public.take(text)
            }
            other => mask_value(other, in_tree || is_tree || is_secret, public),
        };
    }
    any
}

/// A URL with what signs it masked; `None` where the text is none, or nothing signs it.
fn url(text: &str) -> Option<String> {
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return None;
    }
    with_query_masked(text)
}

/// Text whose part behind the question mark has its secret parameters masked; `None` where it has none.
fn with_query_masked(text: &str) -> Option<String> {
    let (place, rest) = text.split_once('?')?;
    let masked = query(rest);
    (masked != rest).then(|| format!("{place}?{masked}"))
}

/// Text with what signs the URLs in it masked.
fn urls(text: &str) -> String {
    let is_border = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | '`');
    text.split_inclusive(is_border)
        .map(|piece| {
            let word = piece.trim_end_matches(is_border);
            match url(word) {
                Some(masked) => format!("{masked}{}", &piece[word.len()..]),
                None => piece.to_owned(),
            }
        })
        .collect()
}

/// A query or a form with the values of secret parameters masked.
fn query(text: &str) -> String {
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if !value.is_empty() && (is_secret(name) || is_signed(name)) => {
            format!("{name}={MASK}")
        }
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn is_signed(name: &str) -> bool {
    SIGNED.contains(&name.to_lowercase().as_str())
}

fn header(name: &str, value: &str) -> Option<String> {
    let name = name.to_lowercase();
    if PLAIN_HEADERS.contains(&name.as_str()) {
        return Some(value.to_owned());
    }
    if SECRET_HEADERS.contains(&name.as_str()) {
        return Some(MASK.to_owned());
    }
    match name.as_str() {
        "set-cookie" => Some(value.lines().map(cookie).collect::<Vec<_>>().join("\n")),
        "location" => Some(with_query_masked(value).unwrap_or_else(|| value.to_owned())),
        _ => None,
    }
}

/// `name=value; Path=/` with the value masked.
fn cookie(line: &str) -> String {
    let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
    let name = pair.split_once('=').map_or("", |(name, _)| name);
    let separator = if attributes.is_empty() { "" } else { ";" };
    format!("{name}={MASK}{separator}{attributes}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn masked(exchange: Exchange) -> String {
        line(&Event::Exchange(exchange), &Redactor::new()).unwrap()
    }

    #[test]
    fn secrets_are_masked_by_their_names_though_nobody_learned_them() {
        // The shape of Bitrise's document: `apple_developer_portal_data.json` (Bitrise's own steps read it, 2026-11).
        let document = r#"{"key_id":"KEY1","private_key":"-----BEGIN PRIVATE KEY-----\nS3CRET\n-----END PRIVATE KEY-----\n","apple_id":"ada@example.com","password":"S3CRET p","app_specific_password":"S3CRET-a","session_cookies":{"https://idmsa.apple.com":[{"name":"myacinfo","value":"S3CRETcookie","domain":"idmsa.apple.com","path":"/"}]},"test_devices":[{"device_identifier":"UDID"}]}"#;
        let text = masked(Exchange {
            answer: document.to_owned(),
            headers: BTreeMap::from([
                (
                    "set-cookie".to_owned(),
                    "myacinfo=S3CRET; Path=/; Secure\nother=S3CRET".to_owned(),
                ),
                ("csrf".to_owned(), "S3CRET".to_owned()),
                ("x-unknown".to_owned(), "S3CRET".to_owned()),
                ("content-type".to_owned(), "application/json".to_owned()),
                (
                    "location".to_owned(),
                    "https://x.example/y?token=S3CRET&a1=2".to_owned(),
                ),
            ]),
            query: "filter[name]=x&signature=S3CRET".to_owned(),
            body: "accountName=ada&password=S3CRET&teamId=T".to_owned(),
            ..Exchange::default()
        });
        assert!(!text.contains("S3CRET"), "{text}");
        for kept in [
            "KEY1",
            "ada@example.com",
            "UDID",
            "myacinfo",
            "Path=/; Secure",
            "application/json",
            "a1=2",
            "teamId=T",
            "filter[name]=x",
        ] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }

    #[test]
    fn signed_urls_and_credentials_of_parts_are_masked_wherever_they_stand() {
        let answer = r#"{"data":{"attributes":{"uploadOperations":[{"url":"https://store.example/part?partNumber=1&X-Amz-Signature=S3CRET&X-Amz-Credential=S3CRET%2F1","requestHeaders":[{"name":"Authorization","value":"S3CRET"},{"name":"Content-Type","value":"application/octet-stream"}]}]}}}"#;
        let text = masked(Exchange {
            answer: answer.to_owned(),
            ..Exchange::default()
        });
        assert!(
            !text.contains("S3CRET") && text.contains("partNumber=1") && text.contains("octet-stream"),
            "{text}"
        );
    }

    #[test]
    fn the_numbers_of_a_sign_in_are_masked_and_a_missing_password_is_seen() {
        let body = r#"{"a":"S3CRET","accountName":"ada","m1":"S3CRET","m2":"S3CRET","c":"S3CRET","password":"","privateKey":null}"#;
        let text = masked(Exchange {
            body: body.to_owned(),
            ..Exchange::default()
        });
        assert!(!text.contains("S3CRET"), "{text}");
        assert!(
            text.contains(r#"\"password\":\"\""#) && text.contains(r#"\"privateKey\":null"#),
            "{text}"
        );
    }

    #[test]
    fn what_signs_a_url_is_masked_wherever_the_url_stands() {
        for text in [
            r#"{"url":"https://h.example/x?token=S3CRET&name=a b"}"#,
            r#"{"url":"https://h.example/x?name=\u00e4&X-Amz-Signature=S3CRET"}"#,
            "PUT https://h.example/x?a=1&sig=S3CRET HTTP/1.1\n<https://h.example/?signature=S3CRET>",
        ] {
            let text = text_of(text, &Redactor::new(), &mut Public::default());
            assert!(
                !text.contains("S3CRET") && text.contains("https://h.example/"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_line_stays_json_whatever_is_masked_in_it() {
        let stdout = "curl -H \"Authorization: Bearer abc.def\" -H \"Cookie: myacinfo=S3CRETcookie\"";
        let event = Event::Process(Process {
            stdout: stdout.to_owned(),
            ..Process::default()
        });
        let line = line(&event, &Redactor::new()).unwrap();
        let document: Value = serde_json::from_str(&line).unwrap();
        let text = document["stdout"].as_str().unwrap();
        assert!(!text.contains("abc.def") && !text.contains("S3CRET"), "{text}");
    }

    #[test]
    fn a_key_file_is_left_out_and_ordinary_text_stays() {
        let key = "-----BEGIN PRIVATE KEY-----\nS3CRET\n-----END PRIVATE KEY-----\n";
        assert!(
            !masked(Exchange {
                answer: key.to_owned(),
                ..Exchange::default()
            })
            .contains("S3CRET")
        );
        for text in ["<html>a=b</html>", "", "{\"data\":[]}", "plain words = fine"] {
            assert_eq!(text_of(text, &Redactor::new(), &mut Public::default()), text);
        }
    }

    #[test]
    fn masking_is_done_once() {
        let exchange = Exchange {
            body: "password=x&token=y".to_owned(),
            answer: r#"{"password":"x","url":"https://x.example/?sig=1"}"#.to_owned(),
            ..Exchange::default()
        };
        let once = masked(exchange);
        let read: Event = serde_json::from_str(&once).unwrap();
        assert_eq!(line(&read, &Redactor::new()).unwrap(), once);
    }

    #[test]
    fn public_documents_stay_whole_though_a_key_begins_like_them() {
        let document = "BgcqhkjOPQIBBggqhkjOPQMBBw".repeat(4);
        let redactor = Redactor::new();
        redactor.learn("BgcqhkjOPQIBBggqhkjOPQMBBw");
        let exchange = |answer: String| {
            Event::Exchange(Exchange {
                answer,
                ..Exchange::default()
            })
        };
        let shown = line(
            &exchange(format!(r#"{{"profileContent":"{document}"}}"#)),
            &redactor,
        )
        .unwrap();
        assert!(shown.contains(&document), "{shown}");
        let other = line(&exchange(format!(r#"{{"other":"{document}"}}"#)), &redactor).unwrap();
        assert!(!other.contains("hkjOPQIBBggqhkj"), "{other}");
    }
}
