//! Many watches for a long time, with tasks that move and all kinds of small troubles: memory and handles don't grow, and all
//! that is written and told is explained. `MINUTES` says how long; without it, only that the test itself works is tested.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kube::api::DeleteParams;
use serde_json::json;
use sms_simulator::{Account, Config, DropKind, Effect, ErrorBody, PageEdit, Seconds};

use crate::{
    harness::{Line, Operator, PATIENCE, Stage, setting},
    witness::{Fleet, Recorder},
};

/// One for the mark and three that move.
const TASKS_OF_A_WATCH: usize = 4;
const SAMPLE: Duration = Duration::from_secs(1);
/// Between medians of memory. A leak of 1 KB a listing and watch would be 500 KB every 5 seconds: 15 MB in the two and a half
/// minutes between the middles of the quarters that are compared in a run of 5 minutes. Pages in flight and what the
/// allocator keeps of a burst differ by less than this.
const MOST_GROWTH: f64 = 8.0 * 1024.0;
/// More handles than at the start, once all is quiet and idle connections are closed: a few connections to the API server, since
/// it is asked by many watches at a time.
const MOST_NEW_HANDLES: f64 = 8.0;
/// The runtime's threads for files come and go; its workers are there from the start.
const MOST_NEW_THREADS: f64 = 4.0;

/// What the operator holds at a moment.
#[derive(Clone, Copy)]
struct Sample {
    /// Kilobytes of memory.
    resident: f64,
    handles: f64,
    threads: f64,
}

impl Sample {
    fn of(operator: &Operator) -> Self {
        let pid = operator.pid();
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let handles = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        Self {
            resident: field("VmRSS:"),
            handles: f64::from(u32::try_from(handles).unwrap()),
            threads: field("Threads:"),
        }
    }
}

/// A figure of a sample.
type Figure = fn(&Sample) -> f64;

