//! The API of Huawei Cloud SMS (Server Migration Service), as far as it is needed to list tasks. Knows nothing of
//! Kubernetes.

pub mod credentials;
mod signer;
mod wire;
