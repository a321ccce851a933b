//! Sets a target to manual signing: `sign PROJECT TARGET CONFIGURATION TEAM IDENTITY PROFILE_UUID`.
#![expect(clippy::print_stderr, reason = "an example is a command-line program")]

use std::path::Path;
use std::process::ExitCode;

use xcode_project::{Error, ManualSigning, Project};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [project, target, configuration, team_id, identity, profile_uuid] = arguments.as_slice() else {
        eprintln!("usage: sign PROJECT TARGET CONFIGURATION TEAM IDENTITY PROFILE_UUID");
        return ExitCode::from(2);
    };
    let signing = ManualSigning {
        team_id: team_id.clone(),
        identity: identity.clone(),
        profile_uuid: profile_uuid.clone(),
        platform: xcode_project::Platform::Ios,
    };
    match sign(Path::new(project), target, configuration, signing) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("{project} has no target `{target}`");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Edits the project in place; `false` when it has no such target.
fn sign(path: &Path, target: &str, configuration: &str, signing: ManualSigning) -> Result<bool, Error> {
    let project = Project::open(path)?;
    let Some(target) = project.targets().into_iter().find(|known| known.name == target) else {
        return Ok(false);
    };
    let text = project.sign_manually(&[(target, configuration.to_owned(), signing)])?;
    project.save(&text)?;
    Ok(true)
}
