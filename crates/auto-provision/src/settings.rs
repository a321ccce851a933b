//! Where the settings of a target come from: the project files, or `xcodebuild`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use command::{Command, Runner};
use tokio::sync::OnceCell;
use xcode_project::xcodebuild::{self, Question, TargetSettings};
use xcode_project::{Platform, Project, Settings, Target, normalized};

/// `xcodebuild` answers in seconds; resolving packages first may take a minute or two.
const PATIENCE: Duration = Duration::from_secs(300);

/// `xcodebuild`, which is asked about a whole scheme once, and about a target only where that says nothing of it.
pub(crate) struct Xcodebuild<'a> {
    pub(crate) container: PathBuf,
    pub(crate) scheme: String,
    pub(crate) configuration: String,
    /// The platform of the archive; `None` before it is known.
    pub(crate) destination: Option<Platform>,
    pub(crate) runner: &'a Runner,
    answers: OnceCell<Vec<TargetSettings>>,
    /// The answers before the platform of the archive is known.
    first: OnceCell<Vec<TargetSettings>>,
}

impl<'a> Xcodebuild<'a> {
    pub(crate) fn new(container: PathBuf, scheme: &str, configuration: &str, runner: &'a Runner) -> Self {
        Self {
            container,
            scheme: scheme.to_owned(),
            configuration: configuration.to_owned(),
            destination: None,
            runner,
            answers: OnceCell::new(),
            first: OnceCell::new(),
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
        let cell = if self.destination.is_some() {
            &self.answers
        } else {
            &self.first
        };
        let of_scheme = cell
            .get_or_try_init(|| self.ask(&self.container, Question::Scheme(&self.scheme)))
            .await?;
        if let Some(found) = of(of_scheme, project, target) {
            return Ok(settings.overridden(found.values.clone()));
        }
        let answers = self.ask(project.path(), Question::Target(&target.name)).await?;
        let found = of(&answers, project, target).with_context(|| {
            format!(
                "xcodebuild printed no build settings of the target `{}`",
                target.name
            )
        })?;
        Ok(settings.overridden(found.values.clone()))
    }

    async fn ask(
        &self,
        container: &std::path::Path,
        question: Question<'_>,
    ) -> anyhow::Result<Vec<TargetSettings>> {
        let arguments = xcodebuild::arguments(container, question, &self.configuration, self.destination);
        let command = Command::new("xcodebuild").args(arguments).timeout(PATIENCE);
        let output = self
            .runner
            .checked(command)
            .await
            .context("could not ask xcodebuild for build settings")?;
        Ok(xcodebuild::settings(&output.stdout))
    }
}

/// What was said about a target. Targets of two projects may have the same name: `PROJECT_FILE_PATH` tells them apart.
fn of<'a>(answers: &'a [TargetSettings], project: &Project, target: &Target) -> Option<&'a TargetSettings> {
    let named = || answers.iter().filter(|answer| answer.target == target.name);
    let file = |answer: &TargetSettings| answer.values.get("PROJECT_FILE_PATH").map(PathBuf::from);
    let own = normalized(project.path());
    let by_path = named().find(|answer| file(answer).is_some_and(|file| normalized(&file) == own));
    by_path.or_else(|| {
        // A path may lead through links, and recordings lack it.
        named().find(|answer| file(answer).is_none_or(|file| file.file_name() == own.file_name()))
    })
}
