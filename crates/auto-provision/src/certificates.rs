//! The certificates of the inputs.

use std::collections::BTreeSet;
use std::time::Duration;

use account_inputs::about_machine;
use apple_types::TeamId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures_util::stream::{FuturesOrdered, TryStreamExt as _};
use match_storage::Location;
use signing_assets::{Certificate, Identity, P12Error};
use step_kit::{Advice as _, InputProblem, InputProblems, Secret, Step, list};
use zeroize::Zeroizing;

use crate::match_certificates;
use crate::options::Options;

/// How long all certificates together may take.
const LONGEST_DOWNLOAD: Duration = Duration::from_secs(600);

/// A file or a storage of the input `certificate_urls`.
enum Given<'a> {
    /// A `.p12` file with its passphrase.
    P12 { url: &'a str, passphrase: &'a str },
    /// What fastlane match keeps.
    Match(Location),
}

/// Downloads and opens every `.p12` file, and reads what fastlane match keeps.
///
/// # Errors
/// When one can't be had, or its passphrase is wrong.
pub async fn download(step: &Step<Options>) -> anyhow::Result<Vec<Identity>> {
    let Some(urls) = &step.inputs.certificate_urls else {
        return Ok(Vec::new());
    };
    let urls = list(urls.expose(), '|');
    let passphrases = step.inputs.passphrases.as_ref().map(Secret::expose);
    let given = given(&urls, passphrases)?;
    let all = given.len();
    let reading = given.iter().enumerate().map(|(index, given)| async move {
        match given {
            Given::P12 { url, passphrase } => p12(url, passphrase, index + 1, all).await,
            Given::Match(location) => match_certificates::read(step, location).await,
        }
    });
    let mut identities: Vec<Identity> = Vec::new();
    // All at once, and told in their order: of several that fail, the first is named.
    let reading = reading.collect::<FuturesOrdered<_>>().try_collect::<Vec<_>>();
    let read = step
        .within("downloading the certificates", LONGEST_DOWNLOAD, reading)
        .await?;
    for identity in read.into_iter().flatten() {
        if identities
            .iter()
            .all(|known| known.certificate.serial != identity.certificate.serial)
        {
            identities.push(identity);
        }
    }
    Ok(identities)
}

/// What each address means, with its passphrase. Storages of match have none: passphrases are counted without them, or
/// are blank in their places.
fn given<'a>(urls: &'a [String], passphrases: Option<&'a str>) -> Result<Vec<Given<'a>>, InputProblems> {
    let problem = |key, text: String| InputProblems::from(InputProblem::new(key, text));
    let mut locations = Vec::new();
    for (index, url) in urls.iter().enumerate() {
        let location = Location::parse(url).transpose();
        locations.push(location.map_err(|error| {
            problem(
                "certificate_urls",
                format!("address {} of {}: {error}", index + 1, urls.len()),
            )
        })?);
    }
    let is_p12 = |index: &usize| locations.get(*index).is_some_and(Option::is_none);
    let files = (0..urls.len()).filter(is_p12).count();
    // As they are: a passphrase may begin or end with a blank.
    let mut passphrases: Vec<&str> = match passphrases {
        Some(text) => text.split('|').collect(),
        // Certificates without passphrases need not have any listed.
        None => vec![""; files],
    };
    if passphrases.len() == urls.len() && files < urls.len() {
        let mut index = 0;
        passphrases.retain(|passphrase| {
            index += 1;
            is_p12(&(index - 1)) || !passphrase.trim().is_empty()
        });
    } else if files == 0 && passphrases == [""] {
        passphrases.clear();
    }
    if passphrases.len() != files {
        let text = format!(
            "there are {} and {}; both lists, separated by |, must be of the same length{}",
            wording::counted(files, "certificate"),
            wording::counted(passphrases.len(), "passphrase"),
            if files < urls.len() {
                "; addresses that begin with `match+` have no passphrase"
            } else {
                ""
            }
        );
        return Err(problem("passphrases", text));
    }
    let mut passphrases = passphrases.into_iter();
    let given = urls.iter().zip(locations).map(|(url, location)| match location {
        Some(location) => Given::Match(location),
        None => Given::P12 {
            url,
            passphrase: passphrases.next().unwrap_or_default(),
        },
    });
    Ok(given.collect())
}

