//! Two operators that are killed and paused at random while tasks move: whatever happens to them, every transition between
//! two listings is told once, and in the end the status is what SMS has. `KILLS` says how often, `CHAOS_SEED` repeats a run.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use sms_simulator::Config;

use crate::{
    harness::{PATIENCE, Replica, Stage, setting},
    witness::{Fleet, Recorder},
};

/// The exit code of an operator that leads no more.
const LOST: i32 = 3;
/// Lease duration, renew deadline and retry period: short, so that much happens.
const TIMING: [&str; 3] = ["3s", "2s", "500ms"];
/// Longer than the Lease lasts, and than its loss takes to be seen.
const BEYOND_THE_LEASE: Duration = Duration::from_millis(4500);
/// How often, unless somebody wants more.
const KILLS: usize = 20;
const WATCH: &str = "wave-1";

#[tokio::test]
async fn a_thousand_tasks_survive_kills_and_pauses() {
    run("chaos", 5, json!({"taskLimit": 2000})).await;
}

#[tokio::test]
async fn twenty_thousand_tasks_survive_kills_and_pauses() {
    run("chaos-large", 100, json!({"taskLimit": 500})).await;
}

/// Two operators, each of which is started again whenever it has ended, as a kubelet does.
struct Crew<'a> {
    stage: &'a Stage,
    replicas: Vec<Replica>,
    lost: usize,
    paused: usize,
    killed: usize,
}

impl<'a> Crew<'a> {
    fn new(stage: &'a Stage) -> Self {
        let replicas = ["first", "second"].map(|name| start(stage, name)).into();
        Self { stage, replicas, lost: 0, paused: 0, killed: 0 }
    }

    /// The place of the operator that holds the Lease; any, when nobody does.
    async fn leader(&self) -> usize {
        let holder = self.stage.holder().await;
        self.replicas.iter().position(|replica| Some(&replica.name) == holder.as_ref()).unwrap_or(0)
    }

    fn kill(&mut self, place: usize) {
        let Replica { name, operator } = self.replicas.remove(place);
        operator.kill();
        self.replicas.insert(place, start(self.stage, &name));
        self.killed += 1;
    }

    /// Starts those again that have ended since they lead no more. Nobody may end for another reason.
    fn look_after(&mut self) {
        for place in 0..self.replicas.len() {
            if let Some(status) = self.replicas[place].operator.has_ended() {
                let log = || last_lines(&self.replicas[place].operator.log());
                assert_eq!(status.code(), Some(LOST), "{}", log());
                let name = self.replicas[place].name.clone();
                self.replicas[place] = start(self.stage, &name);
                self.lost += 1;
            }
        }
    }

    async fn pause(&mut self, place: usize) {
        self.replicas[place].operator.pause();
        tokio::time::sleep(BEYOND_THE_LEASE).await;
        self.replicas[place].operator.resume();
        self.paused += 1;
    }

    /// Does one random thing to the one that leads, to the other, or to both.
    async fn strike(&mut self, leader: usize, random: &mut fastrand::Rng) {
        match random.u8(..20) {
            0..11 => self.kill(leader),
            11..13 => self.kill(1 - leader),
            13..16 => {
                self.kill(1 - leader);
                self.kill(leader);
            }
            16..19 => self.pause(leader).await,
            _ => self.pause(1 - leader).await,
        }
    }
}

