//! Profiles of the input `fallback_provisioning_profile_url_list`, which sign where automatic signing failed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use portal_access::Reconciled;
use provisioning::{CertificateChoice, Policy, PortalAccess};
use signing_assets::{Certificate, Identity, Profile};
use step_kit::{InputProblems, Secret, Step};

use crate::finish::{self, Machine, Projects};
use crate::options::{Mode, Options};
use crate::project::Analysis;

/// Far more than any profile: those with a thousand devices have 100 KB.
const LARGEST_PROFILE: u64 = 16 << 20;

/// Signs with the profiles of the input where there are any. What stopped automatic signing stays the cause: where these
/// profiles do not fit either, it is reported, and why they do not is said before.
///
/// # Errors
/// With `error`, when there are no such profiles, or they do not fit.
pub async fn fall_back(
    step: &Step<Options>,
    analysis: &Analysis,
    identities: &[Identity],
    certificates: &[Certificate],
    machine: &Machine,
    error: anyhow::Error,
) -> anyhow::Result<()> {
    let Some(list) = &step.inputs.fallback_profiles else {
        return Err(error);
    };
    // A wrong input is corrected, not worked around.
    if step.inputs.mode == Mode::Plan || step_kit::find::<InputProblems>(&error).is_some() {
        return Err(error);
    }
    step.log.warn(format!(
        "Automatic signing failed: {error:#}. Trying the profiles of fallback_provisioning_profile_url_list."
    ));
    match sign(step, analysis, identities, certificates, machine, list).await {
        Ok(()) => Ok(()),
        Err(reason) => {
            step.log
                .warn(format!("The fallback profiles can't be used: {reason:#}."));
            Err(error)
        }
    }
}

async fn sign(
    step: &Step<Options>,
    analysis: &Analysis,
    identities: &[Identity],
    certificates: &[Certificate],
    machine: &Machine,
    list: &Secret,
) -> anyhow::Result<()> {
    let mut profiles = Vec::new();
    for item in items(list.expose()) {
        for content in contents(&item).await? {
            let profile =
                Profile::parse(&content).context("one of the files is not a provisioning profile")?;
            profiles.push((profile, content));
        }
    }
    let policy = Policy {
        access: PortalAccess::Session,
        distribution: step.inputs.distribution,
        min_profile_days_valid: 0,
        test_devices: Vec::new(),
        certificates: CertificateChoice::Each,
    };
    let analysis = &analysis.clone().signed_with(certificates)?;
    let desired_profiles = provisioning::desired_profiles(&analysis.needs(), &policy, certificates)?;
    let signed = provisioning::choose_among(&desired_profiles, &profiles, clock::now())?;
    for signed in &signed {
        step.log.plain(format!(
            "{} for {}",
            signed.profile.name, signed.desired.bundle_id
        ));
    }
    let reconciled = Reconciled {
        signed,
        ..Reconciled::default()
    };
    finish::finish(step, analysis, identities, &reconciled, machine, Projects::Edit).await
}

/// The items of the input: one per line, or separated by bars on one line.
fn items(text: &str) -> Vec<String> {
    let text = text.trim();
    let separator = if text.contains('\n') { '\n' } else { '|' };
    text.split(separator)
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The files that an item stands for: one that an address names, or every profile of a directory.
async fn contents(item: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    if item.contains("://") {
        // The address may be a secret.
        let file = apple_account::read_file(item)
            .await
            .context("a fallback profile can't be read")?;
        return Ok(vec![file]);
    }
    let folder = Path::new(item);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("the directory `{item}` can't be read"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let is_profile = path
                .extension()
                .is_some_and(|end| end == "mobileprovision" || end == "provisionprofile");
            is_profile && path.is_file()
        })
        .collect();
    paths.sort();
    anyhow::ensure!(
        !paths.is_empty(),
        "the directory `{item}` holds no provisioning profile"
    );
    paths
        .iter()
        .map(|path| {
            files::read(path, LARGEST_PROFILE).with_context(|| format!("`{}` can't be read", path.display()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::items;

    #[test]
    fn items_stand_on_lines_or_between_bars() {
        assert_eq!(items(" a | b||"), ["a", "b"]);
        assert_eq!(items("file:///a|b\nc\n"), ["file:///a|b", "c"]);
    }
}
