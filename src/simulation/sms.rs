//! A model of SMS: accounts whose tasks move on, vanish and come back, and pages that don't fit together.
//!
//! Each account has one task whose estimated time of completion is the number of the pass that listed it: so a status
//! says by itself which listing it was made of.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
    iter,
    ops::RangeInclusive,
};

use fastrand::Rng;

use super::{
    Bug, HOUR, MINUTE, Moment, SECOND,
    world::{Answer, SmsRequest, World},
};

/// The states that tasks have here.
pub(super) const STATES: [&str; 8] =
    ["READY", "RUNNING", "SYNCING", "MIGRATE_SUCCESS", "SYNC_SUCCESS", "MIGRATE_FAIL", "ABORT", "NOVEL"];
pub(super) const MARKER: &str = "app-marker";
/// The marker's estimates begin here, in seconds since 1970.
pub(super) const FIRST_PASS: i64 = 4_000_000_000;
pub(super) const HOST: &str = "sms.ap-southeast-3.myhuaweicloud.com";
/// For how long credentials that are refused are left alone.
const REFUSED: Moment = MINUTE;
/// The same for a permission that is lacking, once somebody has asked for a listing.
const DENIED: Moment = 15 * SECOND;
/// How long it may take until an operator knows that somebody has asked.
const HEARD_OF: Moment = 6 * MINUTE;
const NO_PERMISSION: &str = "a 403";
/// How many passes a listing has that goes by several.
const PASSES: RangeInclusive<usize> = 3..=5;

/// Among how many of the last passes those are that a status may have been made of.
const MOST_PASSES: usize = 12;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) progress: u8,
    pub(super) error: String,
}

impl Task {
    /// In percent.
    pub(super) fn progress(&self) -> i64 {
        match self.state {
            "SYNCING" | "MIGRATE_SUCCESS" | "SYNC_SUCCESS" => 100,
            _ => self.progress.into(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) tasks: Vec<Task>,
    /// Tasks that have vanished, and may come back.
    pub(super) gone: Vec<Task>,
    /// Which ids there were from when on.
    history: Vec<(Moment, BTreeSet<String>)>,
}

/// How SMS is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sky {
    Clear,
    Fails(u16),
    /// Asks for so many seconds.
    Throttles(u64),
    /// Pages lack entries, or count others than there are.
    Torn,
    /// Pages break off.
    Garbled,
}

/// One walk over all pages, from the first on.
#[derive(Debug)]
struct Pass {
    who: (u32, String),
    began: Moment,
    ended: Moment,
    /// By offset; those that were heard.
    pages: BTreeMap<usize, Sheet>,
}

/// A page that was answered.
#[derive(Debug)]
struct Sheet {
    count: usize,
    tasks: Vec<Task>,
    /// When the answer was there.
    heard: Moment,
}

#[derive(Debug)]
pub(super) struct Sms {
    pub(super) page_size: u32,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) sky: Sky,
    pub(super) sky_until: Moment,
    shuffles: bool,
    passes: Vec<Pass>,
    /// Between these nothing may be sent, by whom and with which key.
    silences: HashMap<(u32, String), (Moment, Moment, &'static str)>,
    /// Whose credentials were refused, and until when.
    doubtful: HashMap<(u32, String), Moment>,
}

impl Sms {
    pub(super) fn new(random: &mut Rng, bug: Option<Bug>) -> Self {
        let page_size = if bug == Some(Bug::BelievesIncomplete) { 200 } else { random.u32(2..=6) };
        Self {
            page_size,
            accounts: BTreeMap::new(),
            sky: Sky::Clear,
            sky_until: 0,
            shuffles: random.bool(),
            passes: Vec::new(),
            silences: HashMap::new(),
            doubtful: HashMap::new(),
        }
    }

    /// The pass that a page belongs to: a new one, or the last whose first page was there when it was asked for.
    fn pass(&mut self, who: (u32, String), offset: usize, (sent, now): (Moment, Moment)) -> usize {
        let is_it =
            |pass: &Pass| pass.who == who && pass.pages.get(&0).is_some_and(|first| first.heard <= sent);
        if offset > 0
            && let Some(number) = self.passes.iter().rposition(is_it)
        {
            return number;
        }
        self.passes.push(Pass { who, began: now, ended: now, pages: BTreeMap::new() });
        self.passes.len() - 1
    }

