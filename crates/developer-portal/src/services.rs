//! The portal's older services, `https://developer.apple.com/services-account/QH65B2/`, for one team.
//!
//! Undocumented; facts as of 2026-11-25 from fastlane's spaceship: nearly everything is a `POST` of a form, lists too; lists come in pages of 500 whose totals are not to be
//! trusted; a list for devices, certificates or profiles is one for iOS or one for the Mac.

use apple_types::{BundleIdentifier, TeamId, Udid};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;

use crate::envelope::Refusal;
use crate::resources::{AppId, Assignable, Associated, Certificate, Device, Profile, ProfileRequest, Slug};
use crate::session::{Call, Kind, Session, SessionError};
use crate::v1::V1;

/// How many items a page has.
const PAGE: usize = 500;

/// More pages than any team has.
const MOST_PAGES: usize = 100;

/// The kinds of certificates that sign iOS, tvOS and watchOS apps: development, distribution, in-house; and the two that
/// serve every platform.
const IOS_CERTIFICATES: &str = "5QPB9NHCEI,83Q87W3TGH,R58UK2EWSO,WXV89964HE,9RQEK7MSXA";

/// The same for the Mac, with both Developer IDs.
const MAC_CERTIFICATES: &str = "749Y1QAGU7,83Q87W3TGH,HXZEUKP0FP,WXV89964HE,W0EURJRMC5,DIVN2GW3XT";

type Pairs = Vec<(&'static str, String)>;

/// The services, for one team.
#[derive(Debug, Clone, Copy)]
pub struct Services<'a> {
    session: &'a Session,
    team_id: &'a TeamId,
}

impl<'a> Services<'a> {
    /// The services of `session` for the team with this ID.
    pub fn new(session: &'a Session, team_id: &'a TeamId) -> Self {
        Self { session, team_id }
    }

