//! What altool printed, by generation, and what it means.
//!
//! The shapes are those of recorded outputs: codemagic-ci-cd/cli-tools (mocks of 15.4, 16.4 and 26.0, 2025-10-17),
//! Apple-Actions/upload-testflight-build #28 (13.1, XML, 2021-12-17) and #32 (13.4.1, 2022-08-09), fastlane #29739 (26.0.1, 2025-10-31),
//! #29820 (26.2), #30114 (26.4.1), #30130 (26.6), #30136, square/in-app-payments-ios #76 (2026-03-13). App names and IDs are invented.

use altool::{Cause, Ending, Passing, Report, Verdict, fastlane_output, read};
use proptest::prelude::*;

const OK: Ending = Ending::Exit(0);
const FAILED: Ending = Ending::Exit(1);

const SUCCESS_16: &str = r#"{"tool-version":"8.303.16303","tool-path":"\/Applications\/Xcode.app\/x\/altool","success-message":"No errors uploading '\/tmp\/Heron.ipa'","os-version":"15.5.0"}"#;

const SUCCESS_26: &str = r#"{
  "details" : {
    "delivery-uuid" : "5d0a2f9e-5c45-43e6-a1ae-5b6b8d6f0c11",
    "transferred" : "19244646 bytes in 4.831 seconds (4.0MB/s, 31.870Mbps)"
  },
  "os-version" : "Version 15.7 (Build 24G222)",
  "success-message" : "No errors uploading archive at '/tmp/Heron.ipa'.",
  "tool-path" : "/Applications/Xcode-26.app/x/ContentDelivery.framework/Resources/altool",
  "tool-version" : "26.0.18 (170018)"
}"#;

const DUPLICATE_16: &str = r#"{"tool-version":"8.303.16303","os-version":"15.5.0","product-errors":[{"message":"The provided entity includes an attribute with a value that has already been used","userInfo":{"NSUnderlyingError":"Error Domain=IrisAPI Code=-19241 \"The provided entity includes an attribute with a value that has already been used\" UserInfo={status=409, detail=The bundle version must be higher than the previously uploaded version., code=ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE}","NSLocalizedDescription":"The provided entity includes an attribute with a value that has already been used","NSLocalizedFailureReason":"The bundle version must be higher than the previously uploaded version: ‘2’. (ID: 1)","iris-code":"ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE","previousBundleVersion":"2"},"code":-19232}]}"#;

const DUPLICATE_26: &str = r#"{
  "os-version" : "Version 15.7 (Build 24G222)",
  "product-errors" : [
    {
      "code" : -19232,
      "message" : "The provided entity includes an attribute with a value that has already been used",
      "underlying-errors" : [
        { "code" : -19241, "message" : "The provided entity includes an attribute with a value that has already been used",
          "underlying-errors" : [

          ],
          "user-info" : { "status" : "409", "code" : "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE", "title" : "The provided entity includes an attribute with a value that has already been used", "detail" : "The bundle version must be higher than the previously uploaded version.", "meta" : "{\n previousBundleVersion = 2;\n}" } }
      ],
      "user-info" : { "NSLocalizedFailureReason" : "The bundle version must be higher than the previously uploaded version: ‘2’. (ID: 5d0a2f9e)", "iris-code" : "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE" }
    }
  ],
  "tool-version" : "26.0.18 (170018)"
}"#;

fn refused(report: &Report) -> String {
    match &report.verdict {
        Verdict::Refused(errors) => errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        other => panic!("not refused: {other:?}"),
    }
}

fn cause(report: &Report) -> Option<Cause> {
    match &report.verdict {
        Verdict::Refused(errors) => errors.iter().find_map(Cause::of),
        other => panic!("not refused: {other:?}"),
    }
}

fn passing(report: &Report) -> Passing {
    match &report.verdict {
        Verdict::Transient { kind, .. } => *kind,
        other => panic!("not transient: {other:?}"),
    }
}

fn delivered(report: &Report) -> Option<String> {
    match &report.verdict {
        Verdict::Delivered(delivery) => Some(delivery.id.clone().unwrap_or_default()),
        _ => None,
    }
}

