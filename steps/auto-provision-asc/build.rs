//! Turns `step.yml` into the table that the step is compiled with.

fn main() {
    step_yaml::table::build();
}
