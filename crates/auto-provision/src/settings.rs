//! Where the settings of a target come from: the project files, or `xcodebuild`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use command::{Command, Runner};
use tokio::sync::OnceCell;
use xcode_project::xcodebuild::{self, Question};
use xcode_project::{Project, Settings, Target};

/// `xcodebuild` answers in seconds; resolving packages first may take a minute or two.
const PATIENCE: Duration = Duration::from_secs(300);

type Answers = BTreeMap<String, BTreeMap<String, String>>;

/// `xcodebuild`, which is asked about a whole scheme once, and about a target only where that says nothing of it.
pub(crate) struct Xcodebuild<'a> {
    pub(crate) container: PathBuf,
    pub(crate) scheme: String,
    pub(crate) configuration: String,
    pub(crate) runner: &'a Runner,
    answers: OnceCell<Answers>,
}

impl<'a> Xcodebuild<'a> {
    pub(crate) fn new(container: PathBuf, scheme: &str, configuration: &str, runner: &'a Runner) -> Self {
        Self {
            container,
            scheme: scheme.to_owned(),
            configuration: configuration.to_owned(),
            runner,
            answers: OnceCell::new(),
        }
    }

    /// The target's settings with what `xcodebuild` says of them.
    ///
    /// # Errors
    /// When it can't be asked, or does not know the target.
    pub(crate) async fn settings(
        &self,
        project: &Project,
        target: &Target,
        settings: Settings,
    ) -> anyhow::Result<Settings> {
        let of_scheme = self.answers.get_or_try_init(|| self.scheme()).await?;
        // Targets of two projects may have the same name: the project's own file tells them apart.
        let is_ours = |values: &BTreeMap<String, String>| {
            let file = values.get("PROJECT_FILE_PATH").map(PathBuf::from);
            file.is_none_or(|file| file.file_name() == project.path().file_name())
        };
        if let Some(values) = of_scheme.get(&target.name).filter(|values| is_ours(values)) {
            return Ok(settings.overridden(values.clone()));
        }
        let arguments = xcodebuild::arguments(
            project.path(),
            Question::Target(&target.name),
            &self.configuration,
        );
        let mut answers = self.ask(arguments).await?;
        let values = answers
            .remove(&target.name)
            .with_context(|| format!("xcodebuild says nothing about the target `{}`", target.name))?;
        Ok(settings.overridden(values))
    }

    async fn scheme(&self) -> anyhow::Result<Answers> {
        let arguments = xcodebuild::arguments(
            &self.container,
            Question::Scheme(&self.scheme),
            &self.configuration,
        );
        self.ask(arguments).await
    }

    async fn ask(&self, arguments: Vec<std::ffi::OsString>) -> anyhow::Result<Answers> {
        let command = Command::new("xcodebuild").args(arguments).timeout(PATIENCE);
        let output = self
            .runner
            .output(command)
            .await
            .context("failed to ask xcodebuild for build settings")?;
        Ok(xcodebuild::settings(&output.stdout))
    }
}
