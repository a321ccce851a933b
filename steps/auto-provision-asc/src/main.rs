//! Manages code signing assets through the App Store Connect API.

fn main() -> std::process::ExitCode {
    step_kit::run(step_auto_provision_asc::MANIFEST, step_auto_provision_asc::run)
}
