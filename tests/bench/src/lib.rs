//! What the benches have in common: the tasks of an account, and an SMS that serves them at next to no cost.

pub mod sms;
pub mod world;
