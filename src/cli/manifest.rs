//! Reading a manifest file: the watch, and the Secret beside it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::core::v1::Secret,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, JSONSchemaPropsOrArray},
};
use serde_json::{Map, Value};
use thiserror::Error;

use super::cluster::place;
use crate::{
    api::{self, MigrationTaskWatch},
    core::text::one_line,
    sms::credentials::SecretData,
};

/// What is wrong with a manifest. What parsers say quotes values, which may be secret, and so it isn't shown.
#[derive(Debug, Error)]
pub(super) enum ManifestError {
    /// It isn't YAML.
    #[error("the manifest isn't YAML: see line {line}, column {column}")]
    Yaml {
        /// Where, counted from 1.
        line: u64,
        /// Where in this line, counted from 1.
        column: u64,
    },
    /// It has no watch.
    #[error("the manifest holds no MigrationTaskWatch of API version {GROUP_VERSION}; it holds {0}")]
    NoWatch(String),
    /// It has none of the name that was asked for.
    #[error("the manifest holds no MigrationTaskWatch named {name}; it holds {others}")]
    NoSuchWatch {
        /// What was asked for.
        name: String,
        /// What there is.
        others: String,
    },
    /// It has several.
    #[error("the manifest holds several watches ({0}); choose one with --name")]
    SeveralWatches(String),
    /// The watch isn't one, though its spec has the right form.
    #[error("the MigrationTaskWatch can't be read: see its metadata, and the numbers of its spec")]
    Watch,
    /// A field that the resource doesn't have.
    #[error("unknown field {0}")]
    UnknownField(String),
    /// A field that must be there.
    #[error("the field {0} is missing")]
    MissingField(String),
    /// A field with a value of another type.
    #[error("the field {field} must be of type {expected}")]
    WrongType {
        /// Which field.
        field: String,
        /// The type in the schema.
        expected: String,
    },
    /// The Secret isn't one.
    #[error("the Secret {0} can't be read: its stringData must hold texts, and its data texts in base64")]
    Secret(String),
}

const GROUP_VERSION: &str = "migration-task-watch.dev/v1alpha1";
/// How much of a name is shown, in bytes.
const NAME: usize = 128;

/// A watch, and the Secrets that stand in the same file.
pub(super) struct Manifest {
    pub(super) watch: MigrationTaskWatch,
    secrets: BTreeMap<String, SecretData>,
}

impl Manifest {
    /// Reads a file of one or more YAML documents, each of which may be a list.
    pub(super) fn parse(text: &str, name: Option<&str>) -> Result<Self, ManifestError> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| not_yaml(&error))?;
        let objects: Vec<Value> = documents.into_iter().flat_map(items).collect();
        let is = |object: &Value, kind: &str, version: &str| {
            field(object, "/kind") == kind && field(object, "/apiVersion") == version
        };
        let all: Vec<&Value> =
            objects.iter().filter(|object| is(object, "MigrationTaskWatch", GROUP_VERSION)).collect();
        let chosen: Vec<&Value> =
            all.iter().copied().filter(|object| name.is_none_or(|name| named(object) == name)).collect();
        let watch = match (chosen.as_slice(), name) {
            ([watch], _) => read_watch(watch)?,
            ([], Some(name)) if !all.is_empty() => {
                return Err(ManifestError::NoSuchWatch { name: name.to_owned(), others: names(&all) });
            }
            ([], _) => return Err(ManifestError::NoWatch(kinds(&objects))),
            (several, _) => return Err(ManifestError::SeveralWatches(names(several))),
        };
        let secrets = objects.iter().filter(|object| is(object, "Secret", "v1"));
        Ok(Self { watch, secrets: secrets.map(read_secret).collect::<Result<_, _>>()? })
    }

    /// The data of a Secret in the same file.
    pub(super) fn secret(&self, name: &str) -> Option<&SecretData> {
        self.secrets.get(name)
    }
}

fn not_yaml(error: &serde_saphyr::Error) -> ManifestError {
    let (line, column) = place(error);
    ManifestError::Yaml { line, column }
}

/// The objects of a list, as kubectl prints several, or the one that it is.
fn items(document: Value) -> Vec<Value> {
    match document {
        Value::Object(mut object) if object.get("items").is_some_and(Value::is_array) => {
            let is_list =
                object.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
            match object.remove("items") {
                Some(Value::Array(items)) if is_list => items,
                _ => vec![Value::Object(object)],
            }
        }
        Value::Null => Vec::new(),
        object => vec![object],
    }
}

fn field<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn named(object: &Value) -> &str {
    field(object, "/metadata/name")
}

fn names(objects: &[&Value]) -> String {
    let names: Vec<String> = objects.iter().map(|object| one_line(named(object), NAME)).collect();
    names.join(", ")
}

/// What there is, to say that it isn't what was looked for.
fn kinds(objects: &[Value]) -> String {
    let kinds: BTreeSet<String> = objects
        .iter()
        .map(|object| match (field(object, "/kind"), field(object, "/apiVersion")) {
            ("", _) => "an object without a kind".to_owned(),
            (kind, "") => format!("{} without an apiVersion", one_line(kind, NAME)),
            (kind, version) => format!("{} of {}", one_line(kind, NAME), one_line(version, NAME)),
        })
        .collect();
    let kinds: Vec<String> = kinds.into_iter().collect();
    if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") }
}

