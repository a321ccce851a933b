//! Private keys of the App Store Connect API, as people and environments write them.

use base64::Engine as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use secrecy::{ExposeSecret as _, SecretString};

/// Why a text is no usable key. The text itself is never in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is another kind of key.
    #[error(
        "the private key is {0}; expected the .p8 file as downloaded from App Store Connect (PKCS#8, P-256)"
    )]
    Wrong(&'static str),
    /// The file's name does not say the key ID.
    #[error(
        "the file name `{0}` does not tell the key ID; expected `AuthKey_<key ID>.p8`, as downloaded from App Store Connect"
    )]
    Name(String),
}

/// The key in plain PEM: escaped line breaks, indentation, base64 around it and missing armour are undone.
///
/// # Errors
/// When it is no P-256 key in PKCS#8, with what it is instead.
pub fn normalised(text: &SecretString) -> Result<SecretString, KeyError> {
    let mut text = text.expose_secret().trim().replace("\\n", "\n");
    if !text.contains("-----") {
        let packed: String = text.split_whitespace().collect();
        // The armour may be inside the base64, or have got lost.
        let decoded = base64::engine::general_purpose::STANDARD.decode(&packed).ok();
        text = match decoded
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|inner| inner.contains("-----BEGIN"))
        {
            Some(inner) => inner,
            None => format!("-----BEGIN PRIVATE KEY-----\n{packed}\n-----END PRIVATE KEY-----\n"),
        };
    }
    if text.contains("BEGIN EC PRIVATE KEY") {
        return Err(KeyError::Wrong("an EC key in SEC1 form"));
    }
    if text.contains("BEGIN RSA PRIVATE KEY") || text.contains("BEGIN CERTIFICATE") {
        return Err(KeyError::Wrong("an RSA key or a certificate"));
    }
    let body: String = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----") && !line.contains(':'))
        .collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(body)
        .map_err(|_| KeyError::Wrong("not a PEM file"))?;
    let key = p256::SecretKey::from_pkcs8_der(&der)
        .map_err(|_| KeyError::Wrong("not a P-256 key in PKCS#8 form"))?;
    let pem = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|_| KeyError::Wrong("a key that can't be written"))?;
    Ok(SecretString::from(pem.to_string()))
}

/// The key ID that a file name such as `AuthKey_2X9R4HXF34.p8` tells.
///
/// # Errors
/// When it tells none: guessing would end in a 401 much later.
pub fn key_id_of(path: &str) -> Result<String, KeyError> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let id = name
        .split_once("AuthKey_")
        .and_then(|(_, rest)| rest.rsplit_once(".p8"))
        .map(|(id, _)| id);
    let is_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match id {
        Some(id) if !id.is_empty() && id.chars().all(is_id) => Ok(id.to_owned()),
        _ => Err(KeyError::Name(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem() -> String {
        p256::SecretKey::from_slice(&[9; 32])
            .unwrap()
            .to_pkcs8_pem(LineEnding::LF)
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_mangled_key_is_the_same_key() {
        let pem = pem();
        let indented: String = pem.lines().map(|line| format!("    {line}\r\n")).collect();
        let bare: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        let wrapped = base64::engine::general_purpose::STANDARD.encode(&pem);
        for text in [pem.clone(), indented, bare, pem.replace('\n', "\\n"), wrapped] {
            let key = normalised(&text.clone().into()).unwrap();
            assert_eq!(key.expose_secret(), pem, "{text}");
        }
    }

    #[test]
    fn other_keys_are_named_and_never_quoted() {
        let sec1 = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----";
        assert!(normalised(&sec1.into()).unwrap_err().to_string().contains("SEC1"));
        assert!(
            !normalised(&"hunter2hunter2".into())
                .unwrap_err()
                .to_string()
                .contains("hunter2")
        );
    }

    #[test]
    fn the_key_id_comes_from_the_file_name() {
        assert_eq!(
            key_id_of("https://x/AuthKey_ABC123.p8?token=1").unwrap(),
            "ABC123"
        );
        assert!(key_id_of("file:///tmp/key.p8").is_err());
    }
}
