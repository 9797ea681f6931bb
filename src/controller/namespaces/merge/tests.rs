use std::collections::{BTreeMap, BTreeSet, VecDeque};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::reflector::store::Writer;
use proptest::prelude::*;

use super::*;

fn object(source: usize, name: u8, uid: u32) -> ConfigMap {
    config_map(ObjectMeta {
        namespace: Some(format!("ns-{source}")),
        name: Some(name.to_string()),
        uid: Some(uid.to_string()),
        ..ObjectMeta::default()
    })
}

fn config_map(metadata: ObjectMeta) -> ConfigMap {
    ConfigMap { metadata, ..ConfigMap::default() }
}

/// Namespace, name and uid.
type Id = (String, String, String);

fn id(object: &ConfigMap) -> Id {
    let ObjectMeta { namespace, name, uid, .. } = object.metadata.clone();
    (namespace.unwrap(), name.unwrap(), uid.unwrap())
}

/// A store behind a merge, and one that follows the deletions by uid, as the controller does.
struct Follower {
    merge: Merge<ConfigMap>,
    writer: Writer<ConfigMap>,
    alive: BTreeSet<Id>,
}

impl Follower {
    fn new(sources: usize) -> Self {
        let mut follower = Self {
            merge: Merge::new(sources, config_map),
            writer: Writer::default(),
            alive: BTreeSet::new(),
        };
        for event in Merge::<ConfigMap>::begin() {
            follower.writer.apply_watcher_event(&event);
        }
        follower
    }

    fn take(&mut self, source: usize, event: Event<ConfigMap>) {
        for event in self.merge.take(source, event) {
            match &event {
                Event::Apply(object) => drop(self.alive.insert(id(object))),
                Event::Delete(object) => drop(self.alive.remove(&id(object))),
                _ => panic!("{event:?} would replace what other namespaces have"),
            }
            self.writer.apply_watcher_event(&event);
        }
    }

    fn stored(&self) -> BTreeSet<Id> {
        self.writer.as_reader().state().iter().map(|object| id(object)).collect()
    }
}

/// What happens to the objects of a namespace, or to the stream that tells of it.
#[derive(Clone, Debug)]
enum Happening {
    Put(u8),
    Replace(u8),
    Delete(u8),
    /// The stream begins anew, after so many of the last happenings went untold, and this many of its first lists
    /// end early.
    Interruption {
        untold: usize,
        broken_lists: usize,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    let name = || 0u8..5;
    prop_oneof![
        3 => name().prop_map(Happening::Put),
        1 => name().prop_map(Happening::Replace),
        2 => name().prop_map(Happening::Delete),
        1 => (0usize..4, 0usize..3)
            .prop_map(|(untold, broken_lists)| Happening::Interruption { untold, broken_lists }),
    ]
}

/// A namespace as the API server has it, and what its stream tells.
struct Script {
    source: usize,
    objects: BTreeMap<u8, u32>,
    uids: u32,
    told: VecDeque<Event<ConfigMap>>,
    /// How many events at the end of `told` belong to the watch that is going on.
    since_list: usize,
}

impl Script {
    fn new(source: usize, happenings: &[Happening]) -> Self {
        let (objects, told) = (BTreeMap::new(), VecDeque::new());
        let mut script = Self { source, objects, uids: 0, told, since_list: 0 };
        script.list();
        for happening in happenings {
            script.play(happening);
        }
        script
    }

    fn tell(&mut self, event: Event<ConfigMap>) {
        self.told.push_back(event);
        self.since_list += 1;
    }

