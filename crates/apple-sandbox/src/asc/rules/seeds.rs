//! What is there before anybody creates it: an app's records, a build's, and Apple's lists.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::Change;
use super::{distribution, media, release, situations};
use crate::asc::body::Draft;
use crate::asc::document::Api;
use crate::asc::objects::{Key, members};
use crate::state::State;

/// Territories with their currencies. Apple has 175; these are a sample.
const TERRITORIES: [(&str, &str); 12] = [
    ("USA", "USD"),
    ("CAN", "CAD"),
    ("MEX", "MXN"),
    ("BRA", "BRL"),
    ("GBR", "GBP"),
    ("DEU", "EUR"),
    ("FRA", "EUR"),
    ("HUN", "HUF"),
    ("CHE", "CHF"),
    ("JPN", "JPY"),
    ("CHN", "CNY"),
    ("AUS", "AUD"),
];

/// Categories; those of games and stickers have more below them.
const CATEGORIES: &str = "FOOD_AND_DRINK BUSINESS EDUCATION SOCIAL_NETWORKING BOOKS SPORTS FINANCE REFERENCE \
    GRAPHICS_AND_DESIGN DEVELOPER_TOOLS HEALTH_AND_FITNESS MUSIC WEATHER TRAVEL ENTERTAINMENT STICKERS GAMES LIFESTYLE \
    MEDICAL MAGAZINES_AND_NEWSPAPERS UTILITIES SHOPPING PRODUCTIVITY NEWS PHOTO_AND_VIDEO NAVIGATION";
const GAMES: &str = "SPORTS WORD MUSIC ADVENTURE ACTION ROLE_PLAYING CASUAL BOARD TRIVIA CARD PUZZLE CASINO STRATEGY \
    SIMULATION RACING FAMILY";
const STICKERS: &str = "PLACES_AND_OBJECTS EMOJI_AND_EXPRESSIONS CELEBRATIONS CELEBRITIES MOVIES_AND_TV \
    SPORTS_AND_ACTIVITIES EATING_AND_DRINKING CHARACTERS ANIMALS FASHION ART GAMING KIDS_AND_FAMILY PEOPLE MUSIC";

/// Prices in US dollars.
const PRICES: [&str; 6] = ["0.0", "0.99", "1.99", "2.99", "4.99", "9.99"];

/// The ID of a resource that has its parent's: an app or a build has one of it.
pub(super) fn id_of(draft: &Draft) -> Option<String> {
    matches!(draft.kind.as_str(), "appPriceSchedules" | "appAvailabilities")
        .then(|| draft.one("app").to_owned())
}

/// The attributes that a new resource has from the start.
pub(super) fn defaults(change: &Change<'_>, draft: &Draft) -> Map<String, Value> {
    let mut all = Map::new();
    for defaults in [
        release::defaults(change, &draft.kind),
        media::defaults(change, &draft.kind),
        distribution::defaults(change, &draft.kind),
    ] {
        all.extend(members(defaults));
    }
    all
}

/// The primary locale of the app that a resource belongs to.
pub(super) fn primary_locale(change: &Change<'_>, key: &Key) -> String {
    let objects = &change.state.objects;
    let mut at = key.clone();
    for name in ["appStoreVersion", "appInfo", "app"] {
        if let Some(up) = objects.links(&at.kind, &at.id, name).first() {
            at = up.clone();
        }
    }
    match objects.text("apps", &at.id, "primaryLocale") {
        "" => "en-US".to_owned(),
        locale => locale.to_owned(),
    }
}

struct Preparation<'a> {
    state: &'a mut State,
    api: &'a Api,
}

impl Preparation<'_> {
    fn add(&mut self, kind: &str, id: &str, attributes: Value) -> Key {
        let object = self.state.objects.entry(kind, id);
        object.attributes = members(attributes);
        Key::new(kind, id)
    }

    fn relate(&mut self, from: &Key, name: &str, to: &Key) {
        self.state.objects.relate(self.api, from, name, to);
    }
}

