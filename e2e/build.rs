//! Which tests can run.

fn main() {
    test_needs::node_package("real_fastlane", "fastlane");
    test_needs::node_package("apple_utils", "apple-utils");
    test_needs::node_package("node_sdk", "node-sdk");
    test_needs::python_environment("codemagic", "codemagic");
    test_needs::data(
        "api_document",
        "../../shared/reference/app-store-connect.openapi.json",
    );
    // One test runs the system's Bundler; a CI machine need not have one.
    test_needs::data("bundler", "/usr/bin/bundle");
    test_needs::data("release_store", "../../shared/parity/release");
}
