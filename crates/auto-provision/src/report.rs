//! What a run leaves for people, beside its log: what is signed with what until when, what was changed and why, and
//! what was asked.

use provisioning::{Action, BundleIdentifier, SignedProfile};
use step_kit::html_report::{Block, Expiry, Request, Timeline, Waterfall};
use step_kit::{Report, Step};
use transport::Journal;

use crate::Changes;
use crate::options::Options;
use crate::plan_log;
use crate::project::Analysis;
use crate::signing::files::SigningFiles;

/// What the summary says of a run, or a plan, without changes.
pub(crate) const UNCHANGED: &str = "The App IDs, devices, and profiles on the portal are unchanged.";

/// A target and its profile, in words.
struct Line {
    cells: [String; 6],
}

fn lines(analysis: &Analysis, signed: &[SignedProfile]) -> Vec<Line> {
    let target_of = |bundle_id: &BundleIdentifier| {
        let items = analysis.archived.iter().chain(&analysis.ui_tests);
        let names: Vec<&str> = items
            .filter(|item| {
                item.need.bundle_id == *bundle_id
                    || (item.need.ui_test && item.need.bundle_id.wildcard().as_ref() == Some(bundle_id))
            })
            .map(|item| item.need.name.as_str())
            .collect();
        names.join(", ")
    };
    let line = |signed: &SignedProfile| {
        let details = signed.profile.details.as_ref();
        let devices = if signed.desired.distribution.lists_devices() {
            details.map_or(0, |details| details.udids.len()).to_string()
        } else {
            "–".to_owned()
        };
        let certificate = signed
            .desired
            .certificates
            .first()
            .map(|known| known.common_name.clone());
        Line {
            cells: [
                target_of(&signed.desired.bundle_id),
                signed.desired.bundle_id.to_string(),
                signed.profile.name.clone(),
                details
                    .map(|details| details.expires_at.date().to_string())
                    .unwrap_or_default(),
                certificate.unwrap_or_default(),
                devices,
            ],
        }
    };
    signed.iter().map(line).collect()
}

const COLUMNS: [&str; 6] = [
    "Target",
    "Bundle ID",
    "Profile",
    "Expires",
    "Certificate",
    "Devices",
];

/// Reports what signs each target until when, and the changes on the portal: in the log, as Markdown, and on the page.
pub(crate) fn signed(
    step: &Step<Options>,
    analysis: &Analysis,
    signed: &[SignedProfile],
    changes: &[Action],
) {
    let lines = lines(analysis, signed);
    step.log.heading("Signed");
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let [target, _, profile, expires, certificate, devices] = line.cells.clone();
            vec![target, profile, expires, devices, certificate]
        })
        .collect();
    let columns = ["target", "profile", "expires", "devices", "certificate"];
    step.log.table(&columns, &rows);
    let report = &step.report;
    report.markdown(&table(&lines));
    report.fact("Distribution", step.inputs.distribution.as_str());
    report.fact("Configuration", &analysis.configuration);
    report.block(Block::Table {
        heading: "Targets".to_owned(),
        columns: COLUMNS.map(str::to_owned).to_vec(),
        rows: lines.iter().map(|line| line.cells.to_vec()).collect(),
    });
    expiry_dates(report, signed);
    if changes.is_empty() {
        report.markdown(UNCHANGED);
    }
    let texts: Vec<String> = changes.iter().map(plan_log::past_tense).collect();
    report.list("Changes on the Developer Portal", &texts);
}

/// What the signing settings were written to, and the files for later steps.
pub(crate) fn files(step: &Step<Options>, files: &SigningFiles) {
    let report = &step.report;
    report.fact("Signing settings", step.inputs.apply_to.as_str());
    report.markdown(&format!("Signing settings: `{}`.", step.inputs.apply_to.as_str()));
    let paths: Vec<String> = files.paths().map(|path| path.display().to_string()).collect();
    report.list("Files for later steps", &paths);
}

/// Warnings about the result: in the log, in the summary and on the page.
pub(crate) fn expiry_warnings(step: &Step<Options>, warnings: &[String]) {
    warnings.iter().for_each(|warning| step.log.warn(warning));
    step.report.list("Expires soon", warnings);
}

fn table(lines: &[Line]) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = row(&COLUMNS.map(str::to_owned));
    text.push_str(&row(&COLUMNS.map(|_| "---".to_owned())));
    lines.iter().for_each(|line| text.push_str(&row(&line.cells)));
    text
}

fn expiry_dates(report: &Report, signed: &[SignedProfile]) {
    let profiles = signed.iter().filter_map(|signed| {
        let ends = signed.profile.details.as_ref()?.expires_at;
        Some(Expiry::new(&signed.profile.name, "profile", ends))
    });
    let mut seen = std::collections::BTreeSet::new();
    let certificates = signed
        .iter()
        .flat_map(|signed| &signed.desired.certificates)
        .filter(|certificate| seen.insert(&certificate.serial))
        .map(|certificate| Expiry::new(&certificate.common_name, "certificate", certificate.not_after));
    let all = profiles.chain(certificates).collect();
    report.block(Block::Timeline(Timeline::new("Expiry dates", clock::now(), all)));
}

/// What a run did, in one sentence; `left` are the requests that the key has left in this hour.
fn done_line(changes: Changes, requests: usize, left: Option<u32>) -> String {
    let count = |count: usize, noun: &str| match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    };
    let changed = match changes {
        Changes::Planned => "nothing was changed (mode: plan)".to_owned(),
        Changes::Made(made) => format!("{} on the Developer Portal", count(made, "change")),
    };
    let left = left.map_or_else(String::new, |left| format!(", {left} left this hour"));
    format!("{changed}, {}{left}", count(requests, "request"))
}

/// What was asked of Apple, however the run ended; `budget` is the limit of an hour and what is left of it.
pub(crate) fn requests(
    step: &Step<Options>,
    changes: Option<&Changes>,
    journal: &Journal,
    budget: Option<(u32, u32)>,
) {
    let report = &step.report;
    if let Some((limit, left)) = budget {
        report.fact("Requests left this hour", format!("{left} of {limit}"));
    }
    let entries = journal.entries();
    if let Some(changes) = changes {
        report.done(done_line(*changes, entries.len(), budget.map(|(_, left)| left)));
    }
    if entries.is_empty() {
        return;
    }
    let request = |entry: transport::Entry| Request {
        label: format!(
            "{} {}",
            entry.method,
            entry.place.split_once('/').map_or("", |(_, path)| path)
        ),
        status: entry
            .status
            .map_or_else(|| "lost".to_owned(), |status| status.to_string()),
        start: entry.started,
        duration: entry.duration,
    };
    let all = entries.into_iter().map(request).collect();
    report.block(Block::Waterfall(Waterfall::new("Requests", all)));
}
