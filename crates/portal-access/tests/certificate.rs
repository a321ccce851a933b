//! One certificate for a key, whatever other runs do meanwhile. The store is ours, so it shows the order of looks and
//! changes alone; whole races are in `e2e/tests/certificates.rs`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::sync::Mutex;
use std::time::Duration;

use apple_types::{Distribution, Platform};
use async_trait::async_trait;
use portal_access::{
    CertificateError, CertificateNeed, CertificateStore, ObtainedCertificate, PortalError, PortalErrorKind,
    obtain_certificate,
};
use provisioning::{CertificateUse, ListedCertificate, PortalCertificate, ResourceId};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyPair,
    SerialNumber,
};
use signing_assets::{Certificate, PrivateKey};
use time::OffsetDateTime;

/// What happens when this run creates its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// Another run had created one for the same key, seconds before.
    OtherWasFirst,
    /// Another run creates one for the same key, seconds later.
    OtherIsLater,
    /// The answer gets lost, and the certificate is there.
    AnswerIsLost,
    /// Nothing else.
    Nothing,
}

struct Store {
    key: PrivateKey,
    event: Event,
    /// For how many looks new certificates are not listed.
    lag: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// With the number of the look at which it is listed.
    certificates: Vec<(usize, ListedCertificate)>,
    looks: usize,
    created: usize,
    revoked: Vec<String>,
}

impl Store {
    fn new(event: Event, lag: usize) -> Self {
        let output = std::process::Command::new("openssl")
            .args(["genrsa", "2048"])
            .output()
            .unwrap();
        Self {
            key: PrivateKey::read(&output.stdout).unwrap(),
            event,
            lag,
            inner: Mutex::default(),
        }
    }

    /// A certificate for the key, which was created so many seconds from now.
    fn add(&self, id: &str, seconds: i64, request: &str) -> ListedCertificate {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pair = KeyPair::generate().unwrap();
        let issuer = Issuer::new(authority, pair);
        let mut csr = CertificateSigningRequestParams::from_pem(request).unwrap();
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Apple Development: Created via API (X)");
        let mut inner = self.inner.lock().unwrap();
        params.serial_number = Some(SerialNumber::from(inner.certificates.len() as u64 + 1));
        params.not_after =
            OffsetDateTime::now_utc() + time::Duration::days(365) + time::Duration::seconds(seconds);
        csr.params = params;
        let der = csr.signed_by(&issuer).unwrap().der().to_vec();
        let certificate = Certificate::parse(&der).unwrap();
        let listed = ListedCertificate {
            id: ResourceId::new(id).unwrap(),
            certificate_type: "DEVELOPMENT".to_owned(),
            name: certificate.common_name.clone(),
            owner: "Created via API".to_owned(),
            serial: certificate.serial.clone(),
            expires: Some(certificate.not_after),
            certificate: Some(certificate),
        };
        let at = inner.looks + self.lag;
        inner.certificates.push((at, listed.clone()));
        listed
    }

    async fn obtain(&self) -> Result<ObtainedCertificate, CertificateError> {
        let uses = [CertificateUse {
            platform: Platform::Ios,
            distribution: Distribution::Development,
        }];
        obtain_certificate(
            self,
            CertificateNeed {
                key: &self.key,
                uses: &uses,
                certificate_type: "DEVELOPMENT",
                least_days: 14,
            },
        )
        .await
    }
}

#[async_trait]
impl CertificateStore for Store {
    async fn listed(&self) -> Result<Vec<ListedCertificate>, PortalError> {
        let mut inner = self.inner.lock().unwrap();
        inner.looks += 1;
        let looks = inner.looks;
        let listed = inner.certificates.iter().filter(|(at, _)| *at < looks);
        Ok(listed.map(|(_, known)| known.clone()).collect())
    }

    async fn create(&self, _: &str, request: &str) -> Result<ListedCertificate, PortalError> {
        self.inner.lock().unwrap().created += 1;
        if self.event == Event::OtherWasFirst {
            self.add("OTHER", -5, request);
        }
        let own = self.add("OWN", 0, request);
        match self.event {
            Event::OtherIsLater => {
                self.add("OTHER", 5, request);
            }
            Event::AnswerIsLost => {
                return Err(PortalError {
                    what: "create a certificate".to_owned(),
                    kind: PortalErrorKind::Race,
                    source: "the connection broke".into(),
                });
            }
            Event::OtherWasFirst | Event::Nothing => {}
        }
        Ok(own)
    }

    async fn revoke(&self, id: &ResourceId<PortalCertificate>) -> Result<(), PortalError> {
        let mut inner = self.inner.lock().unwrap();
        inner.revoked.push(id.to_string());
        inner.certificates.retain(|(_, known)| known.id != *id);
        Ok(())
    }

    async fn pause(&self, _: Duration) {}
}

#[tokio::test]
#[cfg_attr(no_openssl, ignore = "openssl is not installed")]
async fn a_run_revokes_its_own_certificate_where_another_was_first_and_no_other_ever() {
    for (event, chosen, revoked) in [
        (Event::OtherWasFirst, "OTHER", vec!["OWN"]),
        (Event::OtherIsLater, "OWN", vec![]),
        (Event::AnswerIsLost, "OWN", vec![]),
        (Event::Nothing, "OWN", vec![]),
    ] {
        // Apple's lists may lag behind what was created.
        for lag in [0, 3] {
            let store = Store::new(event, lag);
            let supplied = store.obtain().await.unwrap();
            let inner = store.inner.lock().unwrap();
            assert_eq!(supplied.listed.id.as_str(), chosen, "{event:?} {lag}");
            assert_eq!(inner.revoked, revoked, "{event:?} {lag}");
            assert_eq!(
                supplied.is_new,
                chosen == "OWN" && event != Event::AnswerIsLost,
                "{event:?} {lag}"
            );
        }
    }
}

#[tokio::test]
#[cfg_attr(no_openssl, ignore = "openssl is not installed")]
async fn a_list_that_never_shows_the_new_certificate_does_not_create_a_second_one() {
    let store = Store::new(Event::Nothing, 1000);
    let supplied = store.obtain().await.unwrap();
    assert_eq!((supplied.listed.id.as_str(), supplied.is_new), ("OWN", true));
    assert_eq!(store.inner.lock().unwrap().created, 1);
}
