//! The volumes of a container, as files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use k8s_openapi::{
    ByteString,
    api::{
        authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec},
        core::v1::{
            ConfigMap, DownwardAPIVolumeFile, KeyToPath, Secret, ServiceAccount,
            ServiceAccountTokenProjection, Volume, VolumeProjection,
        },
    },
};
use kube::{Api, api::PostParams};

use crate::{Error, Seen, environment::field};

type Files = BTreeMap<String, Vec<u8>>;

/// Writes each volume that the container mounts to its place below `root`.
pub(crate) async fn write(seen: &Seen, root: &Path) -> Result<(), Error> {
    let volumes = seen.spec()?.volumes.as_deref().unwrap_or_default();
    for mount in seen.container()?.volume_mounts.iter().flatten() {
        if mount.sub_path.is_some() || mount.sub_path_expr.is_some() {
            return Err(Error::Unknown(format!("the subPath of {}", mount.name)));
        }
        let volume = volumes.iter().find(|volume| volume.name == mount.name);
        let volume = volume.ok_or_else(|| Error::Missing(format!("volume {}", mount.name)))?;
        write_files(&below(root, &mount.mount_path), &files(seen, volume).await?)?;
    }
    Ok(())
}

/// The path in `root`: it never leads out of it.
fn below(root: &Path, path: &str) -> PathBuf {
    let parts = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)));
    root.join(parts.collect::<PathBuf>())
}

fn write_files(folder: &Path, files: &Files) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    for (name, content) in files {
        let path = below(folder, name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        fs::write(&path, content).map_err(failed(&path))?;
    }
    Ok(())
}

async fn files(seen: &Seen, volume: &Volume) -> Result<Files, Error> {
    if volume.empty_dir.is_some() {
        return Ok(Files::new());
    }
    if let Some(source) = &volume.config_map {
        return config_map(seen, &source.name, source.items.as_deref(), source.optional == Some(true)).await;
    }
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        return secret(seen, name, source.items.as_deref(), source.optional == Some(true)).await;
    }
    if let Some(source) = &volume.downward_api {
        return downward(seen, source.items.as_deref().unwrap_or_default());
    }
    let Some(source) = &volume.projected else {
        return Err(Error::Unknown(format!("the kind of volume {}", volume.name)));
    };
    let mut files = Files::new();
    for source in source.sources.iter().flatten() {
        files.extend(projection(seen, source).await?);
    }
    Ok(files)
}

async fn projection(seen: &Seen, source: &VolumeProjection) -> Result<Files, Error> {
    if let Some(token) = &source.service_account_token {
        return self::token(seen, token).await;
    }
    if let Some(source) = &source.config_map {
        return config_map(seen, &source.name, source.items.as_deref(), source.optional == Some(true)).await;
    }
    if let Some(source) = &source.secret {
        return secret(seen, &source.name, source.items.as_deref(), source.optional == Some(true)).await;
    }
    match &source.downward_api {
        Some(source) => downward(seen, source.items.as_deref().unwrap_or_default()),
        None => Err(Error::Unknown("a projection".to_owned())),
    }
}

/// A token of the pod's account that is good for as long as the pod exists.
async fn token(seen: &Seen, wanted: &ServiceAccountTokenProjection) -> Result<Files, Error> {
    let metadata = &seen.pod.metadata;
    let pod = BoundObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
    };
    let spec = TokenRequestSpec {
        audiences: wanted.audience.iter().cloned().collect(),
        bound_object_ref: Some(pod),
        expiration_seconds: wanted.expiration_seconds,
    };
    let account = seen.spec()?.service_account_name.as_deref().unwrap_or("default");
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let api = Api::<ServiceAccount>::namespaced(seen.client.clone(), &seen.namespace);
    let answer = api.create_token_request(account, &PostParams::default(), &request).await?;
    let status = answer.status.ok_or_else(|| Error::Missing(format!("a token of {account}")))?;
    Ok(Files::from([(wanted.path.clone(), status.token.into_bytes())]))
}

async fn config_map(
    seen: &Seen,
    name: &str,
    items: Option<&[KeyToPath]>,
    optional: bool,
) -> Result<Files, Error> {
    let map = seen.object::<ConfigMap>(name, optional).await?.unwrap_or_default();
    let text = map.data.into_iter().flatten().map(|(key, value)| (key, value.into_bytes()));
    let binary = map.binary_data.into_iter().flatten().map(|(key, value)| (key, value.0));
    chosen(text.chain(binary).collect(), items, optional)
}

async fn secret(
    seen: &Seen,
    name: &str,
    items: Option<&[KeyToPath]>,
    optional: bool,
) -> Result<Files, Error> {
    let secret = seen.object::<Secret>(name, optional).await?.unwrap_or_default();
    let files = secret.data.into_iter().flatten().map(|(key, ByteString(value))| (key, value));
    chosen(files.collect(), items, optional)
}

/// All keys, or those that `items` names, at the paths that it gives them.
fn chosen(mut files: Files, items: Option<&[KeyToPath]>, optional: bool) -> Result<Files, Error> {
    let Some(items) = items else { return Ok(files) };
    let mut renamed = Files::new();
    for item in items {
        match files.remove(&item.key) {
            Some(content) => drop(renamed.insert(item.path.clone(), content)),
            None if optional => {}
            None => return Err(Error::Missing(format!("key {}", item.key))),
        }
    }
    Ok(renamed)
}

fn downward(seen: &Seen, items: &[DownwardAPIVolumeFile]) -> Result<Files, Error> {
    let mut files = Files::new();
    for item in items {
        let path = item.field_ref.as_ref().map(|field| field.field_path.as_str()).unwrap_or_default();
        files.insert(item.path.clone(), field(seen, path)?.into_bytes());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str, path: &str) -> KeyToPath {
        KeyToPath { key: key.to_owned(), path: path.to_owned(), mode: None }
    }

    #[test]
    fn a_path_stays_in_the_root() {
        let root = Path::new("/root");
        assert_eq!(below(root, "/etc/ca"), Path::new("/root/etc/ca"));
        assert_eq!(below(root, "../../etc//ca/"), Path::new("/root/etc/ca"));
    }

    #[test]
    fn items_choose_keys_and_name_files() {
        let files = || Files::from([("a".to_owned(), vec![1]), ("b".to_owned(), vec![2])]);
        assert_eq!(chosen(files(), None, false).unwrap(), files());
        let renamed = Files::from([("x/y".to_owned(), vec![2])]);
        assert_eq!(chosen(files(), Some(&[key("b", "x/y")]), false).unwrap(), renamed);
        let missing = [key("c", "c")];
        assert!(matches!(chosen(files(), Some(&missing), false), Err(Error::Missing(_))));
        assert_eq!(chosen(files(), Some(&missing), true).unwrap(), Files::new());
    }
}
