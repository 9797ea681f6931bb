//! Listing the tasks of any number of accounts.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use k8s_openapi::jiff::Timestamp;

use super::{
    api::Api,
    credentials::{DigestKey, Login, LoginDigest, Method, RandomnessError},
    error::Error,
    gate::{Door, Gates, Passage},
    http::{Authorization, Call, Http, Received, Turn},
    lanes::{Lanes, Permit, Place},
    listing::{self, Collected, Manner, PageRequest, StateFilter},
    network::NetworkError,
    options::ClientOptions,
    patience::{self, Patience},
    retry::with_retries,
    sessions::{Session, Sessions, SignIn},
    wire::{Page, PageReader},
};
#[cfg(test)]
use super::{http::Carrier, network::Network};
use crate::core::{
    endpoint::{Endpoint, Region},
    failure::Failure,
    pace::Bounds,
    plan::{Iam, Plan},
    task::{Earlier, Snapshot, Task, Tasks},
};

/// How many sessions in a row may turn out to be over before a listing gives up.
const SESSIONS: u32 = 2;

/// Where tasks are listed.
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

/// Which of these tasks are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Query {
    /// All.
    #[default]
    All,
    /// Those of which one of these is true. Each costs a request or more.
    Any(BTreeSet<Term>),
}

/// What the API can look for by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// A task's id.
    Id(String),
    /// The id of the server that is migrated.
    SourceServer(String),
    /// A state.
    State(StateFilter),
}

impl Term {
    /// The parameter of the API; that of a state belongs to a [`PageRequest`].
    fn parameter(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Id(id) => Some(("id", id.clone())),
            Self::SourceServer(id) => Some(("source_server_id", id.clone())),
            Self::State(_) => None,
        }
    }

    fn state(&self) -> Option<StateFilter> {
        match self {
            Self::State(state) => Some(*state),
            Self::Id(_) | Self::SourceServer(_) => None,
        }
    }
}

/// What has to be equal for two listings to be the same one: the content of a login, never the name of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountKey {
    endpoint: Endpoint,
    enterprise_project_id: Option<String>,
    login: LoginDigest,
    /// For logins that need it.
    iam: Option<Iam>,
    region: Option<Region>,
}

impl AccountKey {
    /// Where it is listed.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
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
    /// When the credentials that IAM gave end, if they can't be renewed.
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
    lanes: Lanes,
    sessions: Sessions,
    digest_key: DigestKey,
}

