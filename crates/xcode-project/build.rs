//! Which tests can run.

fn main() {
    test_needs::node_package("readers", "tests/readers");
    test_needs::data("corpus", "../../../shared/corpus");
    test_needs::data("xcproj_corpus", "../../../shared/corpus-xcproj");
}
