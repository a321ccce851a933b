//! The proof of delivery where altool gives none: App Store Connect itself.

use apple_account::Account;
use step_kit::{Advice as _, Step};

use crate::answer::Delivery;
use crate::artifact::Artifact;
use crate::inputs::Inputs;

/// Asks App Store Connect whether it has the build.
///
/// # Errors
/// When it does not, or can't be asked: an upload that nobody has seen is a failure.
pub(crate) async fn of_delivery(
    _step: &Step<Inputs>,
    artifact: &Artifact,
    _account: &Account,
    what: &'static str,
) -> anyhow::Result<Delivery> {
    Err(anyhow::anyhow!("{what}")
        .context(format!("whether {} was delivered is not clear", artifact.name()))
        .hint("look whether the build shows up in App Store Connect > TestFlight before you upload it again"))
}
