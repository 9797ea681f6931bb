//! Which endpoints the operator's owner allows. Without this list, whoever may create a watch could make the
//! operator call any host that it can reach.

use std::{fmt, str::FromStr};

use url::Host;

use super::{
    Endpoint, EndpointError, Scheme,
    partition::{Partition, is_region},
};

/// Why a text isn't a pattern for endpoints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// No pattern at all, or an empty one.
    #[error("a pattern is missing; write one such as https://sms.*.myhuaweicloud.com")]
    Empty,
    /// The pattern isn't an endpoint, even without its wildcards.
    #[error("the pattern {pattern} can't match: {source}")]
    Endpoint {
        /// The pattern as it was written.
        pattern: String,
        /// What is wrong with it.
        source: EndpointError,
    },
    /// A `*` beside other characters of a label, or in an address.
    #[error("the pattern {0} can't match: * stands for one whole part of a DNS name, or for the port")]
    Wildcard(String),
    /// A wildcard pattern with characters beyond ASCII, or with percent-encoding.
    #[error("the pattern {0} must be written in plain letters; use the punycode form (xn--...) of the name")]
    Spelling(String),
}

/// One pattern: `https://sms.*.myhuaweicloud.com`, `http://127.0.0.1:*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    scheme: Scheme,
    /// A host as [`Endpoint`] normalises it, but with `*` for labels that may be anything.
    host: String,
    /// Any port when absent.
    port: Option<u16>,
}

impl Pattern {
    /// Stands for a `*` while the rest of a pattern is read.
    const ANY_LABEL: &'static str = "any";

    fn https(host: &str) -> Self {
        Self { scheme: Scheme::Https, host: host.to_owned(), port: Some(Scheme::Https.default_port()) }
    }

    fn parse(text: &str) -> Result<Self, PatternError> {
        let (base, any_port) = text.strip_suffix(":*").map_or((text, false), |base| (base, true));
        let endpoint = Endpoint::parse(&base.replace('*', Self::ANY_LABEL))
            .map_err(|source| PatternError::Endpoint { pattern: text.to_owned(), source })?;
        let host = if base.contains('*') {
            if !base.is_ascii() || base.contains('%') {
                return Err(PatternError::Spelling(text.to_owned()));
            }
            Self::wildcard_host(base, &endpoint).ok_or_else(|| PatternError::Wildcard(text.to_owned()))?
        } else {
            endpoint.host.to_string()
        };
        Ok(Self { scheme: endpoint.scheme, host, port: (!any_port).then_some(endpoint.port) })
    }

    /// Puts the wildcards of a pattern back into its normalised host. None when a `*` is only part of a label, or
    /// when nothing but numbers stands beside it.
    fn wildcard_host(base: &str, endpoint: &Endpoint) -> Option<String> {
        let Host::Domain(normal) = &endpoint.host else { return None };
        let (_, authority) = base.split_once("://")?;
        let written = authority.split(['/', ':']).next()?;
        let labels: Option<Vec<&str>> = written
            .split('.')
            .zip(normal.split('.'))
            .map(|(written, normal)| match written {
                "*" => Some(written),
                _ => (!written.contains('*')).then_some(normal),
            })
            .collect();
        let labels = labels?;
        let names_something = labels.iter().any(|label| label.contains(|c: char| c.is_ascii_lowercase()));
        names_something.then(|| labels.join("."))
    }

    fn allows(&self, endpoint: &Endpoint) -> bool {
        self.scheme == endpoint.scheme
            && self.port.is_none_or(|port| port == endpoint.port)
            && self.allows_host(&endpoint.host)
    }

    fn allows_host(&self, host: &Host<String>) -> bool {
        match host {
            Host::Domain(name) => {
                let region = region_of(&self.host);
                self.host.split('.').count() == name.split('.').count()
                    && self.host.split('.').zip(name.split('.')).enumerate().all(|(place, (want, is))| {
                        want == is || want == "*" && (region != Some(place) || is_region(is))
                    })
            }
            // An address is allowed only by a pattern that names it.
            Host::Ipv4(_) | Host::Ipv6(_) => self.host == host.to_string(),
        }
    }
}

/// Which label of a pattern for hosts of the vendor stands for the region: the one after the service. Anything else may
/// be a bucket of object storage there, as `sms` is in `sms.obs.myhuaweicloud.com`.
fn region_of(host: &str) -> Option<usize> {
    let (_, before) = Partition::of_host(host)?;
    (before.split('.').count() == 2).then_some(1)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)?;
        match self.port {
            None => f.write_str(":*"),
            Some(port) if port == self.scheme.default_port() => Ok(()),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

/// The patterns of `--allowed-endpoints`. In a host `*` is exactly one label, `:*` is any port, and without a port
/// only the scheme's default one is meant (443 for https). Addresses must be named as they are. Between a service and
/// the vendor's domain, `*` is a label that is formed like the name of a region.
///
/// The default names the vendor's SMS and IAM hosts one by one: `*.myhuaweicloud.com` would include hosts whose
/// content tenants control, such as those of object storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedEndpoints(Vec<Pattern>);

impl AllowedEndpoints {
    /// Whether a pattern allows the endpoint.
    #[must_use]
    pub fn allows(&self, endpoint: &Endpoint) -> bool {
        self.0.iter().any(|pattern| pattern.allows(endpoint))
    }
}

impl Default for AllowedEndpoints {
    fn default() -> Self {
        let hosts = [
            "sms.*.myhuaweicloud.com",
            "sms-api.*.myhuaweicloud.com",
            "iam.*.myhuaweicloud.com",
            "iam.myhuaweicloud.com",
        ];
        Self(hosts.into_iter().map(Pattern::https).collect())
    }
}

impl FromStr for AllowedEndpoints {
    type Err = PatternError;

    /// Reads patterns, separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pattern = |text: &str| match text.trim() {
            "" => Err(PatternError::Empty),
            text => Pattern::parse(text),
        };
        text.split(',').map(pattern).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for AllowedEndpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            pattern.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
