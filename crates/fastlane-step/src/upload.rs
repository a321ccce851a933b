//! What altool says about the uploads of a run of fastlane.
//!
//! Facts: fastlane 2.228 believes the altool of Xcode 26.0, which exits with 0 after a refusal, and reports "Successfully
//! uploaded" (fastlane #29739, #29938); since 2.230 it takes every error line of altool for a failure, also harmless ones
//! (fastlane #29740, #30130). So altool's own words count, read by [`altool::read`].

use altool::{Cause, Finding, Verdict};
use command::Output;
use fastlane_runner::Ending;

/// What altool says about the uploads of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    verdict: Verdict,
    /// Whether fastlane says that it uploaded the package.
    is_claimed: bool,
}

/// What fastlane says after an upload: `deliver` and `pilot`, in every version since 2.146.
const CLAIM: &str = "Successfully uploaded ";

/// What fastlane says about altool's exit status where that is not 0.
const STATUS: &str = "The call to the altool completed with a non-zero exit status: ";

impl Upload {
    /// Reads the output of a run; `None` where altool did not run.
    pub fn read(output: &Output) -> Option<Self> {
        let log = format!("{}\n{}", output.stdout, output.stderr);
        let said = altool::fastlane_output(&log);
        let status = log.lines().rev().find_map(|line| {
            let rest = line.split_once(STATUS)?.1;
            let digits = rest.trim_start_matches('-');
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            let status: i32 = digits[..end].parse().ok()?;
            Some(if rest.starts_with('-') { -status } else { status })
        });
        // Blank lines are altool's as well: it ran and told nothing.
        if !log.contains("[altool]") && said.trim().is_empty() && status.is_none() {
            return None;
        }
        Some(Self {
            verdict: altool::read(&said, "", altool::Ending::Exit(status.unwrap_or(0))).verdict,
            is_claimed: log
                .lines()
                .any(|line| !line.contains('▸') && line.contains(CLAIM)),
        })
    }

    /// Whether App Store Connect has the package, as far as altool knows.
    pub fn is_delivered(&self) -> bool {
        matches!(self.verdict, Verdict::Delivered(_))
    }

    /// Whether altool leaves open what became of the package, so that App Store Connect is to be asked: its end is unclear
    /// or transient, or the build number is used, perhaps by this very upload.
    pub fn is_open(&self) -> bool {
        match &self.verdict {
            Verdict::Delivered(_) => false,
            Verdict::Transient { .. } | Verdict::Unclear { .. } => true,
            Verdict::Refused(errors) => errors.iter().all(|error| {
                // Without a reason, it may be the tool that failed.
                !error.is_specific() || Cause::of(error) == Some(Cause::Duplicate)
            }),
        }
    }

    /// Whether altool ran and confirmed nothing, and named no error either: fastlane's word is all there is. The altool of
    /// Xcode 26.0 keeps a refusal to itself (fastlane #29725).
    pub fn is_unconfirmed(&self) -> bool {
        matches!(&self.verdict, Verdict::Unclear { errors, .. } if errors.is_empty())
    }

    /// Whether fastlane took a failed upload for a good one.
    pub fn is_false_success(&self) -> bool {
        self.is_claimed && self.failure().is_some()
    }

    /// What went wrong, where altool says so.
    pub fn failure(&self) -> Option<UploadFailure> {
        let findings = |errors: &[Finding]| {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            texts.join("; ")
        };
        Some(match &self.verdict {
            Verdict::Delivered(_) => return None,
            Verdict::Refused(errors) => UploadFailure {
                reason: findings(errors),
                remedy: errors
                    .iter()
                    .find_map(Cause::of)
                    .map(Cause::remedy)
                    .unwrap_or("correct what App Store Connect reports, then upload a new build"),
            },
            // altool continues by itself after such a line.
            Verdict::Transient { reason, .. } if altool::is_retry_line(reason) => return None,
            Verdict::Transient { reason, .. } => UploadFailure {
                reason: reason.clone(),
                remedy: "rebuild: this failure usually passes",
            },
            // Without an error there is nothing against fastlane's word.
            Verdict::Unclear { errors, .. } if errors.is_empty() => return None,
            Verdict::Unclear { reason, errors } => UploadFailure {
                reason: format!("{reason}: {}", findings(errors)),
                remedy: "check in App Store Connect > TestFlight whether the build arrived before you upload it again",
            },
        })
    }
}

/// An upload that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadFailure {
    /// altool's and Apple's words.
    pub reason: String,
    /// What to do.
    pub remedy: &'static str,
}

