use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn secret(name: &str) -> SecretName {
    SecretName { namespace: "team-a".to_owned(), name: name.to_owned() }
}

fn sighting(name: &str, version: &str) -> (SecretName, String) {
    (secret(name), version.to_owned())
}

/// What is told when `huawei` and `other-team` are in use, as name and version.
fn told(
    sightings: &mut Sightings,
    events: Vec<Event<(SecretName, String)>>,
) -> Vec<(String, Option<String>)> {
    let is_in_use = |secret: &SecretName| ["huawei", "other-team"].contains(&secret.name.as_str());
    let changes = events.into_iter().flat_map(|event| sightings.take(event, 2, is_in_use));
    changes.map(|change| (change.secret.name, change.version)).collect()
}

fn huawei(version: Option<&str>) -> Vec<(String, Option<String>)> {
    vec![("huawei".to_owned(), version.map(str::to_owned))]
}

/// Sightings after a first list with this Secret.
fn listed(name: &str) -> Sightings {
    let mut sightings = Sightings::default();
    let list = vec![Event::Init, Event::InitApply(sighting(name, "1")), Event::InitDone];
    assert_eq!(told(&mut sightings, list), []);
    sightings
}

#[test]
fn a_new_version_is_a_change_and_the_same_isnt() {
    let mut sightings = listed("huawei");
    let apply = |version| vec![Event::Apply(sighting("huawei", version))];
    assert_eq!(told(&mut sightings, apply("1")), []);
    assert_eq!(told(&mut sightings, apply("2")), huawei(Some("2")));
    assert_eq!(told(&mut sightings, apply("2")), []);
}

#[test]
fn what_appears_is_a_change() {
    let mut sightings = listed("unrelated");
    let events = vec![Event::Apply(sighting("huawei", "5"))];
    assert_eq!(told(&mut sightings, events), huawei(Some("5")));
    // While nobody looked, too.
    let mut sightings = listed("unrelated");
    let list = vec![Event::Init, Event::InitApply(sighting("huawei", "5")), Event::InitDone];
    assert_eq!(told(&mut sightings, list), huawei(Some("5")));
}

#[test]
fn what_goes_is_a_change() {
    let mut sightings = listed("huawei");
    let events = vec![Event::Delete(sighting("huawei", "2"))];
    assert_eq!(told(&mut sightings, events), huawei(None));
    // While nobody looked, too, and once.
    let mut sightings = listed("huawei");
    assert_eq!(told(&mut sightings, vec![Event::Init, Event::Init, Event::InitDone]), huawei(None));
    assert_eq!(told(&mut sightings, vec![Event::Init, Event::InitDone]), []);
}

#[test]
fn a_list_of_the_same_is_no_change() {
    let mut sightings = listed("huawei");
    let again = || vec![Event::Init, Event::InitApply(sighting("huawei", "1")), Event::InitDone];
    assert_eq!(told(&mut sightings, again()), []);
    // One that ended early isn't, either.
    let early = vec![Event::Init, Event::InitApply(sighting("huawei", "1"))];
    assert_eq!(told(&mut sightings, early), []);
    assert_eq!(told(&mut sightings, again()), []);
    let other = vec![Event::Init, Event::InitApply(sighting("huawei", "2")), Event::InitDone];
    assert_eq!(told(&mut sightings, other), huawei(Some("2")));
}

#[test]
fn a_first_list_that_has_to_begin_again_misses_nothing() {
    let mut sightings = Sightings::default();
    let events = vec![
        Event::Init,
        Event::InitApply(sighting("huawei", "1")),
        Event::Init,
        Event::InitApply(sighting("huawei", "2")),
        Event::InitDone,
    ];
    assert_eq!(told(&mut sightings, events), huawei(Some("2")));
}

#[test]
fn secrets_that_nobody_names_are_neither_told_nor_remembered() {
    let mut sightings = listed("unrelated");
    let events = vec![Event::Apply(sighting("unrelated", "2")), Event::Delete(sighting("unrelated", "3"))];
    assert_eq!(told(&mut sightings, events), []);
    assert_eq!(sightings.seen.len(), 0);
}

proptest! {
    /// Whatever comes into use and goes out of it: memory has a bound, and each change is told.
    #[test]
    fn memory_is_bounded_by_the_watches(
        steps in prop::collection::vec((0u8..8, any::<bool>(), any::<bool>()), 0..100),
    ) {
        let mut sightings = listed("unrelated");
        let mut used = BTreeSet::new();
        let mut most_used = 0;
        for (version, (name, use_it, change_it)) in steps.into_iter().enumerate() {
            let name = name.to_string();
            if use_it { used.insert(name.clone()) } else { used.remove(&name) };
            most_used = most_used.max(used.len());
            if !change_it {
                continue;
            }
            let event = Event::Apply(sighting(&name, &version.to_string()));
            let is_in_use = |secret: &SecretName| used.contains(&secret.name);
            let changes = sightings.take(event, used.len(), is_in_use);
            prop_assert_eq!(changes.len(), usize::from(used.contains(&name)));
            prop_assert!(sightings.seen.len() <= most_used);
        }
    }
}
