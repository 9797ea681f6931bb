//! The API of Huawei Cloud SMS (Server Migration Service), as far as it is needed to list tasks. Knows nothing of
//! Kubernetes.

pub mod client;
pub mod credentials;
pub mod error;
pub mod listing;
pub mod network;
mod retry;
mod signer;
mod wire;

pub use client::{Client, ClientOptions, ListTarget, Listing};
pub use credentials::Credentials;
pub use error::Error;
pub use network::{ClientError, NetworkOptions};
pub use wire::PageError;
