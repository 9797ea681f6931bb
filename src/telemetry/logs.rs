//! Logs, as text or as one JSON object a line, on standard error.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use super::panics;

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT: &str = "info,kube_client=warn,kube_runtime=warn";

/// Starts logging, of panics as well.
pub fn start(format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would be said on standard error, which panics when that can't be written: a full disk would end the operator.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        Format::Text => logs.init(),
        // Without spans: each line says itself which watch it is about.
        Format::Json => logs.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
    panics::log();
}
