//! SMS in a process of its own.

use std::{env, fs, path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{
    error::Error,
    scenario::{LATENCY, Scenario},
};
use bench::sms::Tally;

/// A running SMS. It ends when this is dropped or this process ends.
pub(crate) struct Sms {
    pub(crate) endpoint: String,
    client: reqwest::Client,
    // Killed when dropped; it ends by itself when this end of its standard input is closed.
    _child: Child,
}

impl Sms {
    /// Starts it; the certificate of its authority is then in `ca_file`.
    pub(crate) async fn start(scenario: &Scenario, ca_file: &Path) -> Result<Self, Error> {
        let program = env::current_exe().map_err(Error::io("find the bench"))?;
        let mut command = Command::new(program);
        let size = scenario.size;
        command.arg("sms").arg("--ca-file").arg(ca_file).args(["--latency", &LATENCY.to_string()]);
        command.args(["--tasks", &size.tasks.to_string(), "--waves", &size.waves.to_string()]);
        command.args(size.unnameable.then_some("--unnameable"));
        command.args(scenario.gzip.then_some("--gzip"));
        command.args(scenario.http2.then_some("--http2"));
        if let Some(limit) = scenario.limit {
            command.args(["--limit", &limit.to_string()]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::io("start SMS"))?;
        let output = child.stdout.take().ok_or(Error::SmsEnded)?;
        let line = BufReader::new(output).lines().next_line().await.map_err(Error::io("read from SMS"))?;
        let endpoint = line.ok_or(Error::SmsEnded)?;
        let authority = fs::read(ca_file).map_err(Error::io("read the certificate of SMS"))?;
        let authority = reqwest::Certificate::from_pem(&authority)?;
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build()?;
        Ok(Self { endpoint, client, _child: child })
    }

    /// What has been asked so far.
    pub(crate) async fn tally(&self) -> Result<Tally, Error> {
        let answer = self.client.get(format!("{}/control/tally", self.endpoint)).send().await?;
        serde_json::from_slice(&answer.bytes().await?).map_err(Error::SmsJson)
    }

    /// Changes so many tasks, the same ones as `World::change`.
    pub(crate) async fn change(&self, count: usize) -> Result<(), Error> {
        let url = format!("{}/control/change?count={count}", self.endpoint);
        self.client.post(url).send().await?.error_for_status()?;
        Ok(())
    }
}
