//! One scenario with one program.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::{sleep, sleep_until};

use crate::{
    audit::Requests,
    board::Board,
    error::Error,
    fleet::Member,
    program::{Program, Running},
    report::Row,
    scenario::{Changes, Scenario},
    sms_process::Sms,
    stage::{Place, Stage},
    usage::{self, Usage},
};
use bench::world::World;

/// A program that has just started may be busy with that.
const BREATH: Duration = Duration::from_secs(1);
/// How long statuses may be behind at the end, beside two intervals. Slowness alone is no error.
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(20);
/// From one look at whether the program still runs to the next.
const CHECK: Duration = Duration::from_millis(500);

/// What a program had used when its figures began to count.
#[derive(Default)]
struct Before {
    cpu: Duration,
    asked: Requests,
    requests: u64,
    bytes: u64,
}

struct Run<'a> {
    scenario: &'a Scenario,
    place: Place<'a>,
    sms: Sms,
    board: Board,
    world: World,
    members: Vec<Member>,
}

pub(crate) async fn run(stage: &Stage, scenario: &Scenario, program: &Program) -> Result<Row, Error> {
    let world = World::new(scenario.size);
    let run = Run {
        scenario,
        place: stage.place().await?,
        sms: Sms::start(scenario, &stage.ca_file()).await?,
        board: Board::default(),
        members: scenario.fleet.members(&world),
        world,
    };
    let client = stage.client.clone();
    let namespace = run.place.namespace.clone();
    run.perform(program, client, namespace).await
}

impl Run<'_> {
    async fn perform(
        mut self,
        program: &Program,
        client: kube::Client,
        namespace: String,
    ) -> Result<Row, Error> {
        let board = std::mem::take(&mut self.board);
        tokio::select! {
            row = self.measure(program, &board) => row,
            // It ends only with an error: the watch stream starts anew by itself.
            followed = board.follow(client, &namespace) => Err(followed.err().map_or(Error::Incomplete, Error::follow)),
        }
    }

    async fn measure(mut self, program: &Program, board: &Board) -> Result<Row, Error> {
        if self.scenario.applied_first {
            self.apply(board).await?;
        }
        let stage = self.place.stage;
        let started = epoch_millis();
        let mut running = program.start(&self.place.kubeconfig, &stage.ca_file(), stage.dir())?;
        if !self.scenario.applied_first {
            running.until_started().await?;
            sleep(BREATH).await;
        }
        let began = Instant::now();
        if !self.scenario.applied_first {
            self.apply(board).await?;
        }
        let before = self.warm_up(&running, began).await?;
        self.pass_time(&mut running, board, began).await?;
        let row = self.figures(program, &running, board, before, started).await?;
        self.place.stage.keep(running.log(), &format!("{}-{}.log", self.scenario.name, program.kind))?;
        running.stop().await?;
        self.place.clear().await?;
        Ok(row)
    }

    async fn apply(&self, board: &Board) -> Result<(), Error> {
        let fleet = self.scenario.fleet;
        let expected: std::collections::HashMap<&str, &Member> =
            self.members.iter().map(|member| (member.name.as_str(), member)).collect();
        let watches = self.members.iter().map(|member| fleet.watch(member, &self.sms.endpoint)).collect();
        let applying = |name: &str| {
            if let Some(member) = expected.get(name) {
                board.apply(name, member.expected(&self.world));
            }
        };
        self.place.apply(watches, applying).await
    }

    async fn warm_up(&self, running: &Running, began: Instant) -> Result<Before, Error> {
        if self.scenario.warm_up.is_zero() {
            return Ok(Before::default());
        }
        sleep_until((began + self.scenario.warm_up).into()).await;
        let tally = self.sms.tally().await?;
        Ok(Before {
            cpu: usage::of(running.pid())?.cpu,
            asked: self.place.stage.audit.of(&self.place.user())?,
            requests: tally.requests,
            bytes: tally.bytes,
        })
    }

    /// Until the scenario is over and all statuses are right, or can't be expected to become so.
    async fn pass_time(&mut self, running: &mut Running, board: &Board, began: Instant) -> Result<(), Error> {
        let end = began + self.scenario.length;
        let mut next_change = self.scenario.changes.map(|changes| began + changes.every);
        let mut next_check = began;
        while Instant::now() < end {
            if let (Some(changes), Some(at)) = (self.scenario.changes, next_change)
                && Instant::now() >= at
            {
                self.change(changes, board).await?;
                next_change = Some(at + changes.every);
            }
            if Instant::now() >= next_check {
                running.check()?;
                next_check += CHECK;
            }
            sleep(LOOK).await;
        }
        let patience = Duration::from_secs(2 * self.scenario.fleet.interval) + PATIENCE;
        while !self.is_over(board) && end.elapsed() < patience {
            running.check()?;
            sleep(CHECK).await;
        }
        Ok(())
    }

    fn is_over(&self, board: &Board) -> bool {
        let verdict = board.verdict();
        board.is_settled() || (self.scenario.may_be_incomplete && verdict.incomplete == verdict.total)
    }

    async fn change(&mut self, changes: Changes, board: &Board) -> Result<(), Error> {
        let changed = self.world.change(changes.count);
        for member in self.members.iter().filter(|member| changed.iter().any(|number| member.has(*number))) {
            board.expect(&member.name, member.expected(&self.world));
        }
        self.sms.change(changes.count).await
    }

    async fn figures(
        &self,
        program: &Program,
        running: &Running,
        board: &Board,
        before: Before,
        started: u64,
    ) -> Result<Row, Error> {
        let Usage { cpu, peak, resident } = usage::of(running.pid())?;
        let tally = self.sms.tally().await?;
        let asked = self.place.stage.audit.of(&self.place.user())?.since(&before.asked);
        Ok(Row {
            scenario: self.scenario.name,
            program: program.kind,
            verdict: board.verdict(),
            may_be_incomplete: self.scenario.may_be_incomplete,
            cpu: cpu.saturating_sub(before.cpu),
            peak,
            resident,
            requests: tally.requests.saturating_sub(before.requests),
            bytes: tally.bytes.saturating_sub(before.bytes),
            start_to_listing: tally.first.map(|first| Duration::from_millis(first.saturating_sub(started))),
            applied_first: self.scenario.applied_first,
            tally,
            asked,
        })
    }
}

fn epoch_millis() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
