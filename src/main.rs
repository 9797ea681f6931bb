//! The `migration-task-watch` binary.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    migration_task_watch::cli::main().await
}
