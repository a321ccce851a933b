//! Making fastlane ready.

use std::path::Path;

use fastlane_runner::{Error, Gems, Launcher, Lockfile, Retry, Ruby, Wanted};
use step_kit::{Advice as _, Step};

use crate::inputs::Inputs;

/// Installs what is missing and says how fastlane is started: the version of the input, else the Gemfile's,
/// else the installed one.
pub(crate) async fn ready(step: &Step<Inputs>) -> anyhow::Result<Launcher> {
    let prepared = async {
        let launcher = launcher(step).await?;
        launcher.show_version(&step.runner, &step.log).await?;
        Ok(launcher)
    };
    prepared.await.map_err(|error: Error| {
        let advice = error.advice();
        anyhow::Error::from(error)
            .context("fastlane could not be made ready")
            .hint(advice)
    })
}

async fn launcher(step: &Step<Inputs>) -> Result<Launcher, Error> {
    let here = Path::new(".");
    if let Some(version) = step.inputs.fastlane_version.as_deref() {
        let (wanted, pinned) = match version {
            "latest-stable" => (Wanted::Newest, None),
            "latest" => (Wanted::NewestOrPrerelease, None),
            version => (Wanted::Exactly(version), Some(version)),
        };
        step.log
            .plain(format!("The input fastlane_version asks for {version}."));
        if step
            .inputs
            .gemfile_path
            .as_deref()
            .is_some_and(|path| Path::new(path).exists())
        {
            step.log
                .plain("The Gemfile is not used: for its fastlane, empty the input fastlane_version.");
        }
        let ruby = ruby(step)?;
        gems(step, &ruby, here).install_fastlane(wanted).await?;
        return Ok(Launcher::installed(pinned, here));
    }
    let Some(gemfile) = step
        .inputs
        .gemfile_path
        .as_deref()
        .map(Path::new)
        .filter(|path| path.exists())
    else {
        step.log
            .plain("Neither a fastlane version nor a Gemfile is given: using the installed fastlane.");
        return Ok(Launcher::installed(None, here));
    };
    let folder = gemfile
        .parent()
        .filter(|folder| *folder != Path::new(""))
        .unwrap_or(here);
    from_gemfile(step, folder).await
}

async fn from_gemfile(step: &Step<Inputs>, folder: &Path) -> Result<Launcher, Error> {
    let installed = || {
        step.log
            .plain("The Gemfile's lock file has no fastlane: using the installed one.");
        Launcher::installed(None, Path::new("."))
    };
    if let Some(lock) = Lockfile::find(folder)? {
        let Some(version) = lock.fastlane() else {
            return Ok(installed());
        };
        step.log.plain(format!("The lock file pins fastlane {version}."));
        let ruby = ruby(step)?;
        return gems(step, &ruby, folder).install_bundle(&lock, false).await;
    }
    step.log
        .plain("The Gemfile has no lock file beside it: resolving it.");
    let ruby = ruby(step)?;
    let lock = gems(step, &ruby, folder).resolve_gemfile().await?;
    if lock.fastlane().is_none() {
        return Ok(installed());
    }
    // Whichever Bundler wrote the lock file is the one that is installed.
    Ok(Launcher::bundled(None, folder))
}

fn ruby(step: &Step<Inputs>) -> Result<Ruby, Error> {
    let ruby = Ruby::find(&step.runner).ok_or(Error::Missing { program: "ruby" })?;
    step.log
        .plain(format!("Ruby: {}, {}", ruby.path.display(), ruby.manager));
    Ok(ruby)
}

fn gems<'a>(step: &'a Step<Inputs>, ruby: &'a Ruby, directory: &'a Path) -> Gems<'a> {
    Gems {
        runner: &step.runner,
        log: &step.log,
        ruby,
        directory,
        retry: Retry::Any,
    }
}
