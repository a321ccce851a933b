//! What a run leaves for people: a Markdown summary, a page, and an annotation of the build.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use command::{Command, Runner};
use html_report::{Block, Outcome, Page};
use redaction::{MASK, Redactor, printable};

use crate::failure::Failure;
use crate::{Environment, Log};

/// The plugin of the Bitrise CLI talks to Bitrise; a build does not wait for it longer than this.
const ANNOTATION_PATIENCE: Duration = Duration::from_secs(20);

/// Collects what a run leaves for people; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    shared: Arc<Mutex<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    markdown: String,
    facts: Vec<(String, String)>,
    blocks: Vec<Block>,
    is_plan: bool,
    done: Option<String>,
}

impl Report {
    /// Adds a paragraph, list or table in Markdown to the summary.
    pub fn markdown(&self, text: &str) {
        let mut content = self.content();
        content.markdown.push_str(text.trim_end());
        content.markdown.push_str("\n\n");
    }

    /// Adds a fact to the head of the page.
    pub fn fact(&self, name: impl Into<String>, value: impl Into<String>) {
        self.content().facts.push((name.into(), value.into()));
    }

    /// Adds a part to the page.
    pub fn block(&self, block: Block) {
        self.content().blocks.push(block);
    }

    /// Adds a list under a heading, to the summary and to the page; nothing where it is empty.
    pub fn list(&self, heading: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.markdown(&format!("**{heading}**\n\n- {}", items.join("\n- ")));
        self.block(Block::List {
            heading: heading.to_owned(),
            items: items.to_vec(),
        });
    }

    /// Says that the run only shows what it would do.
    pub fn is_plan(&self) {
        self.content().is_plan = true;
    }

    /// Says in one sentence what a run that succeeds has done, such as `6 changes on the Developer Portal, 15 requests`:
    /// it ends the log.
    pub fn done(&self, text: impl Into<String>) {
        self.content().done = Some(text.into());
    }

