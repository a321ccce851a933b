//! Gives libFuzzer's bytes to the target that `FUZZ_TARGET` names: one binary for all, since each would take as long to
//! link.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match fuzz_targets::find(&name) {
        Some(target) => target.run,
        None => panic!("FUZZ_TARGET is `{name}`, which is no target"),
    }
});

fuzz_target!(|bytes: &[u8]| RUN(bytes));
