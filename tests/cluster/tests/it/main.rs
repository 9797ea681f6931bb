//! Starts real clusters: needs the binaries that `build.sh` makes.

mod access;
mod failures;
mod lifetime;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use test_cluster::{Cluster, Error};

async fn namespaces(cluster: &Cluster) -> Result<Api<Namespace>, Error> {
    Ok(Api::all(cluster.admin_client().await?))
}
