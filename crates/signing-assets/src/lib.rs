//! Signing identities, provisioning profiles, keychains.
