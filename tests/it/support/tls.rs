//! A certificate for tests, and connections that trust it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A certificate for `localhost` that signs itself, in a folder of its own.
pub struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// Makes it.
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("carillon-tls-{}", uuid::Uuid::now_v7().simple()));
        std::fs::create_dir(&folder).expect("TLS can be tried");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("TLS can be tried");
        std::fs::write(folder.join("certificate.pem"), made.cert.pem()).expect("TLS can be tried");
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("TLS can be tried");
        Self { folder }
    }

    /// The PEM file of the certificate.
    pub fn certificate(&self) -> String {
        self.folder.join("certificate.pem").display().to_string()
    }

    /// The PEM file of its key.
    pub fn key(&self) -> String {
        self.folder.join("key.pem").display().to_string()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // What stays behind is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A connection under TLS that trusts a certificate.
pub fn connect(authority: &str, certificate: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let trusted = CertificateDer::from_pem_file(Path::new(certificate)).expect("TLS can be tried");
    roots.add(trusted).expect("TLS can be tried");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("TLS can be tried").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("TLS can be tried");
    let connection = ClientConnection::new(Arc::new(config), name).expect("TLS can be tried");
    StreamOwned::new(connection, TcpStream::connect(authority).expect("TLS can be tried"))
}

/// Logs the first admin in; answers the access token.
pub fn log_in(authority: &str, certificate: &str) -> String {
    let mut stream = connect(authority, certificate);
    let body = serde_json::json!({ "email": super::ADMIN, "password": super::PASSWORD }).to_string();
    let headers = "host: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let length = body.len();
    write!(stream, "POST /api/v1/auth/login HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .expect("TLS can be tried");
    let mut text = String::new();
    // The hub closes without a last word of TLS.
    let _ = stream.read_to_string(&mut text);
    let token = text.split("\"accessToken\":\"").nth(1).and_then(|rest| rest.split('"').next());
    token.expect("an access token").to_owned()
}
