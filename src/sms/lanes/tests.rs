use std::sync::atomic::AtomicUsize;

use futures::{FutureExt, future::join_all};
use tokio::time::advance;

use super::*;
use crate::sms::{
    api::Api,
    credentials::{DigestKey, Login, SecretData},
    error::Answer,
};

const PATIENCE: Duration = Duration::from_mins(5);

fn digest(secret: &str) -> LoginDigest {
    let entries = [("accessKey", "AK"), ("secretKey", secret)];
    let data: SecretData =
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
    Login::from_secret_data(&data).unwrap().digest(&DigestKey::random().unwrap())
}

fn endpoint(name: &str) -> Endpoint {
    Endpoint::parse(&format!("https://{name}.example.com")).unwrap()
}

/// So many places at one lane.
fn places(count: usize, in_flight: u32) -> Vec<Place> {
    let lanes = Lanes::new(Bounds { in_flight, rate: None });
    let login = digest("secret");
    (0..count).map(|_| lanes.enter(&endpoint("sms"), login)).collect()
}

fn answer(status: u16, seconds: u64) -> Error {
    let (code, message, request_id, html) = (None, None, None, false);
    let retry_after = Some(Duration::from_secs(seconds));
    Error::from_answer(Answer { api: Api::ListTasks, status, code, message, request_id, retry_after, html })
}

async fn permit(place: &Place) -> Permit {
    place.turn(PATIENCE).await.unwrap()
}

#[tokio::test]
async fn a_listing_of_one_page_does_not_wait_for_all_pages_of_another() {
    let places = places(2, 1);
    let held = permit(&places[0]).await;
    let mut great = Vec::new();
    for _ in 0..100 {
        let mut turn = Box::pin(places[0].turn(PATIENCE));
        assert!(turn.as_mut().now_or_never().is_none());
        great.push(turn);
    }
    let mut small = Box::pin(places[1].turn(PATIENCE));
    assert!(small.as_mut().now_or_never().is_none());
    held.answered(None);
    let first = great.remove(0).now_or_never().unwrap().unwrap();
    assert!(small.as_mut().now_or_never().is_none());
    first.answered(None);
    assert!(small.now_or_never().is_some());
}

#[tokio::test]
async fn other_logins_and_other_endpoints_have_lanes_of_their_own() {
    let lanes = Lanes::new(Bounds { in_flight: 1, rate: None });
    let (one, two) = (digest("one"), digest("two"));
    let held = permit(&lanes.enter(&endpoint("a"), one)).await;
    let same = lanes.enter(&endpoint("a"), one);
    assert!(same.turn(PATIENCE).now_or_never().is_none());
    for other in [lanes.enter(&endpoint("b"), one), lanes.enter(&endpoint("a"), two)] {
        assert!(other.turn(PATIENCE).now_or_never().is_some());
    }
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_for_all_and_is_told_to_those_who_cannot_wait() {
    for status in [429, 503] {
        let places = places(3, 4);
        let began = Instant::now();
        let refused = permit(&places[0]).await;
        let mut patient = Box::pin(places[1].turn(PATIENCE));
        let granted = patient.as_mut().now_or_never().unwrap().unwrap();
        drop(granted);
        refused.failed(&answer(status, 60));
        let mut patient = Box::pin(places[1].turn(PATIENCE));
        assert!(patient.as_mut().now_or_never().is_none());
        advance(Duration::from_secs(20)).await;
        let error = places[2].turn(Duration::from_secs(2)).await.unwrap_err();
        let failure = Failure::from(&error);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(40)));
        let kind = if status == 429 { FailureKind::Throttled } else { FailureKind::ServerError };
        assert_eq!(failure.kind, kind);
        patient.await.unwrap().answered(None);
        assert!(began.elapsed() >= Duration::from_secs(60) && began.elapsed() < Duration::from_secs(70));
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_pause_ends_the_waiting_of_those_who_came_before() {
    let places = places(2, 1);
    let refused = permit(&places[0]).await;
    let mut waiting = Box::pin(places[1].turn(PATIENCE));
    assert!(waiting.as_mut().now_or_never().is_none());
    refused.failed(&answer(429, 900));
    assert_eq!(Failure::from(&waiting.await.unwrap_err()).retry_after, Some(Duration::from_secs(900)));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_takes_nothing_away() {
    let places = places(1, 2);
    let place = &places[0];
    for _ in 0..100 {
        let first = permit(place).await;
        let second = permit(place).await;
        let mut in_line = Box::pin(place.turn(PATIENCE));
        let mut granted = Box::pin(place.turn(PATIENCE));
        assert!(in_line.as_mut().now_or_never().is_none() && granted.as_mut().now_or_never().is_none());
        drop(in_line);
        first.answered(None);
        // Its permit is on the way to it.
        drop(granted);
        drop(second);
    }
    let both = [permit(place).await, permit(place).await];
    assert!(place.turn(PATIENCE).now_or_never().is_none());
    drop(both);
}

#[tokio::test(start_paused = true)]
async fn the_owners_rate_is_kept_by_all_together() {
    let rate = Some("2".parse().unwrap());
    let lanes = Lanes::new(Bounds { in_flight: 16, rate });
    let login = digest("secret");
    let began = Instant::now();
    let listings = (0..4).map(|_| {
        let place = lanes.enter(&endpoint("sms"), login);
        async move {
            for _ in 0..10 {
                permit(&place).await.answered(None);
            }
        }
    });
    join_all(listings).await;
    let took = began.elapsed().as_secs_f64();
    assert!((19.4..21.0).contains(&took), "{took}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_are_under_way_than_may_be_whatever_happens() {
    let lanes = Arc::new(Lanes::new(Bounds { in_flight: 5, rate: None }));
    let (under_way, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let login = digest("secret");
    let listings = (0..20).map(|listing| {
        let place = lanes.enter(&endpoint("sms"), login);
        let (under_way, peak) = (under_way.clone(), peak.clone());
        tokio::spawn(async move {
            for request in 0..100 {
                if (request + listing) % 5 == 0 {
                    // Given up, perhaps while it is granted.
                    let _ = tokio::time::timeout(Duration::from_micros(10), place.turn(PATIENCE)).await;
                    continue;
                }
                let permit = permit(&place).await;
                peak.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                under_way.fetch_sub(1, Ordering::SeqCst);
                if request % 7 == 0 { drop(permit) } else { permit.answered(None) }
            }
        })
    });
    let listings: Vec<_> = listings.collect();
    for listing in listings {
        listing.await.unwrap();
    }
    assert!(peak.load(Ordering::SeqCst) <= 5);
}

#[tokio::test(start_paused = true)]
async fn lanes_that_nobody_uses_are_forgotten() {
    let lanes = Lanes::new(Bounds { in_flight: 1, rate: None });
    let login = digest("secret");
    let kept = lanes.enter(&endpoint("kept"), login);
    for number in 0..50 {
        drop(lanes.enter(&endpoint(&format!("host-{number}")), login));
    }
    advance(FORGET_AFTER + Duration::from_secs(1)).await;
    drop(lanes.enter(&endpoint("new"), login));
    assert_eq!(lanes.by_key.lock().unwrap().len(), 2);
    drop(kept);
}
