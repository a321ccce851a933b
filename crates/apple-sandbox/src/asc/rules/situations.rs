//! Where an app begins: on the store, in review, rejected, and so on.
//!
//! A situation is reached by the API's own rules, request by request, so that nothing is there that Apple would not allow.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::lifecycle;
use super::review::{self, Verdict};
use super::{Change, seeds};
use crate::asc::body::Draft;
use crate::asc::objects::Key;
use crate::picture;
use crate::state::Build;

/// What an app has on App Store Connect from the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedRelease {
    /// How far its releases are.
    pub situation: Situation,
    /// Its locales, the primary one first; without any, `en-US`.
    pub locales: Vec<String>,
    /// Whether its pictures were placed through the App Asset Library, rather than uploaded to sets.
    pub in_library: bool,
    /// The screenshots of each locale.
    pub screenshots: u32,
    /// TestFlight groups.
    pub groups: Vec<SeedGroup>,
    /// Builds that are processed, oldest first.
    pub builds: Vec<SeedBuild>,
    /// Whether the description for testers and the contact for beta review are there.
    pub is_ready_for_beta_review: bool,
}

/// How far an app's releases are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Situation {
    /// Nothing but what the seed's versions say.
    #[default]
    None,
    /// A first version is prepared, and nothing is filled in.
    FirstDraft,
    /// Version 1.0 is on the store.
    Live,
    /// Version 1.0 is on the store, and 1.1 is prepared.
    Draft,
    /// 1.1 waits for review.
    WaitingForReview,
    /// 1.1 is in review.
    InReview,
    /// 1.1 was rejected.
    Rejected,
    /// The metadata of 1.1 was rejected.
    MetadataRejected,
    /// The build of 1.1 was found invalid.
    InvalidBinary,
    /// The submission of 1.1 was canceled.
    DeveloperRejected,
    /// 1.1 is approved and waits for the developer.
    PendingDeveloperRelease,
    /// 1.1 is released in phases.
    Phased,
}

/// A TestFlight group of the seed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedGroup {
    /// The name.
    pub name: String,
    /// Whether it is one of the team's own people.
    pub internal: bool,
    /// Whether it gets every build by itself.
    pub all_builds: bool,
    /// Whether it has a public link.
    pub public_link: bool,
    /// Its testers' addresses.
    pub testers: Vec<String>,
}

/// A build of the seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedBuild {
    /// The version.
    pub version: String,
    /// The build number.
    pub number: String,
    /// Whether it uses non-exempt encryption, where that is answered.
    #[serde(default)]
    pub uses_encryption: Option<bool>,
}

/// Makes the requests that lead to a situation. One that the rules refuse leaves the rest undone, which the tests of the
/// situations would see.
pub(super) fn grow(change: &mut Change<'_>, app: &str, seed: &SeedRelease) {
    let rules = change.state.release.clone();
    change.state.release.pace = lifecycle::Pace::default();
    change.state.release.image_tool_failures = 0;
    change.state.release.build_outcome = "VALID".to_owned();
    let hidden_for = std::mem::take(&mut change.state.lists.hidden_for);
    Grower { change, app, seed }.grow();
    change.state.lists.hidden_for = hidden_for;
    change.state.release = lifecycle::ReleaseRules {
        pending: std::mem::take(&mut change.state.release.pending),
        situations: std::mem::take(&mut change.state.release.situations),
        ..rules
    };
}

struct Grower<'a, 'b> {
    change: &'a mut Change<'b>,
    app: &'a str,
    seed: &'a SeedRelease,
}

impl Grower<'_, '_> {
    fn create(&mut self, kind: &str, attributes: Value, relationships: &[(&str, &Key)]) -> Option<Key> {
        let draft = Draft::of(kind, attributes, relationships);
        super::create(self.change, draft).ok()
    }

    fn update(&mut self, key: &Key, attributes: Value, relationships: &[(&str, &Key)]) {
        let draft = Draft {
            id: key.id.clone(),
            ..Draft::of(&key.kind, attributes, relationships)
        };
        let done = super::update(self.change, draft);
        debug_assert!(done.is_ok(), "{key:?}: {done:?}");
    }

    fn links(&self, key: &Key, name: &str) -> Vec<Key> {
        self.change.state.objects.links(&key.kind, &key.id, name).to_vec()
    }