    /// Whether SMS refused a process and these credentials at that moment.
    pub(super) fn is_doubtful(&self, process: u32, key: &str, moment: Moment) -> bool {
        self.doubtful.get(&(process, key.to_owned())).is_some_and(|until| moment <= *until)
    }

    pub(super) fn open(&mut self, key: &str, random: &mut Rng) {
        let mut account = Account::default();
        let most = if random.u8(..16) == 0 { 45 } else { 9 };
        for number in 0..random.usize(..most) {
            account.tasks.push(task(number, random));
        }
        let marker = Task {
            id: MARKER.to_owned(),
            name: MARKER.to_owned(),
            state: "RUNNING",
            progress: 50,
            error: String::new(),
        };
        account.tasks.insert(0, marker);
        account.note(0);
        self.accounts.insert(key.to_owned(), account);
    }

    /// The listings that one whose last pass is this may be: what it has found by itself, or else, on a busy account,
    /// all tasks of one moment, which several passes have shown.
    pub(super) fn listings(&self, last: usize) -> impl Iterator<Item = Vec<Task>> {
        let alone = self.gap(last).is_none().then(|| self.found(last)).flatten();
        alone.into_iter().chain(iter::once_with(move || self.found_together(last)).flatten())
    }

    /// What a pass found, whatever it was worth.
    fn found(&self, pass: usize) -> Option<Vec<Task>> {
        Some(self.passes.get(pass)?.found().into_values().cloned().collect())
    }

    /// What there was at each moment of a listing of several passes, the newest first, as far as it has been shown.
    fn found_together(&self, last: usize) -> Vec<Vec<Task>> {
        let Some(Pass { who, ended, .. }) = self.passes.get(last) else { return Vec::new() };
        let before = self.passes.iter().take(last).rev();
        let before = before.filter(|pass| pass.who == *who && pass.pages.contains_key(&0));
        // After a complete one, another listing began.
        let passes: Vec<&Pass> = self
            .passes
            .get(last)
            .into_iter()
            .chain(before.take_while(|pass| !pass.fits_together()))
            .take(*PASSES.end())
            .collect();
        if !PASSES.contains(&passes.len()) {
            return Vec::new();
        }
        let mut sheets: Vec<&Sheet> = passes.iter().flat_map(|pass| pass.pages.values()).collect();
        sheets.sort_by_key(|sheet| sheet.heard);
        let shown = by_id(sheets.into_iter().flat_map(|sheet| &sheet.tasks));
        let began = passes.last().map_or(*ended, |pass| pass.began);
        let moments = self.accounts.get(&who.1).map(|account| account.between(began, *ended));
        let shown_at = |ids: &BTreeSet<String>| {
            ids.iter().map(|id| shown.get(id.as_str()).map(|task| (*task).clone())).collect()
        };
        moments.into_iter().flatten().rev().filter_map(shown_at).collect()
    }

    /// With which key a pass was made.
    pub(super) fn key_of(&self, pass: usize) -> Option<&str> {
        self.passes.get(pass).map(|pass| pass.who.1.as_str())
    }

    /// In how many of a process's last passes all tasks that are asked for were so, when it sent something.
    pub(super) fn agreeing(&self, process: u32, sent: Moment, is_so: impl Fn(&Task) -> bool) -> usize {
        let ended = self.passes.iter().rev().filter(|pass| pass.who.0 == process && pass.ended <= sent);
        ended.take(MOST_PASSES).filter(|pass| pass.found().into_values().all(&is_so)).count()
    }

    /// When the last page of a pass was asked for.
    pub(super) fn ended(&self, pass: usize) -> Option<Moment> {
        self.passes.get(pass).map(|pass| pass.ended)
    }

    /// Why a pass wasn't complete by itself.
    pub(super) fn gap(&self, number: usize) -> Option<String> {
        let pass = self.passes.get(number)?;
        let found: BTreeSet<&str> = pass.found().into_keys().collect();
        if !pass.fits_together() {
            return Some(format!("the pages of pass {number} don't fit together: it found {found:?}"));
        }
        let [ids] = self.accounts.get(&pass.who.1)?.between(pass.began, pass.ended)[..] else {
            // One that goes and one that comes between two pages can hide a third: no counting finds that.
            return None;
        };
        let is_all = found.iter().copied().eq(ids.iter().map(String::as_str));
        (!is_all).then(|| format!("pass {number} found {found:?} of {ids:?}"))
    }
}

impl Pass {
    fn found(&self) -> BTreeMap<&str, &Task> {
        by_id(self.pages.values().flat_map(|sheet| &sheet.tasks))
    }

