//! Sessions against the sandbox, which checks the proof of the password, the stamp and the cookies.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod common;

use apple_sandbox::{Sandbox, Seed, SeedAppleId};
use common::{account, open};
use developer_portal::{Session, SessionError, answer::Refusal, choose};
use redaction::Redactor;

fn start(apple_id: SeedAppleId) -> Sandbox {
    Sandbox::start(&Seed {
        apple_id,
        ..Seed::default()
    })
    .unwrap()
}

fn asked(sandbox: &Sandbox) -> Vec<String> {
    let state = sandbox.state();
    let line = |request: &apple_sandbox::Logged| format!("{} {}", request.method, request.path);
    state.requests.iter().map(line).collect()
}

/// How often a password was tried.
fn attempts(sandbox: &Sandbox) -> usize {
    asked(sandbox)
        .iter()
        .filter(|line| line.ends_with("/signin/complete"))
        .count()
}

fn password(sandbox: &Sandbox) -> String {
    sandbox.state().apple_id.seed.password.clone()
}

fn session(sandbox: &Sandbox) -> (&'static str, String) {
    ("myacinfo", sandbox.state().apple_id.sessions()[0].clone())
}

fn trust(sandbox: &Sandbox) -> (&'static str, String) {
    ("DES5a", sandbox.state().apple_id.trust().to_owned())
}

async fn opened(outcome: Result<Session, SessionError>) -> Session {
    outcome.unwrap()
}

#[test]
fn a_session_that_holds_needs_no_password() {
    let sandbox = start(SeedAppleId {
        on_app_store_connect: false,
        ..SeedAppleId::default()
    });
    let account = account(None, &[session(&sandbox)]);
    let session = open(&sandbox, &account, &Redactor::new(), opened);
    assert!(!session.signed_in());
    assert_eq!(choose(session.teams(), None).unwrap().team_id, "SBXTEAM123");
    assert_eq!(session.on_app_store_connect(), Some(false));
    let mut asked = asked(&sandbox);
    asked.sort();
    assert_eq!(
        asked,
        [
            "GET /olympus/v1/session",
            "POST /services-account/QH65B2/account/listTeams.action"
        ]
    );
}

#[test]
fn a_session_that_has_ended_is_renewed_with_the_password_and_the_trusted_device() {
    for protocol in ["s2k", "s2k_fo"] {
        let sandbox = start(SeedAppleId {
            protocol: protocol.to_owned(),
            ..SeedAppleId::default()
        });
        let cookies = [session(&sandbox), trust(&sandbox)];
        sandbox.state().apple_id.end_sessions();
        let account = account(Some(&password(&sandbox)), &cookies);
        let redactor = Redactor::new();
        let session = open(&sandbox, &account, &redactor, opened);
        assert!(session.signed_in());
        assert!(session.notes()[0].contains("does not accept the connected session"));
        assert_eq!(session.on_app_store_connect(), Some(true));
        assert_eq!(attempts(&sandbox), 1);
        // What Apple set in the meantime is a secret from the start.
        let fresh = sandbox.state().apple_id.sessions()[0].clone();
        assert!(!redactor.redact(&fresh).contains(&fresh));
    }
}

#[test]
fn refusals_are_told_apart_and_never_tried_again() {
    let keyed = SeedAppleId {
        security_key: true,
        ..SeedAppleId::default()
    };
    let steps = SeedAppleId {
        second_factor: false,
        required_steps: vec!["hsa2_enrollment".to_owned(), "terms".to_owned()],
        ..SeedAppleId::default()
    };
    let locked = SeedAppleId {
        locked: true,
        ..SeedAppleId::default()
    };
    for (apple_id, given, expected) in [
        (SeedAppleId::default(), Some("wrong"), Refusal::WrongPassword),
        (SeedAppleId::default(), None, Refusal::SecondFactor),
        (keyed, None, Refusal::SecurityKey),
        (locked, None, Refusal::Locked),
        (steps, None, Refusal::Steps(vec!["terms".to_owned()])),
    ] {
        let sandbox = start(apple_id);
        let right = password(&sandbox);
        let account = account(Some(given.unwrap_or(&right)), &[]);
        let error = open(&sandbox, &account, &Redactor::new(), async |outcome| {
            outcome.unwrap_err()
        });
        let SessionError::Refused { source, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*source, expected);
        assert_eq!(attempts(&sandbox), 1, "{expected}");
    }
}

#[test]
fn an_ended_session_without_a_password_is_told_apart() {
    let sandbox = start(SeedAppleId::default());
    let account = account(None, &[session(&sandbox)]);
    sandbox.state().apple_id.end_sessions();
    let error = open(&sandbox, &account, &Redactor::new(), async |outcome| {
        outcome.unwrap_err()
    });
    assert!(matches!(error, SessionError::NoPassword(_)), "{error}");
}

