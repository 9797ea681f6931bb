//! Which sightings of Secrets are changes.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use kube::runtime::watcher::Event;

/// Which Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SecretName {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// A Secret in use isn't what it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) secret: SecretName,
    /// Its resourceVersion; none for one that is gone.
    pub(super) version: Option<String>,
}

/// What has been seen of the Secrets in use on one stream.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    seen: HashMap<SecretName, Seen>,
    /// Counts the lists that were begun.
    list: u64,
    is_listed: bool,
}

#[derive(Debug)]
struct Seen {
    version: String,
    /// The list since whose beginning it has been seen.
    list: u64,
}

impl Sightings {
    /// Takes notice of an event, and says what has changed by it. No more than `most` Secrets are in use.
    pub(super) fn take(
        &mut self,
        event: Event<(SecretName, String)>,
        most: usize,
        is_in_use: impl Fn(&SecretName) -> bool,
    ) -> Vec<Change> {
        match event {
            Event::Init => {
                self.list += 1;
                Vec::new()
            }
            Event::InitDone => {
                self.is_listed = true;
                let gone = self.missing().into_iter().filter(|secret| is_in_use(secret));
                gone.map(|secret| Change { secret, version: None }).collect()
            }
            Event::Delete((secret, _)) => {
                self.seen.remove(&secret);
                changed(is_in_use(&secret), secret, None)
            }
            Event::InitApply((secret, _)) | Event::Apply((secret, _)) if !is_in_use(&secret) => {
                self.seen.remove(&secret);
                Vec::new()
            }
            Event::InitApply((secret, version)) => {
                // What the first list has is read anyway, by those who begin to use it.
                let is_first_sight = !self.is_listed && !self.seen.contains_key(&secret);
                let is_change = self.see(&secret, &version, most, is_in_use) && !is_first_sight;
                changed(is_change, secret, Some(version))
            }
            Event::Apply((secret, version)) => {
                let is_change = self.see(&secret, &version, most, is_in_use);
                changed(is_change, secret, Some(version))
            }
        }
    }

    /// Remembers a version, and says whether it is another than before.
    fn see(
        &mut self,
        secret: &SecretName,
        version: &str,
        most: usize,
        is_in_use: impl Fn(&SecretName) -> bool,
    ) -> bool {
        if self.seen.len() >= most && !self.seen.contains_key(secret) {
            // Some of these are no longer in use.
            self.seen.retain(|secret, _| is_in_use(secret));
        }
        let seen = Seen { version: version.to_owned(), list: self.list };
        let before = self.seen.insert(secret.clone(), seen);
        before.is_none_or(|before| before.version != version)
    }

    /// Forgets what the list that ends here didn't have.
    fn missing(&mut self) -> Vec<SecretName> {
        let list = self.list;
        self.seen.extract_if(|_, seen| seen.list < list).map(|(secret, _)| secret).collect()
    }
}

fn changed(is_change: bool, secret: SecretName, version: Option<String>) -> Vec<Change> {
    if is_change { vec![Change { secret, version }] } else { Vec::new() }
}
