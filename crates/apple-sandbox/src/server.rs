//! The server: loopback ports, and a thread of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::serve::{Listener, ListenerExt as _};
use tokio::sync::oneshot;

use crate::asc;
use crate::asc::rules::review::Verdict;
use crate::fault::Fault;
use crate::seed::Seed;
use crate::serve::serve;
use crate::state::State;
use crate::tls::Tls;
use crate::{listen, product};

pub(crate) type Shared = Arc<Mutex<State>>;

/// What a sandbox listens on; 0 stands for any port that is free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ports {
    /// Plain HTTP.
    pub http: u16,
    /// TLS, for clients that are led here under Apple's names.
    pub https: Option<u16>,
    /// An HTTP proxy that leads Apple's hosts here, and nothing anywhere else.
    pub proxy: Option<u16>,
}

/// A running sandbox; it stops when dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    https: Option<SocketAddr>,
    proxy: Option<SocketAddr>,
    ca: Option<String>,
    state: Shared,
    passphrases: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox on a free loopback port.
    ///
    /// # Errors
    /// When the seed can't be grown, or no port is free.
    pub fn start(seed: &Seed) -> anyhow::Result<Self> {
        Self::start_on(seed, Ports::default())
    }

    /// Starts a sandbox on the given loopback ports.
    ///
    /// # Errors
    /// When the seed can't be grown, or a port is taken.
    pub fn start_on(seed: &Seed, ports: Ports) -> anyhow::Result<Self> {
        let state = Arc::new(Mutex::new(seed.state()?));
        let plain = bind(ports.http)?;
        let https = ports.https.map(bind).transpose()?;
        let proxy = ports.proxy.map(bind).transpose()?;
        let address = plain.local_addr()?;
        let place = |listener: &Option<std::net::TcpListener>| {
            listener
                .as_ref()
                .map(std::net::TcpListener::local_addr)
                .transpose()
        };
        let (https_address, proxy_address) = (place(&https)?, place(&proxy)?);
        let tls = (https.is_some() || proxy.is_some()).then(Tls::new).transpose()?;
        let ca = tls.as_ref().map(|tls| tls.ca.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let serving = async move {
                let listen = tokio::net::TcpListener::from_std;
                let Ok(plain) = listen(plain) else { return };
                if let Some(tls) = tls {
                    let (door, arrivals) = listen::door(tls.acceptor, https_address.unwrap_or(address));
                    tokio::spawn(axum::serve(arrivals, router(&shared, "https")).into_future());
                    if let Some(Ok(listener)) = https.map(listen) {
                        tokio::spawn(door.clone().listen(listener));
                    }
                    if let Some(Ok(listener)) = proxy.map(listen) {
                        tokio::spawn(door.proxy(listener, address, https_address));
                    }
                }
                tokio::select! {
                    _ = axum::serve(at_once(plain), router(&shared, "http")).into_future() => {}
                    _ = stopped => {}
                }
            };
            runtime.block_on(serving);
            runtime.shutdown_timeout(Duration::from_millis(100));
        });
        let passphrases = vec![seed.passphrase.as_str(); seed.certificates.len()].join("|");
        Ok(Self {
            address,
            https: https_address,
            proxy: proxy_address,
            ca,
            state,
            passphrases,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where its TLS listener is, such as `https://127.0.0.1:8443`; `None` where it has none.
    pub fn https_url(&self) -> Option<String> {
        self.https.map(|address| format!("https://{address}"))
    }

    /// Where its proxy is, such as `http://127.0.0.1:8888`; `None` where it has none.
    pub fn proxy_url(&self) -> Option<String> {
        self.proxy.map(|address| format!("http://{address}"))
    }

    /// The certificate of the CA that vouches for it, in PEM; `None` where it speaks plain HTTP alone.
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// Where it is, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The state, to look at or to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the App Store and TestFlight show of the apps.
    pub fn product(&self) -> serde_json::Value {
        product::product(&mut self.state())
    }

    /// Lets App Review decide about the newest submission that is open.
    ///
    /// # Errors
    /// When none is in a state for it.
    pub fn review(&self, verdict: Verdict) -> Result<(), String> {
        asc::decide(&mut self.state(), &asc::Decision::Review { app: None, verdict })
    }

    /// Lets beta review decide about the newest build that waits: `IN_REVIEW`, `APPROVED`, or `REJECTED`.
    ///
    /// # Errors
    /// When none waits.
    pub fn beta_review(&self, state: &str) -> Result<(), String> {
        let beta = state.to_owned();
        asc::decide(&mut self.state(), &asc::Decision::Beta { beta })
    }

    /// Adds a fault.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// The variables by which a step finds the sandbox instead of Bitrise and Apple, and its certificates.
    pub fn environment(&self) -> Vec<(String, String)> {
        let url = self.url();
        let state = self.state();
        let certificates: Vec<String> = (0..state.certificates.len())
            .map(|index| format!("{url}/files/{index}.p12"))
            .collect();
        [
            ("BITRISE_BUILD_URL", format!("{url}/bitrise")),
            ("BITRISE_BUILD_API_TOKEN", state.build_api_token.clone()),
            ("APP_STORE_CONNECT_URL", url.clone()),
            ("APPLE_ID_URL", url.clone()),
            ("APPLE_ACCOUNT_URL", url.clone()),
            ("APPLE_OLYMPUS_URL", url.clone()),
            ("APPLE_DEVELOPER_PORTAL_URL", url.clone()),
            ("APPLE_CERTIFICATE_AUTHORITY_URL", format!("{url}/files")),
            ("BITRISE_CERTIFICATE_URL", certificates.join("|")),
            ("BITRISE_CERTIFICATE_PASSPHRASE", self.passphrases.clone()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }
}

fn bind(port: u16) -> anyhow::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))
        .with_context(|| format!("port {port} can't be used"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn router(state: &Shared, scheme: &'static str) -> Router {
    let state = Arc::clone(state);
    Router::new().fallback(move |request| serve(request, Arc::clone(&state), scheme))
}

/// Answers leave at once: to wait for more to send with them would add 40 ms to some.
fn at_once(listener: tokio::net::TcpListener) -> impl Listener<Addr = SocketAddr> {
    listener.tap_io(|stream| {
        // A stream that can't do it is as good, only slower.
        let _ = stream.set_nodelay(true);
    })
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
