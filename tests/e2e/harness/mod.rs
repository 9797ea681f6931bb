//! A namespace with an operator of its own.

mod operator;
mod rights;
mod stage;

pub(crate) use operator::Operator;
pub(crate) use stage::{PATIENCE, Stage, condition, status};
