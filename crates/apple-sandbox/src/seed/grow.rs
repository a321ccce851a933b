//! From a seed to the state that a sandbox begins with.

use anyhow::Context as _;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::{Seed, SeedApp, SeedCertificate, SeedDevice, SeedProfile};
use crate::account::AppleAccount;
use crate::asc::objects::Objects;
use crate::asc::rules::Assets;
use crate::asc::rules::lifecycle::ReleaseRules;
use crate::fault::Faults;
use crate::fresh::Fresh;
use crate::pki::{self, Authority, Subject};
use crate::profile;
use crate::random::Chance;
use crate::records::{Lists, Records};
use crate::request_log::RequestLog;
use crate::signing::{
    Associables, BundleId, Capability, Certificate, Device, PortalRules, Profile, ProfileParts,
};
use crate::state::{App, State};
use crate::storage::Storage;
use crate::uploads::Uploads;

impl Seed {
    /// The state that the sandbox begins with.
    pub(crate) fn state(&self) -> anyhow::Result<State> {
        let mut connection = self.connection.clone();
        let devices: Vec<serde_json::Value> = self
            .test_devices
            .iter()
            .enumerate()
            .map(|(index, device)| {
                json!({"id": index, "user_id": index, "device_identifier": device.udid, "title": device.name, "device_type": "ios"})
            })
            .collect();
        connection.entry("test_devices").or_insert(devices.into());
        let mut fresh = Fresh::seeded(self.random);
        let mut state = State {
            switches: self.apple.switches(),
            apple_id: AppleAccount::new(&self.apple_id, &mut fresh),
            portal: PortalRules {
                device_limit: self.device_limit,
                devices_are_processed: self.devices_are_processed,
                serials_are_listed: true,
                capabilities_are_replaced: true,
                assigned_by_app_id_tokens: false,
                managed_capabilities: self.managed_capabilities.clone(),
            },
            associables: Associables::default(),
            team_id: self.team_id.clone(),
            key_id: self.key_id.clone(),
            issuer_id: Some(self.issuer_id.clone()).filter(|issuer| !issuer.is_empty()),
            enterprise: self.enterprise,
            private_key: pki::api_key()?,
            build_api_token: "sandbox-build-token".to_owned(),
            connection,
            certificates: Records::default(),
            devices: Records::default(),
            bundle_ids: Records::default(),
            profiles: Records::default(),
            apps: self.apps.iter().map(app).collect(),
            builds: Records::default(),
            uploads: Uploads::processed_by(self.processing.clone()),
            altool: self.altool.iter().cloned().collect(),
            release: ReleaseRules {
                pace: self.pace,
                has_asset_library: self.asset_library,
                situations: self
                    .apps
                    .iter()
                    .map(|app| (app.id.clone(), app.release.clone()))
                    .collect(),
                ..ReleaseRules::default()
            },
            objects: Objects::default(),
            assets: Assets::default(),
            storage: Storage::new(self.keep_uploads, self.part_size)?,
            cursor_life: self.cursor_life,
            answers_null: self.answers_null,
            lists: Lists::hiding_for(self.hidden_for),
            faults: Faults::new(self.faults.clone(), self.random_faults.seed().map(Chance::new)),
            requests: RequestLog::default(),
            files: std::collections::BTreeMap::new(),
            authority: Authority::new()?,
            fresh,
            replay: None,
        };
        for certificate in &self.certificates {
            state.add_certificate(certificate, &self.passphrase)?;
        }
        for device in &self.devices {
            state.add_device(device, OffsetDateTime::now_utc() - Duration::days(90));
        }
        for (identifier, capabilities) in &self.bundle_ids {
            state.add_bundle_id(identifier, capabilities);
        }
        for profile in &self.profiles {
            state.add_profile(profile)?;
        }
        Ok(state)
    }
}

fn app(seed: &SeedApp) -> App {
    App {
        id: seed.id.clone(),
        name: seed.name.clone(),
        bundle_id: seed.bundle_id.clone(),
        versions: seed.versions.clone(),
    }
}

