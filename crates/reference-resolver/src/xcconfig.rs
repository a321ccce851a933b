//! xcconfig files as a flat list of assignments.

use std::path::{Path, PathBuf};

/// The assignments of a file and its includes, in order, keys with their conditions.
pub(crate) fn read(path: &Path, project: &Path, chain: &[PathBuf]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let (false, Ok(bytes)) = (chain.iter().any(|open| open == path), std::fs::read(path)) else {
        return all;
    };
    let chain = [&[path.to_owned()], chain].concat();
    let text = String::from_utf8_lossy(&bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let mut rest = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default().trim());
    while let Some(line) = rest.next() {
        if let Some(words) = line.strip_prefix('#') {
            let name = words.trim().strip_prefix("include").and_then(|rest| {
                let rest = rest.strip_prefix('?').unwrap_or(rest);
                rest.starts_with(' ')
                    .then(|| rest.trim().trim_matches('"').to_owned())
            });
            let Some(name) = name else { continue };
            let folders = chain.iter().filter_map(|file| file.parent()).chain([project]);
            let places =
                folders.flat_map(|folder| [folder.join(&name), folder.join(format!("{name}.xcconfig"))]);
            if let Some(found) = places.into_iter().find(|place| place.is_file()) {
                all.extend(read(&found, project, &chain));
            }
            continue;
        }
        // The first `=` that is in no brackets.
        let mut depth = 0;
        let equals = line.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '[') - i32::from(*c == ']');
            *c == '=' && depth == 0
        });
        let Some((at, _)) = equals else { continue };
        let key = compact(&line[..at]);
        let is_name = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let name_end = key.find('[').unwrap_or(key.len());
        if !is_name || key[..name_end].contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            continue;
        }
        let end = |line: &str| {
            line.trim()
                .strip_suffix(';')
                .unwrap_or(line.trim())
                .trim()
                .to_owned()
        };
        let mut pieces = vec![end(&line[at + 1..])];
        while let Some(head) = pieces.last().and_then(|last| last.strip_suffix('\\')) {
            let head = head.trim().to_owned();
            pieces.pop();
            pieces.push(head);
            let next = end(rest.next().unwrap_or_default());
            if next.is_empty() {
                break;
            }
            pieces.push(next);
        }
        pieces.retain(|piece| !piece.is_empty());
        all.push((key, pieces.join(" ")));
    }
    all
}

/// A key without the white space around its parts; what is in brackets stays as it is.
fn compact(key: &str) -> String {
    let mut is_inside = false;
    let mut out = String::new();
    for c in key.chars() {
        is_inside = (is_inside || c == '[') && c != ']';
        if is_inside || !c.is_whitespace() {
            out.push(c);
        }
    }
    out
}