fn unclear(report: &Report) -> &str {
    match &report.verdict {
        Verdict::Unclear { reason, .. } => reason,
        other => panic!("not unclear: {other:?}"),
    }
}

#[test]
fn every_generation_says_that_it_delivered() {
    let banner_13 = "=======================================\nUPLOAD SUCCEEDED\nDelivery UUID: 0f3a-1\nTransferred 35712132 bytes in 3.4 seconds (10.3MB/s)\n=======================================\n";
    let banner_16 = "=======================================\nUPLOAD SUCCEEDED with 0 warnings, 0 messages\n=======================================\n";
    let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\"><dict><key>success-message</key><string>No errors uploading '/tmp/H.ipa'</string><key>tool-version</key><string>4.060.1220</string></dict></plist>\n";
    for (stdout, stderr, id) in [
        ("", banner_13, "0f3a-1"),
        (banner_13, "", "0f3a-1"),
        ("No errors uploading '/tmp/Heron.ipa'.\n", "", ""),
        (SUCCESS_16, banner_16, ""),
        ("", SUCCESS_16, ""),
        (xml, "2021-12-17 10:00:00.000 DEBUG: start\n", ""),
        (
            SUCCESS_26,
            "=====\nUPLOAD SUCCEEDED with no errors\n=====\n",
            "5d0a2f9e-5c45-43e6-a1ae-5b6b8d6f0c11",
        ),
        // A proof of an odd kind: no message, numbers as strings, nulls.
        (
            r#"{"details":{"delivery-uuid":"A1","transferred":null},"product-errors":null,"warnings":[],"tool-version":26.2}"#,
            "",
            "A1",
        ),
    ] {
        assert_eq!(
            delivered(&read(stdout, stderr, OK)).as_deref(),
            Some(id),
            "{stdout}{stderr}"
        );
    }
}

#[test]
fn errors_beside_a_delivery_are_errors() {
    let beside = r#"{"tool-version":"26.0.1","details":{"delivery-uuid":"AAAA"},"product-errors":[{"code":-19241,"message":"Validation failed","userInfo":{"NSLocalizedFailureReason":"Missing Info.plist value NSCameraUsageDescription."}}]}"#;
    let message = r#"{"success-message":"No errors uploading archive at 'x'.","product-errors":[{"code":"409","message":"Validation failed"}]}"#;
    let one = r#"{"success-message":"ok","product-errors":{"code":409,"message":"Validation failed","user-info":null}}"#;
    let text = r#"{"success-message":"ok","product-errors":["Invalid Pre-Release Train."]}"#;
    let later = format!("{SUCCESS_26}\n{DUPLICATE_26}");
    for output in [beside, message, one, text, &later] {
        for ending in [OK, FAILED] {
            refused(&read(output, "", ending));
        }
    }
    assert!(refused(&read(beside, "", OK)).contains("NSCameraUsageDescription"));
    assert_eq!(cause(&read(beside, "", OK)), Some(Cause::PurposeString));
}

#[test]
fn a_success_that_errors_follow_is_none() {
    let wait = format!("{SUCCESS_26}\n{{\"tool-version\":\"26.2\",\"build-status\":\"INVALID\"}}");
    assert!(refused(&read(&wait, "", OK)).contains("INVALID"));
    let text = "UPLOAD SUCCEEDED with no errors\n2026-03-04 ERROR: [ContentDelivery.Uploader.6000] Build processing failed: Missing purpose string. (90683)\n";
    assert_eq!(cause(&read("", text, OK)), Some(Cause::PurposeString));
    let banners = "UPLOAD SUCCEEDED\nUPLOAD FAILED with 1 error\n";
    refused(&read("", banners, OK));
    // On different streams nobody knows which came last.
    let beside = "ERROR: [x] Validation failed (409) Invalid Pre-Release Train. The train version '4.2.1' is closed for new build submissions (ID: 1)";
    assert_eq!(
        unclear(&read(SUCCESS_26, beside, OK)),
        "altool reports both a delivery and errors"
    );
}

