//! The environment of a container.

use k8s_openapi::api::core::v1::{ConfigMap, EnvVar, EnvVarSource, Secret};

use crate::{Error, Seen};

/// Name and value of each variable.
pub(crate) async fn of(seen: &Seen) -> Result<Vec<(String, String)>, Error> {
    let container = seen.container()?;
    if container.env_from.as_ref().is_some_and(|from| !from.is_empty()) {
        return Err(Error::Unknown("envFrom".to_owned()));
    }
    let mut variables = service(seen);
    for variable in container.env.iter().flatten() {
        if let Some(value) = value(seen, variable).await? {
            variables.push((variable.name.clone(), value));
        }
    }
    Ok(variables)
}

/// How every pod finds the API server. There is no proxy for Services here, so it is the server's own address.
fn service(seen: &Seen) -> Vec<(String, String)> {
    let host = seen.server.host().unwrap_or_default();
    let port = seen.server.port_u16().unwrap_or(443);
    vec![
        ("KUBERNETES_SERVICE_HOST".to_owned(), host.to_owned()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), port.to_string()),
        ("KUBERNETES_SERVICE_PORT_HTTPS".to_owned(), port.to_string()),
    ]
}

async fn value(seen: &Seen, variable: &EnvVar) -> Result<Option<String>, Error> {
    let Some(source) = &variable.value_from else { return Ok(variable.value.clone()) };
    match source {
        EnvVarSource { field_ref: Some(field), .. } => self::field(seen, &field.field_path).map(Some),
        EnvVarSource { secret_key_ref: Some(from), .. } => {
            let optional = from.optional == Some(true);
            let secret: Option<Secret> = seen.object(&from.name, optional).await?;
            let bytes = secret.and_then(|secret| secret.data?.remove(&from.key));
            existing(bytes.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()), &from.key, optional)
        }
        EnvVarSource { config_map_key_ref: Some(from), .. } => {
            let optional = from.optional == Some(true);
            let map: Option<ConfigMap> = seen.object(&from.name, optional).await?;
            existing(map.and_then(|map| map.data?.remove(&from.key)), &from.key, optional)
        }
        _ => Err(Error::Unknown(format!("the source of {}", variable.name))),
    }
}

fn existing(value: Option<String>, key: &str, optional: bool) -> Result<Option<String>, Error> {
    match value {
        None if !optional => Err(Error::Missing(format!("key {key}"))),
        value => Ok(value),
    }
}

/// A field of the pod.
pub(crate) fn field(seen: &Seen, path: &str) -> Result<String, Error> {
    let metadata = &seen.pod.metadata;
    let value = match path {
        "metadata.name" => metadata.name.clone(),
        "metadata.namespace" => Some(seen.namespace.clone()),
        "metadata.uid" => metadata.uid.clone(),
        "spec.serviceAccountName" => seen.spec()?.service_account_name.clone(),
        _ => None,
    };
    value.ok_or_else(|| Error::Unknown(format!("field {path}")))
}
