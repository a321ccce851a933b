//! Distribution methods.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Distribution method of the exported app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Debugging on registered devices.
    Development,
    /// App Store and TestFlight.
    AppStore,
    /// Registered devices, without a debugger.
    AdHoc,
    /// In-house, for members of the Enterprise Program.
    Enterprise,
    /// Mac software outside the store, signed with a Developer ID.
    DeveloperId,
}

impl Distribution {
    /// The word in profile names and inputs, such as `ad-hoc`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::AppStore => "app-store",
            Self::AdHoc => "ad-hoc",
            Self::Enterprise => "enterprise",
            Self::DeveloperId => "developer-id",
        }
    }

    /// Whether profiles of this distribution list devices one by one.
    pub fn lists_devices(self) -> bool {
        matches!(self, Self::Development | Self::AdHoc)
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
