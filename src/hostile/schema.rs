//! Whether a value is what the definition's schema says, as the API server would have it.

use std::sync::OnceLock;

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    },
    jiff::Timestamp,
};
use serde_json::Value;

use crate::api;

/// The schema of the status in the generated definition.
pub(crate) fn of_status() -> &'static JSONSchemaProps {
    static SCHEMA: OnceLock<JSONSchemaProps> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let crd = api::crd();
        let schema = crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
        let status = schema.properties.as_ref().unwrap()["status"].clone();
        refuse_unknown_rules("", &status);
        status
    })
}

/// What is wrong with a value. A field that the schema doesn't have is wrong: the API server would drop it.
pub(crate) fn problem(schema: &JSONSchemaProps, value: &Value) -> Option<String> {
    problem_at("", schema, value)
}

fn problem_at(path: &str, schema: &JSONSchemaProps, value: &Value) -> Option<String> {
    let kind = schema.type_.as_deref().unwrap_or_default();
    match (kind, value) {
        ("object", Value::Object(fields)) => {
            let missing = schema.required.iter().flatten().find(|name| !fields.contains_key(*name));
            let of_field = |name: &str, value: &Value| {
                let path = format!("{path}.{name}");
                match field(schema, name) {
                    Some(schema) => problem_at(&path, schema, value),
                    None => Some(format!("{path} isn't in the schema")),
                }
            };
            let missing = missing.map(|name| format!("{path}.{name} is missing"));
            missing.or_else(|| fields.iter().find_map(|(name, value)| of_field(name, value)))
        }
        ("array", Value::Array(items)) => {
            let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items else { panic!("{path}") };
            let of_item = |(place, value)| problem_at(&format!("{path}[{place}]"), schema, value);
            items.iter().enumerate().find_map(of_item)
        }
        ("string", Value::String(text)) => {
            let is_good = schema.format.as_deref() != Some("date-time") || is_time(text);
            (!is_good).then(|| format!("{path} isn't a time: {text}"))
        }
        ("integer", Value::Number(number)) if number.is_i64() => None,
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => None,
        _ => Some(format!("{path} is no {kind}: {value}")),
    }
}

fn field<'a>(schema: &'a JSONSchemaProps, name: &str) -> Option<&'a JSONSchemaProps> {
    let any = match &schema.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(schema)) => Some(&**schema),
        _ => None,
    };
    schema.properties.as_ref().and_then(|properties| properties.get(name)).or(any)
}

/// RFC 3339 with a year of four digits.
fn is_time(text: &str) -> bool {
    text.as_bytes().get(4) == Some(&b'-') && text.parse::<Timestamp>().is_ok()
}

/// Rules that nothing above looks at: whoever writes one into the status adds it here.
fn refuse_unknown_rules(path: &str, schema: &JSONSchemaProps) {
    let known = JSONSchemaProps {
        additional_properties: schema.additional_properties.clone(),
        default: schema.default.clone(),
        description: schema.description.clone(),
        format: schema.format.clone(),
        items: schema.items.clone(),
        properties: schema.properties.clone(),
        required: schema.required.clone(),
        type_: schema.type_.clone(),
        x_kubernetes_list_map_keys: schema.x_kubernetes_list_map_keys.clone(),
        x_kubernetes_list_type: schema.x_kubernetes_list_type.clone(),
        x_kubernetes_map_type: schema.x_kubernetes_map_type.clone(),
        ..JSONSchemaProps::default()
    };
    assert_eq!(&known, schema, "{path} has a rule that isn't checked");
    for (name, schema) in schema.properties.iter().flatten() {
        refuse_unknown_rules(&format!("{path}.{name}"), schema);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
        refuse_unknown_rules(&format!("{path}[]"), schema);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(schema)) = &schema.additional_properties {
        refuse_unknown_rules(&format!("{path}.*"), schema);
    }
}
