//! Files that others may have prepared: read within limits, checksummed, written whole and private.
//!
//! A path that a step is given may lead to a device, a pipe that nobody writes to, or a file of many gigabytes; a place
//! that it writes to may be a link, or be read by another build at that moment. What a run writes for itself alone is
//! gone when it ends, and a later run removes what one that was killed left behind.

mod checksum;
mod lock;
mod private;
mod read;
mod write;

pub use checksum::{Checksums, sha256};
pub use lock::{Lock, try_lock, try_lock_file};
pub use private::{PrivateDir, create_locked, sweep};
pub use read::{open, read, read_text};
pub use write::{append, private_directory, replace, rewrite};