/// Adds the records of apps and builds that are new.
pub(crate) fn prepare(state: &mut State, api: &Api, now: OffsetDateTime) {
    let is_new = |state: &State, kind: &str, id: &str| state.objects.value(kind, id, PREPARED).is_none();
    let apps: Vec<String> = state
        .apps
        .iter()
        .filter(|app| is_new(state, "apps", &app.id))
        .map(|app| app.id.clone())
        .collect();
    let builds: Vec<String> = state
        .builds
        .iter()
        .filter(|build| is_new(state, "builds", &build.id))
        .map(|build| build.id.clone())
        .collect();
    let lists = state.objects.get("territories", "USA").is_none();
    let mut preparation = Preparation { state, api };
    if lists {
        apples_lists(&mut preparation);
    }
    for id in &apps {
        app(&mut preparation, id, now);
    }
    for id in builds {
        build(&mut preparation, &id);
    }
    for id in apps {
        if let Some(situation) = state.release.situations.remove(&id) {
            let mut change = Change {
                state,
                api,
                base: "",
                by_key: true,
                now,
            };
            situations::grow(&mut change, &id, &situation);
        }
    }
}

/// The records of a build that was just added.
pub(super) fn prepare_build(state: &mut State, api: &Api, id: &str) {
    build(&mut Preparation { state, api }, id);
}

/// Marks what has its records; no schema has an attribute of that name, so that no answer shows it.
const PREPARED: &str = "-prepared";

fn apples_lists(preparation: &mut Preparation<'_>) {
    for (id, currency) in TERRITORIES {
        preparation.add("territories", id, json!({"currency": currency}));
    }
    let platforms = json!(["IOS", "TV_OS", "MAC_OS", "VISION_OS"]);
    for id in CATEGORIES.split_whitespace() {
        let platforms = if id == "STICKERS" {
            json!(["IOS"])
        } else {
            platforms.clone()
        };
        preparation.add("appCategories", id, json!({"platforms": platforms}));
    }
    for (parent, names) in [("GAMES", GAMES), ("STICKERS", STICKERS)] {
        for name in names.split_whitespace() {
            let own = preparation.add(
                "appCategories",
                &format!("{parent}_{name}"),
                json!({"platforms": platforms}),
            );
            preparation.relate(&own, "parent", &Key::new("appCategories", parent));
        }
    }
    let username = preparation.state.apple_id.seed.name.clone();
    preparation.add(
        "users",
        "00000000-5a5a-4b4b-8c8c-000000000002",
        json!({
            "username": username,
            "firstName": "Ada",
            "lastName": "Example",
            "roles": ["ADMIN", "ACCOUNT_HOLDER"],
            "allAppsVisible": true,
            "provisioningAllowed": true,
        }),
    );
    let key = preparation.state.key_id.clone();
    preparation.add("actors", &key, json!({"actorType": "API_KEY", "apiKeyId": key}));
}

