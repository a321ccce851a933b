//! What Apple is like: the changes of its services that clients notice, each with a switch. `docs/apple-changes.md` lists
//! them with dates and sources.

use serde::{Deserialize, Serialize};

/// The state of Apple's services at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Era {
    /// June 2025: profile templates are gone, and the sign-in key is still at its old address.
    #[serde(rename = "2025-06")]
    June2025,
    /// November 2026.
    #[default]
    #[serde(rename = "2026-11")]
    November2026,
}

impl Era {
    /// Every era, oldest first.
    pub const ALL: [Self; 2] = [Self::June2025, Self::November2026];

    /// What holds in it.
    pub fn switches(self) -> Switches {
        match self {
            Self::June2025 => Switches {
                key_in_config: true,
                // Whether the redirect named the key then is not known; without it clients must fall back.
                key_in_logout: false,
                developer_id_g2: false,
            },
            Self::November2026 => Switches {
                key_in_config: false,
                key_in_logout: true,
                developer_id_g2: true,
            },
        }
    }
}

/// The single changes, so that a test can have each alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// `GET /olympus/v1/app/config` names the sign-in key; else it answers 404 with a page, as since 2026-09-10.
    pub key_in_config: bool,
    /// The redirect of `/logout` names the sign-in key.
    pub key_in_logout: bool,
    /// `DEVELOPER_ID_APPLICATION_G2` is a value of the certificate filter: not from June 2025 to June 2026, although
    /// lists without a filter held such certificates (fastlane #29587, #29884; codemagic #498).
    pub developer_id_g2: bool,
}
