//! The `sms-simulator` binary: serves a scenario until it is stopped, and says where in one line of JSON.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;
use sms_simulator::{
    Account, Config, Offer, Scenario, ScenarioError, Simulator, StartError, Task, Transport, generate,
};
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in for the Huawei Cloud SMS API. Prints its endpoints as one line of JSON and serves until SIGINT or SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "sms-simulator", version)]
struct Arguments {
    /// Where to serve; port 0 lets the system choose
    #[arg(long, default_value = "127.0.0.1:0", env = "SMS_SIMULATOR_LISTEN")]
    listen: SocketAddr,
    /// Where the control port is, which asks nobody for credentials
    #[arg(long, default_value = "127.0.0.1:0", env = "SMS_SIMULATOR_CONTROL")]
    control: SocketAddr,
    /// Serve HTTPS by a certificate of an own CA, which is written to this file
    #[arg(long, value_name = "FILE", env = "SMS_SIMULATOR_CA_FILE")]
    tls_ca_file: Option<PathBuf>,
    /// Offer HTTP/2 over HTTPS
    #[arg(long, requires = "tls_ca_file")]
    http2: bool,
    /// A name or address that the certificate is for, beside this machine's own; repeat the flag for more
    #[arg(long, value_name = "NAME", requires = "tls_ca_file")]
    tls_name: Vec<String>,
    /// A scenario in YAML or JSON
    #[arg(long, value_name = "FILE", conflicts_with = "generate", env = "SMS_SIMULATOR_SCENARIO")]
    scenario: Option<PathBuf>,
    /// Generate so many tasks
    #[arg(long, value_name = "N")]
    generate: Option<usize>,
    /// What the generated tasks follow from
    #[arg(long, default_value_t = 1, requires = "generate")]
    seed: u64,
    /// Seconds of the scenario in one real second
    #[arg(long, default_value_t = 1.0, value_parser = time_scale)]
    time_scale: f64,
    /// The account's access key
    #[arg(long, env = "SMS_SIMULATOR_ACCESS_KEY")]
    access_key: String,
    /// The account's secret key; rather in the environment, where other users don't see it
    #[arg(long, env = "SMS_SIMULATOR_SECRET_KEY", hide_env_values = true)]
    secret_key: String,
    /// A token that opens the account as X-Auth-Token
    #[arg(long, env = "SMS_SIMULATOR_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A user of the account, who gets tokens by the password
    #[arg(long, env = "SMS_SIMULATOR_USER", requires = "password")]
    user: Option<String>,
    /// The user's password; rather in the environment
    #[arg(long, env = "SMS_SIMULATOR_PASSWORD", hide_env_values = true, requires = "user")]
    password: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{path} can't be read or written: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Scenario { path: PathBuf, source: ScenarioError },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("signals or standard output can't be used: {0}")]
    Process(#[from] std::io::Error),
}

fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(scale) if scale > 0.0 && f64::is_finite(scale) => Ok(scale),
        _ => Err("must be a number above 0".into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sms-simulator: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let simulator = Simulator::start(Config {
        listen: arguments.listen,
        control: Some(arguments.control),
        transport: transport(&arguments),
        offer: if arguments.http2 { Offer::Http2 } else { Offer::Http1 },
        accounts: vec![account(&arguments)],
        tasks: tasks(&arguments)?,
        time_scale: arguments.time_scale,
    })
    .await?;
    if let (Some(path), Some(pem)) = (&arguments.tls_ca_file, simulator.ca_pem()) {
        std::fs::write(path, pem).map_err(|source| Failure::File { path: path.clone(), source })?;
    }
    let endpoints = json!({"endpoint": simulator.endpoint(), "control": simulator.control_endpoint()});
    writeln!(std::io::stdout(), "{endpoints}")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn transport(arguments: &Arguments) -> Transport {
    match arguments.tls_ca_file {
        Some(_) => Transport::local_https_and(arguments.tls_name.iter().cloned()),
        None => Transport::Http,
    }
}

fn account(arguments: &Arguments) -> Account {
    let ids = Account::default();
    let account = Account::new(ids.domain_id, arguments.access_key.as_str(), arguments.secret_key.as_str());
    let account = match &arguments.token {
        Some(token) => account.with_token(token),
        None => account,
    };
    match (&arguments.user, &arguments.password) {
        (Some(user), Some(password)) => account.with_user(user, password),
        _ => account,
    }
}

fn tasks(arguments: &Arguments) -> Result<Vec<Task>, Failure> {
    match (&arguments.scenario, arguments.generate) {
        (Some(path), _) => scenario(path),
        (None, Some(count)) => Ok(generate(count, arguments.seed)),
        (None, None) => Ok(Vec::new()),
    }
}

fn scenario(path: &Path) -> Result<Vec<Task>, Failure> {
    let path = path.to_owned();
    let text =
        std::fs::read_to_string(&path).map_err(|source| Failure::File { path: path.clone(), source })?;
    let scenario = Scenario::parse(&text).map_err(|source| Failure::Scenario { path, source })?;
    Ok(scenario.tasks())
}
