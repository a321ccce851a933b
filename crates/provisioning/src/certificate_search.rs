//! Whether the portal has a certificate for a private key, and which one signs.

use apple_types::ResourceId;
use signing_assets::{Certificate, PrivateKey};
use time::{Duration, OffsetDateTime};

use crate::certificates::CertificateUse;
use crate::snapshot::PortalCertificate;

/// A certificate of the portal, with its content where the portal gives it.
#[derive(Debug, Clone)]
pub struct ListedCertificate {
    /// The portal's ID.
    pub id: ResourceId<PortalCertificate>,
    /// Apple's type, such as `DISTRIBUTION`.
    pub certificate_type: String,
    /// Its name, such as `Apple Distribution: Example GmbH`.
    pub name: String,
    /// Whom the portal shows it with; those that API keys create have `Created via API`.
    pub owner: String,
    /// Upper-case hexadecimal without leading zeros.
    pub serial: String,
    /// When it expires.
    pub expires: Option<OffsetDateTime>,
    /// What it says.
    pub certificate: Option<Certificate>,
}

impl std::fmt::Display for ListedCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (serial number {}", self.name, self.serial)?;
        if !self.owner.is_empty() {
            write!(f, ", owner {}", self.owner)?;
        }
        match self.expires {
            Some(expires) => write!(f, ", expires {})", expires.date()),
            None => f.write_str(")"),
        }
    }
}

/// What the portal has for a key.
#[derive(Debug, Clone)]
pub enum CertificateSearch<'a> {
    /// A valid certificate that does not expire soon.
    Valid(&'a ListedCertificate),
    /// A certificate that is valid and needs a successor.
    ExpiresSoon(&'a ListedCertificate),
    /// No valid certificate.
    NotFound,
}

/// The certificate for a key that serves all uses, and lasts `least_days`. Of several it is the oldest, so that all runs
/// agree on one; of those that end sooner it is the last to end.
pub fn find_certificate<'a>(
    listed: &'a [ListedCertificate],
    key: &PrivateKey,
    uses: &[CertificateUse],
    least_days: i64,
    now: OffsetDateTime,
) -> CertificateSearch<'a> {
    let serves = |known: &&ListedCertificate| {
        known.certificate.as_ref().is_some_and(|certificate| {
            certificate.not_after > now
                && uses.iter().all(|purpose| purpose.takes(certificate.kind))
                && key.belongs_to(&certificate.der)
        })
    };
    // Apple's certificates last a year, so that the first to end is the oldest. Those of one second have an order, too.
    let age = |known: &&ListedCertificate| {
        let ends = known
            .certificate
            .as_ref()
            .map(|certificate| certificate.not_after);
        (ends, known.serial.clone())
    };
    let ends_late = |known: &&ListedCertificate| {
        known
            .certificate
            .as_ref()
            .is_some_and(|certificate| certificate.not_after >= now + Duration::days(least_days))
    };
    let own = || listed.iter().filter(serves);
    match own().filter(ends_late).min_by_key(age) {
        Some(known) => CertificateSearch::Valid(known),
        None => own()
            .max_by_key(age)
            .map_or(CertificateSearch::NotFound, CertificateSearch::ExpiresSoon),
    }
}

/// The valid certificates of a type, which take the slots that Apple gives a team.
pub fn occupied_slots<'a>(
    listed: &'a [ListedCertificate],
    certificate_type: &str,
    now: OffsetDateTime,
) -> Vec<&'a ListedCertificate> {
    listed
        .iter()
        .filter(|known| known.certificate_type == certificate_type)
        .filter(|known| known.expires.is_none_or(|expires| expires > now))
        .collect()
}

#[cfg(test)]
mod tests {
    use apple_types::{Distribution, Platform};
    use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

    fn key() -> (KeyPair, PrivateKey) {
        let pair = KeyPair::generate().unwrap();
        let key = PrivateKey::read(&pair.serialize_der()).unwrap();
        (pair, key)
    }

    fn listed(name: &str, serial: u64, days: i64, pair: &KeyPair) -> ListedCertificate {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_after = NOW + Duration::days(days);
        let der = params.self_signed(pair).unwrap().der().to_vec();
        let certificate = Certificate::parse(&der).unwrap();
        ListedCertificate {
            id: ResourceId::new(format!("ID{serial}")).unwrap(),
            certificate_type: "DISTRIBUTION".to_owned(),
            name: name.to_owned(),
            owner: "Created via API".to_owned(),
            serial: certificate.serial.clone(),
            expires: Some(certificate.not_after),
            certificate: Some(certificate),
        }
    }

    fn chosen(all: &[ListedCertificate], key: &PrivateKey, days: i64) -> String {
        let uses = [CertificateUse {
            platform: Platform::Ios,
            distribution: Distribution::AppStore,
        }];
        match find_certificate(all, key, &uses, days, NOW) {
            CertificateSearch::Valid(known) => format!("lasts {}", known.id),
            CertificateSearch::ExpiresSoon(known) => format!("ends soon {}", known.id),
            CertificateSearch::NotFound => "nothing".to_owned(),
        }
    }

    #[test]
    fn only_a_certificate_for_the_key_and_the_purpose_counts() {
        let ((pair, key), (other, _)) = (key(), key());
        let distribution = "Apple Distribution: Example";
        let foreign = listed(distribution, 1, 300, &other);
        let development = listed("Apple Development: Ada", 2, 300, &pair);
        let expired = listed(distribution, 3, -1, &pair);
        let without_content = ListedCertificate {
            certificate: None,
            ..listed(distribution, 4, 300, &pair)
        };
        let all = [foreign, development, expired, without_content];
        assert_eq!(chosen(&all, &key, 14), "nothing");
        let own = listed("iPhone Distribution: Example", 5, 300, &pair);
        assert_eq!(chosen(&[all.as_slice(), &[own]].concat(), &key, 14), "lasts ID5");
    }

    #[test]
    fn of_several_the_oldest_is_everybodys_choice_and_one_that_ends_soon_is_nobodys() {
        let (pair, key) = key();
        let made = |serial, days| listed("Apple Distribution: Example", serial, days, &pair);
        let mut all = vec![made(9, 300), made(7, 300), made(1, 301), made(2, 13)];
        for _ in 0..all.len() {
            all.rotate_left(1);
            assert_eq!(chosen(&all, &key, 14), "lasts ID7");
        }
        assert_eq!(chosen(&[made(2, 13), made(3, 12)], &key, 14), "ends soon ID2");
        assert_eq!(chosen(&[made(2, 14)], &key, 14), "lasts ID2");
        assert_eq!(chosen(&[made(2, 1)], &key, 0), "lasts ID2");
    }
}
