//! What can be wrong with a server's certificate although its CA is trusted.

use rcgen::{CertificateParams, date_time_ymd};

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadCertificate {
    /// It was good until the end of 2019.
    Expired,
    /// It will be good from the year 4000 on.
    NotYetValid,
    /// It is good for `elsewhere.example` alone.
    OtherName,
}

/// This machine's own names and addresses.
pub(crate) const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl BadCertificate {
    /// The certificate, to be signed. But for what is wrong it is for this machine's own names, and always good.
    pub(crate) fn params(self) -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::new(LOCAL_NAMES.map(Into::into))?;
        match self {
            Self::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            Self::NotYetValid => params.not_before = date_time_ymd(4000, 1, 1),
            Self::OtherName => return CertificateParams::new(["elsewhere.example".to_owned()]),
        }
        Ok(params)
    }
}
