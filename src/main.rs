//! The `migration-task-watch` binary.

use std::process::ExitCode;

/// One thread does all work, however many processors the node has: listings wait for SMS most of their time, and threads
/// that hand their parts of a listing to each other use a tenth more processor time.
#[tokio::main(worker_threads = 1)]
async fn main() -> ExitCode {
    migration_task_watch::cli::main().await
}
