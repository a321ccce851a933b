//! Each request of a full release, with each thing that goes wrong on the way: the end is right, or the error says what is missing and
//! the next run makes it right. Nothing is uploaded twice.
//!
//! A run of the suite makes a third of the combinations, in which every request and every fault is; `RELEASE_FAULTS=all` makes all.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use apple_sandbox::{Fault, Kind, Sandbox, Situation};
use e2e::Run;

use super::{Shop, at, seed, shots};

/// What is right in the end: the version with its texts, pictures, and build waits for review, and nothing is there twice.
fn problems(sandbox: &Sandbox) -> Vec<String> {
    let product = sandbox.product();
    let app = &product["apps"][0];
    let mut problems = Vec::new();
    let mut expect = |is_right: bool, what: String| {
        if !is_right {
            problems.push(what);
        }
    };
    let version = &app["versions"][0];
    expect(
        version["version"] == "1.2.3",
        format!("version {}", version["version"]),
    );
    expect(
        version["state"] == "WAITING_FOR_REVIEW",
        format!("state {}", version["state"]),
    );
    expect(version["build"] == "42", format!("build {}", version["build"]));
    for (locale, name, notes) in [
        ("en-US", "Courier", "A widget"),
        ("de-DE", "Kurier", "Ein Widget"),
    ] {
        let locales = version["locales"].as_array().cloned().unwrap_or_default();
        let Some(page) = locales.iter().find(|page| page["locale"] == locale) else {
            expect(false, format!("no {locale}"));
            continue;
        };
        expect(page["name"] == name, format!("{locale} name {}", page["name"]));
        let whats_new = page["whats_new"].as_str().unwrap_or_default();
        expect(
            whats_new.starts_with(notes),
            format!("{locale} what's new {whats_new}"),
        );
        let own = shots(version, locale);
        let expected = ["1.png", "2.png"];
        let is_update = locale == "en-US";
        // The primary locale has a picture of the version before, which comes first or was kept.
        expect(
            own.iter()
                .filter(|name| expected.contains(&name.as_str()))
                .count()
                >= 2,
            format!("{locale} screenshots {own:?}"),
        );
        let distinct: BTreeSet<&String> = own.iter().collect();
        expect(
            distinct.len() == own.len() && own.len() <= 2 + usize::from(is_update),
            format!("{locale} screenshots twice {own:?}"),
        );
    }
    let state = sandbox.state();
    let uploads = state
        .uploads
        .iter()
        .filter(|upload| upload.version == "42")
        .count();
    expect(uploads == 1, format!("{uploads} uploads of the build"));
    let builds = state.builds.iter().filter(|build| build.version == "42").count();
    expect(builds == 1, format!("{builds} builds"));
    let of = |kind: &str, name: &str, value: &str| {
        let ids = state.objects.ids(kind);
        let has = |id: &&String| {
            let object = state.objects.get(kind, id);
            object.is_some_and(|object| object.attributes.get(name).is_some_and(|own| own == value))
        };
        ids.iter().filter(has).count()
    };
    let sent = of("reviewSubmissions", "state", "WAITING_FOR_REVIEW");
    expect(sent == 1, format!("{sent} submissions"));
    let drafts = of("reviewSubmissions", "state", "READY_FOR_REVIEW");
    expect(drafts == 0, format!("{drafts} drafts"));
    problems
}

