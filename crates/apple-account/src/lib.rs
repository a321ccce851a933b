//! Which Apple developer account, and from where.
//!
//! Bitrise keeps the accounts that are connected to an app and hands them to builds; steps also take
//! credentials as inputs. [`find`] reads both, decides which account is used, and says why the others are not.

mod connection;
mod credentials;
mod file;
mod find;
mod ids;
mod key;
mod source;

use secrecy::SecretString;
use time::OffsetDateTime;

pub use connection::{Connection, ConnectionError, TestDevice};
pub use credentials::{CredentialProblem, InputCredentials, KeyInput};
pub use file::{FileError, read as read_file};
pub use find::{FindError, Found, Renewal, Request, find};
pub use ids::IssuerError;
pub use key::{KeyError, PrivateKey, RsaKeyError, key_id_of, read as read_key, read_rsa as read_rsa_key};
pub use source::{Selection, Source};

/// An App Store Connect API key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The key ID.
    pub key_id: String,
    /// The issuer ID; `None` for an individual key.
    pub issuer_id: Option<String>,
    /// The private key: P-256, PKCS#8, PEM.
    pub private_key: SecretString,
    /// Whether it belongs to the Enterprise Program.
    pub enterprise: bool,
}

/// An Apple developer account: what signs in.
#[derive(Debug, Clone)]
pub enum Account {
    /// By API key.
    ApiKey(ApiKey),
    /// By Apple ID.
    AppleId(AppleId),
}

/// An Apple ID.
#[derive(Debug, Clone)]
pub struct AppleId {
    /// The Apple ID, an e-mail address.
    pub apple_id: String,
    /// Its password.
    pub password: Option<SecretString>,
    /// An app-specific password.
    pub app_specific_password: Option<SecretString>,
    /// A session in which the second factor was given.
    pub session: Option<Session>,
}

/// A signed-in session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its cookies, of all hosts; none where Bitrise knows only when it ended.
    pub cookies: Vec<Cookie>,
    /// When it ends.
    pub expires_at: Option<OffsetDateTime>,
}

/// A cookie of a session.
#[derive(Debug, Clone)]
pub struct Cookie {
    /// Where it was set, such as `https://idmsa.apple.com`.
    pub origin: String,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: SecretString,
    /// The path that it is for.
    pub path: String,
    /// The domain that it is for.
    pub domain: String,
    /// Whether it travels over TLS only.
    pub secure: bool,
    /// When it ends, as Bitrise noted it.
    pub expires: Option<String>,
    /// How long it lives, in seconds.
    pub max_age: Option<i64>,
    /// Whether scripts can't see it.
    pub http_only: bool,
    /// Whether it is for subdomains too.
    pub for_domain: bool,
}
