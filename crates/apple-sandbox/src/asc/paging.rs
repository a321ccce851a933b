//! Pages of lists: their links, and the cursors in them.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::Request;
use crate::answer::Refusal;

/// A list's page.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) links: Value,
    pub(crate) meta: Value,
}

impl Request<'_> {
    /// The page of a list that the request asks for.
    ///
    /// # Errors
    /// When the cursor is another list's, or too old.
    pub(crate) fn page_of<T>(&self, all: Vec<T>, limit: usize) -> Result<Page<T>, Refusal> {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let scope = self.scope();
        let start = match self.value("cursor") {
            None => 0,
            Some(cursor) => open(cursor, &scope, now, self.cursor_life).ok_or_else(|| {
                Refusal::parameter(
                    "cursor",
                    format!("'{cursor}' is not a valid cursor for this request"),
                )
            })?,
        };
        let total = all.len();
        let items: Vec<T> = all.into_iter().skip(start).take(limit).collect();
        let end = start + items.len();
        let mut links = Map::new();
        links.insert("self".to_owned(), self.link(self.value("cursor")));
        let mut paging = json!({"total": total, "limit": limit});
        if start > 0 {
            links.insert("first".to_owned(), self.link(None));
        }
        if end < total {
            let cursor = seal(end, &scope, now);
            links.insert("next".to_owned(), self.link(Some(&cursor)));
            paging["nextCursor"] = cursor.into();
        }
        Ok(Page {
            items,
            links: links.into(),
            meta: json!({"paging": paging}),
        })
    }

    /// What a cursor belongs to: the path, and the parameters that decide what is listed in which order.
    fn scope(&self) -> String {
        let parameters = self
            .query
            .iter()
            .filter(|(name, _)| name.starts_with("filter") || name.starts_with("exists") || name == "sort");
        let mut scope = self.path.to_owned();
        for (name, value) in parameters {
            scope.push_str(&format!("&{name}={value}"));
        }
        scope
    }

    /// A link to this list, at a cursor.
    fn link(&self, cursor: Option<&str>) -> Value {
        let own = self.query.iter().filter(|(key, _)| key != "cursor");
        let mut pairs: Vec<String> = cursor
            .map(|cursor| format!("cursor={cursor}"))
            .into_iter()
            .collect();
        pairs.extend(own.map(|(key, value)| format!("{}={}", encode(key), encode(value))));
        let query = if pairs.is_empty() {
            String::new()
        } else {
            format!("?{}", pairs.join("&"))
        };
        Value::String(format!("{}{}{query}", self.base, self.path))
    }
}

/// Percent-encoding of what may not stand in a query.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The key of this process's cursors: none outlives it.
fn key() -> &'static [u8; 16] {
    static KEY: OnceLock<[u8; 16]> = OnceLock::new();
    KEY.get_or_init(|| fastrand::u128(..).to_be_bytes())
}

const NONCE: usize = 8;
const CONTENT: usize = 24;

/// The stream that hides what a cursor says.
fn stream(nonce: &[u8]) -> Vec<u8> {
    Sha256::new()
        .chain_update(key())
        .chain_update(nonce)
        .finalize()
        .to_vec()
}

/// What proves that a cursor was made here, for this list.
fn proof(content: &[u8], scope: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(key());
    hash.update(content);
    hash.update(scope.as_bytes());
    hash.finalize()[..8].to_vec()
}

fn seal(offset: usize, scope: &str, now: i64) -> String {
    let mut content = (offset as u64).to_be_bytes().to_vec();
    content.extend(now.to_be_bytes());
    content.extend(proof(&content, scope));
    let nonce = fastrand::u64(..).to_be_bytes();
    let hidden = content.iter().zip(stream(&nonce)).map(|(byte, mask)| byte ^ mask);
    URL_SAFE_NO_PAD.encode(nonce.into_iter().chain(hidden).collect::<Vec<u8>>())
}

fn open(cursor: &str, scope: &str, now: i64, life: i64) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.trim_end_matches('=')).ok()?;
    if bytes.len() != NONCE + CONTENT {
        return None;
    }
    let (nonce, hidden) = bytes.split_at(NONCE);
    let content: Vec<u8> = hidden
        .iter()
        .zip(stream(nonce))
        .map(|(byte, mask)| byte ^ mask)
        .collect();
    let (content, given) = content.split_at(16);
    let issued = i64::from_be_bytes(content[8..16].try_into().ok()?);
    let is_ours = proof(content, scope) == given;
    let is_young = (0..=life).contains(&(now - issued));
    let offset = u64::from_be_bytes(content[..8].try_into().ok()?);
    (is_ours && is_young)
        .then(|| usize::try_from(offset).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_for_one_list_and_for_a_while() {
        let cursor = seal(40, "/v1/devices", 1000);
        assert_eq!(open(&cursor, "/v1/devices", 1000, 600), Some(40));
        assert_eq!(open(&cursor, "/v1/devices", 1600, 600), Some(40));
        assert_eq!(open(&cursor, "/v1/devices", 1601, 600), None);
        assert_eq!(open(&cursor, "/v1/profiles", 1000, 600), None);
        assert_eq!(open(&cursor, "/v1/devices&filter[name]=a", 1000, 600), None);
        assert_ne!(cursor, seal(40, "/v1/devices", 1000));
        for other in ["", "MjA=", "YXQgMjA", &cursor[1..], "%"] {
            assert_eq!(open(other, "/v1/devices", 1000, 600), None, "{other}");
        }
    }
}
