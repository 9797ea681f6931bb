//! Logs, as text or as one JSON object a line, on standard error.

use std::{fmt, io::IsTerminal};

use clap::ValueEnum;
use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{JsonFields, Writer, format},
        layer,
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::{Traces, panics};

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// What is logged unless `RUST_LOG` says otherwise. Of streams that fail the operator tells itself, more seldom, and in
/// the API server's words.
const DEFAULT: &str = "info,kube_client=warn,kube_runtime=error";

/// Starts logging, of panics as well, and traces.
pub fn start(lines: Format, traces: Option<&Traces>) {
    Registry::default().with(traces.map(Traces::layer)).with(lines.layer()).init();
    panics::log();
}

impl Format {
    fn layer<S>(self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
        // Without spans: each line says itself which watch it is about.
        let events = filter_fn(|metadata| metadata.is_event()).with_max_level_hint(LevelFilter::TRACE);
        let filter = filter.and(events);
        let is_terminal = std::io::stderr().is_terminal();
        // It would be said on standard error, which panics when that can't be written: a full disk would end the operator.
        let lines = layer().with_writer(std::io::stderr).log_internal_errors(false).with_ansi(is_terminal);
        match self {
            Self::Text => {
                lines.event_format(Traced(format().with_ansi(is_terminal))).with_filter(filter).boxed()
            }
            Self::Json => {
                let json = format().json().flatten_event(true).with_current_span(false).with_span_list(false);
                lines.fmt_fields(JsonFields::new()).event_format(Traced(json)).with_filter(filter).boxed()
            }
        }
    }
}

/// Lines with the ids of the span that they are from, if that is sent.
struct Traced<F>(F);

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(ids) = Traces::current() else { return self.0.format_event(context, writer, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&ids.added_to(&line))
    }
}
