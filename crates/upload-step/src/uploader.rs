//! An uploader that the next run can clean up after.

use std::fmt;

use account_inputs::client;
use apple_account::ApiKey;
use build_upload::{Package, Uploader};
use step_kit::{Advice as _, Claimed, Holder, Step};
use time::macros::format_description;
use transport::{Journal, Policy, Transfer};

use crate::reserved::{KIND, Owner, Reservation, observer, take_over};

/// Another run on this machine uploads the same build now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another run on this machine{} is uploading version {short_version} ({version}) now", about(.holder))]
pub struct Busy {
    /// The version.
    pub short_version: String,
    /// The build number.
    pub version: String,
    /// That run.
    pub holder: Holder,
}

/// ` (process 4711, since 2026-11-26 10:02:11 UTC)`, as far as it is known.
fn about(holder: &Holder) -> impl fmt::Display {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let since = holder.since().and_then(|since| since.format(format).ok());
    let facts = [
        holder.process.map(|process| format!("process {process}")),
        since.map(|since| format!("since {since}")),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    if facts.is_empty() {
        String::new()
    } else {
        format!(" ({})", facts.join(", "))
    }
}

/// An uploader for the package. It continues the upload that a killed run reserved for this very file; uploads of other
/// files that killed runs reserved are withdrawn. A signal that ends the run withdraws its own.
///
/// # Errors
/// [`Busy`] when another living run on this machine uploads this build: its upload would be withdrawn otherwise.
pub async fn uploader<I>(step: &Step<I>, key: &ApiKey, package: &Package) -> anyhow::Result<Uploader> {
    let client = client(step, key, Policy::default())?;
    let owner = Owner::of(step, key);
    let reservation = Reservation::default();
    match step.claim(KIND, &name(&owner, package)) {
        Ok(Claimed::Granted(claim)) => reservation.hold(claim),
        Ok(Claimed::Taken(holder)) => {
            let busy = Busy {
                short_version: package.short_version.clone(),
                version: package.version.clone(),
                holder,
            };
            return Err(anyhow::Error::from(busy).context("the upload failed").hint(
                "wait until that run has ended, then rerun the step: it finds the build delivered, or uploads it. Builds that are uploaded at the same time need different build numbers (CFBundleVersion)",
            ));
        }
        // What two runs at the same time do is not worth an upload.
        Err(error) => tracing::debug!("the build can't be claimed: {error}"),
    }
    let mut uploader = Uploader::new(client.clone(), Transfer::new(Journal::default())?)
        .observed(observer(step, &owner, package, &reservation))
        .telling_sha256({
            let reservation = reservation.clone();
            move |sha256| reservation.note_sha256(sha256)
        });
    if let Some(upload) = take_over(step, &client, &owner, package, &reservation).await {
        uploader = uploader.continuing(upload);
    }
    let at_the_end = uploader.clone();
    step.on_interruption(async move { at_the_end.withdraw().await });
    Ok(uploader)
}

/// What App Store Connect tells builds apart by.
fn name(owner: &Owner, package: &Package) -> String {
    let Package {
        app,
        platform,
        short_version,
        version,
        ..
    } = package;
    [
        owner.api.as_str(),
        app,
        platform.api_name(),
        short_version,
        version,
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_says_nothing_of_itself_is_named_all_the_same() {
        let busy = Busy {
            short_version: "1.2.3".to_owned(),
            version: "42".to_owned(),
            holder: Holder::default(),
        };
        assert_eq!(
            busy.to_string(),
            "another run on this machine is uploading version 1.2.3 (42) now"
        );
    }
}
