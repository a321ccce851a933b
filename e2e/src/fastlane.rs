//! Machines with stand-ins for Ruby, Bundler, and fastlane, which print what the real ones print.

use apple_sandbox::Sandbox;

use crate::{Machine, Run};

/// A lock file that pins fastlane.
pub const LOCK: &str = "GEM\n  remote: https://rubygems.org/\n  specs:\n    fastlane (2.227.1)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  fastlane\n\nBUNDLED WITH\n   2.7.2\n";

/// A machine on which Ruby works, whose Bundler and fastlane do this.
pub fn machine(sandbox: &Sandbox, bundle: &str, fastlane: &str) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    machine.set("LANG", "C.UTF-8");
    machine.tool("ruby", "echo 'ruby 3.4.8'");
    machine.tool("gem", "exit 0");
    machine.tool("bundle", bundle);
    machine.tool(
        "fastlane",
        &format!("case \"$*\" in *--version*|env) echo 'fastlane 2.228.0'; exit 0;; esac\n{fastlane}"),
    );
    machine
}

/// A run of the lane `beta`.
pub fn lane(machine: &Machine, inputs: &[(&str, &str)]) -> Run {
    let mut all = vec![
        ("lane", "beta"),
        ("update_fastlane", "false"),
        ("enable_cache", "no"),
    ];
    all.extend(inputs);
    machine.run("step-fastlane", &all)
}
