//! Work that may take long, while everything else goes on.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does work that may take seconds of processor time. Probes, the Lease and other watches don't wait for it: another thread
/// takes over what this one would have done meanwhile. A runtime of one thread, as in the simulation, has no other.
pub(super) fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, time::Duration};

    use super::*;

    #[test]
    fn other_tasks_go_on_meanwhile() {
        // As in main.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let (other, heard) = channel();
            let working = tokio::spawn(async move {
                tokio::spawn(async move { other.send("a probe") });
                aside(|| heard.recv_timeout(Duration::from_secs(60)))
            });
            assert_eq!(working.await.unwrap(), Ok("a probe"));
        });
    }
}