fn read_watch(object: &Value) -> Result<MigrationTaskWatch, ManifestError> {
    let fields = object.as_object().ok_or(ManifestError::Watch)?;
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(ManifestError::UnknownField(one_line(unknown, NAME)));
    }
    let crd = api::crd();
    let schema =
        crd.spec.versions.first().and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    if let Some(schema) = schema.and_then(|schema| schema.properties.as_ref()?.get("spec")) {
        let spec = fields.get("spec").ok_or_else(|| ManifestError::MissingField("spec".to_owned()))?;
        check("spec", schema, spec)?;
    }
    // What somebody else has found is nothing to a check.
    let fields = fields.iter().filter(|(name, _)| *name != "status");
    let watch: Map<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    serde_json::from_value(Value::Object(watch)).map_err(|_| ManifestError::Watch)
}

/// Finds the first thing that isn't as the schema says. The API server would drop a field that it doesn't know, and a typo
/// would go unnoticed.
fn check(path: &str, schema: &JSONSchemaProps, value: &Value) -> Result<(), ManifestError> {
    let expected = schema.type_.as_deref().unwrap_or_default();
    let fits = match expected {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    if !fits {
        return Err(ManifestError::WrongType { field: path.to_owned(), expected: expected.to_owned() });
    }
    match (value, &schema.properties, &schema.items) {
        (Value::Object(fields), Some(properties), _) => {
            for (name, value) in fields {
                let path = format!("{path}.{}", one_line(name, NAME));
                match properties.get(name) {
                    // Null is no value.
                    Some(_) if value.is_null() => {}
                    Some(schema) => check(&path, schema, value)?,
                    None => return Err(ManifestError::UnknownField(path)),
                }
            }
            let required = schema.required.iter().flatten();
            match required.into_iter().find(|name| fields.get(*name).is_none_or(Value::is_null)) {
                Some(missing) => Err(ManifestError::MissingField(format!("{path}.{missing}"))),
                None => Ok(()),
            }
        }
        (Value::Array(items), _, Some(JSONSchemaPropsOrArray::Schema(schema))) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(place, item)| check(&format!("{path}[{place}]"), schema, item))
        }
        _ => Ok(()),
    }
}

fn read_secret(object: &Value) -> Result<(String, SecretData), ManifestError> {
    let name = named(object).to_owned();
    let mut object = object.clone();
    // Like Kubernetes: base64 may be broken into lines.
    let values = object.get_mut("data").and_then(Value::as_object_mut);
    for value in values.into_iter().flat_map(Map::values_mut) {
        if let Value::String(text) = value {
            text.retain(|c| !matches!(c, '\r' | '\n'));
        }
    }
    let secret: Secret =
        serde_json::from_value(object).map_err(|_| ManifestError::Secret(one_line(&name, NAME)))?;
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
        assert_eq!(
            error(&format!("{WATCH}  filter: {{ids: [a, [b]]}}\n")),
            "the field spec.filter.ids[1] must be of type string"
        );
        assert_eq!(error(&WATCH.replace("spec", "specs")), "unknown field specs");
        assert_eq!(
            error(&WATCH.replace("{name: huawei}", "{}")),
            "the field spec.credentials.secretRef.name is missing"
        );
        assert_eq!(
            error(&format!("{WATCH}  interval: [5m]\n")),
            "the field spec.interval must be of type string"
        );
        assert!(error("kind: [").starts_with("the manifest isn't YAML"));
    }

    #[test]
    fn what_is_there_instead_of_a_watch_is_named() {
        for (text, found) in [
            (SECRET, "it holds Secret of v1"),
            (&WATCH.replace("v1alpha1", "v1"), "it holds MigrationTaskWatch of migration-task-watch.dev/v1"),
            (
                &WATCH.replace("TaskWatch", "Watch"),
                "it holds MigrationWatch of migration-task-watch.dev/v1alpha1",
            ),
            ("{}", "it holds an object without a kind"),
            ("", "it holds nothing"),
        ] {
            let error = error(text);
            assert!(
                error.contains("no MigrationTaskWatch of API version") && error.ends_with(found),
                "{error}"
            );
        }
        let error = Manifest::parse(WATCH, Some("wave-2")).err().unwrap().to_string();
        assert_eq!(error, "the manifest holds no MigrationTaskWatch named wave-2; it holds wave-1");
    }

    #[test]
    fn a_list_is_read_as_its_items() {
        let item = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
        let list =
            serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [item(SECRET), item(WATCH)]});
        let manifest = Manifest::parse(&list.to_string(), None).unwrap();
        assert_eq!(manifest.watch.metadata.name.as_deref(), Some("wave-1"));
        assert!(manifest.secret("huawei").is_some());
    }

    #[test]
    fn base64_may_be_in_lines() {
        let key = "K".repeat(100);
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &key);
        let lines: String = [&text[..76], &text[76..]].map(|line| format!("    {line}\n")).concat();
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: huawei}}\nstringData: {{accessKey: AK}}\ndata:\n  \
             secretKey: |\n{lines}"
        );
        let manifest = Manifest::parse(&format!("{WATCH}---\n{secret}"), None).unwrap();
        let login = Login::from_secret_data(manifest.secret("huawei").unwrap());
        assert!(login.is_ok(), "{login:?}");
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
    fn no_trouble_shows_what_a_watch_holds() {
        for (text, shown) in [
            (
                WATCH.replace("{secretRef: {name: huawei}}", "MARKER"),
                "spec.credentials must be of type object",
            ),
            (WATCH.replace("name: huawei", "name: [MARKER]"), "secretRef.name must be of type string"),
            (WATCH.replace("{name: wave-1}", "{name: wave-1, labels: MARKER}"), "see its metadata"),
            (WATCH.replace("{name: wave-1}", "MARKER"), "see its metadata"),
        ] {
            let error = error(&text);
            assert!(error.contains(shown) && !error.contains("MARKER"), "{error}");
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
