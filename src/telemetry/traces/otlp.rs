//! Spans, sent to a collector by OTLP over HTTP.

use std::{
    error::Error,
    fmt::Display,
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use opentelemetry::{
    KeyValue,
    trace::{Status, TracerProvider as _, get_active_span},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::{runtime::Handle, task::spawn_blocking};
use tracing::{Span, Subscriber, info, level_filters::LevelFilter, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use super::{SpanIds, TracesError, asked_for, variable};
use crate::core::{causes::innermost, repeats::Repeats};

/// The variables that name a file with the authorities that the collector's certificate may be from, beside the system's.
const AUTHORITIES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
/// How long sending may take: OpenTelemetry's default, and less than a kubelet waits at the end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long that is waited for once the process ends.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
const NAME: &str = env!("CARGO_PKG_NAME");

/// Where spans are sent. The specification of the variables:
/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// As OpenTelemetry's variables say; none if they name no collector. Of the sampler (`OTEL_TRACES_SAMPLER`), the
    /// batches (`OTEL_BSP_…`), the headers and the resource's attributes the libraries read their own.
    ///
    /// # Errors
    ///
    /// When the collector's address or authorities aren't any.
    pub fn from_environment(instance: &str) -> Result<Option<Self>, TracesError> {
        if !asked_for() {
            return Ok(None);
        }
        let client = Sender::new().map_err(TracesError)?;
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        // What the library says quotes the address, which may hold a password.
        let exporter =
            exporter.map_err(|_| TracesError("its address isn't a URL that can be used".into()))?;
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource(instance));
        Ok(Some(Self(provider.build())))
    }

    /// What sees to it that spans are sent: those of this program, not those of its libraries.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::INFO);
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracer(NAME));
        layer.with_location(false).with_threads(false).with_filter(own)
    }

    /// Sends what hasn't been sent yet.
    pub async fn flush(self) {
        // The thread that sends needs this runtime; what waits for it must not hold it up.
        let flushed = spawn_blocking(move || self.0.shutdown_with_timeout(LAST_PATIENCE)).await;
        if let Ok(Err(error)) = flushed {
            warn!("the last spans weren't sent: {error}");
        }
    }

    /// The ids of the span that this is called in, if it is sent.
    #[must_use]
    pub fn current() -> Option<SpanIds> {
        get_active_span(|span| {
            let context = span.span_context();
            context.is_sampled().then(|| SpanIds {
                trace: context.trace_id().to_string(),
                span: context.span_id().to_string(),
            })
        })
    }
}

/// Says of a span that what it stands for has failed.
pub fn failed(span: &Span, error: &dyn Display) {
    span.set_status(Status::error(error.to_string()));
}

/// Who sends them. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come first.
fn resource(instance: &str) -> Resource {
    let own = Resource::builder_empty().with_service_name(NAME).with_attributes([
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance.to_owned()),
    ]);
    let theirs = Resource::builder_empty()
        .with_detector(Box::new(opentelemetry_sdk::resource::EnvResourceDetector::new()))
        .build();
    let name = variable(&["OTEL_SERVICE_NAME"]).map(|name| KeyValue::new("service.name", name));
    let theirs = theirs.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    own.with_attributes(theirs.chain(name)).build()
}

/// Sends batches, in the runtime, whatever thread they come from; and says so when that fails, since nobody else does.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    repeats: Mutex<Repeats<String>>,
}

impl Sender {
    fn new() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut builder = reqwest::Client::builder().timeout(PATIENCE);
        if let Some(file) = variable(&AUTHORITIES) {
            let pem = fs::read(&file).map_err(|error| format!("{file}: {error}"))?;
            let authorities = reqwest::Certificate::from_pem_bundle(&pem);
            builder = builder.tls_certs_merge(
                authorities.map_err(|_| format!("{file}: it must hold certificates in PEM"))?,
            );
        }
        Ok(Self { client: builder.build()?, runtime: Handle::current(), repeats: Mutex::default() })
    }

    fn fails(&self, why: String) {
        if self.repeats().fails(why.clone(), Instant::now()).is_some() {
            warn!("traces can't be sent: {why}; what isn't sent is dropped");
        }
    }

    fn works(&self) {
        if let Some(times) = self.repeats().works() {
            info!("traces are sent again, after {times} batches that couldn't be");
        }
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats<String>> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let answer = client.execute(reqwest::Request::try_from(request)?).await?;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = answer.bytes().await?;
            Ok::<_, reqwest::Error>(response)
        });
        match sent.await? {
            Ok(response) => {
                let status = response.status();
                if status.is_success() {
                    self.works();
                } else {
                    self.fails(format!("the collector answers {status}"));
                }
                Ok(response)
            }
            Err(error) => {
                let error = error.without_url();
                self.fails(innermost(&error));
                Err(error.into())
            }
        }
    }
}
