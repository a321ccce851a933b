//! A UTF-8 locale for everything that Ruby runs.

use std::ffi::OsString;

use fastlane_runner::locale;
use step_kit::Step;

/// Gives all programs of the run a UTF-8 locale where the environment has none, and says so.
pub async fn ensure_utf8<I>(step: &mut Step<I>) {
    let variable = |key: &str| step.env.given(key).map(str::to_owned);
    let Some(replacement) = locale::replacement(&step.runner, variable).await else {
        return;
    };
    step.log.plain(format!(
        "Running Ruby with LC_ALL={}: {}, and fastlane needs a UTF-8 locale.",
        replacement.name, replacement.reason
    ));
    let mut variables: Vec<(OsString, OsString)> = step
        .env
        .iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .filter(|(key, _)| !replacement.variables().iter().any(|(name, _)| key == name))
        .collect();
    variables.extend(
        replacement
            .variables()
            .map(|(key, value)| (key.into(), value.into())),
    );
    step.runner = step.runner.clone().with_env(variables);
}
