//! Who a machine or a pod is without being told: the services of the platform that hand out temporary keys.

mod agency;
mod metadata;
mod pod_identity;

pub use agency::Agency;
pub use metadata::{Metadata, NoAgency, TokenStep};
pub use pod_identity::PodIdentity;

pub(crate) use agency::NoKey;
