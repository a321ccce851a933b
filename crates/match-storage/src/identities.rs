//! From stored files to identities.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use signing_assets::{Certificate, Identity, PrivateKey, read_p12};
use zeroize::Zeroizing;

use crate::cipher::{self, Failure};
use crate::error::Error;
use crate::layout::{CertificateType, Listing, Stored};
use crate::location::Selection;

/// What a storage gives.
#[derive(Debug, Default)]
pub struct Found {
    /// The identities of the types that were asked for. Of several of a type, match uses the last by name: it comes first.
    pub identities: Vec<Identity>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// The identities of a storage: of the type that the address names, else of the first type given, and of the others where
/// they are there.
pub(crate) fn assemble(
    listing: &Listing,
    types: &[CertificateType],
    selection: &Selection,
    password: Option<&SecretString>,
) -> Result<Found, Error> {
    let of_team = of_team(listing, selection)?;
    let named = selection.certificate_type;
    let types: Vec<CertificateType> = named.map_or_else(|| types.to_vec(), |one| vec![one]);
    let mut reader = Reader {
        password: password.map(ExposeSecret::expose_secret),
        opened: 0,
        refused: Vec::new(),
        notes: listing.notes.clone(),
    };
    let mut identities: Vec<Identity> = Vec::new();
    for (number, kind) in types.iter().enumerate() {
        let is_needed = number == 0;
        let files = of_type(&of_team, *kind, selection, is_needed)?;
        if files.is_empty() {
            if is_needed {
                return Err(Error::NoSuchType {
                    wanted: kind.directory(),
                    present: listing.directories(),
                });
            }
            continue;
        }
        let found = reader.identities(&files)?;
        if found.is_empty() && is_needed {
            reader.check_password()?;
            return Err(Error::NoIdentity {
                directory: kind.directory(),
                notes: reader.notes,
            });
        }
        for identity in found {
            let is_new = |known: &Identity| known.certificate.serial != identity.certificate.serial;
            if identities.iter().all(is_new) {
                identities.push(identity);
            }
        }
    }
    reader.check_password()?;
    Ok(Found {
        identities,
        notes: reader.notes,
    })
}

fn of_team<'a>(listing: &'a Listing, selection: &Selection) -> Result<Vec<&'a Stored>, Error> {
    let Some(team_id) = &selection.team_id else {
        return Ok(listing.files.iter().collect());
    };
    let is_teams = |file: &&Stored| file.place.team_id.as_ref() == Some(team_id);
    let files: Vec<&Stored> = listing.files.iter().filter(is_teams).collect();
    if files.is_empty() {
        return Err(Error::NoSuchTeam {
            team_id: team_id.clone(),
            teams: listing.teams().into_iter().map(str::to_owned).collect(),
        });
    }
    Ok(files)
}

/// The files of a type, the last by name first, as match chooses.
fn of_type<'a>(
    files: &[&'a Stored],
    kind: CertificateType,
    selection: &Selection,
    is_needed: bool,
) -> Result<Vec<&'a Stored>, Error> {
    let mut own: Vec<&Stored> = files
        .iter()
        .filter(|file| file.place.directory == kind.directory())
        .copied()
        .collect();
    own.sort_by(|a, b| b.place.cmp(&a.place));
    let Some(id) = selection
        .certificate_id
        .as_ref()
        .filter(|_| is_needed && !own.is_empty())
    else {
        return Ok(own);
    };
    let ids: BTreeSet<String> = own.iter().map(|file| file.place.id.clone()).collect();
    own.retain(|file| file.place.id == *id);
    if own.is_empty() {
        return Err(Error::NoSuchCertificate {
            id: id.clone(),
            directory: kind.directory(),
            ids: ids.into_iter().collect(),
        });
    }
    Ok(own)
}

/// Decrypts files, and notes which can't be.
struct Reader<'a> {
    password: Option<&'a str>,
    /// How many encrypted files were opened.
    opened: usize,
    /// Those that the password did not open.
    refused: Vec<String>,
    notes: Vec<String>,
}

