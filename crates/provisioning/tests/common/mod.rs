//! What the cases of this crate's tests begin with, and how they are told.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    reason = "shared by tests that use different parts of it; what fails ends the test"
)]

use plist::{Dictionary, Value};
use provisioning::capability::Capability;
use provisioning::{
    Action, BundleId, CertificateChoice, Details, Device, DeviceClass, Distribution, EnabledCapability, Plan,
    PlanError, Platform, Policy, PortalAccess, PortalCertificate, PortalProfile, ProfileType, ResourceId,
    Snapshot, Target, TeamId, desired_profiles, plan, profile_name,
};
use signing_assets::{Certificate, CertificateKind};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

pub const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
pub const APP: &str = "com.example.app";
pub const PHONE: &str = "00008101-000A1B2C3D4E001E";

pub fn id<T>(text: impl Into<String>) -> ResourceId<T> {
    ResourceId::new(text).unwrap()
}

pub fn certificate(name: &str, serial: &str) -> Certificate {
    Certificate {
        serial: serial.to_owned(),
        common_name: name.to_owned(),
        team_id: TeamId::new("TEAM123456"),
        team_name: "Example".to_owned(),
        sha1: format!("F{serial}"),
        not_before: NOW - Duration::days(30),
        not_after: NOW + Duration::days(300),
        kind: CertificateKind::of(name),
        der: Vec::new(),
    }
}

pub fn development() -> Certificate {
    certificate("Apple Development: Jane", "D1")
}

pub fn distribution() -> Certificate {
    certificate("Apple Distribution: Example", "P1")
}

pub fn device(name: &str, udid: &str, class: DeviceClass, enabled: bool) -> Device {
    Device {
        id: id(format!("id-{name}")),
        name: name.to_owned(),
        udid: udid.parse().unwrap(),
        class,
        enabled,
        processing: false,
        added_at: None,
    }
}

/// A profile that fits a development want of the app.
pub fn profile(
    bundle_id: &str,
    profile_type: ProfileType,
    distribution: Distribution,
    serial: &str,
) -> PortalProfile {
    PortalProfile {
        id: Some(id(format!("{bundle_id}-{distribution}"))),
        name: profile_name(profile_type, distribution, &bundle_id.parse().unwrap()),
        profile_type: Some(profile_type),
        active: true,
        content: Vec::new(),
        details: Some(Details {
            uuid: "uuid".to_owned(),
            bundle_id: bundle_id.parse().unwrap(),
            serials: vec![serial.to_owned()],
            udids: vec![PHONE.parse().unwrap()],
            entitlements: Dictionary::new(),
            created_at: NOW - Duration::days(60),
            expires_at: NOW + Duration::days(300),
            first_certificate_ends: None,
            xcode_managed: false,
        }),
    }
}

pub fn development_profile() -> PortalProfile {
    profile(
        APP,
        ProfileType::IosAppDevelopment,
        Distribution::Development,
        "D1",
    )
}

pub fn bundle_id(identifier: &str, capabilities: &[&str], profiles: Vec<PortalProfile>) -> BundleId {
    let enabled = |kind: &&str| EnabledCapability {
        id: id(format!("cap-{kind}")),
        capability: Capability {
            kind: (*kind).to_owned(),
            settings: Vec::new(),
        },
    };
    let capabilities = capabilities.iter().map(enabled).collect();
    BundleId {
        id: ResourceId::new(format!("id-{identifier}")),
        identifier: identifier.parse().unwrap(),
        capabilities,
        profiles,
        assigned: None,
    }
}

/// One case: change what differs from "a development build of an app, everything in place".
#[derive(Debug)]
pub struct Case {
    pub targets: Vec<Target>,
    pub policy: Policy,
    pub certificates: Vec<Certificate>,
    pub portal: Snapshot,
}

impl Default for Case {
    fn default() -> Self {
        let known = |serial: &str| PortalCertificate {
            id: id(format!("id-{serial}")),
            serial: serial.to_owned(),
        };
        Self {
            targets: vec![target(APP, Platform::Ios, &[])],
            policy: Policy {
                access: PortalAccess::ApiKey,
                distribution: Distribution::Development,
                min_profile_days_valid: 0,
                test_devices: Vec::new(),
                certificates: CertificateChoice::Each,
            },
            certificates: vec![development(), distribution()],
            portal: Snapshot {
                certificates: vec![known("D1"), known("P1")],
                devices: vec![device("phone", PHONE, DeviceClass::Iphone, true)],
                bundle_ids: vec![bundle_id(APP, &[], vec![development_profile()])],
            },
        }
    }
}

pub fn target(bundle_id: &str, platform: Platform, entitlements: &[(&str, Value)]) -> Target {
    Target {
        name: bundle_id.to_owned(),
        bundle_id: bundle_id.parse().unwrap(),
        platform,
        entitlements: entitlements
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
        ui_test: false,
        clip_of: None,
    }
}

impl Case {
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let wanted = desired_profiles(&self.targets, &self.policy, &self.certificates)?;
        plan(&wanted, &self.portal, &self.policy, NOW)
    }

    /// The first words of each action, which is what a case is about, with Apple's type of a capability.
    pub fn actions(&self) -> Vec<String> {
        let described = |action: &Action| {
            let text = action.to_string();
            let text = text.split(": ").next().unwrap_or_default();
            match action {
                Action::EnableCapability { capability, .. } | Action::ChangeCapability { capability, .. } => {
                    text.replacen(capability.name(), &capability.kind, 1)
                }
                _ => text.to_owned(),
            }
        };
        self.plan().unwrap().actions.iter().map(described).collect()
    }

    pub fn details(&mut self) -> &mut Details {
        self.portal.bundle_ids[0].profiles[0].details.as_mut().unwrap()
    }

    /// The profile is made anew, for a reason that holds these words.
    #[track_caller]
    pub fn assert_remade(&self, words: &str) {
        let plan = self.plan().unwrap();
        let deletes = plan
            .actions
            .iter()
            .any(|action| matches!(action, Action::DeleteProfile { .. }));
        let creates = plan
            .actions
            .iter()
            .any(|action| matches!(action, Action::CreateProfile { reason, .. } if reason.contains(words)));
        assert!(deletes && creates, "{:?}", plan.actions);
    }

    #[track_caller]
    pub fn assert_nothing_to_do(&self) {
        assert_eq!(self.actions(), Vec::<String>::new());
    }
}
