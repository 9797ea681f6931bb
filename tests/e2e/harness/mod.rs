//! A namespace with an operator of its own, or several.

mod leases;
mod line;
mod operator;
mod rights;
mod screen;
mod stage;

pub(crate) use leases::Replica;
pub(crate) use line::Line;
pub(crate) use operator::Operator;
pub(crate) use screen::Screen;
pub(crate) use stage::{PATIENCE, Stage, condition, status};
