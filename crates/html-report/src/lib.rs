//! One self-contained page about a run: facts, tables, expiry dates on a timeline, requests as a waterfall.
//!
//! The page loads nothing and runs no script, so it looks the same in a browser, in Bitrise's report viewer
//! and in a mail. A step describes what happened as a [`Page`] of [`Block`]s; [`Page::render`] is pure.
//!
//! ```
//! use html_report::{Block, Outcome, Page};
//!
//! let page = Page::new("Auto Provision", Outcome::Succeeded)
//!     .fact("distribution", "app-store")
//!     .block(Block::List {
//!         heading: "Changes on the Developer Portal".to_owned(),
//!         items: vec!["Created the profile Bitrise iOS app-store - (com.example.app)".to_owned()],
//!     });
//! assert!(page.render().unwrap().contains("Created the profile"));
//! ```

mod pictures;
mod timeline;
mod visible;
mod waterfall;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, HtmlEscape};
use serde::Serialize;

pub use pictures::{LARGEST_THUMBNAIL, Mark, Picture, PictureSet, Pictures};
pub use timeline::{Expiry, Timeline};
pub use visible::visible_text;
pub use waterfall::{Request, Waterfall};

const TEMPLATE: &str = include_str!("page.html");

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Well.
    Succeeded,
    /// With an error.
    Failed,
    /// Nothing was changed, as asked for.
    Planned,
}

/// A part of the page.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Block {
    /// A table.
    Table {
        /// What it shows.
        heading: String,
        /// The columns' headings.
        columns: Vec<String>,
        /// The rows; each as long as there are columns.
        rows: Vec<Vec<String>>,
    },
    /// A list.
    List {
        /// What it shows.
        heading: String,
        /// The items.
        items: Vec<String>,
    },
    /// What ends when.
    Timeline(Timeline),
    /// Pictures before and after.
    Pictures(Pictures),
    /// What was asked of a server, and how long it took.
    Waterfall(Waterfall),
}

impl Block {
    fn map_text(&mut self, change: &dyn Fn(&str) -> String) {
        match self {
            Self::Table {
                heading,
                columns,
                rows,
            } => {
                let cells = rows.iter_mut().flatten();
                each(std::iter::once(heading).chain(columns).chain(cells), change);
            }
            Self::List { heading, items } => each(std::iter::once(heading).chain(items), change),
            Self::Timeline(timeline) => each(timeline.texts(), change),
            Self::Pictures(pictures) => each(pictures.texts(), change),
            Self::Waterfall(waterfall) => each(waterfall.texts(), change),
        }
    }
}

fn each<'a>(texts: impl IntoIterator<Item = &'a mut String>, change: &dyn Fn(&str) -> String) {
    for text in texts {
        *text = change(text);
    }
}

/// A failure, as the log tells it.
#[derive(Debug, Clone, Serialize)]
struct Failure {
    what: String,
    reasons: Vec<String>,
    next: Option<String>,
}

/// The page.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    title: String,
    outcome: Outcome,
    failure: Option<Failure>,
    facts: Vec<(String, String)>,
    blocks: Vec<Block>,
}

