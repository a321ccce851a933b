//! What the log says about the Gemfile.

use fastlane_runner::{ChosenBy, Error, Gemfile, Lockfile};

/// Fails where something names a Gemfile that is not there: Bundler would, and the fastlane that it pins is unknown.
///
/// # Errors
/// When it is missing.
pub fn check_gemfile(gemfile: &Gemfile) -> Result<(), Error> {
    let is_named = matches!(gemfile.chosen_by, ChosenBy::Variable | ChosenBy::Configuration(_));
    if is_named && !gemfile.path.exists() && !gemfile.lock_path().exists() {
        return Err(Error::NoGemfile {
            path: gemfile.path.clone(),
            chosen_by: gemfile.chosen_by.clone(),
        });
    }
    Ok(())
}

/// What happens to a Gemfile that asks for fastlane and has no lock file.
pub fn resolving(gemfile: &Gemfile) -> String {
    format!(
        "{} asks for fastlane and has no lock file: Bundler resolves it now, as it does on your machine, and writes {}. Commit that file to get the same versions in every build.",
        gemfile.path.display(),
        gemfile.lock_path().display()
    )
}

/// What a lock file with fastlane pins, in one sentence.
pub fn describe_lock(gemfile: &Gemfile, lock: &Lockfile) -> String {
    let fastlane = match lock.fastlane() {
        Some(version) => format!("pins fastlane {version}"),
        None => "contains fastlane".to_owned(),
    };
    let bundler = match &lock.bundled_with {
        Some(version) => format!("Bundler {version}"),
        None => "no version of Bundler".to_owned(),
    };
    let why = match &gemfile.chosen_by {
        ChosenBy::Variable => " (BUNDLE_GEMFILE)".to_owned(),
        ChosenBy::Configuration(file) => format!(" (BUNDLE_GEMFILE in {})", file.display()),
        ChosenBy::Search | ChosenBy::Name => String::new(),
    };
    format!("{}{why} {fastlane} and {bundler}.", gemfile.lock_path().display())
}
