//! Writing a status.

use std::borrow::Cow;

use kube::{
    Api, Resource, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde::Serialize;

use super::{error::Error, leadership::Leadership};
use crate::api::{MANAGER, MigrationTaskWatch, MigrationTaskWatchStatus};

/// What is applied. Written out straight from the status, which may be large.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Applied<'a> {
    api_version: Cow<'static, str>,
    kind: Cow<'static, str>,
    metadata: ObjectMeta,
    status: &'a MigrationTaskWatchStatus,
}

/// Applies a whole status, fenced: it is refused if the watch has changed since it was read, or is another.
pub(super) async fn apply(
    client: &kube::Client,
    leadership: &Leadership,
    watch: &MigrationTaskWatch,
    status: &MigrationTaskWatchStatus,
) -> Result<MigrationTaskWatch, Error> {
    let namespace = watch.namespace().unwrap_or_default();
    let watches: Api<MigrationTaskWatch> = Api::namespaced(client.clone(), &namespace);
    let patch = Applied {
        api_version: MigrationTaskWatch::api_version(&()),
        kind: MigrationTaskWatch::kind(&()),
        metadata: ObjectMeta {
            name: watch.metadata.name.clone(),
            namespace: watch.metadata.namespace.clone(),
            uid: watch.metadata.uid.clone(),
            resource_version: watch.metadata.resource_version.clone(),
            ..ObjectMeta::default()
        },
        status,
    };
    let params = PatchParams::apply(MANAGER).force();
    let patch = Patch::Apply(&patch);
    leadership.write("writing the status", watches.patch_status(&watch.name_any(), &params, &patch)).await
}