/// What asked for the sign-in key, in its order.
fn key_requests(sandbox: &Sandbox) -> Vec<String> {
    let mut asked = asked(sandbox);
    asked.retain(|line| line.contains("/logout") || line.contains("/app/config"));
    asked
}

#[test]
fn the_key_comes_from_the_redirect_of_the_sign_out_which_gets_no_cookies() {
    let sandbox = start(SeedAppleId::default());
    let account = account(Some(&password(&sandbox)), &[trust(&sandbox)]);
    // A session of somebody else, which a sign-out with its cookies would end.
    let others = sandbox.state().apple_id.sessions()[0].clone();
    let session = open(&sandbox, &account, &Redactor::new(), opened);
    assert!(session.signed_in());
    assert_eq!(key_requests(&sandbox), ["GET /logout"]);
    assert!(sandbox.state().apple_id.sessions().contains(&others));
}

#[test]
fn without_the_redirect_the_key_comes_from_the_old_address_and_at_last_from_memory() {
    for (era, key_in_config) in [
        (apple_sandbox::Era::June2025, true),
        (apple_sandbox::Era::June2025, false),
    ] {
        let sandbox = Sandbox::start(&Seed {
            apple: era,
            ..Seed::default()
        })
        .unwrap();
        sandbox.state().switches.key_in_config = key_in_config;
        let account = account(Some(&password(&sandbox)), &[trust(&sandbox)]);
        let session = open(&sandbox, &account, &Redactor::new(), opened);
        assert!(session.signed_in());
        assert_eq!(
            key_requests(&sandbox),
            ["GET /logout", "GET /olympus/v1/app/config"]
        );
    }
}

#[test]
fn cookies_of_an_ended_session_are_not_sent_along_with_a_sign_in() {
    let sandbox = start(SeedAppleId::default());
    let cookies = [session(&sandbox), trust(&sandbox)];
    sandbox.state().apple_id.end_sessions();
    let account = account(Some(&password(&sandbox)), &cookies);
    let session = open(&sandbox, &account, &Redactor::new(), opened);
    assert_eq!(session.on_app_store_connect(), Some(true));
    {
        let state = sandbox.state();
        let sessions = state.apple_id.sessions();
        assert!(!sessions.is_empty() && sessions.iter().all(|one| !state.apple_id.is_tainted(one)));
    }
    assert_eq!(attempts(&sandbox), 1);
}

#[test]
fn a_session_that_app_store_connect_refuses_is_opened_a_second_time_and_no_third() {
    let sandbox = start(SeedAppleId::default());
    sandbox.fail(apple_sandbox::Fault::always(
        "GET /olympus/v1/session",
        apple_sandbox::Kind::Unauthorized,
    ));
    let account = account(Some(&password(&sandbox)), &[trust(&sandbox)]);
    let session = open(&sandbox, &account, &Redactor::new(), opened);
    // The portal decides; App Store Connect only says what it is good for.
    assert_eq!(session.on_app_store_connect(), Some(false));
    assert!(
        session
            .notes()
            .iter()
            .any(|note| note.contains("signed in a second time"))
    );
    assert_eq!(attempts(&sandbox), 2);
}

#[test]
fn a_postponed_invitation_is_no_reason_to_sign_in_twice() {
    let sandbox = start(SeedAppleId {
        second_factor: false,
        required_steps: vec!["hsa2_enrollment".to_owned()],
        ..SeedAppleId::default()
    });
    sandbox.fail(apple_sandbox::Fault::always(
        "GET /olympus/v1/session",
        apple_sandbox::Kind::Unauthorized,
    ));
    let account = account(Some(&password(&sandbox)), &[]);
    let session = open(&sandbox, &account, &Redactor::new(), opened);
    assert_eq!((session.signed_in(), attempts(&sandbox)), (true, 1));
}

#[test]
fn a_right_password_ends_the_count_of_wrong_ones() {
    let sandbox = start(SeedAppleId::default());
    let right = password(&sandbox);
    let trust = [trust(&sandbox)];
    for _ in 0..2 {
        for _ in 0..4 {
            let wrong = account(Some("wrong"), &trust);
            open(&sandbox, &wrong, &Redactor::new(), async |outcome| {
                outcome.map(drop)
            })
            .unwrap_err();
        }
        let account = account(Some(&right), &trust);
        open(&sandbox, &account, &Redactor::new(), opened);
    }
    assert_eq!(sandbox.state().apple_id.failures(), 0);
}