    /// The newer services, for the same team.
    pub fn v1(&self) -> V1<'a> {
        V1::new(self.session, self.team_id)
    }

    fn call<'c>(&self, kind: Kind, path: &'c str, writes: bool, pairs: Pairs) -> Call<'c> {
        let mut all = vec![("teamId", self.team_id.to_string())];
        all.extend(pairs);
        Call {
            kind,
            other_kind: None,
            path,
            pairs: all,
            writes,
        }
    }

    async fn list<T: DeserializeOwned>(
        &self,
        kind: Kind,
        path: &str,
        payload: &'static str,
        pairs: Pairs,
    ) -> Result<Vec<T>, SessionError> {
        let mut all = Vec::new();
        for number in 1..=MOST_PAGES {
            let mut page = vec![("pageNumber", number.to_string()), ("pageSize", PAGE.to_string())];
            page.extend(pairs.iter().cloned());
            if !pairs.iter().any(|(key, _)| *key == "sort") {
                page.push(("sort", "name=asc".to_owned()));
            }
            let items: Vec<T> = self
                .session
                .ask(&self.call(kind, path, false, page), payload)
                .await?;
            let is_last = items.len() < PAGE;
            all.extend(items);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Every device, removed ones included.
    ///
    /// # Errors
    /// When the portal does not list them.
    pub async fn devices(&self, slug: Slug) -> Result<Vec<Device>, SessionError> {
        let path = format!("account/{}/device/listDevices.action", slug.as_str());
        let pairs = vec![("includeRemovedDevices", "true".to_owned())];
        self.list(Kind::Device, &path, "devices", pairs).await
    }

    /// Registers a device.
    ///
    /// # Errors
    /// When the portal does not take it, for the reason it gives.
    pub async fn add_device(&self, slug: Slug, name: &str, udid: &Udid) -> Result<Device, SessionError> {
        let path = format!("account/{}/device/addDevices.action", slug.as_str());
        let class = if slug == Slug::Mac { "mac" } else { "iphone" };
        let pairs = vec![
            ("deviceClasses", class.to_owned()),
            ("deviceNumbers", udid.to_string()),
            // Apple takes fifty characters.
            ("deviceNames", name.chars().take(50).collect()),
            ("register", "single".to_owned()),
        ];
        let devices: Vec<Device> = self
            .session
            .ask(&self.call(Kind::Device, &path, true, pairs), "devices")
            .await?;
        // A device that was not taken is no error for the portal, only missing.
        devices
            .into_iter()
            .next()
            .ok_or(SessionError::Portal(Refusal::Device(udid.to_string())))
    }

    /// Every App ID, without features.
    ///
    /// # Errors
    /// When the portal does not list them.
    pub async fn app_ids(&self, slug: Slug) -> Result<Vec<AppId>, SessionError> {
        let path = format!("account/{}/identifiers/listAppIds.action", slug.as_str());
        self.list(Kind::AppId, &path, "appIds", Vec::new()).await
    }

    /// An App ID with its features and what is associated with it.
    ///
    /// # Errors
    /// When the portal does not show it.
    pub async fn app_id(&self, slug: Slug, id: &str) -> Result<AppId, SessionError> {
        let path = format!("account/{}/identifiers/getAppIdDetail.action", slug.as_str());
        let call = self.call(Kind::AppId, &path, false, vec![("appIdId", id.to_owned())]);
        self.session.ask(&call, "appId").await
    }

    /// Creates an App ID.
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn add_app_id(
        &self,
        slug: Slug,
        identifier: &BundleIdentifier,
        name: &str,
    ) -> Result<AppId, SessionError> {
        let path = format!("account/{}/identifiers/addAppId.action", slug.as_str());
        let mut pairs = vec![("identifier", identifier.to_string()), ("name", name.to_owned())];
        if identifier.is_wildcard() {
            pairs.push(("type", "wildcard".to_owned()));
        } else {
            pairs.push(("type", "explicit".to_owned()));
            pairs.push(("inAppPurchase", "on".to_owned()));
            pairs.push(("gameCenter", "on".to_owned()));
        }
        let call = self.call(Kind::AppId, &path, true, pairs);
        self.session.ask(&call, "appId").await
    }

    /// Sets a feature of an App ID.
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn set_feature(&self, app_id: &str, feature: &str, value: &str) -> Result<(), SessionError> {
        // Push notifications have a separate service.
        let path = if feature == "push" {
            "account/ios/identifiers/updatePushService.action"
        } else {
            "account/ios/identifiers/updateService.action"
        };
        let pairs = vec![
            ("displayId", app_id.to_owned()),
            ("featureType", feature.to_owned()),
            ("featureValue", value.to_owned()),
        ];
        self.session
            .perform(&self.call(Kind::AppId, path, true, pairs))
            .await
    }

    /// The team's App Groups or iCloud containers.
    ///
    /// # Errors
    /// When the portal does not list them.
    pub async fn assignables(&self, what: Assignable) -> Result<Vec<Associated>, SessionError> {
        let (kind, path, payload) = match what {
            Assignable::AppGroups => (
                Kind::AppGroup,
                "account/ios/identifiers/listApplicationGroups.action",
                "applicationGroupList",
            ),
            Assignable::CloudContainers => (
                Kind::CloudContainer,
                "account/cloudContainer/listCloudContainers.action",
                "cloudContainerList",
            ),
        };
        self.list(kind, path, payload, Vec::new()).await
    }

    /// Creates an App Group or an iCloud container.
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn add_assignable(
        &self,
        what: Assignable,
        identifier: &str,
        name: &str,
    ) -> Result<Associated, SessionError> {
        let (kind, path, payload) = match what {
            Assignable::AppGroups => (
                Kind::AppGroup,
                "account/ios/identifiers/addApplicationGroup.action",
                "applicationGroup",
            ),
            Assignable::CloudContainers => (
                Kind::CloudContainer,
                "account/cloudContainer/addCloudContainer.action",
                "cloudContainer",
            ),
        };
        let pairs = vec![("identifier", identifier.to_owned()), ("name", name.to_owned())];
        self.session
            .ask(&self.call(kind, path, true, pairs), payload)
            .await
    }

    /// Associates the App Groups or iCloud containers with these portal IDs with an App ID: all that it shall have.
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn assign(&self, what: Assignable, app_id: &str, ids: &[String]) -> Result<(), SessionError> {
        let (path, key) = match what {
            Assignable::AppGroups => (
                "account/ios/identifiers/assignApplicationGroupToAppId.action",
                "applicationGroups",
            ),
            Assignable::CloudContainers => (
                "account/ios/identifiers/assignCloudContainerToAppId.action",
                "cloudContainers",
            ),
        };
        let mut pairs = vec![("appIdId", app_id.to_owned()), ("displayId", app_id.to_owned())];
        pairs.extend(repeated(key, ids));
        // Public clients take the token of the identifiers that are assigned (spaceship 2.146 and 2.237; fastlane #22118);
        // whether that of App IDs does, too, is not known.
        let kind = match what {
            Assignable::AppGroups => Kind::AppGroup,
            Assignable::CloudContainers => Kind::CloudContainer,
        };
        let call = Call {
            other_kind: Some(Kind::AppId),
            ..self.call(kind, path, true, pairs)
        };
        self.session.perform(&call).await
    }

    /// The certificates that sign apps.
    ///
    /// # Errors
    /// When the portal does not list them.
    pub async fn certificates(&self, slug: Slug) -> Result<Vec<Certificate>, SessionError> {
        let path = format!("account/{}/certificate/listCertRequests.action", slug.as_str());
        let types = match slug {
            Slug::Ios => IOS_CERTIFICATES,
            Slug::Mac => MAC_CERTIFICATES,
        };
        let pairs = vec![
            ("types", types.to_owned()),
            ("sort", "certRequestStatusCode=asc".to_owned()),
        ];
        self.list(Kind::Certificate, &path, "certRequests", pairs).await
    }

    /// A certificate in DER.
    ///
    /// # Errors
    /// When the portal does not give it.
    pub async fn download_certificate(
        &self,
        slug: Slug,
        certificate: &Certificate,
    ) -> Result<Vec<u8>, SessionError> {
        let path = format!(
            "account/{}/certificate/downloadCertificateContent.action",
            slug.as_str()
        );
        let pairs = vec![
            ("certificateId", certificate.certificate_id.clone()),
            ("type", certificate.certificate_type_display_id.clone()),
        ];
        let call = self.call(Kind::Certificate, &path, false, pairs);
        // DER begins with a sequence.
        self.session
            .download(&call, |bytes| bytes.first() == Some(&0x30))
            .await
    }

    /// Every profile, expired and invalid ones included.
    ///
    /// # Errors
    /// When the portal does not list them.
    pub async fn profiles(&self, slug: Slug) -> Result<Vec<Profile>, SessionError> {
        let path = format!(
            "account/{}/profile/listProvisioningProfiles.action",
            slug.as_str()
        );
        let pairs = vec![
            ("includeInactiveProfiles", "true".to_owned()),
            ("onlyCountLists", "true".to_owned()),
        ];
        self.list(Kind::Profile, &path, "provisioningProfiles", pairs)
            .await
    }

    /// Creates a profile.
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn create_profile(&self, request: ProfileRequest<'_>) -> Result<Profile, SessionError> {
        let path = format!(
            "account/{}/profile/createProvisioningProfile.action",
            request.slug.as_str()
        );
        let mut pairs = profile_pairs(request);
        pairs.extend(repeated("certificateIds", request.certificates));
        let call = self.call(Kind::Profile, &path, true, pairs);
        self.session.ask(&call, "provisioningProfile").await
    }

    /// Recreates a profile in its place: its name is never free in between.
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn repair_profile(
        &self,
        id: &str,
        request: ProfileRequest<'_>,
    ) -> Result<Profile, SessionError> {
        let path = format!(
            "account/{}/profile/regenProvisioningProfile.action",
            request.slug.as_str()
        );
        let mut pairs = profile_pairs(request);
        pairs.push(("provisioningProfileId", id.to_owned()));
        // Here, and only here, they are one value.
        pairs.push(("certificateIds", request.certificates.join(",")));
        let call = self.call(Kind::Profile, &path, true, pairs);
        self.session.ask(&call, "provisioningProfile").await
    }

    /// Deletes a profile.
    ///
    /// # Errors
    /// When the portal does not.
    pub async fn delete_profile(&self, slug: Slug, id: &str) -> Result<(), SessionError> {
        let path = format!(
            "account/{}/profile/deleteProvisioningProfile.action",
            slug.as_str()
        );
        let pairs = vec![("provisioningProfileId", id.to_owned())];
        self.session
            .perform(&self.call(Kind::Profile, &path, true, pairs))
            .await
    }

    /// A profile's file: out of the answer that it came with, else downloaded.
    ///
    /// # Errors
    /// When the portal does not give it.
    pub async fn content(&self, slug: Slug, profile: &Profile) -> Result<Vec<u8>, SessionError> {
        if let Some(encoded) = &profile.encoded_profile
            && let Ok(bytes) = STANDARD.decode(encoded)
        {
            return Ok(bytes);
        }
        let path = format!("account/{}/profile/downloadProfileContent", slug.as_str());
        let pairs = vec![("provisioningProfileId", profile.provisioning_profile_id.clone())];
        let call = self.call(Kind::Profile, &path, false, pairs);
        let is_profile = |bytes: &[u8]| {
            let needle = b"DOCTYPE plist PUBLIC";
            bytes.windows(needle.len()).any(|window| window == needle)
        };
        self.session.download(&call, is_profile).await
    }
}

/// A key for each value; an empty list is a key without a value.
fn repeated(key: &'static str, values: &[String]) -> Pairs {
    if values.is_empty() {
        return vec![(key, String::new())];
    }
    values.iter().map(|value| (key, value.clone())).collect()
}

fn profile_pairs(request: ProfileRequest<'_>) -> Pairs {
    let mut pairs = vec![
        ("provisioningProfileName", request.name.to_owned()),
        ("appIdId", request.app_id.to_owned()),
        ("distributionType", request.distribution.to_owned()),
    ];
    pairs.extend(request.sub_platform.map(|name| ("subPlatform", name.to_owned())));
    pairs.extend(repeated("deviceIds", request.devices));
    pairs
}
