//! Which tests can run.

fn main() {
    test_needs::data("step_schema", "../../shared/reference/step.schema.json");
}
