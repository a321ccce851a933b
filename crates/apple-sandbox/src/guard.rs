//! Who may ask: programs of this machine, and the sandbox's own page.
//!
//! A page of the web can make its visitor's browser send requests to this machine, and read the answers too where its
//! own name leads here (DNS rebinding). Both give themselves away: by the `Origin` of the request, or by its `Host`.
//!
//! Clients whose connections are led here, by a hosts file or a proxy, name Apple's hosts. No page of the web can, so
//! they are answered as well, but not about the sandbox itself.

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

/// The answer to a request that a page of the web made; `None` for all others.
pub(crate) fn refusal(uri: &Uri, headers: &HeaderMap, scheme: &str) -> Option<Response> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = host(uri, headers);
    let is_own = uri.path() == "/" || uri.path().starts_with("/_sandbox");
    let may_ask = |origin: &str| {
        origin == format!("{scheme}://{host}")
            || (!is_own && origin.strip_prefix("https://").is_some_and(is_apple))
    };
    let reason = if !is_this_machine(host) && (is_own || !is_apple(host)) {
        "the sandbox answers to 127.0.0.1 and localhost only"
    } else if headers.contains_key(header::ORIGIN) && !text(header::ORIGIN).is_some_and(may_ask) {
        "the sandbox answers to its own page only"
    } else {
        return None;
    };
    Some((StatusCode::FORBIDDEN, format!("{reason}\n")).into_response())
}

/// The host that a request names, with its port where it does.
pub(crate) fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    uri.authority()
        .map(axum::http::uri::Authority::as_str)
        .or_else(|| headers.get(header::HOST).and_then(|value| value.to_str().ok()))
        .unwrap_or_default()
}

pub(crate) fn is_this_machine(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]") && port.chars().all(|c| c.is_ascii_digit())
}

/// Whether a host is Apple's, so that only a client that was led here can name it.
pub(crate) fn is_apple(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default();
    name.ends_with(".apple.com")
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_the_sandboxes_own_page_are_answered() {
        for (host, origin, is_answered) in [
            ("127.0.0.1:8080", None, true),
            ("localhost:8080", None, true),
            ("LOCALHOST.evil.example.com", None, false),
            ("[::1]:8080", None, true),
            ("evil.example.com", None, false),
            ("127.0.0.1.evil.example.com", None, false),
            ("evil.example.com:127.0.0.1", None, false),
            ("", None, false),
            ("127.0.0.1:8080", Some("http://127.0.0.1:8080"), true),
            ("127.0.0.1:8080", Some("http://127.0.0.1:9090"), false),
            ("127.0.0.1:8080", Some("https://evil.example.com"), false),
            ("127.0.0.1:8080", Some("null"), false),
            ("127.0.0.1:8080", Some(""), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            let refused = refusal(&Uri::from_static("/_sandbox/faults"), &headers, "http");
            assert_eq!(refused.is_none(), is_answered, "{host} {origin:?}");
        }
    }
    #[test]
    fn clients_that_are_led_here_may_name_apples_hosts_but_not_ask_about_the_sandbox() {
        let refused = |path: &'static str, host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            refusal(&Uri::from_static(path), &headers, "https").is_some()
        };
        assert!(!refused("/v1/apps", "api.appstoreconnect.apple.com", None));
        assert!(!refused(
            "/olympus/v1/session",
            "appstoreconnect.apple.com",
            Some("https://appstoreconnect.apple.com")
        ));
        assert!(refused("/_sandbox/faults", "appstoreconnect.apple.com", None));
        assert!(refused(
            "/_sandbox/faults",
            "127.0.0.1:80",
            Some("https://appstoreconnect.apple.com")
        ));
        for host in [
            "apple.com.evil.example",
            "evilapple.com",
            "x.apple.com.evil.example:80",
            "a@evil.apple.com/",
        ] {
            assert!(refused("/v1/apps", host, None), "{host}");
        }
        assert!(refused(
            "/v1/apps",
            "127.0.0.1:80",
            Some("https://apple.com.evil.example")
        ));
    }
}