impl Client {
    /// Sets up a client.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        Ok(Self::of(Http::new(options)?, DigestKey::random()?))
    }

    fn of(http: Http, digest_key: DigestKey) -> Self {
        let ClientOptions { max_concurrency, rate, .. } = *http.options();
        let in_flight = u32::try_from(max_concurrency).unwrap_or(u32::MAX);
        let lanes = Lanes::new(Bounds { in_flight, rate });
        Self { http, gates: Gates::default(), lanes, sessions: Sessions::default(), digest_key }
    }

    /// How long a listing takes at most.
    #[must_use]
    pub fn longest_listing(&self) -> Duration {
        patience::longest(self.http.options().listing_timeout)
    }

    /// How many logins, or permissions of logins, are held back, since they were refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.gates.shut()
    }

    /// One whose requests go another way, and which does the same whenever it is asked the same.
    #[cfg(test)]
    pub(crate) fn carried(options: ClientOptions, http: reqwest::Client, carrier: Carrier) -> Self {
        Self::of(Http::carried(options, Network::of(http), carrier), DigestKey::fixed())
    }

    /// Somebody asks for a listing with this login, and may have mended what it was refused for: it is tried as soon as
    /// it may be, 15 seconds after a permission was refused, and a minute after a key was.
    pub fn asked(&self, login: &Login) {
        self.gates.asked(login.digest(&self.digest_key));
    }

    /// What tells the listings of different accounts apart.
    #[must_use]
    pub fn account(&self, target: &ListTarget, login: &Login) -> AccountKey {
        let (iam, region) = match &login.method {
            Method::Ready(_) => (None, None),
            Method::LookUp(..) | Method::Password(_) => (target.iam.clone().ok(), target.region.clone()),
        };
        AccountKey {
            endpoint: target.endpoint.clone(),
            enterprise_project_id: target.enterprise_project_id.clone(),
            login: login.digest(&self.digest_key),
            iam,
            region,
        }
    }

    /// Lists tasks of an account. The result is complete, or an error.
    pub async fn list_tasks(
        &self,
        target: &ListTarget,
        login: &Login,
        query: &Query,
    ) -> Result<Listing, Error> {
        self.list_tasks_again(target, login, query, &Tasks::default()).await
    }

    /// The same for an account of which an earlier listing is known. What hasn't changed is shared with that.
    pub async fn list_tasks_again(
        &self,
        target: &ListTarget,
        login: &Login,
        query: &Query,
        earlier: &Tasks,
    ) -> Result<Listing, Error> {
        let earlier = Earlier::from(earlier.clone());
        let digest = login.digest(&self.digest_key);
        let sign_in = SignIn { login, digest, iam: &target.iam, region: target.region.as_ref() };
        let place = self.lanes.enter(&target.endpoint, digest);
        let patience = Patience::new(self.http.options().listing_timeout);
        tokio::select! {
            biased;
            listing = self.list_signed_in(target, sign_in, query, &earlier, (&place, &patience)) => listing,
            error = patience.over(&place) => Err(error),
        }
    }

    /// Lists with the session that there is, and again with another one if its token is refused.
    async fn list_signed_in(
        &self,
        target: &ListTarget,
        sign_in: SignIn<'_>,
        query: &Query,
        earlier: &Earlier,
        (place, patience): (&Place, &Patience),
    ) -> Result<Listing, Error> {
        let mut run = ListRun {
            client: self,
            target,
            earlier,
            sign_in,
            place,
            patience,
            session: self.sessions.open(&self.http, &self.gates, sign_in).await?,
            requests: AtomicU32::new(0),
        };
        for _ in 0..SESSIONS {
            match run.list(query).await {
                Err(Error::Credentials(_) | Error::TokenReplaced) if run.session.is_renewable() => {
                    run.session = self.sessions.open(&self.http, &self.gates, sign_in).await?;
                }
                result => return result,
            }
        }
        run.list(query).await
    }
}

/// One listing, with one session at a time.
struct ListRun<'a> {
    client: &'a Client,
    target: &'a ListTarget,
    earlier: &'a Earlier,
    sign_in: SignIn<'a>,
    place: &'a Place,
    patience: &'a Patience,
    session: Session,
    requests: AtomicU32,
}

