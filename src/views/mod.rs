//! Watches as text for people: what `kubectl mtw` shows. Pure functions from a watch and the time to lines.
//!
//! Names and messages come from SMS and from whoever writes watches. They enter a [`Line`] only through [`clean`], so that
//! nothing in them reaches a terminal as a command.

mod describe;
mod list;
mod seen;
mod table;
mod tasks;
mod text;
mod top;
mod why;

pub use describe::{Told, describe};
pub use list::{Columns, list, rows};
pub use seen::{Seen, age};
pub use table::{Align, Column, Table};
pub use tasks::{changes, task_lines};
pub use text::{Line, Style, clean, harmless_json};
pub use top::{Frame, Picture, Size, frame};
pub use why::{Finding, findings, why};
