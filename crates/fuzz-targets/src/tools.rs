//! What other tools write and print, and what people write into files of fastlane.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use app_store_release::{deliverfile as literals, metadata as texts, options, screenshot, text as limits};
use fastlane_runner::{Ending, Lockfile};
use redaction::{MASK, Redactor};

use crate::scratch::Scratch;
use crate::{parts, text};

/// Both streams, with a zero byte between them.
pub(crate) fn altool(bytes: &[u8]) {
    let parts = parts(bytes, 2);
    for ending in [
        altool::Ending::Exit(0),
        altool::Ending::Exit(1),
        altool::Ending::Signal(11),
    ] {
        let report = altool::read(&parts[0], &parts[1], ending);
        if let altool::Verdict::Delivered(_) = report.verdict {
            assert_ne!(parts.concat().trim(), "", "silence is no delivery");
            assert!(!matches!(ending, altool::Ending::Signal(_)) || !parts.concat().is_empty());
        }
        if let altool::Verdict::Refused(findings) = &report.verdict {
            for finding in findings {
                let _ = (finding.whole(), finding.codes(), altool::Cause::of(finding));
            }
        }
    }
    let _ = altool::fastlane_output(&parts[0]);
    let _ = altool::bearer_tokens(&parts[0]).count();
}

/// Both streams, with a zero byte between them.
pub(crate) fn fastlane(bytes: &[u8]) {
    let mut parts = parts(bytes, 2).into_iter();
    let output = command::Output {
        status: ExitStatus::from_raw(256),
        stdout: parts.next().unwrap_or_default(),
        stderr: parts.next().unwrap_or_default(),
        duration: Duration::ZERO,
    };
    for ending in [Ending::of_lane(&output), Ending::of_tool("deliver", &output)] {
        let _ = (ending.apple_cause(), ending.setup_cause(1), ending.quote());
    }
}

pub(crate) fn lockfile(bytes: &[u8]) {
    let lock = Lockfile::parse(&text(bytes));
    let _ = (lock.has_fastlane(), lock.fastlane());
}

pub(crate) fn deliverfile(bytes: &[u8]) {
    let Ok(values) = literals::parse(&text(bytes)) else {
        return;
    };
    let _ = (
        options::uncovered_options(&values).count(),
        texts::read(None, &values),
    );
}

/// Files of a metadata folder, with zero bytes between them.
pub(crate) fn metadata(bytes: &[u8]) {
    const FILES: [&str; 8] = [
        "metadata/copyright.txt",
        "metadata/primary_category.txt",
        "metadata/en-US/description.txt",
        "metadata/en-US/keywords.txt",
        "metadata/default/name.txt",
        "metadata/review_information/phone_number.txt",
        "screenshots/en-US/1.png",
        "screenshots/en-US/2_APP_IPHONE_55.jpg",
    ];
    let scratch = Scratch::new();
    for (name, content) in FILES.iter().zip(bytes.splitn(FILES.len(), |byte| *byte == 0)) {
        scratch.file(name, content);
    }
    if let Ok(read) = texts::read(Some(&scratch.path().join("metadata")), &options::Values::new()) {
        let _ = limits::validate(&read.texts);
    }
    let _ = screenshot::read(&scratch.path().join("screenshots"), true);
}

pub(crate) fn yaml(bytes: &[u8]) {
    let text = text(bytes);
    let Ok(step_yaml::Value::Mapping(mapping)) = step_yaml::read(&text) else {
        return;
    };
    let written = step_yaml::write(&mapping);
    match step_yaml::read(&written) {
        Ok(step_yaml::Value::Mapping(again)) => assert_eq!(again, mapping, "{written}"),
        other => panic!("{other:?}: {written}"),
    }
}

/// What inputs hold beside plain text.
pub(crate) fn inputs(bytes: &[u8]) {
    let text = text(bytes);
    let _ = (step_kit::words(&text), step_kit::list(&text, '|'));
    let words = step_kit::words(&text).unwrap_or_default();
    let _ = options::from_words(&words);
    if let Ok(duration) = step_kit::duration(&text) {
        // It is added to the time of day.
        assert!(
            std::time::Instant::now().checked_add(duration).is_some(),
            "{text}"
        );
    }
}

/// A secret, a zero byte, and a text: what the text shows of the secret is masked, in one piece and in two.
pub(crate) fn redaction(bytes: &[u8]) {
    let parts = parts(bytes, 2);
    let (secret, text) = (parts[0].trim(), parts[1].as_str());
    let redactor = Redactor::new();
    redactor.learn(secret);
    let whole = redactor.redact_bytes(text.as_bytes());
    let shown = String::from_utf8_lossy(&whole).replace(MASK, "\n");
    if secret.chars().count() >= 4 {
        assert!(!shown.contains(secret), "{secret:?} is shown: {shown:?}");
    }
    let _ = (redaction::printable(text), redaction::one_line(text));
    let mut stream = redactor.stream();
    let (first, second) = text.as_bytes().split_at(text.len() / 2);
    let mut pieces = stream.push(first);
    pieces.extend(stream.push(second));
    pieces.extend(stream.finish());
    let pieces = String::from_utf8_lossy(&pieces).replace(MASK, "\n");
    if secret.chars().count() >= 4 {
        assert!(!pieces.contains(secret), "{secret:?} is shown: {pieces:?}");
    }
}
