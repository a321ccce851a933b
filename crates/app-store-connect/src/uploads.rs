//! Apps, builds, and the uploads of builds.
//!
//! Apple's documentation: <https://developer.apple.com/documentation/appstoreconnectapi/build-uploads>

use apple_types::StorePlatform;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use transport::Method;

use crate::call::{Call, Linked, creation};
use crate::date;
use crate::document::{self, Many, One};

/// An app.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// Its name.
    #[serde(default, deserialize_with = "document::nullable")]
    pub name: String,
    /// Its bundle ID.
    #[serde(default, deserialize_with = "document::nullable")]
    pub bundle_id: String,
}

/// Lists the apps with a bundle ID. Apple's filter may match parts: compare before use.
#[derive(Debug, Clone)]
pub struct AppsByBundleId<'a>(pub &'a str);

impl Call for AppsByBundleId<'_> {
    type Answer = Many<App>;

    fn path(&self) -> String {
        "v1/apps".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("filter[bundleId]", self.0.to_owned()),
            ("fields[apps]", "name,bundleId".to_owned()),
            ("limit", "200".to_owned()),
        ]
    }
}

/// The app with an ID.
#[derive(Debug, Clone)]
pub struct AppById<'a>(pub &'a str);

impl Call for AppById<'_> {
    type Answer = One<App>;

    fn path(&self) -> String {
        format!("v1/apps/{}", self.0)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("fields[apps]", "name,bundleId".to_owned())]
    }
}

/// What Apple says about the state of something: a code and words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct StateDetail {
    /// The code, such as `90189`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub code: String,
    /// The words.
    #[serde(default, deserialize_with = "document::nullable")]
    pub description: String,
}

impl std::fmt::Display for StateDetail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.description.as_str(), self.code.as_str()) {
            ("", code) => f.write_str(code),
            (words, "") => f.write_str(words),
            (words, code) => write!(f, "{words} ({code})"),
        }
    }
}

/// The state of an upload or a file, with what Apple found.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct State {
    /// `AWAITING_UPLOAD`, `PROCESSING`, `UPLOAD_COMPLETE`, `COMPLETE` or `FAILED`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub state: String,
    /// What went wrong.
    #[serde(default, deserialize_with = "document::nullable")]
    pub errors: Vec<StateDetail>,
    /// What should be looked at.
    #[serde(default, deserialize_with = "document::nullable")]
    pub warnings: Vec<StateDetail>,
}

/// An upload of a build.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildUpload {
    /// The version, `CFBundleShortVersionString`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub cf_bundle_short_version_string: String,
    /// The build number, `CFBundleVersion`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub cf_bundle_version: String,
    /// `IOS`, `MAC_OS`, `TV_OS` or `VISION_OS`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub platform: String,
    /// How far it is.
    #[serde(default, deserialize_with = "document::nullable")]
    pub state: State,
    /// When it was begun.
    #[serde(default, deserialize_with = "date::lenient")]
    pub created_date: Option<OffsetDateTime>,
    /// When its file was there.
    #[serde(default, deserialize_with = "date::lenient")]
    pub uploaded_date: Option<OffsetDateTime>,
}

/// What an upload is called: it is the only one of its app by these.
#[derive(Debug, Clone, Copy)]
pub struct BuildName<'a> {
    /// The app's ID.
    pub app: &'a str,
    /// The version, `CFBundleShortVersionString`.
    pub short_version: &'a str,
    /// The build number, `CFBundleVersion`.
    pub version: &'a str,
    /// The platform.
    pub platform: StorePlatform,
}

impl BuildName<'_> {
    fn trains(&self) -> String {
        trains(self.short_version)
    }
}

/// A version in every spelling of its train, comma-separated as a filter takes them: `1.2` and `1.2.0` are one train,
/// and only the spelling that was uploaded first can be queried (rorkai/App-Store-Connect-CLI, 2026-08).
pub fn trains(version: &str) -> String {
    spellings(version).join(",")
}

fn spellings(version: &str) -> Vec<String> {
    let parts: Vec<&str> = version.split('.').collect();
    let is_numeric = parts
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let mut spellings = vec![version.to_owned()];
    if !is_numeric {
        return spellings;
    }
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let last = parts.iter().rposition(|part| !is_zero(part)).unwrap_or(0);
    let mut padded = parts[..=last].join(".");
    for _ in last..parts.len().max(3) {
        if !spellings.contains(&padded) {
            spellings.push(padded.clone());
        }
        padded.push_str(".0");
    }
    spellings
}

