//! Situations of a release, each a claim about its plan.

use serde_json::json;

use super::*;
use crate::desired::{BuildChoice, DesiredPreviews, DesiredSubmission, Leftovers};
use crate::media_file::{LocalMedia, MediaFile};
use crate::metadata::Metadata;
use crate::snapshot::{App, AppInfo, AppName, RemoteItem, RemoteMedia, RemoteSet, Submission};
use crate::text::LocalizedTexts;

const LIVE: &str = "READY_FOR_DISTRIBUTION";
const EDIT: &str = "PREPARE_FOR_SUBMISSION";
const PHONE: &str = "APP_IPHONE_67";

fn localization(id: &str, attributes: Value) -> Localization {
    Localization {
        id: Some(id.to_owned()),
        attributes: serde_json::from_value(attributes).unwrap(),
        has_sets: (None, None),
    }
}

fn version(number: &str, state: &str) -> Version {
    let text = |locale: &str| {
        localization(
            &format!("{number}-{locale}"),
            json!({"locale": locale, "description": "Text.", "keywords": "a,b", "whatsNew": "News.", "supportUrl": "https://example.com"}),
        )
    };
    Version {
        id: Some(format!("v{number}")),
        number: number.to_owned(),
        state: state.to_owned(),
        attributes: serde_json::from_value(
            json!({"copyright": "2025 Example", "releaseType": "AFTER_APPROVAL"}),
        )
        .unwrap(),
        localizations: ["de-DE", "en-US"]
            .map(|locale| (locale.to_owned(), text(locale)))
            .into(),
        review: Some(localization(
            "r",
            json!({"contactFirstName": "Ada", "demoAccountRequired": false}),
        )),
        phased: None,
        build: None,
        has_placements: None,
    }
}

fn info(state: &str) -> AppInfo {
    let text = |locale: &str| {
        localization(
            &format!("i{state}-{locale}"),
            json!({"locale": locale, "name": "Example", "subtitle": "Waits"}),
        )
    };
    AppInfo {
        id: Some(format!("i{state}")),
        state: state.to_owned(),
        localizations: ["de-DE", "en-US"]
            .map(|locale| (locale.to_owned(), text(locale)))
            .into(),
        categories: [("primaryCategory", "UTILITIES".to_owned())].into(),
        age_rating: Some(localization("a", json!({"gambling": false}))),
    }
}

/// Version 1.0 is live; where a state is given, 1.1 is on its way in it.
fn snapshot(state: Option<&str>) -> Snapshot {
    let mut snapshot = Snapshot {
        app: App {
            id: "1".to_owned(),
            bundle_id: "com.example.app".to_owned(),
            primary_locale: "en-US".to_owned(),
            content_rights: Some("DOES_NOT_USE_THIRD_PARTY_CONTENT".to_owned()),
        },
        versions: vec![version("1.0", LIVE)],
        infos: vec![info(LIVE)],
        submissions: Vec::new(),
        media: RemoteMedia::new(),
        previews: RemoteMedia::new(),
        library: None,
        attachments: Vec::new(),
    };
    if let Some(state) = state {
        snapshot.versions.push(version("1.1", state));
        snapshot.infos.push(info(EDIT));
    }
    snapshot
}

fn in_submission(state: &str, submission: &str) -> Snapshot {
    let mut snapshot = snapshot(Some(state));
    snapshot.submissions.push(Submission {
        id: "s".to_owned(),
        state: submission.to_owned(),
        items: vec![("item".to_owned(), Some("v1.1".to_owned()))],
    });
    snapshot
}

/// Wants version 1.1, and nothing else.
fn wanted() -> DesiredRelease {
    DesiredRelease {
        app: AppName::BundleId("com.example.app".to_owned()),
        platform: apple_types::StorePlatform::Ios,
        version: Some("1.1".to_owned()),
        may_change_version: true,
        edit_live: false,
        metadata: None,
        age_rating: None,
        timing: None,
        phased: None,
        attachment: None,
        screenshots: None,
        previews: None,
        leftovers: Leftovers::KeepOtherSets,
        processing_timeout: 60,
        reject_if_possible: false,
        submission: None,
    }
}

fn texts(texts: &[(&str, TextField, &str)]) -> DesiredRelease {
    let mut all = LocalizedTexts::new();
    for (locale, field, text) in texts {
        all.entry((*locale).to_owned())
            .or_default()
            .insert(*field, (*text).to_owned());
    }
    DesiredRelease {
        metadata: Some(Metadata {
            texts: all,
            ..Metadata::default()
        }),
        ..wanted()
    }
}

fn submitting() -> DesiredRelease {
    DesiredRelease {
        submission: Some(DesiredSubmission {
            build: BuildChoice::Latest,
            uses_encryption: None,
            content_rights: None,
        }),
        ..wanted()
    }
}

fn shot(name: &str) -> MediaFile {
    MediaFile {
        path: name.into(),
        name: name.to_owned(),
        size: 1,
        checksum: format!("sum-{name}"),
        sha256: format!("sha-{name}"),
        frame: None,
    }
}

fn shots(names: &[&str]) -> DesiredRelease {
    let mut screenshots = LocalMedia::new();
    screenshots
        .entry("en-US".to_owned())
        .or_default()
        .insert(PHONE, names.iter().map(|name| shot(name)).collect());
    DesiredRelease {
        screenshots: Some(screenshots),
        ..wanted()
    }
}

