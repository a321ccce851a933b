//! JSON5 as JSON values: loosely, since what is wrong with a file is not for this crate to say.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// Reads a text.
pub(crate) fn read(text: &str) -> anyhow::Result<Value> {
    let text: Vec<char> = text.chars().collect();
    value(&text, &mut 0)
}

fn skip(text: &[char], at: &mut usize) {
    loop {
        while text
            .get(*at)
            .is_some_and(|c| c.is_whitespace() || *c == '\u{feff}')
        {
            *at += 1;
        }
        let rest = &text[(*at).min(text.len())..];
        if rest.starts_with(&['/', '/']) {
            *at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
        } else if rest.starts_with(&['/', '*']) {
            let end = rest.windows(2).skip(2).position(|pair| pair == ['*', '/']);
            *at += end.map_or(rest.len(), |end| end + 4);
        } else {
            return;
        }
    }
}

fn value(text: &[char], at: &mut usize) -> anyhow::Result<Value> {
    skip(text, at);
    match text.get(*at).context("the text ends too early")? {
        '{' => {
            *at += 1;
            let mut map = Map::new();
            while !ends(text, at, '}') {
                let key = word(text, at)?;
                skip(text, at);
                *at += 1;
                map.insert(key, value(text, at)?);
            }
            Ok(Value::Object(map))
        }
        '[' => {
            *at += 1;
            let mut list = Vec::new();
            while !ends(text, at, ']') {
                list.push(value(text, at)?);
            }
            Ok(Value::Array(list))
        }
        '"' | '\'' => Ok(Value::String(word(text, at)?)),
        _ => Ok(match word(text, at)?.as_str() {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => serde_json::from_str(number).unwrap_or(Value::Null),
        }),
    }
}

/// Whether a list ends here; a comma before its next element is passed over.
fn ends(text: &[char], at: &mut usize, close: char) -> bool {
    skip(text, at);
    if text.get(*at) == Some(&',') {
        *at += 1;
        skip(text, at);
    }
    let is_end = text.get(*at).is_none_or(|c| *c == close);
    if is_end {
        *at += 1;
    }
    is_end
}

/// A string in quotes, or a bare word.
fn word(text: &[char], at: &mut usize) -> anyhow::Result<String> {
    let mut out = String::new();
    let quote = text.get(*at).copied().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        while let Some(c) = text
            .get(*at)
            .filter(|c| !c.is_whitespace() && !"{}[]:,\"'".contains(**c))
        {
            out.push(*c);
            *at += 1;
        }
        if out.is_empty() {
            bail!("a word is missing at character {at}");
        }
        return Ok(out);
    };
    *at += 1;
    loop {
        let c = *text.get(*at).context("a string has no end")?;
        *at += 1;
        if c == quote {
            return Ok(out);
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escaped = *text.get(*at).context("a string has no end")?;
        *at += 1;
        let digits = match escaped {
            'u' => 4,
            'x' => 2,
            _ => 0,
        };
        let mut code = |digits: usize| -> anyhow::Result<u16> {
            let hex: String = text.iter().skip(*at).take(digits).collect();
            *at += digits;
            Ok(u16::from_str_radix(&hex, 16)?)
        };
        if digits > 0 {
            let mut units = vec![code(digits)?];
            if (0xD800..0xDC00).contains(&units[0]) && text[*at..].starts_with(&['\\', 'u']) {
                *at += 2;
                let hex: String = text.iter().skip(*at).take(4).collect();
                *at += 4;
                units.push(u16::from_str_radix(&hex, 16)?);
            }
            out.push_str(&String::from_utf16_lossy(&units));
            continue;
        }
        match escaped {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            '\n' => {}
            other => out.push(other),
        }
    }
}