fn app(preparation: &mut Preparation<'_>, id: &str, now: OffsetDateTime) {
    let key = Key::new("apps", id);
    let Some(known) = preparation.state.apps.by_id(id).cloned() else {
        return;
    };
    let locale = match preparation.state.objects.text("apps", id, "primaryLocale") {
        "" => "en-US".to_owned(),
        locale => locale.to_owned(),
    };
    preparation.state.objects.entry("apps", id);
    preparation.state.objects.set("apps", id, PREPARED, true);
    // An app that is out has the info of its live version; another one while a version is on its way.
    let has_live = known
        .versions
        .iter()
        .any(|version| version.state == "READY_FOR_DISTRIBUTION");
    let has_open = known
        .versions
        .iter()
        .any(|version| !release::FINISHED.contains(&version.state.as_str()));
    let mut infos = Vec::new();
    infos.extend(has_live.then_some(("info", "READY_FOR_DISTRIBUTION")));
    infos.extend((has_open || !has_live).then_some((
        if has_live { "info-next" } else { "info" },
        "PREPARE_FOR_SUBMISSION",
    )));
    for (name, info_state) in infos {
        let older = release::older_state(info_state);
        let info = preparation.add(
            "appInfos",
            &format!("{id}-{name}"),
            json!({"state": info_state, "appStoreState": older}),
        );
        preparation.relate(&info, "app", &key);
        let localization = json!({"locale": locale, "name": known.name});
        let localization = preparation.add(
            "appInfoLocalizations",
            &format!("{id}-{name}-{locale}"),
            localization,
        );
        preparation.relate(&localization, "appInfo", &info);
        let rating = preparation.add("ageRatingDeclarations", &info.id, json!({}));
        preparation.relate(&info, "ageRatingDeclaration", &rating);
    }
    let has_library = preparation.state.release.has_asset_library;
    for (kind, attributes) in [
        ("betaAppReviewDetails", json!({"demoAccountRequired": false})),
        ("betaLicenseAgreements", json!({"agreementText": ""})),
        ("appAssetLibraries", json!({})),
    ] {
        if kind == "appAssetLibraries" && !has_library {
            continue;
        }
        let own = preparation.add(kind, id, attributes);
        preparation.relate(&own, "app", &key);
        if kind == "appAssetLibraries" {
            preparation.relate(&key, "assetLibrary", &own);
        }
    }
    let texts = preparation.add(
        "betaAppLocalizations",
        &format!("{id}-{locale}"),
        json!({"locale": locale}),
    );
    preparation.relate(&texts, "app", &key);
    for price in PRICES {
        let point = preparation.add(
            "appPricePoints",
            &format!("{id}-USA-{price}"),
            json!({"customerPrice": price, "proceeds": price}),
        );
        preparation.relate(&point, "app", &key);
        preparation.relate(&point, "territory", &Key::new("territories", "USA"));
    }
    for (index, version) in known.versions.iter().enumerate() {
        let own = preparation.add(
            "appStoreVersions",
            &format!("{id}-version-{index}"),
            json!({
                "versionString": version.version,
                "appVersionState": version.state,
                "appStoreState": release::older_state(&version.state),
                "platform": version.platform,
                "reviewType": "APP_STORE",
                "releaseType": "AFTER_APPROVAL",
                "downloadable": true,
                "createdDate": crate::asc::date(now),
            }),
        );
        preparation.relate(&own, "app", &key);
        let texts = preparation.add(
            "appStoreVersionLocalizations",
            &format!("{id}-version-{index}-{locale}"),
            json!({"locale": locale}),
        );
        preparation.relate(&texts, "appStoreVersion", &own);
    }
}

fn build(preparation: &mut Preparation<'_>, id: &str) {
    let key = Key::new("builds", id);
    let Some(known) = preparation.state.builds.by_id(id).cloned() else {
        return;
    };
    preparation.state.objects.entry("builds", id);
    preparation.state.objects.set("builds", id, PREPARED, true);
    let app = Key::new("apps", &known.app);
    let trains = preparation.state.objects.ids("preReleaseVersions");
    let train = trains.into_iter().find(|id| {
        let objects = &preparation.state.objects;
        objects.text("preReleaseVersions", id, "version") == known.short_version
            && objects.text("preReleaseVersions", id, "platform") == known.platform
            && objects.link("preReleaseVersions", id, "app").as_deref() == Some(known.app.as_str())
    });
    let train = match train {
        Some(id) => Key::new("preReleaseVersions", &id),
        None => {
            let id = preparation.state.fresh.id();
            let attributes = json!({"version": known.short_version, "platform": known.platform});
            let made = preparation.add("preReleaseVersions", &id, attributes);
            preparation.relate(&made, "app", &app);
            made
        }
    };
    preparation.relate(&key, "preReleaseVersion", &train);
    let objects = &mut preparation.state.objects;
    distribution::add_details(objects, id, &known.processing_state);
    preparation.relate(&Key::new("buildBetaDetails", id), "build", &key);
    let locale = match preparation
        .state
        .objects
        .text("apps", &known.app, "primaryLocale")
    {
        "" => "en-US".to_owned(),
        locale => locale.to_owned(),
    };
    let texts = preparation.add(
        "betaBuildLocalizations",
        &format!("{id}-{locale}"),
        json!({"locale": locale}),
    );
    preparation.relate(&texts, "build", &key);
    // Groups that see every build see those that come after them, too.
    for group in preparation
        .state
        .objects
        .links("apps", &known.app, "betaGroups")
        .to_vec()
    {
        let objects = &preparation.state.objects;
        if objects.is("betaGroups", &group.id, "hasAccessToAllBuilds") {
            preparation.relate(&group, "builds", &key);
        }
    }
}
