//! Whole-workflow tests of the real binaries.
