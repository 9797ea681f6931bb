//! The API of Huawei Cloud SMS (Server Migration Service), as far as it is needed to list tasks. Knows nothing of
//! Kubernetes.

pub mod client;
pub mod credentials;
pub mod error;
pub mod listing;
mod retry;
mod signer;
mod wire;

pub use client::{Client, ClientError, ClientOptions, ListTarget, Listing};
pub use credentials::Credentials;
pub use error::Error;
pub use wire::PageError;