/// The identities of a `.p12` file, which is the given one of several.
async fn p12(url: &str, passphrase: &str, number: usize, all: usize) -> anyhow::Result<Vec<Identity>> {
    let file = apple_account::read_file(url).await.map_err(|error| {
        let advice = match &error {
            apple_account::FileError::Local(_) => "correct the path in the input `certificate_urls`",
            apple_account::FileError::Insecure { .. } => "use https in the input `certificate_urls`",
            apple_account::FileError::Download(cause) => about_machine(cause).unwrap_or(
                "check that the URL in the input `certificate_urls` opens without signing in and has not expired",
            ),
        };
        anyhow::Error::from(error)
            .context(format!("could not read certificate file {number} of {all}"))
            .hint(advice)
    })?;
    // It may hash for seconds: meanwhile a signal must find somebody who listens.
    let secret = Zeroizing::new(passphrase.to_owned());
    let opening = tokio::task::spawn_blocking(move || open(&file, &secret));
    opening.await?.map_err(|error| {
        let advice = advice(&error, number);
        anyhow::Error::from(error)
            .context(format!("could not open certificate file {number} of {all}"))
            .hint(advice)
    })
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

/// The certificates that are valid now. They are listed; what is left out, and why, is said.
pub fn usable(step: &Step<Options>, identities: &[Identity]) -> Vec<Certificate> {
    for identity in identities {
        let certificate = &identity.certificate;
        step.log.plain(format!(
            "{}, team {}, serial {}, expires {}",
            certificate.common_name,
            team_text(certificate),
            certificate.serial,
            certificate.not_after.date()
        ));
    }
    let all: Vec<Certificate> = identities
        .iter()
        .map(|identity| identity.certificate.clone())
        .collect();
    let (usable, notes) = provisioning::usable_certificates(&all, clock::now());
    notes.iter().for_each(|note| step.log.warn(note));
    usable
}

/// The team ID in a line of the log.
pub(crate) fn team_text(certificate: &Certificate) -> &str {
    certificate.team_id.as_ref().map_or("none", TeamId::as_str)
}

/// Those of one team.
///
/// # Errors
/// When there are none, with the teams of those that there are.
pub fn of_team(certificates: Vec<Certificate>, team_id: &TeamId) -> anyhow::Result<Vec<Certificate>> {
    let others: BTreeSet<String> = certificates
        .iter()
        .map(|certificate| team_text(certificate).to_owned())
        .collect();
    let own: Vec<Certificate> = certificates
        .into_iter()
        .filter(|certificate| certificate.team_id.as_ref() == Some(team_id))
        .collect();
    if own.is_empty() {
        let others: Vec<String> = others.into_iter().collect();
        return Err(anyhow::anyhow!(
            "no valid uploaded certificate belongs to the team {team_id}; teams of the uploaded ones: {}",
            if others.is_empty() { "none".to_owned() } else { others.join(", ") }
        )
        .hint("upload the .p12 files of that team on the Code Signing tab of the app on Bitrise, or set the team ID to theirs"));
    }
    Ok(own)
}

fn advice(error: &P12Error, number: usize) -> String {
    match error {
        P12Error::WrongPassphrase => format!(
            "correct passphrase {number} in the input `passphrases`: passphrases are in the order of the certificates"
        ),
        P12Error::NoIdentity { .. } => {
            "export the certificate together with its private key from Keychain Access".to_owned()
        }
        _ => "export the certificate again from Keychain Access as .p12, and upload it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrases(urls: &str, passphrases: Option<&str>) -> Result<Vec<String>, String> {
        let urls = list(urls, '|');
        let all = given(&urls, passphrases).map_err(|error| error.to_string())?;
        let shown = all.iter().map(|given| match given {
            Given::P12 { passphrase, .. } => (*passphrase).to_owned(),
            Given::Match(_) => "match".to_owned(),
        });
        Ok(shown.collect())
    }

    #[test]
    fn storages_of_match_take_no_passphrase_whether_their_places_are_counted_or_not() {
        let both = "/a.p12|match+file:///certs|/b.p12";
        for (urls, given, expected) in [
            (both, Some("x|y"), vec!["x", "match", "y"]),
            (both, Some("x||y"), vec!["x", "match", "y"]),
            (both, Some("x| |"), vec!["x", "match", ""]),
            (both, None, vec!["", "match", ""]),
            ("match+file:///certs", None, vec!["match"]),
            ("match+file:///certs", Some(""), vec!["match"]),
            ("/a.p12|/b.p12", Some("x|"), vec!["x", ""]),
        ] {
            assert_eq!(passphrases(urls, given).unwrap(), expected, "{urls} {given:?}");
        }
        for (urls, given) in [
            (both, Some("x")),
            (both, Some("x|z|y")),
            ("match+file:///certs", Some("x")),
            ("/a.p12|/b.p12", Some("x")),
        ] {
            let error = passphrases(urls, given).unwrap_err();
            assert!(error.contains("must be of the same length"), "{error}");
        }
    }

    #[test]
    fn an_address_of_match_that_is_none_is_named_by_its_place() {
        let error = passphrases("/a.p12|match+s3://user:s3cret@bucket", None).unwrap_err();
        assert!(
            error.contains("certificate_urls") && error.contains("address 2 of 2"),
            "{error}"
        );
        assert!(
            error.contains("`match+s3` is not known") && !error.contains("s3cret"),
            "{error}"
        );
    }

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