impl ListRun<'_> {
    async fn list(&self, query: &Query) -> Result<Listing, Error> {
        let Collected { tasks, skipped } = match query {
            Query::All => self.walk(None).await?,
            Query::Any(terms) => self.walk_each(terms).await?,
        };
        let tasks = Tasks::after(self.earlier.tasks(), tasks);
        let requests = self.requests.load(Ordering::Relaxed);
        Ok(Listing { tasks, skipped, requests, credentials_expire: self.session.expires })
    }

    /// The tasks that a term finds, or all.
    async fn walk(&self, term: Option<&Term>) -> Result<Collected, Error> {
        let options = self.client.http.options();
        let manner = Manner { paging: options.paging, in_flight: options.max_concurrency.max(1) };
        let fetch = |page| self.page(page, term);
        match term {
            None => listing::collect(&fetch, manner).await,
            Some(term) => listing::walk(&fetch, manner, term.state()).await,
        }
    }

    /// The tasks that any of the terms finds, each once.
    async fn walk_each(&self, terms: &BTreeSet<Term>) -> Result<Collected, Error> {
        let in_flight = self.client.http.options().max_concurrency.max(1);
        let walks: Vec<_> = terms.iter().map(|term| self.walk(Some(term)).boxed()).collect();
        let found: Vec<Collected> = stream::iter(walks).buffer_unordered(in_flight).try_collect().await?;
        let skipped = found.iter().map(|found| found.skipped).sum();
        // A task that two terms find is there twice, until the tasks are put in order.
        let tasks: Vec<Task> = found.into_iter().flat_map(|found| found.tasks).collect();
        Ok(Collected { tasks, skipped })
    }

    /// One page, however often flow control refuses it: the lane makes it wait.
    async fn page(&self, page: PageRequest, term: Option<&Term>) -> Result<Page, Error> {
        loop {
            match self.try_page(page, term).await {
                Err(error) if self.goes_on_after(&error) => {}
                result => {
                    result.is_ok().then(|| self.patience.page_came());
                    return result;
                }
            }
        }
    }

    /// Whether flow control refused a page that is asked for again.
    fn goes_on_after(&self, error: &Error) -> bool {
        matches!(error, Error::Throttled { .. }) && self.patience.goes_on_after_refusal(error.retry_after())
    }

    /// One page, as often as it is tried.
    async fn try_page(&self, page: PageRequest, term: Option<&Term>) -> Result<Page, Error> {
        let door = Door {
            endpoint: self.target.endpoint.clone(),
            api: Api::ListTasks,
            login: self.sign_in.digest,
            region: self.sign_in.region_of_project().cloned(),
            enterprise_project: self.target.enterprise_project_id.clone(),
        };
        let passage = self.client.gates.enter(&door).await?;
        let result = with_retries(|| self.ask(page, term, &passage)).await;
        match &result {
            Ok(_) => passage.accepted(),
            // Nothing was sent.
            Err(Error::TokenReplaced | Error::Known(_)) => drop(passage),
            // It says nothing to those who wait but that they go on, too.
            Err(error) if self.goes_on_after(error) => drop(passage),
            // It says nothing of the login: the next one tries with another token.
            Err(Error::Credentials(_)) if self.session.is_renewable() => {
                self.client.sessions.refused(self.sign_in, &self.session);
                drop(passage);
            }
            Err(error) => {
                passage.failed(&Failure::from(error));
                // The id may be that of a project that is no longer there.
                if self.sign_in.is_look_up() && matches!(error, Error::Credentials(_) | Error::Permission(_))
                {
                    self.client.sessions.refused(self.sign_in, &self.session);
                }
            }
        }
        result
    }

    /// Waits until a request may be sent, as far as its own login and endpoint are concerned and all others.
    async fn turn(&self) -> Result<(Permit, Turn), Error> {
        loop {
            let permit = self.place.turn(self.patience.longest_pause()).await?;
            let turn = self.client.http.turn(&self.target.endpoint).await;
            // While it waited for others, a pause may have begun.
            if !permit.is_outdated() {
                return Ok((permit, turn));
            }
        }
    }

    async fn ask(&self, page: PageRequest, term: Option<&Term>, passage: &Passage) -> Result<Page, Error> {
        let (permit, turn) = self.turn().await?;
        // While it waited, its credentials may have been refused to another listing.
        passage.check()?;
        if !self.client.sessions.is_current(self.sign_in, &self.session) {
            return Err(Error::TokenReplaced);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut query = vec![("limit", page.limit.to_string()), ("offset", page.offset.to_string())];
        let project = self.target.enterprise_project_id.iter();
        query.extend(page.state.map(|state| ("state", state.name().to_owned())));
        query.extend(project.map(|id| ("enterprise_project_id", id.clone())));
        query.extend(term.and_then(Term::parameter));
        let api = Api::ListTasks;
        let authorization = Authorization::Credentials(&self.session.credentials);
        let call = Call { api, endpoint: &self.target.endpoint, query, authorization };
        let reader = PageReader::new(self.earlier, page.limit);
        match self.client.http.send_in(turn, &call, reader).await {
            Ok(Received { value: found, took, .. }) => {
                // Only full pages take the same time.
                let full = self.client.http.options().paging.page_size;
                let is_full = u32::try_from(found.entries()).is_ok_and(|entries| entries >= full);
                permit.answered(is_full.then_some(took));
                Ok(found)
            }
            Err(error) => {
                permit.failed(&error);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
