//! The `migration-task-watch` binary.

use std::process::ExitCode;

use tokio::runtime::Builder;

fn main() -> ExitCode {
    // One thread beside this one, however many processors the node has: listings wait for SMS most of their time, and threads
    // that hand each other their parts of a listing use up to a tenth more processor time. So that many decisions in a row hold up
    // neither the Lease nor the probes, what has come in is looked at more often between them than the usual 61 tasks.
    let runtime = Builder::new_multi_thread().worker_threads(1).event_interval(4).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(migration_task_watch::cli::main()),
        Err(error) => {
            eprintln!("error: no thread could be started: {error}");
            ExitCode::FAILURE
        }
    }
}
