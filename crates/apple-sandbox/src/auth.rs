//! Whether a request's token is one that Apple would accept.
//!
//! Facts: Apple's "Generating Tokens for API Requests": ES256, `kid`, `iss` or `sub: user`, `aud`, and a life
//! of twenty minutes at most.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::Value;
use time::OffsetDateTime;

use crate::answer::Refusal;
use crate::state::State;

/// The longest life of a token, in seconds.
const LONGEST: i64 = 20 * 60;

/// How far the clock of a client may be ahead where it does not say when it issued a token, in seconds: some round up.
const SKEW: i64 = 5;

/// Checks an `Authorization` header.
pub(crate) fn check(header: Option<&str>, state: &State) -> Result<(), Refusal> {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    match problem(header, state, now) {
        None => Ok(()),
        Some(reason) => Err(Refusal::unauthorized_since(reason)),
    }
}

/// What is wrong with the header. No secret is in the words: a token's claims are none, its signature is not shown.
fn problem(header: Option<&str>, state: &State, now: i64) -> Option<String> {
    let Some(header) = header else {
        return Some("there is no Authorization header".to_owned());
    };
    let Some((_, token)) = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
    else {
        return Some("the Authorization header has no bearer token".to_owned());
    };
    let parts: Vec<&str> = token.trim().split('.').collect();
    let [head, claims, signature] = parts.as_slice() else {
        return Some("the token is no JWT of three parts".to_owned());
    };
    let json =
        |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let (Some(head_json), Some(claims_json)) = (json(head), json(claims)) else {
        return Some("the token's header or claims are no JSON in base64url".to_owned());
    };
    if head_json["alg"] != "ES256" {
        return Some(format!("`alg` is {}, and has to be ES256", head_json["alg"]));
    }
    if head_json["kid"] != state.key_id.as_str() {
        return Some(format!(
            "`kid` is {}, and the key's ID is {}",
            head_json["kid"], state.key_id
        ));
    }
    match &state.issuer_id {
        Some(issuer) if claims_json["iss"] != issuer.as_str() => {
            return Some(format!(
                "`iss` is {}, and the team's issuer ID is {issuer}",
                claims_json["iss"]
            ));
        }
        Some(_) if !claims_json["sub"].is_null() => {
            return Some("`sub` is for individual keys, and the key is a team's".to_owned());
        }
        None if claims_json["sub"] != "user" || !claims_json["iss"].is_null() => {
            return Some("an individual key's token has `sub` of \"user\" and no `iss`".to_owned());
        }
        _ => {}
    }
    let audience = if state.enterprise {
        "apple-developer-enterprise-v1"
    } else {
        "appstoreconnect-v1"
    };
    // Libraries such as golang-jwt write the one audience as an array, which RFC 7519 allows (4.1.3).
    let is_for_us = match &claims_json["aud"] {
        Value::Array(all) => all.iter().any(|one| one == audience),
        one => one == audience,
    };
    if !is_for_us {
        return Some(format!(
            "`aud` is {}, and has to be {audience}",
            claims_json["aud"]
        ));
    }
    if let Some(reason) = bad_time(&claims_json, now) {
        return Some(reason);
    }
    let verified = SigningKey::from_pkcs8_pem(&state.private_key)
        .ok()
        .and_then(|key| {
            let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
            let signed = format!("{head}.{claims}");
            VerifyingKey::from(&key)
                .verify(signed.as_bytes(), &signature)
                .ok()
        });
    verified.is_none().then(|| {
        "the signature is not the key's, or is not in the form of a JWT (r and s, 64 bytes)".to_owned()
    })
}

/// What is wrong with a token's times. Apple takes tokens that do not say when they were issued (six of ten clients send
/// none); the life of the others counts from then.
fn bad_time(claims: &Value, now: i64) -> Option<String> {
    let time = |name: &str| {
        let value = &claims[name];
        // Some libraries write a fraction.
        value
            .as_i64()
            .or_else(|| value.as_f64().map(|seconds| seconds as i64))
    };
    let Some(expires) = time("exp") else {
        return Some("`exp` is missing, or no number".to_owned());
    };
    if expires <= now {
        return Some(format!("the token expired {} s ago", now - expires));
    }
    let issued = time("iat");
    if issued.is_none() && !claims["iat"].is_null() {
        return Some("`iat` is no number".to_owned());
    }
    if let Some(issued) = issued.filter(|issued| *issued > now + 60) {
        return Some(format!("`iat` is {} s in the future", issued - now));
    }
    let life = match issued {
        Some(issued) => expires - issued,
        None => expires - now - SKEW,
    };
    (life > LONGEST).then(|| format!("the token lives {life} s, and Apple takes {LONGEST} s at most"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_twenty_minutes_count_from_the_time_of_issue_where_there_is_one() {
        for (claims, right) in [
            (json!({"exp": 2200}), true),
            // A client that rounds up, or whose clock is a little ahead.
            (json!({"exp": 2205}), true),
            (json!({"exp": 2206}), false),
            (json!({"exp": 2200.5}), true),
            (json!({"iat": 1000, "exp": 2200}), true),
            (json!({"iat": 900, "exp": 2150}), false),
            (json!({"iat": 900, "exp": 2100}), true),
            (json!({"iat": 1060, "exp": 2260}), true),
            (json!({"iat": 1061, "exp": 2000}), false),
            (json!({"iat": "900", "exp": 2000}), false),
            (json!({"exp": 1000}), false),
            (json!({"iat": 1000}), false),
            (json!({"exp": "2000"}), false),
        ] {
            assert_eq!(bad_time(&claims, 1000).is_none(), right, "{claims}");
        }
    }
}
