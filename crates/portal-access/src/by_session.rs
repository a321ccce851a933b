//! The portal through an Apple ID's session.
//!
//! A snapshot takes two round trips: the lists together, then the App IDs that matter in detail and the profiles that
//! matter as files. What a profile contains is read from its file; its listing says what the file does not.
//!
//! Two services do the work. The newer one (`v1`) knows every capability, App Clips, Mac Catalyst and in-house profiles for
//! the Mac; the older one knows App Groups and iCloud containers, and recreates a profile in its place.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use apple_types::PortalPlatform;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use developer_portal as portal;
use developer_portal::v1::{self, V1};
use developer_portal::{Services, SessionError, Slug};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use provisioning::capability::Capability;
use provisioning::{
    Assignable, Assigned, BundleId, BundleIdentifier, Details, Device, EnabledCapability, PortalCertificate,
    PortalProfile, ProfileType, Query, ResourceId, Snapshot, Udid, bundle_id_name,
};
use signing_assets::Certificate;

use crate::features;
use crate::listing::{device, is_managed, may_serve, profile, registered, request};
use crate::portal::{
    NewProfile, Portal, PortalError, PortalErrorKind, created_id, listed_id, serial_number, texts,
};

/// Requests of one kind in flight together: they share one connection, and a project of so many targets takes one round
/// trip for them.
const CONCURRENCY: usize = 20;

/// The portal through the services for sessions.
#[derive(Debug)]
pub struct DeveloperPortal<'a> {
    services: Services<'a>,
    v1: V1<'a>,
    /// Which part of the portal a thing is on, by its ID: what a plan does not need to know.
    seen: Mutex<HashMap<String, Place>>,
    /// The groups and containers of the team, as far as they were listed or created. Locked while one is created: App IDs
    /// share them, and are changed at the same time.
    assignables: tokio::sync::Mutex<HashMap<portal::Assignable, BTreeMap<String, String>>>,
}

/// Where a thing is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In a part of the older services.
    Part(Slug),
    /// In the newer services alone.
    V1,
}

/// The capabilities that are on.
fn enabled_of(bundle_id: &v1::BundleId) -> Vec<Capability> {
    let on = bundle_id.capabilities.iter().filter(|known| known.enabled);
    on.map(|known| Capability {
        kind: known.kind.clone(),
        settings: known.settings.clone(),
    })
    .collect()
}

/// The settings of a capability in the words of sessions, which differ for Sign in with Apple.
fn for_session(capability: &Capability) -> Vec<(String, Vec<String>)> {
    let mut settings = capability.settings.clone();
    for (key, _) in &mut settings {
        if key == "APPLE_ID_AUTH_APP_CONSENT" {
            "TIBURON_APP_CONSENT".clone_into(key);
        }
    }
    settings
}

/// The part of the portal for a platform.
fn slug_of(platform: PortalPlatform) -> Slug {
    match platform {
        PortalPlatform::Ios => Slug::Ios,
        PortalPlatform::MacOs => Slug::Mac,
    }
}

fn newer_profile(listed: &v1::Profile) -> PortalProfile {
    let content = STANDARD.decode(&listed.content).unwrap_or_default();
    PortalProfile {
        id: ResourceId::new(&listed.id),
        name: listed.name.clone(),
        profile_type: ProfileType::from_apple(&listed.profile_type),
        active: listed.state != "INVALID",
        details: Details::read(&content),
        content,
    }
}

fn portal_error(what: impl Into<String>) -> impl FnOnce(SessionError) -> PortalError {
    let what = what.into();
    move |error| PortalError {
        what,
        kind: if error.is_device_limit() {
            PortalErrorKind::DeviceLimit
        } else if error.may_be_race() {
            PortalErrorKind::Race
        } else if error.is_conflict() {
            PortalErrorKind::Conflict
        } else {
            PortalErrorKind::Refused
        },
        source: Box::new(error),
    }
}

impl<'a> DeveloperPortal<'a> {
    /// The portal for the services of a team.
    pub fn new(services: Services<'a>) -> Self {
        Self {
            services,
            v1: services.v1(),
            seen: Mutex::default(),
            assignables: tokio::sync::Mutex::default(),
        }
    }

