//! Standing for election: reads and writes the Lease, as the core says.

use std::{error::Error as _, fmt::Write as _, time::Instant};

use futures::{FutureExt, future::FusedFuture};
use k8s_openapi::{api::coordination::v1 as k8s, jiff::Timestamp};
use kube::{
    Client, Resource,
    api::{GetParams, PostParams, Request},
};
use serde::Serialize;
use serde_json::json;
use tokio::sync::{oneshot, watch};
use tracing::{debug, info, warn};

use super::{Candidacy, Pulse, Term};
use crate::{
    controller::said::ApiError,
    core::lease::{Answer, Elector, Lease, Standing, Step},
};

/// The API server doesn't do what it is asked for.
#[derive(Debug, thiserror::Error)]
enum CampaignError {
    #[error("the API server didn't answer in time")]
    Deadline,
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the request can't be made")]
    Request(#[from] kube::core::request::Error),
    #[error("the Lease can't be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The loop that reads and renews the Lease.
pub(super) struct Campaign {
    client: Client,
    candidacy: Candidacy,
    elector: Elector,
    term: watch::Sender<Term>,
    pulse: Pulse,
    heard: Box<dyn Fn() + Send + Sync>,
    /// What was logged last.
    said: Option<Standing>,
    /// The last failure that was logged, until a call works again.
    failure: Option<String>,
}

impl Campaign {
    pub(super) fn new(
        client: Client,
        candidacy: Candidacy,
        term: watch::Sender<Term>,
        pulse: Pulse,
        heard: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let elector = Elector::new(&candidacy.identity, candidacy.timing, Instant::now());
        Self { client, candidacy, elector, term, pulse, heard, said: None, failure: None }
    }

    /// Goes on until leadership is lost, or the Lease is free after it was `resigned`.
    pub(super) async fn run(mut self, resigned: oneshot::Receiver<()>) {
        // Nobody resigns by going away.
        let mut resigned = Box::pin(
            async {
                if resigned.await.is_err() {
                    futures::future::pending::<()>().await;
                }
            }
            .fuse(),
        );
        loop {
            self.pulse.beat();
            if !resigned.is_terminated() && (&mut resigned).now_or_never().is_some() {
                self.elector.resign();
            }
            let now = Instant::now();
            self.publish(now);
            match self.elector.step(now, Timestamp::now()) {
                Step::End => break,
                Step::Wait(until) => tokio::select! {
                    () = tokio::time::sleep_until(until.into()) => {}
                    () = &mut resigned, if !resigned.is_terminated() => self.elector.resign(),
                },
                request => self.ask(request).await,
            }
        }
    }

    /// Lets all know where this process stands.
    fn publish(&mut self, now: Instant) {
        let standing = self.elector.standing(now);
        let term = match &standing {
            Standing::Leading(until) => Term::Until(*until),
            Standing::Following(_) => Term::Waiting,
            Standing::Lost(loss) => Term::Lost(loss.clone()),
            Standing::Resigned => Term::Resigned,
        };
        self.term.send_if_modified(|current| {
            let is_news = *current != term;
            *current = term;
            is_news
        });
        self.say(standing);
    }

    fn say(&mut self, standing: Standing) {
        let led = matches!(self.said, Some(Standing::Leading(_)));
        match &standing {
            Standing::Leading(_) if !led => info!(identity = self.candidacy.identity, "leading"),
            Standing::Following(Some(leader)) if self.said.as_ref() != Some(&standing) => {
                info!(leader, identity = self.candidacy.identity, "standing by: another operator leads");
            }
            _ => {}
        }
        self.said = Some(standing);
    }

    async fn ask(&mut self, request: Step) {
        let asked = Instant::now();
        let end = self.elector.give_up_at(asked);
        let called = tokio::time::timeout_at(end.into(), self.call(request)).await;
        let called = called.unwrap_or(Err(CampaignError::Deadline));
        let answer = match called {
            Ok(answer) => {
                if !matches!(self.said, Some(Standing::Leading(_))) {
                    (self.heard)();
                }
                self.failure = None;
                answer
            }
            Err(error) => {
                self.tell(&error);
                Answer::Failed
            }
        };
        self.elector.take(answer, asked, Instant::now());
    }

    /// The same failure is told once in a row.
    fn tell(&mut self, error: &CampaignError) {
        let Candidacy { namespace, lease, .. } = &self.candidacy;
        let mut text = error.to_string();
        if let Some(source) = error.source() {
            let _ = write!(text, ": {source}");
        }
        if self.failure.as_ref() == Some(&text) {
            debug!(namespace, lease, "the Lease: {text}");
            return;
        }
        if code(error) == Some(403) {
            warn!(
                namespace,
                lease,
                "the Lease can't be used, and without it this operator doesn't lead: its role in namespace {namespace} \
                 needs get, create and update on leases (coordination.k8s.io): {text}"
            );
        } else {
            warn!(namespace, lease, "the Lease can't be read or written; it is tried again: {text}");
        }
        self.failure = Some(text);
    }

    async fn call(&self, request: Step) -> Result<Answer, CampaignError> {
        let answered = match request {
            Step::Create(record) => {
                let Candidacy { namespace, lease, .. } = &self.candidacy;
                let metadata = json!({"name": lease, "namespace": namespace}).as_object().cloned();
                let lease = Lease { metadata: metadata.unwrap_or_default(), spec: Some(record) };
                self.create(&lease).await
            }
            Step::Replace(lease) => self.replace(*lease).await,
            _ => self.read().await,
        };
        match answered {
            Err(error) if matches!(code(&error), Some(409)) => Ok(Answer::Refused),
            answered => answered,
        }
    }

    fn request(&self) -> Request {
        Request::new(k8s::Lease::url_path(&(), Some(&self.candidacy.namespace)))
    }

    async fn read(&self) -> Result<Answer, CampaignError> {
        let request = self.request().get(&self.candidacy.lease, &GetParams::default())?;
        match self.client.request(request).await {
            Ok(lease) => Ok(Answer::Read(Some(Box::new(lease)))),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Answer::Read(None)),
            Err(error) => Err(ApiError::from(error).into()),
        }
    }

    async fn create(&self, lease: &Lease) -> Result<Answer, CampaignError> {
        let request = self.request().create(&PostParams::default(), body(lease)?)?;
        Ok(Answer::Written(Box::new(self.client.request(request).await.map_err(ApiError::from)?)))
    }

    async fn replace(&self, mut lease: Lease) -> Result<Answer, CampaignError> {
        // Without it the API server keeps its own account of who has written what.
        lease.metadata.remove("managedFields");
        let request = self.request().replace(&self.candidacy.lease, &PostParams::default(), body(&lease)?)?;
        match self.client.request(request).await {
            Ok(lease) => Ok(Answer::Written(Box::new(lease))),
            // It has been deleted.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Answer::Refused),
            Err(error) => Err(ApiError::from(error).into()),
        }
    }
}

/// What is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    api_version: &'a str,
    kind: &'a str,
    #[serde(flatten)]
    lease: &'a Lease,
}

fn body(lease: &Lease) -> Result<Vec<u8>, CampaignError> {
    let (api_version, kind) = (k8s::Lease::api_version(&()), k8s::Lease::kind(&()));
    Ok(serde_json::to_vec(&Body { api_version: &api_version, kind: &kind, lease })?)
}

/// What the API server answered.
fn code(error: &CampaignError) -> Option<u16> {
    match error {
        CampaignError::Api(error) => error.status().map(|status| status.code),
        _ => None,
    }
}
