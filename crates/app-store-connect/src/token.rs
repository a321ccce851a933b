//! Keys, and the tokens signed with them.
//!
//! Facts: <https://developer.apple.com/documentation/appstoreconnectapi/generating-tokens-for-api-requests>.

use std::sync::{Mutex, PoisonError};

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::signature::{Error as SignatureError, Signer};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use p256::ecdsa::SigningKey;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

/// Apple accepts up to 20 minutes; two less leave room for clocks that differ.
const LIFE_SECONDS: i64 = 18 * 60;

/// A token is renewed this long before it runs out, so that none expires on its way.
const MARGIN_SECONDS: i64 = 60;

/// An API key.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The key ID.
    pub key_id: String,
    /// The issuer ID; `None` for an individual key.
    pub issuer_id: Option<String>,
    /// The private key, PKCS#8 in PEM armour.
    pub private_key: SecretString,
    /// Whether it is a key of the Enterprise Program API, which has its own host and audience.
    pub enterprise: bool,
}

/// Why a key can't sign.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not a P-256 private key.
    #[error("the API key `{key_id}` can't be used: {reason}")]
    Unusable {
        /// The key ID.
        key_id: String,
        /// What is wrong with the private key.
        reason: String,
    },
    /// Signing failed.
    #[error("could not sign a token")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

#[derive(Serialize)]
struct Claims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    /// Individual keys name no issuer, and this subject instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    iat: i64,
    exp: i64,
    aud: &'a str,
}

/// Makes tokens, and keeps the current one until it is about to run out.
#[derive(Debug)]
pub(crate) struct Tokens {
    credentials: Credentials,
    key: EncodingKey,
    current: Mutex<Option<(SecretString, i64)>>,
}

impl Tokens {
    pub(crate) fn new(credentials: Credentials) -> Result<Self, KeyError> {
        install_provider();
        let unusable = |reason: String| KeyError::Unusable {
            key_id: credentials.key_id.clone(),
            reason,
        };
        let secret = p256::SecretKey::from_pkcs8_pem(credentials.private_key.expose_secret())
            .map_err(|error| unusable(error.to_string()))?;
        let der = secret
            .to_pkcs8_der()
            .map_err(|error| unusable(error.to_string()))?;
        let key = EncodingKey::from_ec_der(der.as_bytes());
        Ok(Self {
            credentials,
            key,
            current: Mutex::new(None),
        })
    }

    /// A token that is good at `now` (seconds since 1970).
    pub(crate) fn token(&self, now: i64) -> Result<SecretString, KeyError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, expires)) = &*current
            && now < expires - MARGIN_SECONDS
        {
            return Ok(token.clone());
        }
        let issuer = self.credentials.issuer_id.as_deref();
        let claims = Claims {
            iss: issuer,
            sub: issuer.is_none().then_some("user"),
            iat: now,
            exp: now + LIFE_SECONDS,
            aud: if self.credentials.enterprise {
                "apple-developer-enterprise-v1"
            } else {
                "appstoreconnect-v1"
            },
        };
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.credentials.key_id.clone());
        let token = SecretString::from(encode(&header, &claims, &self.key)?);
        *current = Some((token.clone(), claims.exp));
        Ok(token)
    }

    /// Forgets the current token, so that the next one is fresh.
    pub(crate) fn renew(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// `p256` does the signing: jsonwebtoken's own providers would bring a second copy of it, or C code.
fn install_provider() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| {
            if *algorithm != Algorithm::ES256 {
                return Err(ErrorKind::InvalidAlgorithm.into());
            }
            let key = SigningKey::from_pkcs8_der(key.as_bytes()).map_err(|_| ErrorKind::InvalidEcdsaKey)?;
            Ok(Box::new(Es256(key)))
        },
        verifier_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
        key_utils: KeyUtils::new_unimplemented(),
    };
    // Fails only when it is installed already.
    let _ = PROVIDER.install_default();
}

struct Es256(SigningKey);

impl Signer<Vec<u8>> for Es256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        use p256::ecdsa::signature::Signer as _;
        let signature: p256::ecdsa::Signature =
            self.0.try_sign(message).map_err(|_| SignatureError::new())?;
        Ok(signature.to_bytes().to_vec())
    }
}

impl JwtSigner for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use p256::ecdsa::signature::Verifier as _;
    use p256::pkcs8::LineEnding;

    use super::*;

    fn tokens(issuer_id: Option<&str>, enterprise: bool) -> (Tokens, SigningKey) {
        let key = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        let credentials = Credentials {
            key_id: "KEY1234567".to_owned(),
            issuer_id: issuer_id.map(str::to_owned),
            private_key: pem.to_string().into(),
            enterprise,
        };
        (Tokens::new(credentials).unwrap(), SigningKey::from(key))
    }

    fn part(token: &SecretString, index: usize) -> serde_json::Value {
        let text = token.expose_secret().split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    }

    #[test]
    fn a_team_key_names_its_issuer_and_an_individual_key_its_user() {
        let (team, _) = tokens(Some("issuer"), false);
        let token = team.token(1_000).unwrap();
        assert_eq!(part(&token, 0)["kid"], "KEY1234567");
        let claims =
            serde_json::json!({"iss": "issuer", "iat": 1000, "exp": 2080, "aud": "appstoreconnect-v1"});
        assert_eq!(part(&token, 1), claims);
        let claims = part(&tokens(None, true).0.token(0).unwrap(), 1);
        assert_eq!(
            (&claims["sub"], &claims["aud"]),
            (&"user".into(), &"apple-developer-enterprise-v1".into())
        );
    }

    #[test]
    fn the_signature_is_that_of_the_key() {
        let (team, key) = tokens(Some("issuer"), false);
        let token = team.token(1_000).unwrap();
        let (message, signature) = token.expose_secret().rsplit_once('.').unwrap();
        let signature =
            p256::ecdsa::Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        key.verifying_key()
            .verify(message.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn a_token_is_kept_until_it_is_about_to_run_out() {
        let (team, _) = tokens(Some("issuer"), false);
        let first = team.token(0).unwrap();
        assert_eq!(first.expose_secret(), team.token(1_000).unwrap().expose_secret());
        assert_ne!(first.expose_secret(), team.token(1_030).unwrap().expose_secret());
    }
}
