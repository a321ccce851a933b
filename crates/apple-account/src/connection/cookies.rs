//! The cookies of the connected session. One that can't be read is left out; the others are the session.

use redaction::Redactor;
use serde_json::Value;

use super::fields;
use crate::Cookie;

/// No token of Apple's is shorter.
const SHORTEST_SECRET: usize = 8;

/// The cookies of all hosts. Fact: a map from the host that set them to lists; a list alone is read as well.
pub(super) fn read(value: &Value, redactor: &Redactor, warnings: &mut Vec<String>) -> Vec<Cookie> {
    let by_origin: Vec<(&str, &Value)> = match value {
        Value::Object(by_origin) => by_origin
            .iter()
            .map(|(origin, list)| (origin.as_str(), list))
            .collect(),
        Value::Array(_) => vec![("", value)],
        Value::Null => return Vec::new(),
        Value::String(text) if text.trim().is_empty() => return Vec::new(),
        _ => {
            warnings.push("The session of the connected Apple ID is left out: `session_cookies` is not a list of cookies.".to_owned());
            return Vec::new();
        }
    };
    let mut cookies = Vec::new();
    for (origin, list) in by_origin {
        let list = match list {
            Value::Array(list) => list.as_slice(),
            Value::Null => continue,
            // One cookie, and no list around it.
            single => std::slice::from_ref(single),
        };
        for (index, value) in list.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            match cookie(origin, value) {
                Ok(cookie) => {
                    // Sessions hold the language and the country, too: masking `USA` would hide half of the log.
                    let text = secrecy::ExposeSecret::expose_secret(&cookie.value);
                    if text.len() >= SHORTEST_SECRET {
                        redactor.learn(text);
                    }
                    cookies.push(cookie);
                }
                Err(problem) => warnings.push(format!(
                    "A cookie of the connected session is left out (number {} of `{origin}`): {problem}.",
                    index + 1
                )),
            }
        }
    }
    cookies
}

fn cookie(origin: &str, value: &Value) -> Result<Cookie, &'static str> {
    let Value::Object(fields) = value else {
        return Err("it is not an object");
    };
    let field = |name: &str| fields.get(name).unwrap_or(&Value::Null);
    let value = match field("value") {
        Value::String(value) => value.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err("it has no `value`"),
    };
    let domain = fields::text(field("domain"));
    Ok(Cookie {
        origin: match (&domain, origin.is_empty()) {
            (Some(domain), true) => format!("https://{}", domain.trim_start_matches('.')),
            _ => origin.to_owned(),
        },
        name: fields::text(field("name")).ok_or("it has no `name`")?,
        value: value.into(),
        path: fields::text(field("path")).unwrap_or_default(),
        domain: domain.unwrap_or_default(),
        secure: fields::is_true(field("secure")),
        expires: fields::text(field("expires")),
        max_age: fields::number(field("max_age")),
        http_only: fields::is_true(field("httponly")),
        for_domain: match field("for_domain") {
            Value::Null => true,
            flag => fields::is_true(flag),
        },
    })
}
