//! How fast pages are asked for, and what flow control does to that.

use std::time::Duration;

use futures::future::join_all;
use migration_task_watch::{
    core::failure::{Failure, FailureKind},
    sms::{ClientOptions, Error},
};
use sms_simulator::{Above, Effect, ErrorBody, Fault, Seconds, Simulator, Trigger};

use crate::support::{access_key, client, faulty, list, list_with, options, simulator, target, tasks};

/// Flow control that lets so many requests a second through.
fn flow_control(requests: usize, message: &str) -> Fault {
    let above = Some(Above { requests, seconds: Seconds::new(1) });
    let body = ErrorBody::Gateway { code: "APIGW.0308".into(), message: message.into() };
    Fault { when: Trigger { above, ..Trigger::default() }, effect: Effect::respond(429, body) }
}

/// Refuses all pages but the first.
fn refuse_later_pages(simulator: &Simulator, retry_after: Option<&str>) {
    for offset in (200..2000).step_by(200) {
        let query = Some(format!("offset={offset}"));
        let body = ErrorBody::Gateway { code: "APIGW.0308".into(), message: "text".into() };
        let headers = retry_after.map(|seconds| ("Retry-After".to_owned(), seconds.to_owned()));
        let effect = Effect::Respond { status: 429, headers: headers.into_iter().collect(), body };
        simulator.faults().add(Fault { when: Trigger { query, ..Trigger::default() }, effect });
    }
}

/// To one endpoint.
fn most_in_flight() -> u64 {
    options().max_concurrency as u64 * 3 / 4
}

#[tokio::test]
async fn a_listing_goes_on_at_the_pace_that_flow_control_lets_through() {
    for message in ["too many requests", "over ratelimit,limit:10,time:1 second"] {
        let simulator = faulty(4000, flow_control(10, message)).await;
        let (client, target) = (client(options()), target(&simulator.endpoint()));
        let listing = list_with(&client, &target, &access_key(&[])).await.unwrap();
        assert_eq!(listing.tasks.len(), 4000);
        let refused = simulator.requests().counters().refused;
        // Those that were under way when the first was refused, at most.
        assert!((1..=most_in_flight()).contains(&refused), "{message}: {refused}");
        // What was found out holds for the next listing. (None is refused then, unless the machine is so busy that requests
        // which were sent apart arrive together; of these, a burst of two.)
        let before = simulator.requests().counters().refused;
        list_with(&client, &target, &access_key(&[])).await.unwrap();
        let refused = simulator.requests().counters().refused - before;
        assert!(refused <= 2, "{message}: {refused}");
    }
}

#[tokio::test]
async fn under_flow_control_a_small_listing_ends_before_a_great_one_beside_it() {
    let great = simulator(tasks(6000)).await;
    great.faults().add(flow_control(10, "too many requests"));
    let project = "of its own";
    for mut task in tasks(3) {
        task.id = format!("small-{}", task.id);
        task.enterprise_project_id = project.into();
        great.tasks().insert(task);
    }
    let client = client(options());
    let all = target(&great.endpoint());
    let mut few = all.clone();
    few.enterprise_project_id = Some(project.into());
    let login = access_key(&[]);
    let great_listing = list_with(&client, &all, &login);
    let small_listings = async {
        // Once flow control is known.
        great.requests().wait_for(1, |record| record.status == Some(429)).await;
        let mut sizes = Vec::new();
        while sizes.len() < 3 {
            match list_with(&client, &few, &login).await {
                Ok(listing) => sizes.push(listing.tasks.len()),
                // With nothing to lose, it may fail, and is tried again.
                Err(error) => assert_eq!(Failure::from(&error).kind, FailureKind::Throttled),
            }
        }
        (sizes, great.requests().count(|record| record.query.contains("offset=5800")))
    };
    let (great_listing, (sizes, last_pages)) = tokio::join!(great_listing, small_listings);
    assert_eq!(sizes, [3, 3, 3]);
    assert_eq!(great_listing.unwrap().tasks.len(), 6003);
    assert_eq!(last_pages, 0, "the great listing was still under way");
}

#[tokio::test]
async fn a_listing_that_is_refused_for_too_long_is_told_as_throttled() {
    let simulator = simulator(tasks(2000)).await;
    refuse_later_pages(&simulator, Some("7"));
    let limits = ClientOptions { listing_timeout: Duration::from_secs(5), ..options() };
    let error = list_with(&client(limits), &target(&simulator.endpoint()), &access_key(&[])).await;
    let failure = Failure::from(&error.unwrap_err());
    assert_eq!(failure.kind, FailureKind::Throttled, "{failure:?}");
    let pause = failure.retry_after.unwrap();
    assert!(pause > Duration::from_secs(1) && pause <= Duration::from_secs(7), "{pause:?}");
    // It didn't wait for what would have been too long.
    let requests = simulator.requests().counters().requests;
    assert!(requests <= 5, "{requests}");
}

