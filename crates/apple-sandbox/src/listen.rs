//! What the sandbox listens on beside plain HTTP: TLS, and a proxy that leads Apple's hosts to it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::guard;

/// A client that says nothing for so long is left.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head of a request to the proxy, in bytes.
const LONGEST_HEAD: usize = 16 << 10;

/// The pause after a connection that can't be accepted, as when no file descriptor is left.
const PAUSE: Duration = Duration::from_millis(50);

type Arrival = (TlsStream<TcpStream>, SocketAddr);

/// TLS connections whose handshake is done, from wherever they came.
pub(crate) struct Arrivals {
    receiver: mpsc::Receiver<Arrival>,
    address: SocketAddr,
}

/// Where those go.
#[derive(Clone)]
pub(crate) struct Door {
    sender: mpsc::Sender<Arrival>,
    acceptor: TlsAcceptor,
}

/// A door for TLS connections, and what comes through it. `address` is where the sandbox says it is.
pub(crate) fn door(acceptor: TlsAcceptor, address: SocketAddr) -> (Door, Arrivals) {
    let (sender, receiver) = mpsc::channel(64);
    (Door { sender, acceptor }, Arrivals { receiver, address })
}

impl Listener for Arrivals {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.receiver.recv().await {
            Some(arrival) => arrival,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Door {
    /// Shakes hands, and lets the connection in.
    async fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        if let Ok(Ok(stream)) = timeout(PATIENCE, self.acceptor.accept(stream)).await {
            // Nobody is there any more where the sandbox ends just now.
            let _ = self.sender.send((stream, peer)).await;
        }
    }

    /// Takes TLS connections.
    pub(crate) async fn listen(self, listener: TcpListener) {
        each(listener, move |stream, peer| {
            let door = self.clone();
            async move { door.admit(stream, peer).await }
        })
        .await;
    }

    /// Takes connections to a proxy. What is for Apple's hosts comes in here; what is for this machine goes to `plain` or
    /// `secure`, the sandbox's own addresses; all else is refused.
    pub(crate) async fn proxy(self, listener: TcpListener, plain: SocketAddr, secure: Option<SocketAddr>) {
        each(listener, move |stream, peer| {
            let door = self.clone();
            async move {
                // A client that breaks off is its own business.
                let _ = door.lead(stream, peer, plain, secure).await;
            }
        })
        .await;
    }

    async fn lead(
        self,
        mut stream: TcpStream,
        peer: SocketAddr,
        plain: SocketAddr,
        secure: Option<SocketAddr>,
    ) -> std::io::Result<()> {
        let head = match timeout(PATIENCE, read_head(&mut stream)).await {
            Ok(Ok(head)) => head,
            _ => return refuse(&mut stream, "400 Bad Request", "no request came").await,
        };
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_ascii_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match destination(method, target, plain, secure) {
            Destination::Apple => {
                stream
                    .write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n")
                    .await?;
                self.admit(stream, peer).await;
                Ok(())
            }
            Destination::Tunnel(address) => {
                let mut onward = TcpStream::connect(address).await?;
                stream
                    .write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n")
                    .await?;
                copy_bidirectional(&mut stream, &mut onward).await.map(drop)
            }
            Destination::Forward => {
                let mut onward = TcpStream::connect(plain).await?;
                onward.write_all(&head).await?;
                copy_bidirectional(&mut stream, &mut onward).await.map(drop)
            }
            Destination::Nowhere(reason) => refuse(&mut stream, "403 Forbidden", reason).await,
        }
    }
}

/// Where the proxy leads a request.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// TLS with a host of Apple's, spoken here.
    Apple,
    /// A port of the sandbox's, as it is.
    Tunnel(SocketAddr),
    /// Plain HTTP, which names its host in the first line.
    Forward,
    /// Nowhere.
    Nowhere(&'static str),
}

fn destination(method: &str, target: &str, plain: SocketAddr, secure: Option<SocketAddr>) -> Destination {
    if method.eq_ignore_ascii_case("CONNECT") {
        if guard::is_apple(target) {
            return Destination::Apple;
        }
        let port = target.rsplit(':').next().and_then(|port| port.parse().ok());
        let own = [Some(plain), secure].into_iter().flatten();
        let own = own.into_iter().find(|address| Some(address.port()) == port);
        return match own.filter(|_| guard::is_this_machine(target)) {
            Some(address) => Destination::Tunnel(address),
            None => {
                Destination::Nowhere("the sandbox's proxy leads to Apple's hosts and to the sandbox only")
            }
        };
    }
    let authority = target
        .strip_prefix("http://")
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match authority {
        // Who may ask is decided there: `guard` reads the same name.
        Some(host) if guard::is_apple(host) || guard::is_this_machine(host) => Destination::Forward,
        Some(_) => Destination::Nowhere("the sandbox's proxy leads to Apple's hosts and to the sandbox only"),
        None => Destination::Nowhere("this is a proxy; the sandbox itself listens on another port"),
    }
}

async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut piece).await?;
        if count == 0 || head.len() + count > LONGEST_HEAD {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        head.extend_from_slice(&piece[..count]);
    }
    Ok(head)
}

async fn refuse(stream: &mut TcpStream, status: &str, reason: &str) -> std::io::Result<()> {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reason}\n",
        reason.len() + 1
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Hands every connection to a task of its own: a slow client delays nobody.
async fn each<F, Fut>(listener: TcpListener, mut take: F)
where
    F: FnMut(TcpStream, SocketAddr) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // A stream that can't do it is as good, only slower.
                let _ = stream.set_nodelay(true);
                tokio::spawn(take(stream, peer));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_leads_to_apples_hosts_and_to_the_sandbox_and_nowhere_else() {
        let plain: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let secure: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        for (method, target, expected) in [
            ("CONNECT", "api.appstoreconnect.apple.com:443", Destination::Apple),
            ("connect", "idmsa.apple.com:443", Destination::Apple),
            ("CONNECT", "127.0.0.1:8443", Destination::Tunnel(secure)),
            ("CONNECT", "localhost:8080", Destination::Tunnel(plain)),
            ("GET", "http://127.0.0.1:8080/v1/apps", Destination::Forward),
            ("GET", "http://developer.apple.com?x", Destination::Forward),
        ] {
            let led = destination(method, target, plain, Some(secure));
            assert_eq!(led, expected, "{method} {target}");
        }
        for (method, target) in [
            ("CONNECT", "127.0.0.1:22"),
            ("CONNECT", "example.com:443"),
            ("CONNECT", "apple.com.evil.example:443"),
            ("CONNECT", "evilapple.com:443"),
            ("CONNECT", "127.0.0.1.evil.example:8080"),
            ("CONNECT", ""),
            ("GET", "http://example.com/"),
            ("GET", "http://x@evil.example/api.apple.com"),
            ("GET", "/v1/apps"),
            ("GET", "ftp://developer.apple.com/"),
            ("", ""),
        ] {
            let led = destination(method, target, plain, Some(secure));
            assert!(
                matches!(led, Destination::Nowhere(_)),
                "{method} {target}: {led:?}"
            );
        }
    }
}