/// Whether fastlane ended because it takes an upload for failed, and for no other reason.
pub fn ended_by_upload(ending: &Ending) -> bool {
    ending
        .error
        .as_ref()
        .is_some_and(|error| error.message.starts_with("Error uploading"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn read(stdout: &str) -> Option<Upload> {
        Upload::read(&Output {
            status: std::process::ExitStatus::from_raw(0),
            stdout: stdout.to_owned(),
            stderr: String::new(),
            duration: std::time::Duration::ZERO,
        })
    }

    const CLAIMED: &str = "[09:00:01]: Successfully uploaded package to App Store Connect. It might take a few minutes until it's visible online.\n";

    /// Lines of the altool of Xcode 26 as fastlane 2.228 passes them on (fastlane #29739, #29938, #30130; CM's records of
    /// 2025-10-17).
    #[test]
    fn altools_word_counts_more_than_fastlanes() {
        let refused = read(&format!(
            "[09:00:00]: [altool] 2026-03-01 09:00:00.000 ERROR: [ContentDelivery.Uploader.77] Asset validation failed (90022) Missing required icon file. (ID: 1b)\n[09:00:00]: [altool] UPLOAD FAILED with 1 error\n{CLAIMED}"
        ))
        .unwrap();
        assert!(refused.is_false_success() && !refused.is_delivered());
        assert!(
            refused
                .failure()
                .unwrap()
                .reason
                .contains("Missing required icon file")
        );

        let without_banner = read(&format!(
            "[09:00:00]: [altool] 2026-03-01 09:00:00.000 ERROR: [ContentDelivery.Uploader.77] The provided entity includes an attribute with a value that has already been used (-19232) The bundle version must be higher than the previously uploaded version: ‘2’. (ID: 1b)\n{CLAIMED}"
        ))
        .unwrap();
        assert!(without_banner.is_false_success());

        let document = read(&format!(
            "[09:00:00]: [altool] {{\n[09:00:00]: [altool]   \"product-errors\" : [ {{ \"code\" : 409, \"message\" : \"Validation failed\", \"user-info\" : {{ \"NSLocalizedFailureReason\" : \"SDK version issue.\" }} }} ],\n[09:00:00]: [altool]   \"tool-version\" : \"26.0.18 (170018)\"\n[09:00:00]: [altool] }}\n{CLAIMED}"
        ))
        .unwrap();
        assert!(document.failure().unwrap().reason.contains("SDK version issue"));
    }

    #[test]
    fn harmless_noise_is_no_failure() {
        for noise in [
            "[09:00:00]: [altool] 2026-07-20 ERROR: [ContentDelivery.Uploader.77] Failed to get json from defaults for 'com.apple.cds_1B.plist'.\n",
            "[09:00:00]: [altool] 2026-07-20 ERROR: [altool.600] altool: option '-' is unknown: ignored\n",
            "[09:00:00]: [altool] 2026-08-01 ERROR: [ContentDelivery.Uploader.77] The network connection was lost for CHANGE UPLOAD STATE TO COMPLETE (ASSET_UPLOAD). Retrying request (4 attempts remaining).\n",
        ] {
            let upload = read(&format!(
                "{noise}[09:00:00]: [altool] UPLOAD SUCCEEDED with no errors\n[09:00:00]: [altool] Delivery UUID: 1b\n{CLAIMED}"
            ))
            .unwrap();
            assert!(upload.is_delivered() && upload.failure().is_none(), "{noise}");
            let without_banner = read(&format!("{noise}{CLAIMED}")).unwrap();
            assert!(without_banner.failure().is_none(), "{noise}");
        }
    }

    /// altool repeats requests by itself, so a used build number may be this run's (fastlane #532, #1893).
    #[test]
    fn an_end_is_open_unless_altool_names_a_reason_that_stays() {
        for (said, is_open) in [
            ("[altool] UPLOAD SUCCEEDED with no errors\n", false),
            (
                "[altool] ERROR: [ContentDelivery.Uploader.77] Validation failed (409) Missing required icon file. (ID: 1b)\n[altool] UPLOAD FAILED with 1 error\n",
                false,
            ),
            (
                "[altool] ERROR: [ContentDelivery.Uploader.77] Failed to upload part number 8. HTTP status code: 504\n",
                true,
            ),
            (
                "[altool] ERROR: [ContentDelivery.Uploader.77] The provided entity includes an attribute with a value that has already been used (-19232) The bundle version must be higher than the previously uploaded version: ‘2’. (ID: 1b)\n[altool] UPLOAD FAILED with 1 error\n",
                true,
            ),
            ("[altool] Process crashed\n", true),
            // fastlane #21535: nothing but the exit status of a crash.
            (
                "[09:00:00]: The call to the altool completed with a non-zero exit status: 139. This indicates a failure.\n[!] Error uploading ipa file: \n [Application Loader Error Output]: The call to the altool completed with a non-zero exit status: 139. This indicates a failure.\n",
                true,
            ),
        ] {
            assert_eq!(read(said).unwrap().is_open(), is_open, "{said}");
        }
    }

    #[test]
    fn a_run_without_altool_has_nothing_to_say() {
        assert_eq!(read(CLAIMED), None);
        assert_eq!(read("[09:00:00]: ▸ UPLOAD FAILED\n"), None);
    }

    #[test]
    fn a_failure_that_fastlane_does_not_deny_is_no_false_success() {
        let rescued = read("[09:00:00]: [altool] ERROR: Validation failed (409) x\n[09:00:00]: [altool] UPLOAD FAILED with 1 error\n").unwrap();
        assert!(!rescued.is_false_success() && rescued.failure().is_some());
    }
}
