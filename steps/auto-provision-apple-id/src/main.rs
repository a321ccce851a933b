//! Code signing assets through an Apple ID session.

fn main() {}
