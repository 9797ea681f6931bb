//! A stand-in for the Huawei Cloud SMS API, for tests and the demo.