/// Begins an upload.
#[derive(Debug, Clone)]
pub struct CreateBuildUpload<'a>(pub BuildName<'a>);

impl Call for CreateBuildUpload<'_> {
    type Answer = One<BuildUpload>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> String {
        "v1/buildUploads".to_owned()
    }

    fn body(&self) -> Option<Value> {
        let attributes = json!({
            "cfBundleShortVersionString": self.0.short_version,
            "cfBundleVersion": self.0.version,
            "platform": self.0.platform.api_name(),
        });
        Some(creation(
            "buildUploads",
            attributes,
            &[("app", Linked::One("apps", self.0.app))],
        ))
    }
}

/// The upload with an ID, with its build where there is one.
#[derive(Debug, Clone)]
pub struct BuildUploadById<'a>(pub &'a str);

impl Call for BuildUploadById<'_> {
    type Answer = One<BuildUpload>;

    fn path(&self) -> String {
        format!("v1/buildUploads/{}", self.0)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("include", "build".to_owned())]
    }
}

/// The uploads of an app by name, with their builds.
#[derive(Debug, Clone)]
pub struct BuildUploadsNamed<'a>(pub BuildName<'a>);

impl Call for BuildUploadsNamed<'_> {
    type Answer = Many<BuildUpload>;

    fn path(&self) -> String {
        format!("v1/apps/{}/buildUploads", self.0.app)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("filter[cfBundleShortVersionString]", self.0.trains()),
            ("filter[cfBundleVersion]", self.0.version.to_owned()),
            ("filter[platform]", self.0.platform.api_name().to_owned()),
            ("include", "build".to_owned()),
            ("limit", "200".to_owned()),
        ]
    }
}

/// Withdraws an upload that is not finished.
#[derive(Debug, Clone)]
pub struct DeleteBuildUpload<'a>(pub &'a str);

impl Call for DeleteBuildUpload<'_> {
    type Answer = ();

    fn method(&self) -> Method {
        Method::DELETE
    }

    fn path(&self) -> String {
        format!("v1/buildUploads/{}", self.0)
    }
}

/// A file of an upload.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildUploadFile {
    /// Where its parts go.
    #[serde(default, deserialize_with = "document::nullable")]
    pub upload_operations: Vec<UploadOperation>,
    /// How far it is.
    #[serde(default, deserialize_with = "document::nullable")]
    pub asset_delivery_state: State,
    /// `ASSET` for the package, others for what altool sends beside it.
    #[serde(default, deserialize_with = "document::nullable")]
    pub asset_type: String,
    /// The file's name.
    #[serde(default, deserialize_with = "document::nullable")]
    pub file_name: String,
    /// Its size in bytes.
    #[serde(default, deserialize_with = "document::nullable")]
    pub file_size: u64,
    /// Its checksums, where they are known.
    #[serde(default, deserialize_with = "document::nullable")]
    pub source_file_checksums: Checksums,
}

impl BuildUploadFile {
    /// Whether all of it is there, in Apple's words: `UPLOAD_COMPLETE` or `COMPLETE`.
    pub fn is_complete(&self) -> bool {
        matches!(
            self.asset_delivery_state.state.as_str(),
            "UPLOAD_COMPLETE" | "COMPLETE"
        )
    }
}

/// The checksums of a file.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Checksums {
    /// That of the whole file.
    #[serde(default, deserialize_with = "document::nullable")]
    pub file: Checksum,
}

/// A checksum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Checksum {
    /// Hexadecimal digits, of either case; empty where it is not known.
    #[serde(default, deserialize_with = "document::nullable")]
    pub hash: String,
    /// `MD5` or `SHA_256`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub algorithm: String,
}

/// The files of an upload.
#[derive(Debug, Clone)]
pub struct FilesOfUpload<'a>(pub &'a str);

impl Call for FilesOfUpload<'_> {
    type Answer = Many<BuildUploadFile>;

    fn path(&self) -> String {
        format!("v1/buildUploads/{}/buildUploadFiles", self.0)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("limit", "50".to_owned())]
    }
}

/// Where a part of a file goes. The URL carries its own authorisation.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadOperation {
    /// The method.
    #[serde(default = "put")]
    pub method: String,
    /// The URL: a secret.
    pub url: String,
    /// Where the part begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
    /// The headers to send.
    #[serde(default, deserialize_with = "document::nullable")]
    pub request_headers: Vec<Header>,
}

