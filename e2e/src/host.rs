//! A static file host on loopback, over HTTPS with a certificate of its own.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::pki_types::PrivateKeyDer;

/// A host that serves a folder until the process ends.
pub struct Host {
    /// `https://localhost:<port>`.
    pub url: String,
    /// The certificate to trust, in a PEM file.
    pub certificate: PathBuf,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Host {
    /// Serves what is in `folder`, also what will be put there. The certificate is written beside it.
    pub fn serve(folder: &Path) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = folder.with_extension("pem");
        std::fs::write(&certificate, certified.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (folder, log) = (folder.to_owned(), Arc::clone(&requests));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (config, folder, log) = (Arc::clone(&config), folder.clone(), Arc::clone(&log));
                std::thread::spawn(move || answer(connection, config, &folder, &log));
            }
        });
        Self {
            url,
            certificate,
            requests,
        }
    }

    /// The paths that were asked for since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

/// Answers one request. A client that goes away is its own business.
fn answer(
    mut connection: TcpStream,
    config: Arc<rustls::ServerConfig>,
    folder: &Path,
    log: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut session = rustls::ServerConnection::new(config).ok()?;
    let mut stream = rustls::Stream::new(&mut session, &mut connection);
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&piece[..count]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    log.lock().unwrap().push(path.clone());
    let (status, body) = match std::fs::read(folder.join(&path)) {
        Ok(body) if !path.contains("..") => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body).ok()?;
    stream.flush().ok()?;
    session.send_close_notify();
    session.complete_io(&mut connection).ok()?;
    Some(())
}
