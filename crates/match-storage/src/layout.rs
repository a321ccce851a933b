//! Where match keeps what: `[<team ID>/]certs/<type>/<certificate ID>.{cer,p12}`, below any prefix.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use crate::error::Error;

/// More certificates and keys than any team has.
const MOST_FILES: usize = 2_000;

/// Larger than any stored certificate or key, in bytes.
pub(crate) const LARGEST_FILE: u64 = 1 << 20;

/// A kind of certificate that match keeps in its own directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateType {
    /// `Apple Development` and its older names.
    Development,
    /// `Apple Distribution` and its older names: for the App Store and ad hoc.
    Distribution,
    /// In-house distribution of the Enterprise Program.
    Enterprise,
    /// `Developer ID Application`.
    DeveloperIdApplication,
    /// `Developer ID Installer`.
    DeveloperIdInstaller,
    /// `Mac Installer Distribution`.
    MacInstallerDistribution,
}

impl CertificateType {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Development,
        Self::Distribution,
        Self::Enterprise,
        Self::DeveloperIdApplication,
        Self::DeveloperIdInstaller,
        Self::MacInstallerDistribution,
    ];

    /// The directory below `certs`.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Distribution => "distribution",
            Self::Enterprise => "enterprise",
            Self::DeveloperIdApplication => "developer_id_application",
            Self::DeveloperIdInstaller => "developer_id_installer",
            Self::MacInstallerDistribution => "mac_installer_distribution",
        }
    }

    /// The type that match's own option `type` means, such as `appstore`, or a directory's name.
    pub fn of(text: &str) -> Option<Self> {
        match text {
            "appstore" | "adhoc" => Some(Self::Distribution),
            "developer_id" => Some(Self::DeveloperIdApplication),
            _ => Self::ALL.into_iter().find(|kind| kind.directory() == text),
        }
    }
}

/// What a path of the storage says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The whole path, for messages and for match's order.
    pub(crate) path: String,
    /// The last directory above `certs`, which is the team ID in storages other than Git.
    pub(crate) team_id: Option<String>,
    /// The directory below `certs`.
    pub(crate) directory: String,
    /// The file name without its extension: the ID of the certificate.
    pub(crate) id: String,
    /// Whether it is a certificate, rather than a key.
    pub(crate) is_certificate: bool,
}

impl Place {
    /// `None` for what is no certificate or key of match's.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        let [above @ .., "certs", directory, name] = parts.as_slice() else {
            return None;
        };
        // What Git keeps for itself, and what macOS puts into archives.
        if above
            .iter()
            .any(|part| matches!(*part, ".git" | "__MACOSX" | ".."))
            || name.starts_with("._")
        {
            return None;
        }
        let (id, extension) = name.rsplit_once('.')?;
        let is_certificate = match extension.to_ascii_lowercase().as_str() {
            "cer" => true,
            "p12" => false,
            _ => return None,
        };
        let is_team =
            |part: &&&str| part.len() == 10 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Some(Self {
            path: parts.join("/"),
            team_id: above.last().filter(is_team).map(|team| (*team).to_owned()),
            directory: (*directory).to_owned(),
            id: id.to_owned(),
            is_certificate,
        })
    }
}

/// A file as it is stored.
pub(crate) struct Stored {
    pub(crate) place: Place,
    pub(crate) content: Zeroizing<Vec<u8>>,
}

/// The certificates and keys of a storage, as they are stored.
#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<Stored>,
    /// What was left out, and why.
    pub(crate) notes: Vec<String>,
}

impl Listing {
    /// Adds a file.
    ///
    /// # Errors
    /// When there are more than any team has.
    pub(crate) fn add(&mut self, place: Place, content: Vec<u8>) -> Result<(), Error> {
        if self.files.len() >= MOST_FILES {
            return Err(Error::TooManyFiles);
        }
        let content = Zeroizing::new(content);
        self.files.push(Stored { place, content });
        Ok(())
    }

    /// Leaves a file out.
    pub(crate) fn skip(&mut self, place: &Place, why: &str) {
        // A hostile storage has no end of them.
        if self.notes.len() < 20 {
            self.notes.push(format!("{} is skipped: {why}", place.path));
        }
    }

    /// What is there, by directory, such as `certs/development (2)`.
    pub(crate) fn directories(&self) -> Vec<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for file in self.files.iter().filter(|file| file.place.is_certificate) {
            *counts.entry(&file.place.directory).or_default() += 1;
        }
        counts
            .into_iter()
            .map(|(directory, count)| format!("certs/{directory} ({count})"))
            .collect()
    }

    /// The teams that have their own directories.
    pub(crate) fn teams(&self) -> BTreeSet<&str> {
        self.files
            .iter()
            .filter_map(|file| file.place.team_id.as_deref())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_match_are_found_below_any_prefix_and_nothing_else_is() {
        for (path, team) in [
            ("certs/distribution/ABC123.cer", None),
            ("./certs/distribution/ABC123.cer", None),
            ("TEAM123456/certs/distribution/ABC123.cer", Some("TEAM123456")),
            (
                "bucket/prefix/TEAM123456/certs/distribution/ABC123.CER",
                Some("TEAM123456"),
            ),
            ("example-certificates-0a1b2c3/certs/distribution/ABC123.cer", None),
        ] {
            let place = Place::of(path).unwrap();
            assert_eq!(
                (place.team_id.as_deref(), place.id.as_str()),
                (team, "ABC123"),
                "{path}"
            );
            assert!(place.is_certificate && place.directory == "distribution");
        }
        for path in [
            "profiles/appstore/AppStore_com.example.mobileprovision",
            "certs/ABC123.cer",
            "certs/distribution/nested/ABC123.cer",
            "certs/distribution/README.md",
            "certs/distribution/ABC123",
            ".git/certs/distribution/ABC123.cer",
            "__MACOSX/certs/distribution/._ABC123.cer",
            "../certs/distribution/ABC123.cer",
            "certs/distribution/._ABC123.p12",
            "",
        ] {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }

    #[test]
    fn types_are_named_as_match_names_them() {
        for (name, kind) in [
            ("appstore", CertificateType::Distribution),
            ("adhoc", CertificateType::Distribution),
            ("development", CertificateType::Development),
            ("enterprise", CertificateType::Enterprise),
            ("developer_id", CertificateType::DeveloperIdApplication),
            ("developer_id_installer", CertificateType::DeveloperIdInstaller),
        ] {
            assert_eq!(CertificateType::of(name), Some(kind));
        }
        assert_eq!(CertificateType::of("app-store"), None);
    }
}
