//! The key under which App Store Connect signs people in: the "widget key" of `idmsa.apple.com`.
//!
//! Undocumented. As of 2026-11-25: until 2026-09-10 `GET /olympus/v1/app/config?hostname=itunesconnect.apple.com` named
//! it; since then that address answers 404 with a page, and the redirect of `GET /logout` names it in its query
//! (fastlane #30199 and #30206, `@expo/apple-utils` 2.2.1, XcodesLoginKit 1.1.0). `/logout` is a real sign-out: a request
//! with cookies would end the session, and so would following the redirect. `olympus/v2/app/config` answers 401 and is no
//! replacement (rork #2551).

use serde::Deserialize;
use transport::{Client, Method, Policy, Response, Url};

use crate::jar::Host;
use crate::session::{Session, SessionError};

/// Names the key in its redirect, since 2026-09-10.
const LOGOUT: &str = "/logout";

/// Named the key until 2026-09-10. The query says `itunesconnect`, although the host does not (fastlane #13281).
const CONFIG: (&str, [(&str, &str); 1]) = (
    "/olympus/v1/app/config",
    [("hostname", "itunesconnect.apple.com")],
);

/// The key that App Store Connect's page has used since 2018, and still used in September 2026 (JanHalozan's repository,
/// issue 33; shipth-is/cli #263; rork #2483).
pub const KNOWN_KEY: &str = "e0b80c3bf78523bfe80974d320935bfa30add02e1bff88ec2166c6bd5a706c42";

/// Both addresses have a fallback, so neither is worth a long wait.
const ATTEMPTS: u32 = 3;

impl Session {
    /// The key, from the first place that has it. It never fails: the last place is the key that is known.
    pub(crate) async fn service_key(&self) -> Result<String, SessionError> {
        // Sent without the jar: there are no cookies to send, and none are kept.
        let client = Client::builder(self.app_store_connect.base().clone())
            .journal(self.app_store_connect.journal().clone())
            .policy(Policy {
                attempts: ATTEMPTS,
                ..Policy::default()
            })
            .build()?;
        let by_logout = self.key_by_logout(&client).await;
        let reason = match by_logout {
            Ok(key) => return Ok(key),
            Err(reason) => reason,
        };
        match key_by_config(&client).await {
            Ok(key) => Ok(key),
            Err(older) => {
                tracing::warn!(
                    "Apple's sign-in key could not be read from `{host}{LOGOUT}`, which names it since 2026-09-10 ({reason}), nor from the older address `{}` ({older}). Signing in with the key known since 2018.",
                    CONFIG.0,
                    host = Host::AppStoreConnect.name(),
                );
                Ok(KNOWN_KEY.to_owned())
            }
        }
    }

    async fn key_by_logout(&self, client: &Client) -> Result<String, String> {
        let answer = client
            .request(Method::GET, LOGOUT)
            .redirect_is_answer()
            .send()
            .await
            .map_err(|error| error.to_string())?;
        read_redirect(&answer, self.sign_in.base())
    }
}

/// The key in the redirect of `/logout`, or why there is none that can be trusted.
fn read_redirect(answer: &Response, sign_in: &Url) -> Result<String, String> {
    let status = answer.status.as_u16();
    if !(301..=308).contains(&status) {
        return Err(format!("HTTP {status}"));
    }
    let location = answer
        .header("location")
        .ok_or_else(|| format!("HTTP {status} without a Location"))?;
    key_of(location, sign_in).ok_or_else(|| format!("HTTP {status} to an unexpected address"))
}

/// The key in `https://idmsa.apple.com/appleauth/signout?widgetKey=…`; `None` for any other address. `sign_in` is where
/// Apple's sign-in is for this client, which may be told another place.
fn key_of(location: &str, sign_in: &Url) -> Option<String> {
    let url = Url::parse(location).ok()?;
    let apples = Url::parse(&format!("https://{}", Host::SignIn.name())).ok()?;
    let is_sign_in = url.origin() == apples.origin() || url.origin() == sign_in.origin();
    if !is_sign_in || !url.username().is_empty() || url.path() != "/appleauth/signout" {
        return None;
    }
    let mut keys = url.query_pairs().filter(|(name, _)| name == "widgetKey");
    let (_, key) = keys.next()?;
    let is_only = keys.next().is_none();
    (is_only && is_key(&key)).then(|| key.into_owned())
}

fn is_key(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

async fn key_by_config(client: &Client) -> Result<String, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        auth_service_key: String,
    }
    let (path, query) = CONFIG;
    let answer = client
        .request(Method::GET, path)
        .query(query)
        .send()
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status;
    let config: Option<Config> = answer.json().ok().filter(|_| status.is_success());
    config
        .map(|config| config.auth_service_key)
        .filter(|key| !key.is_empty())
        .ok_or_else(|| format!("HTTP {}", status.as_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_taken_only_from_apples_sign_out_address() {
        let key = KNOWN_KEY;
        let url = |text: &str| text.replace("KEY", key);
        let here = Url::parse("http://127.0.0.1:9999").unwrap_or_else(|error| panic!("{error}"));
        // The form is that of the threads and clients that the module names.
        for good in [
            "https://idmsa.apple.com/appleauth/signout?widgetKey=KEY&asop=destroy-session&rv=3",
            "https://idmsa.apple.com/appleauth/signout?rv=3&asop=destroy-session&widgetKey=KEY",
            "https://idmsa.apple.com:443/appleauth/signout?widgetKey=%65KEY#x",
            "http://127.0.0.1:9999/appleauth/signout?widgetKey=KEY",
        ] {
            // `%65` is the first letter of the key.
            let good = url(&good.replace("%65KEY", &format!("%65{}", &key[1..])));
            assert_eq!(key_of(&good, &here).as_deref(), Some(key), "{good}");
        }
        for bad in [
            "http://idmsa.apple.com/appleauth/signout?widgetKey=KEY",
            "https://idmsa.apple.com.example.com/appleauth/signout?widgetKey=KEY",
            "https://user@idmsa.apple.com/appleauth/signout?widgetKey=KEY",
            "https://idmsa.apple.com:444/appleauth/signout?widgetKey=KEY",
            "https://idmsa.apple.com/appleauth/signin?widgetKey=KEY",
            "https://idmsa.apple.com/appleauth/signout?widgetKey=KEYa",
            "https://idmsa.apple.com/appleauth/signout?widgetKey=",
            "https://idmsa.apple.com/appleauth/signout?widgetKey=KEY&widgetKey=KEY",
            "https://idmsa.apple.com/appleauth/signout?asop=destroy-session",
            "/appleauth/signout?widgetKey=KEY",
        ] {
            assert_eq!(key_of(&url(bad), &here), None, "{bad}");
        }
        assert!(!is_key(&key.to_uppercase()));
    }
}