/// A path without its IDs.
fn pattern(path: &str) -> String {
    let parts = path.split('/').enumerate().map(|(index, part)| {
        let is_id = index >= 3
            && (part.starts_with("SBX") || part.chars().all(|c| c.is_ascii_digit()) || part.contains('-'));
        if is_id || path.starts_with("/storage/") && index >= 2 {
            "*"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The requests of a release without faults, each form once.
fn requests() -> Vec<String> {
    let shop = Shop::at(Situation::Live);
    let run = shop.deliver(&[]).ended(0);
    assert_eq!(problems(&shop.sandbox), Vec::<String>::new(), "{}", run.text);
    let state = shop.sandbox.state();
    let mut forms: Vec<String> = Vec::new();
    for request in state
        .requests
        .iter()
        .filter(|request| request.path.starts_with("/v"))
    {
        let form = format!("{} {}", request.method, pattern(&request.path));
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    // The storage keeps no log.
    forms.push("PUT /storage/".to_owned());
    forms
}

fn faults() -> Vec<Kind> {
    vec![
        Kind::Reset,
        Kind::ResetBefore,
        Kind::ServerError,
        Kind::AppliedServerError,
        Kind::RateLimit { retry_after: Some(1) },
        Kind::InvalidAttribute,
    ]
}

/// What is wrong after a run under a fault, and a second one without it where the first failed.
fn broken(shop: &Shop, run: &Run) -> Option<String> {
    if run.status == Some(0) {
        let found = problems(&shop.sandbox);
        return (!found.is_empty()).then(|| format!("green, but {found:?}\n{}", run.text));
    }
    if !run.text.contains("Next:") {
        return Some(format!("the error does not say what to do next\n{}", run.text));
    }
    shop.sandbox.state().faults.clear();
    let again = shop.deliver(&[]);
    let found = problems(&shop.sandbox);
    (again.status != Some(0) || !found.is_empty()).then(|| {
        format!(
            "after another run {found:?}\n--- first\n{}\n--- second\n{}",
            run.text, again.text
        )
    })
}

/// Runs cases on a few threads, and gives what went wrong.
fn in_parallel<T: Sync>(cases: &[T], one: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(problem) = one(case) {
                        wrong.lock().unwrap().push(problem);
                    }
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}

fn is_whole() -> bool {
    std::env::var("RELEASE_FAULTS").is_ok_and(|value| value == "all")
}

#[test]
fn whatever_goes_wrong_at_a_request_a_release_ends_right() {
    let forms = requests();
    assert!(forms.len() > 15, "{forms:?}");
    let mut cases = Vec::new();
    for (number, form) in forms.iter().enumerate() {
        for (which, kind) in faults().into_iter().enumerate() {
            // A read that is refused for its attributes there is not, and the storage knows no attributes.
            let fits = kind != Kind::InvalidAttribute || !form.starts_with("GET") && !form.starts_with("PUT");
            if fits && (is_whole() || (number + which) % 3 == 0) {
                cases.push((form.clone(), kind));
            }
        }
    }
    let wrong = in_parallel(&cases, |(form, kind)| {
        let shop = Shop::at(Situation::Live);
        shop.sandbox.fail(Fault::times(form, 1, kind.clone()));
        let run = shop.deliver(&[]);
        if !shop.sandbox.state().faults.is_empty() {
            return Some(format!(
                "=== {} at {form} did not strike\n{}",
                kind.name(),
                run.text
            ));
        }
        broken(&shop, &run).map(|problem| format!("=== {} at {form}: {problem}", kind.name()))
    });
    eprintln!("{} combinations of {} requests", cases.len(), forms.len());
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
}

/// Starts a release, and kills it when the request arrives: it is held there.
fn killed_at(shop: &Shop, form: &str) {
    let hold = Kind::Latency { milliseconds: 60_000 };
    shop.sandbox.fail(Fault::times(form, 1, hold));
    let mut child = shop.machine.start("step-deliver", &Shop::inputs(&[]));
    let started = Instant::now();
    while !shop.sandbox.state().faults.is_empty() && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(60), "{form} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let struck = shop.sandbox.state().faults.is_empty();
    assert!(struck, "the run ended before {form} came");
}

#[test]
fn a_release_that_was_killed_at_any_request_is_finished_by_the_next_run() {
    let forms = requests();
    let cases: Vec<&String> = forms
        .iter()
        .enumerate()
        .filter(|(number, _)| is_whole() || number % 2 == 0)
        .map(|(_, form)| form)
        .collect();
    let wrong = in_parallel(&cases, |form| {
        let shop = Shop::at(Situation::Live);
        killed_at(&shop, form);
        let run = shop.machine.run("step-deliver", &Shop::inputs(&[]));
        let found = problems(&shop.sandbox);
        (run.status != Some(0) || !found.is_empty())
            .then(|| format!("=== killed at {form}: {found:?}\n{}", run.text))
    });
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn two_runs_at_once_end_in_one_submission() {
    for asset_library in [false, true] {
        let mut seed = seed(at(Situation::Live));
        seed.asset_library = asset_library;
        let shop = Shop::of(&seed);
        // The requests of both meet.
        shop.sandbox
            .fail(Fault::always("/v1/", Kind::Latency { milliseconds: 20 }));
        let children = [0, 1].map(|_| shop.machine.start("step-deliver", &Shop::inputs(&[])));
        let ends: Vec<(Option<i32>, String)> = children
            .map(|child| {
                let output = child.wait_with_output().unwrap();
                (
                    output.status.code(),
                    String::from_utf8_lossy(&output.stdout).into_owned(),
                )
            })
            .into();
        assert!(ends.iter().any(|(status, _)| *status == Some(0)), "{ends:#?}");
        for (status, text) in &ends {
            assert!(*status == Some(0) || text.contains("Next:"), "{text}");
        }
        assert_eq!(
            problems(&shop.sandbox),
            Vec::<String>::new(),
            "library {asset_library}\n{}\n{}",
            ends[0].1,
            ends[1].1
        );
    }
}
