//! What went wrong below HTTP.

use std::{error::Error as StdError, io};

use rustls::CertificateError;

use super::Error;
use crate::{
    core::{
        causes::{causes, innermost},
        endpoint::Endpoint,
        text::{self, limits},
    },
    sms::network::AddressRefused,
};

/// Why a TLS connection failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    /// The certificate's issuer isn't trusted.
    #[error("its certificate is from an unknown authority. Check the endpoint and --ca-file")]
    UnknownAuthority,
    /// The certificate is out of date, by the clock here.
    #[error("its certificate has expired. It must be renewed there, or the clock here is wrong")]
    Expired,
    /// The certificate isn't valid yet, by the clock here.
    #[error("its certificate is not valid yet. The clock here may be wrong")]
    NotYetValid,
    /// The certificate is for other names.
    #[error("its certificate is for another name. Check the endpoint")]
    WrongName,
    /// Anything else about the certificate.
    #[error("its certificate is not acceptable ({0})")]
    Certificate(String),
    /// The two sides couldn't agree at all; the other side may not even speak TLS.
    #[error("{0}")]
    Handshake(String),
}

impl TlsProblem {
    /// Whether the connection can't succeed before a person has changed something.
    pub(super) fn needs_a_person(&self) -> bool {
        !matches!(self, Self::Handshake(_))
    }

    fn of(error: &rustls::Error) -> Self {
        let rustls::Error::InvalidCertificate(problem) = error else {
            return Self::Handshake(text::one_line(&error.to_string(), limits::MESSAGE));
        };
        match problem {
            // An authority that was made anew has the name of the trusted one, and another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownAuthority,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            other => Self::Certificate(text::one_line(&other.to_string(), limits::MESSAGE)),
        }
    }
}

/// Why the proxy doesn't bring us to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyProblem {
    /// HTTP status 407.
    #[error("it asks for a user and a password, or refuses those that it got. Check --https-proxy")]
    Credentials,
    /// Any other answer than that the tunnel is open.
    #[error("it refuses, or can't reach the endpoint itself. Check the rules and the log of the proxy")]
    Refused,
    /// Its certificate, if it is an `https://` proxy, or the handshake with it.
    #[error("the TLS connection to it failed: {0}")]
    Tls(TlsProblem),
    /// No connection, or one that broke.
    #[error("{0}. Check --https-proxy, name resolution and network policies")]
    Unreachable(String),
}

impl ProxyProblem {
    /// Whether the proxy can't be used before a person has changed something.
    pub(super) fn needs_a_person(&self) -> bool {
        match self {
            Self::Credentials => true,
            Self::Tls(problem) => problem.needs_a_person(),
            Self::Refused | Self::Unreachable(_) => false,
        }
    }

    /// Finds out whether an error is of the way to an open tunnel. The HTTP library doesn't export its type, so that it
    /// is known by its text only.
    fn find(error: &reqwest::Error) -> Option<Self> {
        let mut texts = causes(error).map(ToString::to_string);
        let problem = texts.find_map(|text| text.strip_prefix("tunnel error: ").map(str::to_owned))?;
        Some(match problem.as_str() {
            "proxy authorization required" => Self::Credentials,
            "unsuccessful" | "proxy response headers too long" => Self::Refused,
            "unexpected end of file" => Self::Unreachable("it closed the connection".to_owned()),
            _ => find::<rustls::Error>(error).map(TlsProblem::of).map_or_else(
                || Self::Unreachable(text::one_line(&innermost(error), limits::MESSAGE)),
                Self::Tls,
            ),
        })
    }
}

impl Error {
    /// Types an error of the HTTP client. `limit` is the time that it had to connect.
    pub(in crate::sms) fn from_transport(
        endpoint: &Endpoint,
        limit: std::time::Duration,
        error: reqwest::Error,
    ) -> Self {
        let endpoint = endpoint.clone();
        let source = error.without_url();
        if find::<AddressRefused>(&source).is_some() {
            return Self::AddressNotAllowed { endpoint };
        }
        if let Some(problem) = ProxyProblem::find(&source) {
            return Self::Proxy { endpoint, problem, source };
        }
        if let Some(problem) = find(&source).map(TlsProblem::of) {
            return Self::Tls { endpoint, problem, source };
        }
        if source.is_timeout() {
            return Self::Timeout { endpoint, limit };
        }
        let cause = text::one_line(&innermost(&source), limits::MESSAGE);
        if is_unreadable(&source) {
            Self::Unreadable { endpoint, cause, source }
        } else if source.is_connect() && is_unknown_host(&cause) {
            Self::UnknownHost { endpoint, source }
        } else if source.is_decode() || source.is_body() {
            Self::Broken { endpoint, cause, source }
        } else {
            Self::Unreachable { endpoint, cause, source }
        }
    }
}

/// Whether an answer came that HTTP/1.1 has no room for, or that our side refused to read in HTTP/2: the library has no
/// words of their own for headers that are too long (the first reason), or much too long (the second).
fn is_unreadable(error: &reqwest::Error) -> bool {
    const REASONS: [Option<h2::Reason>; 2] =
        [Some(h2::Reason::PROTOCOL_ERROR), Some(h2::Reason::ENHANCE_YOUR_CALM)];
    find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse_too_large)
        || find::<h2::Error>(error)
            .is_some_and(|error| error.is_library() && REASONS.contains(&error.reason()))
}

/// Whether name resolution says that there is no such host, and not that it can't tell now. The system's error
/// reaches us as text only: that of glibc, of musl, and of macOS.
fn is_unknown_host(cause: &str) -> bool {
    ["Name or service not known", "Name does not resolve", "nodename nor servname"]
        .iter()
        .any(|text| cause.contains(text))
}

fn find<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(as_type)
}

/// The error of this type that an error is or wraps. An I/O error doesn't name what it wraps as its source.
fn as_type<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    if let Some(error) = error.downcast_ref() {
        return Some(error);
    }
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    as_type(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_judged_by_what_to_do() {
        let table = [
            (CertificateError::UnknownIssuer, TlsProblem::UnknownAuthority),
            (CertificateError::BadSignature, TlsProblem::UnknownAuthority),
            (CertificateError::Expired, TlsProblem::Expired),
            (CertificateError::NotValidYet, TlsProblem::NotYetValid),
            (CertificateError::NotValidForName, TlsProblem::WrongName),
        ];
        for (error, expected) in table {
            let problem = TlsProblem::of(&rustls::Error::InvalidCertificate(error));
            assert_eq!(problem, expected);
            assert!(problem.needs_a_person());
        }
        assert!(!TlsProblem::of(&rustls::Error::HandshakeNotComplete).needs_a_person());
    }

    #[test]
    fn an_unknown_host_is_told_from_a_resolver_that_is_down() {
        assert!(is_unknown_host("failed to lookup address information: Name or service not known"));
        assert!(!is_unknown_host(
            "failed to lookup address information: Temporary failure in name resolution"
        ));
        assert!(!is_unknown_host("Connection refused (os error 111)"));
    }

    #[test]
    fn a_tls_error_is_found_inside_io_errors() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let wrapped = io::Error::other(io::Error::other(tls.clone()));
        assert_eq!(as_type::<rustls::Error>(&wrapped), Some(&tls));
        assert_eq!(as_type::<rustls::Error>(&io::Error::other("something else")), None);
    }
}
