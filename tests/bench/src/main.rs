//! `make bench`: the operator's release build on a real API server, against an SMS that costs next to nothing; beside it, in
//! the same run, a naive program that does the same. Ends with a table; fails only when a status is wrong.

mod audit;
mod board;
mod error;
mod fleet;
mod naive;
mod program;
mod report;
mod run;
mod scenario;
mod sms_process;
mod stage;
mod usage;

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use bench::sms;
use clap::{Args as ClapArgs, Parser, Subcommand};
use sms_simulator::Authority;
use tokio::io::AsyncReadExt as _;

use crate::{
    error::Error,
    program::{Kind, Program},
    report::Row,
    scenario::Scenario,
    stage::Stage,
};

/// The longest scenario that may be run several times.
const SHORT: Duration = Duration::from_secs(10);

/// Measures the operator.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs scenarios and prints their figures
    Run(RunArgs),
    /// The SMS of the scenarios
    Sms(SmsArgs),
    /// The naive program
    Naive(NaiveArgs),
}

#[derive(Debug, ClapArgs)]
struct SmsArgs {
    #[command(flatten)]
    sms: sms::Args,

    /// Where the certificate of its authority is left
    #[arg(long)]
    ca_file: PathBuf,
}

#[derive(Debug, ClapArgs)]
struct NaiveArgs {
    /// Certificates to trust as well, in PEM
    #[arg(long)]
    ca_file: PathBuf,
}

#[derive(Debug, ClapArgs)]
struct RunArgs {
    /// Which scenarios, separated by commas; `all` for all. The default is one-65k, start and fleet-300
    #[arg(long, env = "SCENARIO", value_delimiter = ',')]
    scenario: Vec<String>,

    /// Which program alone: operator or naive. The default is both, the naive one where it gets anywhere
    #[arg(long, env = "PROGRAM", value_enum)]
    program: Option<Kind>,

    /// How long a scenario goes on, in seconds, in place of its own time
    #[arg(long, env = "SECONDS_EACH")]
    seconds: Option<u64>,

    /// How often a scenario of at most ten seconds is run: the run in the middle by processor time is told
    #[arg(long, env = "RUNS", default_value_t = 1)]
    runs: usize,

    /// SMS packs its pages where that is accepted
    #[arg(long, env = "GZIP")]
    gzip: bool,

    /// SMS offers HTTP/2
    #[arg(long, env = "HTTP2")]
    http2: bool,

    /// The operator's binary
    #[arg(long)]
    operator: PathBuf,

    /// One more argument for the operator; repeat it for several
    #[arg(long, allow_hyphen_values = true)]
    operator_arg: Vec<String>,

    /// Leaves the operator's log in this directory
    #[arg(long, env = "KEEP_LOGS")]
    keep_logs: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Args::parse().command {
        Command::Run(args) => bench(args).await,
        Command::Sms(args) => until_stdin_ends(serve(args)).await,
        Command::Naive(args) => naive::run(&args.ca_file).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.report());
            ExitCode::FAILURE
        }
    }
}

/// Serves SMS on a port of its own, which it prints.
async fn serve(args: SmsArgs) -> Result<(), Error> {
    let authority = Authority::local()?;
    fs::write(&args.ca_file, &authority.ca_pem).map_err(Error::io("leave a certificate"))?;
    let sms = sms::Sms::bind(args.sms, Some(&authority)).await.map_err(Error::io("start SMS"))?;
    writeln!(std::io::stdout(), "{}", sms.endpoint).map_err(Error::io("print the address"))?;
    sms.serve().await.map_err(Error::io("serve SMS"))
}

/// The process that started this one holds the other end of standard input, however it ends.
async fn until_stdin_ends(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let mut nothing = Vec::new();
    let mut stdin = tokio::io::stdin();
    tokio::select! {
        ended = work => ended,
        _ = stdin.read_to_end(&mut nothing) => Ok(()),
    }
}

async fn bench(args: RunArgs) -> Result<(), Error> {
    let scenarios = scenario::chosen(&args.scenario)?;
    let operator = Program::operator(&args.operator, &args.operator_arg)?;
    let naive = Program::naive()?;
    say("Starting etcd and kube-apiserver");
    let stage = Stage::start(args.keep_logs.clone()).await?;
    let mut rows = Vec::new();
    let ended = measure_all(&stage, &args, scenarios, [&operator, &naive], &mut rows).await;
    // What has been measured is told, whatever happened then.
    let table = report::table(&rows);
    writeln!(std::io::stdout(), "\n{table}").map_err(Error::io("print the table"))?;
    ended?;
    let wrong: Vec<&str> = rows.iter().filter(|row| !row.is_right()).map(|row| row.scenario).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Error::Wrong(wrong.join(", "))) }
}

async fn measure_all(
    stage: &Stage,
    args: &RunArgs,
    scenarios: Vec<Scenario>,
    programs: [&Program; 2],
    rows: &mut Vec<Row>,
) -> Result<(), Error> {
    for mut scenario in scenarios {
        scenario.length = args.seconds.map_or(scenario.length, Duration::from_secs);
        (scenario.gzip, scenario.http2) = (args.gzip, args.http2);
        for program in programs {
            if is_asked_for(program.kind, args.program, &scenario) {
                rows.push(measure(stage, &scenario, program, args.runs).await?);
            }
        }
    }
    Ok(())
}

fn is_asked_for(kind: Kind, only: Option<Kind>, scenario: &Scenario) -> bool {
    match only {
        Some(only) => kind == only,
        None => kind == Kind::Operator || scenario.beside_naive,
    }
}

async fn measure(stage: &Stage, scenario: &Scenario, program: &Program, runs: usize) -> Result<Row, Error> {
    say(&format!("{} ({}): {}", scenario.name, program.kind, scenario.about));
    // In a second, whatever else the machine does weighs too much.
    let again = if scenario.length <= SHORT { runs.saturating_sub(1) } else { 0 };
    let mut rows = vec![run_once(stage, scenario, program).await?];
    for _ in 0..again {
        rows.push(run_once(stage, scenario, program).await?);
    }
    Ok(report::middle(rows))
}

async fn run_once(stage: &Stage, scenario: &Scenario, program: &Program) -> Result<Row, Error> {
    let row = run::run(stage, scenario, program).await?;
    say(&row.details());
    Ok(row)
}

/// Says what happens meanwhile; standard output is for the table.
fn say(text: &str) {
    eprintln!("{text}");
}
