//! Runs a fastlane lane with the connected Apple account.

fn main() -> std::process::ExitCode {
    step_kit::run(step_fastlane::MANIFEST, step_fastlane::run)
}
