//! Says which tools the tests can run.

fn main() {
    test_needs::tool("python3", &["python3"]);
    test_needs::tool("node", &["node"]);
    test_needs::tool("ruby", &["ruby"]);
    test_needs::tool("bash", &["bash"]);
}
