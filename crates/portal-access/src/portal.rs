//! The portal behind one trait, and its implementation by API key.

use app_store_connect::resources as asc;
use app_store_connect::{Client, Error as AscError, Many, Resource};
use apple_types::PortalPlatform;
use async_trait::async_trait;
use base64::Engine as _;
use provisioning::capability::Capability;
use provisioning::{
    Assignable, BundleId, BundleIdentifier, Details, Device, DeviceClass, EnabledCapability,
    PortalCertificate, PortalProfile, ProfileType, Query, ResourceId, Snapshot, Udid,
};

/// Bundle IDs per request: more would make its URL too long.
const IDENTIFIERS_PER_REQUEST: usize = 100;

/// Why the portal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("could not {what}")]
pub struct PortalError {
    /// What was being done, such as "create the App ID `com.example.app`".
    pub what: String,
    /// What follows from it.
    pub kind: PortalErrorKind,
    /// What happened.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What follows from a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortalErrorKind {
    /// Another run was faster, or it is unknown whether a write took effect: look again.
    Race,
    /// The request does not fit what is there. Another run was faster if the portal has changed since; else it is refused.
    Conflict,
    /// The number of devices of the membership year is used up.
    DeviceLimit,
    /// It is refused, and will be again.
    Refused,
}

/// What provisioning needs of a developer portal.
#[async_trait]
pub trait Portal: Sync {
    /// Reads everything that a plan depends on, at once.
    async fn snapshot(&self, query: &Query) -> Result<Snapshot, PortalError>;
    /// Registers a device.
    async fn register_device(
        &self,
        name: &str,
        udid: &Udid,
        platform: PortalPlatform,
    ) -> Result<Device, PortalError>;
    /// Creates a bundle ID, and returns the portal's ID of it. An App Clip's has `parent`, the portal's ID of its app's;
    /// only plans for [`PortalAccess::Session`](provisioning::PortalAccess::Session) ask for it.
    async fn create_bundle_id(
        &self,
        identifier: &BundleIdentifier,
        name: &str,
        platform: PortalPlatform,
        parent: Option<&ResourceId<BundleId>>,
    ) -> Result<ResourceId<BundleId>, PortalError>;
    /// Enables a capability of the bundle ID with this portal ID.
    async fn enable_capability(
        &self,
        bundle_id: &ResourceId<BundleId>,
        capability: &Capability,
    ) -> Result<(), PortalError>;
    /// Changes the settings of the capability with this portal ID.
    async fn change_capability(
        &self,
        id: &ResourceId<EnabledCapability>,
        capability: &Capability,
    ) -> Result<(), PortalError>;
    /// Associates App Groups or iCloud containers with the bundle ID of this portal ID: all that it shall have. Only
    /// plans for [`PortalAccess::Session`](provisioning::PortalAccess::Session) ask for it.
    async fn assign(
        &self,
        bundle_id: &ResourceId<BundleId>,
        what: Assignable,
        identifiers: &[String],
    ) -> Result<(), PortalError>;
    /// Deletes the profile with this portal ID.
    async fn delete_profile(&self, id: &ResourceId<PortalProfile>) -> Result<(), PortalError>;
    /// Creates a profile.
    async fn create_profile(&self, new: NewProfile<'_>) -> Result<PortalProfile, PortalError>;
    /// Recreates the profile with this portal ID in its place.
    async fn repair_profile(
        &self,
        id: &ResourceId<PortalProfile>,
        new: NewProfile<'_>,
    ) -> Result<PortalProfile, PortalError> {
        self.delete_profile(id).await?;
        self.create_profile(new).await
    }
}

/// A profile that is to be, in the portal's own IDs.
#[derive(Debug, Clone, Copy)]
pub struct NewProfile<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub profile_type: ProfileType,
    /// The bundle ID's portal ID.
    pub bundle_id: &'a ResourceId<BundleId>,
    /// The certificates' portal IDs.
    pub certificates: &'a [ResourceId<PortalCertificate>],
    /// The devices' portal IDs.
    pub devices: &'a [ResourceId<Device>],
}

/// The portal's ID of something that was just created; without it, only the next snapshot can tell what there is.
pub(crate) fn created_id<T>(text: String, what: impl Into<String>) -> Result<ResourceId<T>, PortalError> {
    known_id(text, what, PortalErrorKind::Race)
}

/// The portal's ID of something that it lists.
pub(crate) fn listed_id<T>(text: String, what: impl Into<String>) -> Result<ResourceId<T>, PortalError> {
    known_id(text, what, PortalErrorKind::Refused)
}

fn known_id<T>(
    text: String,
    what: impl Into<String>,
    kind: PortalErrorKind,
) -> Result<ResourceId<T>, PortalError> {
    ResourceId::new(text).ok_or_else(|| PortalError {
        what: what.into(),
        kind,
        source: "Apple's answer has no ID of it".into(),
    })
}