fn start(stage: &Stage, name: &str) -> Replica {
    stage.replica_with(stage.kubeconfig(), name, TIMING)
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

async fn run(name: &str, blocks: usize, spec: serde_json::Value) {
    let kills: usize = setting("KILLS").unwrap_or(KILLS);
    let seed: u64 = setting("CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("{name}: KILLS={kills} CHAOS_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let fleet = Arc::new(Fleet::new(blocks, 200, |block| format!("web-{block:03}")));
    let sms = Config { tasks: fleet.tasks(), ..Config::default() };
    let stage = Stage::with_sms(name, sms).await;
    stage.grant_lease().await;
    let recorder = Recorder::start(&stage, fleet.clone(), [(WATCH.to_owned(), 0..blocks)]).await;
    let mut spec = spec;
    spec["stallAfter"] = json!("0s");
    stage.apply(WATCH, spec).await.unwrap();
    let mut crew = Crew::new(&stage);
    assert!(recorder.up_to_date(PATIENCE).await, "{}", crew.replicas[0].operator.log());
    let moving = go_on_moving(&stage, &fleet, fastrand::Rng::with_seed(random.u64(..)));
    let striking = strike_on(&mut crew, &recorder, kills, &mut random);
    tokio::select! {
        () = moving => unreachable!(),
        () = striking => {}
    }
    finish(&stage, &fleet, &recorder, &mut crew).await;
    println!(
        "{name}: {} killed, {} paused, {} lost the lead: {}",
        crew.killed,
        crew.paused,
        crew.lost,
        recorder.figures()
    );
    let problems = recorder.problems(true);
    assert!(problems.is_empty(), "CHAOS_SEED={seed}\n{}", problems.join("\n"));
}

/// Moves tasks, and asks for listings between the regular ones.
async fn go_on_moving(stage: &Stage, fleet: &Fleet, mut random: fastrand::Rng) {
    for token in 0.. {
        for _ in 0..random.usize(1..4) {
            let most = if random.bool() { 4 } else { 120 };
            fleet.step(&stage.sms, random.usize(..fleet.blocks()), most, &mut random);
        }
        if random.u8(..10) == 0 && fleet.gone() < 100 {
            fleet.remove(&stage.sms, random.usize(1..4));
        }
        if random.bool() {
            stage.request(WATCH, &format!("move-{token}")).await;
        }
        tokio::time::sleep(Duration::from_millis(random.u64(100..900))).await;
    }
}

/// Strikes at moments between the question to SMS and the last event.
async fn strike_on(crew: &mut Crew<'_>, recorder: &Recorder, kills: usize, random: &mut fastrand::Rng) {
    const SOON: Duration = Duration::from_secs(15);
    while crew.killed + crew.paused < kills {
        // Known beforehand: what is to be hit takes a few milliseconds.
        let leader = crew.leader().await;
        let (statuses, events) = (recorder.statuses(), recorder.events());
        match random.u8(..7) {
            0 => {}
            1 => {
                let requests = crew.stage.sms.requests();
                let wait = requests.wait_for(requests.count(|_| true) + random.usize(1..8), |_| true);
                let _ = tokio::time::timeout(SOON, wait).await;
                tokio::time::sleep(Duration::from_millis(random.u64(..60))).await;
            }
            2..5 => recorder.further(statuses, SOON).await,
            _ => recorder.further_events(events, SOON).await,
        }
        if random.bool() {
            tokio::time::sleep(Duration::from_millis(random.u64(..10))).await;
        }
        crew.strike(leader, random).await;
        crew.look_after();
        // Mostly until something is written, however long a machine with much to do takes; now and then at once again.
        if random.u8(..4) > 0 {
            let statuses = recorder.statuses();
            recorder.further(statuses, PATIENCE).await;
        }
        crew.look_after();
        recorder.agreed(PATIENCE).await;
        let problems = recorder.problems(false);
        assert!(problems.is_empty(), "after {} kills\n{}", crew.killed, problems.join("\n"));
        if (crew.killed + crew.paused).is_multiple_of(20) {
            println!("{} killed, {} paused: {}", crew.killed, crew.paused, recorder.figures());
        }
    }
}

/// Lets things calm down, until all is seen and told.
async fn finish(stage: &Stage, fleet: &Fleet, recorder: &Recorder, crew: &mut Crew<'_>) {
    const TRIES: usize = 60;
    let step = PATIENCE / 60;
    for attempt in 0..TRIES {
        crew.look_after();
        stage.request(WATCH, &format!("last-{attempt}")).await;
        if recorder.up_to_date(step).await
            && recorder.disappeared(fleet.gone(), step).await
            && recorder.all_told(step).await
        {
            break;
        }
    }
    // What would be told twice would be told by the next listing.
    stage.refresh(WATCH, "once-more").await;
    assert!(recorder.all_told(PATIENCE).await, "not all is told");
    assert!(recorder.disappeared(fleet.gone(), PATIENCE).await, "not all that is gone is told");
}