    fn note(&self, id: &str, place: Place) {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_owned(), place);
    }

    fn place_of(&self, id: &str) -> Place {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(id).copied().unwrap_or(Place::Part(Slug::Ios))
    }

    async fn certificates(
        &self,
        slug: Slug,
        serials: &[String],
    ) -> Result<Vec<PortalCertificate>, PortalError> {
        let listed = self
            .services
            .certificates(slug)
            .await
            .map_err(portal_error("list the certificates"))?;
        let mut found = Vec::new();
        for certificate in listed {
            let serial = match &certificate.serial_num {
                Some(serial) => serial_number(serial),
                None if certificate.can_download => {
                    let what = portal_error(format!(
                        "download the certificate with ID {}",
                        certificate.certificate_id
                    ));
                    let der = self
                        .services
                        .download_certificate(slug, &certificate)
                        .await
                        .map_err(what)?;
                    Certificate::parse(&der)
                        .map(|parsed| parsed.serial)
                        .unwrap_or_default()
                }
                None => continue,
            };
            if serials.contains(&serial) {
                found.push(PortalCertificate {
                    id: listed_id(certificate.certificate_id, "list the certificates")?,
                    serial,
                });
            }
        }
        Ok(found)
    }

    async fn devices(&self, slug: Slug, wanted: bool) -> Result<Vec<Device>, PortalError> {
        if !wanted {
            return Ok(Vec::new());
        }
        let listed = self
            .services
            .devices(slug)
            .await
            .map_err(portal_error("list the devices"))?;
        listed
            .into_iter()
            .filter_map(|listed| device(listed, "list the devices").transpose())
            .collect()
    }

    /// The App IDs that matter, each with its identifier.
    async fn app_ids(
        &self,
        slug: Slug,
        query: &Query,
    ) -> Result<Vec<(BundleIdentifier, portal::AppId)>, PortalError> {
        let listed = self
            .services
            .app_ids(slug)
            .await
            .map_err(portal_error("list the App IDs"))?;
        let mut listed = listed
            .into_iter()
            .filter_map(|listed| Some((BundleIdentifier::new(&listed.identifier)?, listed)))
            .collect::<Vec<_>>();
        listed.retain(|(identifier, _)| {
            let mut desired = query.bundle_ids.iter();
            desired.any(|desired| desired.is_same_but_for_case(identifier))
        });
        for (_, known) in &listed {
            self.note(&known.app_id_id, Place::Part(slug));
        }
        Ok(listed)
    }

    /// The profiles that may serve, as listed.
    async fn candidates(&self, slug: Slug, query: &Query) -> Result<Vec<portal::Profile>, PortalError> {
        let mut listed = self
            .services
            .profiles(slug)
            .await
            .map_err(portal_error("list the profiles"))?;
        listed.retain(|profile| {
            let is_ours = query.profile_names.iter().any(|(name, _)| *name == profile.name);
            is_ours || (query.managed && is_managed(profile) && may_serve(profile, query))
        });
        for profile in &listed {
            self.note(&profile.provisioning_profile_id, Place::Part(slug));
        }
        Ok(listed)
    }

    async fn of_slug(&self, slug: Slug, query: &Query) -> Result<Snapshot, PortalError> {
        let (certificates, devices, app_ids, candidates) = futures_util::try_join!(
            self.certificates(slug, &query.serials),
            self.devices(slug, query.devices),
            self.app_ids(slug, query),
            self.candidates(slug, query),
        )?;
        let details = stream::iter(app_ids)
            .map(|(identifier, listed)| self.detailed(slug, identifier, listed))
            .buffered(CONCURRENCY)
            .try_collect::<Vec<_>>();
        let profiles = stream::iter(candidates)
            .map(|listed| self.with_content(slug, listed))
            .buffered(CONCURRENCY)
            .collect::<Vec<_>>();
        let (bundle_ids, profiles) = futures_util::join!(details, profiles);
        let mut bundle_ids = bundle_ids?;
        for (owner, profile) in profiles {
            let named = || {
                let named = query.profile_names.iter().find(|(name, _)| *name == profile.name);
                named.map(|(_, owner)| owner.clone())
            };
            // Of a profile that Xcode manages, whose file can't be read, nobody knows what it is for.
            let Some(owner) = owner.or_else(named) else {
                continue;
            };
            match bundle_ids.iter_mut().find(|known| known.identifier == owner) {
                Some(known) => known.profiles.push(profile),
                // An App ID that was not asked for: a wildcard one, or one whose profile holds a name that we need.
                None => bundle_ids.push(BundleId {
                    id: None,
                    identifier: owner,
                    capabilities: Vec::new(),
                    profiles: vec![profile],
                    assigned: None,
                }),
            }
        }
        Ok(Snapshot {
            certificates,
            devices,
            bundle_ids,
        })
    }

    async fn detailed(
        &self,
        slug: Slug,
        identifier: BundleIdentifier,
        listed: portal::AppId,
    ) -> Result<BundleId, PortalError> {
        let what = portal_error(format!("read the App ID `{identifier}`"));
        let (app_id, newer) = futures_util::join!(
            self.services.app_id(slug, &listed.app_id_id),
            self.v1.bundle_id(&listed.app_id_id),
        );
        let app_id = app_id.map_err(what)?;
        let capabilities = match newer {
            Ok(bundle_id) => enabled_of(&bundle_id),
            Err(error) => {
                tracing::debug!("the newer services do not show {}: {error}", app_id.identifier);
                features::capabilities(&app_id.features)
            }
        };
        let id = &app_id.app_id_id;
        let with_id = |capability| {
            Ok(EnabledCapability {
                // A capability has no separate ID: it is the App ID's, and the feature by its kind.
                id: listed_id(id.clone(), "list the App IDs")?,
                capability,
            })
        };
        let capabilities: Vec<EnabledCapability> = capabilities
            .into_iter()
            .map(with_id)
            .collect::<Result<_, PortalError>>()?;
        let identifiers =
            |all: &[portal::Associated]| all.iter().map(|one| one.identifier.clone()).collect::<Vec<_>>();
        Ok(BundleId {
            id: Some(listed_id(app_id.app_id_id, "list the App IDs")?),
            identifier,
            capabilities,
            profiles: Vec::new(),
            assigned: Some(Assigned {
                app_groups: identifiers(&app_id.associated_application_groups),
                cloud_containers: identifiers(&app_id.associated_cloud_containers),
            }),
        })
    }

    /// A profile with its file, and the bundle ID that it is for. One whose file can't be had is as good as one that
    /// can't be read.
    async fn with_content(
        &self,
        slug: Slug,
        listed: portal::Profile,
    ) -> (Option<BundleIdentifier>, PortalProfile) {
        let content = match self.services.content(slug, &listed).await {
            Ok(content) => content,
            Err(error) => {
                tracing::debug!("the profile {} can't be downloaded: {error}", listed.name);
                Vec::new()
            }
        };
        let profile = profile(&listed, content);
        let owner = profile.details.as_ref().map(|details| details.bundle_id.clone());
        (owner, profile)
    }

    /// Adds the profiles that only the newer services tell apart.
    fn add_newer(&self, snapshot: &mut Snapshot, query: &Query, newer: &[v1::Profile]) {
        for listed in newer {
            let named = query.profile_names.iter().find(|(name, _)| *name == listed.name);
            let Some((_, wanted)) = named else { continue };
            self.note(&listed.id, Place::V1);
            // The older services list them, too, under a type that they have no word for.
            for known in &mut snapshot.bundle_ids {
                known
                    .profiles
                    .retain(|profile| profile.id != ResourceId::new(&listed.id));
            }
            let profile = newer_profile(listed);
            let details = profile.details.as_ref();
            let owner = details.map_or_else(|| wanted.clone(), |details| details.bundle_id.clone());
            match snapshot
                .bundle_ids
                .iter_mut()
                .find(|known| known.identifier == owner)
            {
                Some(known) => known.profiles.push(profile),
                None => snapshot.bundle_ids.push(BundleId {
                    id: None,
                    identifier: owner,
                    capabilities: Vec::new(),
                    profiles: vec![profile],
                    assigned: None,
                }),
            }
        }
    }

    /// The IDs of groups or containers; those that the team does not have are created.
    async fn assignable_ids(
        &self,
        kind: portal::Assignable,
        what: Assignable,
        identifiers: &[String],
    ) -> Result<Vec<String>, PortalError> {
        let mut assignables = self.assignables.lock().await;
        let known = match assignables.entry(kind) {
            Entry::Occupied(listed) => listed.into_mut(),
            Entry::Vacant(vacant) => {
                let listed = self.services.assignables(kind).await;
                let listed = listed.map_err(portal_error(format!("list the {what}")))?;
                vacant.insert(listed.into_iter().map(|one| (one.identifier, one.id)).collect())
            }
        };
        let mut ids = Vec::new();
        for identifier in identifiers {
            let id = match known.get(identifier) {
                Some(id) => id.clone(),
                None => {
                    let id = self.create_assignable(kind, what, identifier).await?;
                    known.insert(identifier.clone(), id.clone());
                    id
                }
            };
            ids.push(id);
        }
        Ok(ids)
    }

    /// Creates a group or container; returns its ID.
    async fn create_assignable(
        &self,
        kind: portal::Assignable,
        what: Assignable,
        identifier: &str,
    ) -> Result<String, PortalError> {
        let name = bundle_id_name(identifier);
        let refusal = match self.services.add_assignable(kind, identifier, name.trim()).await {
            Ok(created) => return Ok(created.id),
            Err(error) => error,
        };
        // Another build may have been faster, or the answer alone was lost.
        let known = self.services.assignables(kind).await.unwrap_or_default();
        match known.into_iter().find(|known| known.identifier == identifier) {
            Some(known) => Ok(known.id),
            None => Err(portal_error(format!(
                "create the {} `{identifier}`",
                what.singular()
            ))(refusal)),
        }
    }

    async fn fetch_created(
        &self,
        slug: Slug,
        made: portal::Profile,
        profile_type: ProfileType,
    ) -> Result<PortalProfile, PortalError> {
        let content = self
            .services
            .content(slug, &made)
            .await
            .map_err(portal_error(format!("download the profile `{}`", made.name)))?;
        Ok(PortalProfile {
            profile_type: Some(profile_type),
            active: true,
            ..profile(&made, content)
        })
    }
}

