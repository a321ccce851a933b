//! What the binaries are made of, and what SECURITY.md promises.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::path::PathBuf;

use serde_json::Value;

use common::root;

/// Licenses that permit what is done here: ring and webpki bring ISC, ICU brings Unicode-3.0, subtle BSD-3-Clause, zlib-rs
/// Zlib, the lists of root certificates CDLA, bzip2 its own, which is like BSD's, and mp4parse MPL-2.0, which binds changes of
/// its own files alone.
const LICENSES: [&str; 12] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "ISC",
    "Unicode-3.0",
    "BSD-3-Clause",
    "BSD-2-Clause",
    "Zlib",
    "CDLA-Permissive-2.0",
    "0BSD",
    "bzip2-1.0.6",
    "MPL-2.0",
];

/// A second TLS stack or C library would make the binaries larger, and the builds need more than Rust.
const BANNED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

fn packages() -> Vec<Value> {
    #[expect(clippy::disallowed_methods, reason = "a test's own tool")]
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Whether a license expression (SPDX, or the older form with slashes) permits use: all of what `AND` joins, and one of
/// what `OR` joins.
fn permits(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    expression.split(" AND ").all(|part| {
        part.split(" OR ")
            .any(|license| LICENSES.contains(&license.trim()))
    })
}

#[test]
fn dependencies_come_from_the_registry_under_known_licenses() {
    let mut problems = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let Some(source) = package["source"].as_str() else {
            continue;
        };
        if source != "registry+https://github.com/rust-lang/crates.io-index" {
            problems.push(format!("{name} comes from {source}"));
        }
        if BANNED.contains(&name) {
            problems.push(format!("{name} is banned"));
        }
        let license = package["license"].as_str().unwrap_or_default();
        if !permits(license) {
            problems.push(format!("{name} has the license `{license}`"));
        }
    }
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn license_expressions_are_read() {
    for (expression, expected) in [
        ("MIT", true),
        ("MIT OR Apache-2.0", true),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("", false),
    ] {
        assert_eq!(permits(expression), expected, "{expression}");
    }
}

#[test]
fn every_promise_of_security_md_names_a_test_that_exists() {
    let text = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let named: Vec<(&str, &str)> = text
        .split('`')
        .filter_map(|word| word.split_once(".rs::"))
        .collect();
    assert!(named.len() > 25, "{named:?}");
    for (file, test) in named {
        let source = std::fs::read_to_string(root().join(format!("{file}.rs")));
        let source = source.unwrap_or_else(|error| panic!("{file}.rs: {error}"));
        assert!(
            source.contains(&format!("fn {test}(")),
            "{file}.rs has no test {test}"
        );
    }
}

/// Source files of what runs in a step, without the sandbox and what only builds and tests use.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![root().join("steps"), root().join("crates")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_other = [
                "apple-sandbox",
                "fuzz-targets",
                "reference-resolver",
                "test-needs",
                "test-projects",
                "tests",
                "benches",
                "examples",
                "node_modules",
            ]
            .contains(&name.as_str());
            if path.is_dir() && !is_other {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && name != "build.rs" {
                files.push(path);
            }
        }
    }
    files
}

/// What reads a whole file of any kind and size: a pipe would stop it, and a device fill the memory.
const UNLIMITED: [&str; 4] = [
    "fs::read(",
    "fs::read_to_string(",
    "File::open(",
    "fs::File::open(",
];

#[test]
fn files_of_others_are_read_within_limits() {
    // The ground floor itself; a table of the repository's own at build time; parts of a package that was opened before.
    let allowed = [
        "crates/files/",
        "crates/step-yaml/src/table.rs",
        "crates/transport/src/transfer.rs",
        "crates/build-upload/src/digest.rs",
    ];
    let mut found = Vec::new();
    for path in sources() {
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        if allowed.iter().any(|start| shown.starts_with(start)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            let line = line.trim_start();
            if !line.starts_with("//") && UNLIMITED.iter().any(|call| line.contains(call)) {
                found.push(format!("{shown}:{}: {line}", number + 1));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
