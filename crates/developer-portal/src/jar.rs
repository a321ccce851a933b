//! A session's cookies.
//!
//! They are kept by Apple's own hosts, wherever requests really go: a cookie for `apple.com` would never fit the
//! address of a stand-in.

use apple_account::Cookie;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A larger cookie than any of Apple's, in bytes; browsers keep 4 kB.
const LARGEST_COOKIE: usize = 16 * 1024;

/// More cookies than Apple sets.
const MOST_COOKIES: usize = 200;

/// A host of Apple's that cookies are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// `idmsa.apple.com`: sign-in.
    SignIn,
    /// `appleid.apple.com`: the account's own pages.
    Account,
    /// `appstoreconnect.apple.com`: the session check.
    AppStoreConnect,
    /// `developer.apple.com`: the portal.
    Portal,
}

impl Host {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignIn => "idmsa.apple.com",
            Self::Account => "appleid.apple.com",
            Self::AppStoreConnect => "appstoreconnect.apple.com",
            Self::Portal => "developer.apple.com",
        }
    }
}

#[derive(Debug, Clone)]
struct Stored {
    name: String,
    value: SecretString,
    domain: String,
    path: String,
    for_subdomains: bool,
    ends: Option<OffsetDateTime>,
}

/// The cookies of one session.
#[derive(Debug, Clone, Default)]
pub struct Jar {
    cookies: Vec<Stored>,
}

impl Jar {
    /// The jar of a connected session, and what was left out of it because it has expired: a line for each.
    pub fn of(cookies: &[Cookie], now: OffsetDateTime) -> (Self, Vec<String>) {
        let mut jar = Self::default();
        let mut left_out = Vec::new();
        for cookie in cookies {
            let origin = cookie.origin.split("://").last().unwrap_or_default();
            let host = origin.split(['/', ':']).next().unwrap_or_default();
            let domain = if cookie.domain.is_empty() {
                host
            } else {
                &cookie.domain
            };
            let ends = cookie
                .expires
                .as_deref()
                .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
            if let Some(end) = ends.filter(|end| *end <= now) {
                left_out.push(format!("the cookie {} expired on {}", cookie.name, end.date()));
                continue;
            }
            jar.put(Stored {
                name: cookie.name.clone(),
                value: cookie.value.clone(),
                domain: domain.trim_start_matches('.').to_lowercase(),
                path: if cookie.path.is_empty() {
                    "/".to_owned()
                } else {
                    cookie.path.clone()
                },
                for_subdomains: cookie.for_domain,
                ends,
            });
        }
        (jar, left_out)
    }