    /// Whether all pages count as many as there are.
    fn fits_together(&self) -> bool {
        let found = self.found().len();
        self.pages.values().all(|sheet| sheet.count == found)
    }
}

fn by_id<'a>(tasks: impl Iterator<Item = &'a Task>) -> BTreeMap<&'a str, &'a Task> {
    tasks.map(|task| (task.id.as_str(), task)).collect()
}

impl Account {
    fn note(&mut self, now: Moment) {
        let ids = self.tasks.iter().map(|task| task.id.clone()).collect();
        self.history.push((now, ids));
    }

    /// Which ids there were between these moments, without those that stayed the same.
    fn between(&self, began: Moment, ended: Moment) -> Vec<&BTreeSet<String>> {
        let first = self.history.iter().rposition(|(from, _)| *from <= began).unwrap_or_default();
        let during = self.history.iter().skip(first).take_while(|(from, _)| *from <= ended);
        let mut ids: Vec<_> = during.map(|(_, ids)| ids).collect();
        ids.dedup();
        ids
    }

    /// All tasks but the marker are in this state now.
    pub(super) fn all_become(&mut self, state: &'static str, now: Moment) {
        for task in self.tasks.iter_mut().skip(1) {
            (task.state, task.error) = (state, String::new());
        }
        self.note(now);
    }

    /// Something happens to some tasks.
    pub(super) fn go_on(&mut self, now: Moment, random: &mut Rng) -> String {
        let mut said = String::new();
        for _ in 0..random.usize(1..=3) {
            let place = random.usize(..self.tasks.len());
            match random.u8(..20) {
                0 | 1 if place > 0 => {
                    let task = self.tasks.remove(place);
                    let _ = write!(said, " {} vanishes", task.id);
                    self.gone.push(task);
                }
                2 | 3 if !self.gone.is_empty() => {
                    let mut task = self.gone.swap_remove(random.usize(..self.gone.len()));
                    if random.bool() {
                        task.state = STATES[random.usize(..STATES.len())];
                    }
                    let _ = write!(said, " {} is {} again", task.id, task.state);
                    self.tasks.push(task);
                }
                4 => {
                    let task = task(self.tasks.len() + self.gone.len() + 100, random);
                    let _ = write!(said, " {} is {}", task.id, task.state);
                    self.tasks.push(task);
                }
                5..=8 => {
                    let task = &mut self.tasks[place];
                    task.progress = (task.progress + random.u8(1..20)).min(99);
                    let _ = write!(said, " {} is at {}", task.id, task.progress);
                }
                9 if random.u8(..4) == 0 => {
                    for task in self.tasks.iter_mut().skip(1) {
                        task.state = STATES[random.usize(..2)];
                    }
                    said.push_str(" all begin anew");
                }
                _ if place > 0 => {
                    let task = &mut self.tasks[place];
                    task.state = STATES[random.usize(..STATES.len())];
                    task.error = error(task.state, random);
                    let _ = write!(said, " {} is {}", task.id, task.state);
                }
                _ => {}
            }
        }
        self.note(now);
        said
    }
}

fn task(number: usize, random: &mut Rng) -> Task {
    let kind = if random.u8(..4) == 0 { "db" } else { "app" };
    let state = STATES[random.usize(..STATES.len())];
    Task {
        id: format!("{kind}-{number}"),
        name: format!("{kind}-{number}"),
        state,
        progress: random.u8(..99),
        error: error(state, random),
    }
}

fn error(state: &str, random: &mut Rng) -> String {
    match (state, random.u8(..40)) {
        ("MIGRATE_FAIL", 0) => "é".repeat(100_000),
        ("MIGRATE_FAIL", _) => "The agent is gone.".to_owned(),
        _ => String::new(),
    }
}

fn page(count: usize, tasks: &[Task], pass: usize) -> String {
    let entry = |task: &Task| {
        let estimate = match task.id.as_str() {
            MARKER => (FIRST_PASS + i64::try_from(pass).unwrap()) * 1000,
            // One is only summed up when all tasks that haven't ended have one.
            _ => FIRST_PASS * 1000,
        };
        format!(
            r#"{{"id":"{}","name":"{}","state":"{}","migrate_speed":1.5,"estimate_complete_time":{estimate},
            "sub_tasks":[{{"name":"MIGRATE_LINUX_FILE","progress":{},"start_date":1}}],"error_json":"{}"}}"#,
            task.id, task.name, task.state, task.progress, task.error
        )
    };
    let entries: Vec<String> = tasks.iter().map(entry).collect();
    format!(r#"{{"count":{count},"tasks":[{}]}}"#, entries.join(","))
}

