//! A certificate for a private key: found on the portal, or created there from a request (CSR).
//!
//! Runs that start at once agree on one certificate: each looks before and after it creates, all use the oldest, and a run
//! revokes what it has just created itself where another one was first. Nothing else is ever revoked.

use std::time::Duration;

use app_store_connect::resources as asc;
use app_store_connect::{Error as AscError, Resource};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provisioning::{
    CertificateSearch, CertificateUse, ListedCertificate, PortalCertificate, ResourceId, find_certificate,
    occupied_slots,
};
use signing_assets::{Certificate, PrivateKey};
use time::OffsetDateTime;

use crate::portal::{AppStoreConnect, PortalError, PortalErrorKind, listed_id, portal_error, serial_number};

/// Validity is counted in seconds: after this, whatever was created in the same second is listed.
const SETTLE: Duration = Duration::from_secs(2);

/// How long Apple's certificates are valid.
const VALIDITY: time::Duration = time::Duration::days(365);

/// A certificate that is younger may still be revoked by the run that created it.
const YOUNG: time::Duration = time::Duration::minutes(15);

/// How often it is looked again before an answer counts that another run may have caused.
const PATIENCE: usize = 3;

/// How often it is looked at all.
const LOOKS: usize = 12;

/// A portal's certificates.
#[async_trait]
pub trait CertificateStore: Sync {
    /// All of them.
    async fn listed(&self) -> Result<Vec<ListedCertificate>, PortalError>;
    /// Creates one from a request in PEM, and returns it.
    async fn create(&self, certificate_type: &str, request: &str) -> Result<ListedCertificate, PortalError>;
    /// Revokes the one with this portal ID.
    async fn revoke(&self, id: &ResourceId<PortalCertificate>) -> Result<(), PortalError>;
    /// Waits.
    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// What a certificate is needed for.
#[derive(Debug, Clone, Copy)]
pub struct CertificateNeed<'a> {
    /// The key that signs.
    pub key: &'a PrivateKey,
    /// What it signs.
    pub uses: &'a [CertificateUse],
    /// Apple's type of one that is created.
    pub certificate_type: &'a str,
    /// One that ends sooner, in days, gets a successor.
    pub least_days: i64,
}

/// A certificate for the key.
#[derive(Debug, Clone)]
pub struct ObtainedCertificate {
    /// The certificate.
    pub listed: ListedCertificate,
    /// Whether this run has created it.
    pub is_new: bool,
    /// The one that it succeeds.
    pub succeeds: Option<ListedCertificate>,
    /// Those that leave no room for a successor.
    pub limit_reached: Option<CertificateLimitReached>,
}

