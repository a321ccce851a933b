//! Sessions with the sandbox.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by tests that use different parts of it; what fails ends the test"
)]

use apple_account::{AppleId, Cookie, Session as Connected};
use apple_sandbox::Sandbox;
use developer_portal::{Hosts, Session, SessionError};
use redaction::Redactor;

/// The Apple ID of the sandbox with these cookies: `DES…` for the trust of a device, `myacinfo` for a session.
pub fn account(password: Option<&str>, cookies: &[(&str, String)]) -> AppleId {
    let cookie = |(name, value): &(&str, String)| Cookie {
        origin: "https://idmsa.apple.com".to_owned(),
        name: (*name).to_owned(),
        value: value.clone().into(),
        path: "/".to_owned(),
        domain: if name.starts_with("DES") {
            "idmsa.apple.com"
        } else {
            "apple.com"
        }
        .to_owned(),
        secure: true,
        expires: None,
        max_age: None,
        http_only: true,
        for_domain: true,
    };
    AppleId {
        // Apple's name for it is in small letters, whatever people write.
        apple_id: "Ada@Example.com".to_owned(),
        password: password.map(Into::into),
        app_specific_password: None,
        session: Some(Connected {
            cookies: cookies.iter().map(cookie).collect(),
            expires_at: None,
        }),
    }
}

/// Opens a session and does something with what came of it.
pub fn open<T>(
    sandbox: &Sandbox,
    account: &AppleId,
    redactor: &Redactor,
    work: impl AsyncFnOnce(Result<Session, SessionError>) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let url = sandbox.url();
        let hosts = Hosts::apple_or(|_| Some(url.as_str())).unwrap();
        work(Session::open(account, hosts, redactor, clock::now()).await).await
    })
}
