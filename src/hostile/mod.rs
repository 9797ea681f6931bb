//! What comes from others, at its worst: a function for each place where it comes in.
//!
//! Each takes any bytes and panics where something doesn't hold that must. `cargo test` runs them on the corpus in
//! `fuzz/corpus` and on random bytes; the targets in `fuzz/` hand them to a fuzzer. They are part of neither the library
//! nor the binary otherwise.

// What doesn't hold is a panic here, as in a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::missing_panics_doc, reason = "panics are their purpose")]

mod addresses;
mod answers;
mod bytes;
mod durations;
mod filters;
mod ledgers;
mod listings;
pub(crate) mod schema;
mod secrets;
mod statuses;
mod tasks;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod upgrades;
mod watch;

pub use addresses::addresses;
pub use answers::{answer, page, task_error};
pub use durations::durations;
pub use filters::filters;
pub use ledgers::ledgers;
pub use listings::listings;
pub use secrets::secrets;
pub use statuses::statuses;
pub use tasks::tasks;

/// A function that takes any bytes.
pub type Target = fn(&[u8]);

/// All of them, by the names that the targets and their corpora have.
pub const ALL: [(&str, Target); 11] = [
    ("addresses", addresses),
    ("answer", answer),
    ("durations", durations),
    ("filters", filters),
    ("ledgers", ledgers),
    ("listings", listings),
    ("page", page),
    ("secrets", secrets),
    ("statuses", statuses),
    ("task_error", task_error),
    ("tasks", tasks),
];
