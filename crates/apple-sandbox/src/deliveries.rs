//! Builds that come by altool, what goes wrong with altool, and the App Store versions that close a train.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use crate::answer::answer;
use crate::state::State;
use crate::uploads::Delivery;

/// An App Store version of an app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppVersion {
    /// The version, such as `1.2`.
    pub version: String,
    /// Its state, such as `READY_FOR_DISTRIBUTION`.
    pub state: String,
    /// `IOS`, `MAC_OS`, `TV_OS` or `VISION_OS`.
    #[serde(default = "ios")]
    pub platform: String,
}

fn ios() -> String {
    "IOS".to_owned()
}

/// What goes wrong with one run of altool. Each was reported by users; the sources stand in `tools/altool.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fault")]
pub enum AltoolFault {
    /// It dies of a signal in the middle of the upload.
    Crash,
    /// It dies of a signal after the upload.
    CrashAfterDelivery,
    /// It delivers, and says nothing.
    Silent,
    /// It delivers nothing, and says nothing; exit status 0.
    Nothing,
    /// It delivers, says so, and exits with 1.
    ExitStatus,
    /// It delivers, and names error lines that are none.
    HarmlessErrors,
    /// It is refused, and exits with 0 (Xcode 26.0).
    Refused {
        /// altool's code.
        code: i64,
        /// The title.
        message: String,
        /// Apple's reason.
        reason: String,
    },
    /// It names a delivery beside errors, and exits with 0 (Xcode 26.0).
    DeliveryBesideErrors,
    /// Apple's storage fails: 504.
    GatewayTimeout,
    /// The connection is lost: -1005.
    ConnectionLost,
    /// It can't authenticate: -19209.
    NotAuthenticated,
    /// It can't look the app up: -19201.
    AppLookup,
    /// It can't tell the app from its bundle ID: -19237.
    AppNotDetermined,
    /// It sends a part again and again, until it is stopped.
    RetryLoop,
    /// It prints nothing until it is stopped.
    Hang,
}

/// A build that came by another way than the Build Uploads API.
#[derive(Deserialize)]
struct Delivered {
    bundle_id: String,
    version: String,
    short_version: String,
    platform: String,
    #[serde(default)]
    app: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    md5: String,
    #[serde(default)]
    sha256: String,
    /// What the Info.plist says; `None` where Apple asks.
    #[serde(default)]
    uses_non_exempt_encryption: Option<bool>,
    #[serde(default)]
    min_os_version: Option<String>,
}

/// Takes a build over: 404 when no app has its bundle ID, 409 when its number is used.
pub(crate) fn take(body: &[u8], state: &mut State) -> Response {
    let delivered: Delivered = match serde_json::from_slice(body) {
        Ok(delivered) => delivered,
        Err(error) => return answer(400, &json!({"error": error.to_string()})),
    };
    let app = state.apps.iter().find(|app| match &delivered.app {
        Some(id) => app.id == *id,
        None => app.bundle_id == delivered.bundle_id,
    });
    let Some(app) = app else {
        return answer(404, &json!({"error": "no app has this bundle ID"}));
    };
    if app.bundle_id != delivered.bundle_id {
        return answer(422, &json!({"error": app.bundle_id}));
    }
    let app = app.id.clone();
    if state.is_used(
        &app,
        &delivered.short_version,
        &delivered.version,
        &delivered.platform,
    ) {
        return answer(409, &json!({"error": "the build number is used"}));
    }
    let (id, file) = (state.fresh.id(), state.fresh.id());
    let delivery = Delivery {
        app,
        short_version: delivered.short_version,
        version: delivered.version,
        platform: delivered.platform,
        name: delivered.name,
        size: delivered.size,
        md5: delivered.md5,
        sha256: delivered.sha256,
        uses_encryption: delivered.uses_non_exempt_encryption,
        minimum_os: delivered.min_os_version,
    };
    let now = OffsetDateTime::now_utc();
    state.uploads.take_over(delivery, [id.clone(), file], now);
    answer(201, &json!({"id": id}))
}

impl State {
    /// Whether a build number is used: by a build, or by an upload that did not fail.
    pub(crate) fn is_used(&self, app: &str, short_version: &str, version: &str, platform: &str) -> bool {
        let number = [app, short_version, version, platform];
        let by_upload = self.uploads.iter().any(|one| {
            one.state != "FAILED" && number == [&one.app, &one.short_version, &one.version, &one.platform]
        });
        let by_build = self
            .builds
            .iter()
            .any(|one| number == [&one.app, &one.short_version, &one.version, &one.platform]);
        by_upload || by_build
    }
}
