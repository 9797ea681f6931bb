//! The way to the API server.

mod direct;
mod unusable;

use std::{path::PathBuf, time::Duration};

use kube::{
    client::ClientBuilder,
    config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use tower::util::MapErrLayer;

use self::unusable::discreet;
pub(super) use self::unusable::{Unusable, place};
use super::network::first_variable;
use crate::{
    controller::READ_PATIENCE,
    sms::network::{NoProxy, ProxyUrl, ProxyUrlError},
};

/// There is no way to an API server.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClusterError {
    /// Neither a kubeconfig nor a pod.
    #[error(
        "there is no cluster: this is no pod with a service account, and the kubeconfig can't be used: {0}"
    )]
    None(Unusable),
    /// The kubeconfig that was chosen, or the context.
    #[error("the kubeconfig can't be used: {0}")]
    Kubeconfig(Unusable),
    /// The proxy that is meant for the API server.
    #[error("the proxy for the API server (proxy-url of the kubeconfig, or HTTPS_PROXY): {0}")]
    Proxy(#[from] ProxyUrlError),
    /// The client can't be set up by what the configuration says.
    #[error("the cluster can't be used: {0}")]
    Client(Unusable),
}

/// Which cluster is meant, where that isn't left to the environment.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// The kubeconfig, in place of that of `KUBECONFIG` or `~/.kube/config`.
    pub(super) kubeconfig: Option<PathBuf>,
    /// The context of it, in place of its current one.
    pub(super) context: Option<String>,
}

impl Choice {
    async fn load(&self) -> Result<(Config, Option<Kubeconfig>), ClusterError> {
        match self.by_kubeconfig().await {
            Ok((config, kubeconfig)) => Ok((config, Some(kubeconfig))),
            Err(error) if self.kubeconfig.is_none() && self.context.is_none() => {
                let config = Config::incluster().map_err(|_| ClusterError::None(Unusable::from(&error)))?;
                Ok((config, None))
            }
            Err(error) => Err(ClusterError::Kubeconfig(Unusable::from(&error))),
        }
    }

    async fn by_kubeconfig(&self) -> Result<(Config, Kubeconfig), KubeconfigError> {
        let mut kubeconfig = self.kubeconfig.as_ref().map_or_else(Kubeconfig::read, Kubeconfig::read_from)?;
        kubeconfig.current_context = self.context.clone().or(kubeconfig.current_context);
        let options = KubeConfigOptions::default();
        Ok((Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await?, kubeconfig))
    }
}

/// The configuration by the kubeconfig of `KUBECONFIG` or `~/.kube/config`, or else by the pod's service account. A pod
/// calls its API server directly; with a kubeconfig, the proxy is chosen as kubectl chooses it.
pub(super) async fn config() -> Result<Config, ClusterError> {
    config_of(&Choice::default()).await
}

/// The configuration for the cluster that was chosen.
pub(super) async fn config_of(choice: &Choice) -> Result<Config, ClusterError> {
    let (mut config, kubeconfig) = choice.load().await?;
    // Only that of a pod has a file.
    if config.root_cert_file.is_none() {
        let environment = Environment::read();
        let proxy = match proxy_of(kubeconfig) {
            Some(proxy) => Some(ProxyUrl::parse(&proxy)?),
            None => environment.proxy_for(&config.cluster_url)?,
        };
        let uri = proxy.map(|proxy| proxy.reveal().parse().map_err(|_| ProxyUrlError::Url));
        config.proxy_url = uri.transpose()?;
    }
    Ok(bounded(config, READ_PATIENCE))
}

/// A configuration with which no answer is waited for longer than this.
fn bounded(mut config: Config, silence: Duration) -> Config {
    config.read_timeout = Some(silence);
    // The time that a connection was kept for later doesn't count.
    config.reset_reader_on_write = true;
    config
}

/// A client by [`config`].
pub(super) async fn client() -> Result<kube::Client, ClusterError> {
    connect(config().await?)
}

/// A client by [`config`] that leaves it to the caller whether to try again, with connections of its own.
pub(super) async fn impatient_client() -> Result<kube::Client, ClusterError> {
    let mut config = config().await?;
    config.default_retry = false;
    connect(config)
}

/// A client by a configuration.
pub(super) fn connect(config: Config) -> Result<kube::Client, ClusterError> {
    let client = if config.proxy_url.is_some() { proxied(config) } else { direct::client(&config) };
    client.map_err(|error| ClusterError::Client(Unusable::from(&error)))
}

