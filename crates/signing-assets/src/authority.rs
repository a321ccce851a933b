//! Apple's intermediate authorities: which of them issued a certificate, and until when it counts.
//!
//! Facts, as of 2026-11-25: measured from the certificates that apple-platform-rs carries; uses from Apple's page
//! <https://www.apple.com/certificateauthority/>. All generations of the WWDR authority have one common name; only the
//! organizational unit tells them apart.

use base16ct::upper::encode_string;
use time::OffsetDateTime;
use time::macros::datetime;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The common name of every WWDR authority.
const WWDR: &str = "Apple Worldwide Developer Relations Certification Authority";

/// The common name of both Developer ID authorities.
const DEVELOPER_ID: &str = "Developer ID Certification Authority";

/// One of Apple's intermediate authorities.
#[derive(Debug, PartialEq, Eq)]
pub struct Authority {
    /// What it is called, such as `WWDR G3`.
    pub name: &'static str,
    /// Its common name.
    pub common_name: &'static str,
    /// Its organizational unit.
    pub unit: &'static str,
    /// When it expires, in UTC.
    pub expires: OffsetDateTime,
    /// Its subject key ID, which the certificates that it issued name, in upper-case hexadecimal.
    key_id: &'static str,
    /// Where its certificate can be downloaded.
    pub download: &'static str,
}

/// The authorities that issue certificates which sign apps, and the first one, which has expired.
pub const AUTHORITIES: [Authority; 5] = [
    Authority {
        name: "WWDR G3",
        common_name: WWDR,
        unit: "G3",
        expires: datetime!(2030-02-20 0:00 UTC),
        key_id: "09FEC01590F9AF640A9212B92628630C97ECA7B2",
        download: "https://www.apple.com/certificateauthority/AppleWWDRCAG3.cer",
    },
    Authority {
        name: "WWDR G6",
        common_name: WWDR,
        unit: "G6",
        expires: datetime!(2036-03-19 0:00 UTC),
        key_id: "3F2F9423",
        download: "https://www.apple.com/certificateauthority/AppleWWDRCAG6.cer",
    },
    Authority {
        name: "WWDR (first generation)",
        common_name: WWDR,
        unit: "Apple Worldwide Developer Relations",
        expires: datetime!(2023-02-07 21:48:47 UTC),
        key_id: "88271709",
        download: "https://www.apple.com/certificateauthority/AppleWWDRCAG3.cer",
    },
    Authority {
        name: "Developer ID (previous sub-CA)",
        common_name: DEVELOPER_ID,
        unit: "Apple Certification Authority",
        expires: datetime!(2027-02-01 22:12:15 UTC),
        key_id: "5717EDA2CFDC7C98A110E0FCBE872D2CF2E31754",
        download: "https://www.apple.com/certificateauthority/DeveloperIDCA.cer",
    },
    Authority {
        name: "Developer ID G2",
        common_name: DEVELOPER_ID,
        unit: "G2",
        expires: datetime!(2031-09-17 0:00 UTC),
        key_id: "F83A0C691176E0EDACD1EBA659FA37D5C455B01E",
        download: "https://www.apple.com/certificateauthority/DeveloperIDG2CA.cer",
    },
];

impl Authority {
    /// Whether it is the Developer ID authority of before G2. What it issued ends with it, on 2027-02-01, whatever the
    /// certificates themselves say (fastlane #20145).
    pub fn is_previous_developer_id(&self) -> bool {
        self.common_name == DEVELOPER_ID && self.unit != "G2"
    }

    /// Whether a certificate in DER is this authority's own.
    pub fn is_subject_of(&self, der: &[u8]) -> bool {
        let Ok((_, parsed)) = X509Certificate::from_der(der) else {
            return false;
        };
        let key_id = parsed
            .extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(encode_string(id.0)),
                _ => None,
            });
        self.is_named(parsed.subject()) && self.has_key(key_id.as_deref())
    }

    fn is_named(&self, name: &x509_parser::x509::X509Name<'_>) -> bool {
        let has = |mut all: Box<dyn Iterator<Item = &x509_parser::x509::AttributeTypeAndValue<'_>> + '_>,
                   text| { all.any(|value| value.as_str() == Ok(text)) };
        has(Box::new(name.iter_common_name()), self.common_name)
            && has(Box::new(name.iter_organizational_unit()), self.unit)
    }

    /// A certificate without the extension is told by its names alone.
    fn has_key(&self, id: Option<&str>) -> bool {
        id.is_none_or(|id| id.starts_with(self.key_id))
    }
}

/// The authority that issued a certificate in DER; `None` for one that is not Apple's, or is not known.
pub fn authority_of(der: &[u8]) -> Option<&'static Authority> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let key_id = parsed
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                id.key_identifier.as_ref().map(|id| encode_string(id.0))
            }
            _ => None,
        });
    AUTHORITIES
        .iter()
        .find(|known| known.is_named(parsed.issuer()) && known.has_key(key_id.as_deref()))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair};

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or_default())
            .collect()
    }

    /// An authority with these names and this key ID, and a certificate that it issued.
    fn issued(common_name: &str, unit: &str, key_id: &str) -> (Vec<u8>, Vec<u8>) {
        let make = || -> Result<_, rcgen::Error> {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, common_name);
            params
                .distinguished_name
                .push(DnType::OrganizationalUnitName, unit);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_identifier_method = KeyIdMethod::PreSpecified(bytes(key_id));
            let key = KeyPair::generate()?;
            let own = params.self_signed(&key)?.der().to_vec();
            let issuer = Issuer::new(params, key);
            let mut leaf = CertificateParams::default();
            leaf.use_authority_key_identifier_extension = true;
            let der = leaf.signed_by(&KeyPair::generate()?, &issuer)?.der().to_vec();
            Ok((own, der))
        };
        make().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn generations_of_one_name_are_told_apart_by_unit_and_key() {
        for known in AUTHORITIES.iter().filter(|known| known.key_id.len() == 40) {
            let (own, leaf) = issued(known.common_name, known.unit, known.key_id);
            assert_eq!(authority_of(&leaf), Some(known));
            assert!(known.is_subject_of(&own), "{}", known.name);
        }
        // The name alone proves nothing.
        let (own, leaf) = issued(WWDR, "G3", &"00".repeat(20));
        assert_eq!(authority_of(&leaf), None);
        assert!(!AUTHORITIES[0].is_subject_of(&own));
        let (_, leaf) = issued(
            "Apple Sandbox Certification Authority",
            "G3",
            AUTHORITIES[0].key_id,
        );
        assert_eq!(authority_of(&leaf), None);
    }

    #[test]
    fn only_the_older_developer_id_authority_ends_in_2027() {
        let previous: Vec<&str> = AUTHORITIES
            .iter()
            .filter(|known| known.is_previous_developer_id())
            .map(|known| known.name)
            .collect();
        assert_eq!(previous, ["Developer ID (previous sub-CA)"]);
    }
}
