//! How the server is spoken to.

use rcgen::CertificateParams;

use crate::server::{Authority, BadCertificate, LOCAL_NAMES, TlsError};

/// How the server is spoken to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Transport {
    /// Plain HTTP.
    #[default]
    Http,
    /// HTTPS, by a certificate for these host names and addresses from a CA that is made at the start.
    Https(Vec<String>),
    /// HTTPS by a certificate that no careful client accepts, although it is of such a CA.
    BadHttps(BadCertificate),
}

impl Transport {
    /// HTTPS for this machine's own names.
    #[must_use]
    pub fn local_https() -> Self {
        Self::local_https_and([])
    }

    /// HTTPS for this machine's own names, and others.
    #[must_use]
    pub fn local_https_and(others: impl IntoIterator<Item = String>) -> Self {
        Self::Https(LOCAL_NAMES.map(Into::into).into_iter().chain(others).collect())
    }

    /// The CA with the certificate; none for plain HTTP.
    pub(crate) fn authority(self) -> Result<Option<Authority>, TlsError> {
        let params = match self {
            Self::Http => return Ok(None),
            Self::Https(names) => CertificateParams::new(names)?,
            Self::BadHttps(bad) => bad.params()?,
        };
        Authority::new(params).map(Some)
    }
}
