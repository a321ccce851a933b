//! `project.xcproj`, in which Xcode 27.2 keeps a project as JSON5.
//!
//! The names and rules are those of Apple's library (github.com/apple/xcode-project-format, September 2026). What
//! signing does not depend on is not read; what is read is read as strictly as Xcode reads it, since a project that
//! Xcode refuses can't be built.

mod edit;
mod membership;
mod read;
mod schema;
mod settings;
mod tree;

use std::ops::Range;
use std::path::Path;

use crate::json5::{Document, Node};
use crate::model::Model;
use crate::pbxproj::SyntaxError;

/// A project file in the format of Xcode 27.2.
#[derive(Debug)]
pub(crate) struct XcprojFile {
    text: String,
    /// The bytes of each target, in the project's order.
    targets: Vec<Range<usize>>,
}

impl XcprojFile {
    /// Reads the text of the project file of the project at `path`.
    pub(crate) fn read(text: String, path: &Path) -> Result<(Self, Model), SyntaxError> {
        let document = Document::parse(&text)?;
        let root = document.root();
        let model = read::model(root, path)
            .map_err(|problem| SyntaxError::at(&text, problem.at, &problem.message))?;
        let targets = root.get("targets").map(Node::elements).unwrap_or_default();
        let targets = targets.iter().map(|target| target.node.span.clone()).collect();
        Ok((Self { text, targets }, model))
    }

    /// The text, to the byte.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
