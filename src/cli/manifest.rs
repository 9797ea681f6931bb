//! Reading a manifest file: the watch, and the Secret beside it.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::Secret,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, JSONSchemaPropsOrArray},
};
use serde_json::Value;
use thiserror::Error;

use crate::{
    api::{self, MigrationTaskWatch},
    sms::credentials::SecretData,
};

/// What is wrong with a manifest.
#[derive(Debug, Error)]
pub(super) enum ManifestError {
    /// It isn't YAML. What the parser says quotes the lines around, which may be those of a Secret.
    #[error("the manifest isn't YAML: see line {line}, column {column}")]
    Yaml {
        /// Where, counted from 1.
        line: u64,
        /// Where in this line, counted from 1.
        column: u64,
    },
    /// It has no watch.
    #[error("the manifest holds no MigrationTaskWatch of API version migration-task-watch.dev/v1alpha1")]
    NoWatch,
    /// It has several.
    #[error("the manifest holds several watches ({0}); choose one with --name")]
    SeveralWatches(String),
    /// The watch isn't one.
    #[error("the MigrationTaskWatch can't be read")]
    Watch(#[source] serde_json::Error),
    /// A field that the resource doesn't have.
    #[error("unknown field {0}")]
    UnknownField(String),
    /// The Secret isn't one. What the parser says quotes values.
    #[error("the Secret {0} can't be read: its stringData must hold texts, and its data texts in base64")]
    Secret(String),
}

/// A watch, and the Secrets that stand in the same file.
pub(super) struct Manifest {
    pub(super) watch: MigrationTaskWatch,
    secrets: BTreeMap<String, SecretData>,
}

impl Manifest {
    /// Reads a file of one or more YAML documents.
    pub(super) fn parse(text: &str, name: Option<&str>) -> Result<Self, ManifestError> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| not_yaml(&error))?;
        let is = |document: &Value, kind: &str, version: &str| {
            field(document, "/kind") == kind && field(document, "/apiVersion") == version
        };
        let named = |document: &Value| field(document, "/metadata/name").to_owned();
        let mut watches = documents
            .iter()
            .filter(|document| is(document, "MigrationTaskWatch", "migration-task-watch.dev/v1alpha1"))
            .filter(|document| name.is_none_or(|name| named(document) == name));
        let watch = watches.next().ok_or(ManifestError::NoWatch)?;
        let others: Vec<String> = watches.map(named).collect();
        if !others.is_empty() {
            return Err(ManifestError::SeveralWatches([vec![named(watch)], others].concat().join(", ")));
        }
        let secrets = documents.iter().filter(|document| is(document, "Secret", "v1"));
        Ok(Self { watch: read_watch(watch)?, secrets: secrets.map(read_secret).collect::<Result<_, _>>()? })
    }

    /// The data of a Secret in the same file.
    pub(super) fn secret(&self, name: &str) -> Option<&SecretData> {
        self.secrets.get(name)
    }
}

fn not_yaml(error: &serde_saphyr::Error) -> ManifestError {
    let (line, column) = super::cluster::place(error);
    ManifestError::Yaml { line, column }
}

fn field<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn read_watch(document: &Value) -> Result<MigrationTaskWatch, ManifestError> {
    let crd = api::crd();
    let schema =
        crd.spec.versions.first().and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    let spec = schema.and_then(|schema| schema.properties.as_ref()?.get("spec"));
    if let Some(field) = spec.and_then(|schema| unknown_field("spec", schema, document.get("spec")?)) {
        return Err(ManifestError::UnknownField(field));
    }
    serde_json::from_value(document.clone()).map_err(ManifestError::Watch)
}

/// The first field that the schema doesn't have: the API server would drop it, and a typo would go unnoticed.
fn unknown_field(path: &str, schema: &JSONSchemaProps, value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let properties = schema.properties.as_ref()?;
            fields.iter().find_map(|(name, value)| {
                let path = format!("{path}.{name}");
                match properties.get(name) {
                    Some(schema) => unknown_field(&path, schema, value),
                    None => Some(path),
                }
            })
        }
        Value::Array(items) => match schema.items.as_ref()? {
            JSONSchemaPropsOrArray::Schema(schema) => {
                items.iter().find_map(|item| unknown_field(path, schema, item))
            }
            JSONSchemaPropsOrArray::Schemas(_) => None,
        },
        _ => None,
    }
}

fn read_secret(document: &Value) -> Result<(String, SecretData), ManifestError> {
    let name = field(document, "/metadata/name").to_owned();
    let secret: Secret =
        serde_json::from_value(document.clone()).map_err(|_| ManifestError::Secret(name.clone()))?;
    let mut data: SecretData =
        secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
    data.extend(
        secret.string_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes())),
    );
    Ok((name, data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sms::Login;

    const WATCH: &str = "
apiVersion: migration-task-watch.dev/v1alpha1
kind: MigrationTaskWatch
metadata: {name: wave-1}
spec:
  region: ap-southeast-3
  credentials: {secretRef: {name: huawei}}
";
    const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: huawei}
data: {accessKey: QUs=}
stringData: {secretKey: SK}
";

    fn error(text: &str) -> String {
        Manifest::parse(text, None).err().map(|error| crate::core::causes::in_one_line(&error)).unwrap()
    }

    #[test]
    fn the_secret_beside_the_watch_is_found() {
        let manifest = Manifest::parse(&format!("{WATCH}---\n{SECRET}"), None).unwrap();
        let login = Login::from_secret_data(manifest.secret("huawei").unwrap());
        assert!(login.is_ok(), "{login:?}");
        assert!(manifest.secret("another").is_none());
    }

    #[test]
    fn a_typo_is_named() {
        assert_eq!(error(&format!("{WATCH}  intervall: 5m\n")), "unknown field spec.intervall");
        assert_eq!(error(&format!("{WATCH}  filter: {{idz: [a]}}\n")), "unknown field spec.filter.idz");
        assert!(error(&format!("{WATCH}  interval: [5m]\n")).contains("string"));
        assert!(error("kind: [").starts_with("the manifest isn't YAML"));
        assert!(error(SECRET).contains("no MigrationTaskWatch"));
    }

    #[test]
    fn no_trouble_shows_what_a_secret_holds() {
        for (data, expected) in [
            ("stringData:\n  secretKey: \"MARKER", "see line"),
            ("stringData:\n  accessKey: MARKER\n secretKey: MARKER", "see line"),
            ("stringData:\n  accessKey: MARKER\n  accessKey: MARKER", "see line"),
            ("stringData: {secretKey: *MARKER}", "see line"),
            ("stringData: MARKER", "stringData must hold texts"),
            ("stringData: {secretKey: [MARKER]}", "stringData must hold texts"),
            ("stringData: {secretKey: 31415926}", "stringData must hold texts"),
            ("data: {secretKey: MARKER!}", "texts in base64"),
        ] {
            let error = error(&format!("{WATCH}---\nkind: Secret\napiVersion: v1\n{data}\n"));
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("MARKER") && !error.contains("31415926"), "{error}");
        }
    }

    #[test]
    fn one_of_several_watches_is_chosen_by_name() {
        let two = format!("{WATCH}---{}", WATCH.replace("wave-1", "wave-2"));
        assert!(error(&two).contains("wave-1, wave-2"));
        let chosen = Manifest::parse(&two, Some("wave-2")).unwrap();
        assert_eq!(chosen.watch.metadata.name.as_deref(), Some("wave-2"));
    }
}
