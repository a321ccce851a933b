//! Making fastlane ready.

use std::path::Path;

use fastlane_runner::{Error, Gemfile, Gems, Launcher, Lockfile, Retry, Ruby, Wanted};
use fastlane_step::{LogReporter, check_gemfile, describe_lock, resolving};
use step_kit::Step;

use crate::inputs::Inputs;

/// A fastlane that can be started.
pub(crate) struct Ready {
    pub(crate) launcher: Launcher,
    /// The Gemfile whose gems it uses.
    pub(crate) bundle: Option<Gemfile>,
}

/// Installs what is missing and says how fastlane is started: through Bundler where the lock file that Bundler uses
/// has fastlane, else by its name, updated before if the inputs say so.
pub(crate) async fn prepare(step: &Step<Inputs>, directory: &Path) -> Result<Ready, Error> {
    let gemfile = Gemfile::find(directory, |key| step.env.given(key).map(str::to_owned));
    let lock = match &gemfile {
        Some(gemfile) => {
            check_gemfile(gemfile)?;
            Lockfile::read(&gemfile.lock_path())?
        }
        None => None,
    };
    let ruby = Ruby::find(&step.runner);
    if let Some(ruby) = &ruby {
        show_ruby(step, ruby, directory).await?;
    }
    let reporter = LogReporter(step.log.clone());
    let gems = |ruby| Gems {
        runner: &step.runner,
        reporter: &reporter,
        ruby,
        directory,
        gemfile: None,
        retry: Retry::Network,
    };
    let is_updated = step.inputs.update_fastlane.is_on();
    let pinned = gemfile
        .as_ref()
        .zip(lock.as_ref())
        .filter(|(_, lock)| lock.has_fastlane());
    let launcher = match (pinned, &ruby) {
        (Some((gemfile, lock)), Some(ruby)) => {
            step.log.plain(describe_lock(gemfile, lock));
            gems(ruby).install_bundle(lock, true).await?
        }
        // A fastlane that brings its own Ruby, such as Homebrew's, needs none on PATH.
        (None, ruby) if ruby.is_none() && is_updated => return Err(Error::Missing { program: "ruby" }),
        (Some(_), None) => return Err(Error::Missing { program: "ruby" }),
        (None, ruby) => {
            let unlocked = gemfile
                .as_ref()
                .filter(|gemfile| lock.is_none() && gemfile.names_fastlane());
            let resolved = match (unlocked, ruby) {
                (Some(gemfile), Some(ruby)) => {
                    step.log.warn(resolving(gemfile));
                    Some(gems(ruby).resolve(gemfile).await?)
                }
                _ => None,
            };
            if resolved.as_ref().is_some_and(Lockfile::has_fastlane) {
                Launcher::bundled(None, directory)
            } else {
                let has_lock = lock.is_some() || resolved.is_some();
                explain_unused(step, gemfile.as_ref(), has_lock, unlocked.is_some());
                match ruby {
                    Some(ruby) if is_updated => {
                        step.log
                            .plain("No lock file pins fastlane: installing the newest.");
                        gems(ruby).install_fastlane(Wanted::Newest).await?;
                    }
                    _ => step.log.plain("Using the installed fastlane."),
                }
                Launcher::installed(None, directory)
            }
        }
    };
    launcher.show_version(&step.runner, &reporter).await?;
    Ok(Ready {
        bundle: gemfile.filter(|_| launcher.is_bundled()),
        launcher,
    })
}

/// Says why Bundler is not used although there is a Gemfile.
fn explain_unused(step: &Step<Inputs>, gemfile: Option<&Gemfile>, has_lock: bool, names_fastlane: bool) {
    let Some(gemfile) = gemfile else { return };
    if names_fastlane && !has_lock {
        step.log.plain(format!(
            "{} names fastlane, but Ruby is not on PATH, so Bundler is not used.",
            gemfile.path.display()
        ));
    } else if has_lock {
        step.log.plain(format!(
            "{} does not contain fastlane, so Bundler is not used.",
            gemfile.lock_path().display()
        ));
    } else {
        step.log.plain(format!(
            "{} does not name fastlane, so Bundler is not used.",
            gemfile.path.display()
        ));
    }
}

async fn show_ruby(step: &Step<Inputs>, ruby: &Ruby, directory: &Path) -> Result<(), Error> {
    let version = ruby.version(&step.runner, directory).await?;
    let version = version.as_deref().unwrap_or("Ruby of an unknown version");
    step.log
        .plain(format!("{version}, {} ({})", ruby.manager, ruby.path.display()));
    Ok(())
}
