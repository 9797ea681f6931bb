//! The operator beside a cluster of this machine.

/// Arguments of an operator that may call a simulator on this machine, and takes no port that another may need.
pub const OPERATOR_ARGUMENTS: [&str; 7] = [
    "run",
    "--allowed-endpoints",
    "http://127.0.0.1:*",
    "--health-addr",
    "127.0.0.1:0",
    "--metrics-addr",
    "127.0.0.1:0",
];
