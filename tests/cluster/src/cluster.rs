use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{sync::OnceCell, time::sleep};

use crate::{
    Error,
    access::Access,
    binaries::{self, Binaries},
    keys,
    port::Port,
    process::Process,
};

/// A cold start on a loaded small machine takes far less.
const START_DEADLINE: Duration = Duration::from_mins(2);
const READY_POLL: Duration = Duration::from_millis(50);
const READY_REQUEST: Duration = Duration::from_secs(5);

/// How a cluster is to be started.
#[derive(Debug, Default)]
pub struct Options {
    /// Where etcd and kube-apiserver are. Without it `KUBEBUILDER_ASSETS` says, else they are in `.build/bin`.
    pub assets: Option<PathBuf>,
    /// More arguments for kube-apiserver.
    pub apiserver_args: Vec<String>,
    /// The kube-controller-manager to run as well. Pods are then given the tokens of their service accounts, which must exist.
    pub controller_manager: Option<PathBuf>,
}

/// A running etcd and kube-apiserver, and what else was asked for; dropping it ends all of it and removes its files.
#[derive(Debug)]
pub struct Cluster {
    // Fields are dropped in this order: the API server would otherwise complain about a lost etcd.
    controller_manager: Option<Process>,
    apiserver: Option<Process>,
    etcd: Option<Process>,
    binaries: Binaries,
    options: Options,
    port: Port,
    pub(crate) access: Access,
    dir: TempDir,
}

impl Cluster {
    /// Starts a cluster and waits until it is ready.
    ///
    /// # Errors
    /// When a binary is missing, or a server ends or isn't ready in two minutes: then with the end of its log.
    pub async fn start(mut options: Options) -> Result<Self, Error> {
        // kube takes the process's provider; a test may have set it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let binaries = Binaries::find(options.assets.take())?;
        let dir = tempfile::Builder::new()
            .prefix("test-cluster-")
            .tempdir()
            .map_err(Error::io("create a temporary directory"))?;
        let port = Port::reserve()?;
        keys::write_signing_keys(&dir.path().join("sa.key"), &dir.path().join("sa.pub"))?;
        let access = Access::new(dir.path(), port.number())?;
        let mut cluster = Self {
            controller_manager: None,
            apiserver: None,
            etcd: None,
            binaries,
            options,
            port,
            access,
            dir,
        };
        cluster.spawn_etcd()?;
        cluster.spawn_apiserver()?;
        cluster.wait_until_ready().await?;
        cluster.spawn_controller_manager()?;
        Ok(cluster)
    }

