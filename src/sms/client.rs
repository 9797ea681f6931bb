//! Listing the tasks of any number of accounts.

use std::sync::atomic::{AtomicU32, Ordering};

use k8s_openapi::jiff::Timestamp;
use tokio::time::timeout;

use super::{
    api::Api,
    credentials::{DigestKey, Login, RandomnessError},
    error::Error,
    gate::{Door, Gates},
    http::{Authorization, Call, Http},
    listing::{self, Collected, PageRequest},
    network::NetworkError,
    options::ClientOptions,
    retry::with_retries,
    sessions::{Session, Sessions, SignIn},
    wire::Page,
};
use crate::core::{
    endpoint::{Endpoint, Region},
    failure::Failure,
    plan::{Iam, Plan},
    task::{Earlier, Snapshot, Tasks},
};

/// How many sessions in a row may turn out to be over before a listing gives up.
const SESSIONS: u32 = 2;

/// Which tasks are listed, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct ListTarget {
    /// Where SMS is. Whether it may be called is the caller's business.
    pub endpoint: Endpoint,
    /// Only the tasks of this enterprise project; `0` is the default one.
    pub enterprise_project_id: Option<String>,
    /// Where IAM is, for logins that need it; or why it can't be asked.
    pub iam: Result<Iam, Failure>,
    /// The region, which names the project that IAM is asked for.
    pub region: Option<Region>,
}

impl From<&Plan> for ListTarget {
    fn from(plan: &Plan) -> Self {
        Self {
            endpoint: plan.endpoint.clone(),
            enterprise_project_id: plan.enterprise_project.clone(),
            iam: plan.iam.clone(),
            region: plan.region.clone(),
        }
    }
}

/// A complete listing.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Every task that could be read.
    pub tasks: Tasks,
    /// How many entries could not be read, having no id. They are tasks, too: with any of them, nothing can be said of
    /// "all" tasks.
    pub skipped: usize,
    /// How many requests it took.
    pub requests: u32,
    /// When the credentials end, if that is known and they aren't renewed by themselves.
    pub credentials_expire: Option<Timestamp>,
}

impl Listing {
    /// The listing as the core takes it.
    #[must_use]
    pub fn into_snapshot(self, sequence: u64, completed: Timestamp) -> Snapshot {
        Snapshot { sequence, completed, tasks: self.tasks, unreadable: self.skipped }
    }
}

/// The client can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The way to endpoints.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// There is no key for digests of credentials.
    #[error("can't set up the client: {0}")]
    Randomness(#[from] RandomnessError),
}

/// A client of SMS for any number of accounts. Keeps connections, tokens and what it knows of refused credentials, and
/// bounds what it does at a time.
///
/// The process needs a default crypto provider of rustls.
#[derive(Debug)]
pub struct Client {
    http: Http,
    gates: Gates,
    sessions: Sessions,
    digest_key: DigestKey,
}

impl Client {
    /// Sets up a client.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        Ok(Self {
            http: Http::new(options)?,
            gates: Gates::default(),
            sessions: Sessions::default(),
            digest_key: DigestKey::random()?,
        })
    }

    /// Lists all tasks of an account. The result is complete, or an error.
    pub async fn list_tasks(&self, target: &ListTarget, login: &Login) -> Result<Listing, Error> {
        self.list_tasks_again(target, login, &Tasks::default()).await
    }

    /// The same for an account of which an earlier listing is known. What hasn't changed is shared with that.
    pub async fn list_tasks_again(
        &self,
        target: &ListTarget,
        login: &Login,
        earlier: &Tasks,
    ) -> Result<Listing, Error> {
        let limit = self.http.options().listing_timeout;
        let earlier = Earlier::from(earlier.clone());
        let listing = timeout(limit, self.list_signed_in(target, login, &earlier)).await;
        listing.map_err(|_| Error::ListingTimeout(limit))?
    }

    /// Lists with the session that there is, and again with another one if its token is refused.
    async fn list_signed_in(
        &self,
        target: &ListTarget,
        login: &Login,
        earlier: &Earlier,
    ) -> Result<Listing, Error> {
        let digest = login.digest(&self.digest_key);
        let sign_in = SignIn { login, digest, iam: &target.iam, region: target.region.as_ref() };
        let mut run = ListRun {
            client: self,
            target,
            earlier,
            sign_in,
            session: self.sessions.open(&self.http, &self.gates, sign_in).await?,
            requests: AtomicU32::new(0),
        };
        for _ in 0..SESSIONS {
            match run.list().await {
                Err(Error::Credentials(_) | Error::TokenReplaced) if run.session.is_renewable() => {
                    run.session = self.sessions.open(&self.http, &self.gates, sign_in).await?;
                }
                result => return result,
            }
        }
        run.list().await
    }
}

/// One listing, with one session at a time.
struct ListRun<'a> {
    client: &'a Client,
    target: &'a ListTarget,
    earlier: &'a Earlier,
    sign_in: SignIn<'a>,
    session: Session,
    requests: AtomicU32,
}

impl ListRun<'_> {
    async fn list(&self) -> Result<Listing, Error> {
        let in_flight = self.client.http.options().pages_in_flight.max(1);
        let Collected { tasks, skipped } = listing::collect(|page| self.page(page), in_flight).await?;
        let tasks = Tasks::after(self.earlier.tasks(), tasks);
        let requests = self.requests.load(Ordering::Relaxed);
        Ok(Listing { tasks, skipped, requests, credentials_expire: self.session.expires })
    }

    /// One page, as often as it is tried.
    async fn page(&self, page: PageRequest) -> Result<Page, Error> {
        let door = Door {
            endpoint: self.target.endpoint.clone(),
            api: Api::ListTasks,
            login: self.sign_in.digest,
            enterprise_project: self.target.enterprise_project_id.clone(),
        };
        let passage = self.client.gates.enter(&door).await?;
        if !self.client.sessions.is_current(self.sign_in, &self.session).await {
            return Err(Error::TokenReplaced);
        }
        let result = with_retries(|| self.ask(page)).await;
        match &result {
            Ok(_) => passage.accepted(),
            // It says nothing of the login: the next one tries with another token.
            Err(Error::Credentials(_)) if self.session.is_renewable() => {
                self.client.sessions.refused(self.sign_in, &self.session).await;
                drop(passage);
            }
            Err(error) => passage.failed(&Failure::from(error)),
        }
        result
    }

    async fn ask(&self, page: PageRequest) -> Result<Page, Error> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut query = vec![("limit", page.limit.to_string()), ("offset", page.offset.to_string())];
        let project = self.target.enterprise_project_id.iter();
        query.extend(project.map(|id| ("enterprise_project_id", id.clone())));
        let api = Api::ListTasks;
        let authorization = Authorization::Credentials(&self.session.credentials);
        let call = Call { api, endpoint: &self.target.endpoint, query, authorization };
        let received = self.client.http.send(&call).await?;
        Page::decode(&received.body, self.earlier).map_err(|problem| Error::InvalidResponse {
            api: Api::ListTasks,
            problem,
            request_id: received.request_id,
        })
    }
}
