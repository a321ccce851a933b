//! The plan, for people.

use std::path::Path;

use app_store_release::Prepared;
use app_store_release::plan::{Action, Change};
use html_report::Block;
use serde_json::Value;
use step_kit::Step;

use crate::inputs::Inputs;

/// Prints the plan, with the differences of texts, and puts it into the report.
pub(crate) fn plan(step: &Step<Inputs>, prepared: &Prepared, package: Option<&std::path::PathBuf>) {
    let app = &prepared.snapshot.app;
    step.log.plain(format!("App {} ({})", app.bundle_id, app.id));
    let versions = prepared.snapshot.versions.iter();
    for version in versions.filter(|version| !version.is_replaced()) {
        step.log
            .plain(format!("Version {} ({})", version.number, version.state));
    }
    let mut lines: Vec<String> = prepared
        .plan
        .first
        .iter()
        .chain(&prepared.plan.then)
        .map(Action::line)
        .collect();
    lines.extend(package.map(|path| format!("+ {:<18} {}", "build", name(path))));
    if prepared.plan.submit {
        let build = prepared.build.as_ref().map_or_else(
            || "the uploaded build".to_owned(),
            |build| format!("build {}", build.number),
        );
        lines.push(format!("+ {:<18} {build}", "review submission"));
    }
    let count = lines.len();
    step.log.heading(match count {
        0 => "Plan: no changes".to_owned(),
        count => format!("Plan: {}", wording::counted(count, "change")),
    });
    lines.iter().for_each(|line| step.log.plain(line.trim_end()));
    prepared.plan.notes.iter().for_each(|note| step.log.plain(note));
    let texts: Vec<(&str, Vec<Change>)> = prepared.plan.then.iter().filter_map(texts).collect();
    for (locale, changes) in &texts {
        differences(locale, changes)
            .iter()
            .for_each(|line| step.log.plain(line));
    }
    let shown = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    step.report.block(Block::Table {
        heading: "Texts".to_owned(),
        columns: ["Locale", "Field", "Now", "Becomes"].map(str::to_owned).to_vec(),
        rows: texts
            .iter()
            .flat_map(|(locale, changes)| changes.iter().map(move |change| (locale, change)))
            .map(|(locale, change)| {
                vec![
                    (*locale).to_owned(),
                    change.attribute.clone(),
                    shown(&change.from),
                    shown(&change.to),
                ]
            })
            .collect(),
    });
    // Pictures are made small only where there is a page to show them on.
    if step.env.path("BITRISE_HTML_REPORT_DIR").is_some()
        && let Some(block) = super::pictures::block(&prepared.plan)
    {
        step.report.block(block);
    }
    if !lines.is_empty() {
        let list: Vec<String> = lines
            .iter()
            .map(|line| format!("    {}", line.trim_end()))
            .collect();
        step.report
            .markdown(&format!("Planned changes:\n\n{}", list.join("\n")));
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The texts of a locale that an action changes, or gives for the first time.
fn texts(action: &Action) -> Option<(&str, Vec<Change>)> {
    match action {
        Action::UpdateLocale { locale, changes, .. } => Some((locale, changes.clone())),
        Action::CreateLocale { locale, texts, .. } => {
            let changes = texts.iter().map(|(attribute, text)| Change {
                attribute: attribute.clone(),
                from: Value::Null,
                to: text.clone(),
            });
            Some((locale, changes.collect()))
        }
        _ => None,
    }
}

/// What changes in the texts of a locale, line by line.
fn differences(locale: &str, changes: &[Change]) -> Vec<String> {
    let mut lines = Vec::new();
    for change in changes {
        let (Value::String(to), from) = (&change.to, change.from.as_str().unwrap_or_default()) else {
            continue;
        };
        lines.push(format!("{locale} {}:", change.attribute));
        let lines_of = similar::TextDiff::from_lines(from, to);
        for part in lines_of.iter_all_changes() {
            let sign = match part.tag() {
                similar::ChangeTag::Delete => '-',
                similar::ChangeTag::Insert => '+',
                similar::ChangeTag::Equal => ' ',
            };
            lines.push(format!("  {sign} {}", part.value().trim_end()));
        }
    }
    lines
}
