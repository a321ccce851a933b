//! How clients by others are led to the sandbox: a block for each, ready to be pasted into a shell.

use std::path::Path;

use crate::state::State;

/// Where a sandbox is.
#[derive(Debug, Clone, Default)]
pub struct Places<'a> {
    /// Plain HTTP, such as `http://127.0.0.1:8080`.
    pub http: String,
    /// TLS, where it listens for that.
    pub https: Option<String>,
    /// The proxy, where there is one.
    pub proxy: Option<String>,
    /// The file with the CA's certificate, where there is TLS.
    pub ca: Option<&'a Path>,
}

/// Blocks for curl, fastlane, codemagic-cli-tools, and EAS, with comments. The tools know Apple's host names alone, so
/// all but curl need TLS, and a proxy or an entry of `/etc/hosts`.
pub fn blocks(places: &Places<'_>, state: &State) -> String {
    let http = &places.http;
    let token = format!("$(curl -s {http}/_sandbox/token)");
    let mut text =
        format!("# curl\ncurl -H \"Authorization: Bearer {token}\" '{http}/v1/bundleIds?include=profiles'\n");
    let Some(ca) = places.ca else {
        text.push_str("\n# fastlane, codemagic-cli-tools, and EAS know Apple's host names alone: restart with --tls --proxy.\n");
        return text;
    };
    let ca = quote(&ca.display().to_string());
    let port = places.https.as_deref().and_then(port);
    match (&places.proxy, port) {
        (Some(proxy), _) => text.push_str(&by_proxy(http, proxy, &ca, &token, state)),
        (None, Some(port)) => text.push_str(&by_hosts_entry(http, port, &ca, &token, state)),
        (None, None) => {}
    }
    text
}

/// Where an HTTP proxy leads Apple's names to the sandbox.
fn by_proxy(http: &str, proxy: &str, ca: &str, token: &str, state: &State) -> String {
    format!(
        "curl --proxy {proxy} --cacert {ca} -H \"Authorization: Bearer {token}\" https://api.appstoreconnect.apple.com/v1/apps\n\
         \n# Our steps under Apple's own host names, without the variables above\n\
         HTTPS_PROXY={proxy} NO_PROXY=127.0.0.1 SSL_CERT_FILE={ca} ./step-auto-provision-asc\n\
         {}",
        clients(
            http,
            state,
            &format!("HTTPS_PROXY={proxy} SSL_CERT_FILE={ca}"),
            &format!("HTTPS_PROXY={proxy} NO_PROXY=127.0.0.1 REQUESTS_CA_BUNDLE={ca}"),
            &format!("https_proxy={proxy} NODE_EXTRA_CA_CERTS={ca}"),
        )
    )
}

/// Where entries of `/etc/hosts` do.
fn by_hosts_entry(http: &str, port: u16, ca: &str, token: &str, state: &State) -> String {
    let mut text = format!(
        "curl --connect-to ::127.0.0.1:{port} --cacert {ca} -H \"Authorization: Bearer {token}\" https://api.appstoreconnect.apple.com/v1/apps\n"
    );
    if port == 443 {
        text.push_str("\n# Apple's hosts lead here while this line is in /etc/hosts\n");
    } else {
        text.push_str(
            "\n# The clients below connect to port 443: restart with --tls 443, or with --proxy, which needs no root.\n",
        );
    }
    text.push_str(
        "echo '127.0.0.1 api.appstoreconnect.apple.com appstoreconnect.apple.com developer.apple.com developerservices2.apple.com idmsa.apple.com appleid.apple.com' | sudo tee -a /etc/hosts\n",
    );
    text.push_str(&clients(
        http,
        state,
        &format!("SSL_CERT_FILE={ca}"),
        &format!("REQUESTS_CA_BUNDLE={ca}"),
        &format!("NODE_EXTRA_CA_CERTS={ca}"),
    ));
    text
}

fn clients(http: &str, state: &State, ruby: &str, python: &str, node: &str) -> String {
    let key = &state.key_id;
    let file = format!("AuthKey_{key}.p8");
    let issuer = state.issuer_id.as_deref().unwrap_or_default();
    let (name, password) = (
        quote(&state.apple_id.seed.name),
        quote(&state.apple_id.seed.password),
    );
    format!(
        "\n# fastlane, with the API key\n\
         (umask 077; curl -s {http}/_sandbox/fastlane-key.json -o key.json)\n\
         {ruby} fastlane run get_certificates development:true api_key_path:key.json\n\
         \n# fastlane, with the Apple ID and its session\n\
         {ruby} FASTLANE_USER={name} FASTLANE_PASSWORD={password} FASTLANE_SESSION=\"$(curl -s {http}/_sandbox/fastlane-session)\" fastlane run register_device udid:00008120-000011112222333E name:Lab\n\
         \n# codemagic-cli-tools\n\
         {python} APP_STORE_CONNECT_ISSUER_ID={issuer} APP_STORE_CONNECT_KEY_IDENTIFIER={key} APP_STORE_CONNECT_PRIVATE_KEY=\"$(curl -s {http}/files/{file})\" app-store-connect bundle-ids list\n\
         \n# EAS and @expo/apple-utils, with a seed of `apple_id: {{second_factor: false}}`: there is no code to enter\n\
         {node} EXPO_APPLE_ID={name} EXPO_APPLE_PASSWORD={password} EXPO_APPLE_TEAM_ID={} eas credentials -p ios\n",
        state.team_id
    )
}

fn port(url: &str) -> Option<u16> {
    url.rsplit(':').next()?.parse().ok()
}

/// A word of a shell.
fn quote(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-@:+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn every_client_has_a_block_that_a_shell_can_read() {
        let state = Seed::default().state().unwrap();
        let http = "http://127.0.0.1:1".to_owned();
        let ca = Path::new("/tmp/it's mine/ca.pem");
        let all = [
            Places {
                http: http.clone(),
                ..Places::default()
            },
            Places {
                http: http.clone(),
                https: Some("https://127.0.0.1:443".to_owned()),
                ca: Some(ca),
                ..Places::default()
            },
            Places {
                http,
                https: None,
                proxy: Some("http://127.0.0.1:2".to_owned()),
                ca: Some(ca),
            },
        ];
        for (number, places) in all.iter().enumerate() {
            let text = blocks(places, &state);
            for client in ["# curl", "fastlane", "codemagic-cli-tools", "EAS"] {
                assert!(text.contains(client), "{client}\n{text}");
            }
            assert_eq!(text.contains("/tmp/it'\\''s mine/ca.pem"), number > 0, "{text}");
            // Whoever reads all that `serve` prints takes lines that begin so for variables of our steps.
            assert!(!text.lines().any(|line| line.starts_with("export ")), "{text}");
            assert!(!text.contains("BEGIN"), "{text}");
        }
    }
}
