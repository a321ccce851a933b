//! Apple ID sessions and the Developer Portal's web services.
