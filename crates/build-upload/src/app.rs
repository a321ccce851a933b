//! Which app a package belongs to.

use app_store_connect::uploads::{AppById, AppsByBundleId};
use app_store_connect::{Client, Error as AscError};

use crate::error::UploadError;

/// An app of App Store Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TheApp {
    /// Its ID, a number.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its bundle ID.
    pub bundle_id: String,
}

/// Finds the app: by its ID where one is given, else by the bundle ID of the package.
///
/// # Errors
/// When there is none, it is another one than the package's, or App Store Connect can't be asked.
pub async fn find_app(client: &Client, app_id: Option<&str>, bundle_id: &str) -> Result<TheApp, UploadError> {
    let found = match app_id {
        Some(id) => match client.send(&AppById(id)).await {
            Ok(app) => app.data,
            Err(AscError::Refused(refusal)) if refusal.status == transport::StatusCode::NOT_FOUND => {
                return Err(UploadError::NoApp(format!("ID {id}")));
            }
            Err(error) => return Err(UploadError::api("look for the app")(error)),
        },
        None => {
            let listed = client.items(&AppsByBundleId(bundle_id)).await;
            let listed = listed.map_err(UploadError::api("look for the app"))?;
            let exact = listed
                .data
                .into_iter()
                .find(|app| app.attributes.bundle_id == bundle_id);
            exact.ok_or_else(|| UploadError::NoApp(format!("bundle ID {bundle_id}")))?
        }
    };
    if !found.attributes.bundle_id.is_empty() && found.attributes.bundle_id != bundle_id {
        return Err(UploadError::OtherApp {
            id: found.id,
            found: found.attributes.bundle_id,
            package: bundle_id.to_owned(),
        });
    }
    Ok(TheApp {
        id: found.id,
        name: found.attributes.name,
        bundle_id: bundle_id.to_owned(),
    })
}