fn proxied(config: Config) -> kube::Result<kube::Client> {
    Ok(ClientBuilder::try_from(config)?.with_layer(&MapErrLayer::new(discreet)).build())
}

/// The `proxy-url` of the cluster that is chosen.
fn proxy_of(kubeconfig: Option<Kubeconfig>) -> Option<String> {
    let Kubeconfig { current_context, contexts, clusters, .. } = kubeconfig?;
    let current = current_context?;
    let context = contexts.into_iter().find(|context| context.name == current)?.context?;
    let cluster = clusters.into_iter().find(|cluster| cluster.name == context.cluster)?.cluster?;
    cluster.proxy_url.filter(|url| !url.is_empty())
}

/// The variables that kubectl reads. kube reads them, too, but compares `NO_PROXY` with the proxy instead of with the API
/// server.
#[derive(Debug, Default)]
struct Environment {
    https_proxy: Option<String>,
    no_proxy: Option<String>,
}

impl Environment {
    fn read() -> Self {
        Self {
            https_proxy: first_variable(&["HTTPS_PROXY", "https_proxy"]),
            no_proxy: first_variable(&["NO_PROXY", "no_proxy"]),
        }
    }

    fn proxy_for(&self, server: &http::Uri) -> Result<Option<ProxyUrl>, ProxyUrlError> {
        let host = server.host().unwrap_or_default();
        let no_proxy = NoProxy::parse(self.no_proxy.as_deref().unwrap_or_default());
        let direct = server.scheme_str() != Some("https")
            || is_loopback(host)
            || no_proxy.covers(host, server.port_u16().unwrap_or(443));
        let proxy = self.https_proxy.as_deref().filter(|_| !direct);
        proxy.map(ProxyUrl::parse).transpose()
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_of_the_environment_is_that_of_kubectl() {
        let table = [
            (Some("http://proxy:3128"), None, "https://10.0.0.1:6443", true),
            (Some("http://proxy:3128"), Some("proxy"), "https://10.0.0.1:6443", true),
            (Some("http://proxy:3128"), Some("10.0.0.0/8"), "https://10.0.0.1:6443", false),
            (Some("http://proxy:3128"), Some("api.example.com"), "https://api.example.com", false),
            (Some("http://proxy:3128"), None, "https://127.0.0.1:6443", false),
            (Some("http://proxy:3128"), None, "https://[::1]:6443", false),
            (Some("http://proxy:3128"), None, "https://localhost:6443", false),
            (Some("http://proxy:3128"), None, "http://10.0.0.1:8080", false),
            (None, None, "https://10.0.0.1:6443", false),
        ];
        for (https_proxy, no_proxy, server, proxied) in table {
            let environment = Environment {
                https_proxy: https_proxy.map(str::to_owned),
                no_proxy: no_proxy.map(str::to_owned),
            };
            let proxy = environment.proxy_for(&server.parse().unwrap()).unwrap();
            assert_eq!(proxy.is_some(), proxied, "{https_proxy:?} {no_proxy:?} {server}");
        }
    }

    #[tokio::test]
    async fn an_api_server_that_never_answers_is_given_up() {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut taken = Vec::new();
            while let Ok(connection) = listener.accept().await {
                taken.push(connection);
            }
        });
        let config = bounded(Config::new(url.parse().unwrap()), Duration::from_millis(100));
        let client = kube::Client::try_from(config).unwrap();
        assert!(client.apiserver_version().await.is_err());
        assert!(bounded(Config::new(url.parse().unwrap()), READ_PATIENCE).read_timeout.is_some());
    }

    #[test]
    fn the_proxy_of_a_kubeconfig_is_that_of_its_current_cluster() {
        let kubeconfig = |current: &str| {
            let text = format!(
                "{{current-context: {current}, contexts: [{{name: a, context: {{cluster: one, user: u}}}}, \
                 {{name: b, context: {{cluster: two, user: u}}}}], clusters: [{{name: one, cluster: \
                 {{server: 'https://one'}}}}, {{name: two, cluster: {{server: 'https://two', proxy-url: 'http://proxy'}}}}]}}"
            );
            Kubeconfig::from_yaml(&text).ok()
        };
        assert!(kubeconfig("a").is_some());
        assert_eq!(proxy_of(kubeconfig("a")), None);
        assert_eq!(proxy_of(kubeconfig("b")).as_deref(), Some("http://proxy"));
        assert_eq!(proxy_of(kubeconfig("c")), None);
        assert_eq!(proxy_of(None), None);
    }
}
