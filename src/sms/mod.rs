//! The API of Huawei Cloud SMS (Server Migration Service), as far as it is needed to list tasks, and that of IAM, as far
//! as it is needed to sign in. Knows nothing of Kubernetes.

mod ambient;
mod api;
pub mod client;
pub mod credentials;
pub mod error;
mod gate;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod http;
mod iam;
mod lanes;
mod listing;
pub mod network;
mod options;
mod patience;
mod retry;
mod sessions;
pub mod signer;
mod wire;

pub use ambient::{Ambient, MetadataEndpoint, MetadataEndpointError, secret_data_of_environment};
pub use api::Api;
pub use client::{AccountKey, Client, ClientError, ListTarget, Listing, Query, Term};
pub use credentials::Login;
pub use error::Error;
#[cfg(test)]
pub(crate) use http::Carrier;
pub use listing::{Paging, StateFilter};
pub use network::NetworkOptions;
pub use options::ClientOptions;
pub use wire::PageError;