/// All slots are taken.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "Apple creates no other certificate of the type {certificate_type}: {words} The slots are taken by {}",
    list(occupied_slots)
)]
pub struct CertificateLimitReached {
    /// Apple's type.
    pub certificate_type: String,
    /// What Apple said.
    pub words: String,
    /// Those that take the slots.
    pub occupied_slots: Vec<ListedCertificate>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// All slots are taken.
    #[error(transparent)]
    CertificateLimitReached(#[from] CertificateLimitReached),
    /// The portal refused, or gave no usable answer.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// The request can't be made.
    #[error(transparent)]
    Key(#[from] signing_assets::PrivateKeyError),
}

fn list(certificates: &[ListedCertificate]) -> String {
    let names: Vec<String> = certificates.iter().map(ToString::to_string).collect();
    if names.is_empty() {
        "certificates that the portal does not list".to_owned()
    } else {
        names.join("; ")
    }
}

/// Finds the certificate for a key, or creates it where a slot is free.
///
/// # Errors
/// When there is none and none can be created. What this run has created and does not use is revoked then, too.
pub async fn obtain_certificate(
    store: &dyn CertificateStore,
    need: CertificateNeed<'_>,
) -> Result<ObtainedCertificate, CertificateError> {
    let mut own: Option<ListedCertificate> = None;
    let mut succeeds: Option<ListedCertificate> = None;
    let (mut looked_again, mut refusals, mut unsure) = (false, 0, 0_usize);
    let mut failure: Option<PortalError> = None;
    for _ in 0..LOOKS {
        let now = clock::now();
        let all = store.listed().await?;
        let ending = match find_certificate(&all, need.key, need.uses, need.least_days, now) {
            CertificateSearch::Valid(found) if own.is_none() && !looked_again && is_young(found, now) => {
                // Its creator may be about to revoke it in favor of an older one.
                looked_again = true;
                store.pause(SETTLE).await;
                continue;
            }
            CertificateSearch::Valid(found) => {
                let is_new = own.as_ref().is_some_and(|own| own.id == found.id);
                if let Some(own) = own.filter(|_| !is_new) {
                    store.revoke(&own.id).await?;
                }
                return Ok(ObtainedCertificate {
                    listed: found.clone(),
                    is_new,
                    succeeds: succeeds.filter(|_| is_new),
                    limit_reached: None,
                });
            }
            CertificateSearch::ExpiresSoon(found) => Some(found),
            CertificateSearch::NotFound => None,
        };
        if own.is_some() || unsure > 0 {
            // It is not listed yet.
            unsure = unsure.saturating_sub(1);
            store.pause(SETTLE).await;
            continue;
        }
        // Apple ignores the subject.
        let request = need.key.certificate_request("PEM")?;
        match store.create(need.certificate_type, &request).await {
            Ok(created) => {
                succeeds = ending.cloned();
                own = Some(created);
                store.pause(SETTLE).await;
            }
            Err(error) => {
                let limit = limit_of(&error);
                // Another run may have taken the last slot for the same key, and its certificate is not listed yet.
                refusals += 1;
                if refusals < PATIENCE && (limit.is_some() || error.kind == PortalErrorKind::Race) {
                    if error.kind == PortalErrorKind::Race {
                        // The answer got lost, and the certificate may be there before lists show it.
                        unsure = PATIENCE;
                    }
                    failure = Some(error);
                    store.pause(SETTLE).await;
                    continue;
                }
                let Some(words) = limit else {
                    return Err(error.into());
                };
                let limit_reached = CertificateLimitReached {
                    certificate_type: need.certificate_type.to_owned(),
                    words,
                    occupied_slots: occupied_slots(&all, need.certificate_type, now)
                        .into_iter()
                        .cloned()
                        .collect(),
                };
                return match ending {
                    Some(found) => Ok(ObtainedCertificate {
                        listed: found.clone(),
                        is_new: false,
                        succeeds: None,
                        limit_reached: Some(limit_reached),
                    }),
                    None => Err(limit_reached.into()),
                };
            }
        }
    }
    match (own, failure) {
        // Apple has created it, and its list lags behind.
        (Some(own), _) => Ok(ObtainedCertificate {
            listed: own,
            is_new: true,
            succeeds,
            limit_reached: None,
        }),
        (None, Some(failure)) => Err(failure.into()),
        (None, None) => Err(PortalError {
            what: "find the certificate".to_owned(),
            kind: PortalErrorKind::Race,
            source: "the portal's list keeps changing".into(),
        }
        .into()),
    }
}

fn is_young(listed: &ListedCertificate, now: OffsetDateTime) -> bool {
    listed
        .expires
        .is_some_and(|expires| (expires - VALIDITY - now).abs() < YOUNG)
}

/// What Apple says when all slots are taken.
fn limit_of(error: &PortalError) -> Option<String> {
    error.source.downcast_ref::<AscError>()?.certificate_limit()
}

#[async_trait]
impl CertificateStore for AppStoreConnect {
    async fn listed(&self) -> Result<Vec<ListedCertificate>, PortalError> {
        let all = self.0.items(&asc::Certificates).await;
        let all = all.map_err(portal_error("list the certificates"))?;
        all.data
            .into_iter()
            .map(|found| listed(found, "list the certificates"))
            .collect()
    }

    async fn create(&self, certificate_type: &str, request: &str) -> Result<ListedCertificate, PortalError> {
        let call = asc::CreateCertificate {
            certificate_type,
            request,
        };
        let what = format!("create a certificate of the type {certificate_type}");
        let created = self.0.send(&call).await.map_err(portal_error(what.clone()))?;
        listed(created.data, &what)
    }

    async fn revoke(&self, id: &ResourceId<PortalCertificate>) -> Result<(), PortalError> {
        match self.0.send(&asc::RevokeCertificate(id.as_str())).await {
            Ok(_) => Ok(()),
            // It is gone already.
            Err(error)
                if error
                    .refusal()
                    .is_some_and(|refusal| refusal.status.as_u16() == 404) =>
            {
                Ok(())
            }
            Err(error) => Err(portal_error("revoke the certificate that this run has created")(
                error,
            )),
        }
    }
}

fn listed(resource: Resource<asc::Certificate>, what: &str) -> Result<ListedCertificate, PortalError> {
    let attributes = resource.attributes;
    let der = STANDARD.decode(attributes.certificate_content.trim()).ok();
    let certificate = der.and_then(|der| Certificate::parse(&der).ok());
    Ok(ListedCertificate {
        id: listed_id(resource.id, what)?,
        certificate_type: attributes.certificate_type,
        name: attributes.name,
        owner: attributes.display_name,
        serial: serial_number(&attributes.serial_number),
        expires: certificate
            .as_ref()
            .map(|certificate| certificate.not_after)
            .or(attributes.expiration_date),
        certificate,
    })
}
