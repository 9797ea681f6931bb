//! `migration-task-watch run`: the operator.

use std::{error::Error, process::ExitCode, time::Duration};

use clap::Args as ClapArgs;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use super::{
    cluster::{self, ClusterError},
    leader::LeaderArgs,
    network::NetworkArgs,
};
use crate::{
    controller::{self, Candidacy, Election, Leadership, Options, Parts},
    core::{
        budget::WriteRate,
        endpoint::{AllowedEndpoints, PatternError},
        lease::Loss,
        namespace::{Namespace, NamespaceError},
        pace::Rate,
        policy::{AmbientNamespaces, Policy},
    },
    sms::{self, ClientOptions},
    telemetry::{Health, Listen, Metrics, Requests, Traces, logs, traces},
};

/// How long reconciles under way may take once the process is asked to end: less than the 30 seconds of a kubelet.
const LAST_MOMENTS: Duration = Duration::from_secs(20);
/// The exit code of an operator that led and leads no more: it is to be started anew.
const LOST: u8 = 3;

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    sms: SmsArgs,

    /// Look at the watches of this namespace only. Repeat the flag, or separate by commas. The default is all
    /// namespaces.
    #[arg(long, env = "WATCH_NAMESPACE", value_name = "NAMESPACE", value_delimiter = ',')]
    watch_namespace: Vec<Namespace>,

    /// Notice changes of Secrets as they happen. It needs the rights to list and watch Secrets.
    #[arg(long, env = "WATCH_SECRETS")]
    watch_secrets: bool,

    /// Let watches of this namespace use the operator's own identity (spec.credentials.ambient); `*` stands for all
    /// namespaces. Repeat the flag, or separate by commas.
    #[arg(long, env = "AMBIENT_NAMESPACE", value_name = "NAMESPACE")]
    ambient_namespace: Vec<String>,

    /// How many watches are reconciled at the same time.
    #[arg(long, env = "CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,

    #[command(flatten)]
    leader: LeaderArgs,

    /// How many bytes of statuses are written a second, on average; such as 4MiB or 500kB. Twice as many may be written at
    /// once. What a person would act on goes first, then progress, then what only shows that listings go on. `off` is no
    /// bound.
    #[arg(long, env = "STATUS_WRITE_RATE", value_name = "BYTES", default_value = "4MiB")]
    status_write_rate: WriteRate,

    /// Where /livez and /readyz are served. Without an address, it is on all of them, of IPv4 and IPv6.
    #[arg(long, env = "HEALTH_ADDR", value_name = "[ADDRESS]:PORT", default_value_t = Listen::Everywhere(8081))]
    health_addr: Listen,

    /// Where /metrics is served. Without an address, it is on all of them, of IPv4 and IPv6.
    #[arg(long, env = "METRICS_ADDR", value_name = "[ADDRESS]:PORT", default_value_t = Listen::Everywhere(8080))]
    metrics_addr: Listen,

    /// What a line of the log looks like.
    #[arg(long, env = "LOG_FORMAT", default_value = "text")]
    log_format: logs::Format,

    /// Name of this process in events; usually the Pod's.
    #[arg(long, env = "POD_NAME", default_value = "migration-task-watch", hide = true)]
    instance: String,
}

impl Args {
    fn ambient_namespaces(&self) -> Result<AmbientNamespaces, NamespaceError> {
        self.ambient_namespace.join(",").parse()
    }
}

/// How SMS may be used.
#[derive(Debug, ClapArgs)]
pub(super) struct SmsArgs {
    /// Endpoints that watches may name. In a host, `*` is exactly one label; `:*` is any port. Repeat the flag, or
    /// separate by commas. The default is the vendor's SMS and IAM endpoints.
    #[arg(long, env = "ALLOWED_ENDPOINTS", value_name = "URL")]
    allowed_endpoints: Vec<String>,

    /// How many requests to SMS are in flight at the same time.
    #[arg(long, env = "SMS_MAX_CONCURRENCY", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    sms_max_concurrency: u16,

    /// How many requests a second each login may send to each endpoint, on average; such as 5, or 0.5. The default is no
    /// bound but SMS's own.
    #[arg(long, env = "SMS_QPS", value_name = "RATE")]
    sms_qps: Option<Rate>,

    /// Where the metadata service of an ECS machine is, which gives the operator the identity of the machine's agency.
    #[arg(long, env = "METADATA_ENDPOINT", value_name = "URL", default_value = "http://169.254.169.254")]
    metadata_endpoint: sms::MetadataEndpoint,

