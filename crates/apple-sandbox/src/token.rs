//! Tokens for people with curl: what a client of the App Store Connect API signs for itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::json;
use time::OffsetDateTime;

use crate::state::State;

/// How long a token is good, in seconds; Apple accepts twenty minutes.
const LIFE: i64 = 19 * 60;

/// A token that the sandbox accepts; `None` where the state holds no usable key.
pub(crate) fn sign(state: &State) -> Option<String> {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let audience = if state.enterprise {
        "apple-developer-enterprise-v1"
    } else {
        "appstoreconnect-v1"
    };
    let mut claims = json!({"iat": now, "exp": now + LIFE, "aud": audience});
    match &state.issuer_id {
        Some(issuer) => claims["iss"] = issuer.as_str().into(),
        None => claims["sub"] = "user".into(),
    }
    let head = json!({"alg": "ES256", "kid": state.key_id, "typ": "JWT"});
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!(
        "{}.{}",
        encode(head.to_string().as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    let key = SigningKey::from_pkcs8_pem(&state.private_key).ok()?;
    let signature: Signature = key.sign(signed.as_bytes());
    Some(format!("{signed}.{}", encode(&signature.to_bytes())))
}