    /// Takes what an answer of `host` sets, in the words of its `Set-Cookie` header.
    ///
    /// A cookie for a domain that the host is not part of is left out, as browsers do.
    pub fn take(&mut self, host: Host, header: &str, now: OffsetDateTime) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let mut stored = Stored {
            name: name.to_owned(),
            value: value.trim_matches('"').into(),
            domain: host.name().to_owned(),
            path: "/".to_owned(),
            for_subdomains: false,
            ends: None,
        };
        let mut max_age = None;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.to_lowercase().as_str() {
                "domain" if !value.is_empty() => {
                    stored.domain = value.trim_start_matches('.').to_lowercase();
                    stored.for_subdomains = true;
                }
                "path" if value.starts_with('/') => value.clone_into(&mut stored.path),
                "max-age" => max_age = value.parse::<i64>().ok(),
                _ => {}
            }
        }
        // One that ends after the last date there is does not end.
        stored.ends = max_age.and_then(
            |seconds| match now.checked_add(time::Duration::seconds(seconds)) {
                None if seconds < 0 => Some(now),
                end => end,
            },
        );
        if stored.name.len() + stored.value.expose_secret().len() > LARGEST_COOKIE {
            return;
        }
        let is_ours = host.name() == stored.domain || host.name().ends_with(&format!(".{}", stored.domain));
        if is_ours {
            self.put(stored);
        }
        self.cookies
            .retain(|cookie| cookie.ends.is_none_or(|end| end > now));
    }

    /// Keeps a cookie that can be sent: one with a control character in it would end the header, or begin another one.
    fn put(&mut self, new: Stored) {
        let text = [new.name.as_str(), new.value.expose_secret()];
        if text
            .iter()
            .any(|text| text.chars().any(|c| c.is_control() || c == ';'))
        {
            return;
        }
        let is_same = |old: &Stored| old.name == new.name && old.domain == new.domain && old.path == new.path;
        self.cookies.retain(|old| !is_same(old));
        if self.cookies.len() < MOST_COOKIES {
            self.cookies.push(new);
        }
    }

    /// The `Cookie` header for a request to `path` on `host`; `None` when there is nothing to send.
    ///
    /// The device's trust (`DES…`) goes out in quotes, as Apple set it: sign-in does not accept it otherwise.
    pub fn header(&self, host: Host, path: &str) -> Option<SecretString> {
        let fits = |cookie: &&Stored| {
            let domain = host.name() == cookie.domain
                || (cookie.for_subdomains && host.name().ends_with(&format!(".{}", cookie.domain)));
            let inside = path.strip_prefix(cookie.path.trim_end_matches('/'));
            domain && inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let pair = |cookie: &Stored| {
            let value = cookie.value.expose_secret();
            if cookie.name.starts_with("DES") {
                format!("{}=\"{value}\"", cookie.name)
            } else {
                format!("{}={value}", cookie.name)
            }
        };
        let pairs: Vec<String> = self.cookies.iter().filter(fits).map(pair).collect();
        (!pairs.is_empty()).then(|| pairs.join("; ").into())
    }

    /// Forgets everything but the device's trust.
    pub fn keep_trust(&mut self) {
        self.cookies.retain(|cookie| cookie.name.starts_with("DES"));
    }

    /// Whether the jar holds a session, rather than only the device's trust.
    pub fn has_session(&self) -> bool {
        self.cookies.iter().any(|cookie| cookie.name == "myacinfo")
    }

    /// Whether the jar holds the device's trust, which spares the second factor.
    pub fn has_trust(&self) -> bool {
        self.cookies.iter().any(|cookie| cookie.name.starts_with("DES"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

    fn cookie(name: &str, domain: &str, expires: Option<&str>) -> Cookie {
        Cookie {
            origin: "https://idmsa.apple.com".to_owned(),
            name: name.to_owned(),
            value: format!("value-of-{name}").into(),
            path: "/".to_owned(),
            domain: domain.to_owned(),
            secure: true,
            expires: expires.map(str::to_owned),
            max_age: None,
            http_only: true,
            for_domain: true,
        }
    }

    fn sent(jar: &Jar, host: Host) -> String {
        jar.header(host, "/appleauth/auth")
            .map(|header| header.expose_secret().to_owned())
            .unwrap_or_default()
    }

    #[test]
    fn each_host_gets_its_own_and_the_trust_is_quoted() {
        let (jar, left_out) = Jar::of(
            &[
                cookie("DES1", "idmsa.apple.com", None),
                cookie("myacinfo", "apple.com", None),
            ],
            NOW,
        );
        assert!(left_out.is_empty());
        assert_eq!(
            sent(&jar, Host::SignIn),
            "DES1=\"value-of-DES1\"; myacinfo=value-of-myacinfo"
        );
        assert_eq!(sent(&jar, Host::Portal), "myacinfo=value-of-myacinfo");
        assert!(jar.has_session() && jar.has_trust());
    }

    #[test]
    fn expired_cookies_are_left_out_and_named() {
        let (jar, left_out) = Jar::of(&[cookie("DES1", "", Some("2026-11-20T00:00:00Z"))], NOW);
        assert_eq!(left_out, ["the cookie DES1 expired on 2026-11-20"]);
        assert_eq!((sent(&jar, Host::SignIn).as_str(), jar.has_trust()), ("", false));
    }

    #[test]
    fn answers_replace_cookies_and_can_not_set_those_of_others() {
        let (mut jar, _) = Jar::of(&[cookie("myacinfo", "apple.com", None)], NOW);
        jar.take(
            Host::SignIn,
            "myacinfo=\"new\"; Domain=.apple.com; Path=/; Secure; HttpOnly",
            NOW,
        );
        jar.take(Host::SignIn, "evil=1; Domain=example.com", NOW);
        jar.take(Host::AppStoreConnect, "dqsid=d; Max-Age=1800; Path=/", NOW);
        assert_eq!(sent(&jar, Host::Portal), "myacinfo=new");
        assert_eq!(sent(&jar, Host::AppStoreConnect), "myacinfo=new; dqsid=d");
        jar.take(Host::AppStoreConnect, "dqsid=; Max-Age=0", NOW);
        assert_eq!(sent(&jar, Host::AppStoreConnect), "myacinfo=new");
    }

    #[test]
    fn no_lifetime_is_too_long_or_too_short() {
        for (age, is_kept) in [
            (i64::MAX, true),
            (i64::MAX / 2, true),
            (i64::from(i32::MAX), true),
            (1, true),
            (0, false),
            (-1, false),
            (i64::MIN, false),
        ] {
            let mut jar = Jar::default();
            jar.take(Host::SignIn, &format!("dqsid=d; Max-Age={age}"), NOW);
            assert_eq!(jar.header(Host::SignIn, "/").is_some(), is_kept, "{age}");
        }
        let mut jar = Jar::default();
        for text in [
            "a=1; Max-Age=99999999999999999999999999",
            "b=1; Max-Age=x",
            "c=1; Max-Age=",
            "=",
            "",
            "d",
            ";;;",
        ] {
            jar.take(Host::SignIn, text, NOW);
        }
        assert!(jar.header(Host::SignIn, "/").is_some());
    }

    #[test]
    fn no_cookie_ends_the_header_that_it_is_sent_in() {
        let mut jar = Jar::default();
        for header in [
            "a=x\ry",
            "b=x\0",
            "c\r=x",
            "d=\u{7f}",
            "e=\"x\r\nHost: evil\"",
            "good=1",
        ] {
            jar.take(Host::SignIn, header, NOW);
        }
        assert_eq!(sent(&jar, Host::SignIn), "good=1");
        let mut odd = cookie("myacinfo", "apple.com", None);
        odd.value = "x; y=1".into();
        assert_eq!(sent(&Jar::of(&[odd], NOW).0, Host::SignIn), "");
    }

    #[test]
    fn a_server_can_not_fill_the_memory_with_cookies() {
        let mut jar = Jar::default();
        for number in 0..10_000 {
            jar.take(Host::SignIn, &format!("c{number}=v"), NOW);
        }
        jar.take(Host::SignIn, &format!("large={}", "x".repeat(100_000)), NOW);
        assert_eq!(jar.cookies.len(), MOST_COOKIES);
    }

    #[test]
    fn a_jar_shows_no_value() {
        let (jar, _) = Jar::of(&[cookie("myacinfo", "apple.com", None)], NOW);
        assert!(!format!("{jar:?}").contains("value-of"));
    }
}
