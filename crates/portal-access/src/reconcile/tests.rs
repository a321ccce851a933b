//! The rounds of the loop over a portal of ours, which shows their number and order alone; what a portal answers is in
//! `e2e/tests`.

use std::sync::Mutex;

use apple_types::{Distribution, Platform, PortalPlatform, ProfileType, TeamId, Udid};
use async_trait::async_trait;
use provisioning::capability::Capability;
use provisioning::{
    Assignable, CertificateChoice, EnabledCapability, PortalAccess, Target, desired_profiles,
};
use signing_assets::{Certificate, CertificateKind};
use time::Duration as Days;

use super::*;

const SERVICES: &str = "com.apple.developer.icloud-services";
const CONTAINERS: &str = "com.apple.developer.icloud-container-identifiers";

/// A portal without App IDs whose first requests to create one fail.
struct Failing {
    failures: Mutex<Vec<PortalErrorKind>>,
    snapshots: Mutex<usize>,
}

impl Failing {
    fn with(failures: &[PortalErrorKind]) -> Self {
        Self {
            failures: Mutex::new(failures.to_vec()),
            snapshots: Mutex::default(),
        }
    }
}

fn id<T>(text: &str) -> ResourceId<T> {
    ResourceId::new(text).unwrap()
}

#[async_trait]
impl Portal for Failing {
    async fn snapshot(&self, _: &Query) -> Result<Snapshot, PortalError> {
        *self.snapshots.lock().unwrap() += 1;
        Ok(Snapshot {
            certificates: vec![PortalCertificate {
                id: id("C"),
                serial: "P1".to_owned(),
            }],
            ..Snapshot::default()
        })
    }

    async fn register_device(&self, _: &str, _: &Udid, _: PortalPlatform) -> Result<Device, PortalError> {
        unreachable!("no device is registered")
    }

    async fn create_bundle_id(
        &self,
        _: &BundleIdentifier,
        _: &str,
        _: PortalPlatform,
        _: Option<&ResourceId<BundleId>>,
    ) -> Result<ResourceId<BundleId>, PortalError> {
        match self.failures.lock().unwrap().pop() {
            Some(kind) => Err(PortalError {
                what: "create the App ID".to_owned(),
                kind,
                source: "the answer was lost".into(),
            }),
            None => Ok(id("B")),
        }
    }

    async fn enable_capability(&self, _: &ResourceId<BundleId>, _: &Capability) -> Result<(), PortalError> {
        Ok(())
    }

    async fn change_capability(
        &self,
        _: &ResourceId<EnabledCapability>,
        _: &Capability,
    ) -> Result<(), PortalError> {
        Ok(())
    }

    async fn assign(&self, _: &ResourceId<BundleId>, _: Assignable, _: &[String]) -> Result<(), PortalError> {
        Ok(())
    }

    async fn delete_profile(&self, _: &ResourceId<PortalProfile>) -> Result<(), PortalError> {
        Ok(())
    }

    async fn create_profile(&self, new: NewProfile<'_>) -> Result<PortalProfile, PortalError> {
        Ok(PortalProfile {
            id: Some(id("P")),
            name: new.name.to_owned(),
            profile_type: Some(ProfileType::IosAppStore),
            active: true,
            content: Vec::new(),
            details: None,
        })
    }
}

async fn reconciled(portal: &Failing) -> Result<Reconciled, ReconcileError> {
    let now = clock::now();
    let policy = Policy {
        access: PortalAccess::ApiKey,
        distribution: Distribution::AppStore,
        min_profile_days_valid: 0,
        test_devices: Vec::new(),
        certificates: CertificateChoice::Each,
    };
    let target = Target {
        name: "App".to_owned(),
        bundle_id: "com.example.app".parse().unwrap(),
        platform: Platform::Ios,
        entitlements: [(CONTAINERS, "iCloud.com.example.app"), (SERVICES, "CloudKit")]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), plist::Value::Array(vec![value.into()])))
            .collect(),
        ui_test: false,
        clip_of: None,
    };
    let certificate = Certificate {
        serial: "P1".to_owned(),
        common_name: "Apple Distribution: Example".to_owned(),
        team_id: TeamId::new("TEAM123456"),
        team_name: "Example".to_owned(),
        sha1: "F1".to_owned(),
        not_before: now - Days::days(30),
        not_after: now + Days::days(300),
        kind: CertificateKind::of("Apple Distribution: Example"),
        der: Vec::new(),
    };
    let desired = desired_profiles(&[target], &policy, &[certificate]).unwrap();
    reconcile(portal, &desired, &policy, |_| {}).await
}

#[tokio::test]
async fn a_round_that_meets_a_race_is_repeated_and_names_each_manual_task_once() {
    let portal = Failing::with(&[PortalErrorKind::Race; 2]);
    let done = reconciled(&portal).await.unwrap();
    assert_eq!(*portal.snapshots.lock().unwrap(), 3);
    assert_eq!(done.manual_tasks.len(), 1, "{:?}", done.manual_tasks);
    assert_eq!(done.signed.len(), 1);
}

#[tokio::test]
async fn what_does_not_fit_an_unchanged_portal_is_refused_at_once() {
    let portal = Failing::with(&[PortalErrorKind::Conflict; 2]);
    assert!(reconciled(&portal).await.is_err());
    // The second snapshot shows that nothing has changed.
    assert_eq!(*portal.snapshots.lock().unwrap(), 2);
    let portal = Failing::with(&[PortalErrorKind::Refused]);
    assert!(reconciled(&portal).await.is_err());
    assert_eq!(*portal.snapshots.lock().unwrap(), 1);
}
