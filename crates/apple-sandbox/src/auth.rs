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

/// Checks an `Authorization` header.
pub(crate) fn check(header: Option<&str>, state: &State) -> Result<(), Refusal> {
    match problem(header, state) {
        None => Ok(()),
        Some(_) => Err(Refusal::unauthorized()),
    }
}

/// What is wrong with the header.
fn problem(header: Option<&str>, state: &State) -> Option<&'static str> {
    let Some(token) = header.and_then(|header| header.strip_prefix("Bearer ")) else {
        return Some("there is no bearer token");
    };
    let parts: Vec<&str> = token.split('.').collect();
    let [head, claims, signature] = parts.as_slice() else {
        return Some("it is no token");
    };
    let json =
        |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let (Some(head_json), Some(claims_json)) = (json(head), json(claims)) else {
        return Some("it is not JSON");
    };
    if head_json["alg"] != "ES256" || head_json["kid"] != state.key_id.as_str() {
        return Some("algorithm or key ID is another one");
    }
    let signer_is_right = match &state.issuer_id {
        Some(issuer) => claims_json["iss"] == issuer.as_str() && claims_json["sub"].is_null(),
        None => claims_json["sub"] == "user" && claims_json["iss"].is_null(),
    };
    if !signer_is_right {
        return Some("the issuer is another one");
    }
    let audience = if state.enterprise {
        "apple-developer-enterprise-v1"
    } else {
        "appstoreconnect-v1"
    };
    if claims_json["aud"] != audience {
        return Some("the audience is another one");
    }
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let (Some(issued), Some(expires)) = (claims_json["iat"].as_i64(), claims_json["exp"].as_i64()) else {
        return Some("it does not say when it ends");
    };
    if expires <= now || expires - now > LONGEST || issued > now + 60 {
        return Some("its time is over, or too long");
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
    verified.is_none().then_some("the signature is wrong")
}
