//! The `migration-task-watch` binary.
fn main() {}
