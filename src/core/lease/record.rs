//! A Lease as the API has it, and what is written into it.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{LONGEST, Timing};

/// A Lease. Others may have written anything that the API allows, such as times that no type of this program can hold:
/// what isn't understood is kept as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// Name, namespace, uid, version and all else.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// Who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Record>,
}

/// What a Lease says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Who holds it; absent or empty when nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_identity: Option<String>,
    /// For how long others leave it alone after they have seen it change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_duration_seconds: Option<i32>,
    /// How often its holder has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_transitions: Option<i32>,
    /// When the holder took it, by the holder's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquire_time: Option<String>,
    /// When the holder renewed it, by the holder's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_time: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Record {
    /// Who holds the Lease; none when it is free.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    /// For how long it holds from when it was seen. One that doesn't say holds as long as an own one.
    pub(super) fn duration(&self, timing: &Timing) -> Duration {
        let seconds = self.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        match seconds {
            None | Some(0) => timing.lease_duration(),
            Some(seconds) => Duration::from_secs(seconds).min(LONGEST),
        }
    }

    /// What is to be written by one who takes the Lease, or renews it. It always differs from what was there, since
    /// others tell by that, and by nothing else, that its holder lives.
    pub(super) fn claim(before: Option<&Self>, identity: &str, timing: &Timing, now: Timestamp) -> Self {
        let known = before.cloned().unwrap_or_default();
        let is_renewal = known.holder() == Some(identity);
        let transitions = known.lease_transitions.unwrap_or_default().max(0);
        let has_changed = before.is_some() && !is_renewal;
        Self {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: i32::try_from(timing.lease_duration().as_secs()).ok(),
            lease_transitions: Some(if has_changed { transitions.saturating_add(1) } else { transitions }),
            acquire_time: known.acquire_time.clone().filter(|_| is_renewal).or_else(|| Some(written(now))),
            renew_time: Some(known.next_renewal(now)),
            ..known
        }
    }

    /// What is to be written by a holder who goes: nobody has to wait for it.
    pub(super) fn release(&self, now: Timestamp) -> Self {
        Self {
            holder_identity: None,
            lease_duration_seconds: Some(1),
            acquire_time: Some(written(now)),
            renew_time: Some(self.next_renewal(now)),
            ..self.clone()
        }
    }

    /// Now, or a moment later when the Lease says now already: a clock may stand still.
    fn next_renewal(&self, now: Timestamp) -> String {
        let is_same = self.renew_time.as_ref().is_some_and(|before| *before == written(now));
        let moment = SignedDuration::from_micros(1);
        written(if is_same { now.checked_add(moment).unwrap_or(Timestamp::UNIX_EPOCH) } else { now })
    }
}

/// A time as the API has it in a Lease.
fn written(time: Timestamp) -> String {
    format!("{time:.6}")
}
