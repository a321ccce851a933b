//! Uploads an `.ipa` or `.pkg` to App Store Connect.

fn main() -> std::process::ExitCode {
    step_kit::run(step_application_loader::MANIFEST, step_application_loader::run)
}
