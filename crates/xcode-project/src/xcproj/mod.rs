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

use std::path::Path;

use crate::json5::Document;
use crate::model::Model;
use crate::pbxproj::SyntaxError;

/// A project file in the format of Xcode 27.2.
#[derive(Debug)]
pub(crate) struct XcprojFile {
    document: Document,
}

impl XcprojFile {
    /// Reads the text of the project file of the project at `path`.
    pub(crate) fn read(text: &str, path: &Path) -> Result<(Self, Model), SyntaxError> {
        let document = Document::parse(text)?;
        let model = read::model(document.root(), path)
            .map_err(|problem| SyntaxError::at(text, problem.at, &problem.message))?;
        Ok((Self { document }, model))
    }

    /// The text, to the byte.
    pub(crate) fn text(&self) -> &str {
        self.document.text()
    }
}
