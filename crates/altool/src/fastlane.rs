//! altool's words in a log of fastlane.

/// What fastlane says about altool's exit status.
const EXIT_STATUS: &str = "The call to the altool completed with a non-zero exit status";

/// What altool printed during a run of fastlane: fastlane puts `[altool]` before each of its lines, and its own prefix
/// before that. Lines in which fastlane sums altool's errors up are kept as error lines. Empty where altool did not run.
///
/// Form of the lines: fastlane 2.237.0, `itunes_transporter.rb` (2026-07-21).
pub fn fastlane_output(log: &str) -> String {
    let mut output = String::new();
    for line in log.lines() {
        let line = without_colors(line);
        let said = line
            .split_once("[altool]")
            .map(|(_, said)| said.strip_prefix(' ').unwrap_or(said).to_owned());
        let summed = [
            "[Application Loader Error Output]:",
            "[Transporter Error Output]:",
        ]
        .iter()
        .find_map(|words| line.split_once(words))
        // fastlane counts the exit status among the errors: it says nothing about the package.
        .filter(|(_, said)| !said.trim_start().starts_with(EXIT_STATUS))
        .map(|(_, said)| format!("ERROR: {}", said.trim()));
        if let Some(line) = said.or(summed) {
            output.push_str(&line);
            output.push('\n');
        }
    }
    output
}

/// The line without escape sequences of terminals.
fn without_colors(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest
            .strip_prefix(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(rest);
    }
    plain.push_str(rest);
    plain
}
