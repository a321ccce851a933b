//! Reads any Xcode project exactly and edits it by the line.