/// Portal IDs as the clients take them.
pub(crate) fn texts<T>(ids: &[ResourceId<T>]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// The portal through the App Store Connect API.
#[derive(Debug, Clone)]
pub struct AppStoreConnect(pub Client);

pub(crate) fn portal_error(what: impl Into<String>) -> impl FnOnce(AscError) -> PortalError {
    let what = what.into();
    move |error| PortalError {
        what,
        kind: kind_of(&error),
        source: Box::new(error),
    }
}

fn kind_of(error: &AscError) -> PortalErrorKind {
    if error.is_device_limit() {
        PortalErrorKind::DeviceLimit
    } else if error.may_be_race() {
        PortalErrorKind::Race
    } else if error.is_conflict() {
        PortalErrorKind::Conflict
    } else {
        PortalErrorKind::Refused
    }
}

impl AppStoreConnect {
    async fn certificates(&self, serials: &[String]) -> Result<Vec<PortalCertificate>, PortalError> {
        // Apple refuses a filter without a value.
        if serials.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self
            .0
            .items(&asc::CertificatesBySerial(serials))
            .await
            .map_err(portal_error("list the certificates"))?;
        let certificate = |listed: Resource<asc::Certificate>| {
            Ok(PortalCertificate {
                id: listed_id(listed.id, "list the certificates")?,
                serial: serial_number(&listed.attributes.serial_number),
            })
        };
        listed.data.into_iter().map(certificate).collect()
    }

    async fn devices(&self, wanted: bool) -> Result<Vec<Device>, PortalError> {
        if !wanted {
            return Ok(Vec::new());
        }
        let listed = self
            .0
            .items(&asc::Devices)
            .await
            .map_err(portal_error("list the devices"))?;
        listed
            .data
            .into_iter()
            .filter_map(|listed| device(listed, "list the devices").transpose())
            .collect()
    }

    async fn bundle_ids(&self, identifiers: &[BundleIdentifier]) -> Result<Vec<BundleId>, PortalError> {
        let listed = self
            .0
            .items(&asc::BundleIdsLike(identifiers))
            .await
            .map_err(portal_error("list the App IDs"))?;
        let mut found = Vec::new();
        // Apple matches parts: what merely contains an identifier is left out.
        let wanted = |id: &Resource<asc::BundleId>| {
            let found = BundleIdentifier::new(&id.attributes.identifier)?;
            identifiers
                .iter()
                .any(|identifier| identifier.is_same_but_for_case(&found))
                .then_some(found)
        };
        let capabilities = listed.included::<asc::BundleIdCapability>("bundleIdCapabilities");
        let profiles = listed.included::<asc::Profile>("profiles");
        for (id, identifier) in listed.data.iter().filter_map(|id| Some((id, wanted(id)?))) {
            let own = id.related("bundleIdCapabilities");
            let capabilities = own
                .iter()
                .filter_map(|related| capabilities.get(&related.id))
                .map(enabled)
                .collect::<Result<_, _>>()?;
            let profiles = if id.has_more("profiles") {
                let what = portal_error(format!("list the profiles of `{identifier}`"));
                let all: Many<asc::Profile> = self
                    .0
                    .items(&asc::ProfilesOfBundleId(&id.id))
                    .await
                    .map_err(what)?;
                all.data.iter().map(profile).collect::<Result<_, _>>()?
            } else {
                id.related("profiles")
                    .iter()
                    .filter_map(|related| profiles.get(&related.id))
                    .map(profile)
                    .collect::<Result<_, _>>()?
            };
            found.push(BundleId {
                id: Some(listed_id(id.id.clone(), "list the App IDs")?),
                identifier,
                capabilities,
                profiles,
                assigned: None,
            });
        }
        Ok(found)
    }
}

#[async_trait]
impl Portal for AppStoreConnect {
    async fn snapshot(&self, query: &Query) -> Result<Snapshot, PortalError> {
        let chunks = query
            .bundle_ids
            .chunks(IDENTIFIERS_PER_REQUEST)
            .map(|chunk| self.bundle_ids(chunk));
        let (certificates, devices, bundle_ids) = futures_util::try_join!(
            self.certificates(&query.serials),
            self.devices(query.devices),
            futures_util::future::try_join_all(chunks),
        )?;
        Ok(Snapshot {
            certificates,
            devices,
            bundle_ids: bundle_ids.into_iter().flatten().collect(),
        })
    }

    async fn register_device(
        &self,
        name: &str,
        udid: &Udid,
        platform: PortalPlatform,
    ) -> Result<Device, PortalError> {
        let call = asc::RegisterDevice { name, udid, platform };
        let answer = self
            .0
            .send(&call)
            .await
            .map_err(portal_error(format!("register the device `{udid}`")))?;
        let what = format!("register the device `{udid}`");
        registered(answer.data, udid.clone(), &what)
    }

    async fn create_bundle_id(
        &self,
        identifier: &BundleIdentifier,
        name: &str,
        platform: PortalPlatform,
        _: Option<&ResourceId<BundleId>>,
    ) -> Result<ResourceId<BundleId>, PortalError> {
        let call = asc::CreateBundleId {
            identifier,
            name,
            platform,
        };
        let what = format!("create the App ID `{identifier}`");
        let answer = self.0.send(&call).await.map_err(portal_error(what.clone()))?;
        created_id(answer.data.id, what)
    }

    async fn enable_capability(
        &self,
        bundle_id: &ResourceId<BundleId>,
        capability: &Capability,
    ) -> Result<(), PortalError> {
        let call = asc::EnableCapability {
            bundle_id: bundle_id.as_str(),
            kind: &capability.kind,
            settings: &capability.settings,
        };
        self.0
            .send(&call)
            .await
            .map(drop)
            .map_err(portal_error(format!("enable {}", capability.name())))
    }

    async fn change_capability(
        &self,
        id: &ResourceId<EnabledCapability>,
        capability: &Capability,
    ) -> Result<(), PortalError> {
        let call = asc::ChangeCapability {
            id: id.as_str(),
            kind: &capability.kind,
            settings: &capability.settings,
        };
        self.0
            .send(&call)
            .await
            .map(drop)
            .map_err(portal_error(format!("change {}", capability.name())))
    }

    async fn assign(
        &self,
        _: &ResourceId<BundleId>,
        what: Assignable,
        identifiers: &[String],
    ) -> Result<(), PortalError> {
        Err(PortalError {
            what: format!("assign the {what} {}", identifiers.join(", ")),
            kind: PortalErrorKind::Refused,
            source: "the App Store Connect API has no request for it".into(),
        })
    }

    async fn delete_profile(&self, id: &ResourceId<PortalProfile>) -> Result<(), PortalError> {
        self.0
            .send(&asc::DeleteProfile(id.as_str()))
            .await
            .map(drop)
            .map_err(portal_error(format!("delete the profile with ID {id}")))
    }

    async fn create_profile(&self, new: NewProfile<'_>) -> Result<PortalProfile, PortalError> {
        let NewProfile {
            name,
            profile_type,
            bundle_id,
            certificates,
            devices,
        } = new;
        let call = asc::CreateProfile {
            name,
            profile_type: profile_type.as_str(),
            bundle_id: bundle_id.as_str(),
            certificates: &texts(certificates),
            devices: &texts(devices),
        };
        let answer = self
            .0
            .send(&call)
            .await
            .map_err(portal_error(format!("create the profile `{name}`")))?;
        profile(&answer.data)
    }
}

/// A serial number as certificates are compared by it: Apple lists some with zeros in front, and in either case.
pub(crate) fn serial_number(listed: &str) -> String {
    listed.trim_start_matches('0').to_uppercase()
}

/// A listed device; `None` for one without a UDID, which no profile can list.
fn device(listed: Resource<asc::Device>, what: &str) -> Result<Option<Device>, PortalError> {
    match Udid::new(&listed.attributes.udid) {
        Some(udid) => registered(listed, udid, what).map(Some),
        None => {
            tracing::debug!("the device {} has no UDID", listed.attributes.name);
            Ok(None)
        }
    }
}

fn registered(listed: Resource<asc::Device>, udid: Udid, what: &str) -> Result<Device, PortalError> {
    Ok(Device {
        id: listed_id(listed.id, what)?,
        class: DeviceClass::from_apple(&listed.attributes.device_class),
        enabled: listed.attributes.status == "ENABLED",
        processing: listed.attributes.status == "PROCESSING",
        added_at: listed.attributes.added_date,
        name: listed.attributes.name,
        udid,
    })
}

fn enabled(listed: &Resource<asc::BundleIdCapability>) -> Result<EnabledCapability, PortalError> {
    let chosen = |setting: &asc::CapabilitySetting| {
        let options = setting
            .options
            .iter()
            .filter(|option| option.enabled != Some(false));
        (
            setting.key.clone(),
            options.map(|option| option.key.clone()).collect(),
        )
    };
    let settings = listed
        .attributes
        .settings
        .as_deref()
        .unwrap_or_default()
        .iter()
        .map(chosen)
        .collect();
    Ok(EnabledCapability {
        id: listed_id(listed.id.clone(), "list the capabilities")?,
        capability: Capability {
            kind: listed.attributes.capability_type.clone(),
            settings,
        },
    })
}

fn profile(listed: &Resource<asc::Profile>) -> Result<PortalProfile, PortalError> {
    let encoded = listed.attributes.profile_content.as_deref().unwrap_or_default();
    let content = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .unwrap_or_default();
    Ok(PortalProfile {
        id: Some(listed_id(listed.id.clone(), "list the profiles")?),
        name: listed.attributes.name.clone(),
        profile_type: ProfileType::from_apple(&listed.attributes.profile_type),
        active: listed.attributes.profile_state == "ACTIVE",
        details: Details::read(&content),
        content,
    })
}
