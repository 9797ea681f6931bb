//! The tables of docs/reference.md: every field of the resource, from the schema that the API server checks by.

use std::fmt::Display;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

use super::crd;
use crate::documents;

/// The rows of an object's fields, and the objects in them, which have tables of their own below.
struct Section<'a> {
    path: String,
    schema: &'a JSONSchemaProps,
}

impl<'a> Section<'a> {
    /// This section and all below it, in the order of the fields.
    fn text(&self) -> String {
        let level = if self.path.contains('.') { "###" } else { "##" };
        let about = cell(self.schema.description.as_deref());
        let head = if self.is_written_by_users() {
            "| field | type | default | limits | |\n|---|---|---|---|---|\n"
        } else {
            "| field | type | |\n|---|---|---|\n"
        };
        let rows = self.fields().map(|(name, field)| self.row(name, field)).collect::<String>();
        let below = self.fields().filter_map(|(name, field)| self.below(name, field));
        let below = below.map(|section| section.text()).collect::<String>();
        let rules = rule_list(self.schema);
        format!("\n{level} {}\n\n{about}\n\n{rules}{head}{rows}{below}", self.path)
    }

    fn fields(&self) -> impl Iterator<Item = (&'a String, &'a JSONSchemaProps)> {
        self.schema.properties.iter().flatten()
    }

    fn row(&self, name: &str, field: &JSONSchemaProps) -> String {
        let type_ = match self.below(name, field) {
            Some(below) => format!("[{}](#{})", type_of(field), below.path.replace('.', "").to_lowercase()),
            None => type_of(field),
        };
        let about = cell(field.description.as_deref());
        if !self.is_written_by_users() {
            return format!("| `{name}` | {type_} | {about} |\n");
        }
        format!("| `{name}` | {type_} | {} | {} | {about} |\n", self.default_of(name, field), limits(field))
    }

    /// What the operator writes has no defaults and limits that anybody must know.
    fn is_written_by_users(&self) -> bool {
        self.path.starts_with("spec")
    }

    fn default_of(&self, name: &str, field: &JSONSchemaProps) -> String {
        if self.schema.required.iter().flatten().any(|required| required == name) {
            return "required".to_owned();
        }
        let default = field.default.as_ref().map(|default| default.0.to_string());
        default.map(|default| format!("`{}`", default.trim_matches('"'))).unwrap_or_default()
    }

    /// The table of a field that is an object, or a list of objects, whose fields are known.
    fn below(&self, name: &str, field: &'a JSONSchemaProps) -> Option<Self> {
        let schema = items(field).unwrap_or(field);
        schema.properties.as_ref().map(|_| Self { path: format!("{}.{name}", self.path), schema })
    }
}

/// The schema of a list's items.
fn items(field: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match field.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(schema) => Some(schema),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

fn type_of(field: &JSONSchemaProps) -> String {
    let name = field.type_.as_deref().unwrap_or("any");
    let values = field.additional_properties.as_ref().and_then(|values| match values {
        JSONSchemaPropsOrBool::Schema(schema) => Some(type_of(schema)),
        JSONSchemaPropsOrBool::Bool(_) => None,
    });
    match (items(field), values, field.format.as_deref()) {
        (Some(item), ..) => format!("list of {}s", type_of(item)),
        (_, Some(values), _) => format!("map of {values}s"),
        (.., Some("date-time")) => "time".to_owned(),
        _ => name.to_owned(),
    }
}

/// What the API server refuses a field for.
fn limits(field: &JSONSchemaProps) -> String {
    let mut all = vec![
        range(field.minimum, field.maximum, ""),
        range(field.min_items, field.max_items, " items"),
        range(field.min_length, field.max_length, " characters"),
    ];
    if let Some(item) = items(field).filter(|item| item.properties.is_none()) {
        all.push(range(item.min_length, item.max_length, " characters each"));
    }
    let ranges = all.into_iter().filter(|range| !range.is_empty());
    // A field that is an object has its rules at its own table.
    let rules = messages(field).filter(|_| field.properties.is_none());
    ranges.chain(rules).collect::<Vec<_>>().join("<br>")
}

fn range<Bound: Display>(least: Option<Bound>, most: Option<Bound>, unit: &str) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}{unit}"),
        (Some(least), None) => format!("at least {least}{unit}"),
        (None, Some(most)) => format!("at most {most}{unit}"),
        (None, None) => String::new(),
    }
}

/// What the rules of a schema demand, in their own words.
fn messages(schema: &JSONSchemaProps) -> impl Iterator<Item = String> {
    let rules = schema.x_kubernetes_validations.iter().flatten();
    rules.map(|rule| cell(rule.message.as_deref().or(Some(rule.rule.as_str()))))
}

fn rule_list(schema: &JSONSchemaProps) -> String {
    let list: String = messages(schema).map(|message| format!("- {message}\n")).collect();
    if list.is_empty() { list } else { list + "\n" }
}

/// A text that fits into a cell of a table.
fn cell(text: Option<&str>) -> String {
    let text = text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}

#[test]
fn the_fields_are_in_the_documents() {
    let crd = crd();
    let schema = crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
    let properties = schema.properties.as_ref().unwrap();
    let section = |path: &str| Section { path: path.to_owned(), schema: &properties[path] }.text();
    let text = section("spec") + &section("status");
    documents::check("docs/reference.md", &(text + "\n"));
}
