//! Replays a support trace: the answers that a run got, in the order in which it got them.
//!
//! What was masked is filled in with the sandbox's own: the API key, the password, the sign-in, for which there is no
//! recording that another client could use. Files of certificates are no part of a trace; a run against the replay needs
//! `.p12` files of its own.

use std::collections::HashMap;

use anyhow::Context as _;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support_trace::{Event, Exchange, Run};

use crate::account::SeedAppleId;
use crate::answer::answer;
use crate::state::State;

/// What stands where a secret was.
const MASK: &str = "[REDACTED]";

/// Where Bitrise says which account is connected.
const CONNECTION: &str = "/apple_developer_portal_data.json";

/// A trace that is played again.
#[derive(Debug)]
pub struct Replay {
    /// Which step ran.
    pub run: Run,
    exchanges: Vec<Exchange>,
    /// How often each of them was answered.
    served: Vec<u32>,
    /// Where the recorded run met Apple and Bitrise.
    origins: Vec<String>,
}

/// What the replay does with a request.
pub(crate) enum Answered {
    /// A recorded answer.
    Recorded(Response),
    /// No answer came: the connection broke.
    Broken,
    /// The sandbox itself answers.
    Sandbox,
}

impl Replay {
    /// Reads a trace.
    ///
    /// # Errors
    /// When it is none, or of a later version.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut events = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(number, line)| {
                serde_json::from_str::<Event>(line)
                    .with_context(|| format!("line {} is no event of a support trace", number + 1))
            });
        let Some(Event::Run(run)) = events.next().transpose()? else {
            anyhow::bail!("the first line of a support trace says which step ran; this one does not");
        };
        anyhow::ensure!(
            run.trace <= support_trace::VERSION,
            "the trace has the format {}; this sandbox reads formats up to {}",
            run.trace,
            support_trace::VERSION
        );
        let mut exchanges = Vec::new();
        for event in events {
            if let Event::Exchange(exchange) = event? {
                exchanges.push(exchange);
            }
        }
        let mut origins: Vec<String> = exchanges.iter().map(|one| one.origin.clone()).collect();
        origins.retain(|origin| !origin.is_empty());
        // The longest first: one may be the beginning of another.
        origins.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        origins.dedup();
        Ok(Self {
            run,
            served: vec![0; exchanges.len()],
            exchanges,
            origins,
        })
    }

    /// How many exchanges there are.
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// The answer to a request: that of the same request which was given least often, or of one to the same path.
    pub(crate) fn answer(&mut self, request: &Asked<'_>, state: &State) -> Answered {
        if is_sign_in(request.path) {
            return Answered::Sandbox;
        }
        let Some(index) = self.find(request) else {
            return Answered::Recorded(unknown(request));
        };
        self.served[index] += 1;
        let exchange = &self.exchanges[index];
        let Some(status) = exchange.status else {
            return Answered::Broken;
        };
        let mut text = exchange.answer.clone();
        for origin in &self.origins {
            text = text.replace(origin.as_str(), request.base);
        }
        if request.path.ends_with(CONNECTION) {
            text = filled_in(&text, state);
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        let file = Some(&exchange.answer_base64).filter(|text| !text.is_empty());
        let mut response = match file.and_then(|text| STANDARD.decode(text).ok()) {
            Some(bytes) => (status, bytes).into_response(),
            None => (status, text).into_response(),
        };
        response.headers_mut().remove("content-type");
        for (name, value) in &exchange.headers {
            for value in value.lines() {
                let value = self.origins.iter().fold(value.to_owned(), |value, origin| {
                    value.replace(origin, request.base)
                });
                if let (Ok(name), Ok(value)) = (
                    HeaderName::from_bytes(name.as_bytes()),
                    HeaderValue::from_str(&value),
                ) {
                    response.headers_mut().append(name, value);
                }
            }
        }
        Answered::Recorded(response)
    }

    /// Lets the sandbox's own sign-in, which takes the recorded one's place, end as that did: with or without a second
    /// factor, for the Apple ID of the recording.
    pub(crate) fn adopt_sign_in(&self, seed: &mut SeedAppleId) {
        let ended = self
            .exchanges
            .iter()
            .rfind(|one| one.path == "/appleauth/auth/signin/complete");
        if let Some(status) = ended.and_then(|one| one.status) {
            seed.second_factor = status == 409;
        }
        let connection = self
            .exchanges
            .iter()
            .find(|one| one.path.ends_with(CONNECTION))
            .and_then(|one| serde_json::from_str::<Value>(&one.answer).ok());
        if let Some(name) = connection
            .as_ref()
            .and_then(|document| document["apple_id"].as_str())
            && name != MASK
        {
            name.clone_into(&mut seed.name);
        }
    }

    fn find(&self, request: &Asked<'_>) -> Option<usize> {
        let same_path = |one: &Exchange| one.method == request.method && one.path == request.path;
        let same = |one: &Exchange| {
            same_path(one)
                && pairs(&one.query) == pairs(request.query)
                && (one.body == request.body || one.body.contains(MASK))
        };
        let indices = || 0..self.exchanges.len();
        // Of equals, the first that was served least: a run that asks more often than the recorded one gets the last
        // answer again.
        let next = |is: &dyn Fn(&Exchange) -> bool| {
            let all: Vec<usize> = indices().filter(|index| is(&self.exchanges[*index])).collect();
            all.iter()
                .find(|index| self.served[**index] == 0)
                .or(all.last())
                .copied()
        };
        next(&same).or_else(|| next(&same_path))
    }
}

