//! Credentials that were got for a login: a token for a password, or keys with an id that IAM told. All watches with
//! the same login share them, and one request gets them for all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::{
    api::Api,
    credentials::{Credentials, Login, LoginDigest, LookUp, Method},
    error::{Error, ProxyProblem},
    gate::{Door, Gates},
    http::Http,
    iam::Iam,
    retry::with_retries,
};
use crate::{
    clock,
    core::{
        endpoint::{Endpoint, Region},
        failure::{Failure, FailureKind},
        plan,
    },
};

/// How long a renewal may take while the token is good still: its listing waits for it.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(10);
/// What nobody has used for this long is forgotten.
const FORGET_AFTER: Duration = Duration::from_hours(25);
/// How long a token is used of which IAM doesn't say when it ends. The vendor's tokens live for a day.
const UNKNOWN_LIFE: SignedDuration = SignedDuration::from_hours(12);
/// How long a project that isn't there stays so.
const LOOK_UP_PAUSE: Duration = Duration::from_secs(60);
/// The pause between two attempts to renew a token that is still good.
const RENEWAL_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// Where, and for what, a login is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignIn<'a> {
    pub(super) login: &'a Login,
    pub(super) digest: LoginDigest,
    pub(super) iam: &'a Result<plan::Iam, Failure>,
    pub(super) region: Option<&'a Region>,
}

impl SignIn<'_> {
    /// The region, if the credentials depend on it.
    pub(super) fn region_of_project(&self) -> Option<&Region> {
        self.region.filter(|_| matches!(self.login.method, Method::LookUp(_, LookUp::Project)))
    }

    /// Whether the credentials carry an id that IAM told.
    pub(super) fn is_look_up(&self) -> bool {
        matches!(self.login.method, Method::LookUp(..))
    }
}

/// Credentials to send requests with.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) credentials: Arc<Credentials>,
    /// When they end, if they can't be renewed.
    pub(super) expires: Option<Timestamp>,
    /// Which of those that were got it is. None for what needed no request.
    number: Option<u64>,
    /// It is a token that wasn't got just now: when it is refused, another may help.
    renewable: bool,
}

impl Session {
    /// Whether a new session may do better once this one's credentials are refused.
    pub(super) fn is_renewable(&self) -> bool {
        self.renewable
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    login: LoginDigest,
    iam: Endpoint,
    region: Option<Region>,
}

/// What was got.
#[derive(Debug)]
struct Held {
    number: u64,
    credentials: Arc<Credentials>,
    /// None for what doesn't end.
    life: Option<Life>,
}

#[derive(Clone, Copy, Debug)]
struct Life {
    renew: Timestamp,
    expires: Timestamp,
}

impl Life {
    /// Renewed when a tenth to a fifth of it is left, so that tokens which were got together aren't renewed together.
    fn new(now: Timestamp, expires: Option<Timestamp>) -> Self {
        let expires = expires.unwrap_or_else(|| later(now, UNKNOWN_LIFE));
        let tenth = expires.duration_since(now) / 10;
        Self { renew: later(expires, -tenth - tenth.mul_f64(fastrand::f64())), expires }
    }
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(time)
}

#[derive(Debug, Default)]
struct Entry {
    held: Option<Held>,
    failed: Option<(Instant, Failure)>,
    used: Option<Instant>,
    issued: u64,
}

/// What is known of one login, and whose turn it is to ask IAM for it. The two are apart, so that whoever sends requests
/// looks at the one and never waits for the other: see [the order of waits](super::http::turns).
#[derive(Debug, Default)]
struct Slot {
    entry: Mutex<Entry>,
    turn: tokio::sync::Mutex<()>,
}

impl Slot {
    fn entry(&self) -> MutexGuard<'_, Entry> {
        // Each change is one assignment; a panic elsewhere can't leave half of one.
        self.entry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<Key, Arc<Slot>>>);

impl Sessions {
    /// Credentials for a login: at once if that needs no request or has been done, otherwise from IAM.
    pub(super) async fn open(
        &self,
        http: &Http,
        gates: &Gates,
        sign_in: SignIn<'_>,
    ) -> Result<Session, Error> {
        if let Method::Ready(credentials) = &sign_in.login.method {
            let credentials = Arc::new(credentials.clone());
            return Ok(Session { credentials, expires: None, number: None, renewable: false });
        }
        let iam = sign_in.iam.as_ref().map_err(|failure| Error::Known(Box::new(failure.clone())))?;
        if matches!(sign_in.login.method, Method::LookUp(_, LookUp::Project)) && sign_in.region.is_none() {
            return Err(Error::NoRegion);
        }
        let slot = self.slot(&sign_in, iam);
        let asked = Instant::now();
        if let Some(known) = slot.entry().known(&sign_in, asked) {
            return known;
        }
        let _turn = if let Ok(turn) = slot.turn.try_lock() {
            turn
        } else {
            // Somebody renews it; until then it is good, or there is none to go on with.
            if let Some(session) = slot.entry().good(&sign_in) {
                return Ok(session);
            }
            slot.turn.lock().await
        };
        // Whoever waited takes what the one before has found.
        if let Some(known) = slot.entry().known(&sign_in, asked) {
            return known;
        }
        let patience = if slot.entry().good(&sign_in).is_some() { RENEWAL_PATIENCE } else { Duration::MAX };
        let obtained = timeout(patience, obtain(http, gates, sign_in, iam)).await;
        let too_slow = |_| Error::Timeout { endpoint: iam.endpoint.clone(), limit: patience };
        let obtained = obtained.map_err(too_slow).flatten();
        slot.entry().obtained(obtained, &sign_in)
    }

