//! What the log says about a session that fastlane gets.

use fastlane_runner::credentials::{AppleIdVariables, Variable};
use step_kit::Log;

/// The variables, after a warning for every cookie that is left out.
pub fn with_warnings(handed: AppleIdVariables, log: &Log) -> Vec<Variable> {
    for name in &handed.dropped_cookies {
        log.warn(format!(
            "The cookie `{name}` of the Apple ID's session is skipped: fastlane can't read it."
        ));
    }
    handed.variables
}
