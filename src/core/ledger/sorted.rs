//! The entries of a ledger in the order of their hashes, and how they are divided for hashes of some length.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, IdHash, Page, Trait, groups::Group, shorten};
use crate::core::known::{Known, Presence};

/// How many bytes the names of missing tasks may take.
const ROOM_FOR_MISSING: usize = 16 * 1024;
/// How many states are told apart; a fleet in more than these is not a fleet.
const MOST_STATES: usize = 64;
/// Stands for a task that is written out.
const WRITTEN: u32 = u32::MAX;

/// All entries, sorted once for every length of hashes.
pub(super) struct Sorted<'a> {
    page: &'a Page<'a>,
    /// Whole hashes, rising, each with the place of its entry.
    hashes: Vec<(u64, u32)>,
    /// The trait of each entry, by its place among the traits.
    trait_of: Vec<u32>,
    /// All traits, in order, and whether there is room for their state.
    traits: Vec<(Trait, bool)>,
    /// The places of missing tasks that have to be told by name.
    missing: Vec<u32>,
}

/// The entries, divided into those with their ids and those by hash.
pub(super) struct Division<'a> {
    pub(super) bits: u8,
    pub(super) named: Vec<&'a Entry<'a>>,
    pub(super) groups: Vec<(&'a Trait, Group)>,
}

impl<'a> Sorted<'a> {
    pub(super) fn new(page: &'a Page<'a>) -> Self {
        let hash = IdHash::new(page.uid);
        let of = |entry: &Entry<'_>| match entry {
            Entry::Listed(listed) => hash.of(&listed.task.id()),
            Entry::Known(id, known) => hash.of(page.source_of_gone(known).unwrap_or(id.as_str())),
            Entry::Hashed(key, _) => key.checked_shl(64 - u32::from(page.earlier_bits)).unwrap_or(0),
        };
        let mut hashes = Vec::with_capacity(page.entries.len() + page.written.len());
        hashes.extend(page.entries.iter().map(of).zip(0..WRITTEN));
        hashes.extend(page.written.iter().map(|task| (hash.of(&task.id()), WRITTEN)));
        hashes.sort_unstable();
        let missing = page.entries.iter().zip(0..).filter(|(entry, _)| is_missing(entry));
        let missing = missing.map(|(_, place)| place).collect();
        let (traits, trait_of) = traits(page);
        Self { page, hashes, trait_of, traits, missing }
    }

    /// Divides the entries for hashes of so many bits. None when their text is longer than `room` in any case.
    pub(super) fn divide(&self, bits: u8, room: usize) -> Option<Division<'_>> {
        let colliding = self.colliding(bits);
        let named = self.named(&colliding);
        let is_hashed = |place: u32| !colliding.contains(&place) && !named.contains(&place);
        let hashed = self.hashes.iter().filter(|(_, place)| *place != WRITTEN && is_hashed(*place));
        let hashed = hashed.filter_map(|(hash, place)| {
            let of = *self.trait_of.get(*place as usize)? as usize;
            self.traits.get(of).filter(|(_, has_room)| *has_room)?;
            Some((of, shorten(*hash, bits)))
        });
        let mut counts = vec![0; self.traits.len()];
        for (of, _) in hashed.clone() {
            if let Some(count) = counts.get_mut(of) {
                *count += 1;
            }
        }
        let mut groups: Vec<Group> = counts.into_iter().map(|count| Group::new(bits, count)).collect();
        // Four characters for three bytes.
        if groups.iter().map(Group::least_bits).sum::<usize>() / 6 > room {
            return None;
        }
        for (of, hash) in hashed {
            if let Some(group) = groups.get_mut(of) {
                group.push(hash);
            }
        }
        let groups = self.traits.iter().map(|(of, _)| of).zip(groups);
        Some(Division {
            bits,
            named: named.iter().filter_map(|place| self.page.entries.get(*place as usize)).collect(),
            groups: groups.filter(|(_, group)| group.count() > 0).collect(),
        })
    }

    /// The places of the entries whose hashes of so many bits aren't theirs alone.
    fn colliding(&self, bits: u8) -> BTreeSet<u32> {
        let same = self.hashes.chunk_by(|(a, _), (b, _)| shorten(*a, bits) == shorten(*b, bits));
        let places = same.filter(|same| same.len() > 1).flatten().map(|(_, place)| *place);
        places.filter(|place| *place != WRITTEN).collect()
    }

    /// The places of the entries that are stored with their ids: those that collide, and missing tasks that have to be
    /// told by name. Of colliding hashes alone it can't be known any more which was which: these are forgotten, and
    /// told as new if they come back.
    fn named(&self, colliding: &BTreeSet<u32>) -> BTreeSet<u32> {
        let entry = |place: &u32| self.page.entries.get(*place as usize);
        let has_id = |place: &u32| !matches!(entry(place), None | Some(Entry::Hashed(..)));
        let mut named: BTreeSet<u32> = colliding.iter().copied().filter(|place| has_id(place)).collect();
        let mut room = ROOM_FOR_MISSING;
        for place in self.missing.iter().filter(|place| !colliding.contains(place)) {
            let size = entry(place).map_or(0, |entry| {
                let source = entry.excused_source().map_or(0, str::len);
                source + entry.id_and_name(|id, name| id.len() + name.len())
            });
            if let Some(left) = room.checked_sub(size + 16) {
                room = left;
                named.insert(*place);
            }
        }
        named
    }
}

/// All traits in order, and the place of each entry's among them.
fn traits(page: &Page<'_>) -> (Vec<(Trait, bool)>, Vec<u32>) {
    let mut places: BTreeMap<Trait, u32> = BTreeMap::new();
    let mut found = Vec::with_capacity(page.entries.len());
    for entry in page.entries {
        let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
        found.push(*places.entry(page.trait_of(entry)).or_insert(next));
    }
    let mut ranks = vec![0; places.len()];
    let mut traits: Vec<(Trait, bool)> = Vec::with_capacity(places.len());
    let mut states = 0;
    for ((of, place), rank) in places.into_iter().zip(0..) {
        states += usize::from(traits.last().is_none_or(|(before, _)| before.state != of.state));
        traits.push((of, states <= MOST_STATES));
        if let Some(place) = ranks.get_mut(place as usize) {
            *place = rank;
        }
    }
    let rank = |place: u32| ranks.get(place as usize).copied().unwrap_or(0);
    (traits, found.into_iter().map(rank).collect())
}

fn is_missing(entry: &Entry<'_>) -> bool {
    matches!(entry, Entry::Known(_, Known { presence, .. }) if *presence != Presence::Listed)
}
