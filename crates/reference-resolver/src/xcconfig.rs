//! xcconfig files as a flat list of assignments.

use std::path::{Path, PathBuf};

/// The assignments of a file and its includes, in order, keys with their conditions.
pub(crate) fn read(path: &Path, project: &Path, chain: &[PathBuf]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let is_open = chain.iter().any(|open| real(open) == real(path));
    let (false, Ok(bytes)) = (is_open, std::fs::read(path)) else {
        return all;
    };
    let chain = [&[path.to_owned()], chain].concat();
    let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    let mut lines: Vec<&str> = text.split(['\n', '\r', '\u{2028}', '\u{2029}']).collect();
    lines.reverse();
    while let Some(line) = lines.pop() {
        let line = start(line);
        if let Some(directive) = line.strip_prefix('#') {
            let Some(name) = included(directive) else { continue };
            let folders = chain.iter().filter_map(|file| file.parent()).chain([project]);
            let mut places = folders.flat_map(|folder| {
                let place = folder.join(name);
                let has_extension = place.extension().is_some();
                let longer = (!has_extension).then(|| folder.join(format!("{name}.xcconfig")));
                [Some(place), longer].into_iter().flatten()
            });
            if let Some(found) = places.find(|place| place.exists()) {
                all.extend(read(&found, project, &chain));
            }
            continue;
        }
        let Some((name, conditions, mut rest)) = key(line) else {
            continue;
        };
        let mut value: Vec<String> = Vec::new();
        loop {
            let text = start(rest);
            if text.is_empty() {
                break;
            }
            let text = text.split("//").next().unwrap_or_default();
            let text = text.trim_end_matches(SPACES);
            let text = text.strip_suffix(';').unwrap_or(text).trim_end_matches(SPACES);
            let Some(head) = text.strip_suffix('\\') else {
                value.push(text.to_owned());
                break;
            };
            if !head.trim().is_empty() {
                value.push(head.trim().to_owned());
            }
            match lines.pop() {
                Some(next) => rest = next,
                None => break,
            }
        }
        let conditions: String = conditions
            .iter()
            .map(|(what, pattern)| format!("[{what}={pattern}]"))
            .collect();
        all.push((format!("{name}{conditions}"), value.join(" ")));
    }
    all
}

const SPACES: [char; 4] = [' ', '\t', '\u{b}', '\u{c}'];

fn start(text: &str) -> &str {
    let text = text.trim_start_matches(SPACES);
    if text.starts_with("//") { "" } else { text }
}

fn included(directive: &str) -> Option<&str> {
    let directive = start(directive);
    let rest = directive
        .strip_prefix("include?")
        .or_else(|| directive.strip_prefix("include"))?;
    let quoted = start(rest.strip_prefix(SPACES)?).strip_prefix('"')?;
    let (name, rest) = quoted.split_once('"')?;
    start(rest).is_empty().then_some(name)
}

type Key<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str);

/// The name, the conditions, and what follows the equals sign.
pub(crate) fn key(line: &str) -> Option<Key<'_>> {
    let line = start(line);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = line.find(|c| !is_part(c)).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let mut conditions = Vec::new();
    loop {
        rest = start(rest);
        if let Some(rest) = rest.strip_prefix('=') {
            return Some((name, conditions, rest));
        }
        let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
        conditions.push(inside.split_once('=')?);
        rest = after;
    }
}
