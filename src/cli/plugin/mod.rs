//! `kubectl mtw`: watches as a person looks at them. What is shown is the business of [`views`](crate::views); here are its
//! arguments, the way to the cluster, and the terminal.

mod complete;
mod error;
mod follow;
mod keys;
mod output;
mod place;
mod refresh;
mod show;
mod terminal;
mod top;

use std::{
    error::Error,
    io::{self, ErrorKind},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::place::Place;
use super::{check, cluster::Choice};
use crate::core::causes::causes;

/// The name under which kubectl finds the plugin.
pub(super) const BINARY: &str = "kubectl-mtw";

/// Shows migration tasks of Huawei Cloud SMS, as `MigrationTaskWatch` resources hold them.
#[derive(Debug, Parser)]
#[command(name = BINARY, bin_name = "kubectl mtw", version)]
pub(super) struct Kubectl {
    #[command(flatten)]
    pub(super) plugin: Plugin,
}

/// What the plugin is asked for, under whatever name it is called.
#[derive(Debug, Args)]
pub(super) struct Plugin {
    #[command(flatten)]
    chosen: Chosen,

    #[command(subcommand)]
    command: Command,
}

/// Which cluster and namespace.
#[derive(Debug, Args)]
struct Chosen {
    /// The kubeconfig file. The default is that of KUBECONFIG, or ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig. The default is its current one.
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,

    /// The namespace. The default is that of the context.
    #[arg(short, long, global = true, value_name = "NAME")]
    namespace: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List watches.
    List(show::List),
    /// Follow the tasks of watches, those with errors first.
    Top(top::Args),
    /// Show all that is known of a watch, with its tasks and events.
    Describe(show::One),
    /// Say what is wrong with a watch and its tasks, and what to do. Exit code 1 when something is wrong.
    Why(show::One),
    /// Ask for a listing now.
    Refresh(refresh::Args),
    /// Do one listing for a manifest, and print what its status would hold.
    Check(Box<check::Args>),
    /// Print a completion script for a shell, or the one that kubectl calls.
    Completion(complete::Args),
    /// Say what can follow on a command line, as kubectl asks.
    #[command(name = "__complete", hide = true, disable_help_flag = true)]
    Complete(complete::Words),
}

/// How something is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

impl Chosen {
    fn cluster(&self) -> Choice {
        Choice { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }

    async fn place(&self) -> Result<Place, Box<dyn Error>> {
        Ok(Place::find(&self.cluster(), self.namespace.as_deref()).await?)
    }
}

/// Does what the plugin is asked for.
pub(super) async fn run(plugin: Plugin) -> Result<ExitCode, Box<dyn Error>> {
    let done = Box::pin(dispatch(plugin)).await;
    match done {
        // Whoever reads has read enough, as `head` does.
        Err(error) if is_broken_pipe(error.as_ref()) => Ok(ExitCode::SUCCESS),
        done => done,
    }
}

async fn dispatch(plugin: Plugin) -> Result<ExitCode, Box<dyn Error>> {
    let chosen = plugin.chosen;
    match plugin.command {
        Command::List(args) => show::list(&args, &chosen.place().await?).await?,
        Command::Top(args) => top::top(&args, &chosen.place().await?).await?,
        Command::Describe(args) => show::describe(&args, &chosen.place().await?).await?,
        Command::Why(args) => return Ok(show::why(&args, &chosen.place().await?).await?),
        Command::Refresh(args) => return Ok(refresh::refresh(&args, &chosen.place().await?).await?),
        Command::Check(args) => {
            let place = check::Place { cluster: chosen.cluster(), namespace: chosen.namespace };
            check::check(*args, &place).await?;
        }
        Command::Completion(args) => complete::completion(&args)?,
        Command::Complete(words) => complete::complete(&words).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    causes(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == ErrorKind::BrokenPipe)
}