impl World {
    /// Answers `GET /v3/tasks`. The answer is heard at this moment, or never.
    pub(super) fn tasks(
        &mut self,
        from: u32,
        sent: Moment,
        request: &SmsRequest,
        heard: Option<Moment>,
    ) -> Answer {
        let who = (from, request.key.clone());
        if request.host != HOST {
            self.violate(7, format!("a request to {}", request.host));
        }
        let is_asked_for = self.kubernetes.asked.is_some_and(|asked| sent <= asked + HEARD_OF);
        if let Some((after, until, why)) = self.sms.silences.get(&who)
            && (*after + 1..*until).contains(&sent)
            && !(*why == NO_PERMISSION && is_asked_for && sent >= after + DENIED)
        {
            self.violate(8, format!("a request {} ms after {why}", sent - after));
        }
        let sky = if self.now < self.sms.sky_until { self.sms.sky } else { Sky::Clear };
        let silence = |world: &mut Self, time: Moment, why| {
            world.sms.doubtful.insert(who.clone(), Moment::MAX);
            if let Some(heard) = heard {
                world.sms.silences.insert(who.clone(), (heard, heard + time, why));
            }
        };
        if !self.sms.accounts.contains_key(&request.key) {
            silence(self, REFUSED, "a 401");
            return Answer::new(
                401,
                r#"{"error_msg":"Incorrect IAM authentication","error_code":"APIGW.0301"}"#,
            );
        }
        match sky {
            Sky::Fails(403) => {
                silence(self, REFUSED, NO_PERMISSION);
                return Answer::new(403, r#"{"error_code":"SMS.9004","error_msg":"no"}"#);
            }
            Sky::Fails(status) => return Answer::new(status, "down"),
            Sky::Throttles(seconds) => {
                silence(self, (seconds * SECOND).min(HOUR), "a 429 that asked for more");
                let mut answer = Answer::new(429, r#"{"error_code":"APIGW.0308","error_msg":"slower"}"#);
                answer.headers.push(("retry-after", seconds.to_string()));
                return answer;
            }
            Sky::Clear | Sky::Torn | Sky::Garbled => {}
        }
        if heard.is_some() {
            // Another watch may find out later that they are accepted again.
            self.sms.doubtful.entry(who.clone()).and_modify(|until| *until = self.now.min(*until));
        }
        let mut body = self.list((from, sent), request, sky == Sky::Torn, heard).into_bytes();
        if sky == Sky::Garbled && self.fates.random(from, "garbled").bool() {
            body.truncate(body.len() / 2);
        }
        if request.offset == 0 {
            self.stats.listings += 1;
        }
        Answer::new(200, body)
    }

    /// One page.
    fn list(
        &mut self,
        (from, sent): (u32, Moment),
        request: &SmsRequest,
        is_torn: bool,
        heard: Option<Moment>,
    ) -> String {
        let now = self.now;
        let mut random = self.fates.random(from, &request.key);
        let Some(account) = self.sms.accounts.get(&request.key) else { return String::new() };
        let mut tasks = account.tasks.clone();
        let mut count = tasks.len();
        if self.sms.shuffles && !self.is_calm && random.u8(..8) == 0 {
            // The first one stays, so that each pass has a number.
            random.shuffle(&mut tasks[1..]);
        }
        let mut tasks: Vec<Task> = tasks.into_iter().skip(request.offset).take(request.limit).collect();
        if is_torn && random.bool() {
            match random.u8(..3) {
                0 if tasks.len() > 1 => drop(tasks.pop()),
                1 => count += 1,
                _ if tasks.len() > 2 => {
                    let last = tasks.len() - 1;
                    tasks[last] = tasks[last - 1].clone();
                }
                _ => {}
            }
        }
        let number = self.sms.pass((from, request.key.clone()), request.offset, (sent, now));
        if let Some(heard) = heard
            && let Some(pass) = self.sms.passes.get_mut(number)
        {
            pass.ended = now;
            pass.pages.insert(request.offset, Sheet { count, tasks: tasks.clone(), heard });
        }
        page(count, &tasks, number)
    }
}
