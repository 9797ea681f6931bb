//! Why a kubeconfig, or what it names, can't be used.
//!
//! What the libraries say of it quotes the lines around a mistake, what a credential plugin printed, or the command line and
//! environment that it was called with: tokens and passwords. Here is said where the mistake is, and never what stands there.

use std::error::Error;

use kube::{
    client::{AuthError, RustlsTlsError},
    config::{KubeconfigError, LoadDataError},
};
use tower::BoxError;

/// Why it can't be used, without any text of it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::cli) struct Unusable(String);

impl Unusable {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Where in a YAML text a mistake is. The parser's own words quote the text.
pub(in crate::cli) fn place(error: &serde_saphyr::Error) -> (u64, u64) {
    error.location().map_or((1, 1), |location| (location.line(), location.column()))
}

impl From<&KubeconfigError> for Unusable {
    fn from(error: &KubeconfigError) -> Self {
        Self(match error {
            KubeconfigError::Parse(error) => {
                let (line, column) = place(error);
                format!("it isn't a kubeconfig in YAML: see line {line}, column {column}")
            }
            KubeconfigError::LoadCertificateAuthority(error) => data("certificate-authority", error),
            KubeconfigError::LoadClientCertificate(error) => data("client-certificate", error),
            KubeconfigError::LoadClientKey(error) => data("client-key", error),
            KubeconfigError::ParseCertificates(_) => {
                "certificate-authority holds no certificate in PEM".to_owned()
            }
            KubeconfigError::ParseClusterUrl(_) => "the server of the cluster isn't a URL".to_owned(),
            KubeconfigError::ParseProxyUrl(_) => "the proxy-url of the cluster isn't a URL".to_owned(),
            KubeconfigError::ParseNoProxy(_) => "NO_PROXY can't be read".to_owned(),
            // These name contexts and files alone.
            KubeconfigError::CurrentContextNotSet
            | KubeconfigError::KindMismatch
            | KubeconfigError::ApiVersionMismatch
            | KubeconfigError::LoadContext(_)
            | KubeconfigError::LoadClusterOfContext(_)
            | KubeconfigError::FindPath
            | KubeconfigError::ReadConfig(..)
            | KubeconfigError::MissingClusterUrl => error.to_string(),
        })
    }
}

fn data(field: &str, error: &LoadDataError) -> String {
    match error {
        LoadDataError::DecodeBase64(_) => format!("{field}-data isn't base64"),
        LoadDataError::ReadFile(..) | LoadDataError::NoBase64DataOrFile => format!("{field}: {error}"),
    }
}

impl From<&AuthError> for Unusable {
    fn from(error: &AuthError) -> Self {
        Self(match error {
            AuthError::AuthExecRun { out, .. } => {
                format!("the credential plugin of the kubeconfig failed ({})", out.status)
            }
            AuthError::AuthExecParse(error) => {
                let (line, column) = place(error);
                format!(
                    "what the credential plugin of the kubeconfig printed isn't an ExecCredential: see line {line}, \
                     column {column}"
                )
            }
            AuthError::MalformedTokenExpirationDate(_) => {
                "the credential plugin of the kubeconfig gave an expirationTimestamp that isn't a time"
                    .to_owned()
            }
            AuthError::AuthExecSerialize(_) | AuthError::ParseTokenKey(_) | AuthError::AuthExec(_) => {
                "the credential plugin of the kubeconfig gave no credentials that can be used".to_owned()
            }
            // These name a file at most.
            error => error.to_string(),
        })
    }
}

impl From<&kube::Error> for Unusable {
    fn from(error: &kube::Error) -> Self {
        match error {
            kube::Error::Auth(error) => error.into(),
            kube::Error::InferKubeconfig(error) => error.into(),
            kube::Error::RustlsTls(RustlsTlsError::InvalidIdentityPem(_)) => {
                Self::new("client-certificate or client-key holds no PEM")
            }
            kube::Error::RustlsTls(RustlsTlsError::AddRootCertificate(_)) => {
                Self::new("certificate-authority holds a certificate that can't be used")
            }
            kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
                Self::new("the proxy must be one of http:// or https://")
            }
            error => Self(error.to_string()),
        }
    }
}

/// An error of a request, with what comes of credentials said without quoting them.
pub(super) fn discreet(error: BoxError) -> BoxError {
    match find(error.as_ref()) {
        Some(auth) => Unusable::from(auth).into(),
        None => error,
    }
}

fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a AuthError> {
    crate::core::causes::causes(error).find_map(|error| {
        error.downcast_ref::<AuthError>().or_else(|| match error.downcast_ref::<kube::Error>() {
            Some(kube::Error::Auth(auth)) => Some(auth),
            _ => None,
        })
    })
}
