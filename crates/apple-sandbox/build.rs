//! Which tests can run.

fn main() {
    test_needs::tool("chromium", &["chromium", "chromium-browser", "google-chrome"]);
    test_needs::tool("chromedriver", &["chromedriver"]);
    test_needs::tool("curl", &["curl"]);
}
