//! The `carillon` binary: arguments to a command to an exit code.

fn main() {}
