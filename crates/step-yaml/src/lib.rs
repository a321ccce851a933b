//! YAML as the Bitrise CLI reads it.
//!
//! The CLI and stepman decode with `gopkg.in/yaml.v2`, which follows YAML 1.1: `yes`, `no`, `on`, `off`, `y` and `n`
//! without quotes are booleans, `0777` is octal, `1_000` is a number. [`read`] resolves scalars the same way; [`write()`]
//! quotes every string that any YAML 1.1 reader would take for something else. [`table`] turns a `step.yml` into the
//! Rust table that a step is compiled with.

mod read;
pub mod table;
mod value;
mod write;

pub use read::{ReadError, read};
pub use value::{Mapping, Value};
pub use write::write;
