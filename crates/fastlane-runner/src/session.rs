//! `FASTLANE_SESSION`: cookies in the YAML that Ruby's http-cookie reads.
//!
//! Fact: one cookie with a bad name, or with a control character in its value, makes http-cookie drop the
//! whole session without a word. So such cookies are left out here, each alone; every scalar that YAML 1.1 would take for
//! something else than a string is quoted, and each cookie is read back before it is used.

use apple_account::Cookie;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// Where Apple's sign-in lives: fastlane needs the cookies of this host alone.
const SIGN_IN: &str = "https://idmsa.apple.com";

/// A session as fastlane takes it.
#[derive(Debug, Default)]
pub struct SessionText {
    /// The cookies; `None` when there is none to hand over.
    pub text: Option<SecretString>,
    /// The names of the cookies that Ruby would not read as they are, and that are left out.
    pub dropped: Vec<String>,
}

/// The cookies of Apple's sign-in as fastlane takes them. One that Ruby would misread is left out alone.
pub fn fastlane_session(cookies: &[Cookie]) -> SessionText {
    let mut session = SessionText::default();
    let mut text = String::from("---\n");
    for cookie in cookies.iter().filter(|cookie| cookie.origin == SIGN_IN) {
        let item = written(cookie);
        if is_acceptable(cookie) && is_read_back(&item, cookie) {
            text.push_str(&item);
            session.text = Some(SecretString::default());
        } else {
            session.dropped.push(cookie.name.clone());
        }
    }
    session.text = session.text.map(|_| text.into());
    session
}

fn written(cookie: &Cookie) -> String {
    format!(
        "- !ruby/object:HTTP::Cookie\n  name: {}\n  value: {}\n  domain: {}\n  for_domain: {}\n  path: {}\n\n",
        scalar(&cookie.name),
        scalar(cookie.value.expose_secret()),
        scalar(&cookie.domain),
        cookie.for_domain,
        quoted(if cookie.path.is_empty() { "/" } else { &cookie.path }),
    )
}

/// Whether http-cookie takes a cookie of that name, value, and domain.
fn is_acceptable(cookie: &Cookie) -> bool {
    let name_is_fine = !cookie.name.is_empty()
        && !cookie
            .name
            .chars()
            .any(|c| c.is_control() || " ,;\\\"=".contains(c));
    let value = cookie.value.expose_secret();
    // fastlane turns each backslash-n of the text into a line break before it reads it.
    let has_break = |text: &str| text.chars().any(char::is_control) || text.contains("\\n");
    name_is_fine
        && !cookie.domain.trim().is_empty()
        && ![value, &cookie.domain, &cookie.path].into_iter().any(has_break)
}

#[derive(Deserialize)]
enum Item {
    #[serde(rename = "ruby/object:HTTP::Cookie")]
    Cookie {
        name: String,
        value: String,
        domain: String,
    },
}

fn is_read_back(text: &str, cookie: &Cookie) -> bool {
    let items: Vec<Item> = serde_yaml::from_str(text).unwrap_or_default();
    let [Item::Cookie { name, value, domain }] = items.as_slice() else {
        return false;
    };
    (name, value.as_str(), domain) == (&cookie.name, cookie.value.expose_secret(), &cookie.domain)
}

/// A string as YAML 1.1 reads it: bare where nothing else could be meant, in double quotes otherwise.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Whether YAML 1.1 takes the bare text for a string and for this very one. It is stricter than YAML: what
/// begins with a letter and has only characters of base64 and of host names can't be a number, a date, a tag
/// or a comment, and the words that mean true, false and nothing are few.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-+/=".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cookie(name: &str, value: &str) -> Cookie {
        Cookie {
            origin: SIGN_IN.to_owned(),
            name: name.to_owned(),
            value: value.into(),
            path: "/".to_owned(),
            domain: "idmsa.apple.com".to_owned(),
            secure: true,
            expires: None,
            max_age: None,
            http_only: true,
            for_domain: true,
        }
    }

    fn text(cookies: &[Cookie]) -> String {
        fastlane_session(cookies)
            .text
            .map(|text| text.expose_secret().to_owned())
            .unwrap_or_default()
    }

    #[test]
    fn ordinary_cookies_look_as_bitrise_has_always_written_them() {
        assert_eq!(
            text(&[cookie("myacinfo", "DAWTKNV/a+b==")]),
            "---\n- !ruby/object:HTTP::Cookie\n  name: myacinfo\n  value: DAWTKNV/a+b==\n  domain: idmsa.apple.com\n  for_domain: true\n  path: \"/\"\n\n"
        );
    }

    #[test]
    fn what_yaml_would_misread_is_quoted() {
        for value in [
            "12:30:45",
            "1_000",
            "yes",
            "No",
            "007",
            "2021-01-25",
            "*anchor",
            "a: b",
            "a #b",
            "\"x\"",
            "~",
            "null",
            "0x1F",
            ".5",
            "%x",
            "@x",
            "[x",
            "",
            " x",
        ] {
            assert!(
                text(&[cookie("DES1", value)]).contains(&format!("  value: {}\n", quoted(value))),
                "{value}"
            );
        }
    }

    #[test]
    fn cookies_that_would_spoil_the_session_and_those_of_other_hosts_are_left_out() {
        let mut other = cookie("other", "x");
        other.origin = "https://appstoreconnect.apple.com".to_owned();
        assert_eq!(text(&[other, cookie("bad name", "x"), cookie("bad", "a\tb")]), "");
    }

    #[test]
    fn one_odd_cookie_costs_that_cookie_and_no_other() {
        let odd = [
            ("bad name", "x"),
            ("", "x"),
            ("tab", "a\tb"),
            ("break", "a\nb"),
            ("backslash", "a\\nb"),
            ("nul", "a\0b"),
        ];
        for (name, value) in odd {
            let session =
                fastlane_session(&[cookie("myacinfo", "A"), cookie(name, value), cookie("DES1", "B")]);
            let text = session.text.unwrap().expose_secret().to_owned();
            assert_eq!(session.dropped, [name], "{value}");
            assert_eq!(text.matches("HTTP::Cookie").count(), 2, "{text}");
        }
        let mut homeless = cookie("homeless", "x");
        homeless.domain = String::new();
        assert_eq!(fastlane_session(&[homeless]).dropped, ["homeless"]);
    }

    proptest! {
        #[test]
        fn every_value_is_read_back_as_it_is(value in "[ -~]{0,40}") {
            let session = fastlane_session(&[cookie("DES1", &value)]);
            prop_assert!(session.text.is_some() || value.contains("\\n"), "{value}");
        }
    }
}
