use url::form_urlencoded;

const MOST: usize = 200;
const LAST_OFFSET: usize = 65_535;
/// The states that the vendor's page lets a caller ask for.
const STATES: [&str; 10] = [
    "READY",
    "RUNNING",
    "SYNCING",
    "MIGRATE_SUCCESS",
    "MIGRATE_FAIL",
    "ABORTING",
    "ABORT",
    "DELETING",
    "SYNC_F_ROLLBACKING",
    "SYNC_F_ROLLBACK_SUCCESS",
];

/// Which page of which tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Query {
    pub(super) state: Option<String>,
    pub(super) name: Option<String>,
    pub(super) id: Option<String>,
    pub(super) source_server_id: Option<String>,
    pub(super) limit: usize,
    pub(super) offset: usize,
}

impl Query {
    /// None when the vendor's page doesn't allow it.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let number = |name, default| match parameter(query, name) {
            Some(value) => value.parse().ok(),
            None => Some(default),
        };
        let parsed = Self {
            state: parameter(query, "state"),
            name: parameter(query, "name"),
            id: parameter(query, "id"),
            source_server_id: parameter(query, "source_server_id"),
            limit: number("limit", 100)?,
            offset: number("offset", 0)?,
        };
        Some(parsed).filter(Self::is_allowed)
    }

    fn is_allowed(&self) -> bool {
        let names_state = |state: &String| STATES.contains(&state.as_str());
        self.limit <= MOST && self.offset <= LAST_OFFSET && self.state.as_ref().is_none_or(names_state)
    }

    /// The page of all tasks at an offset.
    pub(super) fn page(offset: usize) -> Self {
        Self { limit: MOST, offset, ..Self::default() }
    }

    /// Whether all tasks are asked for.
    pub(super) fn is_unfiltered(&self) -> bool {
        self.state.is_none() && self.name.is_none() && self.id.is_none() && self.source_server_id.is_none()
    }
}

/// The value of a parameter; an empty one is none.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
}