impl Reader<'_> {
    /// The identities of files of one type.
    fn identities(&mut self, files: &[&Stored]) -> Result<Vec<Identity>, Error> {
        let mut certificates: Vec<(&Stored, Certificate)> = Vec::new();
        let mut keys: Vec<(&Stored, PrivateKey)> = Vec::new();
        let mut identities: Vec<Identity> = Vec::new();
        for file in files {
            let Some(content) = self.open(file)? else { continue };
            if file.place.is_certificate {
                match certificate(&content) {
                    Some(certificate) => certificates.push((file, certificate)),
                    None => self.note(file, "it is no certificate"),
                }
            } else if content.trim_ascii_start().starts_with(b"-----BEGIN") {
                match PrivateKey::read(&content) {
                    Ok(key) => keys.push((file, key)),
                    Err(error) => self.note(file, &error.to_string()),
                }
            } else {
                match self.p12(&content) {
                    Ok(of_p12) => identities.extend(of_p12),
                    Err(error) => self.note(file, &error.to_string()),
                }
            }
        }
        for (file, certificate) in certificates {
            let is_packed = |identity: &Identity| identity.certificate.serial == certificate.serial;
            if identities.iter().any(is_packed) {
                continue;
            }
            // match pairs files by their names. The public key says whether that is right.
            let own = keys.iter().find(|(_, key)| key.belongs_to(&certificate.der));
            match own.and_then(|(_, key)| Identity::new(certificate, key)) {
                Some(identity) => identities.push(identity),
                None if keys.iter().any(|(of, _)| of.place.id == file.place.id) => {
                    self.note(file, "the key of the same name belongs to another certificate");
                }
                None => self.note(file, "its private key is not there"),
            }
        }
        Ok(identities)
    }

    /// The content of a file; `None` when it can't be had, which is noted.
    fn open(&mut self, file: &Stored) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        match cipher::open(&file.content, self.password) {
            Ok(content) => {
                self.opened += usize::from(*content != *file.content);
                Ok(Some(content))
            }
            Err(Failure::NoPassword) => Err(Error::NoPassword),
            Err(Failure::Refused) => {
                self.refused.push(file.place.path.clone());
                Ok(None)
            }
            Err(Failure::Other(what)) => {
                self.note(file, &format!("it is {what}"));
                Ok(None)
            }
        }
    }

    /// `match import` stores a `.p12` as it is, which must have an empty passphrase.
    fn p12(&self, content: &[u8]) -> Result<Vec<Identity>, signing_assets::P12Error> {
        match (read_p12(content, ""), self.password) {
            (Err(signing_assets::P12Error::WrongPassphrase), Some(password)) => read_p12(content, password),
            (outcome, _) => outcome,
        }
    }

    fn note(&mut self, file: &Stored, why: &str) {
        self.notes.push(format!("{} is skipped: {why}", file.place.path));
    }

    /// A password that opens nothing is wrong; where it opens some files, the others have another one, or are damaged.
    fn check_password(&mut self) -> Result<(), Error> {
        let refused = std::mem::take(&mut self.refused);
        match refused.first() {
            Some(example) if self.opened == 0 => Err(Error::WrongPassword {
                files: refused.len(),
                example: example.clone(),
            }),
            _ => {
                let why = "the password that decrypts the other files does not decrypt it";
                self.notes
                    .extend(refused.iter().map(|path| format!("{path} is skipped: {why}")));
                Ok(())
            }
        }
    }
}

/// A certificate in DER or PEM.
fn certificate(content: &[u8]) -> Option<Certificate> {
    let pem = x509_parser::pem::Pem::iter_from_buffer(content)
        .flatten()
        .find(|block| block.label == "CERTIFICATE");
    Certificate::parse(pem.as_ref().map_or(content, |block| &block.contents)).ok()
}
