//! Who knows what SMS showed, sees all that is written and told, and says where they differ.
//!
//! It knows nothing of how the operator works. Tasks come in blocks that SMS lists on one page. In each block one task, the
//! mark, bears the version of its block as its error, so that a status says by itself which state of each task it was
//! decided from. What has to be told between two statuses follows from that.

mod fleet;
mod oracle;
mod recorder;
mod told;

pub(crate) use fleet::Fleet;
pub(crate) use recorder::Recorder;