impl State {
    /// Issues a certificate, lists it, and serves it as `/files/<index>.p12`.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn add_certificate(&mut self, seed: &SeedCertificate, passphrase: &str) -> anyhow::Result<()> {
        let expires = OffsetDateTime::now_utc() + Duration::days(seed.days);
        let serial = self.fresh.serial();
        let code = self.fresh.noise(10).to_ascii_uppercase();
        let team_id = seed.team_id.clone().unwrap_or_else(|| self.team_id.clone());
        let suffix = if seed.certificate_type.contains("DEVELOPMENT") {
            code
        } else {
            team_id.clone()
        };
        let name = format!("{} ({suffix})", seed.name);
        let subject = Subject {
            common_name: &name,
            team_id: &team_id,
            serial,
            expires,
            issuer: seed.issuer.as_deref(),
        };
        let issued = self.authority.issue(&subject, passphrase)?;
        let file = format!("{}.p12", self.certificates.len());
        self.files.insert(file, issued.p12.clone());
        let id = self.fresh.id();
        self.certificates.push(Certificate {
            id,
            name,
            certificate_type: seed.certificate_type.clone(),
            serial: format!("{serial:X}"),
            expires,
            der: issued.der,
            p12: issued.p12,
            on_portal: seed.on_portal && team_id == self.team_id,
        });
        Ok(())
    }

    /// Registers a device.
    pub fn add_device(&mut self, seed: &SeedDevice, added: OffsetDateTime) {
        let id = self.fresh.id();
        self.devices.push(Device {
            id,
            name: seed.name.clone(),
            udid: seed.udid.clone(),
            device_class: seed.device_class.clone(),
            status: seed.status.clone(),
            platform: if profile::is_mac_class(&seed.device_class) {
                "MAC_OS"
            } else {
                "IOS"
            }
            .to_owned(),
            added,
            hidden_until: 0,
        });
    }

    /// Registers a bundle ID with capabilities.
    pub fn add_bundle_id(&mut self, identifier: &str, capabilities: &[String]) {
        let id = self.fresh.id();
        let capabilities = capabilities
            .iter()
            .map(|kind| Capability {
                id: format!("{id}_{kind}"),
                capability_type: kind.clone(),
                settings: serde_json::Value::Null,
            })
            .collect();
        self.bundle_ids.push(BundleId {
            id,
            identifier: identifier.to_owned(),
            name: format!("Seeded {}", identifier.replace(['.', '-'], " ")),
            platform: "IOS".to_owned(),
            capabilities,
            containers: Vec::new(),
            groups: Vec::new(),
            merchants: Vec::new(),
            parent: None,
            hidden_until: 0,
        });
    }

    /// Makes a profile with every certificate of its kind and every enabled device.
    ///
    /// # Errors
    /// When its bundle ID is not there.
    pub fn add_profile(&mut self, seed: &SeedProfile) -> anyhow::Result<()> {
        let bundle_id = self
            .bundle_id(&seed.bundle_id)
            .with_context(|| format!("the seed has no bundle ID {}", seed.bundle_id))?
            .clone();
        let certificates = self
            .certificates
            .iter()
            .filter(|known| {
                known.on_portal && profile::takes_certificate(&seed.profile_type, &known.certificate_type)
            })
            .map(|known| known.id.clone())
            .collect();
        let devices = self
            .devices
            .iter()
            .filter(|device| device.status == "ENABLED" && profile::lists_devices(&seed.profile_type))
            .map(|device| device.id.clone())
            .collect();
        let expires = OffsetDateTime::now_utc() + Duration::days(seed.days);
        let created = expires - Duration::days(365);
        let made = self.make_profile(ProfileParts {
            name: &seed.name,
            profile_type: &seed.profile_type,
            bundle_id: &bundle_id.id,
            certificates,
            devices,
            created,
        });
        let mut made = Profile {
            state: seed.state.clone(),
            xcode_managed: seed.xcode_managed,
            hidden_until: 0,
            ..made
        };
        made.content = self.content_of(&made);
        self.profiles.push(made);
        Ok(())
    }
}
