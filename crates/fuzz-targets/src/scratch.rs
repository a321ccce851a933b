//! A folder for parsers that read files.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that is gone when dropped; in memory where the system has a place for that.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let builder = &mut tempfile::Builder::new();
        builder.prefix("apple-steps-fuzz-");
        let made = if memory.is_dir() {
            builder.tempdir_in(memory)
        } else {
            builder.tempdir()
        };
        Self(made.expect("a temporary directory"))
    }

    /// Writes a file, with the folders that it lies in.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        std::fs::write(&path, content).expect("a file");
        path
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}
