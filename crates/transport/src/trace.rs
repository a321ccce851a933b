//! What a support trace keeps of an exchange.

use std::collections::BTreeMap;
use std::time::Instant;

use reqwest::Method;
use reqwest::header::HeaderMap;
use support_trace::Exchange;
use url::Url;

/// An exchange without an answer yet; with `hidden`, path and query may be secrets.
pub(crate) fn exchange(method: &Method, url: &Url, hidden: bool, started: Instant) -> Exchange {
    let shown = |text: &str| if hidden { String::new() } else { text.to_owned() };
    Exchange {
        method: method.to_string(),
        origin: url.origin().ascii_serialization(),
        path: shown(url.path()),
        query: shown(url.query().unwrap_or_default()),
        milliseconds: support_trace::milliseconds(started.elapsed()),
        ..Exchange::default()
    }
}

/// Headers that are text; several of one name are lines. Which of them stay is decided when the trace is written.
pub(crate) fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        if let Ok(value) = value.to_str() {
            let kept = all.entry(name.as_str().to_owned()).or_default();
            if !kept.is_empty() {
                kept.push('\n');
            }
            kept.push_str(value);
        }
    }
    all
}
