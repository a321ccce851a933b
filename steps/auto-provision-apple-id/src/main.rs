//! Manages code signing assets through an Apple ID's session.

fn main() -> std::process::ExitCode {
    step_kit::run(
        step_auto_provision_apple_id::MANIFEST,
        step_auto_provision_apple_id::run,
    )
}
