//! A certificate authority of the simulator's own, and a server certificate by it.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::certificate::LOCAL_NAMES;

/// TLS can't be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate could be made; a name that isn't one of DNS is the usual reason.
    #[error("no certificate for these names: {0}")]
    Certificate(#[from] rcgen::Error),
    /// rustls takes the certificate not.
    #[error("the certificate can't be used: {0}")]
    Config(#[from] rustls::Error),
}

/// Made at each start, for one server alone.
pub struct Authority {
    /// The certificate of the authority, for those who are to trust it.
    pub ca_pem: String,
    config: ServerConfig,
}

/// Which versions of HTTP are offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Offer {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 to those who speak it, and HTTP/1.1.
    Http2,
}

impl Authority {
    /// A CA, and a certificate signed by it for this machine's own names.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn local() -> Result<Self, TlsError> {
        Self::new(CertificateParams::new(LOCAL_NAMES.map(Into::into))?)
    }

    /// A CA, and this server certificate signed by it.
    pub(crate) fn new(certificate: CertificateParams) -> Result<Self, TlsError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "sms-simulator CA");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = certificate.signed_by(&key, &ca)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Self { ca_pem: ca.pem(), config })
    }

    /// What speaks TLS as the server.
    #[must_use]
    pub fn acceptor(&self, offer: Offer) -> TlsAcceptor {
        let protocols: &[&[u8]] = match offer {
            Offer::Http1 => &[b"http/1.1"],
            Offer::Http2 => &[b"h2", b"http/1.1"],
        };
        let mut config = self.config.clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}
