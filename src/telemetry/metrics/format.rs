//! The formats of metrics, and which one somebody wants.

use axum::http::{HeaderMap, header::ACCEPT};
use mediatype::{MediaType, MediaTypeList, Name, ReadParams};
use prometheus_client::{
    encoding::{prometheus_text, text},
    registry::Registry,
};

/// A format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus's own text: what everybody reads, and gets who doesn't say.
    Text,
    /// OpenMetrics, as text.
    OpenMetrics,
}

/// How much somebody wants a format: by the weight, then by how exactly it was named.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Wish {
    weight: f32,
    exactness: u8,
}

impl Format {
    /// The one that a request accepts most. Who accepts neither gets text all the same, as HTTP allows.
    pub(super) fn wanted(request: &HeaderMap) -> Self {
        let text = Self::Text.wish(request);
        match Self::OpenMetrics.wish(request) {
            Some(wish) if wish.weight > 0.0 && text.is_none_or(|text| wish > text) => Self::OpenMetrics,
            _ => Self::Text,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    pub(super) fn encode(self, registry: &Registry) -> String {
        let mut written = String::new();
        // Writing to a string can't fail.
        let _ = match self {
            Self::Text => prometheus_text::encode(&mut written, registry),
            Self::OpenMetrics => text::encode(&mut written, registry),
        };
        written
    }

    /// What the most exact range that this format is in says of it (RFC 9110, 12.5.1).
    fn wish(self, request: &HeaderMap) -> Option<Wish> {
        let headers = request.get_all(ACCEPT).iter().filter_map(|header| header.to_str().ok());
        let ranges = headers.flat_map(MediaTypeList::new).filter_map(Result::ok);
        let wishes = ranges
            .filter_map(|range| Some(Wish { weight: weight(&range)?, exactness: self.exactness(&range)? }));
        // Of equals the better one: Prometheus asks for several versions.
        wishes.max_by(|one, other| {
            (one.exactness, one.weight)
                .partial_cmp(&(other.exactness, other.weight))
                .unwrap_or(std::cmp::Ordering::Equal)
        })
    }

    /// How exactly a range names this format, if at all. Parameters that tell no version apart don't matter.
    fn exactness(self, range: &MediaType<'_>) -> Option<u8> {
        let (kind, subkind, version) = match self {
            Self::Text => ("text", "plain", "0.0.4"),
            Self::OpenMetrics => ("application", "openmetrics-text", "1.0.0"),
        };
        match range.get_param(Name::new_unchecked("version")) {
            _ if range.ty == "*" && range.subty == "*" => Some(0),
            _ if range.ty != kind => None,
            _ if range.subty == "*" => Some(1),
            _ if range.subty != subkind => None,
            None => Some(2),
            Some(wanted) => (wanted.unquoted_str() == version).then_some(3),
        }
    }
}

/// From 0 to 1; nothing if it can't be read.
fn weight(range: &MediaType<'_>) -> Option<f32> {
    let Some(weight) = range.get_param(Name::new_unchecked("q")) else { return Some(1.0) };
    weight.as_str().parse().ok().filter(|weight| (0.0..=1.0).contains(weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Prometheus 3 sends; with native histograms, protobuf before the others.
    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
        application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
        text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

    #[test]
    fn everybody_gets_the_format_that_they_ask_for() {
        use Format::{OpenMetrics, Text};
        let protobuf = format!(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,{PROMETHEUS_3}"
        );
        for (accept, format) in [
            (PROMETHEUS_3, OpenMetrics),
            (protobuf.as_str(), OpenMetrics),
            // Prometheus 2.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            // With scrape_protocols: [PrometheusText0.0.4].
            ("text/plain;version=0.0.4;q=0.2,*/*;q=0.1", Text),
            ("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Text),
            ("text/plain;version=0.0.4", Text),
            ("text/plain", Text),
            ("text/*", Text),
            ("*/*", Text),
            ("", Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Text),
            ("application/json", Text),
            ("application/openmetrics-text", OpenMetrics),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.9, text/plain; q=0.8", OpenMetrics),
            ("application/openmetrics-text, */*", OpenMetrics),
            ("application/openmetrics-text;q=0.3, text/plain;q=0.7", Text),
            ("application/openmetrics-text, text/plain", Text),
            ("application/openmetrics-text;q=0, */*", Text),
            ("application/openmetrics-text;q=0", Text),
            ("text/plain;q=0, */*", OpenMetrics),
            ("application/openmetrics-text;q=much, text/plain;q=0.1", Text),
            (",,;;q, application/openmetrics-text", OpenMetrics),
        ] {
            let mut request = HeaderMap::new();
            request.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(Format::wanted(&request), format, "{accept}");
        }
        assert_eq!(Format::wanted(&HeaderMap::new()), Text);
    }

    #[test]
    fn several_headers_are_one() {
        let mut request = HeaderMap::new();
        request.append(ACCEPT, "text/plain;q=0.5".parse().unwrap());
        request.append(ACCEPT, "application/openmetrics-text".parse().unwrap());
        assert_eq!(Format::wanted(&request), Format::OpenMetrics);
    }
}