/// The page can't be made: a defect of the template.
#[derive(Debug, thiserror::Error)]
#[error("could not create the report page")]
pub struct RenderError(#[from] minijinja::Error);

impl Page {
    /// A page without content.
    pub fn new(title: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            title: title.into(),
            outcome,
            failure: None,
            facts: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Adds what failed, why (each reason because of the next), and what to do next.
    #[must_use]
    pub fn failure(mut self, what: impl Into<String>, reasons: Vec<String>, next: Option<String>) -> Self {
        self.failure = Some(Failure {
            what: what.into(),
            reasons,
            next,
        });
        self
    }

    /// Adds a fact to the head of the page.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push((name.into(), value.into()));
        self
    }

    /// Adds a part; an empty one is left out.
    #[must_use]
    pub fn block(mut self, block: Block) -> Self {
        let is_empty = match &block {
            Block::Table { rows, .. } => rows.is_empty(),
            Block::List { items, .. } => items.is_empty(),
            Block::Timeline(timeline) => timeline.is_empty(),
            Block::Pictures(pictures) => pictures.is_empty(),
            Block::Waterfall(waterfall) => waterfall.is_empty(),
        };
        if !is_empty {
            self.blocks.push(block);
        }
        self
    }

    /// The same page, each of its texts changed: for masking secrets before the texts are escaped.
    #[must_use]
    pub fn map_text(mut self, change: &dyn Fn(&str) -> String) -> Self {
        if let Some(failure) = &mut self.failure {
            let texts = std::iter::once(&mut failure.what).chain(&mut failure.reasons);
            each(texts.chain(&mut failure.next), change);
        }
        let facts = self.facts.iter_mut().flat_map(|(name, value)| [name, value]);
        each(std::iter::once(&mut self.title).chain(facts), change);
        for block in &mut self.blocks {
            block.map_text(change);
        }
        self
    }

    /// The page's HTML.
    ///
    /// # Errors
    /// When the template is broken.
    pub fn render(&self) -> Result<String, RenderError> {
        let mut environment = Environment::new();
        // The engine's own filters are left out: a hundred, of which the page needs one.
        environment.add_filter("breakable", breakable);
        environment.add_filter("length", length);
        // The name's ending makes the template engine escape every value.
        environment.add_template("page.html", TEMPLATE)?;
        Ok(environment.get_template("page.html")?.render(Serde(self))?)
    }
}

/// Escaped text that a browser may break after a dot or a slash: identifiers and paths are longer than a phone is wide, and
/// words, dates, and numbers stay whole.
#[allow(clippy::needless_pass_by_value, reason = "the shape of a filter")]
fn breakable(text: String) -> Value {
    let escaped = HtmlEscape(&text).to_string();
    Value::from_safe_string(escaped.replace('.', ".<wbr>").replace("&#x2f;", "&#x2f;<wbr>"))
}

/// How many items a list has, or characters a text.
#[allow(clippy::needless_pass_by_value, reason = "the shape of a filter")]
fn length(value: Value) -> usize {
    value.len().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;

    #[test]
    fn values_are_escaped_and_nothing_is_loaded() {
        let page = Page::new("<b>App & Co</b>", Outcome::Failed)
            .failure(
                "<script>alert(1)</script>",
                vec!["<script>alert(2)</script>".to_owned()],
                Some("look & see".to_owned()),
            )
            .fact("\"quoted\"", "<i>")
            .block(Block::Timeline(Timeline::new(
                "Ends",
                datetime!(2026-11-24 12:00 UTC),
                vec![Expiry::new(
                    "<profile>",
                    "profile",
                    datetime!(2027-01-01 0:00 UTC),
                )],
            )))
            .block(Block::Waterfall(Waterfall::new(
                "Requests",
                vec![Request {
                    label: "GET /v1/<devices>".to_owned(),
                    status: "200".to_owned(),
                    start: Duration::ZERO,
                    duration: Duration::from_millis(80),
                }],
            )));
        let html = page.render().unwrap();
        for raw in ["<script", "<b>App", "<i>", "<profile>", "<devices>"] {
            assert!(!html.contains(raw), "{raw}");
        }
        for loading in ["src=", "href=", "url(", "@import", "http://", "https://"] {
            assert!(!html.contains(loading), "{loading}");
        }
    }

    #[test]
    fn pictures_are_inside_the_page() {
        let picture = |name: &str, mark, jpeg: Option<&[u8]>| Picture::new(name, mark, jpeg);
        let page = Page::new("x", Outcome::Planned).block(Block::Pictures(Pictures::new(
            "Screenshots",
            vec![PictureSet {
                title: "en-US <APP_IPHONE_67>".to_owned(),
                before: vec![picture("old.png", Mark::Removed, None)],
                after: vec![picture("\"new\".png", Mark::New, Some(b"jpeg"))],
            }],
        )));
        let html = page.render().unwrap();
        assert_eq!(html.matches("src=").count(), 1);
        assert!(html.contains("src=\"data:image/jpeg;base64,anBlZw==\""), "{html}");
        assert!(html.contains("old.png") && !html.contains("<APP_IPHONE"));
        for loading in ["href=", "url(", "@import", "http://", "https://"] {
            assert!(!html.contains(loading), "{loading}");
        }
    }

    #[test]
    fn empty_parts_are_left_out() {
        let page = Page::new("x", Outcome::Succeeded).block(Block::List {
            heading: "Nothing in it".to_owned(),
            items: Vec::new(),
        });
        assert!(!page.render().unwrap().contains("Nothing in it"));
    }
}