    fn grow(&mut self) {
        let locale = self
            .seed
            .locales
            .first()
            .cloned()
            .unwrap_or_else(|| "en-US".to_owned());
        let app = Key::new("apps", self.app);
        self.change
            .state
            .objects
            .set("apps", self.app, "primaryLocale", locale.as_str());
        for kind in ["appInfoLocalizations", "betaAppLocalizations"] {
            let objects = &mut self.change.state.objects;
            for id in objects.ids(kind) {
                if id.starts_with(self.app) {
                    objects.set(kind, &id, "locale", locale.as_str());
                }
            }
        }
        for group in &self.seed.groups {
            self.group(&app, group);
        }
        for build in &self.seed.builds {
            self.build(&build.version, &build.number, build.uses_encryption);
        }
        if self.seed.is_ready_for_beta_review {
            self.beta_review(&app);
        }
        match self.seed.situation {
            Situation::None => return,
            Situation::FirstDraft => {
                self.version("1.0");
                return;
            }
            _ => {}
        }
        self.sell(&app);
        let first = self.version("1.0");
        if let Some(first) = &first {
            self.fill(first, "1.0");
            self.submit(first);
            self.decide(Verdict::Approve);
        }
        lifecycle::settle(self.change);
        if self.seed.situation == Situation::Live {
            return;
        }
        let Some(next) = self.version("1.1") else { return };
        if self.seed.situation == Situation::Draft {
            return;
        }
        self.fill(&next, "1.1");
        if self.seed.situation == Situation::PendingDeveloperRelease {
            self.update(&next, json!({"releaseType": "MANUAL"}), &[]);
        }
        if self.seed.situation == Situation::Phased {
            let attributes = json!({"phasedReleaseState": "INACTIVE"});
            self.create(
                "appStoreVersionPhasedReleases",
                attributes,
                &[("appStoreVersion", &next)],
            );
        }
        let submission = self.submit(&next);
        match self.seed.situation {
            Situation::InReview => self.decide(Verdict::Begin),
            Situation::Rejected => self.decide(Verdict::Reject),
            Situation::MetadataRejected => self.decide(Verdict::RejectMetadata),
            Situation::InvalidBinary => self.decide(Verdict::InvalidBinary),
            Situation::DeveloperRejected => {
                if let Some(submission) = submission {
                    self.update(&submission, json!({"canceled": true}), &[]);
                }
            }
            Situation::PendingDeveloperRelease | Situation::Phased => self.decide(Verdict::Approve),
            _ => {}
        }
        lifecycle::settle(self.change);
        if self.seed.situation == Situation::Phased {
            for phased in self.links(&next, "appStoreVersionPhasedRelease") {
                let objects = &mut self.change.state.objects;
                objects.set(&phased.kind, &phased.id, "currentDayNumber", 3);
            }
        }
    }

    fn group(&mut self, app: &Key, group: &SeedGroup) {
        let attributes = json!({
            "name": group.name,
            "isInternalGroup": group.internal,
            "hasAccessToAllBuilds": group.all_builds,
            "publicLinkEnabled": group.public_link,
        });
        let Some(made) = self.create("betaGroups", attributes, &[("app", app)]) else {
            return;
        };
        for email in &group.testers {
            self.create("betaTesters", json!({"email": email}), &[("betaGroups", &made)]);
        }
    }

    fn build(&mut self, version: &str, number: &str, uses_encryption: Option<bool>) -> Key {
        let id = self.change.state.fresh.id();
        // Later ones are newer.
        let age = 3600 - i64::try_from(self.change.state.builds.len()).unwrap_or_default();
        self.change.state.builds.push(Build {
            id: id.clone(),
            app: self.app.to_owned(),
            version: number.to_owned(),
            short_version: version.to_owned(),
            platform: "IOS".to_owned(),
            processing_state: "VALID".to_owned(),
            uploaded: self.change.now - time::Duration::seconds(age),
        });
        seeds::prepare_build(self.change.state, self.change.api, &id);
        let key = Key::new("builds", &id);
        if let Some(answer) = uses_encryption {
            self.update(&key, json!({"usesNonExemptEncryption": answer}), &[]);
        }
        key
    }

    fn beta_review(&mut self, app: &Key) {
        for texts in self.links(app, "betaAppLocalizations") {
            let texts_of =
                json!({"description": "Courier delivers letters.", "feedbackEmail": "beta@example.com"});
            self.update(&texts, texts_of, &[]);
        }
        let contact = json!({
            "contactFirstName": "Ada",
            "contactLastName": "Example",
            "contactEmail": "ada@example.com",
            "contactPhone": "+4930123456",
        });
        self.update(&Key::new("betaAppReviewDetails", &app.id.clone()), contact, &[]);
    }

    /// Price, availability, category, and age rating: what is answered once.
    fn sell(&mut self, app: &Key) {
        self.create(
            "appPriceSchedules",
            json!({}),
            &[("app", app), ("baseTerritory", &Key::new("territories", "USA"))],
        );
        let attributes = json!({"availableInNewTerritories": true});
        self.create("appAvailabilities", attributes, &[("app", app)]);
        let rights = json!({"contentRightsDeclaration": "DOES_NOT_USE_THIRD_PARTY_CONTENT"});
        self.update(app, rights, &[]);
        for info in self.links(app, "appInfos") {
            self.update(
                &info,
                json!({}),
                &[("primaryCategory", &Key::new("appCategories", "PRODUCTIVITY"))],
            );
            let rating = review::RATING.map(|(name, is_level)| {
                let answer = if is_level {
                    "NONE".into()
                } else {
                    Value::Bool(false)
                };
                (name.to_owned(), answer)
            });
            let rating = Value::Object(rating.into_iter().collect());
            self.update(&Key::new("ageRatingDeclarations", &info.id), rating, &[]);
        }
    }

