//! The portal through an Apple ID's session.
//!
//! A snapshot takes two round trips: the lists together, then the App IDs that matter in detail and the profiles that
//! matter as files. What a profile contains is read from its file; its listing says what the file does not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use developer_portal as portal;
use developer_portal::{Services, SessionError, Slug};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use signing_assets::{Certificate, Profile};

use crate::capability::Capability;
use crate::features;
use crate::listing::{device, is_managed, may_serve, profile, request};
use crate::names::bundle_id_name;
use crate::platform::ProfileType;
use crate::portal::{NewProfile, Portal, PortalError};
use crate::snapshot::{
    Assignable, Assigned, BundleId, Device, EnabledCapability, PortalCertificate, PortalProfile, Query,
    Snapshot,
};

/// Requests of one kind in flight together: they share one connection, and a project of so many targets takes one round
/// trip for them.
const CONCURRENCY: usize = 20;

/// The portal through the services for sessions.
#[derive(Debug)]
pub struct DeveloperPortal<'a> {
    services: Services<'a>,
    /// Which part of the portal a thing is on, by its ID, and what Apple added to a profile on request: what a plan does
    /// not need to know.
    seen: Mutex<HashMap<String, (Slug, Option<String>)>>,
}

fn failed(what: impl Into<String>) -> impl FnOnce(SessionError) -> PortalError {
    let what = what.into();
    move |error| PortalError {
        what,
        look_again: error.calls_for_another_look(),
        source: Box::new(error),
    }
}

impl<'a> DeveloperPortal<'a> {
    /// The portal for the services of a team.
    pub fn new(services: Services<'a>) -> Self {
        Self {
            services,
            seen: Mutex::default(),
        }
    }

