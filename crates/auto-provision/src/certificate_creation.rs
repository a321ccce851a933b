//! Certificates that are created when they are missing, for a key of the team's own.

use account_inputs::{Duty, about_api};
use anyhow::Context as _;
use portal_access::{
    AppStoreConnect, CertificateError, CertificateNeed, ObtainedCertificate, obtain_certificate,
};
use provisioning::{CertificateSearch, CertificateUse, Distribution, ListedCertificate};
use signing_assets::{Certificate, CertificateKind, Identity, PrivateKey};
use step_kit::{Advice as _, InputProblem, InputProblems, Secret, Step};
use time::{Duration, OffsetDateTime};

use crate::certificates::team_text;
use crate::options::{Mode, Options};
use crate::project::Analysis;

/// The most days that a certificate may have left when it gets a successor: Apple's last a year, and each takes a slot.
const MOST_DAYS: i64 = 180;

/// Where a person revokes certificates.
const CERTIFICATES_PAGE: &str = "https://developer.apple.com/account/resources/certificates/list";

/// Stands for the ID and the serial number of a certificate that does not exist yet.
pub(crate) const PLANNED: &str = "to be created";

/// How missing certificates are created.
#[derive(Debug)]
pub struct CertificateCreation {
    key: PrivateKey,
    least_days: i64,
}

/// Certificates that are at hand now.
#[derive(Debug, Default)]
pub struct CreatedCertificates {
    /// With the key.
    pub identities: Vec<Identity>,
    /// Those that `mode: plan` does not create.
    pub planned: Vec<Certificate>,
    /// How many this run created, rather than found.
    pub created: usize,
}

impl CertificateCreation {
    /// Reads the key of the input `certificate_private_key`: the key itself, or where its file is.
    ///
    /// # Errors
    /// When it is no RSA key of 2,048 bits, with what it is.
    pub async fn read<I>(step: &Step<I>, key: &Secret, least_days: i64) -> anyhow::Result<Self> {
        if least_days > MOST_DAYS {
            let text = format!("is `{least_days}`; accepted: a whole number from 0 to {MOST_DAYS}");
            return Err(InputProblems::from(InputProblem::new("min_certificate_days_valid", text)).into());
        }
        let given = key.expose().trim();
        let problem = |text: String| InputProblems::from(InputProblem::new("certificate_private_key", text));
        let content = if given.starts_with("file://") || given.starts_with('/') && !given.contains('\n') {
            apple_account::read_file(given)
                .await
                .map_err(|error| problem(transport::chain(&error)))?
        } else {
            given.as_bytes().to_vec()
        };
        step.redactor.learn(&String::from_utf8_lossy(&content));
        let der = apple_account::read_rsa_key(&content).map_err(|error| problem(error.to_string()))?;
        let key = PrivateKey::read(&der).map_err(|error| problem(error.to_string()))?;
        // The same key in another form is the same secret.
        step.redactor.learn(&key.to_pem());
        Ok(Self { key, least_days })
    }

    /// The certificates for the distribution and for development that no identity at hand is for.
    ///
    /// # Errors
    /// When one that the distribution needs can't be had. Without one for development an archive is signed all the same.
    pub async fn run(
        &self,
        step: &Step<Options>,
        analysis: &Analysis,
        account: &apple_account::ApiKey,
        identities: &[Identity],
    ) -> anyhow::Result<CreatedCertificates> {
        let client = account_inputs::client(step, account, transport::Policy::default())?;
        let portal = AppStoreConnect(client);
        let mut created = CreatedCertificates::default();
        let asked = step.inputs.distribution;
        let mut distributions = vec![asked];
        if asked != Distribution::Development {
            distributions.push(Distribution::Development);
        }
        for distribution in distributions {
            let uses = uses(analysis, distribution);
            if uses.is_empty() || self.is_at_hand(&portal, identities, &uses).await? {
                continue;
            }
            if distribution == Distribution::DeveloperId {
                step.log
                    .plain("Developer ID certificates are not created: the Account Holder creates them.");
                continue;
            }
            let certificate_type = if distribution == Distribution::Development {
                "DEVELOPMENT"
            } else {
                "DISTRIBUTION"
            };
            let need = CertificateNeed {
                key: &self.key,
                uses: &uses,
                certificate_type,
                least_days: self.least_days,
            };
            let outcome = if step.inputs.mode == Mode::Plan {
                self.plan(step, &portal, need, distribution, &mut created).await
            } else {
                self.obtain(step, &portal, need, &mut created).await
            };
            match outcome {
                Err(error) if distribution != asked => step.log.warn(format!(
                    "The archive is signed without a development certificate: {error:#}."
                )),
                outcome => outcome?,
            }
        }
        Ok(created)
    }

    /// Whether an identity that is valid, and that the portal lists, serves.
    async fn is_at_hand(
        &self,
        portal: &AppStoreConnect,
        identities: &[Identity],
        uses: &[CertificateUse],
    ) -> anyhow::Result<bool> {
        let now = clock::now();
        let serving: Vec<&Certificate> = identities
            .iter()
            .map(|identity| &identity.certificate)
            .filter(|known| known.not_after > now && uses.iter().all(|purpose| purpose.takes(known.kind)))
            .collect();
        if serving.is_empty() {
            return Ok(false);
        }
        let listed = portal_access::CertificateStore::listed(portal).await;
        let listed = listed.map_err(|error| crate::advice::refused(error.into()))?;
        Ok(serving
            .iter()
            .any(|own| listed.iter().any(|known| known.serial == own.serial)))
    }