    /// The cluster that all tests of this process share; it ends with the process.
    ///
    /// # Errors
    /// As [`Cluster::start`]; the next call tries again.
    pub async fn shared() -> Result<&'static Self, Error> {
        static SHARED: OnceCell<Cluster> = OnceCell::const_new();
        SHARED.get_or_try_init(|| Self::start(Options::default())).await
    }

    /// The directory with data, logs and kubeconfig files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The API server's process, unless it has been stopped.
    #[must_use]
    pub fn apiserver_pid(&self) -> Option<u32> {
        self.apiserver.as_ref().map(Process::id)
    }

    /// Kills the API server. It comes back at the same port with [`Cluster::start_apiserver`].
    pub fn stop_apiserver(&mut self) {
        self.apiserver = None;
    }

    /// Starts a stopped API server and waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or isn't ready in two minutes.
    pub async fn start_apiserver(&mut self) -> Result<(), Error> {
        self.spawn_apiserver()?;
        self.wait_until_ready().await
    }

    /// Kills etcd. Its data stays for [`Cluster::start_etcd`].
    pub fn stop_etcd(&mut self) {
        self.etcd = None;
    }

    /// Starts a stopped etcd, and waits until the API server, if that runs, is ready again.
    ///
    /// # Errors
    /// When etcd ends, or the API server isn't ready in two minutes.
    pub async fn start_etcd(&mut self) -> Result<(), Error> {
        self.spawn_etcd()?;
        self.wait_until_ready().await
    }

    fn spawn_etcd(&mut self) -> Result<(), Error> {
        let args = etcd_args();
        self.etcd = Some(Process::spawn("etcd", &self.binaries.etcd, &args, self.dir.path())?);
        Ok(())
    }

    fn spawn_apiserver(&mut self) -> Result<(), Error> {
        let mut args = apiserver_args(self.port.number());
        if self.options.controller_manager.is_none() {
            // It would refuse pods until a controller has made each namespace's default account.
            args.push("--disable-admission-plugins=ServiceAccount".to_owned());
        }
        args.extend_from_slice(&self.options.apiserver_args);
        self.apiserver =
            Some(Process::spawn("kube-apiserver", &self.binaries.apiserver, &args, self.dir.path())?);
        Ok(())
    }

    /// Nobody waits until it is ready: what it does is seen by what comes to be.
    fn spawn_controller_manager(&mut self) -> Result<(), Error> {
        if let Some(program) = &self.options.controller_manager {
            let program = binaries::existing(program)?;
            let args = controller_manager_args();
            self.controller_manager =
                Some(Process::spawn("kube-controller-manager", &program, &args, self.dir.path())?);
        }
        Ok(())
    }

    /// Waits for /readyz, verified by the certificate that this very API server made: no other one passes for it.
    async fn wait_until_ready(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        while let Some(apiserver) = &mut self.apiserver {
            apiserver.check()?;
            if let Some(etcd) = &mut self.etcd {
                etcd.check()?;
            }
            match self.access.check_ready(READY_REQUEST).await {
                Ok(()) => break,
                Err(error) if began.elapsed() > START_DEADLINE => {
                    return Err(Error::NotReady {
                        waited: START_DEADLINE,
                        log: apiserver.log_tail(),
                        source: Box::new(error),
                    });
                }
                Err(_) => sleep(READY_POLL).await,
            }
        }
        Ok(())
    }
}

/// The sockets are files in the working directory, so nothing can take them, and long paths are no trouble.
fn etcd_args() -> Vec<String> {
    [
        "--data-dir=etcd",
        // The data needn't survive a crash of the machine.
        "--unsafe-no-fsync",
        "--listen-client-urls=unix://client:0",
        "--advertise-client-urls=unix://client:0",
        "--listen-peer-urls=unix://peer:0",
        "--initial-advertise-peer-urls=unix://peer:0",
        "--initial-cluster=default=unix://peer:0",
    ]
    .map(String::from)
    .to_vec()
}

fn apiserver_args(port: u16) -> Vec<String> {
    let mut args = [
        "--etcd-servers=unix://client:0",
        "--bind-address=127.0.0.1",
        // See `Port`.
        "--permit-port-sharing",
        // There the API server puts a certificate of its own making.
        "--cert-dir=certs",
        // An address that every machine has, and no Endpoints object that would have to hold it.
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-signing-key-file=sa.key",
        "--service-account-key-file=sa.pub",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
    ]
    .map(String::from)
    .to_vec();
    args.push(format!("--secure-port={port}"));
    args
}

/// What a chart's objects need to come to life, short of nodes.
const CONTROLLERS: &str = "--controllers=clusterrole-aggregation-controller,deployment-controller,disruption-controller,\
                           endpointslice-controller,garbage-collector-controller,namespace-controller,\
                           replicaset-controller,root-ca-certificate-publisher-controller,serviceaccount-controller";

fn controller_manager_args() -> Vec<String> {
    [
        CONTROLLERS,
        "--kubeconfig=admin.kubeconfig",
        "--root-ca-file=certs/apiserver.crt",
        "--leader-elect=false",
        // It serves nothing.
        "--secure-port=0",
    ]
    .map(String::from)
    .to_vec()
}