fn remote(names: &[&str]) -> RemoteSet {
    let shot = |name: &&str| RemoteItem {
        id: format!("id-{name}"),
        name: (*name).to_owned(),
        checksum: Some(format!("sum-{name}")),
        state: "COMPLETE".to_owned(),
        errors: String::new(),
        ..RemoteItem::default()
    };
    RemoteSet {
        id: "set".to_owned(),
        items: names.iter().map(shot).collect(),
    }
}

fn with_media(sets: &[(&str, &str, &[&str])]) -> Snapshot {
    let mut snapshot = snapshot(Some(EDIT));
    for (locale, display, names) in sets {
        snapshot
            .media
            .entry((*locale).to_owned())
            .or_default()
            .insert((*display).to_owned(), remote(names));
    }
    snapshot
}

fn planned(desired: &DesiredRelease, snapshot: &Snapshot) -> Plan {
    plan(desired, snapshot).unwrap()
}

/// The only change to screenshots, as (delete, upload, order).
fn set_of(plan: &Plan) -> (Vec<String>, Vec<String>, Vec<String>) {
    match plan.then.as_slice() {
        [Action::UpdateMedia(set)] => (set.delete.clone(), set.upload.clone(), set.order.clone()),
        other => panic!("{other:?}"),
    }
}

fn changed(plan: &Plan) -> Vec<String> {
    plan.then
        .iter()
        .flat_map(|action| match action {
            Action::UpdateLocale { locale, changes, .. } => changes
                .iter()
                .map(|change| format!("{locale} {}", change.attribute))
                .collect(),
            Action::CreateLocale { locale, part, texts } => vec![format!(
                "+{locale} {part:?} {}",
                texts.keys().cloned().collect::<Vec<_>>().join(",")
            )],
            other => vec![other.line()],
        })
        .collect()
}

// --- the version

#[test]
fn nothing_wanted_is_nothing_to_do() {
    assert!(planned(&wanted(), &snapshot(Some(EDIT))).is_empty());
}

#[test]
fn a_version_that_is_not_there_is_created() {
    assert_eq!(
        planned(&wanted(), &snapshot(None)).first,
        [Action::CreateVersion {
            version: "1.1".to_owned()
        }]
    );
}

#[test]
fn a_version_in_preparation_with_another_number_is_renamed_and_the_plan_says_so() {
    let desired = DesiredRelease {
        version: Some("2.0".to_owned()),
        ..wanted()
    };
    let plan = planned(&desired, &snapshot(Some(EDIT)));
    assert_eq!(
        plan.first,
        [Action::RenameVersion {
            from: "1.1".to_owned(),
            to: "2.0".to_owned()
        }]
    );
    assert!(plan.first[0].line().contains("the version in preparation is 1.1"));
}

#[test]
fn one_point_one_and_one_point_one_point_zero_are_one_version() {
    let desired = DesiredRelease {
        version: Some("1.1.0".to_owned()),
        ..wanted()
    };
    assert!(planned(&desired, &snapshot(Some(EDIT))).is_empty());
}

#[test]
fn a_version_on_the_app_store_is_not_prepared_again() {
    let desired = DesiredRelease {
        version: Some("1.0".to_owned()),
        ..wanted()
    };
    let error = plan(&desired, &snapshot(None)).unwrap_err();
    assert!(
        matches!(&error, ReleaseError::Locked { state, cancelable: false, .. } if state == LIVE),
        "{error}"
    );
}

#[test]
fn without_an_editable_version_the_versions_and_their_states_are_named() {
    let desired = DesiredRelease {
        version: None,
        ..texts(&[("en-US", TextField::Description, "New.")])
    };
    let error = plan(&desired, &snapshot(None)).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("there is version 1.0 (READY_FOR_DISTRIBUTION)"),
        "{error}"
    );
}

#[test]
fn a_version_that_may_not_be_created_is_missing() {
    let desired = DesiredRelease {
        may_change_version: false,
        ..texts(&[("en-US", TextField::Description, "New.")])
    };
    assert!(matches!(
        plan(&desired, &snapshot(None)),
        Err(ReleaseError::NoEditableVersion { .. })
    ));
}

#[test]
fn of_several_versions_on_their_way_the_highest_counts() {
    let mut snapshot = snapshot(Some(EDIT));
    snapshot.versions.push(version("1.10", EDIT));
    let desired = DesiredRelease {
        version: None,
        ..wanted()
    };
    assert_eq!(version_of(&desired, &snapshot).unwrap().number, "1.10");
}

#[test]
fn a_version_that_waits_for_its_release_blocks_the_next_one() {
    for state in [
        "PENDING_DEVELOPER_RELEASE",
        "PENDING_APPLE_RELEASE",
        "ACCEPTED",
        "WAITING_FOR_EXPORT_COMPLIANCE",
    ] {
        let error = plan(
            &texts(&[("en-US", TextField::Description, "New.")]),
            &snapshot(Some(state)),
        )
        .unwrap_err();
        assert!(
            matches!(&error, ReleaseError::Locked { state: found, .. } if found == state),
            "{state}: {error}"
        );
    }
}

// --- texts