    async fn obtain(
        &self,
        step: &Step<Options>,
        portal: &AppStoreConnect,
        need: CertificateNeed<'_>,
        created: &mut CreatedCertificates,
    ) -> anyhow::Result<()> {
        let _activity = step.activity("looking for the certificate of the key");
        let supplied = obtain_certificate(portal, need).await.map_err(with_advice)?;
        let certificate = supplied
            .listed
            .certificate
            .clone()
            .context("could not read the certificate that Apple created")?;
        log_certificate(step, &supplied, &certificate);
        let identity = Identity::new(certificate, &self.key)
            .context("Apple returned a certificate for a different key")?;
        created.identities.push(identity);
        created.created += usize::from(supplied.is_new);
        Ok(())
    }

    /// Says what would be created.
    async fn plan(
        &self,
        step: &Step<Options>,
        portal: &AppStoreConnect,
        need: CertificateNeed<'_>,
        distribution: Distribution,
        created: &mut CreatedCertificates,
    ) -> anyhow::Result<()> {
        let now = clock::now();
        let listed = portal_access::CertificateStore::listed(portal).await;
        let listed = listed.map_err(|error| crate::advice::refused(error.into()))?;
        let kind = if distribution == Distribution::Development {
            CertificateKind::AppleDevelopment
        } else {
            CertificateKind::AppleDistribution
        };
        let (found, why) =
            match provisioning::find_certificate(&listed, need.key, need.uses, need.least_days, now) {
                CertificateSearch::Valid(found) => (Some(found), None),
                CertificateSearch::ExpiresSoon(found) => (
                    Some(found),
                    Some(format!(
                        "{found} expires within {}",
                        wording::counted(need.least_days, "day")
                    )),
                ),
                CertificateSearch::NotFound => (None, Some("the portal has none for the key".to_owned())),
            };
        if let Some(why) = why {
            let planned = planned(kind, &listed, now);
            step.log.plain(format!(
                "Certificate {} would be created: {why}.",
                planned.common_name
            ));
            created.planned.push(planned);
        } else if let Some(identity) = found
            .and_then(|found| found.certificate.clone())
            .and_then(|certificate| Identity::new(certificate, &self.key))
        {
            created.identities.push(identity);
        }
        Ok(())
    }
}

/// What the certificate of a distribution signs, on every platform of the project.
fn uses(analysis: &Analysis, distribution: Distribution) -> Vec<CertificateUse> {
    let mut uses: Vec<CertificateUse> = Vec::new();
    for need in analysis.needs() {
        let purpose = CertificateUse {
            platform: need.platform,
            distribution,
        };
        if !uses.contains(&purpose) {
            uses.push(purpose);
        }
    }
    uses
}

/// A certificate that does not exist yet, as a plan needs it. Its team is that of the others on the portal.
fn planned(kind: CertificateKind, listed: &[ListedCertificate], now: OffsetDateTime) -> Certificate {
    let mut known = listed.iter().filter_map(|known| known.certificate.as_ref());
    let team_id = known.find_map(|certificate| certificate.team_id.clone());
    let name = if kind == CertificateKind::AppleDevelopment {
        "Apple Development"
    } else {
        "Apple Distribution"
    };
    Certificate {
        serial: format!("{PLANNED}: {name}"),
        common_name: name.to_owned(),
        team_id,
        team_name: String::new(),
        sha1: String::new(),
        not_before: now,
        not_after: now + Duration::days(365),
        kind,
        der: Vec::new(),
    }
}

fn log_certificate(step: &Step<Options>, supplied: &ObtainedCertificate, certificate: &Certificate) {
    let facts = format!(
        "{}, team {}, serial {}, expires {}",
        certificate.common_name,
        team_text(certificate),
        certificate.serial,
        certificate.not_after.date()
    );
    let line = match (&supplied.succeeds, supplied.is_new) {
        (Some(before), _) => format!("Created {facts} as the successor of {before}."),
        (None, true) => format!("Created {facts}."),
        (None, false) => format!("Found {facts} for the key."),
    };
    step.log.plain(&line);
    if supplied.is_new {
        step.report.list("Created certificates", &[line]);
    }
    if let Some(limit_reached) = &supplied.limit_reached {
        step.log.warn(format!(
            "{} expires soon and can't be renewed. {limit_reached}. Revoke an unused one at {CERTIFICATES_PAGE}.",
            supplied.listed
        ));
    }
}

fn with_advice(error: CertificateError) -> anyhow::Error {
    let advice = match &error {
        CertificateError::CertificateLimitReached(_) => Some(format!(
            "revoke an unused one of these at {CERTIFICATES_PAGE}, or upload one of them with its private key as a .p12 file (certificate_urls), then rerun; the step revokes none that it did not create itself"
        )),
        CertificateError::Portal(error) => {
            let cause = error.source.downcast_ref::<app_store_connect::Error>();
            let status = cause.and_then(app_store_connect::Error::refusal);
            match status.map(|refusal| (refusal.status.as_u16(), refusal.is_agreement())) {
                Some((403, false)) => Some(
                    "give the API key the role Admin: other roles can't create certificates for distribution"
                        .to_owned(),
                ),
                _ => cause.and_then(|cause| about_api(cause, Duty::Signing)),
            }
        }
        CertificateError::Key(_) => None,
    };
    let error = anyhow::Error::from(error)
        .context("could not get a certificate for the key of `certificate_private_key`");
    match advice {
        Some(advice) => error.hint(advice),
        None => error,
    }
}
