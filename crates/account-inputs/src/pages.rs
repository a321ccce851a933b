//! Where a person manages accounts on Bitrise and at Apple, named as the documentation names the pages.
//!
//! Source: docs.bitrise.io, "Connecting to an Apple service with API key" and "Connecting to an Apple service with
//! Apple ID", 2026-08-19. Every message that sends a person to one of these pages uses these constants.

/// Where a workspace keeps its API keys.
pub const API_KEYS: &str = "Workspace settings > Integrations > App Store Connect";

/// Where an account is assigned to an app.
pub const ASSIGN: &str = "Project settings > Integrations > Stores";

/// Where a person connects an Apple ID.
pub const APPLE_ID: &str = "Account settings > Apple Service connection";

/// Where a person renews the session of a connected Apple ID.
pub const REAUTHENTICATE: &str = "Account settings > Apple Service connection > Re-authenticate (2SA/2FA)";

/// Where Apple shows the IDs of API keys and their issuer.
pub const APPLE_KEYS: &str = "App Store Connect > Users and Access > Integrations";
