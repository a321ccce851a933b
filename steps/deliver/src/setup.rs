//! Making fastlane ready.

use std::path::{Path, PathBuf};

use fastlane_runner::{ChosenBy, Error, Gemfile, Gems, Launcher, Lockfile, Retry, Ruby, Wanted};
use fastlane_step::{LogReporter, check_gemfile, describe_lock, resolving};
use step_kit::Step;

use crate::inputs::Inputs;

/// The input's default, which nobody has to have meant.
const DEFAULT_GEMFILE: &str = "./Gemfile";

/// A Gemfile, and where programs run that use it.
struct Bundle {
    gemfile: Gemfile,
    directory: PathBuf,
}

/// Installs what is missing and says how fastlane is started: the version of the input, else the one that a lock file
/// pins, else the installed one.
pub(crate) async fn prepare(step: &Step<Inputs>) -> Result<Launcher, Error> {
    let reporter = LogReporter(step.log.clone());
    let launcher = launcher(step, &reporter).await?;
    launcher.show_version(&step.runner, &reporter).await?;
    Ok(launcher)
}

async fn launcher(step: &Step<Inputs>, reporter: &LogReporter) -> Result<Launcher, Error> {
    let here = Path::new(".");
    if let Some(version) = step.inputs.fastlane_version.as_deref() {
        let (wanted, pinned) = match version {
            "latest-stable" => (Wanted::Newest, None),
            "latest" => (Wanted::NewestOrPrerelease, None),
            version => (Wanted::Exactly(version), Some(version)),
        };
        step.log
            .plain(format!("The input fastlane_version asks for {version}."));
        if let Some(bundle) = bundle(step) {
            explain_unused(step, &bundle)?;
        }
        let ruby = ruby(step, here).await?;
        gems(step, reporter, &ruby, here, None)
            .install_fastlane(wanted)
            .await?;
        return Ok(Launcher::installed(pinned, here));
    }
    match bundle(step) {
        Some(bundle) => from_gemfile(step, reporter, &bundle).await,
        None => {
            step.log
                .plain("Using the installed fastlane: neither fastlane_version nor a Gemfile is set.");
            Ok(Launcher::installed(None, here))
        }
    }
}

/// The Gemfile of the input, else the one that Bundler finds.
fn bundle(step: &Step<Inputs>) -> Option<Bundle> {
    let here = std::path::absolute(".").ok()?;
    let found = Gemfile::find(&here, |key| step.env.given(key).map(str::to_owned));
    let input = step.inputs.gemfile_path.as_deref();
    let named = input
        .map(|path| Gemfile::named(&here, Path::new(path)))
        .filter(|gemfile| gemfile.path.exists());
    let is_told =
        |gemfile: &Gemfile| matches!(gemfile.chosen_by, ChosenBy::Variable | ChosenBy::Configuration(_));
    match (named, found) {
        (Some(_), Some(found)) if input == Some(DEFAULT_GEMFILE) && is_told(&found) => Some(Bundle {
            gemfile: found,
            directory: here,
        }),
        (Some(named), _) => Some(Bundle {
            directory: named.root().to_owned(),
            gemfile: named,
        }),
        (None, Some(found)) => Some(Bundle {
            gemfile: found,
            directory: here,
        }),
        (None, None) => None,
    }
}

/// Says that the input wins over a Gemfile, and what would change that.
fn explain_unused(step: &Step<Inputs>, bundle: &Bundle) -> Result<(), Error> {
    let gemfile = &bundle.gemfile;
    let lock = Lockfile::read(&gemfile.lock_path())?;
    match lock.as_ref().filter(|lock| lock.has_fastlane()) {
        Some(lock) => step.log.warn(format!(
            "{} It is not used. To use it, set the input fastlane_version to an empty value.",
            describe_lock(gemfile, lock)
        )),
        None if gemfile.path.exists() => step.log.plain(format!(
            "{} is not used. To use it, set the input fastlane_version to an empty value.",
            gemfile.path.display()
        )),
        None => {}
    }
    Ok(())
}

async fn from_gemfile(
    step: &Step<Inputs>,
    reporter: &LogReporter,
    bundle: &Bundle,
) -> Result<Launcher, Error> {
    let Bundle { gemfile, directory } = bundle;
    check_gemfile(gemfile)?;
    let installed = || {
        step.log.plain(format!(
            "{} does not contain fastlane: using the installed one.",
            gemfile.lock_path().display()
        ));
        Launcher::installed(None, Path::new("."))
    };
    let told = gemfile
        .needs_variable(directory)
        .then_some(gemfile.path.as_path());
    if let Some(lock) = Lockfile::read(&gemfile.lock_path())? {
        if !lock.has_fastlane() {
            return Ok(installed());
        }
        step.log.plain(describe_lock(gemfile, &lock));
        let ruby = ruby(step, directory).await?;
        return gems(step, reporter, &ruby, directory, told)
            .install_bundle(&lock, false)
            .await;
    }
    let names_fastlane = gemfile.names_fastlane();
    if gemfile.chosen_by == ChosenBy::Search && !names_fastlane {
        step.log.plain(format!(
            "{} has no lock file and does not name fastlane, so it is not used: using the installed fastlane.",
            gemfile.path.display()
        ));
        return Ok(Launcher::installed(None, Path::new(".")));
    }
    if names_fastlane {
        step.log.warn(resolving(gemfile));
    } else {
        step.log.plain(format!(
            "{} has no lock file: resolving it.",
            gemfile.path.display()
        ));
    }
    let ruby = ruby(step, directory).await?;
    let lock = gems(step, reporter, &ruby, directory, told)
        .resolve(gemfile)
        .await?;
    if !lock.has_fastlane() {
        return Ok(installed());
    }
    // Whichever Bundler wrote the lock file is the one that is installed.
    Ok(Launcher::bundled(None, directory).with_gemfile(told))
}

async fn ruby(step: &Step<Inputs>, directory: &Path) -> Result<Ruby, Error> {
    let ruby = Ruby::find(&step.runner).ok_or(Error::Missing { program: "ruby" })?;
    let version = ruby.version(&step.runner, directory).await?;
    let version = version.as_deref().unwrap_or("Ruby of an unknown version");
    step.log
        .plain(format!("{version}, {} ({})", ruby.manager, ruby.path.display()));
    Ok(ruby)
}

fn gems<'a>(
    step: &'a Step<Inputs>,
    reporter: &'a LogReporter,
    ruby: &'a Ruby,
    directory: &'a Path,
    gemfile: Option<&'a Path>,
) -> Gems<'a> {
    Gems {
        runner: &step.runner,
        reporter,
        ruby,
        directory,
        gemfile,
        retry: Retry::NetworkOrUnknown,
    }
}