    fn note(&self, id: &str, slug: Slug, template: Option<String>) {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_owned(), (slug, template));
    }

    fn seen(&self, id: &str) -> (Slug, Option<String>) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(id).cloned().unwrap_or((Slug::Ios, None))
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
            .map_err(failed("list the certificates"))?;
        let mut found = Vec::new();
        for certificate in listed {
            let serial = match &certificate.serial_num {
                Some(serial) => serial.trim_start_matches('0').to_uppercase(),
                None if certificate.can_download => {
                    let what = failed(format!(
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
                    id: certificate.certificate_id,
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
            .map_err(failed("list the devices"))?;
        Ok(listed.into_iter().map(device).collect())
    }

    async fn app_ids(&self, slug: Slug, query: &Query) -> Result<Vec<portal::AppId>, PortalError> {
        let mut listed = self
            .services
            .app_ids(slug)
            .await
            .map_err(failed("list the App IDs"))?;
        listed.retain(|known| {
            query
                .bundle_ids
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(&known.identifier))
        });
        listed
            .iter()
            .for_each(|known| self.note(&known.app_id_id, slug, None));
        Ok(listed)
    }

    /// The profiles that may serve, as listed.
    async fn candidates(&self, slug: Slug, query: &Query) -> Result<Vec<portal::Profile>, PortalError> {
        let mut listed = self
            .services
            .profiles(slug)
            .await
            .map_err(failed("list the profiles"))?;
        listed.retain(|profile| {
            let is_ours = query.profile_names.iter().any(|(name, _)| *name == profile.name);
            is_ours || (query.managed && is_managed(profile) && may_serve(profile, query))
        });
        for profile in &listed {
            let template = profile
                .template
                .as_ref()
                .map(|template| template.purpose_name.clone());
            self.note(&profile.provisioning_profile_id, slug, template);
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
            .map(|listed| self.detailed(slug, listed))
            .buffered(CONCURRENCY)
            .try_collect::<Vec<_>>();
        let profiles = stream::iter(candidates)
            .map(|listed| self.with_content(slug, listed))
            .buffered(CONCURRENCY)
            .collect::<Vec<_>>();
        let (bundle_ids, profiles) = futures_util::join!(details, profiles);
        let mut bundle_ids = bundle_ids?;
        for (owner, profile) in profiles {
            let owner = owner.unwrap_or_else(|| {
                let named = query.profile_names.iter().find(|(name, _)| *name == profile.name);
                named.map(|(_, owner)| owner.clone()).unwrap_or_default()
            });
            match bundle_ids.iter_mut().find(|known| known.identifier == owner) {
                Some(known) => known.profiles.push(profile),
                // An App ID that was not asked for: a wildcard one, or one whose profile holds a name that we need.
                None => bundle_ids.push(BundleId {
                    id: String::new(),
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

    async fn detailed(&self, slug: Slug, listed: portal::AppId) -> Result<BundleId, PortalError> {
        let what = failed(format!("look at the App ID `{}`", listed.identifier));
        let app_id = self
            .services
            .app_id(slug, &listed.app_id_id)
            .await
            .map_err(what)?;
        let capabilities = features::capabilities(&app_id.features)
            .into_iter()
            .map(|capability| EnabledCapability {
                // There is no ID of its own: the App ID's, and the feature by its kind.
                id: app_id.app_id_id.clone(),
                capability,
            })
            .collect();
        let identifiers =
            |all: &[portal::Associated]| all.iter().map(|one| one.identifier.clone()).collect::<Vec<_>>();
        Ok(BundleId {
            id: app_id.app_id_id,
            identifier: app_id.identifier,
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
    async fn with_content(&self, slug: Slug, listed: portal::Profile) -> (Option<String>, PortalProfile) {
        let content = match self.services.content(slug, &listed).await {
            Ok(content) => content,
            Err(error) => {
                tracing::debug!("the profile {} can't be downloaded: {error}", listed.name);
                Vec::new()
            }
        };
        let owner = Profile::parse(&content).ok().map(|profile| profile.bundle_id);
        (owner, profile(&listed, content))
    }

    async fn made(
        &self,
        slug: Slug,
        made: portal::Profile,
        profile_type: ProfileType,
    ) -> Result<PortalProfile, PortalError> {
        let content = self
            .services
            .content(slug, &made)
            .await
            .map_err(failed(format!("download the profile `{}`", made.name)))?;
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
        let (mut all, mac) = futures_util::try_join!(ios, mac)?;
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
        Ok(all)
    }

    async fn register_device(&self, name: &str, udid: &str, platform: &str) -> Result<Device, PortalError> {
        let slug = if platform == "MAC_OS" {
            Slug::Mac
        } else {
            Slug::Ios
        };
        let added = self
            .services
            .add_device(slug, name, udid)
            .await
            .map_err(failed(format!("register the device `{udid}`")))?;
        Ok(device(added))
    }

    async fn create_bundle_id(
        &self,
        identifier: &str,
        _: &str,
        platform: &str,
    ) -> Result<String, PortalError> {
        let slug = if platform == "MAC_OS" {
            Slug::Mac
        } else {
            Slug::Ios
        };
        let made = self
            .services
            .add_app_id(slug, identifier, bundle_id_name(identifier).trim())
            .await
            .map_err(failed(format!("create the App ID `{identifier}`")))?;
        self.note(&made.app_id_id, slug, None);
        Ok(made.app_id_id)
    }

    async fn enable_capability(&self, bundle_id: &str, capability: &Capability) -> Result<(), PortalError> {
        for (feature, value) in features::settings(capability) {
            self.services
                .set_feature(bundle_id, feature, &value)
                .await
                .map_err(failed(format!("enable {}", capability.kind)))?;
        }
        Ok(())
    }

    async fn change_capability(&self, id: &str, capability: &Capability) -> Result<(), PortalError> {
        self.enable_capability(id, capability).await
    }

    async fn assign(
        &self,
        bundle_id: &str,
        what: Assignable,
        identifiers: &[String],
    ) -> Result<(), PortalError> {
        let kind = match what {
            Assignable::AppGroups => portal::Assignable::AppGroups,
            Assignable::CloudContainers => portal::Assignable::CloudContainers,
        };
        let known = self
            .services
            .assignables(kind)
            .await
            .map_err(failed(format!("list the {what}")))?;
        let mut ids = Vec::new();
        for identifier in identifiers {
            let id = match known.iter().find(|known| known.identifier == *identifier) {
                Some(known) => known.id.clone(),
                None => {
                    let name = bundle_id_name(identifier);
                    let made = self
                        .services
                        .add_assignable(kind, identifier, name.trim())
                        .await
                        .map_err(failed(format!("create `{identifier}`, one of the {what}")))?;
                    made.id
                }
            };
            ids.push(id);
        }
        self.services
            .assign(kind, bundle_id, &ids)
            .await
            .map_err(failed(format!("assign the {what} {}", identifiers.join(", "))))
    }

    async fn delete_profile(&self, id: &str) -> Result<(), PortalError> {
        let (slug, _) = self.seen(id);
        self.services
            .delete_profile(slug, id)
            .await
            .map_err(failed(format!("delete the profile with ID {id}")))
    }

    async fn create_profile(&self, new: NewProfile<'_>) -> Result<PortalProfile, PortalError> {
        let request = request(new, None);
        let made = self
            .services
            .create_profile(request)
            .await
            .map_err(failed(format!("create the profile `{}`", new.name)))?;
        self.made(request.slug, made, new.profile_type).await
    }

    async fn repair_profile(&self, id: &str, new: NewProfile<'_>) -> Result<PortalProfile, PortalError> {
        let (_, template) = self.seen(id);
        let request = request(new, template.as_deref());
        let made = self
            .services
            .repair_profile(id, request)
            .await
            .map_err(failed(format!("repair the profile `{}`", new.name)))?;
        self.made(request.slug, made, new.profile_type).await
    }
}
