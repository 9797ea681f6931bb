//! Authorities that are trusted beside those of the system.

use std::{io, path::PathBuf};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Why a file of authorities can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CaFileError {
    /// It isn't there, or may not be read.
    #[error("the CA file {} can't be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It has no certificate in PEM.
    #[error("the CA file {} holds no certificate; it must be PEM, with a line -----BEGIN CERTIFICATE-----", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Something in it begins like a certificate and isn't one.
    #[error("the CA file {} holds a certificate that can't be used: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// The files of `--ca-file` as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bundles(Vec<(PathBuf, Vec<u8>)>);

impl Bundles {
    /// Reads the files. Blocks.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, CaFileError> {
        let read = |path: &PathBuf| {
            let content = std::fs::read(path);
            let unreadable = |source| CaFileError::Unreadable { path: path.clone(), source };
            content.map(|content| (path.clone(), content)).map_err(unreadable)
        };
        paths.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The certificates in them, all good to check others by.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, CaFileError> {
        let mut all = Vec::new();
        for (path, content) in &self.0 {
            let invalid = |problem| CaFileError::Invalid { path: path.clone(), problem };
            let found: Vec<_> = CertificateDer::pem_slice_iter(content)
                .collect::<Result<_, _>>()
                .map_err(|error| invalid(error.to_string()))?;
            if found.is_empty() {
                return Err(CaFileError::Empty { path: path.clone() });
            }
            for certificate in &found {
                let usable = RootCertStore::empty().add(certificate.clone());
                usable.map_err(|error| invalid(error.to_string()))?;
            }
            all.extend(found);
        }
        Ok(all)
    }
}
