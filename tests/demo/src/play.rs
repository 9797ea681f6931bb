//! The demo itself: the waves move until all have ended.

use std::time::{Duration, Instant};

use kube::ResourceExt as _;
use migration_task_watch::api::MigrationTaskWatch;
use tokio::time::sleep;

use crate::{error::Error, events::Events, screen::Screen, stage::Stage, table, waves::condition};

/// How often the screen is brought up to date.
const TICK: Duration = Duration::from_millis(500);
/// The demo's waves take about a minute: after this something is wrong.
const PATIENCE: Duration = Duration::from_mins(5);

/// Shows the table and the events until all watches are Completed: then these.
pub(crate) async fn play(
    stage: &mut Stage<'_>,
    screen: &mut Screen,
) -> Result<Vec<MigrationTaskWatch>, Error> {
    let began = Instant::now();
    let mut events = Events::new();
    loop {
        stage.check()?;
        let table = table::fetch(stage.place).await?;
        events.update(stage.place).await?;
        screen.show(&table.lines(), &events.lines)?;
        let watches: Vec<&MigrationTaskWatch> = table.watches().filter(|watch| stage.plays(watch)).collect();
        // The first listing finds all waves at their start.
        if watches.iter().all(|watch| is_true(watch, "Ready")) {
            stage.begin();
        }
        if watches.iter().all(|watch| is_true(watch, "Completed") && events.cover(watch)) {
            return Ok(watches.into_iter().cloned().collect());
        }
        if began.elapsed() > PATIENCE {
            return Err(Error::Endless { patience: PATIENCE, standing: standing(&watches) });
        }
        sleep(TICK).await;
    }
}

fn is_true(watch: &MigrationTaskWatch, kind: &str) -> bool {
    condition(watch, kind).is_some_and(|condition| condition.status == "True")
}

/// Where those stand that haven't ended, by their conditions.
fn standing(watches: &[&MigrationTaskWatch]) -> String {
    let open = watches.iter().filter(|watch| !is_true(watch, "Completed"));
    let says = |watch: &&MigrationTaskWatch| {
        let kind = if is_true(watch, "Ready") { "Completed" } else { "Ready" };
        let message = condition(watch, kind).map_or("has no status", |condition| condition.message.as_str());
        format!("{}: {message}", watch.name_any())
    };
    open.map(says).collect::<Vec<_>>().join("; ")
}
