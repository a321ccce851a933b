//! Which tests can run.

fn main() {
    test_needs::tool("openssl", &["openssl"]);
}
