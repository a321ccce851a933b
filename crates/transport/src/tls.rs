//! TLS set-up that every client of the process shares.

use std::sync::Once;

/// Installs ring as the process's cryptography; building a client without it would panic.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Fails only when another part of the process was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
