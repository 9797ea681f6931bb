use serde_json::json;

use super::*;
use crate::{
    core::{failure::FailureKind, plan::Plan, policy::Policy},
    sms::ClientOptions,
};

fn membership() -> (Arc<Feeds>, Membership) {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let feeds = Arc::new(Feeds::new(Client::new(ClientOptions::default()).unwrap(), Watchdog::default()));
    let spec = json!({"region": "cn-north-4", "credentials": {"secretRef": {"name": "huawei"}}});
    let spec = serde_json::from_value(spec).unwrap();
    let plan = Plan::parse(&spec, "migration", &Policy::default()).unwrap();
    let data = [("accessKey".to_owned(), b"AK".to_vec()), ("secretKey".to_owned(), b"SK".to_vec())];
    let login = Login::from_secret_data(&data.into_iter().collect()).unwrap();
    let account = feeds.account(&ListTarget::from(&plan), &login);
    let need = Need { interval: Duration::from_mins(1), query: Query::All };
    let key = WatchKey { namespace: "migration".into(), name: "wave-1".into(), uid: "uid".into() };
    let membership = feeds.join(account, key, need);
    (feeds, membership)
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_panics_is_one_that_failed_and_is_tried_later_each_time() {
    let (feeds, membership) = membership();
    let mut pauses = Vec::new();
    for number in 1..=5 {
        let (sender, mut done) = watch::channel(None);
        let listing = async { panic!("on purpose") };
        membership.start(listing, Query::All, Instant::now(), sender);
        let round = done.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        let failure = round.result.as_ref().unwrap_err();
        assert_eq!((failure.kind, round.failures), (FailureKind::InternalError, number));
        assert_eq!(feeds.watchdog.panics.count(), u64::from(number));
        pauses.push(round.retry_at - Instant::now());
        assert!(membership.feed.lock().running.is_none());
    }
    assert!(pauses[0] >= Duration::from_secs(2) && pauses.is_sorted(), "{pauses:?}");
    assert_eq!(feeds.watchdog.vitals.overdue(), None);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_hangs_is_found() {
    let (feeds, membership) = membership();
    let (sender, _done) = watch::channel(None);
    membership.start(std::future::pending(), Query::All, Instant::now(), sender);
    sleep(feeds.client.longest_listing() * 2).await;
    assert_eq!(feeds.watchdog.vitals.overdue(), None);
    sleep(2 * MARGIN).await;
    assert_eq!(feeds.watchdog.vitals.overdue().unwrap().what, "the listing of an account");
}
