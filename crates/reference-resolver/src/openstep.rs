//! OpenStep property lists as JSON values.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// Reads a property list: OpenStep, XML or JSON.
pub(crate) fn read(text: &str) -> anyhow::Result<Value> {
    if text.trim_start().starts_with("<?xml") {
        return Ok(serde_json::to_value(plist::Value::from_reader_xml(
            text.as_bytes(),
        )?)?);
    }
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    value(&characters, &mut at)
}

fn skip(text: &[char], at: &mut usize) {
    loop {
        while text.get(*at).is_some_and(|c| c.is_whitespace()) {
            *at += 1;
        }
        match (text.get(*at), text.get(*at + 1)) {
            (Some('/'), Some('/')) => {
                while text.get(*at).is_some_and(|c| *c != '\n') {
                    *at += 1;
                }
            }
            (Some('/'), Some('*')) => {
                while *at < text.len() && (text[*at], text.get(*at + 1)) != ('*', Some(&'/')) {
                    *at += 1;
                }
                *at += 2;
            }
            _ => return,
        }
    }
}

fn expect(text: &[char], at: &mut usize, wanted: char) -> anyhow::Result<()> {
    skip(text, at);
    if text.get(*at) != Some(&wanted) {
        bail!("`{wanted}` is missing at character {at}");
    }
    *at += 1;
    Ok(())
}

fn value(text: &[char], at: &mut usize) -> anyhow::Result<Value> {
    skip(text, at);
    match text.get(*at).context("the text ends too early")? {
        '{' => {
            *at += 1;
            let mut map = Map::new();
            loop {
                skip(text, at);
                if text.get(*at) == Some(&'}') {
                    *at += 1;
                    return Ok(Value::Object(map));
                }
                let key = string(text, at)?;
                expect(text, at, '=')?;
                map.insert(key, value(text, at)?);
                expect(text, at, ';')?;
            }
        }
        '(' => {
            *at += 1;
            let mut list = Vec::new();
            loop {
                skip(text, at);
                match text.get(*at) {
                    Some(')') => {
                        *at += 1;
                        return Ok(Value::Array(list));
                    }
                    Some(',') => *at += 1,
                    _ => list.push(value(text, at)?),
                }
            }
        }
        _ => Ok(Value::String(string(text, at)?)),
    }
}

fn string(text: &[char], at: &mut usize) -> anyhow::Result<String> {
    let mut out = String::new();
    let quote = text.get(*at).copied().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote {
        *at += 1;
        loop {
            let c = *text.get(*at).context("a string has no end")?;
            *at += 1;
            match c {
                '\\' => {
                    let escaped = *text.get(*at).context("a string has no end")?;
                    *at += 1;
                    out.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        other => other,
                    });
                }
                c if c == quote => return Ok(out),
                c => out.push(c),
            }
        }
    }
    while let Some(c) = text.get(*at) {
        if c.is_whitespace() || "{}()=;,\"'".contains(*c) {
            break;
        }
        out.push(*c);
        *at += 1;
    }
    if out.is_empty() {
        bail!("a word is missing at character {at}");
    }
    Ok(out)
}
