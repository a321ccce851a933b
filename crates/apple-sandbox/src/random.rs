//! Faults at random, as a long life of Apple's services brings them.
//!
//! The idea is that of Pebble, the test server of Let's Encrypt, which refuses 5 % of valid nonces so that every client
//! learns to try again. What a request meets depends on the seed, the method, the path, and on how often that was asked,
//! never on the clock or on the order in which concurrent requests arrive.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fault::Kind;

/// In so many of a thousand requests: 401, 429, and 5xx.
const UNAUTHORIZED: u32 = 50;
const RATE_LIMITED: u32 = 30;
const BROKEN: u32 = 20;

/// In so many of a thousand requests the answer is late, by up to so many milliseconds.
const LATE: u32 = 100;
const LATEST: u64 = 300;

/// A created resource is missing in so many lists that should have it, at most.
const LONGEST_LAG: u32 = 3;

/// Beyond so many entries what is remembered about requests is forgotten: a sandbox may run for days.
const MOST_REMEMBERED: usize = 10_000;

/// Whether faults strike at random: `yes`, `no`, or a number to begin from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RandomFaults {
    /// On, from the usual seed, or off.
    Switch(bool),
    /// On, from this seed.
    Seed(u64),
}

impl RandomFaults {
    /// The seed that stands for "on" where none is given.
    pub const USUAL: u64 = 1;

    /// The seed; `None` where the faults are off.
    pub fn seed(self) -> Option<u64> {
        match self {
            Self::Switch(false) => None,
            Self::Switch(true) => Some(Self::USUAL),
            Self::Seed(seed) => Some(seed),
        }
    }
}

impl Default for RandomFaults {
    fn default() -> Self {
        Self::Switch(false)
    }
}

/// What chance may do to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The APIs: everything.
    All,
    /// The storage of uploads, where a signature in the URL stands for a token: everything but 401.
    Storage,
    /// Bitrise, and sign-in, where a refusal is no accident but counts against the account: delays.
    Delays,
}

fn reach(path: &str) -> Reach {
    let starts = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
    if starts(&[crate::storage::STORAGE]) {
        Reach::Storage
    } else if starts(&[
        "/bitrise/",
        "/files/",
        "/appleauth/",
        "/account/",
        "/olympus/",
        "/logout",
    ]) {
        Reach::Delays
    } else {
        Reach::All
    }
}

/// Faults at random, and what lists do not show yet.
#[derive(Debug)]
pub struct Chance {
    seed: u64,
    asked: HashMap<u64, u32>,
    /// In how many lists a resource, by type and ID, is missing yet.
    lagging: BTreeMap<(String, String), u32>,
}

