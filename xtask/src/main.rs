//! Developer tasks: ci, demo, generate, stage, dist, bench.

fn main() {}