/// A header to send.
#[derive(Clone, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value: it may be a secret.
    #[serde(default, deserialize_with = "document::nullable")]
    pub value: String,
}

impl std::fmt::Debug for UploadOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UploadOperation({} bytes at {})", self.length, self.offset)
    }
}

fn put() -> String {
    "PUT".to_owned()
}

/// Reserves room for a file.
#[derive(Debug, Clone)]
pub struct ReserveFile<'a> {
    /// The upload's ID.
    pub upload: &'a str,
    /// The file's name.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// Its kind, such as `com.apple.ipa`.
    pub uti: &'a str,
}

impl Call for ReserveFile<'_> {
    type Answer = One<BuildUploadFile>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> String {
        "v1/buildUploadFiles".to_owned()
    }

    fn body(&self) -> Option<Value> {
        let attributes =
            json!({"assetType": "ASSET", "fileName": self.name, "fileSize": self.size, "uti": self.uti});
        let upload = Linked::One("buildUploads", self.upload);
        Some(creation(
            "buildUploadFiles",
            attributes,
            &[("buildUpload", upload)],
        ))
    }
}

/// Says that all parts of a file were sent.
#[derive(Debug, Clone)]
pub struct CommitFile<'a> {
    /// The file's ID.
    pub id: &'a str,
    /// The SHA-256 of the whole file, hexadecimal.
    pub sha256: &'a str,
}

impl Call for CommitFile<'_> {
    type Answer = One<BuildUploadFile>;

    fn method(&self) -> Method {
        Method::PATCH
    }

    fn path(&self) -> String {
        format!("v1/buildUploadFiles/{}", self.id)
    }

    fn body(&self) -> Option<Value> {
        let checksums = json!({"file": {"hash": self.sha256, "algorithm": "SHA_256"}});
        let attributes = json!({"uploaded": true, "sourceFileChecksums": checksums});
        Some(json!({"data": {"type": "buildUploadFiles", "id": self.id, "attributes": attributes}}))
    }
}

/// The file with an ID.
#[derive(Debug, Clone)]
pub struct FileById<'a>(pub &'a str);

impl Call for FileById<'_> {
    type Answer = One<BuildUploadFile>;

    fn path(&self) -> String {
        format!("v1/buildUploadFiles/{}", self.0)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("fields[buildUploadFiles]", "assetDeliveryState".to_owned())]
    }
}

/// A build.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Build {
    /// The build number.
    #[serde(default, deserialize_with = "document::nullable")]
    pub version: String,
    /// `PROCESSING`, `FAILED`, `INVALID` or `VALID`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub processing_state: String,
    /// When it was uploaded.
    #[serde(default, deserialize_with = "date::lenient")]
    pub uploaded_date: Option<OffsetDateTime>,
}

const BUILD_FIELDS: &str = "version,processingState,uploadedDate";

/// The builds of an app on a platform, whatever their version.
#[derive(Debug, Clone)]
pub struct BuildsOfApp<'a> {
    /// The app's ID.
    pub app: &'a str,
    /// The platform.
    pub platform: StorePlatform,
}

impl Call for BuildsOfApp<'_> {
    type Answer = Many<Build>;

    fn path(&self) -> String {
        "v1/builds".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("filter[app]", self.app.to_owned()),
            (
                "filter[preReleaseVersion.platform]",
                self.platform.api_name().to_owned(),
            ),
            ("fields[builds]", BUILD_FIELDS.to_owned()),
            ("limit", "200".to_owned()),
        ]
    }
}

/// The uploads of an app on a platform that are under way.
#[derive(Debug, Clone)]
pub struct UploadsInProgress<'a> {
    /// The app's ID.
    pub app: &'a str,
    /// The platform.
    pub platform: StorePlatform,
}

impl Call for UploadsInProgress<'_> {
    type Answer = Many<BuildUpload>;

    fn path(&self) -> String {
        format!("v1/apps/{}/buildUploads", self.app)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("filter[platform]", self.platform.api_name().to_owned()),
            ("filter[state]", "AWAITING_UPLOAD,PROCESSING,COMPLETE".to_owned()),
            ("limit", "200".to_owned()),
        ]
    }
}

/// A version of an app in the App Store, or on its way there.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppStoreVersion {
    /// The version, such as `1.2`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub version_string: String,
    /// The state in today's words, such as `READY_FOR_DISTRIBUTION`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub app_version_state: String,
    /// The state in the older words, such as `READY_FOR_SALE`.
    #[serde(default, deserialize_with = "document::nullable")]
    pub app_store_state: String,
}