#[test]
fn equal_texts_are_not_sent() {
    let desired = texts(&[
        ("en-US", TextField::Description, "Text."),
        ("en-US", TextField::Name, "Example"),
    ]);
    assert!(planned(&desired, &snapshot(Some(EDIT))).is_empty());
}

#[test]
fn only_the_text_that_differs_is_sent() {
    let desired = texts(&[
        ("de-DE", TextField::Description, "Neu."),
        ("de-DE", TextField::Keywords, "a,b"),
        ("en-US", TextField::Subtitle, "Sleeps"),
    ]);
    assert_eq!(
        changed(&planned(&desired, &snapshot(Some(EDIT)))),
        ["de-DE description", "en-US subtitle"]
    );
}

#[test]
fn a_new_locale_is_created_with_all_its_texts_at_once_and_needs_a_name() {
    let desired = texts(&[
        ("fr-FR", TextField::Description, "Texte."),
        ("fr-FR", TextField::Keywords, "x"),
    ]);
    let plan = planned(&desired, &snapshot(Some(EDIT)));
    assert_eq!(
        changed(&plan),
        ["+fr-FR AppInfo name", "+fr-FR Version description,keywords"]
    );
}

#[test]
fn an_empty_locale_folder_activates_the_locale() {
    let mut desired = texts(&[]);
    desired
        .metadata
        .as_mut()
        .unwrap()
        .texts
        .insert("ja".to_owned(), Texts::new());
    assert_eq!(
        changed(&planned(&desired, &snapshot(Some(EDIT)))),
        ["+ja AppInfo name", "+ja Version "]
    );
}

#[test]
fn release_notes_of_a_first_version_are_left_out_with_a_note() {
    let mut snapshot = snapshot(Some(EDIT));
    snapshot.versions.remove(0);
    snapshot.infos.remove(0);
    let plan = planned(&texts(&[("en-US", TextField::ReleaseNotes, "First.")]), &snapshot);
    assert!(plan.is_empty() && plan.notes.len() == 1, "{plan:?}");
}

#[test]
fn a_new_version_starts_with_the_texts_of_the_live_one_but_without_release_notes() {
    let desired = texts(&[
        ("en-US", TextField::Description, "Text."),
        ("en-US", TextField::ReleaseNotes, "News."),
    ]);
    let plan = planned(&desired, &snapshot(None));
    assert_eq!(
        (plan.first.len(), changed(&plan)),
        (1, vec!["en-US whatsNew".to_owned()])
    );
}

#[test]
fn a_locale_of_the_store_that_no_folder_names_is_left_alone() {
    let plan = planned(
        &texts(&[("en-US", TextField::Description, "New.")]),
        &snapshot(Some(EDIT)),
    );
    assert_eq!(changed(&plan), ["en-US description"]);
}

#[test]
fn the_live_version_gets_its_few_live_fields_only() {
    let desired = DesiredRelease {
        edit_live: true,
        may_change_version: false,
        ..texts(&[
            ("en-US", TextField::PromotionalText, "Now."),
            ("en-US", TextField::Description, "New."),
            ("en-US", TextField::Name, "Other"),
        ])
    };
    let plan = planned(&desired, &snapshot(Some(EDIT)));
    assert_eq!(changed(&plan), ["en-US promotionalText"]);
    assert_eq!(version_of(&desired, &snapshot(Some(EDIT))).unwrap().number, "1.0");
}

// --- the rest of the metadata

#[test]
fn an_unset_option_changes_nothing() {
    let mut snapshot = snapshot(Some(EDIT));
    snapshot.versions[1].phased = Some(("p".to_owned(), "INACTIVE".to_owned()));
    assert!(planned(&texts(&[]), &snapshot).is_empty());
}

#[test]
fn a_phased_release_is_created_once_and_deleted_only_when_asked() {
    let mut snapshot = snapshot(Some(EDIT));
    let on = DesiredRelease {
        phased: Some(true),
        ..texts(&[])
    };
    assert_eq!(planned(&on, &snapshot).then, [Action::CreatePhasedRelease]);
    snapshot.versions[1].phased = Some(("p".to_owned(), "INACTIVE".to_owned()));
    assert!(planned(&on, &snapshot).is_empty());
    let off = DesiredRelease {
        phased: Some(false),
        ..texts(&[])
    };
    assert_eq!(planned(&off, &snapshot).then, [Action::DeletePhasedRelease]);
    snapshot.versions[1].phased = Some(("p".to_owned(), "ACTIVE".to_owned()));
    assert!(planned(&off, &snapshot).is_empty());
}

#[test]
fn a_first_version_is_never_phased() {
    let mut snapshot = snapshot(Some(EDIT));
    snapshot.versions.remove(0);
    let plan = planned(
        &DesiredRelease {
            phased: Some(true),
            ..texts(&[])
        },
        &snapshot,
    );
    assert!(plan.is_empty() && plan.notes.len() == 1);
}

#[test]
fn the_release_type_changes_only_when_it_differs() {
    let desired = |timing| DesiredRelease {
        timing: Some(timing),
        ..texts(&[])
    };
    assert!(planned(&desired(ReleaseTiming::AfterApproval), &snapshot(Some(EDIT))).is_empty());
    assert!(!planned(&desired(ReleaseTiming::Manual), &snapshot(Some(EDIT))).is_empty());
}

