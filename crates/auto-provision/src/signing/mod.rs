//! Who signs what: the table that the outputs are written from, and the files that hold it.

pub(crate) mod export_options;
pub(crate) mod files;
pub(crate) mod json;
pub(crate) mod xcconfig;

use std::path::PathBuf;

use anyhow::Context as _;
use plist::Dictionary;
use provisioning::{BundleIdentifier, Distribution, SignedProfile, TeamId};
use signing_assets::Certificate;
use step_kit::Advice as _;
use time::OffsetDateTime;
use xcode_project::{ManualSigning, Platform, Settings};

use crate::options::IdentityName;
use crate::project::{Analysis, Item};

/// A profile with the certificate that signs beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedWith {
    pub(crate) distribution: Distribution,
    pub(crate) profile_name: String,
    pub(crate) profile_uuid: String,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) certificate: Certificate,
    /// The certificate's team.
    pub(crate) team_id: TeamId,
}

impl SignedWith {
    fn of(signed: &SignedProfile) -> anyhow::Result<Self> {
        let certificate = signed.desired.certificates.first();
        let certificate = certificate.cloned().context("there is no certificate")?;
        let team_id = certificate.team_id.clone().ok_or_else(|| {
            anyhow::anyhow!(
                "the certificate `{}` (serial {}) names no team: its subject has no organizational unit",
                certificate.common_name,
                certificate.serial
            )
            .hint("sign with a certificate that Apple issued for the team")
        })?;
        let details = signed.profile.details.as_ref();
        let details = details.with_context(|| {
            format!(
                "could not read the profile `{}` that the portal returned",
                signed.profile.name
            )
        })?;
        Ok(Self {
            distribution: signed.desired.distribution,
            profile_name: signed.profile.name.clone(),
            profile_uuid: details.uuid.clone(),
            expires_at: details.expires_at,
            certificate,
            team_id,
        })
    }

    /// How a project file says it.
    pub(crate) fn manual_signing(&self, platform: Platform, named: IdentityName) -> ManualSigning {
        ManualSigning {
            team_id: self.team_id.to_string(),
            identity: match named {
                IdentityName::Sha1 => self.certificate.sha1.clone(),
                IdentityName::CommonName => self.certificate.common_name.clone(),
            },
            profile_uuid: self.profile_uuid.clone(),
            platform,
        }
    }
}

/// A target, and what signs it.
#[derive(Debug, Clone)]
pub(crate) struct SignedTarget {
    pub(crate) name: String,
    pub(crate) project: PathBuf,
    /// The configurations that it is signed in.
    pub(crate) configurations: Vec<String>,
    pub(crate) platform: Platform,
    pub(crate) bundle_id: BundleIdentifier,
    pub(crate) is_ui_test: bool,
    /// What it needs.
    pub(crate) entitlements: Dictionary,
    /// Its build settings before any signing, which tell how Xcode names it.
    pub(crate) settings: Settings,
    /// What the build signs it with.
    pub(crate) build: SignedWith,
    /// What the export signs it with; `None` for a UI test bundle, which is never exported.
    pub(crate) export: Option<SignedWith>,
}

/// The targets of a scheme with what signs them.
#[derive(Debug, Clone)]
pub(crate) struct SigningTable {
    pub(crate) distribution: Distribution,
    pub(crate) scheme: String,
    pub(crate) configuration: String,
    /// The main one first, UI tests last.
    pub(crate) targets: Vec<SignedTarget>,
    /// Profiles of drivers, which keep their own: bundle ID and name.
    pub(crate) kept: Vec<(BundleIdentifier, String)>,
}

impl SigningTable {
    /// # Errors
    /// When a target has no usable profile.
    pub(crate) fn of(
        analysis: &Analysis,
        signed: &[SignedProfile],
        distribution: Distribution,
    ) -> anyhow::Result<Self> {
        let archived = analysis.archived.iter().map(|item| {
            let bundle_id = &item.need.bundle_id;
            let export = find(signed, bundle_id, Some(distribution))
                .or_else(|| find(signed, bundle_id, None))
                .map(SignedWith::of);
            let configurations = vec![item.configuration.clone()];
            Ok(SignedTarget {
                export: export.transpose()?,
                ..target(
                    item,
                    configurations,
                    SignedWith::of(profile_for(signed, bundle_id)?)?,
                )
            })
        });
        let ui_tests = analysis.ui_tests.iter().map(|item| {
            let bundle_id = &item.need.bundle_id;
            let wildcard = bundle_id
                .wildcard()
                .with_context(|| format!("no wildcard profile covers `{bundle_id}`"))?;
            let configurations = item.target.configurations.clone();
            Ok(target(
                item,
                configurations,
                SignedWith::of(profile_for(signed, &wildcard)?)?,
            ))
        });
        Ok(Self {
            distribution,
            scheme: analysis.scheme.clone(),
            configuration: analysis.configuration.clone(),
            targets: archived.chain(ui_tests).collect::<anyhow::Result<_>>()?,
            kept: analysis.kept.clone(),
        })
    }

    /// The app's own target, and what the export signs it with.
    pub(crate) fn main(&self) -> anyhow::Result<(&SignedTarget, &SignedWith)> {
        let main = self.targets.first().context("there is no target")?;
        Ok((main, main.export.as_ref().unwrap_or(&main.build)))
    }

    /// The targets of the archive.
    pub(crate) fn exported(&self) -> impl Iterator<Item = (&SignedTarget, &SignedWith)> {
        self.targets
            .iter()
            .filter_map(|target| Some((target, target.export.as_ref()?)))
    }
}

fn target(item: &Item, configurations: Vec<String>, build: SignedWith) -> SignedTarget {
    SignedTarget {
        name: item.target.name.clone(),
        project: item.project.path().to_owned(),
        configurations,
        platform: item.platform,
        bundle_id: item.need.bundle_id.clone(),
        is_ui_test: item.need.ui_test,
        entitlements: item.need.entitlements.clone(),
        settings: item.settings.clone(),
        build,
        export: None,
    }
}

fn find<'a>(
    signed: &'a [SignedProfile],
    bundle_id: &BundleIdentifier,
    distribution: Option<Distribution>,
) -> Option<&'a SignedProfile> {
    let mut of_target = signed
        .iter()
        .filter(|signed| signed.desired.bundle_id == *bundle_id);
    of_target.find(|signed| distribution.is_none_or(|wanted| signed.desired.distribution == wanted))
}

/// The profile that a build uses for a bundle ID: development where there is one, since that is what builds before the
/// export.
fn profile_for<'a>(
    signed: &'a [SignedProfile],
    bundle_id: &BundleIdentifier,
) -> anyhow::Result<&'a SignedProfile> {
    find(signed, bundle_id, Some(Distribution::Development))
        .or_else(|| find(signed, bundle_id, None))
        .with_context(|| format!("there is no profile for {bundle_id}"))
}
