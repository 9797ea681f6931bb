//! Runs a command with a new cluster: `test-cluster [--controller-manager <program>] <command> [<argument>...]`, with
//! KUBECONFIG naming the administrator's kubeconfig. The cluster ends with the command, whose exit code is passed on.

use std::{
    env,
    error::Error,
    iter,
    path::PathBuf,
    process::{Command, ExitCode},
};

use test_cluster::{Cluster, Options};

const USAGE: &str = "usage: test-cluster [--controller-manager <program>] <command> [<argument>...]";

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
    let mut arguments = env::args_os().skip(1).peekable();
    let mut options = Options::default();
    if arguments.next_if(|argument| argument == "--controller-manager").is_some() {
        options.controller_manager = arguments.next().map(PathBuf::from);
    }
    let command = arguments.next().ok_or(USAGE)?;
    let cluster = Cluster::start(options).await?;
    let status = Command::new(&command)
        .args(arguments)
        .env("KUBECONFIG", cluster.kubeconfig())
        .status()
        .map_err(|error| format!("cannot run {}: {error}", command.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
