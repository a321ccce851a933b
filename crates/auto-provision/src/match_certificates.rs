//! Certificates that fastlane match keeps.

use account_inputs::about_machine;
use match_storage::{CertificateType, Error, GitRefusal, Location, Request};
use provisioning::Distribution;
use signing_assets::Identity;
use step_kit::{Advice as _, Secret, Step};

use crate::options::Options;

/// The identities of a storage that serve the distribution, and development ones where they are there.
pub(crate) async fn read(step: &Step<Options>, location: &Location) -> anyhow::Result<Vec<Identity>> {
    let _activity = step.activity("reading the match storage");
    // Gone as soon as the storage is read.
    let directory = step.temp_dir()?;
    let request = Request {
        location,
        password: step.inputs.match_password.as_ref().map(Secret::secret),
        types: types(step.inputs.distribution),
        directory: directory.path(),
        runner: &step.runner,
    };
    let found = match_storage::read(request).await.map_err(|error| {
        let advice = advice(&error);
        anyhow::Error::from(error)
            .context("could not read the match storage of `certificate_urls`")
            .hint(advice)
    })?;
    found.notes.iter().for_each(|note| step.log.warn(note));
    Ok(found.identities)
}

/// Where match keeps what a distribution needs, the needed one first.
fn types(distribution: Distribution) -> &'static [CertificateType] {
    use CertificateType as T;
    match distribution {
        Distribution::Development => &[T::Development],
        Distribution::AppStore | Distribution::AdHoc => &[T::Distribution, T::Development],
        Distribution::Enterprise => &[T::Enterprise, T::Development],
        Distribution::DeveloperId => &[T::DeveloperIdApplication, T::Development],
    }
}

fn advice(error: &Error) -> &'static str {
    match error {
        Error::NoPassword => {
            "set `match_password` to the password of the storage, which `fastlane match` calls MATCH_PASSWORD"
        }
        Error::WrongPassword { .. } => {
            "set `match_password` to the password that `fastlane match` encrypts this storage with (MATCH_PASSWORD); `fastlane match change_password` sets a new one"
        }
        Error::NoSuchType { .. } => {
            "run `fastlane match` once for this type, or add another type to the end of the address in `certificate_urls`, such as `#type=enterprise`"
        }
        Error::NoSuchTeam { .. } | Error::NoSuchCertificate { .. } => {
            "correct the options after `#` in `certificate_urls`"
        }
        Error::NoBranch { .. } => {
            "add an existing branch to the end of the address in `certificate_urls`, such as `#branch=main`"
        }
        Error::Empty { .. } => {
            "check the address in `certificate_urls`, and add the branch to its end, such as `#branch=main`"
        }
        Error::NoIdentity { .. } => {
            "run `fastlane match` for this type again, or upload the certificate as a .p12 file"
        }
        Error::TooLarge { .. } | Error::TooManyFiles => {
            "point `certificate_urls` to a repository, branch, or directory that holds match's files alone"
        }
        Error::NotAStorage(_) | Error::Archive(_) | Error::Local(_) => {
            "correct the address in `certificate_urls`"
        }
        Error::Download(cause) => about_machine(cause).unwrap_or(
            "check that the address in `certificate_urls` opens without signing in, or holds the credentials that it needs",
        ),
        Error::Git { refusal, .. } => match refusal {
            GitRefusal::NotInstalled => {
                "install Git, or let `certificate_urls` name an archive or a directory"
            }
            GitRefusal::NoAccess => {
                "give Git access: add an SSH key before this step (Activate SSH key), or put a token into the address, such as `match+https://x-access-token:$TOKEN@github.com/org/certificates.git`; check that the repository exists"
            }
            GitRefusal::HostKey => "add the key of the Git host to `known_hosts` before this step",
            GitRefusal::Unreachable => {
                "check the host in `certificate_urls`, and that this machine can reach it"
            }
            GitRefusal::Ownership => {
                "change the owner of the repository to the build user, or add it to Git's `safe.directory`"
            }
            GitRefusal::Other => "check that `git ls-remote` can read the repository on this machine",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_distribution_is_looked_for_where_match_keeps_it() {
        for (distribution, directory) in [
            (Distribution::Development, "development"),
            (Distribution::AppStore, "distribution"),
            (Distribution::AdHoc, "distribution"),
            (Distribution::Enterprise, "enterprise"),
            (Distribution::DeveloperId, "developer_id_application"),
        ] {
            assert_eq!(types(distribution)[0].directory(), directory);
        }
    }
}