    fn play(&mut self, happening: &Happening) {
        match *happening {
            Happening::Put(name) => {
                let uid = self.uid(name);
                self.tell(Event::Apply(object(self.source, name, uid)));
            }
            Happening::Replace(name) => {
                self.play(&Happening::Delete(name));
                self.play(&Happening::Put(name));
            }
            Happening::Delete(name) => {
                if let Some(uid) = self.objects.remove(&name) {
                    self.tell(Event::Delete(object(self.source, name, uid)));
                }
            }
            Happening::Interruption { untold, broken_lists } => {
                let untold = untold.min(self.since_list);
                self.told.truncate(self.told.len() - untold);
                for i in 0..broken_lists {
                    self.told.push_back(Event::Init);
                    self.list_some(i);
                }
                self.list();
            }
        }
    }

    fn uid(&mut self, name: u8) -> u32 {
        self.uids += 1;
        *self.objects.entry(name).or_insert(self.uids)
    }

    fn list_some(&mut self, count: usize) {
        let source = self.source;
        self.told.extend(
            self.objects.iter().take(count).map(|(name, uid)| Event::InitApply(object(source, *name, *uid))),
        );
    }

    fn list(&mut self) {
        self.told.push_back(Event::Init);
        self.list_some(usize::MAX);
        self.told.push_back(Event::InitDone);
        self.since_list = 0;
    }

    fn ids(&self) -> impl Iterator<Item = Id> {
        self.objects.iter().map(|(name, uid)| id(&object(self.source, *name, *uid)))
    }
}

proptest! {
    #[test]
    fn the_store_has_what_the_namespaces_have(
        happenings in prop::collection::vec(prop::collection::vec(happening(), 0..20), 1..4),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..200),
    ) {
        let mut scripts: Vec<_> =
            happenings.iter().enumerate().map(|(source, happenings)| Script::new(source, happenings)).collect();
        let mut follower = Follower::new(scripts.len());
        for pick in order {
            let source = pick.index(scripts.len());
            if let Some(event) = scripts[source].told.pop_front() {
                follower.take(source, event);
                prop_assert_eq!(&follower.stored(), &follower.alive);
            }
        }
        for script in &mut scripts {
            while let Some(event) = script.told.pop_front() {
                follower.take(script.source, event);
            }
        }
        prop_assert!(follower.merge.is_listed());
        let expected: BTreeSet<_> = scripts.iter().flat_map(Script::ids).collect();
        prop_assert_eq!(follower.stored(), expected.clone());
        prop_assert_eq!(follower.alive, expected);
    }
}

#[test]
fn a_namespace_that_is_never_listed_holds_up_no_other() {
    let mut follower = Follower::new(2);
    for event in [Event::Init, Event::InitApply(object(0, 1, 1)), Event::InitDone] {
        follower.take(0, event);
        follower.take(1, Event::Init);
    }
    assert_eq!(follower.stored().len(), 1);
    assert!(!follower.merge.is_listed(), "the second hasn't been");
    follower.take(1, Event::InitDone);
    assert!(follower.merge.is_listed());
}

#[test]
fn a_list_that_ends_early_deletes_nothing() {
    let mut follower = Follower::new(1);
    for event in [Event::Init, Event::InitApply(object(0, 1, 1)), Event::InitDone, Event::Init] {
        follower.take(0, event);
    }
    assert_eq!(follower.stored().len(), 1);
    for event in [Event::Init, Event::InitApply(object(0, 2, 2))] {
        follower.take(0, event);
    }
    assert_eq!(follower.stored().len(), 2);
    follower.take(0, Event::InitDone);
    assert_eq!(follower.stored(), BTreeSet::from([id(&object(0, 2, 2))]));
}

#[test]
fn one_that_was_replaced_unseen_is_deleted_by_its_own_uid() {
    let mut merge = Merge::new(1, config_map);
    merge.take(0, Event::Apply(object(0, 1, 1)));
    merge.take(0, Event::Init);
    let events = merge.take(0, Event::InitApply(object(0, 1, 2)));
    let [Event::Delete(old), Event::Apply(new)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((old, new), (&object(0, 1, 1), &object(0, 1, 2)));
    assert!(merge.take(0, Event::InitDone).is_empty());
}
