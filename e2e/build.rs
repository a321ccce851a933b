//! Which tests can run.

fn main() {
    test_needs::node_package("real_fastlane", "fastlane");
    test_needs::data(
        "api_document",
        "../../shared/reference/app-store-connect.openapi.json",
    );
}
