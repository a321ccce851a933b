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
//! assert!(page.render().contains("Created the profile"));
//! ```

mod filters;
mod pictures;
mod timeline;
mod visible;
mod waterfall;

use askama::Template;

pub use pictures::{LARGEST_THUMBNAIL, Mark, Picture, PictureSet, Pictures};
pub use timeline::{Expiry, Timeline};
pub use visible::visible_text;
pub use waterfall::{Request, Waterfall};

/// The longest cell of a table that is kept on one line, in characters.
const LINE: usize = 28;

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Succeeded,
    /// With an error.
    Failed,
    /// Nothing was changed, as asked for.
    Planned,
}

impl Outcome {
    fn class(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Planned => "planned",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Planned => "Plan only",
        }
    }
}

/// A part of the page.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
struct Failure {
    what: String,
    reasons: Vec<String>,
    next: Option<String>,
}

impl Failure {
    fn next(&self) -> Option<&str> {
        self.next.as_deref().filter(|next| !next.is_empty())
    }
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "page.html")]
pub struct Page {
    title: String,
    outcome: Outcome,
    failure: Option<Failure>,
    facts: Vec<(String, String)>,
    blocks: Vec<Block>,
}

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
    pub fn render(&self) -> String {
        self.to_string()
    }
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
        let html = page.render();
        for raw in ["<script", "<b>App", "<i>", "<profile>", "<devices>"] {
            assert!(!html.contains(raw), "{raw}");
        }
        for loading in ["src=", "href=", "url(", "@import", "http://", "https://"] {
            assert!(!html.contains(loading), "{loading}");
        }
    }

    #[test]
    fn every_text_is_escaped_and_shown() {
        let text = || "replaced below".to_owned();
        let page = Page::new(text(), Outcome::Failed)
            .failure(text(), vec![text(), text()], Some(text()))
            .fact(text(), text())
            .block(Block::Table {
                heading: text(),
                columns: vec![text()],
                // The second cell has no column.
                rows: vec![vec![text(), text()]],
            })
            .block(Block::List {
                heading: text(),
                items: vec![text()],
            })
            .block(Block::Timeline(Timeline::new(
                text(),
                datetime!(2026-11-24 12:00 UTC),
                vec![Expiry::new(text(), text(), datetime!(2026-11-20 12:00 UTC))],
            )))
            .block(Block::Pictures(Pictures::new(
                text(),
                vec![PictureSet {
                    title: text(),
                    before: vec![Picture::new(text(), Mark::Removed, None)],
                    after: vec![Picture::new(text(), Mark::New, Some(b"jpeg"))],
                }],
            )))
            .block(Block::Waterfall(Waterfall::new(
                text(),
                vec![Request {
                    label: text(),
                    status: text(),
                    start: Duration::ZERO,
                    duration: Duration::ZERO,
                }],
            )));
        let short = "\"'><i>&amp;/a.b";
        let long = format!("{short}{}", "x".repeat(LINE));
        for hostile in [short, long.as_str()] {
            let texts = std::cell::Cell::new(0);
            let html = page
                .clone()
                .map_text(&|_| {
                    texts.set(texts.get() + 1);
                    hostile.to_owned()
                })
                .render();
            // The title and the table's column stand twice.
            assert_eq!(
                visible_text(&html).matches(hostile).count(),
                texts.get() + 2,
                "{html}"
            );
            assert!(!html.contains("<i>") && !html.contains("\"'"), "{html}");
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
        let html = page.render();
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
        assert!(!page.render().contains("Nothing in it"));
    }
}
