//! Making fastlane ready.

use std::path::Path;

use command::Command;
use fastlane_runner::{Error, Gems, Launcher, Lockfile, Retry, Ruby, Wanted};
use step_kit::{Advice as _, Step};

use crate::inputs::Inputs;

/// Installs what is missing and says how fastlane is started: through Bundler where a lock file pins it, else
/// by its name, updated before if the inputs say so.
pub(crate) async fn ready(step: &Step<Inputs>, directory: &Path) -> anyhow::Result<Launcher> {
    step.log.heading("fastlane");
    prepare(step, directory).await.map_err(|error| {
        let advice = error.advice();
        anyhow::Error::from(error)
            .context("fastlane could not be made ready")
            .hint(advice)
    })
}

async fn prepare(step: &Step<Inputs>, directory: &Path) -> Result<Launcher, Error> {
    let lock = Lockfile::find(directory)?;
    let pinned = lock.as_ref().filter(|lock| lock.fastlane().is_some());
    let ruby = Ruby::find(&step.runner);
    if let Some(ruby) = &ruby {
        show_ruby(step, ruby, directory).await;
    }
    let gems = |ruby| Gems {
        runner: &step.runner,
        log: &step.log,
        ruby,
        directory,
        retry: Retry::Network,
    };
    let launcher = match (pinned, &ruby) {
        (Some(lock), Some(ruby)) => {
            step.log.plain(format!(
                "The lock file pins fastlane {} and {}.",
                lock.fastlane().unwrap_or_default(),
                match &lock.bundled_with {
                    Some(version) => format!("Bundler {version}"),
                    None => "no version of Bundler".to_owned(),
                }
            ));
            gems(ruby).install_bundle(lock, true).await?
        }
        (None, Some(ruby)) if step.inputs.update_fastlane.is_on() => {
            step.log
                .plain("No lock file pins fastlane: installing the newest.");
            gems(ruby).install_fastlane(Wanted::Newest).await?;
            Launcher::installed(None, directory)
        }
        // A fastlane that brings its own Ruby, such as Homebrew's, needs none on PATH.
        (None, _) if !step.inputs.update_fastlane.is_on() => {
            step.log.plain("Using the installed fastlane.");
            Launcher::installed(None, directory)
        }
        (_, None) => return Err(Error::Missing { program: "ruby" }),
        (None, Some(_)) => Launcher::installed(None, directory),
    };
    launcher.show_version(&step.runner, &step.log).await?;
    Ok(launcher)
}

async fn show_ruby(step: &Step<Inputs>, ruby: &Ruby, directory: &Path) {
    let version = step
        .runner
        .output(Command::new("ruby").arg("--version").current_dir(directory))
        .await
        .ok()
        .filter(command::Output::success)
        .map(|output| output.stdout.trim().to_owned())
        .filter(|version| !version.is_empty());
    let version = version
        .as_deref()
        .unwrap_or("a Ruby that does not tell its version");
    step.log
        .plain(format!("{version}, {} ({})", ruby.manager, ruby.path.display()));
}
