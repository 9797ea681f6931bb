//! The `sms-simulator` binary.
fn main() {}
