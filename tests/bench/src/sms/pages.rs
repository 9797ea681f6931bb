use std::{
    collections::HashMap,
    io::{self, Write as _},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::query::Query;
use crate::world::{World, source_id, task_id};

const LAST_OFFSET: usize = 65_535;
const PAGE: usize = 200;

/// A page, ready to be sent.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) plain: Bytes,
    pub(super) packed: Option<Bytes>,
}

/// All pages that have been asked for since the last change.
pub(super) struct Pages {
    world: World,
    gzip: bool,
    ready: HashMap<Query, Page>,
}

impl Pages {
    /// All pages of an unfiltered listing are encoded at once.
    pub(super) fn new(world: World, gzip: bool) -> io::Result<Self> {
        let mut pages = Self { world, gzip, ready: HashMap::new() };
        let end = pages.world.count().min(LAST_OFFSET);
        for offset in (0..=end).step_by(PAGE) {
            pages.get(Query::page(offset))?;
        }
        Ok(pages)
    }

    pub(super) fn change(&mut self, count: usize) {
        self.world.change(count);
        self.ready.clear();
    }

    pub(super) fn get(&mut self, query: Query) -> io::Result<Page> {
        if let Some(page) = self.ready.get(&query) {
            return Ok(page.clone());
        }
        let plain = Bytes::from(self.encode(&query)?);
        let packed = self.gzip.then(|| pack(&plain)).transpose()?;
        let page = Page { plain, packed };
        self.ready.insert(query, page.clone());
        Ok(page)
    }

    fn encode(&self, query: &Query) -> io::Result<Vec<u8>> {
        let (offset, limit) = (query.offset, query.limit);
        if query.is_unfiltered() {
            return self.world.page(self.world.count(), (0..self.world.count()).skip(offset).take(limit));
        }
        let found: Vec<usize> =
            (0..self.world.count()).filter(|number| self.matches(*number, query)).collect();
        self.world.page(found.len(), found.iter().copied().skip(offset).take(limit))
    }

    fn matches(&self, number: usize, query: &Query) -> bool {
        let state = self.world.state(number);
        query.state.as_ref().is_none_or(|name| state.is_some_and(|state| state.name() == name))
            && query.name.as_ref().is_none_or(|part| self.world.name(number).contains(part))
            && query.id.as_ref().is_none_or(|id| task_id(number) == *id)
            && query.source_server_id.as_ref().is_none_or(|id| source_id(number) == *id)
    }
}

fn pack(plain: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}