#[tokio::test]
async fn nothing_is_sent_in_a_pause_that_began_while_it_waited_for_others() {
    let simulator = simulator(tasks(2000)).await;
    refuse_later_pages(&simulator, Some("3"));
    // Four pages may be in flight, and three requests to one endpoint.
    let limits = ClientOptions { max_concurrency: 4, listing_timeout: Duration::from_secs(4), ..options() };
    let error = list_with(&client(limits), &target(&simulator.endpoint()), &access_key(&[])).await;
    assert_eq!(Failure::from(&error.unwrap_err()).kind, FailureKind::Throttled);
    let records = simulator.requests().records();
    let pause_ends = records[1].received + Duration::from_secs(3);
    let before = records.iter().filter(|record| record.received < pause_ends).count();
    assert!(before <= 4, "{records:#?}");
}

#[tokio::test]
async fn the_deadline_of_a_refused_listing_names_the_refusal() {
    let simulator = simulator(tasks(2000)).await;
    refuse_later_pages(&simulator, None);
    let limits = ClientOptions { listing_timeout: Duration::from_secs(3), ..options() };
    let error = list_with(&client(limits), &target(&simulator.endpoint()), &access_key(&[])).await;
    let error = error.unwrap_err();
    assert_eq!(Failure::from(&error).kind, FailureKind::Throttled, "{error:?}");
    let refused = simulator.requests().counters().refused;
    assert!((2..15).contains(&refused), "{refused}");
}

#[tokio::test]
async fn a_page_that_is_refused_once_costs_one_request() {
    let simulator = simulator(tasks(450)).await;
    let query = Some("offset=200".to_owned());
    let when = Trigger { query, times: Some(1), ..Trigger::default() };
    simulator.faults().add(Fault { when, effect: Effect::throttle(Some("1")) });
    let listing = list(&simulator).await.unwrap();
    assert_eq!((listing.tasks.len(), listing.requests), (450, 4));
}

#[tokio::test]
async fn a_first_page_that_is_refused_is_asked_for_again() {
    let simulator = simulator(tasks(5)).await;
    for pause in [None, Some("1")] {
        let body = ErrorBody::Gateway { code: "APIGW.0308".into(), message: "too many requests".into() };
        let headers = pause.map(|seconds: &str| ("Retry-After".to_owned(), seconds.to_owned()));
        let effect = Effect::Respond { status: 429, headers: headers.into_iter().collect(), body };
        simulator.faults().add(Fault::once(effect));
        let listing = list(&simulator).await.unwrap();
        assert_eq!((listing.tasks.len(), listing.requests), (5, 2), "{pause:?}");
    }
    // One that asks for a longer pause is told instead.
    simulator.faults().add(Effect::throttle(Some("60")));
    let failure = Failure::from(&list(&simulator).await.unwrap_err());
    assert_eq!(failure.kind, FailureKind::Throttled);
    assert!(failure.retry_after.unwrap() > Duration::from_secs(50));
}

#[tokio::test]
async fn the_owners_rate_is_no_error() {
    let simulator = simulator(tasks(2000)).await;
    let rate = Some("4".parse().unwrap());
    // Shorter than what the pages take at this rate: pages come.
    let limits = ClientOptions { rate, listing_timeout: Duration::from_secs(2), ..options() };
    let client = client(limits);
    let (target, login) = (target(&simulator.endpoint()), access_key(&[]));
    let listings = join_all((0..2).map(|_| list_with(&client, &target, &login))).await;
    assert!(listings.into_iter().all(|listing| listing.unwrap().tasks.len() == 2000));
}

#[tokio::test]
async fn pages_in_flight_grow_and_connections_are_kept() {
    let simulator = faulty(6000, Effect::Delay(Seconds(Duration::from_millis(50)))).await;
    let client = client(options());
    let (target, login) = (target(&simulator.endpoint()), access_key(&[]));
    for _ in 0..3 {
        assert_eq!(list_with(&client, &target, &login).await.unwrap().tasks.len(), 6000);
    }
    let counters = simulator.requests().counters();
    assert!((5..=most_in_flight()).contains(&counters.peak_in_flight), "{counters:?}");
    // One for each page in flight. While their number grows, the HTTP client opens a connection for a page and gives it
    // one that becomes free sooner, and keeps both: so there can be more than pages at the peak, but not more than pages
    // may be in flight.
    assert!(counters.connections <= most_in_flight(), "{counters:?}");
}

#[tokio::test]
async fn a_hanging_page_is_told_as_what_it_is() {
    let simulator = simulator(tasks(2000)).await;
    let when = Trigger { query: Some("offset=600".to_owned()), ..Trigger::default() };
    simulator.faults().add(Fault { when, effect: Effect::Delay(Seconds::new(3600)) });
    let limits = ClientOptions { listing_timeout: Duration::from_secs(1), ..options() };
    let error = list_with(&client(limits), &target(&simulator.endpoint()), &access_key(&[])).await;
    assert!(matches!(error, Err(Error::ListingTimeout(_))), "{error:?}");
}
