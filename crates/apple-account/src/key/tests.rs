//! Mangled keys are the same key, and other files are named. The files in `tests/keys` were made with OpenSSL 3.

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;

use super::*;

const RIGHT: &str = include_str!("../../tests/keys/right.p8");

/// The base64 of the key's DER, in one line.
fn body() -> String {
    RIGHT.lines().filter(|line| !line.starts_with("---")).collect()
}

fn pem_of(bytes: &[u8]) -> Result<String, KeyError> {
    read(bytes).map(|key| key.pem.expose_secret().to_owned())
}

#[track_caller]
fn assert_same(name: &str, bytes: impl AsRef<[u8]>) {
    assert_eq!(pem_of(bytes.as_ref()).as_deref(), Ok(RIGHT), "{name}");
}

#[test]
fn other_line_breaks_are_undone() {
    assert_same("as it is", RIGHT);
    for (name, mark) in [
        ("CRLF", "\r\n"),
        ("CR", "\r"),
        ("literal \\n", "\\n"),
        ("literal \\r\\n", "\\r\\n"),
        ("escaped twice", "\\\\n"),
        ("a lost backslash", "n"),
        ("a lost backslash of \\r\\n", "rn"),
        ("blanks", " "),
        ("tabs", "\t"),
        ("literal \\t", "\\t"),
        ("nothing", ""),
        ("blank lines between", "\n\n"),
        ("HTML", "<br>"),
        ("an XML character reference", "&#10;"),
        ("a URL's", "%0A"),
        ("a URL's with CR", "%0D%0A"),
        ("quoted lines", "\",\n  \""),
    ] {
        assert_same(name, RIGHT.replace('\n', mark));
        assert_same(name, RIGHT.trim_end().replace('\n', mark));
    }
    let indented: String = RIGHT.lines().map(|line| format!("      {line}\n")).collect();
    assert_same("indented", indented);
    let rewrapped = body().chars().collect::<Vec<_>>();
    let rewrapped: Vec<String> = rewrapped.chunks(76).map(|line| line.iter().collect()).collect();
    let rewrapped = rewrapped.join("\n");
    assert_same(
        "lines of 76",
        format!("-----BEGIN PRIVATE KEY-----\n{rewrapped}\n-----END PRIVATE KEY-----"),
    );
}

#[test]
fn what_is_around_a_key_is_ignored() {
    for quote in ['"', '\'', '`', '\u{201c}'] {
        assert_same("quoted", format!("{quote}{RIGHT}{quote}"));
        assert_same(
            "quoted on one line",
            format!("{quote}{}{quote}\n", RIGHT.replace('\n', " ")),
        );
    }
    assert_same("quoted twice", format!("\"'{RIGHT}'\""));
    assert_same(
        "an escaped quote",
        format!("\\\"{}\\\"", RIGHT.replace('\n', "\\n")),
    );
    assert_same("a JSON string", serde_json::to_string(RIGHT).unwrap());
    assert_same("a byte order mark", format!("\u{feff}{RIGHT}"));
    assert_same("zero-width spaces", format!("\u{200b}{RIGHT}\u{200b}"));
    assert_same("a variable", format!("export ASC_KEY=\"{RIGHT}\""));
    assert_same("YAML", format!("private_key: |\n{RIGHT}"));
    assert_same(
        "text before it",
        format!("Key Attributes: <No Attributes>\n{RIGHT}"),
    );
    assert_same("a NUL at the end", format!("{RIGHT}\0"));
    let certificate = include_str!("../../tests/keys/certificate.pem");
    assert_same("a certificate beside it", format!("{certificate}{RIGHT}"));
}

#[test]
fn armor_that_suffered_is_understood() {
    let body = body();
    for (begin, end) in [
        ("", ""),
        ("-----BEGIN PRIVATE KEY-----", ""),
        ("", "-----END PRIVATE KEY-----"),
        ("—–BEGIN PRIVATE KEY—–", "—–END PRIVATE KEY—–"),
        ("-----BEGINPRIVATEKEY-----", "-----ENDPRIVATEKEY-----"),
        ("----BEGIN PRIVATE KEY----", "----END PRIVATE KEY----"),
        ("-----BEGIN_PRIVATE_KEY-----", "-----END_PRIVATE_KEY-----"),
        ("----- BEGIN PRIVATE KEY -----", "----- END PRIVATE KEY -----"),
    ] {
        assert_same(begin, format!("{begin}\n{body}\n{end}"));
        assert_same(begin, format!("{begin}{body}{end}"));
    }
    let form: String = url::form_urlencoded::byte_serialize(RIGHT.as_bytes()).collect();
    assert_same("sent by a web form", form);
    let plus = body.replace('+', " ");
    assert_same(
        "read from a web form twice",
        format!("-----BEGIN PRIVATE KEY-----\n{plus}\n-----END PRIVATE KEY-----"),
    );
}