    pub(crate) fn what_was_done(&self) -> Option<String> {
        self.content().done.clone()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves everything where Bitrise looks for it. A report is good to have: what goes wrong is a warning.
    pub(crate) async fn leave(
        &self,
        title: &str,
        failure: Option<&Failure>,
        env: &Environment,
        runner: &Runner,
        log: &Log,
    ) {
        if let Some(failure) = failure {
            self.markdown(&failure.markdown());
        }
        let redactor = runner.redactor();
        if let Some(file) = env.path("BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH")
            && let Err(error) = self.append_to(&file, title, redactor)
        {
            log.warn(format!(
                "The summary could not be written to {}: {error}",
                file.display()
            ));
        }
        if let Some(folder) = env.path("BITRISE_HTML_REPORT_DIR") {
            let folder = folder.join(slug(title));
            if let Err(error) = self.write_page(&folder, title, failure, redactor) {
                log.warn(format!(
                    "The report could not be written to {}: {error}",
                    folder.display()
                ));
            }
        }
        self.annotate(title, failure, env, runner, log).await;
    }

    /// Appends the summary to `file`, which all steps of a build share.
    fn append_to(&self, file: &Path, title: &str, redactor: &Redactor) -> std::io::Result<()> {
        let body = self.content().markdown.clone();
        if body.is_empty() {
            return Ok(());
        }
        let text = shown(redactor, &format!("## {title}\n\n{body}"));
        files::append(file, text.as_bytes())
    }

    fn write_page(
        &self,
        folder: &Path,
        title: &str,
        failure: Option<&Failure>,
        redactor: &Redactor,
    ) -> std::io::Result<()> {
        // Before the page escapes anything: a secret with `<` in it would not be found afterwards.
        let page = self.page(title, failure).map_text(&|text| shown(redactor, text));
        let html = page.render();
        let text = html_report::visible_text(&html).replace(MASK, "");
        if redactor.redact(&text) != text {
            return Err(std::io::Error::other("it would show a secret"));
        }
        std::fs::create_dir_all(folder)?;
        files::replace(&folder.join("index.html"), html.as_bytes(), 0o644)
    }

    fn page(&self, title: &str, failure: Option<&Failure>) -> Page {
        let content = self.content();
        let mut page = match failure {
            Some(failure) => {
                Page::new(title, Outcome::Failed).failure(failure.what(), failure.causes(), failure.hint())
            }
            None if content.is_plan => Page::new(title, Outcome::Planned),
            None => Page::new(title, Outcome::Succeeded),
        };
        for (name, value) in &content.facts {
            page = page.fact(name, value);
        }
        for block in &content.blocks {
            page = page.block(block.clone());
        }
        page
    }

    /// Shows the summary on the build's page, where the Bitrise CLI has its annotations plugin.
    async fn annotate(
        &self,
        title: &str,
        failure: Option<&Failure>,
        env: &Environment,
        runner: &Runner,
        log: &Log,
    ) {
        let plugin = env
            .path("HOME")
            .map(|home| home.join(".bitrise/plugins/annotations"));
        let body = self.content().markdown.clone();
        if body.is_empty() || runner.find("bitrise").is_none() || !plugin.is_some_and(|path| path.exists()) {
            return;
        }
        let style = if failure.is_some() { "error" } else { "default" };
        let text = format!("### {title}\n\n{body}");
        let command = Command::new("bitrise")
            .args([":annotations", "annotate"])
            .arg(shown(runner.redactor(), &text))
            .args(["--style", style])
            .timeout(ANNOTATION_PATIENCE);
        if let Err(error) = runner.checked(command).await {
            log.debug(format!("The build was not annotated: {error}"));
        }
    }
}

/// Text as people may see it: without secrets and control characters, which must not hide secrets either.
fn shown(redactor: &Redactor, text: &str) -> String {
    let masked = redactor.redact(text);
    redactor.redact(&printable(&masked)).into_owned()
}

/// The folder of a report: its name is what Bitrise shows.
pub(crate) fn slug(title: &str) -> String {
    let dashed: String = title
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_and_page_hold_no_secret_and_the_summary_is_shared() {
        let folder = tempfile::tempdir().unwrap();
        let summary = folder.path().join("summary.md");
        std::fs::write(&summary, "before\n").unwrap();
        let redactor = Redactor::new();
        redactor.learn("s3cret-value");
        let report = Report::default();
        report.markdown("uploaded with s3cret-value");
        report.fact("key", "s3cret-value");
        let failure = Failure::new("it broke: s3cret-value", Some("mend it"), 1);
        report.append_to(&summary, "A step", &redactor).unwrap();
        report
            .write_page(&folder.path().join("a-step"), "A step", Some(&failure), &redactor)
            .unwrap();
        let text = std::fs::read_to_string(&summary).unwrap();
        assert!(text.starts_with("before\n## A step\n"), "{text}");
        let page = std::fs::read_to_string(folder.path().join("a-step/index.html")).unwrap();
        assert!(page.contains("mend it") && page.contains("Failed"), "{page}");
        assert!(!page.contains("s3cret") && !text.contains("s3cret"));
    }

    #[test]
    fn a_secret_that_the_page_would_escape_is_masked() {
        for secret in [
            "p&w/d<x>\"y'z",
            "k\u{e4}se\u{1f34f}&",
            "-----BEGIN PRIVATE KEY-----\nMIGTAgEAMBMGByqG/M49+gEGCCqG\n-----END PRIVATE KEY-----",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let redactor = Redactor::new();
            redactor.learn(secret);
            let report = Report::default();
            report.fact("a fact", format!("<{secret}>"));
            report.block(Block::Table {
                heading: secret.to_owned(),
                columns: vec![secret.to_owned()],
                rows: vec![vec![secret.to_owned()]],
            });
            report.block(Block::List {
                heading: String::new(),
                items: vec![secret.to_owned()],
            });
            let failure = Failure::new(secret, Some(secret), 1);
            report
                .write_page(folder.path(), "A step", Some(&failure), &redactor)
                .unwrap();
            let text = html_report::visible_text(
                &std::fs::read_to_string(folder.path().join("index.html")).unwrap(),
            );
            let body = secret.lines().find(|line| !line.starts_with("-----")).unwrap();
            assert!(!text.contains(body) && text.matches(MASK).count() >= 7, "{text}");
        }
    }

    #[test]
    fn a_secret_is_found_in_the_html_of_a_page() {
        let secret = "p&w/d<x>\"y'z";
        let redactor = Redactor::new();
        redactor.learn(secret);
        let html = Page::new("A step", Outcome::Succeeded)
            .block(Block::List {
                heading: secret.to_owned(),
                items: vec!["an item".to_owned()],
            })
            .render();
        assert!(
            redactor.redact(&html).contains(&format!("<h2>{MASK}</h2>")),
            "{html}"
        );
    }

    #[test]
    fn folders_are_named_after_the_step() {
        assert_eq!(
            slug("Deploy to App Store Connect - Application Loader"),
            "deploy-to-app-store-connect-application-loader"
        );
    }
}
