//! Signing identities, provisioning profiles, and keychains.
//!
//! Reads `.p12` files and provisioning profiles as Apple, OpenSSL and Java write them, and installs both
//! where Xcode looks for them. It calls no API.

mod authority;
mod ber;
mod certificate;
mod install;
mod key;
mod keychain;
mod p12;
mod pkcs12;
mod profile;

pub use authority::{AUTHORITIES, Authority, authority_of};
pub use certificate::{Certificate, CertificateError, CertificateKind};
pub use install::{InstallError, ProfileDirectories};
pub use key::{PrivateKey, PrivateKeyError};
pub use keychain::{Keychain, KeychainError};
pub use p12::{Identity, P12Error, read_p12};
pub use profile::{Profile, ProfileError};
