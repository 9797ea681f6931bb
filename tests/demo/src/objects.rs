//! What a user would apply.

use migration_task_watch::api::MigrationTaskWatch;
use serde_json::{Value, json};

/// The two waves of the scenario, and how many servers each has.
pub(crate) const WAVES: [(&str, i64); 2] = [("wave-1", 12), ("wave-2", 4)];

/// The Secret with the key that the simulator knows.
pub(crate) fn secret(access_key: &str, secret_key: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "huawei-cloud"},
        "stringData": {"accessKey": access_key, "secretKey": secret_key},
    })
}

/// The watch of one wave.
pub(crate) fn watch(wave: &str, servers: i64, endpoint: &str) -> serde_json::Result<MigrationTaskWatch> {
    serde_json::from_value(json!({
        "apiVersion": "migration-task-watch.dev/v1alpha1",
        "kind": "MigrationTaskWatch",
        "metadata": {"name": wave},
        "spec": {
            "endpoint": endpoint,
            "credentials": {"secretRef": {"name": "huawei-cloud"}},
            "filter": {"name": format!("{wave}-*")},
            "expectedTasks": servers,
            "interval": "5s",
            "stallAfter": "10s",
        },
    }))
}
