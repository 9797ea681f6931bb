//! Writing a status.

use std::borrow::Cow;

use http::{HeaderValue, header::ACCEPT};
use kube::{
    Resource, ResourceExt,
    api::{ObjectMeta, PartialObjectMeta, Patch, PatchParams},
    core::Request,
};
use serde::Serialize;

use super::{error::Error, leadership::Leadership};
use crate::api::{MANAGER, MigrationTaskWatch, MigrationTaskWatchStatus};

/// Of what has been written, the version is enough: the rest is known, and large.
const METADATA_ALONE: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// What is applied. Written out straight from the status, which may be large.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Applied<'a> {
    api_version: Cow<'static, str>,
    kind: Cow<'static, str>,
    metadata: ObjectMeta,
    status: &'a MigrationTaskWatchStatus,
}

/// The request that writes a whole status.
#[derive(Debug)]
pub(super) struct Write(http::Request<Vec<u8>>);

impl Write {
    /// Applies a status, fenced: it is refused if the watch has changed since this version, or is another.
    pub(super) fn new(
        watch: &MigrationTaskWatch,
        version: Option<&str>,
        status: &MigrationTaskWatchStatus,
    ) -> Result<Self, Error> {
        let applied = Applied {
            api_version: MigrationTaskWatch::api_version(&()),
            kind: MigrationTaskWatch::kind(&()),
            metadata: ObjectMeta {
                name: watch.metadata.name.clone(),
                namespace: watch.metadata.namespace.clone(),
                uid: watch.metadata.uid.clone(),
                resource_version: version.map(str::to_owned),
                ..ObjectMeta::default()
            },
            status,
        };
        let params = PatchParams::apply(MANAGER).force();
        let url = MigrationTaskWatch::url_path(&(), watch.namespace().as_deref());
        let mut request = Request::new(url)
            .patch_subresource("status", &watch.name_any(), &params, &Patch::Apply(&applied))
            .map_err(|source| Error::Api {
                doing: DOING,
                source: kube::Error::BuildRequest(source).into(),
            })?;
        request.headers_mut().insert(ACCEPT, METADATA_ALONE);
        Ok(Self(request))
    }

    /// How many bytes are sent.
    pub(super) fn size(&self) -> usize {
        self.0.body().len()
    }

    /// Writes it, and says which version of the watch that is.
    pub(super) async fn send(self, client: &kube::Client, leadership: &Leadership) -> Result<String, Error> {
        let written = client.request::<PartialObjectMeta<MigrationTaskWatch>>(self.0);
        // Without one, the watch is read next time.
        Ok(leadership.write(DOING, written).await?.metadata.resource_version.unwrap_or_default())
    }
}

const DOING: &str = "writing the status";