    /// Whether a session hasn't been refused meanwhile.
    pub(super) fn is_current(&self, sign_in: SignIn<'_>, session: &Session) -> bool {
        let (Some(number), true, Ok(iam)) = (session.number, session.renewable, sign_in.iam) else {
            return true;
        };
        let slot = self.slot(&sign_in, iam);
        slot.entry().held.as_ref().is_some_and(|held| held.number == number)
    }

    /// Forgets a session whose credentials, or the id in them, were refused, unless another one has taken its place already.
    pub(super) fn refused(&self, sign_in: SignIn<'_>, session: &Session) {
        let Ok(iam) = sign_in.iam else { return };
        let slot = self.slot(&sign_in, iam);
        let mut entry = slot.entry();
        if entry.held.as_ref().map(|held| held.number) == session.number {
            entry.held = None;
        }
    }

    fn slot(&self, sign_in: &SignIn<'_>, iam: &plan::Iam) -> Arc<Slot> {
        let key = Key {
            login: sign_in.digest,
            iam: iam.endpoint.clone(),
            region: sign_in.region_of_project().cloned(),
        };
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !slots.contains_key(&key) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.entry().is_useful());
        }
        slots.entry(key).or_default().clone()
    }
}

impl Held {
    fn session(&self, sign_in: &SignIn<'_>, renewable: bool) -> Session {
        let token = matches!(sign_in.login.method, Method::Password(_));
        Session {
            credentials: self.credentials.clone(),
            expires: None,
            number: Some(self.number),
            renewable: renewable && token,
        }
    }
}

impl Entry {
    /// What needs no request: credentials that aren't to be renewed yet; or the failure of an attempt since `asked`,
    /// which is shared. A project that isn't there isn't looked for again at once either.
    fn known(&mut self, sign_in: &SignIn<'_>, asked: Instant) -> Option<Result<Session, Error>> {
        self.used = Some(Instant::now());
        if let Some(held) = &self.held
            && held.life.is_none_or(|life| clock::now() < life.renew)
        {
            return Some(Ok(held.session(sign_in, true)));
        }
        let (at, failure) = self.failed.as_ref()?;
        let stands =
            *at > asked || failure.kind == FailureKind::SecretInvalid && at.elapsed() < LOOK_UP_PAUSE;
        stands.then(|| Err(Error::Known(Box::new(failure.clone()))))
    }

