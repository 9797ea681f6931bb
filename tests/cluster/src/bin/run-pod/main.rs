//! Does for a pod what a kubelet does, as far as its container sees it:
//! `run-pod <namespace> <pod> <root> <command> [<argument>...]` writes the volumes of the pod's container below the
//! folder `root`, and becomes the command, with the container's environment and nothing else in it, and with the
//! container's arguments after its own. The pod is one of the cluster that KUBECONFIG names.

mod environment;
mod volumes;

use std::{
    env,
    error::Error as StdError,
    io, iter,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

const USAGE: &str = "usage: run-pod <namespace> <pod> <root> <command> [<argument>...]";

/// Why a pod can't be run.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{USAGE}")]
    Usage,
    #[error("cannot use the kubeconfig that KUBECONFIG names")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    #[error("cannot ask the API server")]
    Api(#[from] kube::Error),
    #[error("the pod has no container")]
    NoContainer,
    #[error("{0} isn't known here: add it to run-pod")]
    Unknown(String),
    #[error("{0} doesn't exist")]
    Missing(String),
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot run {}", program.display())]
    Run { program: PathBuf, source: io::Error },
}

/// A pod and the cluster that it is in.
struct Seen {
    client: Client,
    server: http::Uri,
    namespace: String,
    pod: Pod,
}

impl Seen {
    fn spec(&self) -> Result<&PodSpec, Error> {
        self.pod.spec.as_ref().ok_or(Error::NoContainer)
    }

    fn container(&self) -> Result<&Container, Error> {
        self.spec()?.containers.first().ok_or(Error::NoContainer)
    }

    /// A namespaced object of the pod's namespace, unless it may be missing and is.
    async fn object<K>(&self, name: &str, optional: bool) -> Result<Option<K>, Error>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let found = Api::<K>::namespaced(self.client.clone(), &self.namespace).get_opt(name).await?;
        match found {
            None if !optional => Err(Error::Missing(format!("{} {name}", K::kind(&())))),
            found => Ok(found),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = run().await;
    let chain = iter::successors(Some(&error as &dyn StdError), |&error| error.source());
    let causes: Vec<String> = chain.map(ToString::to_string).collect();
    eprintln!("error: {}", causes.join(": "));
    ExitCode::FAILURE
}

async fn run() -> Result<std::convert::Infallible, Error> {
    let mut arguments = env::args().skip(1);
    let (namespace, name) = arguments.next().zip(arguments.next()).ok_or(Error::Usage)?;
    let root = arguments.next().ok_or(Error::Usage)?;
    let program = PathBuf::from(arguments.next().ok_or(Error::Usage)?);

    let seen = look(namespace, &name).await?;
    let environment = environment::of(&seen).await?;
    volumes::write(&seen, Path::new(&root)).await?;
    let given = seen.container()?.args.iter().flatten();
    let source = Command::new(&program).args(arguments).args(given).env_clear().envs(environment).exec();
    Err(Error::Run { program, source })
}

async fn look(namespace: String, name: &str) -> Result<Seen, Error> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::from_env()?.ok_or(Error::Usage)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // The API server is on this machine's loopback.
    config.proxy_url = None;
    let server = config.cluster_url.clone();
    let client = Client::try_from(config)?;
    let pod = Api::namespaced(client.clone(), &namespace).get(name).await?;
    Ok(Seen { client, server, namespace, pod })
}
