//! Signed data (CMS, RFC 5652) around a profile, written by hand: the only writer at hand does not compile
//! with today's crates.

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::pki::Authority;

/// The DER of one value.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ 0..=0x7f => out.push(u8::try_from(length).unwrap_or(0)),
        length => {
            let bytes: Vec<u8> = length
                .to_be_bytes()
                .into_iter()
                .skip_while(|byte| *byte == 0)
                .collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(0));
            out.extend(bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

fn set(parts: &[&[u8]]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = parts.to_vec();
    // DER sorts the members of a set.
    parts.sort();
    der(0x31, &parts.concat())
}

// Object identifiers in DER.
const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const CONTENT_TYPE: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SIGNING_TIME: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];
const SHA256: &[u8] = &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const ECDSA_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ONE: &[u8] = &[0x02, 0x01, 0x01];

/// `content`, signed by the CA.
pub(crate) fn sign(content: &[u8], authority: &Authority, now: OffsetDateTime) -> Vec<u8> {
    let (issuer, serial) = issuer_and_serial(&authority.der);
    let digest_algorithm = sequence(&[SHA256]);
    let time = format!(
        "{:02}{:02}{:02}{:02}{:02}{:02}Z",
        now.year() % 100,
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    );
    let attribute = |oid: &[u8], value: &[u8]| sequence(&[oid, &set(&[value])]);
    let content_type = attribute(CONTENT_TYPE, DATA);
    let digest = attribute(MESSAGE_DIGEST, &der(0x04, &Sha256::digest(content)));
    let signing_time = attribute(SIGNING_TIME, &der(0x17, time.as_bytes()));
    let attributes = set(&[&content_type, &digest, &signing_time]);
    let signature = authority.sign(&attributes);
    // The attributes are signed as a set, and written under a tag of their own.
    let mut tagged = attributes;
    if let Some(tag) = tagged.first_mut() {
        *tag = 0xa0;
    }
    let signer = sequence(&[
        ONE,
        &sequence(&[&issuer, &serial]),
        &digest_algorithm,
        &tagged,
        &sequence(&[ECDSA_SHA256]),
        &der(0x04, &signature),
    ]);
    let signed = sequence(&[
        ONE,
        &set(&[&digest_algorithm]),
        &sequence(&[DATA, &der(0xa0, &der(0x04, content))]),
        &der(0xa0, &authority.der),
        &set(&[&signer]),
    ]);
    sequence(&[SIGNED_DATA, &der(0xa0, &signed)])
}

fn issuer_and_serial(certificate: &[u8]) -> (Vec<u8>, Vec<u8>) {
    match x509_parser::parse_x509_certificate(certificate) {
        Ok((_, certificate)) => (
            certificate.issuer().as_raw().to_vec(),
            der(0x02, certificate.raw_serial()),
        ),
        Err(_) => (sequence(&[]), ONE.to_vec()),
    }
}