    /// The token, if there is one that may be used still, though it is to be renewed.
    fn good(&self, sign_in: &SignIn<'_>) -> Option<Session> {
        let held = self.held.as_ref()?;
        held.life.is_some_and(|life| clock::now() < life.expires).then(|| held.session(sign_in, true))
    }

    /// Takes in what came of asking IAM.
    fn obtained(
        &mut self,
        obtained: Result<(Credentials, Option<Life>), Error>,
        sign_in: &SignIn<'_>,
    ) -> Result<Session, Error> {
        let (credentials, life) = match obtained {
            Ok(obtained) => obtained,
            Err(error) => return self.after_failure(error, sign_in, clock::now()),
        };
        self.issued += 1;
        let held = Held { number: self.issued, credentials: Arc::new(credentials), life };
        let session = held.session(sign_in, false);
        self.held = Some(held);
        Ok(session)
    }

    /// Whether it is worth keeping. Of an attempt that failed, there is little to know.
    fn is_useful(&self) -> bool {
        let most = if self.held.is_some() { FORGET_AFTER } else { LOOK_UP_PAUSE };
        self.used.is_some_and(|at| at.elapsed() < most)
    }

    /// A token that can't be renewed serves on while it is good.
    fn after_failure(
        &mut self,
        error: Error,
        sign_in: &SignIn<'_>,
        now: Timestamp,
    ) -> Result<Session, Error> {
        if let Some(held) = &mut self.held
            && let Some(life) = &mut held.life
            && now < life.expires
        {
            let failure = Failure::from(&error);
            warn!(
                reason = failure.kind.reason(),
                request_id = failure.request_id,
                "a token can't be renewed: {}",
                failure.message
            );
            life.renew = later(now, RENEWAL_PAUSE);
            let expires = Some(life.expires);
            return Ok(Session { expires, ..held.session(sign_in, true) });
        }
        self.failed = Some((Instant::now(), Failure::from(&error)));
        Err(error)
    }
}

/// Asks IAM; where a region has none of its own, the one for all regions.
async fn obtain(
    http: &Http,
    gates: &Gates,
    sign_in: SignIn<'_>,
    iam: &plan::Iam,
) -> Result<(Credentials, Option<Life>), Error> {
    let first = obtain_from(http, gates, sign_in, &iam.endpoint).await;
    match (first.as_ref().err(), &iam.otherwise) {
        (Some(error), Some(otherwise)) if may_be_no_host(error) => {
            obtain_from(http, gates, sign_in, otherwise).await
        }
        _ => first,
    }
}

/// Whether there may be no such host. A proxy, which looks names up itself, says just that it can't reach it.
fn may_be_no_host(error: &Error) -> bool {
    matches!(error, Error::UnknownHost { .. } | Error::Proxy { problem: ProxyProblem::Refused, .. })
}

async fn obtain_from(
    http: &Http,
    gates: &Gates,
    sign_in: SignIn<'_>,
    endpoint: &Endpoint,
) -> Result<(Credentials, Option<Life>), Error> {
    let api = match &sign_in.login.method {
        Method::Ready(_) => Api::ListTasks,
        Method::LookUp(_, LookUp::Domain) => Api::ListDomains,
        Method::LookUp(_, LookUp::Project) => Api::ListProjects,
        Method::Password(_) => Api::CreateToken,
    };
    let door = Door {
        endpoint: endpoint.clone(),
        api,
        login: sign_in.digest,
        region: None,
        enterprise_project: None,
    };
    let passage = gates.enter(&door).await?;
    let result = with_retries(|| ask(http, sign_in, endpoint)).await;
    match &result {
        Ok(_) => passage.accepted(),
        Err(error) => passage.failed(&Failure::from(error)),
    }
    result
}