impl AppStoreVersion {
    /// Whether it is approved, so that it and lower versions take no more builds. A rejected or pending one does.
    pub fn is_closed(&self) -> bool {
        // AppVersionState and AppStoreVersionState of Apple's document 4.4.1.
        const CLOSED: [&str; 12] = [
            "ACCEPTED",
            "PENDING_APPLE_RELEASE",
            "PENDING_DEVELOPER_RELEASE",
            "PENDING_CONTRACT",
            "PROCESSING_FOR_DISTRIBUTION",
            "PROCESSING_FOR_APP_STORE",
            "PREORDER_READY_FOR_SALE",
            "READY_FOR_DISTRIBUTION",
            "READY_FOR_SALE",
            "REMOVED_FROM_SALE",
            "DEVELOPER_REMOVED_FROM_SALE",
            "REPLACED_WITH_NEW_VERSION",
        ];
        [&self.app_version_state, &self.app_store_state]
            .iter()
            .any(|state| CLOSED.contains(&state.as_str()))
    }
}

/// The App Store versions of an app on a platform.
#[derive(Debug, Clone)]
pub struct AppStoreVersionsOf<'a> {
    /// The app's ID.
    pub app: &'a str,
    /// The platform.
    pub platform: StorePlatform,
}

impl Call for AppStoreVersionsOf<'_> {
    type Answer = Many<AppStoreVersion>;

    fn path(&self) -> String {
        format!("v1/apps/{}/appStoreVersions", self.app)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("filter[platform]", self.platform.api_name().to_owned()),
            (
                "fields[appStoreVersions]",
                "versionString,appVersionState,appStoreState".to_owned(),
            ),
            ("limit", "200".to_owned()),
        ]
    }
}

/// A version that builds belong to: a train.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreReleaseVersion {
    /// The version as it was spelled with its first build.
    #[serde(default, deserialize_with = "document::nullable")]
    pub version: String,
}

/// The train that builds of a version join, in any spelling: `1.2` and `1.2.0` are one train.
#[derive(Debug, Clone)]
pub struct TrainOf<'a>(pub BuildName<'a>);

impl Call for TrainOf<'_> {
    type Answer = Many<PreReleaseVersion>;

    fn path(&self) -> String {
        "v1/preReleaseVersions".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("filter[app]", self.0.app.to_owned()),
            ("filter[platform]", self.0.platform.api_name().to_owned()),
            ("filter[version]", self.0.trains()),
            ("fields[preReleaseVersions]", "version".to_owned()),
        ]
    }
}

/// The builds of an app by name.
#[derive(Debug, Clone)]
pub struct BuildsNamed<'a>(pub BuildName<'a>);

impl Call for BuildsNamed<'_> {
    type Answer = Many<Build>;

    fn path(&self) -> String {
        "v1/builds".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("filter[app]", self.0.app.to_owned()),
            ("filter[version]", self.0.version.to_owned()),
            ("filter[preReleaseVersion.version]", self.0.trains()),
            (
                "filter[preReleaseVersion.platform]",
                self.0.platform.api_name().to_owned(),
            ),
            ("fields[builds]", BUILD_FIELDS.to_owned()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_train_has_several_spellings() {
        for (version, expected) in [
            ("1.2", "1.2,1.2.0"),
            ("1.2.0", "1.2.0,1.2"),
            ("2", "2,2.0,2.0.0"),
            ("1.2.3", "1.2.3"),
            ("0.0", "0.0,0,0.0.0"),
            ("1.2-beta", "1.2-beta"),
            ("", ""),
        ] {
            assert_eq!(spellings(version).join(","), expected, "{version}");
        }
    }

    #[test]
    fn approved_versions_are_closed() {
        let version = |state: &str| AppStoreVersion {
            version_string: "1.0".to_owned(),
            app_version_state: state.to_owned(),
            app_store_state: String::new(),
        };
        assert!(version("READY_FOR_DISTRIBUTION").is_closed());
        assert!(version("PENDING_DEVELOPER_RELEASE").is_closed());
        for open in [
            "PREPARE_FOR_SUBMISSION",
            "REJECTED",
            "DEVELOPER_REJECTED",
            "WAITING_FOR_REVIEW",
            "",
        ] {
            assert!(!version(open).is_closed(), "{open}");
        }
    }
}
