//! One run of the operator, with a runtime and clocks of its own.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::{Instant, advance, sleep_until},
};

use super::{Moment, wire, world::Shared};
use crate::{
    clock,
    controller::{self, Leadership, Options, Parts, Scope},
    core::{budget::WriteRate, policy::Policy},
    sms::Ambient,
    telemetry::{Health, Metrics},
};

pub(super) struct Process {
    /// Told apart from all others.
    pub(super) number: u32,
    /// How far it has come.
    pub(super) local: Moment,
    /// It stands still until then.
    pub(super) paused_until: Moment,
    /// How much the time of day is wrong, in milliseconds.
    skew: i64,
    runtime: Runtime,
    /// When it started, by its own clock, and in truth.
    origin: Instant,
    started: Moment,
    /// Takes its leadership away.
    depose: Option<Box<dyn FnOnce()>>,
    /// Asks it to end.
    stop: Option<oneshot::Sender<()>>,
}

/// The true time of day at a moment.
pub(super) fn day(moment: Moment, skew: i64) -> Timestamp {
    let start: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_millis(i64::try_from(moment).unwrap() + skew)).unwrap()
}

impl Process {
    pub(super) fn start(shared: &Shared, number: u32, now: Moment, skew: i64, rate: WriteRate) -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (leadership, depose) = Leadership::by_hand();
        let origin = runtime.block_on(async { Instant::now() });
        let process = Self {
            number,
            local: now,
            paused_until: 0,
            skew,
            runtime,
            origin,
            started: now,
            depose: Some(Box::new(depose)),
            stop: Some(stop),
        };
        let net = wire::Net { shared: shared.clone(), process: number, origin, started: now };
        process.set_clock();
        process.runtime.spawn(async move {
            let parts = Parts {
                sms: wire::sms_client(&net),
                // Nobody may use it; this one needs no client of its own.
                ambient: Ambient::new(
                    |_| Some("nothing".to_owned()),
                    "http://169.254.169.254".parse().unwrap(),
                )
                .unwrap(),
                leadership,
                options: Options {
                    policy: Policy::default(),
                    scope: Scope::Cluster,
                    watch_secrets: false,
                    concurrency: 8,
                    write_rate: rate,
                    instance: format!("operator-{}", net.process),
                },
                metrics: Metrics::default(),
            };
            let stop = async {
                if stopped.await.is_err() {
                    futures::future::pending::<()>().await;
                }
            };
            controller::run(wire::kube_client(&net), parts, &Health::default(), stop).await;
            net.ended();
        });
        process
    }

    fn set_clock(&self) {
        clock::simulated::set(self.origin, day(self.started, self.skew));
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.origin + Duration::from_millis(moment - self.started)
    }

    /// Lets it go on until this moment, or until it has sent something.
    pub(super) fn run_until(&mut self, moment: Moment, shared: &Shared) {
        self.set_clock();
        let (origin, until) = (self.origin, self.instant(moment));
        let passed = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = shared.interrupt.notified() => {}
                () = sleep_until(until) => {}
            }
            Instant::now() - origin
        });
        self.local = (self.started + u64::try_from(passed.as_millis()).unwrap()).min(moment);
    }

    /// Time has passed in which it stood still.
    pub(super) fn wake_at(&mut self, moment: Moment) {
        self.set_clock();
        let ahead = self.instant(moment) - self.instant(self.local);
        self.runtime.block_on(advance(ahead));
        self.local = moment;
    }

    /// Somebody sets its clock.
    pub(super) fn step_clock(&mut self, by: i64) {
        self.skew += by;
    }

    pub(super) fn skew(&self) -> i64 {
        self.skew
    }

    /// Its Lease has ended.
    pub(super) fn depose(&mut self) {
        if let Some(depose) = self.depose.take() {
            depose();
        }
    }

    /// It is asked to end.
    pub(super) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}
