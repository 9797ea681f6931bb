//! How fast pages are asked for, and what flow control does to that.

use std::collections::VecDeque;

use tokio::time::timeout;

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);
/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_hours(1);

/// An SMS that has so many tasks, and two in a project of its own.
struct Sms {
    tasks: u32,
    latency: Duration,
    refuses: Box<Refuses>,
    seen: Mutex<Record>,
}

/// Whether the page at an offset is refused, by what was asked so far.
type Refuses = dyn Fn(u32, &Record) -> Option<Refusal> + Send + Sync;

/// What it was asked.
#[derive(Debug, Default)]
struct Record {
    /// When each page was asked for, by its offset.
    requests: Vec<(Instant, u32)>,
    refused: u32,
    /// Those of the last second that weren't.
    lately: VecDeque<Instant>,
    in_flight: usize,
    peak: usize,
}

/// What a refusal says.
#[derive(Clone, Copy, Debug, Default)]
struct Refusal {
    message: &'static str,
    retry_after: Option<&'static str>,
}

impl Sms {
    fn new(
        tasks: u32,
        refuses: impl Fn(u32, &Record) -> Option<Refusal> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            tasks,
            latency: 20 * MILLISECOND,
            refuses: Box::new(refuses),
            seen: Mutex::default(),
        })
    }

    /// One whose flow control lets ten requests a second through.
    fn of_ten_a_second(tasks: u32, message: &'static str) -> Arc<Self> {
        Self::new(tasks, move |_, record| {
            (record.lately.len() >= 10).then_some(Refusal { message, retry_after: None })
        })
    }

    fn client(self: &Arc<Self>, options: ClientOptions) -> Client {
        let sms = self.clone();
        client_of(options, move |request| {
            let url = request.url().clone();
            let sms = sms.clone();
            async move { sms.answer(&url).await }
        })
    }

    async fn answer(&self, url: &url::Url) -> http::Response<reqwest::Body> {
        let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let number = |name: &str| parameter(name).unwrap().parse::<u32>().unwrap();
        let (limit, offset) = (number("limit"), number("offset"));
        let refusal = self.arrived(offset);
        sleep(self.latency).await;
        self.seen.lock().unwrap().in_flight -= 1;
        if let Some(Refusal { message, retry_after }) = refusal {
            let body = json!({"error_code": "APIGW.0308", "error_msg": message});
            let mut response = answer(429, &body);
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.parse().unwrap());
            }
            return response.map(Into::into);
        }
        let count = if parameter("enterprise_project_id").is_some() { 2 } else { self.tasks };
        let tasks: Vec<_> = (offset..count).take(limit as usize).map(|id| json!({"id": id})).collect();
        answer(200, &json!({"count": count, "tasks": tasks})).map(Into::into)
    }

    fn arrived(&self, offset: u32) -> Option<Refusal> {
        let mut seen = self.seen.lock().unwrap();
        let now = Instant::now();
        seen.requests.push((now, offset));
        seen.in_flight += 1;
        seen.peak = seen.peak.max(seen.in_flight);
        while seen.lately.front().is_some_and(|at| *at + SECOND <= now) {
            seen.lately.pop_front();
        }
        let refusal = (self.refuses)(offset, &seen);
        if refusal.is_some() {
            seen.refused += 1;
        } else {
            seen.lately.push_back(now);
        }
        refusal
    }

    fn refused(&self) -> u32 {
        self.seen.lock().unwrap().refused
    }

    fn requests(&self) -> Vec<(Instant, u32)> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// What comes of this in time.
    async fn within<T>(&self, what: impl Future<Output = T>) -> T {
        let in_time = timeout(DEADLINE, what).await;
        in_time.unwrap_or_else(|_| panic!("nothing within {DEADLINE:?}: {:?}", self.seen.lock().unwrap()))
    }

    async fn list(&self, client: &Client, target: &ListTarget) -> Result<Listing, Error> {
        self.within(client.list_tasks(target, &keys(1), &Query::All)).await
    }

    async fn failure(&self, client: &Client) -> Failure {
        Failure::from(&self.list(client, &target()).await.unwrap_err())
    }
}

/// Refuses all pages but the first.
fn later_pages(retry_after: Option<&'static str>) -> impl Fn(u32, &Record) -> Option<Refusal> {
    move |offset, _| (offset > 0).then_some(Refusal { message: "text", retry_after })
}

/// So many refusals, then none.
fn first_requests(count: u32, refusal: Refusal) -> impl Fn(u32, &Record) -> Option<Refusal> {
    move |_, record| (record.refused < count).then_some(refusal)
}

/// To one endpoint.
fn most_in_flight() -> usize {
    ClientOptions::default().max_concurrency * 3 / 4
}

