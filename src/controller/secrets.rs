//! Reading Secrets: with `get` alone, as seldom as possible, and never one of another namespace.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use tokio::time::Instant;

use super::error::{Error, call};
use crate::{
    core::{
        failure::{Failure, FailureKind},
        schedule::SECRET,
    },
    sms::{Login, credentials::SecretData},
};

/// How long a reading is kept at least: those who ask for a fresh one first take an older one later.
const KEPT: Duration = Duration::from_mins(5);

/// The type of Secrets that hold the token of a service account. Its key has the name of one that watches use, so that
/// whoever may create watches, but not read Secrets, could have it sent out of the cluster.
const SERVICE_ACCOUNT: &str = "kubernetes.io/service-account-token";

type Name = (String, String);
type Read = Result<Arc<Login>, Failure>;
/// Locked while the Secret is being read.
type LastReading = Arc<tokio::sync::Mutex<Option<Reading>>>;

/// What a Secret held.
struct Reading {
    began: Instant,
    read: Read,
    /// The greatest age at which somebody would have taken it.
    useful: Duration,
}

impl Reading {
    /// Whether it is fresh enough for one who asked then. Waiting for it has made it no older.
    fn serves(&self, asked: Instant, max_age: Duration) -> bool {
        // What failed may have healed meanwhile, so that it stands for those only who ask about now.
        let most = if self.read.is_ok() { max_age } else { max_age.min(SECRET) };
        asked.saturating_duration_since(self.began) < most
    }

    /// Whether anybody can still take it.
    fn is_useful(&self) -> bool {
        let most = if self.read.is_ok() { self.useful.max(KEPT) } else { SECRET };
        self.began.elapsed() < most
    }
}

/// What was read last, shared by all watches that name the same Secret. A handle: clones share it.
#[derive(Clone)]
pub(super) struct Secrets {
    client: Client,
    read: Arc<Mutex<HashMap<Name, LastReading>>>,
}

impl Secrets {
    pub(super) fn new(client: Client) -> Self {
        Self { client, read: Arc::default() }
    }

    /// Has the next who asks for this Secret read it, however fresh the last reading is.
    pub(super) fn forget(&self, namespace: &str, secret: &str) {
        self.lock().remove(&(namespace.to_owned(), secret.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, LastReading>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, name: Name) -> LastReading {
        let mut read = self.lock();
        // Also what nobody came to read, having been dropped meanwhile.
        read.retain(|_, entry| {
            Arc::strong_count(entry) > 1
                || entry.try_lock().is_ok_and(|last| last.as_ref().is_some_and(Reading::is_useful))
        });
        read.entry(name).or_default().clone()
    }

    /// What a Secret held at most `max_age` ago.
    pub(super) async fn login(&self, namespace: &str, secret: &str, max_age: Duration) -> Read {
        let asked = Instant::now();
        let entry = self.entry((namespace.to_owned(), secret.to_owned()));
        // Whoever comes meanwhile waits for this reading, and takes it.
        let mut last = entry.lock().await;
        if let Some(reading) = last.as_mut().filter(|reading| reading.serves(asked, max_age)) {
            reading.useful = reading.useful.max(max_age);
            return reading.read.clone();
        }
        let began = Instant::now();
        let read = read_secret(&self.client, namespace, secret).await;
        *last = Some(Reading { began, read: read.clone(), useful: max_age });
        read
    }
}

/// Reads credentials from a Secret on the API server.
///
/// # Errors
/// It isn't there, it holds something else, or the API server doesn't say.
pub async fn read_secret(client: &Client, namespace: &str, name: &str) -> Result<Arc<Login>, Failure> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret =
        call("reading the Secret", secrets.get_opt(name)).await.map_err(|error| unreadable(name, &error))?;
    let Some(secret) = secret else {
        return Err(Failure::new(
            FailureKind::SecretNotFound,
            format!(
                "There is no Secret {name} in namespace {namespace}. Create it, or correct spec.credentials."
            ),
        ));
    };
    if secret.type_.as_deref() == Some(SERVICE_ACCOUNT) {
        return Err(Failure::new(
            FailureKind::SecretInvalid,
            format!(
                "The Secret {name} can't be used: it is the token of a Kubernetes service account, which is sent to \
                 nobody. Name one with credentials of Huawei Cloud in spec.credentials."
            ),
        ));
    }
    let data: SecretData =
        secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
    let login = Login::from_secret_data(&data);
    login.map(Arc::new).map_err(|error| error.into_failure(&format!("The Secret {name}")))
}

fn unreadable(name: &str, error: &Error) -> Failure {
    let why = match error.code() {
        Some(403) => "the operator may not read it; its role needs the verb get on secrets".to_owned(),
        Some(code) => format!("the API server answered {code}"),
        None => error.to_string(),
    };
    let failure =
        Failure::new(FailureKind::InternalError, format!("The Secret {name} can't be read: {why}."));
    Failure { needs_a_person: error.code() == Some(403), ..failure }
}

#[cfg(test)]
mod tests;
