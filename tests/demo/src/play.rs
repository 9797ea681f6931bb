//! The demo itself: watch the waves until both are done.

use std::time::{Duration, Instant};

use kube::api::ListParams;
use migration_task_watch::api::MigrationTaskWatch;

use crate::{Result, events::Followed, objects::WAVES, screen::Screen, stage::Stage, table};

/// How often the screen is brought up to date.
const TICK: Duration = Duration::from_millis(500);
/// The waves take about a minute; longer than this something is wrong.
const PATIENCE: Duration = Duration::from_secs(300);

/// Shows the table and the events until both watches are Completed.
pub(crate) async fn play(stage: &mut Stage, screen: &mut Screen) -> Result<()> {
    let start = Instant::now();
    let mut followed = Followed::default();
    let mut was_done = false;
    loop {
        if let Some(operator) = &mut stage.operator {
            operator.check()?;
        }
        let done = all_completed(stage).await?;
        let news = followed.news(stage).await?;
        screen.show(table::fetch(stage).await?, news)?;
        // Events are created after the status that they belong to: one more look shows the last of them.
        if done && was_done {
            return Ok(());
        }
        was_done = done;
        if start.elapsed() > PATIENCE {
            return Err(format!("the waves aren't done after {} s", PATIENCE.as_secs()).into());
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn all_completed(stage: &Stage) -> Result<bool> {
    let watches = stage.watches().list(&ListParams::default()).await?.items;
    Ok(watches.iter().filter(|watch| is_completed(watch)).count() == WAVES.len())
}

fn is_completed(watch: &MigrationTaskWatch) -> bool {
    let conditions = watch.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| condition.type_ == "Completed" && condition.status == "True")
}

/// Says what has been seen, and how to look further.
pub(crate) fn explain(stage: &Stage, keep: bool) {
    println!(
        "\nBoth waves are done. One server failed and says why; one stood still for a while and went on."
    );
    let namespace = stage.namespace;
    match (keep, stage.kubeconfig()) {
        (true, Some(kubeconfig)) => {
            println!("It stays until Ctrl-C. In another terminal:\n");
            println!("  export KUBECONFIG={}", kubeconfig.display());
        }
        (true, None) => println!("It stays until Ctrl-C. In another terminal:\n"),
        (false, _) => {
            println!("`make demo KEEP=1` leaves everything running at the end, to look further with:\n");
        }
    }
    for command in ["get mtw -o wide", "describe mtw wave-1", "wait mtw/wave-1 --for=condition=Completed"] {
        println!("  kubectl -n {namespace} {command}");
    }
    println!("  kubectl explain mtw.spec.filter");
}
