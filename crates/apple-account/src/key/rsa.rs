//! RSA keys that certificates are requested for, as people, editors and secret stores write them.

use zeroize::Zeroizing;

use super::{KeyError, der, unwrap_key};

/// The length of the keys that Apple certifies, in bits.
const BITS: usize = 2048;

/// What the armor of an RSA key says, without its blanks: PKCS#8 and PKCS#1.
const LABELS: [&str; 2] = ["PRIVATEKEY", "RSAPRIVATEKEY"];

/// Why a text is no key that a certificate can be requested for. The text itself is never in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RsaKeyError {
    /// Nothing is there.
    #[error(
        "the private key is empty; expected an RSA key of 2,048 bits in PEM (PKCS#1 or PKCS#8), or base64 of it"
    )]
    Empty,
    /// It is something else.
    #[error("found {0}; expected an RSA key of 2,048 bits in PEM (PKCS#1 or PKCS#8), or base64 of it")]
    Wrong(String),
    /// It was a key once.
    #[error(
        "the private key is damaged: {0}; expected an RSA key of 2,048 bits in PEM (PKCS#1 or PKCS#8), or base64 of it"
    )]
    Damaged(&'static str),
}

/// Reads an RSA key of 2,048 bits from the bytes of a file or an input. The result is DER, PKCS#1 or PKCS#8.
///
/// # Errors
/// When it is none, with what it is instead.
pub fn read(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, RsaKeyError> {
    let der = unwrap_key(bytes, &LABELS, 0)?.der;
    check(&der)?;
    Ok(der)
}

impl From<KeyError> for RsaKeyError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Empty => Self::Empty,
            KeyError::Damaged(why) => Self::Damaged(why),
            KeyError::Wrong("an RSA private key") => Self::Damaged("its numbers can't be read"),
            KeyError::Wrong(what) => Self::Wrong(what.to_owned()),
        }
    }
}

/// Refuses a DER structure that is no key of the right kind and length.
fn check(bytes: &[u8]) -> Result<(), RsaKeyError> {
    if der::key(bytes).is_ok() {
        return Err(RsaKeyError::Wrong(
            "an EC key on the curve P-256, such as an App Store Connect API key".to_owned(),
        ));
    }
    match der::rsa_bits(bytes) {
        Some(BITS) => Ok(()),
        Some(bits) => Err(RsaKeyError::Wrong(format!("an RSA key of {bits} bits"))),
        None => Err(der::classify(bytes).into()),
    }
}

#[cfg(test)]
#[cfg_attr(
    no_openssl,
    allow(dead_code, unused_imports, reason = "the tests need openssl")
)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test's own tool")]
    fn openssl(words: &str, input: &str) -> String {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let mut child = Command::new("openssl")
            .args(words.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "openssl {words}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    #[cfg_attr(no_openssl, ignore = "openssl is not installed")]
    fn a_key_is_read_in_every_form_that_a_secret_store_makes_of_it() {
        let pkcs8 = openssl("genrsa 2048", "");
        let pkcs1 = openssl("rsa -traditional", &pkcs8);
        let known = |text: &str| read(text.as_bytes()).map(|der| der.to_vec());
        for pem in [&pkcs8, &pkcs1] {
            let expected = known(pem).unwrap();
            for form in [
                STANDARD.encode(pem),
                pem.replace('\n', "\\n"),
                pem.replace('\n', "\r\n"),
                pem.replace('\n', " "),
                format!("\"{pem}\""),
                format!("\u{feff}  {pem}\n\n"),
                STANDARD.encode(&expected),
                STANDARD.encode(STANDARD.encode(pem)),
            ] {
                assert_eq!(known(&form), Ok(expected.clone()), "{}", &form[..40]);
            }
            assert_eq!(read(&expected).unwrap().to_vec(), expected);
        }
    }

    #[test]
    #[cfg_attr(no_openssl, ignore = "openssl is not installed")]
    fn another_kind_of_key_is_named() {
        let key = openssl("genrsa 2048", "");
        let cases = [
            (openssl("genrsa 1024", ""), "an RSA key of 1024 bits"),
            (openssl("genrsa -traditional 3072", ""), "an RSA key of 3072 bits"),
            (openssl("genrsa 4096", ""), "an RSA key of 4096 bits"),
            (openssl("genpkey -algorithm ed25519", ""), "an Ed25519"),
            (
                openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", ""),
                "an EC key on the curve P-256, such as an App Store Connect API key",
            ),
            (
                openssl("ecparam -name secp384r1 -genkey -noout", ""),
                "an EC key in SEC1 form",
            ),
            (
                openssl("rsa -traditional -aes128 -passout pass:secret", &key),
                "an encrypted private key",
            ),
            (
                openssl("pkcs8 -topk8 -passout pass:secret", &key),
                "an encrypted private key",
            ),
            (openssl("rsa -pubout", &key), "a public key"),
            (
                openssl("req -new -x509 -subj /CN=x -key /dev/stdin", &key),
                "a certificate",
            ),
            ("hello".to_owned(), "text that is not a private key"),
            (String::new(), "is empty"),
            (key[..key.len() / 2].to_owned(), "damaged"),
        ];
        for (text, words) in cases {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
            assert!(error.contains("expected an RSA key of 2,048 bits"), "{error}");
        }
    }
}
