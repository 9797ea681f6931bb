//! The command line.

mod check;
mod cluster;
mod leader;
mod manifest;
mod network;
mod plugin;
mod run;
mod table;

use std::{
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{api, core::causes::in_one_line};

/// Shows Huawei Cloud SMS migration tasks as the status of Kubernetes resources.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator.
    Run(run::Args),
    /// Print the CustomResourceDefinition.
    Crd,
    /// Do one listing for a manifest, and print what its status would hold.
    Check(check::Args),
    /// Look at watches as a person does: what `kubectl mtw` is, when this binary is called kubectl-mtw.
    Mtw(plugin::Plugin),
}

/// Whether the binary is called by the name of kubectl's plugin.
fn is_plugin() -> bool {
    let called = std::env::args_os().next().map(PathBuf::from);
    called.as_deref().and_then(Path::file_stem).is_some_and(|name| name == plugin::BINARY)
}

/// What the command line asks for.
fn asked_for() -> Command {
    if is_plugin() { Command::Mtw(plugin::Kubectl::parse().plugin) } else { Cli::parse().command }
}

/// Reads the command line and does what it says. The exit code is 0 when it worked, 1 when it didn't, 2 when
/// the command line is wrong, and 3 when the operator leads no more.
pub async fn main() -> ExitCode {
    let command = asked_for();
    // reqwest and kube are built without a provider of their own: one for all.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return failed("a TLS provider is installed already");
    }
    let result = match command {
        Command::Run(args) => run::run(args).await,
        Command::Crd => crd().map(|()| ExitCode::SUCCESS),
        Command::Check(args) => {
            check::check(args, &check::Place::default()).await.map(|()| ExitCode::SUCCESS)
        }
        Command::Mtw(plugin) => plugin::run(plugin).await,
    };
    match result {
        Ok(code) => code,
        Err(error) => failed(&in_one_line(error.as_ref())),
    }
}

/// Says why, where that can be written; the exit code says it in any case.
fn failed(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::FAILURE
}

fn crd() -> Result<(), Box<dyn Error>> {
    write!(std::io::stdout(), "{}", api::crd_yaml()?)?;
    Ok(())
}