fn median(samples: &[Sample], of: Figure) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_watches_for_a_long_time_leave_nothing_behind() {
    let minutes: Option<f64> = setting("MINUTES");
    let (watches, length) = minutes
        .map_or((30, Duration::from_secs(20)), |minutes| (500, Duration::from_secs_f64(60.0 * minutes)));
    let seed: u64 = setting("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("soak: {watches} watches for {length:?}, SOAK_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let fleet = Arc::new(Fleet::new(watches, TASKS_OF_A_WATCH, |block| format!("w{block:03}")));
    let stage = Stage::with_sms("soak", Config { tasks: fleet.tasks(), ..Config::default() }).await;
    let line = Line::new(stage.kubeconfig()).await;
    let names = (0..watches).map(|number| (format!("w{number:03}"), number..number + 1));
    let recorder = Recorder::start(&stage, fleet.clone(), names.clone()).await;
    let operator = stage.operator_by(line.kubeconfig());
    for (name, _) in names {
        let spec = json!({"filter": {"name": format!("{name}-")}, "stallAfter": "0s"});
        stage.apply(&name, spec).await.unwrap();
    }
    assert!(recorder.up_to_date(PATIENCE).await && recorder.all_told(PATIENCE).await, "{}", operator.log());

    let handles = Sample::of(&operator).handles;
    let mut samples = Vec::new();
    let mut next = || fastrand::Rng::with_seed(random.u64(..));
    tokio::select! {
        () = go_on_moving(&stage, &fleet, next()) => unreachable!(),
        () = make_trouble(&stage, &line, next()) => unreachable!(),
        () = come_and_go(&stage) => unreachable!(),
        () = take_samples(&operator, length, &mut samples) => {}
    }
    calm_down(&stage, &line).await;
    let patience = 3 * PATIENCE;
    let _ = recorder.up_to_date(patience).await && recorder.all_told(patience).await;
    let growth = report(&samples, &recorder);
    let left = until_few_handles(&operator, handles + MOST_NEW_HANDLES).await;
    println!("soak: {handles} handles at the start, {left} at the end");
    let problems = recorder.problems(true);
    assert!(problems.is_empty(), "SOAK_SEED={seed}\n{}", problems.join("\n"));
    assert!(!operator.log().contains("panicked"), "{}", operator.log());
    assert!(left <= handles + MOST_NEW_HANDLES, "handles grew from {handles} to {left}");
    if minutes.is_some() {
        growth.unwrap();
    }
}

/// Waits until no more handles than these are open, and says how many there are.
async fn until_few_handles(operator: &Operator, most: f64) -> f64 {
    let began = Instant::now();
    loop {
        let handles = Sample::of(operator).handles;
        if handles <= most || began.elapsed() > PATIENCE {
            return handles;
        }
        tokio::time::sleep(SAMPLE).await;
    }
}

async fn take_samples(operator: &Operator, length: Duration, samples: &mut Vec<Sample>) {
    let began = Instant::now();
    while began.elapsed() < length {
        samples.push(Sample::of(operator));
        tokio::time::sleep(SAMPLE).await;
    }
}

/// Prints the figures, and says what has grown.
fn report(samples: &[Sample], recorder: &Recorder) -> Result<(), String> {
    println!("soak: {}", recorder.figures());
    let each = (samples.len() / 30).max(1);
    let course: Vec<String> = samples
        .iter()
        .step_by(each)
        .map(|sample| format!("{}/{}", sample.resident, sample.handles))
        .collect();
    println!("soak: KB and handles: {}", course.join(" "));
    check_growth(samples)
}

/// Compares the last quarter with the second one: the first is for warming up.
fn check_growth(samples: &[Sample]) -> Result<(), String> {
    let quarter = samples.len() / 4;
    let (second, last) = (&samples[quarter..2 * quarter], &samples[3 * quarter..]);
    let figures: [(&str, Figure, f64); 3] = [
        ("KB of memory", |sample| sample.resident, MOST_GROWTH),
        // These are looked at when all is quiet.
        ("handles", |sample| sample.handles, f64::INFINITY),
        ("threads", |sample| sample.threads, MOST_NEW_THREADS),
    ];
    let mut grown = Vec::new();
    for (name, of, most) in figures {
        let (before, after) = (median(second, of), median(last, of));
        let peak = samples.iter().map(of).fold(0.0, f64::max);
        let text = format!("{before} {name} in the second quarter, {after} in the last, {peak} at most");
        println!("soak: {text}");
        if after - before > most {
            grown.push(text);
        }
    }
    if grown.is_empty() { Ok(()) } else { Err(grown.join("; ")) }
}

#[test]
fn growth_is_seen_and_bursts_are_not() {
    let samples = |kilobytes: fn(u32) -> u32, threads: fn(u32) -> u32| -> Vec<Sample> {
        let at = |second| (f64::from(kilobytes(second)), f64::from(threads(second)));
        (0..300).map(at).map(|(resident, threads)| Sample { resident, handles: 20.0, threads }).collect()
    };
    let same: fn(u32) -> u32 = |_| 10;
    let bursts = samples(|second| 40_000 + 30_000 * u32::from(second % 10 == 0), same);
    assert!(check_growth(&bursts).is_ok());
    let warming_up = samples(|second| 20_000 + 300 * second.min(75), same);
    assert!(check_growth(&warming_up).is_ok());
    // 1 KB a listing of 500 watches.
    let leak = samples(|second| 40_000 + 100 * second, same);
    assert!(check_growth(&leak).is_err_and(|grown| grown.contains("memory")));
    let threads = samples(same, |second| 10 + second / 20);
    assert!(check_growth(&threads).is_err_and(|grown| grown.contains("threads")));
}

async fn go_on_moving(stage: &Stage, fleet: &Fleet, mut random: fastrand::Rng) {
    loop {
        // Now and then a whole wave moves.
        let moved = if random.u8(..40) == 0 { fleet.blocks() / 2 } else { random.usize(1..4) };
        for _ in 0..moved {
            fleet.step(&stage.sms, random.usize(..fleet.blocks()), 2, &mut random);
        }
        tokio::time::sleep(Duration::from_millis(random.u64(50..500))).await;
    }
}

/// One trouble after the other, with quiet times between them.
async fn make_trouble(stage: &Stage, line: &Line, mut random: fastrand::Rng) {
    let gateway = |code: &str| ErrorBody::Gateway { code: code.into(), message: "text".into() };
    let effects = [
        Effect::respond(500, gateway("APIGW.0500")),
        Effect::respond(502, ErrorBody::Html),
        Effect::respond(200, ErrorBody::Html),
        Effect::throttle(Some("1")),
        Effect::Drop(DropKind::Reset),
        Effect::Drop(DropKind::Close),
        Effect::CutBody { after: 1000, drop: DropKind::Reset },
        Effect::TruncateJson { keep: 1000 },
        Effect::Delay(Seconds::new(2)),
        Effect::wrong_count(1),
        Effect::Page(PageEdit::Duplicate),
    ];
    loop {
        let lasts = Duration::from_millis(random.u64(500..8000));
        match random.usize(..effects.len() + 4) {
            0 => {
                line.cut();
                tokio::time::sleep(lasts).await;
            }
            1 => {
                stage.delete_secret("huawei").await;
                tokio::time::sleep(lasts).await;
            }
            2 => {
                stage.sms.faults().add(Effect::respond(403, ErrorBody::Html));
                tokio::time::sleep(lasts).await;
            }
            3 => {
                stage.sms.clock().set_offset(k8s_openapi::jiff::SignedDuration::from_mins(20));
                tokio::time::sleep(lasts).await;
            }
            other => {
                stage.sms.faults().add(effects[other - 4].clone());
                tokio::time::sleep(lasts).await;
            }
        }
        calm_down(stage, line).await;
        tokio::time::sleep(Duration::from_millis(random.u64(2000..12_000))).await;
    }
}

async fn calm_down(stage: &Stage, line: &Line) {
    line.mend();
    stage.sms.faults().clear();
    stage.sms.clock().set_offset(k8s_openapi::jiff::SignedDuration::ZERO);
    let key = &Account::default().access_keys[0];
    stage.secret("huawei", json!({"accessKey": key.id, "secretKey": key.secret})).await;
}

/// Watches that come and go.
async fn come_and_go(stage: &Stage) {
    for number in 0.. {
        let name = format!("visitor-{number}");
        stage.apply(&name, json!({"taskLimit": 10})).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        stage.watches().delete(&name, &DeleteParams::default()).await.unwrap();
    }
}
