//! Which tests can run.

fn main() {
    test_needs::tool("git", &["git"]);
    test_needs::tool("openssl", &["openssl"]);
    test_needs::node_package("real_fastlane", "../../e2e/fastlane");
}
