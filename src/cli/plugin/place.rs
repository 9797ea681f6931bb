use k8s_openapi::api::events::v1::Event;
use kube::{Api, Client, api::ListParams};

use super::{
    super::cluster::{self, Choice, ClusterError},
    error::PluginError,
};
use crate::api::MigrationTaskWatch;

/// How many watches are asked for at a time: a status can have half a megabyte.
const PAGE: u32 = 50;

/// A cluster, and the namespace of it that is meant.
pub(super) struct Place {
    /// The way to the API server.
    pub(super) client: Client,
    /// The namespace.
    pub(super) namespace: String,
}

impl Place {
    /// By kubeconfig, context and namespace, as kubectl finds them.
    pub(super) async fn find(cluster: &Choice, namespace: Option<&str>) -> Result<Self, ClusterError> {
        let config = cluster::config_of(cluster).await?;
        let namespace = namespace.unwrap_or(&config.default_namespace).to_owned();
        Ok(Self { client: cluster::connect(config)?, namespace })
    }

    /// The watches of the namespace, or of all.
    pub(super) fn watches(&self, all_namespaces: bool) -> Api<MigrationTaskWatch> {
        if all_namespaces {
            Api::all(self.client.clone())
        } else {
            Api::namespaced(self.client.clone(), &self.namespace)
        }
    }

    /// A watch.
    pub(super) async fn get(&self, name: &str) -> Result<MigrationTaskWatch, PluginError> {
        let watches = self.watches(false);
        let found = watches.get_opt(name).await.map_err(PluginError::api("read the MigrationTaskWatch"))?;
        if let Some(watch) = found {
            return Ok(watch);
        }
        // Nothing is found of a kind that isn't known, either; whoever may not list learns of the name alone.
        match watches.list(&ListParams::default().limit(1)).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Err(PluginError::NoDefinition),
            _ => Err(PluginError::NoWatch { name: name.to_owned(), namespace: self.namespace.clone() }),
        }
    }

    /// All watches, by namespace and name.
    pub(super) async fn list(&self, all_namespaces: bool) -> Result<Vec<MigrationTaskWatch>, PluginError> {
        let api = self.watches(all_namespaces);
        let mut params = ListParams::default().limit(PAGE);
        let mut watches = Vec::new();
        loop {
            let page = api.list(&params).await.map_err(PluginError::api("list the MigrationTaskWatches"))?;
            watches.extend(page.items);
            match page.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => params = params.continue_token(&next),
                None => break,
            }
        }
        watches.sort_by_cached_key(key);
        Ok(watches)
    }

    /// The events of a watch.
    pub(super) async fn events(&self, watch: &MigrationTaskWatch) -> Result<Vec<Event>, kube::Error> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let uid = watch.metadata.uid.as_deref().unwrap_or_default();
        Ok(events.list(&ListParams::default().fields(&format!("regarding.uid={uid}"))).await?.items)
    }
}

/// By what watches are sorted.
pub(super) fn key(watch: &MigrationTaskWatch) -> (String, String) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (text(&watch.metadata.namespace), text(&watch.metadata.name))
}
