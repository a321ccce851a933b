//! A project of any number of targets: an app with app extensions.

use std::path::{Path, PathBuf};

/// Writes it into `folder`; its path.
pub(super) fn write(folder: &Path, targets: usize) -> PathBuf {
    let name = |number: usize| format!("Bench{number}");
    let mut app = test_projects::target(&name(0), "application")
        .set("PRODUCT_BUNDLE_IDENTIFIER", "com.example.bench")
        .set("SDKROOT", "iphoneos");
    let mut all = Vec::new();
    for number in 1..targets {
        app = app.needs(&name(number), &[]);
        all.push(
            test_projects::target(&name(number), "app-extension")
                .set(
                    "PRODUCT_BUNDLE_IDENTIFIER",
                    &format!("com.example.bench.ext{number}"),
                )
                .set("SDKROOT", "iphoneos"),
        );
    }
    all.insert(0, app);
    let path = test_projects::project(folder, "Bench", &[], &all);
    test_projects::scheme(&path, "Bench", "", &[test_projects::entry("Bench", &name(0))]);
    path
}
