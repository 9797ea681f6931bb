//! What a user would apply to watch the waves, and would read of them.

use std::time::Duration;

use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{Api, api::PostParams};
use migration_task_watch::api::{Credentials, Filter, MigrationTaskWatch, MigrationTaskWatchSpec, SecretRef};
use sms_simulator::{Account, Wave};
use tokio::time::sleep;

use crate::{
    error::Error,
    place::{Place, named, within},
};

/// The Secret with the account's key.
const SECRET: &str = "huawei-cloud";
const RETRY: Duration = Duration::from_millis(100);

/// Applies the Secret, and a watch for each wave.
pub(crate) async fn apply(
    place: &Place,
    waves: &[Wave],
    endpoint: &str,
    account: &Account,
) -> Result<(), Error> {
    let secrets: Api<Secret> = Api::namespaced(place.client.clone(), place.namespace);
    within("create the Secret", secrets.create(&PostParams::default(), &secret(account))).await?;
    let watches: Api<MigrationTaskWatch> = Api::namespaced(place.client.clone(), place.namespace);
    for wave in waves {
        within("create a watch", create(&watches, &watch(wave, endpoint))).await?;
    }
    Ok(())
}

/// An API server doesn't serve a new definition everywhere as soon as it is established.
async fn create(watches: &Api<MigrationTaskWatch>, watch: &MigrationTaskWatch) -> kube::Result<()> {
    loop {
        match watches.create(&PostParams::default(), watch).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => sleep(RETRY).await,
            created => return created.map(drop),
        }
    }
}

fn secret(account: &Account) -> Secret {
    let keys = account.access_keys.iter().flat_map(|key| {
        [("accessKey", &key.id), ("secretKey", &key.secret)]
            .map(|(name, value)| (name.to_owned(), value.clone()))
    });
    Secret { metadata: named(SECRET), string_data: Some(keys.collect()), ..Secret::default() }
}

fn watch(wave: &Wave, endpoint: &str) -> MigrationTaskWatch {
    let spec = MigrationTaskWatchSpec {
        endpoint: Some(endpoint.to_owned()),
        credentials: Credentials {
            secret_ref: Some(SecretRef { name: SECRET.to_owned() }),
            ..Credentials::default()
        },
        filter: Some(Filter { name: Some(format!("{}-*", wave.name)), ..Filter::default() }),
        expected_tasks: i64::try_from(wave.servers.len()).ok(),
        interval: "5s".to_owned(),
        // Shows after three listings of the same.
        stall_after: "8s".to_owned(),
        task_limit: 500,
        ..MigrationTaskWatchSpec::default()
    };
    MigrationTaskWatch::new(&wave.name, spec)
}

/// A condition of a watch's status.
pub(crate) fn condition<'a>(watch: &'a MigrationTaskWatch, kind: &str) -> Option<&'a Condition> {
    watch.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == kind)
}
