//! What a cluster's owner forbids for a time: policies and webhooks refuse statuses and events.

use fastrand::Rng;

use super::{HOUR, Moment, trouble::Trouble, world::World};
use crate::api::{MigrationTaskWatch, MigrationTaskWatchStatus};

/// Which statuses are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statuses {
    WithTasks,
    /// Those that say more than conditions.
    WithCounts,
    All,
}

#[derive(Debug, Default)]
pub(super) struct Policies {
    /// Which, and with which code, until when.
    statuses: Option<(Statuses, u16, Moment)>,
    /// With which code, until when.
    events: Option<(u16, Moment)>,
}

impl World {
    /// From now on statuses are refused.
    pub(super) fn forbid_statuses(&mut self, random: &mut Rng, interval: Moment) {
        let which = [Statuses::WithTasks, Statuses::WithCounts, Statuses::All][random.usize(..3)];
        let code = [403, 422][random.usize(..2)];
        let until = self.now + random.u64(..4 * interval);
        self.tell(|| format!("statuses are refused: {which:?} ({code}) until {until}"));
        self.policies.statuses = Some((which, code, until));
    }

    /// From now on events are refused.
    pub(super) fn forbid_events(&mut self, random: &mut Rng, interval: Moment) {
        let code = [403, 403, 400, 500, 422][random.usize(..5)];
        let longest = if random.bool() { 4 * interval } else { HOUR };
        let until = self.now + random.u64(..longest);
        self.tell(|| format!("events are refused ({code}) until {until}"));
        self.policies.events = Some((code, until));
    }

    /// Nothing else goes wrong from now on, and all statuses are accepted. Events may be refused still, or again, until
    /// they are accepted.
    pub(super) fn calm_policies(&mut self) {
        self.policies.statuses = None;
        let mut random = self.random.fork();
        let begins = random.u8(..4) == 0 && !self.spared.contains(&Trouble::Policies);
        if self.event_refusal().is_none() && begins {
            self.forbid_events(&mut random, HOUR);
        }
        self.policies.events = self.event_refusal().map(|code| (code, Moment::MAX));
    }

    pub(super) fn accept_events(&mut self) {
        self.tell(|| "events are accepted".to_owned());
        self.policies.events = None;
    }

    /// With which code events are refused.
    pub(super) fn event_refusal(&self) -> Option<u16> {
        self.policies.events.filter(|(_, until)| self.now < *until).map(|(code, _)| code)
    }

    /// With which code this status is refused.
    pub(super) fn status_refusal(
        &self,
        before: Option<&MigrationTaskWatchStatus>,
        new: &MigrationTaskWatchStatus,
    ) -> Option<u16> {
        let (which, code, _) = self.policies.statuses.filter(|(.., until)| self.now < *until)?;
        let is_refused = match which {
            Statuses::WithTasks => !new.tasks.is_empty(),
            Statuses::WithCounts => {
                let (old, new) = (before.map(|before| &before.summary), &new.summary);
                new.is_some() && old != Some(new)
            }
            Statuses::All => true,
        };
        is_refused.then_some(code)
    }

    /// What an operator keeps, though it may be told, or says of it.
    pub(super) fn keeps(&self, operator: u32) -> Option<String> {
        self.kubernetes.watches.values().find_map(|watch| {
            let kept = self.kept(watch.metadata.uid.as_deref()?, operator);
            let name = watch.metadata.name.as_deref()?;
            (says_refused(watch) || !kept.is_empty()).then(|| format!("{name} keeps {kept:?}"))
        })
    }

    /// What an operator keeps without a word.
    pub(super) fn hides(&self, operator: u32) -> Option<String> {
        self.kubernetes.watches.values().filter(|watch| !says_refused(watch)).find_map(|watch| {
            let kept = self.kept(watch.metadata.uid.as_deref()?, operator);
            let name = watch.metadata.name.as_deref()?;
            (!kept.is_empty()).then(|| format!("{name} doesn't say that it keeps {kept:?}"))
        })
    }

    /// All tasks are in this state from now on.
    pub(super) fn change_all(&mut self, state: &'static str) {
        self.tell(|| format!("all tasks are {state}"));
        let now = self.now;
        self.sms.accounts.values_mut().for_each(|account| account.all_become(state, now));
    }
}

fn says_refused(watch: &MigrationTaskWatch) -> bool {
    let mut conditions = watch.status.iter().flat_map(|status| &status.conditions);
    conditions.any(|condition| condition.type_ == "EventsRefused" && condition.status == "True")
}