#[test]
fn encodings_are_undone() {
    let utf16 =
        |unit: fn(u16) -> [u8; 2], text: &str| -> Vec<u8> { text.encode_utf16().flat_map(unit).collect() };
    assert_same("UTF-16 LE", utf16(u16::to_le_bytes, &format!("\u{feff}{RIGHT}")));
    assert_same("UTF-16 BE", utf16(u16::to_be_bytes, &format!("\u{feff}{RIGHT}")));
    assert_same("UTF-16 LE without a mark", utf16(u16::to_le_bytes, RIGHT));
    assert_same("UTF-16 BE without a mark", utf16(u16::to_be_bytes, RIGHT));
    let base64 = STANDARD.encode(RIGHT);
    assert_same("base64", &base64);
    assert_same("base64 without padding", base64.trim_end_matches('='));
    assert_same("base64 for URLs", URL_SAFE_NO_PAD.encode(RIGHT));
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    assert_same("base64 in lines", lines.join("\n"));
    assert_same(
        "base64 in lines with CRLF, quoted",
        format!("'{}'", lines.join("\r\n")),
    );
    assert_same(
        "base64 of UTF-16",
        STANDARD.encode(utf16(u16::to_le_bytes, RIGHT)),
    );
    assert_same("base64 twice", STANDARD.encode(&base64));
    assert_same("base64 of CRLF", STANDARD.encode(RIGHT.replace('\n', "\r\n")));
    assert_same(
        "a data URL",
        format!("data:application/octet-stream;base64,{base64}"),
    );
    assert_same(
        "base64 in armor",
        format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----"),
    );
    assert_same("no armor", body());
    assert_same("no armor and no padding", body().trim_end_matches('='));
    assert_same("DER", STANDARD.decode(body()).unwrap());
}

#[test]
fn fastlanes_json_key_file_brings_its_ids() {
    let file = serde_json::json!({
        "key_id": "D83848D23", "issuer_id": "227b0bbf-ada8-458c-9d62-3d8022b7d07f",
        "key": RIGHT, "duration": 1200, "in_house": true,
    });
    let text = file.to_string();
    let pretty = serde_json::to_string_pretty(&file).unwrap();
    let broken = pretty.replace("\\n", "\n");
    for text in [
        text.clone(),
        pretty,
        broken,
        STANDARD.encode(&text),
        format!("'{text}'"),
    ] {
        let key = read(text.as_bytes()).unwrap();
        assert_eq!(key.pem.expose_secret(), RIGHT, "{text}");
        assert_eq!(key.key_id.as_deref(), Some("D83848D23"));
        assert_eq!(
            key.issuer_id.as_deref(),
            Some("227b0bbf-ada8-458c-9d62-3d8022b7d07f")
        );
        assert_eq!(key.enterprise, Some(true));
    }
    let encoded =
        serde_json::json!({"key_id": "K", "key": STANDARD.encode(RIGHT), "is_key_content_base64": true});
    assert_same("its key in base64", encoded.to_string());
    assert_eq!(
        pem_of(b"{\"type\": \"service_account\"}"),
        Err(KeyError::Wrong("a JSON file without the field `key`"))
    );
}