/// A request to a replay.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a str,
    /// Where the replay is, for links.
    pub(crate) base: &'a str,
}

/// Sign-in is an exchange of numbers that are good once: the sandbox's own takes its place.
fn is_sign_in(path: &str) -> bool {
    path.starts_with("/appleauth/") || path == "/logout" || path.starts_with("/files/")
}

fn pairs(query: &str) -> HashMap<String, String> {
    crate::form::pairs(query)
        .into_iter()
        // A signature is masked on one side.
        .filter(|(_, value)| value != MASK)
        .filter(|(name, _)| name != "signature")
        .collect()
}

/// Bitrise's document, with the sandbox's own secrets where there were some.
fn filled_in(text: &str, state: &State) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    for (name, own) in [
        ("private_key", state.private_key.as_str()),
        ("password", state.apple_id.seed.password.as_str()),
        ("app_specific_password", "abcd-efgh-ijkl-mnop"),
    ] {
        if document[name] == MASK {
            document[name] = own.into();
        }
    }
    document.to_string()
}

fn unknown(request: &Asked<'_>) -> Response {
    let detail = format!("The trace has no {} {}.", request.method, request.path);
    let error = serde_json::json!({
        "id": "5a5a5a5a-0000-4000-8000-000000000000",
        "status": "501",
        "code": "SANDBOX.NOT_IN_TRACE",
        "title": "The recorded run made no such request",
        "detail": detail,
    });
    answer(501, &serde_json::json!({"errors": [error]}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    const TRACE: &str = concat!(
        r#"{"event":"run","trace":1,"step":"A step","version":"1","left_out":0}"#,
        "\n",
        r#"{"event":"exchange","method":"GET","origin":"https://api.example.com","path":"/v1/apps","query":"limit=1","status":200,"headers":{"content-type":"application/json"},"answer":"{\"links\":{\"next\":\"https://api.example.com/v1/apps?cursor=2\"}}","milliseconds":3}"#,
        "\n",
        r#"{"event":"exchange","method":"GET","origin":"https://api.example.com","path":"/v1/apps","query":"limit=1","status":500,"answer":"later","milliseconds":3}"#,
        "\n",
        r#"{"event":"exchange","method":"POST","origin":"https://api.example.com","path":"/v1/devices","status":null,"milliseconds":3}"#,
        "\n",
        r#"{"event":"process","command":"envman add","ended":"0","stdout":"","stderr":"","milliseconds":3}"#,
        "\n",
    );

    fn asked<'a>(method: &'a str, path: &'a str, query: &'a str) -> Asked<'a> {
        Asked {
            method,
            path,
            query,
            body: "",
            base: "http://127.0.0.1:1",
        }
    }

    async fn text(answered: Answered) -> (u16, String) {
        let Answered::Recorded(response) = answered else {
            return (0, String::new());
        };
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn answers_come_in_their_order_and_the_last_one_stays() {
        let state = Seed::default().state().unwrap();
        let mut replay = Replay::parse(TRACE).unwrap();
        let first = text(replay.answer(&asked("GET", "/v1/apps", "limit=1"), &state)).await;
        assert_eq!(
            first,
            (
                200,
                r#"{"links":{"next":"http://127.0.0.1:1/v1/apps?cursor=2"}}"#.to_owned()
            )
        );
        for _ in 0..2 {
            let later = text(replay.answer(&asked("GET", "/v1/apps", "limit=1"), &state)).await;
            assert_eq!(later, (500, "later".to_owned()));
        }
        assert_eq!(
            text(replay.answer(&asked("GET", "/v1/builds", ""), &state))
                .await
                .0,
            501
        );
        assert!(matches!(
            replay.answer(&asked("POST", "/v1/devices", ""), &state),
            Answered::Broken
        ));
    }

    #[test]
    fn a_sign_in_ends_as_the_recorded_one() {
        let sign_in = |status: u16| {
            format!(
                "{}\n{}\n{}\n",
                TRACE.lines().next().unwrap(),
                r#"{"event":"exchange","method":"GET","origin":"https://app.bitrise.io","path":"/app/1/build/2/apple_developer_portal_data.json","status":200,"answer":"{\"apple_id\":\"grace@example.com\"}","milliseconds":3}"#,
                r#"{"event":"exchange","method":"POST","origin":"https://idmsa.apple.com","path":"/appleauth/auth/signin/complete","status":STATUS,"answer":"{}","milliseconds":3}"#
                    .replace("STATUS", &status.to_string()),
            )
        };
        for (status, second_factor) in [(200, false), (409, true)] {
            let mut seed = SeedAppleId::default();
            Replay::parse(&sign_in(status)).unwrap().adopt_sign_in(&mut seed);
            assert_eq!(
                (seed.second_factor, seed.name.as_str()),
                (second_factor, "grace@example.com")
            );
        }
        let mut seed = SeedAppleId::default();
        Replay::parse(TRACE).unwrap().adopt_sign_in(&mut seed);
        assert_eq!(seed, SeedAppleId::default());
    }

    #[test]
    fn what_is_no_trace_is_refused_with_its_line() {
        for (text, words) in [
            ("", "which step ran"),
            ("{}", "line 1"),
            (
                r#"{"event":"run","trace":99,"step":"","version":"","left_out":0}"#,
                "format 99",
            ),
        ] {
            let error = format!("{:#}", Replay::parse(text).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
        let broken = format!("{}\nnonsense\n", TRACE.lines().next().unwrap());
        assert!(format!("{:#}", Replay::parse(&broken).unwrap_err()).contains("line 2"));
    }
}