#[test]
fn a_scheduled_release_names_its_hour_and_is_compared_as_a_time() {
    let date = time::macros::datetime!(2026-12-01 08:00 UTC);
    let desired = DesiredRelease {
        timing: Some(ReleaseTiming::Scheduled(date)),
        ..texts(&[])
    };
    let mut snapshot = snapshot(Some(EDIT));
    match planned(&desired, &snapshot).then.as_slice() {
        [Action::UpdateVersion { changes }] => assert_eq!(
            to_attributes(changes),
            json!({"releaseType": "SCHEDULED", "earliestReleaseDate": "2026-12-01T08:00:00+00:00"})
        ),
        other => panic!("{other:?}"),
    }
    snapshot.versions[1].attributes = serde_json::from_value(
        json!({"releaseType": "SCHEDULED", "earliestReleaseDate": "2026-12-01T00:00:00-08:00"}),
    )
    .unwrap();
    assert!(planned(&desired, &snapshot).is_empty());
}

fn categories(pairs: &[(&'static str, &str)]) -> DesiredRelease {
    let categories = pairs.iter().map(|(name, id)| (*name, (*id).to_owned())).collect();
    DesiredRelease {
        metadata: Some(Metadata {
            categories,
            ..Metadata::default()
        }),
        ..wanted()
    }
}

#[test]
fn a_category_clears_the_subcategories_that_are_not_given() {
    let mut snapshot = snapshot(Some(EDIT));
    snapshot.infos[1].categories = [
        ("primaryCategory", "GAMES".to_owned()),
        ("primarySubcategoryOne", "GAMES_WORD".to_owned()),
    ]
    .into();
    match planned(&categories(&[("primaryCategory", "GAMES")]), &snapshot)
        .then
        .as_slice()
    {
        [Action::UpdateCategories { changes }] => assert_eq!(
            to_relationships(changes),
            json!({"primarySubcategoryOne": {"data": null}})
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_subcategory_without_its_category_is_ignored_as_in_fastlane() {
    assert!(
        planned(
            &categories(&[("primarySubcategoryOne", "GAMES_WORD")]),
            &snapshot(Some(EDIT))
        )
        .is_empty()
    );
}

#[test]
fn the_same_category_again_is_nothing_to_do() {
    assert!(
        planned(
            &categories(&[("primaryCategory", "UTILITIES")]),
            &snapshot(Some(EDIT))
        )
        .is_empty()
    );
}

#[test]
fn an_age_rating_sends_only_the_answers_that_differ() {
    let rating = serde_json::from_value(json!({"gambling": false, "lootBox": true})).unwrap();
    match planned(
        &DesiredRelease {
            age_rating: Some(rating),
            ..wanted()
        },
        &snapshot(Some(EDIT)),
    )
    .then
    .as_slice()
    {
        [] => {}
        other => panic!("without metadata nothing is planned: {other:?}"),
    }
    let rating = serde_json::from_value(json!({"gambling": false, "lootBox": true})).unwrap();
    match planned(
        &DesiredRelease {
            age_rating: Some(rating),
            ..texts(&[])
        },
        &snapshot(Some(EDIT)),
    )
    .then
    .as_slice()
    {
        [Action::UpdateAgeRating { changes }] => assert_eq!(to_attributes(changes), json!({"lootBox": true})),
        other => panic!("{other:?}"),
    }
}

#[test]
fn review_information_needs_a_demo_account_only_with_both_values() {
    let review = |pairs: &[(&'static str, &str)]| {
        let review = pairs
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()))
            .collect();
        DesiredRelease {
            metadata: Some(Metadata {
                review,
                ..Metadata::default()
            }),
            ..wanted()
        }
    };
    assert!(planned(&review(&[("contactFirstName", "Ada")]), &snapshot(Some(EDIT))).is_empty());
    match planned(
        &review(&[("demoAccountName", "demo"), ("demoAccountPassword", "secret")]),
        &snapshot(Some(EDIT)),
    )
    .then
    .as_slice()
    {
        [Action::UpdateReviewInformation { changes }] => {
            assert_eq!(to_attributes(changes)["demoAccountRequired"], true);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_attachment_that_is_there_is_not_uploaded_again() {
    let file = crate::desired::LocalFile {
        path: "a.pdf".into(),
        name: "a.pdf".to_owned(),
        size: 1,
        checksum: "sum".to_owned(),
    };
    let desired = DesiredRelease {
        attachment: Some(file),
        ..wanted()
    };
    let mut snapshot = snapshot(Some(EDIT));
    assert_eq!(planned(&desired, &snapshot).len(), 1);
    snapshot.attachments = vec![RemoteItem {
        id: "1".to_owned(),
        name: "a.pdf".to_owned(),
        checksum: Some("sum".to_owned()),
        state: "COMPLETE".to_owned(),
        errors: String::new(),
        ..RemoteItem::default()
    }];
    assert!(planned(&desired, &snapshot).is_empty());
}

// --- screenshots

#[test]
fn the_same_screenshots_again_are_nothing_to_do() {
    assert!(planned(&shots(&["1", "2"]), &with_media(&[("en-US", PHONE, &["1", "2"])])).is_empty());
}

#[test]
fn an_added_screenshot_is_the_only_upload() {
    let plan = planned(
        &shots(&["1", "2", "3"]),
        &with_media(&[("en-US", PHONE, &["1", "2"])]),
    );
    assert_eq!(
        set_of(&plan),
        (
            vec![],
            vec!["3".to_owned()],
            ["1", "2", "3"].map(str::to_owned).to_vec()
        )
    );
}

#[test]
fn a_removed_screenshot_is_deleted() {
    let plan = planned(&shots(&["1"]), &with_media(&[("en-US", PHONE, &["1", "2"])]));
    assert_eq!(set_of(&plan).0, ["id-2"]);
}

#[test]
fn a_replaced_screenshot_goes_and_its_successor_comes() {
    let mut desired = shots(&["1", "2"]);
    desired
        .screenshots
        .as_mut()
        .unwrap()
        .get_mut("en-US")
        .unwrap()
        .get_mut(PHONE)
        .unwrap()[1]
        .checksum = "other".to_owned();
    let (delete, upload, _) = set_of(&planned(&desired, &with_media(&[("en-US", PHONE, &["1", "2"])])));
    assert_eq!((delete, upload), (vec!["id-2".to_owned()], vec!["2".to_owned()]));
}

#[test]
fn another_order_moves_screenshots_without_uploading_them() {
    let plan = planned(&shots(&["2", "1"]), &with_media(&[("en-US", PHONE, &["1", "2"])]));
    let (delete, upload, order) = set_of(&plan);
    assert_eq!(
        (delete.len(), upload.len(), order),
        (0, 0, ["2", "1"].map(str::to_owned).to_vec())
    );
    assert!(plan.then[0].line().ends_with("other order"));
}

#[test]
fn the_same_picture_twice_is_two_screenshots() {
    let plan = planned(&shots(&["1", "1"]), &with_media(&[("en-US", PHONE, &["1"])]));
    assert_eq!(set_of(&plan).1, ["1"]);
}

#[test]
fn what_failed_before_is_uploaded_again() {
    let mut snapshot = with_media(&[("en-US", PHONE, &["1"])]);
    for state in ["FAILED", "AWAITING_UPLOAD"] {
        snapshot
            .media
            .get_mut("en-US")
            .unwrap()
            .get_mut(PHONE)
            .unwrap()
            .items[0]
            .state = state.to_owned();
        let (delete, upload, _) = set_of(&planned(&shots(&["1"]), &snapshot));
        assert_eq!((delete.len(), upload.len()), (1, 1), "{state}");
    }
}

#[test]
fn other_sets_stay_unless_overwriting_or_syncing_is_asked_for() {
    let snapshot = with_media(&[
        ("en-US", PHONE, &["1"]),
        ("en-US", "APP_DESKTOP", &["m"]),
        ("de-DE", PHONE, &["d"]),
    ]);
    let deleted = |leftovers| {
        let plan = planned(
            &DesiredRelease {
                leftovers,
                ..shots(&["1"])
            },
            &snapshot,
        );
        plan.then
            .iter()
            .flat_map(|action| match action {
                Action::UpdateMedia(set) => set.delete.clone(),
                _ => Vec::new(),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(deleted(Leftovers::KeepOtherSets), Vec::<String>::new());
    assert_eq!(deleted(Leftovers::DropOtherSets), ["id-m"]);
    assert_eq!(deleted(Leftovers::DropEverything), ["id-d", "id-m"]);
}

#[test]
fn screenshots_of_a_new_locale_create_it() {
    let mut desired = shots(&["1"]);
    let sets = desired.screenshots.as_mut().unwrap().remove("en-US").unwrap();
    desired
        .screenshots
        .as_mut()
        .unwrap()
        .insert("fr-FR".to_owned(), sets);
    let plan = planned(&desired, &snapshot(Some(EDIT)));
    assert!(
        matches!(&plan.then[0], Action::CreateLocale { locale, .. } if locale == "fr-FR"),
        "{plan:?}"
    );
}

// --- review

#[test]
fn an_editable_version_is_submitted() {
    for state in [
        EDIT,
        "DEVELOPER_REJECTED",
        "REJECTED",
        "METADATA_REJECTED",
        "INVALID_BINARY",
    ] {
        assert!(planned(&submitting(), &snapshot(Some(state))).submit, "{state}");
    }
}

#[test]
fn a_version_in_a_draft_is_submitted_as_it_is() {
    let plan = planned(
        &submitting(),
        &in_submission("READY_FOR_REVIEW", "READY_FOR_REVIEW"),
    );
    assert!(plan.submit && plan.first.is_empty());
}

#[test]
fn a_version_in_a_draft_is_taken_out_before_it_is_edited() {
    let plan = planned(
        &texts(&[("en-US", TextField::Description, "New.")]),
        &in_submission("READY_FOR_REVIEW", "READY_FOR_REVIEW"),
    );
    assert_eq!(
        plan.first,
        [Action::RemoveDraftItem {
            item: "item".to_owned()
        }]
    );
}

#[test]
fn a_version_in_review_is_not_changed_unless_cancelling_is_asked_for() {
    let snapshot = in_submission("WAITING_FOR_REVIEW", "WAITING_FOR_REVIEW");
    let desired = texts(&[("en-US", TextField::Description, "New.")]);
    let error = plan(&desired, &snapshot).unwrap_err();
    assert!(
        matches!(error, ReleaseError::Locked { cancelable: true, .. }),
        "{error}"
    );
    let plan = planned(
        &DesiredRelease {
            reject_if_possible: true,
            ..desired
        },
        &snapshot,
    );
    assert!(
        matches!(&plan.first[0], Action::CancelSubmission { id, .. } if id == "s"),
        "{plan:?}"
    );
}

/// App infos follow their version's state (states of `AppInfo`, Apple's API document 4.4.1): one that is in review is edited after the cancellation.
#[test]
fn the_app_info_in_review_changes_once_the_submission_is_cancelled() {
    let mut snapshot = in_submission("WAITING_FOR_REVIEW", "WAITING_FOR_REVIEW");
    snapshot.infos[1] = info("WAITING_FOR_REVIEW");
    let mut desired = texts(&[("en-US", TextField::Subtitle, "Sleeps")]);
    assert!(planned(&desired, &snapshot).is_empty());
    desired.reject_if_possible = true;
    let plan = planned(&desired, &snapshot);
    assert!(
        matches!(plan.first.as_slice(), [Action::CancelSubmission { .. }]),
        "{plan:?}"
    );
    assert_eq!(changed(&plan), ["en-US subtitle"]);
}

#[test]
fn promotional_text_changes_even_in_review() {
    let desired = texts(&[
        ("en-US", TextField::PromotionalText, "Now."),
        ("en-US", TextField::Description, "Text."),
    ]);
    let plan = planned(&desired, &in_submission("IN_REVIEW", "IN_REVIEW"));
    assert_eq!(changed(&plan), ["en-US promotionalText"]);
}

#[test]
fn equal_texts_in_review_are_no_reason_to_fail() {
    let desired = texts(&[("en-US", TextField::Description, "Text.")]);
    assert!(planned(&desired, &in_submission("IN_REVIEW", "IN_REVIEW")).is_empty());
}

#[test]
fn a_rejected_submission_that_is_still_open_blocks_another_one() {
    let snapshot = in_submission("REJECTED", "UNRESOLVED_ISSUES");
    assert!(matches!(
        plan(&submitting(), &snapshot),
        Err(ReleaseError::SubmissionInProgress { .. })
    ));
    let plan = planned(
        &DesiredRelease {
            reject_if_possible: true,
            ..submitting()
        },
        &snapshot,
    );
    assert!(matches!(plan.first[0], Action::CancelSubmission { .. }));
}

#[test]
fn texts_of_a_rejected_version_can_change_while_its_submission_is_open() {
    let plan = planned(
        &texts(&[("en-US", TextField::Description, "Better.")]),
        &in_submission("REJECTED", "UNRESOLVED_ISSUES"),
    );
    assert_eq!(changed(&plan), ["en-US description"]);
}

#[test]
fn content_rights_are_answered_only_when_they_differ() {
    let mut desired = submitting();
    desired.submission.as_mut().unwrap().content_rights = Some("DOES_NOT_USE_THIRD_PARTY_CONTENT");
    let mut snapshot = snapshot(Some(EDIT));
    assert_eq!(planned(&desired, &snapshot).then.len(), 0);
    snapshot.app.content_rights = None;
    assert_eq!(planned(&desired, &snapshot).then.len(), 1);
}

#[test]
fn a_submission_without_content_rights_is_refused_before_the_first_write() {
    let mut snapshot = snapshot(Some(EDIT));
    snapshot.app.content_rights = None;
    assert!(matches!(
        plan(&submitting(), &snapshot),
        Err(ReleaseError::NoContentRights)
    ));
}

#[test]
fn a_plan_is_json_without_secrets_of_its_own() {
    let plan = planned(
        &texts(&[("de-DE", TextField::Description, "Neu.")]),
        &snapshot(None),
    );
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(
        json["first"][0],
        json!({"action": "create_version", "version": "1.1"})
    );
    assert_eq!(
        json["then"][0]["changes"][0],
        json!({"attribute": "description", "from": "Text.", "to": "Neu."})
    );
}

// --- drafts

#[test]
fn a_version_that_is_edited_in_a_draft_is_put_back_unless_it_is_submitted() {
    let snapshot = in_submission("READY_FOR_REVIEW", "READY_FOR_REVIEW");
    let mut desired = texts(&[("de-DE", TextField::Description, "Neu.")]);
    let edited = planned(&desired, &snapshot);
    assert_eq!(
        edited.first,
        [Action::RemoveDraftItem {
            item: "item".to_owned()
        }]
    );
    assert_eq!(
        edited.then.last(),
        Some(&Action::ReturnToDraft {
            submission: "s".to_owned()
        })
    );
    desired.submission = submitting().submission;
    let submitted = planned(&desired, &snapshot);
    assert_eq!(submitted.first.len(), 1);
    assert!(
        !submitted
            .then
            .iter()
            .any(|action| matches!(action, Action::ReturnToDraft { .. }))
    );
}

#[test]
fn a_version_in_a_draft_that_gets_another_build_is_taken_out_once() {
    let snapshot = in_submission("READY_FOR_REVIEW", "READY_FOR_REVIEW");
    let mut submitted = planned(&submitting(), &snapshot);
    assert!(submitted.first.is_empty());
    submitted.take_out_of_draft(&snapshot.versions[1], &snapshot);
    submitted.take_out_of_draft(&snapshot.versions[1], &snapshot);
    assert_eq!(submitted.first.len(), 1);
    assert!(submitted.then.is_empty());
}

// --- versions that were on the App Store before

#[test]
fn the_number_of_a_version_that_was_replaced_is_used_up() {
    let mut snapshot = snapshot(None);
    snapshot
        .versions
        .push(version("0.9", "REPLACED_WITH_NEW_VERSION"));
    let desired = DesiredRelease {
        version: Some("0.9".to_owned()),
        ..wanted()
    };
    assert!(matches!(
        plan(&desired, &snapshot),
        Err(ReleaseError::Locked {
            cancelable: false,
            ..
        })
    ));
}

#[test]
fn a_version_that_waits_for_its_release_is_not_blamed_on_the_review() {
    let refused = plan(
        &texts(&[("de-DE", TextField::Description, "Neu.")]),
        &snapshot(Some("PENDING_DEVELOPER_RELEASE")),
    );
    assert!(matches!(
        refused,
        Err(ReleaseError::Locked {
            cancelable: false,
            ..
        })
    ));
}

// --- media of a version that does not exist yet

#[test]
fn media_of_a_new_version_are_planned_against_those_that_apple_will_copy() {
    let mut snapshot = snapshot(None);
    let sets = snapshot.media.entry("en-US".to_owned()).or_default();
    sets.insert(PHONE.to_owned(), remote(&["1", "2"]));
    let plan = planned(&shots(&["1", "3"]), &snapshot);
    let change = only_change(&plan);
    assert_eq!(
        (&change.upload[..], &change.delete[..]),
        (&["3".to_owned()][..], &["id-2".to_owned()][..])
    );
}

// --- previews

const MOVIE: &str = "IPHONE_67";

fn previews(names: &[&str], frame: Option<&str>, overwrite: bool) -> DesiredRelease {
    let mut files = LocalMedia::new();
    files
        .entry("en-US".to_owned())
        .or_default()
        .insert(MOVIE, names.iter().map(|name| shot(name)).collect());
    DesiredRelease {
        previews: Some(DesiredPreviews {
            files,
            frame: frame.map(str::to_owned),
            overwrite,
        }),
        ..wanted()
    }
}

fn with_previews(sets: &[(&str, &[&str])]) -> Snapshot {
    let mut snapshot = snapshot(Some(EDIT));
    for (display, names) in sets {
        let sets = snapshot.previews.entry("en-US".to_owned()).or_default();
        sets.insert((*display).to_owned(), remote(names));
    }
    snapshot
}

fn only_change(plan: &Plan) -> &SetChange {
    match plan.then.as_slice() {
        [Action::UpdateMedia(change)] => change,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_previews_again_are_nothing_to_do() {
    assert!(
        planned(
            &previews(&["1", "2"], None, false),
            &with_previews(&[(MOVIE, &["1", "2"])])
        )
        .is_empty()
    );
}

#[test]
fn other_previews_stay_beside_new_ones_in_the_order_of_their_names() {
    let plan = planned(
        &previews(&["b"], None, false),
        &with_previews(&[(MOVIE, &["c", "a"])]),
    );
    let change = only_change(&plan);
    assert_eq!(change.kind, MediaKind::Previews);
    assert_eq!(change.order, ["a", "b", "c"]);
    assert_eq!((change.upload.len(), change.delete.len()), (1, 0));
}

#[test]
fn a_preview_that_was_replaced_takes_the_place_of_its_namesake() {
    let mut snapshot = with_previews(&[(MOVIE, &["1"])]);
    snapshot
        .previews
        .get_mut("en-US")
        .unwrap()
        .get_mut(MOVIE)
        .unwrap()
        .items[0]
        .checksum = Some("other".to_owned());
    let plan = planned(&previews(&["1"], None, false), &snapshot);
    let change = only_change(&plan);
    assert_eq!(
        (change.upload.as_slice(), change.delete.as_slice()),
        (&["1".to_owned()][..], &["id-1".to_owned()][..])
    );
}

/// What replaces a namesake needs no room of its own, whatever stands before it in the folder.
#[test]
fn a_replaced_preview_of_a_full_set_keeps_its_place() {
    let mut snapshot = with_previews(&[(MOVIE, &["b1", "b2", "c"])]);
    let sets = snapshot.previews.get_mut("en-US").unwrap();
    sets.get_mut(MOVIE).unwrap().items[2].checksum = Some("other".to_owned());
    let plan = planned(&previews(&["a0", "c"], None, false), &snapshot);
    let change = only_change(&plan);
    assert_eq!(change.order, ["b1", "b2", "c"]);
    assert_eq!(
        (&change.upload[..], &change.delete[..]),
        (&["c".to_owned()][..], &["id-c".to_owned()][..])
    );
}

#[test]
fn a_preview_that_is_deleted_gets_no_frame() {
    let mut snapshot = with_previews(&[(MOVIE, &["1"])]);
    let sets = snapshot.previews.get_mut("en-US").unwrap();
    sets.get_mut(MOVIE).unwrap().items[0].state = "FAILED".to_owned();
    let plan = planned(&previews(&["1"], Some("00:00:01:00"), false), &snapshot);
    let change = only_change(&plan);
    assert_eq!((change.delete.len(), change.frames.len()), (1, 0));
}

#[test]
fn a_full_set_of_previews_takes_no_more_unless_they_are_overwritten() {
    let full = with_previews(&[(MOVIE, &["a", "b", "c"]), ("IPHONE_65", &["x"])]);
    let left = planned(&previews(&["d"], None, false), &full);
    assert!(left.is_empty());
    assert_eq!(
        left.notes,
        ["en-US has 3 previews for IPHONE_67 that stay, and App Store Connect takes 3. Left out: d."]
    );
    let plan = planned(&previews(&["d"], None, true), &full);
    let deleted: usize = plan
        .then
        .iter()
        .map(|action| match action {
            Action::UpdateMedia(change) => change.delete.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(deleted, 4);
}

#[test]
fn a_frame_that_was_asked_for_goes_to_previews_that_are_there() {
    let snapshot = with_previews(&[(MOVIE, &["1"])]);
    assert!(planned(&previews(&["1"], None, false), &snapshot).is_empty());
    let plan = planned(&previews(&["1"], Some("00:00:01:00"), false), &snapshot);
    assert_eq!(only_change(&plan).frames.len(), 1);
    assert_eq!(only_change(&plan).reason(), "1 with another frame");
}

#[test]
fn previews_of_a_locale_that_the_version_lacks_are_left_out_and_named() {
    let mut desired = previews(&["1"], None, false);
    let files = &mut desired.previews.as_mut().unwrap().files;
    let sets = files.remove("en-US").unwrap();
    files.insert("fr-FR".to_owned(), sets);
    let plan = planned(&desired, &snapshot(Some(EDIT)));
    assert!(plan.is_empty());
    assert!(plan.notes[0].contains("fr-FR"), "{:?}", plan.notes);
}

// --- the asset library

#[test]
fn what_only_the_library_takes_is_refused_without_one() {
    let mut desired = shots(&[]);
    desired
        .screenshots
        .as_mut()
        .unwrap()
        .entry("en-US".to_owned())
        .or_default()
        .insert(crate::display::ONLY_IN_LIBRARY, vec![shot("1")]);
    let mut snapshot = snapshot(Some(EDIT));
    assert!(matches!(plan(&desired, &snapshot), Err(ReleaseError::Invalid(_))));
    snapshot.library = Some(crate::media::Library::default());
    assert_eq!(planned(&desired, &snapshot).len(), 1);
}

#[test]
fn a_picture_of_the_library_is_known_by_its_sha256() {
    let mut snapshot = with_media(&[("en-US", PHONE, &["1"])]);
    let set = snapshot.media.get_mut("en-US").unwrap().get_mut(PHONE).unwrap();
    set.items[0].checksum = Some("sha-1".to_owned());
    assert!(planned(&shots(&["1"]), &snapshot).is_empty());
    // One that was uploaded by other means tells nothing about its content.
    snapshot
        .media
        .get_mut("en-US")
        .unwrap()
        .get_mut(PHONE)
        .unwrap()
        .items[0]
        .checksum = None;
    assert_eq!(only_change(&planned(&shots(&["1"]), &snapshot)).delete.len(), 1);
}

#[test]
fn a_change_shows_what_is_there_before_and_after_with_local_files() {
    let plan = planned(&shots(&["2", "3"]), &with_media(&[("en-US", PHONE, &["1", "2"])]));
    let (before, after) = only_change(&plan).pictures();
    let of = |pictures: Vec<Picture<'_>>| -> Vec<(String, bool)> {
        pictures
            .iter()
            .map(|picture| (picture.name.to_owned(), picture.file.is_some()))
            .collect()
    };
    assert_eq!(of(before), [("1".to_owned(), false), ("2".to_owned(), true)]);
    assert_eq!(of(after), [("2".to_owned(), true), ("3".to_owned(), true)]);
}

// --- age ratings

#[test]
fn answers_of_the_age_rating_that_contradict_each_other_are_refused_before_the_first_write() {
    let mut desired = texts(&[]);
    desired.age_rating = json!({"socialMedia": true, "userGeneratedContent": false})
        .as_object()
        .cloned();
    assert!(matches!(
        plan(&desired, &snapshot(Some(EDIT))),
        Err(ReleaseError::Invalid(_))
    ));
}

// --- runs that were killed

#[test]
fn a_picture_that_apple_still_processes_is_waited_for_and_not_uploaded_again() {
    let mut snapshot = with_media(&[("en-US", PHONE, &["1"])]);
    let set = snapshot.media.get_mut("en-US").unwrap().get_mut(PHONE).unwrap();
    set.items[0].state = "UPLOAD_COMPLETE".to_owned();
    let plan = planned(&shots(&["1"]), &snapshot);
    let change = only_change(&plan);
    assert!(change.upload.is_empty() && change.delete.is_empty());
    assert_eq!(change.reason(), "1 still processed by Apple");
}

#[test]
fn a_cancellation_that_is_on_its_way_is_waited_for() {
    let mut desired = submitting();
    desired.reject_if_possible = true;
    let going = planned(&desired, &in_submission("WAITING_FOR_REVIEW", "CANCELING"));
    assert!(
        matches!(going.first.as_slice(), [Action::CancelSubmission { state, .. }] if state == "CANCELING")
    );
    let gone = planned(&desired, &snapshot(Some("WAITING_FOR_REVIEW")));
    assert!(matches!(
        gone.first.as_slice(),
        [Action::AwaitCancellation { .. }]
    ));
    desired.reject_if_possible = false;
    assert!(plan(&desired, &snapshot(Some("WAITING_FOR_REVIEW"))).is_err());
}
