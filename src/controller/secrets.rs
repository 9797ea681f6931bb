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
    core::failure::{Failure, FailureKind},
    sms::{Login, credentials::SecretData},
};

/// What hasn't been read for this long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(2 * 86_400);

type Name = (String, String);
type Read = Result<Arc<Login>, Failure>;
/// Locked while the Secret is being read.
type LastRead = Arc<tokio::sync::Mutex<Option<(Instant, Read)>>>;

/// What was read last, shared by all watches that name the same Secret. A handle: clones share it.
#[derive(Clone)]
pub(super) struct Secrets {
    client: Client,
    read: Arc<Mutex<HashMap<Name, LastRead>>>,
}

impl Secrets {
    pub(super) fn new(client: Client) -> Self {
        Self { client, read: Arc::default() }
    }

    /// Has the next who asks for this Secret read it, however fresh the last reading is.
    pub(super) fn forget(&self, namespace: &str, secret: &str) {
        self.lock().remove(&(namespace.to_owned(), secret.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, LastRead>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, name: Name) -> LastRead {
        let mut read = self.lock();
        read.retain(|_, entry| match entry.try_lock().as_deref() {
            Ok(Some((at, _))) => at.elapsed() < FORGET_AFTER,
            _ => true,
        });
        read.entry(name).or_default().clone()
    }
}

impl Secrets {
    /// What a Secret held at most `max_age` ago.
    pub(super) async fn login(&self, namespace: &str, secret: &str, max_age: Duration) -> Read {
        let entry = self.entry((namespace.to_owned(), secret.to_owned()));
        // Whoever comes meanwhile waits for this reading, and takes it.
        let mut last = entry.lock().await;
        if let Some((at, read)) = &*last
            && at.elapsed() < max_age
        {
            return read.clone();
        }
        let at = Instant::now();
        let read = read_secret(&self.client, namespace, secret).await;
        *last = Some((at, read.clone()));
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
