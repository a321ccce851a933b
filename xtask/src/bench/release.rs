//! deliver with `engine: native`: requests and time of usual releases, beside what fastlane needs for them.

use std::path::Path;
use std::time::Duration;

use apple_sandbox::{Sandbox, Situation};

use super::{Binaries, Lab, Taken, middle, millis, slow_down, succeed, timed};
use crate::sample;

const STEP: &str = "step-deliver";
const RUNS: usize = 5;
const LATENCIES: [u64; 2] = [0, 100];
const LOCALES: [&str; 10] = [
    "en-US", "de-DE", "fr-FR", "es-ES", "it", "ja", "ko", "nl-NL", "pt-BR", "sv",
];

/// A situation: its name, what fastlane 2.237 needs for it, and what a run changes.
struct Case {
    name: &'static str,
    /// Requests, writes, uploads, and sleep: measured with fastlane 2.237 against a stand-in for App Store Connect, with two locales unless it says so.
    fastlane: &'static str,
    prepare: fn(&Path) -> anyhow::Result<()>,
    submits: bool,
}

const CASES: [Case; 5] = [
    Case {
        name: "nothing changed, 10 locales",
        fastlane: "75 / 12, sleeps 3 s",
        prepare: |_| Ok(()),
        submits: false,
    },
    Case {
        name: "one text changed",
        fastlane: "15 / 4 (2 locales), sleeps 3 s",
        prepare: |folder| {
            text(
                folder,
                "en-US",
                "description",
                "Courier delivers your letters, and parcels.",
            )
        },
        submits: false,
    },
    Case {
        name: "new locale",
        fastlane: "22 / 9 (2 locales), sleeps 3 s",
        prepare: |folder| locale(folder, "pl"),
        submits: false,
    },
    Case {
        name: "50 screenshots new",
        fastlane: "37 / 22 for 10, sleeps 5 s",
        prepare: |folder| {
            LOCALES.iter().try_for_each(|locale| {
                (2..=6).try_for_each(|name| sample::write_screenshot(folder, locale, name, name))
            })
        },
        submits: false,
    },
    Case {
        name: "submit",
        fastlane: "10 / 4, sleeps 0 s",
        prepare: |_| Ok(()),
        submits: true,
    },
];

fn text(folder: &Path, locale: &str, name: &str, content: &str) -> anyhow::Result<()> {
    let place = folder.join("fastlane/metadata").join(locale);
    std::fs::create_dir_all(&place)?;
    std::fs::write(place.join(format!("{name}.txt")), content)?;
    Ok(())
}

fn locale(folder: &Path, locale: &str) -> anyhow::Result<()> {
    for (name, content) in [
        ("name", "Courier"),
        ("description", "Courier delivers your letters."),
        ("keywords", "letters,post"),
        ("release_notes", "Letters arrive sooner."),
        ("support_url", "https://example.com/support"),
        ("privacy_url", "https://example.com/privacy"),
    ] {
        text(folder, locale, name, content)?;
    }
    Ok(())
}

pub(super) fn bench(binaries: &Binaries) -> anyhow::Result<()> {
    let labs = binaries.labs(&[STEP])?;
    println!(
        "| situation | latency | binaries | requests / writes | until the first | whole run | fastlane 2.237: requests / writes |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for case in &CASES {
        for latency in LATENCIES {
            let mut all: Vec<Vec<Taken>> = labs.iter().map(|_| Vec::new()).collect();
            for _ in 0..RUNS {
                for (lab, runs) in labs.iter().zip(&mut all) {
                    runs.push(run(lab, case, latency)?);
                }
            }
            for (lab, runs) in labs.iter().zip(&all) {
                let taken = middle(runs)?;
                println!(
                    "| {} | {latency} ms | {} | {} / {} | {} | {} | {} |",
                    case.name,
                    lab.label,
                    taken.requests,
                    taken.writes,
                    millis(taken.first.saturating_sub(Duration::from_millis(latency))),
                    millis(taken.whole),
                    case.fastlane
                );
            }
        }
    }
    println!(
        "\nMedians of {RUNS} runs, a fresh store each. `until the first` is from process start to the first request to App Store Connect, the latency left out. fastlane's figures: measured with fastlane 2.237 against a stand-in; its start-up of 0.5 to 0.8 s and its sleeps are not in any of ours. Requests of both without uploads of parts."
    );
    Ok(())
}

fn run(lab: &Lab, case: &Case, latency: u64) -> anyhow::Result<Taken> {
    let folder = lab.fresh_project()?;
    for name in LOCALES {
        locale(&folder, name)?;
        sample::write_screenshot(&folder, name, 1, 1)?;
    }
    let situation = if case.submits {
        Situation::DeveloperRejected
    } else {
        Situation::Draft
    };
    let sandbox = Sandbox::start(&sample::seed(situation, &LOCALES, 1))?;
    // The run before, which leaves what the folders say.
    succeed(&mut deliver(lab, &sandbox, false))?;
    (case.prepare)(&folder)?;
    slow_down(&sandbox, "/v", latency);
    timed(&sandbox, deliver(lab, &sandbox, case.submits), "/v")
}

fn deliver(lab: &Lab, sandbox: &Sandbox, submits: bool) -> std::process::Command {
    let mut command = lab.step(STEP, sandbox);
    command
        .env("engine", "native")
        .env("bundle_id", sample::BUNDLE_ID)
        .env("skip_metadata", "no")
        .env("skip_screenshots", "no")
        .env("submit_for_review", if submits { "yes" } else { "no" })
        .env("options", "--skip_binary_upload --app_version 1.1");
    command
}
