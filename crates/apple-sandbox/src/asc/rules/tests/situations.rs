//! Seeds: where an app begins. The states of versions and of review submissions are those of Apple's API documents 4.4.1 and
//! 4.5.1.

use super::super::situations::{SeedRelease, Situation};
use super::Store;

/// Every situation is reached by the rules, in both media worlds.
#[test]
fn every_situation_is_what_it_says() {
    for (situation, first, next, submission) in [
        (Situation::Live, "READY_FOR_DISTRIBUTION", None, "COMPLETE"),
        (
            Situation::Draft,
            "READY_FOR_DISTRIBUTION",
            Some("PREPARE_FOR_SUBMISSION"),
            "COMPLETE",
        ),
        (
            Situation::WaitingForReview,
            "READY_FOR_DISTRIBUTION",
            Some("WAITING_FOR_REVIEW"),
            "WAITING_FOR_REVIEW",
        ),
        (
            Situation::InReview,
            "READY_FOR_DISTRIBUTION",
            Some("IN_REVIEW"),
            "IN_REVIEW",
        ),
        (
            Situation::Rejected,
            "READY_FOR_DISTRIBUTION",
            Some("REJECTED"),
            "UNRESOLVED_ISSUES",
        ),
        (
            Situation::MetadataRejected,
            "READY_FOR_DISTRIBUTION",
            Some("METADATA_REJECTED"),
            "UNRESOLVED_ISSUES",
        ),
        (
            Situation::InvalidBinary,
            "READY_FOR_DISTRIBUTION",
            Some("INVALID_BINARY"),
            "COMPLETE",
        ),
        (
            Situation::DeveloperRejected,
            "READY_FOR_DISTRIBUTION",
            Some("DEVELOPER_REJECTED"),
            "COMPLETE",
        ),
        (
            Situation::PendingDeveloperRelease,
            "READY_FOR_DISTRIBUTION",
            Some("PENDING_DEVELOPER_RELEASE"),
            "COMPLETE",
        ),
        (
            Situation::Phased,
            "REPLACED_WITH_NEW_VERSION",
            Some("READY_FOR_DISTRIBUTION"),
            "COMPLETE",
        ),
    ] {
        for in_library in [false, true] {
            let mut store = Store::of(SeedRelease {
                situation,
                in_library,
                locales: vec!["en-US".to_owned(), "de-DE".to_owned()],
                screenshots: 2,
                ..SeedRelease::default()
            });
            assert_eq!(store.version_state("1.0"), first, "{situation:?}");
            assert_eq!(store.submission_state(), submission, "{situation:?}");
            if let Some(next) = next {
                assert_eq!(store.version_state("1.1"), next, "{situation:?}");
            }
            let version = store.version(if next.is_some() { "1.1" } else { "1.0" });
            for locale in ["en-US", "de-DE"] {
                let localization = store.localization(&version, locale);
                let sets = store.ids(&format!(
                    "/v1/appStoreVersionLocalizations/{localization}/appScreenshotSets"
                ));
                assert_eq!(sets.len(), usize::from(!in_library), "{situation:?}");
                let placements = store.ids(&format!(
                    "/v1/appStoreVersionLocalizations/{localization}/placements"
                ));
                assert_eq!(placements.len(), 2, "{situation:?}");
            }
        }
    }
}

/// A seed is written as people would.
#[test]
fn a_situation_is_written_in_yaml() {
    let seed = crate::seed::Seed::parse(
        "apps:\n- id: '1'\n  name: Courier\n  bundle_id: com.example.courier\n  release:\n    situation: pending-developer-release\n    locales: [de-DE]\n    groups:\n    - name: Team\n      internal: true\npace:\n  cancel: 2\nasset_library: false\n",
    )
    .unwrap();
    assert_eq!(seed.apps[0].release.situation, Situation::PendingDeveloperRelease);
    assert_eq!((seed.pace.cancel, seed.asset_library), (2, false));
}

/// An app whose primary locale is another one.
#[test]
fn the_primary_locale_is_the_first() {
    let mut store = Store::of(SeedRelease {
        situation: Situation::Live,
        locales: vec!["de-DE".to_owned()],
        ..SeedRelease::default()
    });
    let version = store.version("1.0");
    store.localization(&version, "de-DE");
    let app = store.get(&format!("/v1/apps/{}", super::APP));
    assert_eq!(app["data"]["attributes"]["primaryLocale"], "de-DE");
}