#[test]
fn one_odd_field_never_discards_the_rest() {
    for odd in [
        r#""os-version":null"#,
        r#""os-version":15.7"#,
        r#""warnings":{}"#,
        r#""warnings":[null, 7, {"message":null,"user-info":"text"}]"#,
        r#""tool-version":["26"]"#,
        r#""product-errors":[]"#,
        r#""success-message":null"#,
        r#""details":{"delivery-uuid":"D","transferred":{"bytes":1}}"#,
    ] {
        let output = format!(r#"{{"details":{{"delivery-uuid":"D"}},{odd}}}"#);
        assert_eq!(delivered(&read(&output, "", OK)).as_deref(), Some("D"), "{odd}");
    }
    let odd = r#"{"tool-version":26,"product-errors":[{"code":{"x":1},"message":["?"],"user-info":{"NSLocalizedDescription":7,"NSLocalizedFailureReason":"The train version '1.0' is closed for new build submissions"},"underlying-errors":null},null]}"#;
    assert_eq!(cause(&read(odd, "", OK)), Some(Cause::ClosedTrain));
}

#[test]
fn refusals_are_read_in_every_form() {
    let xml = "noise <1>\n<plist version=\"1.0\"><dict><key>product-errors</key><array><dict><key>code</key><integer>-19232</integer><key>message</key><string>The bundle version must be higher than the previously uploaded version: 2</string></dict></array><key>tool-version</key><string>4</string></dict></plist>";
    let text_13 = "2025-10-16 09:18:55.102 *** Error: The bundle version must be higher than the previously uploaded version: ‘2’. (-19232)";
    let text_16 = "2025-10-16 09:18:55.102 ERROR: [altool.60000] [ContentDelivery.Uploader.60000] The provided entity includes an attribute with a value that has already been used (-19232) The bundle version must be higher (ID: 1)";
    for (stdout, stderr) in [
        (DUPLICATE_16, ""),
        (DUPLICATE_26, ""),
        ("", DUPLICATE_16),
        (xml, ""),
        ("", text_13),
        (text_13, ""),
        ("", text_16),
    ] {
        for ending in [OK, FAILED, Ending::Exit(176)] {
            assert_eq!(
                cause(&read(stdout, stderr, ending)),
                Some(Cause::Duplicate),
                "{stdout}{stderr}"
            );
        }
    }
    let shown = refused(&read(DUPLICATE_26, "", OK));
    assert!(
        shown.contains("previously uploaded version: ‘2’") && shown.contains("(-19232)"),
        "{shown}"
    );
}

#[test]
fn a_banner_of_failure_brings_its_reason() {
    let text = "Running altool at path '/Applications/Xcode.app/x/altool'...\n2025-10-31 10:00:00.000 ERROR: [ContentDelivery.Uploader.600]\n=======================================\nUPLOAD FAILED with 1 error\n=======================================\nFailed to upload package.\nValidation failed (409) SDK version issue. This app was built with the iOS 18.5 SDK. (ID: 1)\n";
    let report = read("", text, OK);
    assert_eq!(cause(&report), Some(Cause::OldSdk));
    assert!(!refused(&report).contains("Failed to upload package"));
    assert!(refused(&read("", "UPLOAD FAILED with 1 error.\n", OK)).contains("without a reason"));
    // A file may be called anything.
    let named = r#"{"success-message":"No errors uploading archive at '/tmp/UPLOAD FAILED ERROR: x.ipa'.","tool-version":"26.2"}"#;
    assert!(delivered(&read(named, "Running on '/tmp/UPLOAD FAILED.ipa'", OK)).is_some());
}

#[test]
fn error_lines_that_are_none_do_no_harm() {
    for line in [
        "2026-07-21 ERROR: [ContentDelivery.Uploader.60] Failed to get json from defaults for 'com.apple.cds_5D0A.plist'.",
        "ERROR: Failed to create URL for CDUploaderStateInfoResumeFilePath",
        "ERROR: [altool.7F8] altool: option '-' is unknown: ignored",
        "ERROR: The network connection was lost for CHANGE UPLOAD STATE TO COMPLETE (ASSET_UPLOAD). Retrying request (4 attempts remaining).",
        "ERROR: WILL RETRY PART 1. Failed with error: Error Domain=NSURLErrorDomain Code=-1005",
        "ERROR: something that nobody has seen before",
    ] {
        assert!(delivered(&read(SUCCESS_26, line, OK)).is_some(), "{line}");
        assert!(delivered(&read(line, SUCCESS_16, OK)).is_some(), "{line}");
    }
    let beside = format!("ERROR: Failed to get json from defaults for 'x'.\n{DUPLICATE_26}");
    assert!(!refused(&read(&beside, "", OK)).contains("defaults"));
}

#[test]
fn failures_that_pass_are_told_apart() {
    let part = r#"{"tool-version":"26.0.18","product-errors":[{"code":504,"message":"Failed to upload part number 8.","underlying-errors":[],"user-info":{"NSLocalizedDescription":"Failed to upload part number 8.","NSLocalizedFailureReason":"HTTP response: gateway timed out. HTTP status code: 504"}}]}"#;
    let text = r#"{"product-errors":[{"code":"-1005","message":"The network connection was lost."}],"tool-version":"26"}"#;
    let nested = r#"{"product-errors":[{"code":0,"message":"Unable to upload","underlying-errors":[{"code":-1001,"message":"x","user-info":{"NSUnderlyingError":"Error Domain=NSURLErrorDomain Code=-1001"}}]}],"tool-version":"26"}"#;
    for (stdout, kind) in [
        (part, Passing::Server),
        (text, Passing::Network),
        (nested, Passing::Network),
        (
            r#"{"product-errors":[{"code":429,"message":"m"}],"tool-version":1}"#,
            Passing::Throttled,
        ),
        ("ERROR: [x] The request was throttled.", Passing::Throttled),
        (
            "*** Error: Unable to determine the application using bundleId: x. (-19201)",
            Passing::AppLookup,
        ),
        (
            "Unable to determine app platform for 'Undefined' software type. (1194)",
            Passing::AppLookup,
        ),
        (
            "TransporterService x An error occurred trying to read the bundle (-18000)",
            Passing::Tool,
        ),
        ("ERROR: Unable to authenticate. (-19209)", Passing::Authentication),
        ("*** status code 401, auth issue.", Passing::Authentication),
        (
            "ERROR: Exception occurred when creating MZContentProviderUpload for provider. (1004)",
            Passing::Server,
        ),
        (
            "ERROR: Unable to process validateMetadata request at this time due to a general error (1019)",
            Passing::Server,
        ),
        (
            "ERROR: No json request was provided in the payload. (1269)",
            Passing::Server,
        ),
        ("ERROR: x HTTP status code: 503", Passing::Server),
        (
            "The server returned an invalid response. try your request again",
            Passing::Server,
        ),
        (
            "Error Domain=NSURLErrorDomain Code=-1009 \"offline\"",
            Passing::Network,
        ),
        (
            "Error Domain=NSURLErrorDomain Code=-1003 \"no host\"",
            Passing::Network,
        ),
        (
            "ERROR: [ContentDelivery.Uploader.1] Error Domain=NSPOSIXErrorDomain Code=54 \"Connection reset by peer\"",
            Passing::Network,
        ),
        (
            "*** Error: Error Domain=NSURLErrorDomain Code=-1200 \"An SSL error has occurred and a secure connection to the server cannot be made.\"",
            Passing::Network,
        ),
        (
            "*** Error: Communication error. Please use diagnostic mode to check connectivity. You need to have outbound access to TCP port 443.",
            Passing::Network,
        ),
        ("The request timed out.", Passing::Network),
    ] {
        assert_eq!(passing(&read(stdout, "", FAILED)), kind, "{stdout}");
    }
    // Xcode 16: the result names a code that says nothing, and the log the cause (parity recordings of the original step).
    let vague = |code: i64| {
        format!(
            r#"{{"product-errors":[{{"code":{code},"message":"Bundle error.","userInfo":{{"NSLocalizedDescription":"Bundle error."}},"underlying-errors":[]}}],"tool-version":"16.2"}}"#
        )
    };
    for (code, log, kind) in [
        (
            -18000,
            "*** Error: could not find the service with interface (com.apple.transporter.osgi.TransporterService) (-18000)\n*** Error: Resolver: Install error, message: An error occurred trying to read the bundle (-18000)\n",
            Passing::Tool,
        ),
        (
            -26000,
            "*** Error: The server returned an invalid response. A network proxy may be interfering.\n",
            Passing::Server,
        ),
        (
            -1,
            "{\n ErrorMessage = \"The request timed out.\";\n}\n",
            Passing::Network,
        ),
    ] {
        assert_eq!(passing(&read(&vague(code), log, FAILED)), kind, "{log}");
    }
    refused(&read(&vague(-18000), "", FAILED));
    let repeats = "ERROR: WILL RETRY PART 1. Failed with error: Error Domain=NSURLErrorDomain Code=-1005";
    refused(&read(&vague(-7), repeats, FAILED));
    refused(&read(&vague(409), "ERROR: The request timed out.", FAILED));
    // A lasting reason beside a passing one lasts.
    let mixed = r#"{"product-errors":[{"code":504,"message":"Failed to upload part number 8."},{"code":409,"message":"Validation failed","user-info":{"NSLocalizedFailureReason":"SDK version issue."}}],"tool-version":"26"}"#;
    assert_eq!(cause(&read(mixed, "", FAILED)), Some(Cause::OldSdk));
}

#[test]
fn crashes_are_crashes() {
    let noise = "2026 DEBUG: [ContentDelivery.Uploader] Wrote part 2 to temp file";
    for ending in [
        Ending::Signal(6),
        Ending::Signal(11),
        Ending::Exit(134),
        Ending::Exit(139),
        Ending::Exit(133),
        Ending::Exit(137),
    ] {
        let report = read("", noise, ending);
        assert_eq!(passing(&report), Passing::Crash, "{ending:?}");
    }
    assert_eq!(passing(&read("", "", Ending::Exit(255))), Passing::Crash);
    assert_eq!(
        passing(&read(
            "",
            "-1 indicates altool exited abnormally; try retrying",
            FAILED
        )),
        Passing::Crash
    );
    // What was said before counts more than how it ended.
    assert_eq!(
        cause(&read(DUPLICATE_26, "", Ending::Signal(11))),
        Some(Cause::Duplicate)
    );
    assert!(unclear(&read(SUCCESS_26, "", Ending::Signal(11))).contains("signal 11"));
}

#[test]
fn what_proves_nothing_is_unclear() {
    let validated =
        r#"{"success-message":"No errors validating archive at '/tmp/H.ipa'.","tool-version":"26.0"}"#;
    for (stdout, ending, words) in [
        ("", OK, "without any output"),
        (
            "Running altool at path '/Applications/Xcode.app/x/altool'...",
            OK,
            "nothing about a delivery",
        ),
        ("{ \"success-message\" : \"trunc", OK, "truncated"),
        ("{\"tool-version\":\"26\"}", OK, "neither a delivery nor an error"),
        (validated, OK, "neither a delivery nor an error"),
        ("VERIFY SUCCEEDED with no errors", OK, "nothing about a delivery"),
        (SUCCESS_16, FAILED, "exited with an error status"),
        ("", FAILED, "exit status 1"),
        ("strange", Ending::Exit(31), "its last line: strange"),
        (
            "ERROR: Failed to get json from defaults for 'x'.",
            OK,
            "nothing about a delivery",
        ),
    ] {
        assert!(unclear(&read(stdout, "", ending)).contains(words), "{stdout}");
    }
}

#[test]
fn refusals_have_a_reason_with_a_remedy() {
    for (line, expected) in [
        (
            "Invalid Pre-Release Train. The train version '4.2.1' is closed for new build submissions (90186)",
            Cause::ClosedTrain,
        ),
        (
            "ERROR ITMS-90062: \"This bundle is invalid. The value for key CFBundleShortVersionString [1.0] in the Info.plist file must contain a higher version than that of the previously approved version [1.0].\"",
            Cause::ClosedTrain,
        ),
        (
            "Validation failed (STATE_ERROR.VALIDATION_ERROR.90478)",
            Cause::ClosedTrain,
        ),
        (
            "ERROR ITMS-90189: \"Redundant Binary Upload. You've already uploaded a build with build number '15' for version number '1.2.1'.\"",
            Cause::Duplicate,
        ),
        (
            "The bundle identifier cannot be changed from the current value, 'a.b'. (90054)",
            Cause::OtherApp,
        ),
        ("Asset validation failed (90055)", Cause::OtherApp),
        (
            "This bundle is invalid. The value for key CFBundleVersion [1.0.0.0] must be a period-separated list (90054)",
            Cause::InvalidVersion,
        ),
        (
            "CFBundleVersion [abc] in the Info.plist file must be a period-separated list of at most three non-negative integers. (90060)",
            Cause::InvalidVersion,
        ),
        (
            "Missing purpose string in Info.plist. should contain a NSCalendarsUsageDescription key",
            Cause::PurposeString,
        ),
        (
            "SDK version issue. This app was built with the iOS 18.5 SDK.",
            Cause::OldSdk,
        ),
        (
            "Failed to determine the appleID from bundleID 'a.b'. The server returned unexpected content. (-19237)",
            Cause::AppNotDetermined,
        ),
        (
            "Cannot determine the Apple ID from Bundle ID 'a.b' and platform 'IOS'. (19)",
            Cause::AppNotDetermined,
        ),
        (
            "Could not find an application record for bundle ID a.b",
            Cause::AppNotDetermined,
        ),
        (
            "No suitable application records were found. Verify your bundle identifier is correct (1190)",
            Cause::AppNotDetermined,
        ),
        (
            "No software with Apple ID of '1' exists. (1193)",
            Cause::AppNotDetermined,
        ),
        ("something (-21017)", Cause::AppNotDetermined),
        (
            "Validation failed (409) Info.plist value mismatch. CFBundleVersion value of 7073 does not match the value of 1.0.0 specified in the request.",
            Cause::VersionMismatch,
        ),
        (
            "A required agreement is missing or has expired. (403)",
            Cause::Agreement,
        ),
        (
            "This request is forbidden for security reasons - The API key in use does not allow this request (403)",
            Cause::Role,
        ),
        (
            "Sign in with the app-specific password you generated. (-22938)",
            Cause::AppSpecificPassword,
        ),
        (
            "Username and app password authentication requires --provider-public-id",
            Cause::Provider,
        ),
        (
            "Unable to process application at this time due to the following error: Invalid Provisioning Profile (1176)",
            Cause::Signing,
        ),
        ("ITMS-91053: Missing API declaration", Cause::PrivacyManifest),
        (
            "xcrun: error: unable to find utility \"altool\", not a developer tool or in PATH",
            Cause::NoAltool,
        ),
    ] {
        assert_eq!(Cause::of_text(line), Some(expected), "{line}");
        assert!(!expected.remedy().is_empty());
        let report = read("", &format!("ERROR: [ContentDelivery.Uploader.6] {line}"), OK);
        assert_eq!(cause(&report), Some(expected), "{line}");
    }
    assert_eq!(Cause::of_code("90189", ""), Some(Cause::Duplicate));
    // A version may look like a code.
    assert_eq!(Cause::of_text("the build 90189 of version 90062 failed"), None);
}

#[test]
fn every_cause_has_one_row_and_every_remedy_is_an_imperative() {
    let rows = altool::table();
    for row in rows {
        assert_eq!(
            rows.iter().filter(|other| other.cause == row.cause).count(),
            1,
            "{:?}",
            row.cause
        );
        assert!(
            !row.phrases.is_empty() && !row.remedy.ends_with('.'),
            "{:?}",
            row.cause
        );
        assert!(row.remedy.starts_with(char::is_lowercase), "{:?}", row.cause);
    }
}

#[test]
fn warnings_are_kept() {
    let output = r#"{"success-message":"No errors uploading archive at 'x'.","tool-version":"26.2","warnings":[{"code":90725,"message":"SDK version issue","user-info":{"NSLocalizedFailureReason":"Starting April 2026 …"}},null]}"#;
    let report = read(output, "2026-01-01 WARNING: [x] The app has no dSYM.\n", OK);
    let warnings: Vec<String> = report.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "SDK version issue: Starting April 2026 … (90725)",
            "The app has no dSYM."
        ]
    );
    assert!(delivered(&report).is_some());
}

