//! TLS by rustls, when a certificate is configured.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Http;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate's file cannot be read.
    #[error("cannot read the certificate `{0}` of `http.tls_certificate`: {1}; it must be a PEM file")]
    Certificate(PathBuf, #[source] pem::Error),
    /// The certificate's file holds none.
    #[error("there is no certificate in `{0}` of `http.tls_certificate`; it must be a PEM file, the leaf first")]
    NoCertificate(PathBuf),
    /// The key's file cannot be read.
    #[error("cannot read the key `{0}` of `http.tls_key`: {1}; it must be a PEM file with one private key")]
    Key(PathBuf, #[source] pem::Error),
    /// Certificate and key do not work together.
    #[error("the certificate of `http.tls_certificate` cannot be used with the key of `http.tls_key`: {0}")]
    Pair(#[from] rustls::Error),
}

/// Reads certificate and key; none if none are configured.
///
/// # Errors
/// [`TlsError`] names the file and the key of the configuration.
pub fn tls(config: &Http) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) else {
        return Ok(None);
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(read_certificates(certificate)?, read_key(key)?)?;
    Ok(Some(Arc::new(config)))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |error| TlsError::Certificate(path.to_owned(), error);
    let certificates = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if certificates.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(certificates) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::Key(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(certificate: &str, key: &str) -> Http {
        let path = |text: &str| Some(PathBuf::from(text));
        Http { tls_certificate: path(certificate), tls_key: path(key), ..Http::default() }
    }

    #[test]
    fn without_a_certificate_there_is_no_tls() {
        assert!(tls(&Http::default()).unwrap().is_none());
    }

    #[test]
    fn a_fault_names_the_file_and_the_key() {
        let error = tls(&with("/no/such.pem", "/no/key.pem")).unwrap_err().to_string();
        assert!(error.contains("`/no/such.pem` of `http.tls_certificate`"), "{error}");

        let error = tls(&with("Cargo.toml", "Cargo.toml")).unwrap_err().to_string();
        assert!(error.contains("no certificate in `Cargo.toml`"), "{error}");
    }
}
