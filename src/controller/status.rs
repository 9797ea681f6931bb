//! Writing a status.

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::error::{Error, call};
use crate::api::{MANAGER, MigrationTaskWatch, MigrationTaskWatchStatus};

/// Applies a whole status, fenced: it is refused if the watch has changed since it was read, or is another.
pub(super) async fn apply(
    client: &kube::Client,
    watch: &MigrationTaskWatch,
    status: &MigrationTaskWatchStatus,
) -> Result<MigrationTaskWatch, Error> {
    let namespace = watch.namespace().unwrap_or_default();
    let watches: Api<MigrationTaskWatch> = Api::namespaced(client.clone(), &namespace);
    let patch = json!({
        "apiVersion": MigrationTaskWatch::api_version(&()),
        "kind": MigrationTaskWatch::kind(&()),
        "metadata": {
            "name": watch.name_any(),
            "namespace": namespace,
            "uid": watch.metadata.uid,
            "resourceVersion": watch.metadata.resource_version,
        },
        "status": status,
    });
    let params = PatchParams::apply(MANAGER).force();
    call("writing the status", watches.patch_status(&watch.name_any(), &params, &Patch::Apply(&patch))).await
}
