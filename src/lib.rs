//! Kubernetes operator for Huawei Cloud SMS migration tasks.
