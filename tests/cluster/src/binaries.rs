use std::{
    env,
    path::{Path, PathBuf},
};

use crate::Error;

/// The programs that a cluster runs.
#[derive(Debug)]
pub(crate) struct Binaries {
    pub(crate) etcd: PathBuf,
    pub(crate) apiserver: PathBuf,
}

impl Binaries {
    /// Finds both in `assets`, else where `KUBEBUILDER_ASSETS` says, else where `build.sh` puts them.
    pub(crate) fn find(assets: Option<PathBuf>) -> Result<Self, Error> {
        let dir = assets
            .or_else(|| env::var_os("KUBEBUILDER_ASSETS").filter(|dir| !dir.is_empty()).map(PathBuf::from))
            .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.build/bin"));
        Ok(Self { etcd: existing(&dir.join("etcd"))?, apiserver: existing(&dir.join("kube-apiserver"))? })
    }
}

/// The absolute path, since the programs are started in another directory.
pub(crate) fn existing(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|_| Error::BinaryMissing(path.to_owned()))
}
