//! Uploads an app, its metadata and screenshots with fastlane deliver.

fn main() -> std::process::ExitCode {
    step_kit::run(step_deliver::MANIFEST, step_deliver::run)
}
