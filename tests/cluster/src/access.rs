use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use http::{Request, Uri};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;

use crate::{
    Cluster, Error,
    keys::{random_token, write},
};

/// How to reach the API server: kubeconfig files in the cluster's directory.
#[derive(Debug)]
pub(crate) struct Access {
    dir: PathBuf,
    server: String,
    admin: PathBuf,
}

impl Access {
    /// Writes the administrator's token for the API server, and the kubeconfig that uses it.
    pub(crate) fn new(dir: &Path, port: u16) -> Result<Self, Error> {
        let token = random_token()?;
        write(&dir.join("tokens.csv"), &format!("{token},admin,admin,system:masters\n"))?;
        let mut access =
            Self { dir: dir.to_owned(), server: format!("https://127.0.0.1:{port}"), admin: PathBuf::new() };
        access.admin = access.write_kubeconfig("admin", &token)?;
        Ok(access)
    }

    /// Writes `<user>.kubeconfig`. It is JSON, and so YAML too.
    pub(crate) fn write_kubeconfig(&self, user: &str, token: &str) -> Result<PathBuf, Error> {
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": "test",
                "cluster": {"server": self.server, "certificate-authority": self.dir.join("certs/apiserver.crt")},
            }],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": user, "context": {"cluster": "test", "user": user}}],
            "current-context": user,
        });
        let path = self.dir.join(format!("{user}.kubeconfig"));
        write(&path, &format!("{kubeconfig:#}\n"))?;
        Ok(path)
    }

    async fn admin_config(&self) -> Result<Config, Error> {
        config(&self.admin).await
    }

    /// Asks once whether the API server is ready.
    pub(crate) async fn check_ready(&self, deadline: Duration) -> Result<(), Error> {
        let mut config = self.admin_config().await?;
        config.connect_timeout = Some(deadline);
        config.read_timeout = Some(deadline);
        config.default_retry = false;
        let client = Client::try_from(config).map_err(Error::api("make a client"))?;
        let mut request = Request::new(Vec::new());
        *request.uri_mut() = Uri::from_static("/readyz");
        client.request_text(request).await.map(drop).map_err(Error::api("read /readyz"))
    }
}

/// Reads a kubeconfig file of the cluster.
pub(crate) async fn config(path: &Path) -> Result<Config, Error> {
    let kubeconfig = Kubeconfig::read_from(path)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // It may come from the environment, and no proxy reaches this machine's loopback.
    config.proxy_url = None;
    Ok(config)
}

impl Cluster {
    /// A kubeconfig file with all rights.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.access.admin
    }

    /// A client configuration with all rights.
    ///
    /// # Errors
    /// When the kubeconfig file is gone.
    pub async fn admin_config(&self) -> Result<Config, Error> {
        self.access.admin_config().await
    }

    /// A client with all rights. It belongs to the calling runtime: each test takes its own.
    ///
    /// # Errors
    /// When the kubeconfig file is gone or the client can't be made.
    pub async fn admin_client(&self) -> Result<Client, Error> {
        Client::try_from(self.admin_config().await?).map_err(Error::api("make a client"))
    }
}