#[test]
fn verbose_objects_are_no_results() {
    let output = format!(
        "DEBUG: response {{\"errors\":[{{\"status\":\"409\",\"detail\":\"x\"}}]}}\nheaders {{\n  \"X\" = \"1\";\n}}\n{SUCCESS_16}\n{{\"data\":[]}}\n"
    );
    assert!(delivered(&read(&output, "", OK)).is_some());
    // A first attempt of altool's own failed for a passing reason.
    let part = r#"{"tool-version":"26","product-errors":[{"code":504,"message":"Failed to upload part number 8."}]}"#;
    assert!(delivered(&read(&format!("{part}\n{SUCCESS_26}"), "", OK)).is_some());
    assert!(unclear(&read(&format!("{DUPLICATE_26}\n{SUCCESS_26}"), "", OK)).contains("both"));
}

#[test]
fn fastlanes_log_holds_altools_words() {
    let log = format!(
        "[10:00:00]: Ready to upload new build to TestFlight\n\u{1b}[32m[10:00:01]: [altool] 2026 ERROR: [ContentDelivery.Uploader.6]\u{1b}[0m\n[10:00:01]: [altool] UPLOAD FAILED with 1 error\n{}\n[10:00:02]: Successfully uploaded the new binary\n",
        DUPLICATE_26
            .lines()
            .map(|line| format!("[10:00:01]: [altool] {line}"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    let output = fastlane_output(&log);
    assert_eq!(cause(&read(&output, "", OK)), Some(Cause::Duplicate));
    assert_eq!(fastlane_output("[10:00:00]: nothing of it"), "");
    let summed = "[!] Error uploading ipa file: \n [Application Loader Error Output]: The train version '1.0' is closed for new build submissions\n";
    assert_eq!(
        cause(&read(&fastlane_output(summed), "", OK)),
        Some(Cause::ClosedTrain)
    );
}

#[test]
fn bearer_tokens_are_found() {
    let text =
        "Authorization = \"Bearer eyJ0.one.sig-1\"; x authorization: bearer eyJ0.two_2.s\nforbearer Bearer ";
    let tokens: Vec<&str> = altool::bearer_tokens(text).collect();
    assert_eq!(tokens, ["eyJ0.one.sig-1", "eyJ0.two_2.s"]);
    assert_eq!(
        altool::purpose_strings(
            "a NSCameraUsageDescription and 'NSCalendarsUsageDescription', UsageDescription"
        ),
        ["NSCalendarsUsageDescription", "NSCameraUsageDescription"]
    );
}

#[test]
fn bombs_are_survived() {
    let deep = format!("{}{}", "{\"a\":".repeat(20_000), "}".repeat(20_000));
    unclear(&read(&deep, "", OK));
    let plist = format!(
        "<plist>{}{}</plist>",
        "<array>".repeat(100_000),
        "</array>".repeat(100_000)
    );
    unclear(&read(&plist, "", OK));
    let nested = format!(
        "{{\"tool-version\":1,\"product-errors\":[{}{}]}}",
        "{\"underlying-errors\":[".repeat(40),
        "]}".repeat(40)
    );
    refused(&read(&nested, "", OK));
}

proptest! {
    #[test]
    fn any_output_has_a_verdict(stdout in ".{0,400}", stderr in "(?s).{0,400}", status in -1_i32..256) {
        let _ = read(&stdout, &stderr, Ending::Exit(status));
    }

    #[test]
    fn an_output_that_is_cut_off_never_proves_a_delivery(cut in 1_usize..300) {
        let end = SUCCESS_26.char_indices().rev().nth(cut).map_or(0, |(at, _)| at);
        prop_assert!(delivered(&read(&SUCCESS_26[..end], "", OK)).is_none());
    }

    #[test]
    fn noise_around_a_result_changes_nothing(before in "[a-z {}\\[\\]\"=;:\n]{0,80}", after in "[a-z {}\\[\\]\"=;:\n]{0,80}") {
        let output = format!("{before}\n{DUPLICATE_26}\n{after}");
        prop_assert_eq!(cause(&read(&output, "", OK)), Some(Cause::Duplicate));
    }
}