#[async_trait]
impl Portal for DeveloperPortal<'_> {
    async fn snapshot(&self, query: &Query) -> Result<Snapshot, PortalError> {
        let ios = async {
            match query.ios {
                true => self.of_slug(Slug::Ios, query).await,
                false => Ok(Snapshot::default()),
            }
        };
        let mac = async {
            match query.mac {
                true => self.of_slug(Slug::Mac, query).await,
                false => Ok(Snapshot::default()),
            }
        };
        let newer = async {
            if query.newer_types.is_empty() {
                return Ok(Vec::new());
            }
            let listed = self.v1.profiles(&query.newer_types).await;
            listed.map_err(portal_error("list the profiles"))
        };
        let (mut all, mac, newer) = futures_util::try_join!(ios, mac, newer)?;
        // Who looks again sees what other runs did since.
        self.assignables.lock().await.clear();
        for certificate in mac.certificates {
            if all.certificates.iter().all(|known| known.id != certificate.id) {
                all.certificates.push(certificate);
            }
        }
        for device in mac.devices {
            if all.devices.iter().all(|known| known.id != device.id) {
                all.devices.push(device);
            }
        }
        for bundle_id in mac.bundle_ids {
            match all
                .bundle_ids
                .iter_mut()
                .find(|known| known.identifier == bundle_id.identifier)
            {
                Some(known) => known.profiles.extend(bundle_id.profiles),
                None => all.bundle_ids.push(bundle_id),
            }
        }
        self.add_newer(&mut all, query, &newer);
        Ok(all)
    }

    async fn register_device(
        &self,
        name: &str,
        udid: &Udid,
        platform: PortalPlatform,
    ) -> Result<Device, PortalError> {
        let slug = slug_of(platform);
        let added = self
            .services
            .add_device(slug, name, udid)
            .await
            .map_err(portal_error(format!("register the device `{udid}`")))?;
        registered(added, udid.clone(), &format!("register the device `{udid}`"))
    }

    async fn create_bundle_id(
        &self,
        identifier: &BundleIdentifier,
        _: &str,
        platform: PortalPlatform,
        parent: Option<&ResourceId<BundleId>>,
    ) -> Result<ResourceId<BundleId>, PortalError> {
        let name = bundle_id_name(identifier.as_str());
        let name = name.trim();
        if let Some(parent) = parent {
            let what = format!("create the App ID `{identifier}` of the App Clip");
            let made = self.v1.create_app_clip(identifier, name, parent.as_str()).await;
            return created_id(made.map_err(portal_error(what.clone()))?, what);
        }
        let slug = slug_of(platform);
        let made = self
            .services
            .add_app_id(slug, identifier, name)
            .await
            .map_err(portal_error(format!("create the App ID `{identifier}`")))?;
        self.note(&made.app_id_id, Place::Part(slug));
        created_id(made.app_id_id, format!("create the App ID `{identifier}`"))
    }

    async fn enable_capability(
        &self,
        bundle_id: &ResourceId<BundleId>,
        capability: &Capability,
    ) -> Result<(), PortalError> {
        let wanted = v1::Capability::on(&capability.kind, &for_session(capability));
        match self.v1.enable(bundle_id.as_str(), &[wanted]).await {
            Err(SessionError::V1(refusal))
                if refusal.is_missing() && features::of(&capability.kind).is_some() => {}
            outcome => return outcome.map_err(portal_error(format!("enable {}", capability.name()))),
        }
        for (feature, value) in features::settings(capability) {
            self.services
                .set_feature(bundle_id.as_str(), feature, &value)
                .await
                .map_err(portal_error(format!("enable {}", capability.name())))?;
        }
        Ok(())
    }

    async fn change_capability(
        &self,
        id: &ResourceId<EnabledCapability>,
        capability: &Capability,
    ) -> Result<(), PortalError> {
        // A capability has no separate ID here, but that of its App ID.
        let app_id = listed_id(id.to_string(), format!("change {}", capability.name()))?;
        self.enable_capability(&app_id, capability).await
    }

    async fn assign(
        &self,
        bundle_id: &ResourceId<BundleId>,
        what: Assignable,
        identifiers: &[String],
    ) -> Result<(), PortalError> {
        let kind = match what {
            Assignable::AppGroups => portal::Assignable::AppGroups,
            Assignable::CloudContainers => portal::Assignable::CloudContainers,
        };
        let ids = self.assignable_ids(kind, what, identifiers).await?;
        self.services
            .assign(kind, bundle_id.as_str(), &ids)
            .await
            .map_err(portal_error(format!(
                "assign the {what} {}",
                identifiers.join(", ")
            )))
    }

    async fn delete_profile(&self, id: &ResourceId<PortalProfile>) -> Result<(), PortalError> {
        let deleted = match self.place_of(id.as_str()) {
            Place::Part(slug) => self.services.delete_profile(slug, id.as_str()).await,
            Place::V1 => self.v1.delete_profile(id.as_str()).await,
        };
        deleted.map_err(portal_error(format!("delete the profile with ID {id}")))
    }

    async fn create_profile(&self, new: NewProfile<'_>) -> Result<PortalProfile, PortalError> {
        if new.profile_type.is_by_v1() {
            let made = self
                .v1
                .create_profile(v1::NewProfile {
                    name: new.name,
                    profile_type: new.profile_type.as_str(),
                    bundle_id: new.bundle_id.as_str(),
                    certificates: &texts(new.certificates),
                    devices: &texts(new.devices),
                })
                .await
                .map_err(portal_error(format!("create the profile `{}`", new.name)))?;
            self.note(&made.id, Place::V1);
            return Ok(newer_profile(&made));
        }
        let (certificates, devices) = (texts(new.certificates), texts(new.devices));
        let request = request(new, &certificates, &devices);
        let made = self
            .services
            .create_profile(request)
            .await
            .map_err(portal_error(format!("create the profile `{}`", new.name)))?;
        self.fetch_created(request.slug, made, new.profile_type).await
    }

    async fn repair_profile(
        &self,
        id: &ResourceId<PortalProfile>,
        new: NewProfile<'_>,
    ) -> Result<PortalProfile, PortalError> {
        if new.profile_type.is_by_v1() {
            // There is no such request: delete and create.
            self.delete_profile(id).await?;
            return self.create_profile(new).await;
        }
        let (certificates, devices) = (texts(new.certificates), texts(new.devices));
        let request = request(new, &certificates, &devices);
        let made = self
            .services
            .repair_profile(id.as_str(), request)
            .await
            .map_err(portal_error(format!("recreate the profile `{}`", new.name)))?;
        self.fetch_created(request.slug, made, new.profile_type).await
    }
}
