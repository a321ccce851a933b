//! The certificates of the inputs.

use std::collections::BTreeSet;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures_util::future::try_join_all;
use signing_assets::{Certificate, Identity, P12Error};
use step_kit::{Advice as _, InputProblem, InputProblems, Step, list};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::order::Order;

/// Downloads and opens every `.p12` file.
///
/// # Errors
/// When one can't be had, or its passphrase is wrong.
pub async fn download(step: &Step<Order>) -> anyhow::Result<Vec<Identity>> {
    let urls = list(step.inputs.certificate_urls.expose(), '|');
    let passphrases = match &step.inputs.passphrases {
        // As they are: a passphrase may begin or end with a blank.
        Some(passphrases) => passphrases.expose().split('|').map(str::to_owned).collect(),
        // Certificates without passphrases need not have any listed.
        None => vec![String::new(); urls.len()],
    };
    if urls.len() != passphrases.len() {
        let problem = format!(
            "{} certificate(s) and {} passphrase(s) are given; both lists, separated by |, must be of the same length",
            urls.len(),
            passphrases.len()
        );
        return Err(InputProblems::from(InputProblem::new("passphrases", problem)).into());
    }
    let files = try_join_all(urls.iter().map(|url| apple_account::read_file(url)))
        .await
        .context("failed to get the certificates")?;
    let mut identities: Vec<Identity> = Vec::new();
    for (index, (file, passphrase)) in files.iter().zip(&passphrases).enumerate() {
        let number = index + 1;
        // It may hash for seconds: meanwhile a signal must find somebody who listens.
        let (content, secret) = (file.clone(), Zeroizing::new(passphrase.clone()));
        let opening = tokio::task::spawn_blocking(move || open(&content, &secret));
        let opened = opening.await?.map_err(|error| {
            let advice = advice(&error, number);
            anyhow::Error::from(error)
                .context(format!(
                    "failed to open certificate file {number} of {}",
                    files.len()
                ))
                .hint(advice)
        })?;
        for identity in opened {
            if identities
                .iter()
                .all(|known| known.certificate.serial != identity.certificate.serial)
            {
                identities.push(identity);
            }
        }
    }
    for identity in &identities {
        let certificate = &identity.certificate;
        step.log.plain(format!(
            "- {} (team {}, serial {}, until {})",
            certificate.common_name,
            certificate.team_id,
            certificate.serial,
            certificate.not_after.date()
        ));
    }
    Ok(identities)
}

/// Opens a `.p12` file, or the base64 text of one, with the passphrase as it is, and then without blanks around it.
fn open(file: &[u8], passphrase: &str) -> Result<Vec<Identity>, P12Error> {
    let decoded = from_base64(file);
    let file = decoded.as_deref().unwrap_or(file);
    let trimmed = passphrase.trim();
    match signing_assets::read_p12(file, passphrase) {
        Err(P12Error::WrongPassphrase) if trimmed != passphrase => signing_assets::read_p12(file, trimmed),
        outcome => outcome,
    }
}

/// The bytes that a file's text stands for; `None` where it is no base64 of a `.p12`, which begins with a DER sequence.
fn from_base64(file: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(file).ok()?;
    let body = text.lines().filter(|line| !line.starts_with("-----"));
    let body: String = body.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let body = body.trim_end_matches('=');
    let decoded = STANDARD_NO_PAD.decode(body).ok()?;
    decoded.starts_with(&[0x30]).then_some(decoded)
}

/// The certificates that are valid now. What is left out, and why, is said.
pub fn usable(step: &Step<Order>, identities: &[Identity]) -> Vec<Certificate> {
    let all: Vec<Certificate> = identities
        .iter()
        .map(|identity| identity.certificate.clone())
        .collect();
    let (usable, notes) = provisioning::usable_certificates(&all, OffsetDateTime::now_utc());
    notes.iter().for_each(|note| step.log.warn(note));
    usable
}

/// Those of one team.
///
/// # Errors
/// When there are none, with the teams of those that there are.
pub fn of_team(certificates: Vec<Certificate>, team_id: &str) -> anyhow::Result<Vec<Certificate>> {
    let others: BTreeSet<String> = certificates
        .iter()
        .map(|certificate| certificate.team_id.clone())
        .collect();
    let own: Vec<Certificate> = certificates
        .into_iter()
        .filter(|certificate| certificate.team_id == team_id)
        .collect();
    if own.is_empty() {
        let others: Vec<String> = others.into_iter().collect();
        return Err(anyhow::anyhow!(
            "none of the uploaded certificates that are valid is of the team {team_id}; theirs: {}",
            if others.is_empty() { "none".to_owned() } else { others.join(", ") }
        )
        .hint("upload the .p12 files of that team on the Code Signing tab of the app on Bitrise, or set the team ID to theirs"));
    }
    Ok(own)
}

fn advice(error: &P12Error, number: usize) -> String {
    match error {
        P12Error::WrongPassphrase => format!(
            "check passphrase {number} of the input passphrases: its position must be that of the certificate"
        ),
        P12Error::NoIdentity { .. } => {
            "export the certificate together with its private key from Keychain Access".to_owned()
        }
        _ => "export the certificate anew from Keychain Access as .p12, and upload it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_text_of_a_p12_is_decoded_and_nothing_else() {
        let der = [0x30, 0x82, 0x01, 0x00, 0xff, 0xfe, 0x80];
        let text = "MIIBAP/+gA==";
        for form in [
            text.to_owned(),
            format!("{text}\r\n"),
            "MIIB\nAP/+\ngA".to_owned(),
            format!("-----BEGIN PKCS12-----\n{text}\n-----END PKCS12-----\n"),
        ] {
            assert_eq!(from_base64(form.as_bytes()).as_deref(), Some(&der[..]), "{form}");
        }
        assert_eq!(from_base64(&der), None);
        assert_eq!(from_base64(b"aGVsbG8="), None);
        assert_eq!(from_base64(b"<html>"), None);
    }
}
