use super::*;

fn leadership(term: Term) -> (watch::Sender<Term>, Leadership) {
    let (sender, term) = watch::channel(term);
    (sender, Leadership { term: Some(term) })
}

#[tokio::test]
async fn who_does_not_lead_writes_nothing() {
    let now = Instant::now();
    let over = now.checked_sub(Duration::from_millis(1)).unwrap();
    let table = [
        (Term::Waiting, false),
        // A process that was paused, and hasn't been told yet.
        (Term::Until(over), false),
        (Term::Until(now + Duration::from_secs(3600)), true),
        (Term::Lost(Loss::Expired), false),
        (Term::Resigned, false),
    ];
    for (term, leads) in table {
        let (_sender, leadership) = leadership(term.clone());
        assert_eq!(leadership.leading(), leads, "{term:?}");
        let mut is_asked = false;
        let request = async {
            is_asked = true;
            Ok(())
        };
        let result = leadership.write("writing", request).await;
        assert_eq!((result.is_ok(), is_asked), (leads, leads), "{term:?}");
    }
    assert!(Leadership::alone().leading());
}

#[tokio::test]
async fn a_term_that_nobody_renews_is_lost_by_the_clock() {
    let end = Instant::now() + Duration::from_millis(20);
    let (sender, leadership) = leadership(Term::Until(end));
    assert_eq!(leadership.lost().await, Loss::Expired);
    assert!(Instant::now() >= end);

    sender.send_replace(Term::Until(Instant::now() + Duration::from_secs(3600)));
    let taken = Loss::Taken { by: "another".to_owned() };
    let (lost, ()) = tokio::join!(leadership.lost(), async {
        tokio::task::yield_now().await;
        sender.send_replace(Term::Lost(taken.clone()));
    });
    assert_eq!(lost, taken);
    drop(sender);
    assert_eq!(leadership.lost().await, taken);
}

#[test]
fn a_loop_that_is_stuck_is_noticed() {
    assert!(Pulse::new(Duration::from_secs(3600)).is_alive());
    let stuck = Pulse::new(Duration::ZERO);
    assert!(!stuck.is_alive());
    stuck.beat();
    assert!(!stuck.is_alive());
}
