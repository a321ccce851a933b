//! The Markdown summary of a run, appended to the file that Bitrise names.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use redaction::Redactor;

/// Collects the summary of a run; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    text: Arc<Mutex<String>>,
}

impl Report {
    /// Adds a paragraph, list or table in Markdown.
    pub fn markdown(&self, text: &str) {
        let mut all = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_str(text.trim_end());
        all.push_str("\n\n");
    }

    /// Appends the summary to `file`, which all steps of a build share.
    pub(crate) fn append_to(&self, file: &Path, title: &str, redactor: &Redactor) -> std::io::Result<()> {
        let body = self.text.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if body.is_empty() {
            return Ok(());
        }
        let text = redactor.redact(&format!("## {title}\n\n{body}")).into_owned();
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)?
            .write_all(text.as_bytes())
    }
}
