//! A plain client of the sandbox's API: real HTTP over loopback, nothing of the steps' own client.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use apple_sandbox::{Json, Sandbox};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `null` where there is none.
    pub body: Json,
}

impl Answer {
    /// The code of the first error.
    pub fn code(&self) -> &str {
        self.body["errors"][0]["code"].as_str().unwrap_or_default()
    }

    /// The ID of the resource.
    pub fn id(&self) -> String {
        self.body["data"]["id"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client with an API key.
pub struct Client {
    address: String,
    token: String,
    /// More headers of every request.
    pub headers: Vec<(String, String)>,
}

impl Client {
    /// A client of the sandbox, with its key.
    pub fn of(sandbox: &Sandbox) -> Self {
        let (key, kid, issuer, audience) = {
            let state = sandbox.state();
            let audience = if state.enterprise {
                "apple-developer-enterprise-v1"
            } else {
                "appstoreconnect-v1"
            };
            (
                state.private_key.clone(),
                state.key_id.clone(),
                state.issuer_id.clone(),
                audience,
            )
        };
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let expires = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs()
            + 1100;
        let head = part(format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}"#));
        // Without `iat`, as most clients.
        let claims = match issuer {
            Some(issuer) => format!(r#"{{"iss":"{issuer}","exp":{expires},"aud":"{audience}"}}"#),
            None => format!(r#"{{"sub":"user","exp":{expires},"aud":"{audience}"}}"#),
        };
        let signed = format!("{head}.{}", part(claims));
        let signature: Signature = SigningKey::from_pkcs8_pem(&key).unwrap().sign(signed.as_bytes());
        Self {
            address: sandbox.url().trim_start_matches("http://").to_owned(),
            token: format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())),
            headers: Vec::new(),
        }
    }

    /// Asks; `path` may have a query. `host` is the `Host` that it names.
    pub fn ask_as(&self, host: &str, method: &str, path: &str, body: Option<&str>) -> Answer {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n",
            self.token
        );
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            request.push_str(&format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        request.push_str("\r\n");
        request.push_str(body.unwrap_or_default());
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            body: body.parse().unwrap_or_default(),
        }
    }

    /// Asks.
    pub fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.ask_as(&self.address, method, path, body)
    }

    /// Reads.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    /// Writes, and expects the status.
    pub fn write(&self, method: &str, path: &str, body: &Json, status: u16) -> Answer {
        let answer = self.ask(method, path, Some(&body.to_string()));
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.body);
        answer
    }
}
