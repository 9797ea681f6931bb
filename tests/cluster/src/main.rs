//! Runs a command with a new cluster: `test-cluster <command> [<argument>...]`, with KUBECONFIG naming the
//! administrator's kubeconfig. The cluster ends with the command, whose exit code is passed on.

use std::{
    env,
    error::Error,
    iter,
    process::{Command, ExitCode},
};

use test_cluster::{Cluster, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run().await.unwrap_or_else(|error| {
        let chain = iter::successors(Some(&*error as &dyn Error), |&error| error.source());
        let causes: Vec<String> = chain.map(ToString::to_string).collect();
        eprintln!("error: {}", causes.join(": "));
        ExitCode::FAILURE
    })
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let command = arguments.next().ok_or("usage: test-cluster <command> [<argument>...]")?;
    let cluster = Cluster::start(Options::default()).await?;
    let status = Command::new(&command)
        .args(arguments)
        .env("KUBECONFIG", cluster.kubeconfig())
        .status()
        .map_err(|error| format!("cannot run {}: {error}", command.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