#[tokio::test(start_paused = true)]
async fn a_listing_goes_on_at_the_pace_that_flow_control_lets_through() {
    for message in ["too many requests", "over ratelimit,limit:10,time:1 second"] {
        let sms = Sms::of_ten_a_second(4000, message);
        let client = sms.client(ClientOptions::default());
        assert_eq!(sms.list(&client, &target()).await.unwrap().tasks.len(), 4000);
        let refused = sms.refused();
        // Those that were under way when the first was refused, at most.
        assert!(refused >= 1 && refused as usize <= most_in_flight(), "{message}: {refused}");
        // What was found out holds for the next listing.
        assert_eq!(sms.list(&client, &target()).await.unwrap().tasks.len(), 4000);
        assert_eq!(sms.refused(), refused, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn under_flow_control_a_small_listing_ends_before_a_great_one_beside_it() {
    let sms = Sms::of_ten_a_second(6000, "too many requests");
    let client = sms.client(ClientOptions::default());
    let all = target();
    let few = ListTarget { enterprise_project_id: Some("of its own".to_owned()), ..all.clone() };
    let small_listings = async {
        // Once flow control is known.
        while sms.refused() == 0 {
            sleep(MILLISECOND).await;
        }
        let mut sizes = Vec::new();
        while sizes.len() < 3 {
            match sms.list(&client, &few).await {
                Ok(listing) => sizes.push(listing.tasks.len()),
                // With nothing to lose, it may fail, and is tried again.
                Err(error) => assert_eq!(Failure::from(&error).kind, FailureKind::Throttled),
            }
        }
        assert_eq!(sizes, [2, 2, 2]);
        sms.requests().iter().filter(|(_, offset)| *offset == 5800).count()
    };
    let together = async { tokio::join!(sms.list(&client, &all), small_listings) };
    let (great, last_pages) = Box::pin(sms.within(together)).await;
    assert_eq!(great.unwrap().tasks.len(), 6000);
    assert_eq!(last_pages, 0, "the great listing was still under way");
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_is_refused_for_too_long_is_told_as_throttled() {
    let sms = Sms::new(2000, later_pages(Some("7")));
    let failure = sms
        .failure(&sms.client(ClientOptions { listing_timeout: 5 * SECOND, ..ClientOptions::default() }))
        .await;
    assert_eq!(failure.kind, FailureKind::Throttled, "{failure:?}");
    assert_eq!(failure.retry_after, Some(7 * SECOND));
    // It didn't wait for what would have been too long.
    assert!(sms.requests().len() <= 5, "{:?}", sms.requests());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_in_a_pause_that_began_while_it_waited_for_others() {
    let sms = Sms::new(2000, later_pages(Some("3")));
    // Four pages may be in flight, and three requests to one endpoint.
    let limits =
        ClientOptions { max_concurrency: 4, listing_timeout: 4 * SECOND, ..ClientOptions::default() };
    assert_eq!(sms.failure(&sms.client(limits)).await.kind, FailureKind::Throttled);
    let requests = sms.requests();
    let pause_ends = requests[1].0 + 3 * SECOND;
    let before = requests.iter().filter(|(at, _)| *at < pause_ends).count();
    assert!(before <= 4, "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_refused_listing_names_the_refusal() {
    let sms = Sms::new(2000, later_pages(None));
    let limits = ClientOptions { listing_timeout: 3 * SECOND, ..ClientOptions::default() };
    assert_eq!(sms.failure(&sms.client(limits)).await.kind, FailureKind::Throttled);
    assert!((2..15).contains(&sms.refused()), "{}", sms.refused());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_refused_once_costs_one_request() {
    let refusal = Refusal { retry_after: Some("1"), ..Refusal::default() };
    let sms = Sms::new(450, move |offset, record| (offset == 200 && record.refused == 0).then_some(refusal));
    let listing = sms.list(&sms.client(ClientOptions::default()), &target()).await.unwrap();
    assert_eq!((listing.tasks.len(), listing.requests), (450, 4));
}

#[tokio::test(start_paused = true)]
async fn a_first_page_that_is_refused_is_asked_for_again() {
    for retry_after in [None, Some("1")] {
        let sms = Sms::new(5, first_requests(1, Refusal { retry_after, ..Refusal::default() }));
        let listing = sms.list(&sms.client(ClientOptions::default()), &target()).await.unwrap();
        assert_eq!((listing.tasks.len(), listing.requests), (5, 2), "{retry_after:?}");
    }
    // One that asks for a longer pause is told instead.
    let sms = Sms::new(5, first_requests(1, Refusal { retry_after: Some("60"), ..Refusal::default() }));
    let failure = sms.failure(&sms.client(ClientOptions::default())).await;
    assert_eq!((failure.kind, failure.retry_after), (FailureKind::Throttled, Some(60 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn the_owners_rate_is_no_error() {
    let sms = Sms::new(2000, |_, _| None);
    let rate = Some("4".parse().unwrap());
    // Shorter than what the pages take at this rate: pages come.
    let client = sms.client(ClientOptions { rate, listing_timeout: 2 * SECOND, ..ClientOptions::default() });
    let (began, target) = (Instant::now(), target());
    let listings = join_all((0..2).map(|_| sms.list(&client, &target))).await;
    assert!(listings.into_iter().all(|listing| listing.unwrap().tasks.len() == 2000));
    assert!(began.elapsed() > 4 * SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn pages_in_flight_grow_as_far_as_they_may() {
    let sms = Sms::new(6000, |_, _| None);
    let client = sms.client(ClientOptions::default());
    for _ in 0..3 {
        assert_eq!(sms.list(&client, &target()).await.unwrap().tasks.len(), 6000);
    }
    assert_eq!(sms.seen.lock().unwrap().peak, most_in_flight());
}

#[tokio::test(start_paused = true)]
async fn a_hanging_page_is_told_as_what_it_is() {
    let client =
        client_of(ClientOptions { listing_timeout: SECOND, ..ClientOptions::default() }, |request| {
            let hangs = request.url().query().is_some_and(|query| query.contains("offset=600"));
            async move {
                sleep(if hangs { DEADLINE } else { MILLISECOND }).await;
                answer(200, &json!({"count": 2000, "tasks": []})).map(Into::into)
            }
        });
    let error = client.list_tasks(&target(), &keys(1), &Query::All).await;
    assert!(matches!(error, Err(Error::ListingTimeout(_))), "{error:?}");
}
