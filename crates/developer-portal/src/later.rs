//! HTTP 412: Apple invites the account's owner to do something first. An invitation to turn two-factor authentication on
//! may be answered later; everything else only its owner can answer.

use secrecy::SecretString;
use serde::Deserialize;
use transport::{Method, Response};

use crate::answer;
use crate::jar::Host;
use crate::session::{Session, SessionError};

/// The only thing that may wait.
const ENROLMENT: &str = "hsa2_enrollment";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    required_steps: Vec<String>,
}

impl Session {
    /// Answers "later" to the invitation that came with `refusal`.
    ///
    /// # Errors
    /// With what Apple asks for, where that can't wait.
    pub(crate) async fn answer_later(&self, refusal: &Response) -> Result<(), SessionError> {
        let person = || self.refused(answer::Refusal::Interaction);
        let carried = |answer: &Response, name: &str| -> Option<SecretString> {
            answer.header(name).map(|text| {
                self.redactor.learn(text);
                text.into()
            })
        };
        let (Some(location), Some(id), Some(repair)) = (
            refusal.header("location"),
            carried(refusal, "x-apple-id-session-id"),
            carried(refusal, "x-apple-repair-session-token"),
        ) else {
            return Err(person());
        };
        let Some(key) = widget_key(location) else {
            return Err(person());
        };
        let page = self.account_pages.request(Method::GET, location);
        let opened = self.send(Host::Account, "/", page).await?;
        let request = |method, path: &'static str, scnt: &SecretString, token: &SecretString| {
            self.account_pages
                .request(method, path)
                .header("X-Apple-Widget-Key", &key)
                .header("X-Requested-With", &"XMLHttpRequest".into())
                .header("Accept", &"application/json, text/javascript".into())
                .header("X-Apple-Skip-Repair-Attributes", &"[]".into())
                .header("X-Apple-Id-Session-Id", &id)
                .header("scnt", scnt)
                .header("X-Apple-Session-Token", token)
        };
        let scnt = carried(&opened, "scnt")
            .or_else(|| carried(refusal, "scnt"))
            .unwrap_or_default();
        let path = "/account/manage/repair/options";
        let options = self
            .send(Host::Account, path, request(Method::GET, path, &scnt, &repair))
            .await?;
        let asked: Options = options.json().unwrap_or_default();
        let mut others = asked.required_steps;
        others.retain(|step| step != ENROLMENT);
        if !others.is_empty() {
            return Err(self.refused(answer::Refusal::Steps(others)));
        }
        let scnt = carried(&options, "scnt").unwrap_or(scnt);
        let token = carried(&options, "x-apple-session-token").unwrap_or(repair);
        let path = "/account/security/upgrade/setuplater";
        self.send(Host::Account, path, request(Method::GET, path, &scnt, &token))
            .await?;
        let path = "/appleauth/auth/repair/complete";
        let done = self
            .sign_in
            .request(Method::POST, path)
            .header("X-Apple-Widget-Key", &key)
            .header("X-Requested-With", &"XMLHttpRequest".into())
            .header("Accept", &"application/json;charset=utf-8".into())
            .header("Content-Type", &"application/json".into())
            .header("X-Apple-Id-Session-Id", &id)
            .header("scnt", &carried(refusal, "scnt").unwrap_or_default())
            .header("X-Apple-Repair-Session-Token", &token);
        let done = self.send(Host::SignIn, path, done).await?;
        if done.status.is_success() {
            Ok(())
        } else {
            Err(person())
        }
    }
}

/// The key in the query of the page that Apple points to.
fn widget_key(location: &str) -> Option<SecretString> {
    let (_, query) = location.split_once('?')?;
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("widgetKey="))?;
    (!value.is_empty()).then(|| value.into())
}
