//! The command line of `fbcapi`.

fn main() {}