    fn version(&mut self, number: &str) -> Option<Key> {
        let attributes = json!({"platform": "IOS", "versionString": number});
        let app = Key::new("apps", self.app);
        self.create("appStoreVersions", attributes, &[("app", &app)])
    }

    /// Everything that review asks of a version.
    fn fill(&mut self, version: &Key, number: &str) {
        let is_update = number != "1.0";
        let copyright = json!({"copyright": format!("{} Example GmbH", OffsetDateTime::now_utc().year())});
        self.update(version, copyright, &[]);
        for locale in self.seed.locales.iter().skip(1).filter(|_| !is_update) {
            self.create(
                "appStoreVersionLocalizations",
                json!({"locale": locale}),
                &[("appStoreVersion", version)],
            );
        }
        for localization in self.links(version, "appStoreVersionLocalizations") {
            let mut texts = json!({
                "description": "Courier delivers letters.",
                "keywords": "letters,post",
                "supportUrl": "https://example.com/support",
            });
            if is_update {
                texts["whatsNew"] = "Letters arrive sooner.".into();
            }
            self.update(&localization, texts, &[]);
            if !is_update {
                self.pictures(&localization);
            }
        }
        let app = Key::new("apps", self.app);
        for info in self.links(&app, "appInfos") {
            for localization in self.links(&info, "appInfoLocalizations") {
                let policy = json!({"privacyPolicyUrl": "https://example.com/privacy"});
                self.update(&localization, policy, &[]);
            }
        }
        let contact = json!({
            "contactFirstName": "Ada",
            "contactLastName": "Example",
            "contactEmail": "ada@example.com",
            "contactPhone": "+4930123456",
        });
        if !is_update {
            self.create("appStoreReviewDetails", contact, &[("appStoreVersion", version)]);
        }
        let build = self.build(number, if is_update { "2" } else { "1" }, Some(false));
        self.update(version, json!({}), &[("build", &build)]);
    }

    fn pictures(&mut self, localization: &Key) {
        let (display, group) = ("APP_IPHONE_67", "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE");
        let set = if self.seed.in_library {
            None
        } else {
            let attributes = json!({"screenshotDisplayType": display});
            self.create(
                "appScreenshotSets",
                attributes,
                &[("appStoreVersionLocalization", localization)],
            )
        };
        for number in 1..=self.seed.screenshots.max(1) {
            let picture = picture::screenshot(1290, 2796, number);
            let name = format!("{number}.png");
            let attributes = json!({"fileName": name, "fileSize": picture.len()});
            match &set {
                Some(set) => {
                    if let Some(shot) =
                        self.create("appScreenshots", attributes, &[("appScreenshotSet", set)])
                    {
                        self.arrive(&shot, &picture);
                    }
                }
                None => {
                    let library = Key::new("appAssetLibraries", self.app);
                    let mut attributes = attributes;
                    attributes["category"] = "APP_SCREENSHOTS_AND_PREVIEWS".into();
                    attributes["referenceName"] = name.into();
                    let image =
                        self.create("appAssetLibraryImages", attributes, &[("assetLibrary", &library)]);
                    if let Some(image) = image {
                        self.arrive(&image, &picture);
                        self.create(
                            "appAssetLibraryPlacements",
                            json!({"placementType": "APP_SCREENSHOT", "placementGroup": group}),
                            &[("image", &image), ("appStoreVersionLocalization", localization)],
                        );
                    }
                }
            }
        }
    }

    /// A file arrives whole, and is processed.
    fn arrive(&mut self, key: &Key, content: &[u8]) {
        let state = &mut *self.change.state;
        state.storage.put(&key.id, content);
        state.assets.take_as_sent(&key.id);
        if key.kind == "appScreenshots" {
            let md5 = state.storage.digests(&key.id).md5;
            state.objects.set(&key.kind, &key.id, "sourceFileChecksum", md5);
        }
        super::media::observe(self.change, &key.kind);
    }

    fn submit(&mut self, version: &Key) -> Option<Key> {
        let app = Key::new("apps", self.app);
        let submission = self.create("reviewSubmissions", json!({"platform": "IOS"}), &[("app", &app)])?;
        let item = self.create(
            "reviewSubmissionItems",
            json!({}),
            &[("reviewSubmission", &submission), ("appStoreVersion", version)],
        );
        debug_assert!(item.is_some(), "{version:?} is complete");
        self.update(&submission, json!({"submitted": true}), &[]);
        Some(submission)
    }

    fn decide(&mut self, verdict: Verdict) {
        let decided = review::decide(self.change, Some(self.app), verdict);
        debug_assert!(decided.is_ok(), "{decided:?}");
        if verdict == Verdict::Approve {
            lifecycle::settle(self.change);
        }
    }
}