async fn ask(
    http: &Http,
    sign_in: SignIn<'_>,
    endpoint: &Endpoint,
) -> Result<(Credentials, Option<Life>), Error> {
    let iam = Iam { http, endpoint };
    match &sign_in.login.method {
        Method::Ready(credentials) => Ok((credentials.clone(), None)),
        Method::LookUp(keys, look_up) => {
            let scope = iam.look_up(keys, *look_up, sign_in.region).await?;
            Ok((Credentials::AkSk { keys: keys.clone(), scope }, None))
        }
        Method::Password(login) => {
            let issued = iam.token(login).await?;
            Ok((Credentials::Token(issued.token), Some(Life::new(clock::now(), issued.expires))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sms::{
        credentials::{AuthToken, DigestKey},
        options::ClientOptions,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tokens_are_renewed_before_they_end(life in 1i64..200_000) {
            let now = Timestamp::UNIX_EPOCH;
            let expires = later(now, SignedDuration::from_secs(life));
            let renew = Life::new(now, Some(expires)).renew;
            let left = expires.duration_since(renew).as_secs_f64() / SignedDuration::from_secs(life).as_secs_f64();
            prop_assert!((0.0999..=0.2001).contains(&left), "{left}");
        }
    }

    #[test]
    fn a_token_of_unknown_life_is_renewed_as_well() {
        let life = Life::new(Timestamp::UNIX_EPOCH, None);
        assert!(life.renew < life.expires && life.renew > Timestamp::UNIX_EPOCH);
    }

    /// A login by password at an IAM that takes connections and never answers.
    async fn silent_iam() -> (tokio::net::TcpListener, Login, Result<plan::Iam, Failure>, Http) {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let data = [("username", "watcher"), ("password", "secret"), ("domainName", "company")];
        let data = data.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()));
        let login = Login::from_secret_data(&data.into_iter().collect()).unwrap();
        let http = Http::new(ClientOptions::default()).unwrap();
        (listener, login, Ok(plan::Iam { endpoint, otherwise: None }), http)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_renewal_holds_up_nobody_for_long() {
        let (_listener, login, iam, http) = silent_iam().await;
        let digest = login.digest(&DigestKey::random().unwrap());
        let sign_in = SignIn { login: &login, digest, iam: &iam, region: None };
        let (sessions, gates, now) = (Sessions::default(), Gates::default(), clock::now());
        let slot = sessions.slot(&sign_in, iam.as_ref().unwrap());
        let life = Life { renew: now, expires: later(now, SignedDuration::from_hours(1)) };
        let credentials = Arc::new(Credentials::Token(AuthToken::parse("token").unwrap()));
        slot.entry().held = Some(Held { number: 1, credentials, life: Some(life) });

        let (asked, open) = (Instant::now(), || sessions.open(&http, &gates, sign_in));
        let (one, two) = tokio::join!(open(), open());
        // The second goes on with the token that there is.
        assert_eq!([one, two].map(|session| session.unwrap().expires), [Some(life.expires), None]);
        assert!(asked.elapsed() <= RENEWAL_PATIENCE + Duration::from_secs(1), "{:?}", asked.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn logins_that_failed_are_soon_forgotten() {
        let (_listener, login, iam, _http) = silent_iam().await;
        let sessions = Sessions::default();
        let iam = iam.unwrap();
        for number in 0..100 {
            let digest = login.digest(&DigestKey::random().unwrap());
            let failure = Err(Failure::new(FailureKind::CredentialsInvalid, "wrong"));
            let slot = sessions.slot(&SignIn { login: &login, digest, iam: &failure, region: None }, &iam);
            // Every other one was given up before it was tried.
            slot.entry().used = (number % 2 == 0).then(Instant::now);
            drop(slot);
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        let kept = sessions.0.lock().unwrap().len();
        assert!(kept <= 10, "{kept}");
    }
}
