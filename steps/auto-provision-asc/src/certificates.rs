//! The certificates of the inputs.

use anyhow::Context as _;
use futures_util::future::try_join_all;
use signing_assets::{Identity, P12Error};
use step_kit::{Advice as _, InputProblem, InputProblems, Step, list};

use crate::inputs::Inputs;

/// Downloads and opens every `.p12` file.
pub(crate) async fn download(step: &Step<Inputs>) -> anyhow::Result<Vec<Identity>> {
    let urls = list(step.inputs.certificate_urls.expose(), '|');
    let passphrases = match &step.inputs.passphrases {
        Some(passphrases) => list(passphrases.expose(), '|'),
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
        let opened = signing_assets::read_p12(file, passphrase).map_err(|error| {
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