impl Chance {
    /// Chance that begins from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            asked: HashMap::new(),
            lagging: BTreeMap::new(),
        }
    }

    /// The dice of a request; they fall the same way for the same seed, request, and number of times it was asked.
    fn dice(&mut self, method: &str, path: &str, query: &str) -> fastrand::Rng {
        let mut hasher = DefaultHasher::new();
        (self.seed, method, path, query).hash(&mut hasher);
        let request = hasher.finish();
        if self.asked.len() >= MOST_REMEMBERED {
            self.asked.clear();
        }
        let times = self.asked.entry(request).or_default();
        *times += 1;
        fastrand::Rng::with_seed(request ^ u64::from(*times).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// The faults that strike a request.
    pub(crate) fn strike(&mut self, method: &str, path: &str, query: &str) -> Vec<Kind> {
        let reach = reach(path);
        let mut dice = self.dice(method, path, query);
        let mut struck = Vec::new();
        if dice.u32(0..1000) < LATE {
            struck.push(Kind::Latency {
                milliseconds: dice.u64(10..=LATEST),
            });
        }
        let fallen = dice.u32(0..1000);
        match reach {
            Reach::Delays => {}
            Reach::All if fallen < UNAUTHORIZED => struck.push(Kind::Unauthorized),
            _ if fallen < UNAUTHORIZED => {}
            _ if fallen < UNAUTHORIZED + RATE_LIMITED => {
                struck.push(Kind::RateLimit { retry_after: Some(1) });
            }
            _ if fallen < UNAUTHORIZED + RATE_LIMITED + BROKEN => {
                let changes = method != "GET" && method != "HEAD" && reach == Reach::All;
                struck.push(match dice.u32(0..3) {
                    0 if changes => Kind::AppliedServerError,
                    0 | 1 => Kind::ServerError,
                    _ => Kind::Maintenance,
                });
            }
            _ => {}
        }
        struck
    }

    /// Notes what an answer created, and takes what lists do not show yet out of one; collections that no `sort` was
    /// asked for come in another order each time.
    pub(crate) fn shape(&mut self, method: &str, path: &str, query: &str, answer: &[u8]) -> Option<Vec<u8>> {
        let mut document: Value = serde_json::from_slice(answer).ok()?;
        let mut dice = self.dice("shape", path, query);
        if method == "POST" {
            self.hide(&document["data"], &mut dice);
            return None;
        }
        let listed = document["data"].as_array()?.len();
        let missing = self.missing(&document);
        let kept = |resource: &Value| !identifier(resource).is_some_and(|one| missing.contains(&one));
        for place in ["data", "included"] {
            if let Some(resources) = document.get_mut(place).and_then(Value::as_array_mut) {
                resources.retain(kept);
                for resource in resources {
                    withhold(resource, &kept);
                }
            }
        }
        let resources = document.get_mut("data")?.as_array_mut()?;
        let lost = listed - resources.len();
        // The order of a resource's own parts may have a meaning, as that of screenshots has.
        let is_collection = path.trim_matches('/').split('/').count() == 2;
        if is_collection && !query.contains("sort=") {
            dice.shuffle(resources);
        }
        if let Some(total) = document
            .pointer_mut("/meta/paging/total")
            .filter(|total| total.is_u64())
        {
            *total = total
                .as_u64()
                .unwrap_or_default()
                .saturating_sub(lost as u64)
                .into();
        }
        Some(document.to_string().into_bytes())
    }

    /// How many lists a resource misses that `path` creates now: for services whose answers are not JSON:API.
    pub(crate) fn lag(&mut self, path: &str) -> u32 {
        self.dice("lag", path, "").u32(1..=LONGEST_LAG)
    }

    fn hide(&mut self, created: &Value, dice: &mut fastrand::Rng) {
        if self.lagging.len() >= MOST_REMEMBERED {
            self.lagging.clear();
        }
        if let Some(one) = identifier(created) {
            self.lagging.insert(one, dice.u32(1..=LONGEST_LAG));
        }
    }

    /// What a list would show, and does not yet. Each list that would have shown a resource brings it nearer.
    fn missing(&mut self, document: &Value) -> Vec<(String, String)> {
        let shown = ["data", "included"]
            .into_iter()
            .filter_map(|place| document[place].as_array());
        let mut missing = Vec::new();
        for one in shown.flatten().filter_map(identifier) {
            if let Some(left) = self.lagging.get_mut(&one) {
                *left -= 1;
                if *left == 0 {
                    self.lagging.remove(&one);
                }
                missing.push(one);
            }
        }
        missing
    }
}

/// Type and ID of a resource or of a resource identifier.
fn identifier(resource: &Value) -> Option<(String, String)> {
    let text = |name: &str| resource[name].as_str().map(str::to_owned);
    Some((text("type")?, text("id")?))
}

/// Takes identifiers out of a resource's relationships.
fn withhold(resource: &mut Value, kept: &impl Fn(&Value) -> bool) {
    // Indexing would put `null` where nothing is.
    let relationships = resource.get_mut("relationships").and_then(Value::as_object_mut);
    for relationship in relationships.into_iter().flat_map(Map::values_mut) {
        if let Some(identifiers) = relationship.get_mut("data").and_then(Value::as_array_mut) {
            identifiers.retain(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_come_at_their_rates_and_the_same_again_from_the_same_seed() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            (0..20_000)
                .map(|at| chance.strike("GET", &format!("/v1/devices/{}", at % 50), ""))
                .collect::<Vec<_>>()
        };
        let struck = draw(3);
        assert_eq!(struck, draw(3));
        assert_ne!(struck, draw(4));
        let percent = |is: fn(&Kind) -> bool| {
            let hits = struck.iter().filter(|kinds| kinds.iter().any(is)).count();
            hits as f64 / 200.0
        };
        for (name, measured, expected) in [
            ("401", percent(|kind| *kind == Kind::Unauthorized), 5.0),
            ("429", percent(|kind| matches!(kind, Kind::RateLimit { .. })), 3.0),
            (
                "5xx",
                percent(|kind| matches!(kind, Kind::ServerError | Kind::Maintenance)),
                2.0,
            ),
            ("late", percent(|kind| matches!(kind, Kind::Latency { .. })), 10.0),
        ] {
            assert!((measured - expected).abs() < 1.0, "{name}: {measured} %");
        }
    }

    #[test]
    fn the_order_of_other_requests_changes_nothing() {
        let asked = |paths: &[&str]| {
            let mut chance = Chance::new(9);
            let mut struck: Vec<_> = paths
                .iter()
                .map(|path| ((*path).to_owned(), chance.strike("GET", path, "")))
                .collect();
            // Stable: of one path, the order in which it was asked stays.
            struck.sort_by(|a, b| a.0.cmp(&b.0));
            struck
        };
        let forward: Vec<String> = (0..200).map(|at| format!("/v1/apps/{}", at % 40)).collect();
        let forward: Vec<&str> = forward.iter().map(String::as_str).collect();
        let backward: Vec<&str> = forward.iter().rev().copied().collect();
        assert_eq!(asked(&forward), asked(&backward));
    }

    #[test]
    fn sign_in_meets_delays_alone_and_storage_no_401() {
        let mut chance = Chance::new(1);
        for _ in 0..2000 {
            for path in [
                "/appleauth/auth/signin/complete",
                "/bitrise/x",
                "/files/0.p12",
                "/logout",
            ] {
                let struck = chance.strike("POST", path, "");
                assert!(
                    struck.iter().all(|kind| matches!(kind, Kind::Latency { .. })),
                    "{path}: {struck:?}"
                );
            }
            let struck = chance.strike("PUT", "/storage/1/0", "");
            assert!(!struck.contains(&Kind::Unauthorized) && !struck.contains(&Kind::AppliedServerError));
        }
    }

    fn created(chance: &mut Chance, id: &str) {
        let answer = json!({"data": {"type": "profiles", "id": id}}).to_string();
        assert_eq!(chance.shape("POST", "/v1/profiles", "", answer.as_bytes()), None);
    }

    #[test]
    fn a_created_resource_is_missing_in_one_to_three_lists_that_should_have_it() {
        let list = json!({
            "data": [{"type": "bundleIds", "id": "B", "relationships": {"profiles": {"data": [{"type": "profiles", "id": "P"}]}}}],
            "included": [{"type": "profiles", "id": "P"}],
            "meta": {"paging": {"total": 1, "limit": 20}},
        })
        .to_string();
        let mut lags = std::collections::BTreeSet::new();
        for seed in 0..30 {
            let mut chance = Chance::new(seed);
            created(&mut chance, "P");
            let mut lag = 0;
            loop {
                let shown = chance
                    .shape("GET", "/v1/bundleIds", "include=profiles", list.as_bytes())
                    .unwrap();
                let shown: Value = serde_json::from_slice(&shown).unwrap();
                let linked = &shown["data"][0]["relationships"]["profiles"]["data"];
                assert_eq!(
                    linked.as_array().unwrap().len(),
                    shown["included"].as_array().unwrap().len()
                );
                assert_eq!(shown["meta"]["paging"]["total"], 1);
                if shown["included"][0]["id"] == "P" {
                    break;
                }
                lag += 1;
            }
            lags.insert(lag);
        }
        assert_eq!(lags.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn totals_count_what_is_shown_and_collections_alone_are_reordered() {
        let resources: Vec<Value> = (0..30)
            .map(|id| json!({"type": "profiles", "id": format!("{id:02}")}))
            .collect();
        let list = json!({"data": resources, "meta": {"paging": {"total": 30, "limit": 50}}}).to_string();
        let mut chance = Chance::new(1);
        created(&mut chance, "07");
        let mut shape = |path: &str, query: &str| {
            let shown = chance.shape("GET", path, query, list.as_bytes()).unwrap();
            let shown: Value = serde_json::from_slice(&shown).unwrap();
            let ids: Vec<String> = shown["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(shown["meta"]["paging"]["total"], ids.len());
            ids
        };
        let first = shape("/v1/profiles", "");
        assert!(!first.contains(&"07".to_owned()) && first.len() == 29);
        for _ in 0..3 {
            shape("/v1/profiles", "");
        }
        let orders = [shape("/v1/profiles", ""), shape("/v1/profiles", "")];
        assert!(orders[0] != orders[1] && orders[0].len() == 30);
        assert!(shape("/v1/profiles", "sort=id").is_sorted());
        assert!(shape("/v1/bundleIds/B/profiles", "").is_sorted());
    }

    #[test]
    fn an_answer_from_which_nothing_is_missing_gets_no_members_that_it_had_not() {
        for answer in [
            json!({"data": [{"type": "apps", "id": "1", "attributes": {}}], "links": {"self": "x"}}),
            json!({"data": []}),
            json!({"data": [{"type": "apps", "id": "1", "relationships": {"builds": {"links": {}}}}]}),
        ] {
            let shown = Chance::new(1).shape("GET", "/v1/apps", "", answer.to_string().as_bytes());
            assert_eq!(serde_json::from_slice::<Value>(&shown.unwrap()).unwrap(), answer);
        }
        assert_eq!(
            Chance::new(1).shape("GET", "/v1/apps/1", "", b"{\"data\":{}}"),
            None
        );
        assert_eq!(Chance::new(1).shape("GET", "/v1/apps", "", b"<html>"), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut chance = Chance::new(1);
        for at in 0..30_000 {
            chance.strike("GET", &format!("/v1/apps/{at}"), "");
            created(&mut chance, &at.to_string());
        }
        assert!(chance.asked.len() <= MOST_REMEMBERED && chance.lagging.len() <= MOST_REMEMBERED);
    }

    #[test]
    fn a_seed_says_yes_no_or_where_to_begin() {
        for (text, expected) in [("true", Some(1)), ("false", None), ("7", Some(7))] {
            let parsed: RandomFaults = serde_yaml::from_str(text).unwrap();
            assert_eq!(parsed.seed(), expected, "{text}");
        }
    }
}
