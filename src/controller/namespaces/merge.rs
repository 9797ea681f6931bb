//! The streams of several namespaces as one, for one store.
//!
//! A store takes each list for the whole: it would forget the objects of all other namespaces whenever one of them is
//! listed anew. And a controller begins with the end of the first list, so that a namespace that may not be
//! listed would hold up all others. So the store gets an empty list at the start, and after that only what is
//! there and what is gone.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use kube::{Resource, api::ObjectMeta, runtime::watcher::Event};

/// Makes one stream of events out of several.
pub(super) struct Merge<K> {
    sources: Vec<Source>,
    /// Stands in for an object of which no more is known than who it was.
    tombstone: fn(ObjectMeta) -> K,
}

impl<K: Resource> Merge<K> {
    /// A merge of so many sources, none of which has an object of another.
    pub(super) fn new(sources: usize, tombstone: fn(ObjectMeta) -> K) -> Self {
        Self { sources: (0..sources).map(|_| Source::default()).collect(), tombstone }
    }

    /// What the merged stream begins with.
    pub(super) fn begin() -> [Event<K>; 2] {
        [Event::Init, Event::InitDone]
    }

    /// What an event of a source means for the merged stream.
    pub(super) fn take(&mut self, source: usize, event: Event<K>) -> Vec<Event<K>> {
        let Some(source) = self.sources.get_mut(source) else { return Vec::new() };
        match event {
            Event::Init => {
                source.list += 1;
                Vec::new()
            }
            Event::Apply(object) | Event::InitApply(object) => {
                let replaced = source.see(object.meta()).map(self.tombstone).map(Event::Delete);
                replaced.into_iter().chain([Event::Apply(object)]).collect()
            }
            Event::Delete(object) => {
                source.known.remove(&Name::of(object.meta()));
                vec![Event::Delete(object)]
            }
            Event::InitDone => {
                source.is_listed = true;
                source.missing().into_iter().map(self.tombstone).map(Event::Delete).collect()
            }
        }
    }

    /// Whether each source has been listed once.
    pub(super) fn is_listed(&self) -> bool {
        self.sources.iter().all(|source| source.is_listed)
    }
}

/// What is known of one stream.
#[derive(Debug, Default)]
struct Source {
    /// The objects that are there, by as little as can tell them apart.
    known: HashMap<Name, Known>,
    /// Counts the lists that were begun.
    list: u64,
    is_listed: bool,
}

#[derive(Debug)]
struct Known {
    uid: Option<String>,
    /// The list since whose beginning it has been seen.
    list: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    namespace: Option<String>,
    name: String,
}

impl Name {
    fn of(meta: &ObjectMeta) -> Self {
        Self { namespace: meta.namespace.clone(), name: meta.name.clone().unwrap_or_default() }
    }
}

impl Source {
    /// Takes notice of an object. One of the same name that it replaces is gone: its deletion wasn't seen.
    fn see(&mut self, meta: &ObjectMeta) -> Option<ObjectMeta> {
        let name = Name::of(meta);
        let known = Known { uid: meta.uid.clone(), list: self.list };
        let before = self.known.insert(name.clone(), known)?;
        (before.uid != meta.uid).then(|| before.meta(name))
    }

    /// Forgets what the list that ends here didn't have.
    fn missing(&mut self) -> Vec<ObjectMeta> {
        let list = self.list;
        let missing = self.known.extract_if(|_, known| known.list < list);
        missing.map(|(name, known)| known.meta(name)).collect()
    }
}

impl Known {
    fn meta(self, Name { namespace, name }: Name) -> ObjectMeta {
        ObjectMeta { namespace, name: Some(name), uid: self.uid, ..ObjectMeta::default() }
    }
}
