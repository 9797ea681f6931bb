//! A namespace with an operator of its own, or several.

mod leases;
mod line;
mod operator;
mod rights;
mod screen;
mod stage;
mod switch;

pub(crate) use leases::Replica;
pub(crate) use line::Line;
pub(crate) use operator::Operator;
pub(crate) use screen::Screen;
pub(crate) use stage::{PATIENCE, Stage, condition, install_crd, status};
pub(crate) use switch::{Switch, Way};

/// What the environment says of a long test, if it does.
pub(crate) fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} can't be {value}")))
}
