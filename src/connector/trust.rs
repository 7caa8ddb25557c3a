//! Whom connections out of this machine trust.

use std::sync::{Arc, LazyLock};

use rustls::{ClientConfig, RootCertStore};

/// Read once: a machine has some hundred certificates.
static OF_THIS_MACHINE: LazyLock<Trust> = LazyLock::new(read);

/// TLS for a client that trusts whom this machine trusts.
#[derive(Debug)]
pub struct Trust {
    /// What the connections begin with.
    pub config: Arc<ClientConfig>,
    /// Why certificates could not be read, if some could not.
    pub unread: Option<String>,
}

/// TLS by the certificates of this machine: `ca-certificates`, or the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
/// The first call reads them, and tells the log what is wrong with them.
#[must_use]
pub fn machine_trust() -> &'static Trust {
    &OF_THIS_MACHINE
}

fn read() -> Trust {
    let found = rustls_native_certs::load_native_certs();
    let unread: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
    let unread = (!unread.is_empty()).then(|| unread.join("; "));
    if let Some(error) = &unread {
        tracing::warn!(error, "certificates of this machine cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 {
        tracing::warn!("this machine trusts nobody, so that it connects to nobody by TLS; install `ca-certificates`");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_protocol_versions(rustls::DEFAULT_VERSIONS);
    let builder = versions.expect("the provider knows the protocols that it is made for");

    Trust { config: Arc::new(builder.with_root_certificates(roots).with_no_client_auth()), unread }
}
