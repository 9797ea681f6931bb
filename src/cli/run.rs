//! `migration-task-watch run`: the operator.

use std::{error::Error, net::SocketAddr, time::Duration};

use clap::Args as ClapArgs;
use futures::{FutureExt, future::BoxFuture};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::{cluster, network::NetworkArgs};
use crate::{
    controller::{self, Options, Parts},
    core::{
        endpoint::{AllowedEndpoints, PatternError},
        namespace::{Namespace, NamespaceError},
        pace::Rate,
        policy::{AmbientNamespaces, Policy},
    },
    sms::{self, ClientOptions},
    telemetry::{Health, Metrics, logs},
};

/// How long reconciles under way may take once the process is asked to end: less than the 30 seconds of a kubelet.
const LAST_MOMENTS: Duration = Duration::from_secs(20);

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

    /// Where /livez and /readyz are served.
    #[arg(long, env = "HEALTH_ADDR", default_value = "0.0.0.0:8081")]
    health_addr: SocketAddr,

    /// Where /metrics is served.
    #[arg(long, env = "METRICS_ADDR", default_value = "0.0.0.0:8080")]
    metrics_addr: SocketAddr,

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
    #[arg(long, env = "SMS_MAX_CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
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

    pub(super) fn client(&self) -> Result<sms::Client, Box<dyn Error>> {
        Ok(sms::Client::new(ClientOptions {
            max_concurrency: self.sms_max_concurrency.into(),
            rate: self.sms_qps,
            network: self.network.options()?,
            ..ClientOptions::default()
        })?)
    }
}

pub(super) async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    logs::start(args.log_format);
    let options = Options {
        policy: Policy { endpoints: args.sms.allowed_endpoints()?, ambient: args.ambient_namespaces()? },
        scope: args.watch_namespace.iter().cloned().collect(),
        watch_secrets: args.watch_secrets,
        concurrency: args.concurrency,
        instance: args.instance.clone(),
    };
    let sms = args.sms.client()?;
    let ambient = args.sms.ambient()?;
    let client = cluster::client().await?;
    let health = Health::default();
    let address = health.clone().serve(args.health_addr).await?;
    let metrics = Metrics::default();
    let metrics_address = metrics.clone().serve(args.metrics_addr).await?;
    info!(version = env!("CARGO_PKG_VERSION"), health = %address, metrics = %metrics_address, "started");
    let parts = Parts { sms, ambient, options, metrics };
    let shutdown = shutdown()?.shared();
    let too_late = async {
        shutdown.clone().await;
        tokio::time::sleep(LAST_MOMENTS).await;
    };
    tokio::select! {
        () = controller::run(client, parts, &health, shutdown.clone()) => {}
        () = too_late => warn!("a reconcile isn't finished; the next start goes on with it"),
    }
    info!("stopped");
    Ok(())
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