    #[command(flatten)]
    network: NetworkArgs,
}

impl SmsArgs {
    pub(super) fn allowed_endpoints(&self) -> Result<AllowedEndpoints, PatternError> {
        match self.allowed_endpoints.as_slice() {
            [] => Ok(AllowedEndpoints::default()),
            patterns => patterns.join(",").parse(),
        }
    }

    /// The identity of this process.
    pub(super) fn ambient(&self) -> Result<sms::Ambient, Box<dyn Error>> {
        Ok(sms::Ambient::new(|name| std::env::var(name).ok(), self.metadata_endpoint.clone())?)
    }

    pub(super) fn client(&self, requests: Requests) -> Result<sms::Client, Box<dyn Error>> {
        Ok(sms::Client::new(ClientOptions {
            max_concurrency: self.sms_max_concurrency.into(),
            rate: self.sms_qps,
            network: self.network.options()?,
            requests,
            ..ClientOptions::default()
        })?)
    }
}

pub(super) async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    let traces = Traces::from_environment(&args.instance)?;
    logs::start(args.log_format, traces.as_ref());
    if traces.is_none() && traces::asked_for() {
        warn!(
            "this build sends no traces, as OTEL_EXPORTER_OTLP_ENDPOINT asks for: it is built without the feature otlp"
        );
    }
    let ended = operate(args).await;
    if let Some(traces) = traces {
        traces.flush().await;
    }
    ended
}

async fn operate(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    let options = Options {
        policy: Policy { endpoints: args.sms.allowed_endpoints()?, ambient: args.ambient_namespaces()? },
        scope: args.watch_namespace.iter().cloned().collect(),
        watch_secrets: args.watch_secrets,
        concurrency: args.concurrency,
        write_rate: args.status_write_rate,
        instance: args.instance.clone(),
    };
    let candidacy = args.leader.candidacy()?;
    let metrics = Metrics::default();
    let operator = Operator {
        sms: args.sms.client(metrics.requests.clone())?,
        ambient: args.sms.ambient()?,
        client: cluster::client().await?,
        options,
        health: Health::default(),
        metrics,
        shutdown: shutdown()?.shared(),
    };
    let health = operator.health.clone().serve(args.health_addr)?;
    let metrics = operator.metrics.clone().serve(args.metrics_addr)?;
    info!(version = env!("CARGO_PKG_VERSION"), %health, %metrics, "started");
    let ended = match candidacy {
        None => {
            operator.work(Leadership::alone()).await;
            Ok(())
        }
        Some(candidacy) => Box::pin(operator.run_elected(candidacy)).await?,
    };
    if let Err(loss) = ended {
        error!("this operator leads no more: {loss}. It ends, so that nothing of it is written any more");
        return Ok(ExitCode::from(LOST));
    }
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// All that it takes to begin.
struct Operator {
    client: kube::Client,
    sms: sms::Client,
    ambient: sms::Ambient,
    options: Options,
    health: Health,
    metrics: Metrics,
    shutdown: Shared<BoxFuture<'static, ()>>,
}

impl Operator {
    /// Works until the process is asked to end.
    async fn work(self, leadership: Leadership) {
        let Self { client, sms, ambient, options, health, metrics, shutdown } = self;
        metrics.leader.set(1);
        let parts = Parts { sms, ambient, leadership, options, metrics };
        let too_late = async {
            shutdown.clone().await;
            tokio::time::sleep(LAST_MOMENTS).await;
        };
        tokio::select! {
            () = controller::run(client, parts, &health, shutdown.clone()) => {}
            () = too_late => warn!("a reconcile isn't finished; the next start goes on with it"),
        }
    }

    /// Stands by until it is elected, and then works.
    async fn run_elected(self, candidacy: Candidacy) -> Result<Result<(), Loss>, ClusterError> {
        let (health, shutdown) = (self.health.clone(), self.shutdown.clone());
        let heard = self.health.clone();
        let election = Election::new(cluster::impatient_client().await?, candidacy, move || heard.ready());
        let pulse = election.pulse();
        health.alive_while(move || pulse.is_alive());
        let work = |leadership| {
            health.begin();
            self.work(leadership)
        };
        Ok(election.run(shutdown, work).await)
    }
}

/// Resolves when the process is asked to end.
fn shutdown() -> std::io::Result<BoxFuture<'static, ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("stopping: reconciles under way are finished first");
    }))
}
