//! `make demo`: the operator at work. A simulated SMS moves two waves of servers; the operator, with the rights that
//! the chart gives it, shows them on a real API server.
//!
//! `KEEP=1` leaves it running at the end; `CLUSTER=current` uses the cluster of the current kubeconfig.

mod events;
mod objects;
mod play;
mod screen;
mod stage;
mod table;

use std::{env, error::Error, process::ExitCode};

use tokio::signal::unix::{SignalKind, signal};

use crate::{screen::Screen, stage::Stage};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the caller of `make demo` may choose.
struct Options {
    keep: bool,
    current_cluster: bool,
    /// How many times faster than life, for tests.
    speed: f64,
}

impl Options {
    fn from_environment() -> Result<Self> {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let current_cluster = match set("CLUSTER").as_deref() {
            None => false,
            Some("current") => true,
            Some(other) => return Err(format!("CLUSTER={other} is unknown: it can only be `current`").into()),
        };
        let speed = set("DEMO_SPEED").map_or(Ok(1.0), |speed| speed.parse());
        Ok(Self { keep: set("KEEP").is_some(), current_cluster, speed: speed? })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return Err("a TLS provider is installed already".into());
    }
    let options = Options::from_environment()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let interrupted = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let mut stage = None;
    let mut screen = Screen::new();
    let code = tokio::select! {
        result = perform(&options, &mut stage, &mut screen) => result.map(|()| ExitCode::SUCCESS),
        () = interrupted => Ok(ExitCode::from(130)),
    };
    screen.leave();
    if let Some(stage) = stage {
        stage.strike().await;
    }
    code
}

async fn perform(options: &Options, stage: &mut Option<Stage>, screen: &mut Screen) -> Result<()> {
    let stage = stage.insert(Stage::new(options).await?);
    stage.build().await?;
    play::play(stage, screen).await?;
    play::explain(stage, options.keep);
    if options.keep {
        std::future::pending::<()>().await;
    }
    Ok(())
}
