use super::*;
use crate::sms::credentials::{AuthToken, Credentials, DigestKey, Login};

fn door(enterprise_project: Option<&str>) -> Door {
    let login = Login::from(Credentials::Token(AuthToken::parse("token").unwrap()));
    Door {
        endpoint: Endpoint::parse("https://sms.example.com").unwrap(),
        api: Api::ListTasks,
        login: login.digest(&DigestKey::random().unwrap()),
        region: None,
        enterprise_project: enterprise_project.map(str::to_owned),
    }
}

fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "told")
}

/// Sends so many requests at once, each of which ends so; says how many were sent, and what each came to.
async fn together(
    gates: &Arc<Gates>,
    door: &Door,
    count: usize,
    outcome: Option<FailureKind>,
) -> (usize, Vec<Result<(), FailureKind>>) {
    let sent = Arc::new(Mutex::new(0));
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let (gates, door, sent) = (gates.clone(), door.clone(), sent.clone());
            tokio::spawn(async move {
                let passage = gates.enter(&door).await.map_err(|error| Failure::from(&error).kind)?;
                *sent.lock().unwrap() += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
                match outcome {
                    None => passage.accepted(),
                    Some(kind) => {
                        passage.failed(&failure(kind));
                        return Err(kind);
                    }
                }
                Ok(())
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    let sent = *sent.lock().unwrap();
    (sent, results)
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_sent_once_and_refused_to_all() {
    let (gates, door) = (Arc::<Gates>::default(), door(None));
    let (sent, results) = together(&gates, &door, 50, Some(FailureKind::CredentialsInvalid)).await;
    assert_eq!(sent, 1);
    assert_eq!(results, vec![Err(FailureKind::CredentialsInvalid); 50]);
    // Others aren't concerned.
    assert_eq!(together(&gates, &super::tests::door(None), 2, None).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn good_credentials_let_all_pass_once_one_has_tried() {
    let (gates, door) = (Arc::<Gates>::default(), door(None));
    let (sent, results) = together(&gates, &door, 50, None).await;
    assert_eq!((sent, results), (50, vec![Ok(()); 50]));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_does_not_answer_is_asked_by_one_for_all_that_wait() {
    let (gates, door) = (Arc::<Gates>::default(), door(None));
    for _ in 0..2 {
        let (sent, results) = together(&gates, &door, 50, Some(FailureKind::EndpointUnreachable)).await;
        assert_eq!(sent, 1);
        assert_eq!(results, vec![Err(FailureKind::EndpointUnreachable); 50]);
    }
    assert_eq!(together(&gates, &door, 2, None).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_one_of_its_enterprise_project() {
    let gates = Arc::<Gates>::default();
    let (one, two) = (door(Some("1")), door(Some("2")));
    let two = Door { login: one.login, ..two };
    assert_eq!(together(&gates, &one, 5, Some(FailureKind::AccessDenied)).await.0, 1);
    assert_eq!(together(&gates, &two, 5, None).await.0, 5);
    // A wrong key is wrong in each.
    assert_eq!(together(&gates, &two, 5, Some(FailureKind::CredentialsInvalid)).await.0, 5);
    let (sent, results) = together(&gates, &one, 2, None).await;
    assert_eq!((sent, results), (0, vec![Err(FailureKind::CredentialsInvalid); 2]));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_lets_the_next_one_try() {
    let (gates, door) = (Arc::<Gates>::default(), door(None));
    let first = gates.enter(&door).await.unwrap();
    let second = tokio::spawn({
        let (gates, door) = (gates.clone(), door.clone());
        async move { gates.enter(&door).await.map(Passage::accepted).is_ok() }
    });
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(first);
    assert!(second.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_does_not_open_a_gate_that_was_shut_since() {
    let (gates, door) = (Arc::<Gates>::default(), door(None));
    gates.enter(&door).await.unwrap().accepted();
    let (early, late) = (gates.enter(&door).await.unwrap(), gates.enter(&door).await.unwrap());
    late.failed(&failure(FailureKind::CredentialsInvalid));
    early.accepted();
    assert!(gates.enter(&door).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_lasts_as_long_as_time_passes_whatever_the_clock_says() {
    let (gates, door) = (Arc::<Gates>::default(), door(None));
    // Until somebody sets the clock right, by hours.
    assert_eq!(together(&gates, &door, 5, Some(FailureKind::ClockSkew)).await.0, 1);
    tokio::time::advance(Duration::from_secs(50)).await;
    assert_eq!(together(&gates, &door, 5, None).await.0, 0);
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(together(&gates, &door, 5, None).await.0, 5);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_falls_silent_is_asked_by_one_until_it_answers() {
    let (gates, door) = (Arc::<Gates>::default(), door(None));
    let silent = Some(FailureKind::EndpointUnreachable);
    assert_eq!(together(&gates, &door, 50, None).await.0, 50);
    assert_eq!(together(&gates, &door, 50, silent).await.0, 50, "nobody knows yet");
    for _ in 0..3 {
        let (sent, results) = together(&gates, &door, 50, silent).await;
        assert_eq!((sent, results), (1, vec![Err(FailureKind::EndpointUnreachable); 50]));
    }
    assert_eq!(together(&gates, &door, 50, None).await.0, 50);
    // Silence lifts no refusal.
    let late = gates.enter(&door).await.unwrap();
    assert!(together(&gates, &door, 1, Some(FailureKind::CredentialsInvalid)).await.1[0].is_err());
    late.failed(&failure(FailureKind::EndpointUnreachable));
    assert_eq!(together(&gates, &door, 1, None).await.0, 0);
}

#[tokio::test(start_paused = true)]
async fn who_asks_tries_again_after_a_quarter_of_a_minute_or_a_minute() {
    for (kind, least) in [(FailureKind::AccessDenied, 15), (FailureKind::CredentialsInvalid, 60)] {
        let (gates, door) = (Arc::<Gates>::default(), door(None));
        // The second refusal in a row is left alone for longer.
        for _ in 0..2 {
            let passage = gates.enter(&door).await.unwrap();
            passage.failed(&failure(kind));
            tokio::time::sleep(Duration::from_secs(80)).await;
        }
        assert!(gates.enter(&door).await.is_err(), "{kind:?}");
        gates.asked(door.login);
        gates.enter(&door).await.unwrap().failed(&failure(kind));
        // However often, not sooner.
        tokio::time::sleep(Duration::from_secs(least - 1)).await;
        gates.asked(door.login);
        assert!(gates.enter(&door).await.is_err(), "{kind:?}");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(gates.enter(&door).await.is_ok(), "{kind:?}");
    }
}
