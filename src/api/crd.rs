//! The CustomResourceDefinition, generated from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::{MANAGER, MigrationTaskWatch};

/// The CustomResourceDefinition.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    let mut crd = MigrationTaskWatch::crd();
    crd.metadata.labels = Some([("app.kubernetes.io/name".to_owned(), MANAGER.to_owned())].into());
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            tidy(schema);
            if let Some(status) =
                schema.properties.as_mut().and_then(|properties| properties.get_mut("status"))
            {
                // Until the operator has written a status, tools must not take a new watch for one that is up to
                // date. The value is the one that Flux's own resources have.
                status.default = Some(JSON(json!({"observedGeneration": -1})));
                // The operator applies it as a whole. Otherwise what somebody else has put into it, such as a state in
                // byState, would stay beside it for ever.
                status.x_kubernetes_map_type = Some("atomic".to_owned());
            }
        }
    }
    crd
}

/// The CustomResourceDefinition as YAML, as it stands in `crds/`.
///
/// # Errors
/// None in practice: the definition is made of plain data.
pub fn crd_yaml() -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&crd())
}

/// Makes the schema what a person would have written: an explicit null is dropped as if the field weren't there
/// (it would count as present in CEL otherwise), and descriptions flow instead of keeping the source's lines.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(description) = &mut schema.description {
        *description = description.replace('\n', " ");
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        tidy(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_description() {
        fn check(path: &str, schema: &JSONSchemaProps, silent: &mut Vec<String>) {
            for (name, property) in schema.properties.iter().flatten() {
                let path = format!("{path}.{name}");
                if property.description.is_none() {
                    silent.push(path.clone());
                }
                check(&path, property, silent);
                if let Some(JSONSchemaPropsOrArray::Schema(items)) = &property.items {
                    check(&path, items, silent);
                }
            }
        }
        let crd = crd();
        let schema =
            crd.spec.versions[0].schema.as_ref().and_then(|s| s.open_api_v3_schema.as_ref()).unwrap();
        let mut silent = Vec::new();
        check("", schema, &mut silent);
        assert!(silent.is_empty(), "fields without a description: {silent:?}");
    }

    #[test]
    fn nothing_is_nullable() {
        assert!(!crd_yaml().unwrap().contains("nullable"));
    }
}