#[test]
fn other_files_are_named() {
    for (file, expected) in [
        ("rsa-pkcs8.pem", "an RSA private key"),
        ("rsa-pkcs1.pem", "an RSA private key"),
        ("encrypted.pem", "an encrypted private key"),
        ("certificate.pem", "a certificate"),
        ("request.pem", "a certificate signing request"),
        ("public.pem", "a public key"),
        ("sec1.pem", "an EC key in SEC1 form"),
        ("sec1-with-parameters.pem", "an EC key in SEC1 form"),
        ("ec-P-384.pem", "an EC key on the curve P-384"),
        ("ec-P-521.pem", "an EC key on the curve P-521"),
        ("ec-secp256k1.pem", "an EC key on the curve secp256k1"),
        ("ed25519.pem", "an Ed25519 or Ed448 key"),
        ("identity.p12", "a .p12 file"),
    ] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/");
        let bytes = std::fs::read(format!("{path}{file}")).unwrap();
        let mut forms = vec![bytes.clone(), STANDARD.encode(&bytes).into_bytes()];
        if let Ok(text) = String::from_utf8(bytes) {
            forms.push(text.replace('\n', "\\n").into_bytes());
            // The body alone, and its DER: the armor does not say it then.
            let lines = text.lines().filter(|line| !line.starts_with("---"));
            let body: String = lines.collect();
            if let Some(der) = decode_base64(&body) {
                forms.push(body.into_bytes());
                forms.push(der);
            }
        }
        for form in forms {
            let error = pem_of(&form).unwrap_err();
            assert_eq!(
                error,
                KeyError::Wrong(expected),
                "{file}: {}",
                String::from_utf8_lossy(&form)
            );
        }
    }
}

#[test]
fn what_was_never_a_key_or_lost_a_part_is_told_apart() {
    let body = body();
    for text in ["", " \n", "\"\"", "''"] {
        assert_eq!(pem_of(text.as_bytes()), Err(KeyError::Empty), "{text}");
    }
    for text in ["hunter2hunter2", "see 1Password", "AuthKey_2X9R4HXF34.p8", "0"] {
        assert_eq!(
            pem_of(text.as_bytes()),
            Err(KeyError::Wrong("text that is not a private key")),
            "{text}"
        );
    }
    for (text, expected) in [
        ("<!DOCTYPE html><html>Sign in</html>", "a web page or an XML file"),
        ("<html><body>Sign in</body></html>", "a web page or an XML file"),
        (
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln",
            "a token (JWT) instead of a key",
        ),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@mac", "an SSH public key"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----",
            "an OpenSSH private key",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----",
            "an encrypted private key",
        ),
    ] {
        assert_eq!(pem_of(text.as_bytes()), Err(KeyError::Wrong(expected)), "{text}");
    }
    for text in [
        RIGHT[..RIGHT.len() / 2].to_owned(),
        body[..100].to_owned(),
        "-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----".to_owned(),
        "-----BEGIN PRIVATE KEY-----\n*****\n-----END PRIVATE KEY-----".to_owned(),
        "-----BEGIN PRIVATE KEY-----".to_owned(),
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
            &body[10..]
        ),
    ] {
        assert!(
            matches!(pem_of(text.as_bytes()), Err(KeyError::Damaged(_))),
            "{text}: {:?}",
            pem_of(text.as_bytes())
        );
    }
}

#[test]
fn no_error_quotes_the_text() {
    for text in [
        "hunter2hunter2".to_owned(),
        RIGHT[..120].to_owned(),
        format!("{{\"secret\": \"{}\"}}", body()),
        RIGHT.replace("PRIVATE KEY", "PUBLIC KEY"),
    ] {
        let shown = format!("{0} {0:?}", read(text.as_bytes()).unwrap_err());
        for word in text
            .split(|c: char| c.is_whitespace() || "\"-".contains(c))
            .filter(|word| word.len() > 10)
        {
            assert!(!shown.contains(word), "{shown}");
        }
    }
}

#[test]
fn a_text_that_is_meant_as_a_key_is_told_from_a_place() {
    let body = body();
    for key in [
        RIGHT.to_owned(),
        body.clone(),
        STANDARD.encode(RIGHT),
        RIGHT.replace('\n', " "),
        RIGHT[..100].to_owned(),
        body[..130].to_owned(),
        "-----BEGIN CERTIFICATE-----".to_owned(),
        "{\"key\": \"x\"}".to_owned(),
    ] {
        assert!(is_meant(&key), "{key}");
    }
    for place in [
        "/Users/vagrant/git/AuthKey_2X9R4HXF34.p8",
        "file:///tmp/a b/AuthKey_2X9R4HXF34 (1).p8",
        "https://example.com/AuthKey_2X9R4HXF34.p8?X-Amz-Signature=0123456789abcdef",
        "AuthKey_2X9R4HXF34.p8",
        "/ci/FRONT-END/keys/AuthKey_2X9R4HXF34.p8",
    ] {
        assert!(!is_meant(place), "{place}");
    }
}
