//! Traces of reconciles and listings, in builds with the feature `otlp`.
//!
//! A span is a span of [`tracing`]; without a collector none of them is enabled, and they cost nothing.

#[cfg(not(feature = "otlp"))]
mod none;
#[cfg(feature = "otlp")]
mod otlp;

use std::{env, fmt::Display};

use tracing::{Instrument as _, Span};

#[cfg(not(feature = "otlp"))]
pub use none::{Traces, failed};
#[cfg(feature = "otlp")]
pub use otlp::{Traces, failed};

/// The variables of OpenTelemetry that name a collector.
const COLLECTOR: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Whether the environment names a collector, and doesn't turn OpenTelemetry off.
#[must_use]
pub fn asked_for() -> bool {
    let is_off = variable(&["OTEL_SDK_DISABLED"]).is_some_and(|off| off.eq_ignore_ascii_case("true"));
    variable(&COLLECTOR).is_some() && !is_off
}

/// The first of these variables that says anything.
fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Why traces can't be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces can't be sent to the collector that OTEL_EXPORTER_OTLP_… names: {0}")]
pub struct TracesError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The ids of a span, as OpenTelemetry writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanIds {
    trace: String,
    span: String,
}

impl SpanIds {
    /// A line of the log, one JSON object or text, with them at its end.
    pub(super) fn added_to(&self, line: &str) -> String {
        let Self { trace, span } = self;
        let line = line.trim_end();
        match line.strip_suffix('}').filter(|_| line.starts_with('{')) {
            Some(fields) => format!("{fields},\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"}}\n"),
            None => format!("{line} trace_id={trace} span_id={span}\n"),
        }
    }
}

/// Does some work in a span, which says so when it fails.
///
/// # Errors
///
/// Those of the work.
pub async fn within<T, E: Display>(span: Span, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let result = work.instrument(span.clone()).await;
    if let Err(error) = &result {
        failed(&span, error);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_last_fields_of_a_line() {
        let ids = SpanIds { trace: "4bf9".into(), span: "00f0".into() };
        assert_eq!(ids.added_to("{\"a\":1}\n"), "{\"a\":1,\"trace_id\":\"4bf9\",\"span_id\":\"00f0\"}\n");
        assert_eq!(ids.added_to("INFO text a=1\n"), "INFO text a=1 trace_id=4bf9 span_id=00f0\n");
    }
}
