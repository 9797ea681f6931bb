//! `make demo`: the operator at work. A simulated SMS moves waves of servers; the operator, with the rights that the
//! chart gives it, shows them on a real API server.

mod error;
mod events;
mod operator;
mod place;
mod play;
mod screen;
mod signals;
mod stage;
mod summary;
mod table;
mod waves;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{ArgAction, Parser, ValueEnum, builder::FalseyValueParser};
use sms_simulator::Scenario;

use crate::{
    error::Error,
    place::Place,
    screen::{Screen, say},
    signals::Signals,
    stage::Stage,
};

const SCENARIO: &str = include_str!("../../sms-simulator/scenarios/demo-wave.yaml");

/// Shows the operator at work on waves of simulated servers, from their first listing to their end.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Leave everything running at the end, until Ctrl-C
    #[arg(long, env = "KEEP", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    keep: bool,

    /// Where it takes place
    #[arg(long, env = "CLUSTER", value_enum, default_value_t = Choice::Own)]
    cluster: Choice,

    /// Other waves than the demo's, with a watch for each
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    /// A new cluster, which ends with the demo
    Own,
    /// The cluster of the current kubeconfig; what is created there is removed at the end
    Current,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.report());
            error.exit_code()
        }
    }
}

async fn run(args: Args) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let scenario = load(args.scenario.as_deref())?;
    let place = signals.unless_any(find_place(args.cluster)).await?;
    // Dropped at a signal, and with it everything that it has started.
    let played = signals.unless_any(Box::pin(perform(&place, &scenario, args.keep))).await;
    let left = signals.unless_any(Box::pin(place.leave())).await;
    let left = left.map_err(|why| Error::LeftBehind { namespace: place.namespace, source: Box::new(why) });
    if let (Err(_), Err(error)) = (&played, &left) {
        eprintln!("{}", error.report());
    }
    played.and(left)
}

fn load(path: Option<&Path>) -> Result<Scenario, Error> {
    let Some(path) = path else { return Ok(Scenario::parse(SCENARIO)?) };
    let text = fs::read_to_string(path).map_err(Error::io(format!("read {}", path.display())))?;
    Ok(Scenario::parse(&text)?)
}

async fn find_place(choice: Choice) -> Result<Place, Error> {
    match choice {
        Choice::Own => Place::own().await,
        Choice::Current => Place::current().await,
    }
}

async fn perform(place: &Place, scenario: &Scenario, keep: bool) -> Result<(), Error> {
    let mut stage = Stage::set(place, scenario).await?;
    if let Some(kubeconfig) = summary::kubeconfig(place).filter(|_| keep) {
        say(format!("{kubeconfig}\n"))?;
    }
    let watches = play::play(&mut stage, &mut Screen::of_stdout()).await?;
    say(summary::outcome(&watches))?;
    say(summary::further(place, &watches, keep))?;
    if keep { stage.keep().await } else { Ok(()) }
}
