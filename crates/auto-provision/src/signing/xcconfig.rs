//! One xcconfig file that signs a whole scheme, for the variable `XCODE_XCCONFIG_FILE`.
//!
//! Xcode reads that file for every target, those of packages and pods included, and above everything else that is set
//! (man xcodebuild; swift-build at commit 41aee62, `Settings.swift`, addOverrides). So each signing setting names another
//! one after the target at hand, `$(APPLE_STEPS_…_$(APPLE_STEPS_TARGET))`, and inherits where that is not defined.
//!
//! What this rests on, in the same commit:
//! - `$(inherited)` in the operand of `:default=` means the setting whose value it stands in, since the operand belongs to
//!   the same expression (`MacroEvaluationProgram.swift`, lookupMacroInContext); `:default=` applies to a name that
//!   is not defined (same file, applyReplacementOperator).
//! - A name in an xcconfig file is `[A-Za-z_][A-Za-z0-9_]*` (`MacroConfigFileParser.swift`). Of the operators only
//!   `:identifier` leads there: `:c99extidentifier` keeps letters of other scripts, `:rfc1034identifier` makes hyphens
//!   (`String.swift`, asIdentifierOfType).
//! - Settings that nobody else defines are lists of words (`MacroNamespace.swift`), where quotes and blanks have a
//!   meaning. So their values here are IDs, UUIDs, and digests, never names.
//!
//! The product type is a part of a target's name here: a pod or a package may have a target that is called like an app or
//! an extension, and is of another type. The condition `[sdk=…]` keeps builds for simulators as they are.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use provisioning::BundleIdentifier;
use xcode_project::{Answer, Platform, Settings, normalized};

use super::{SignedTarget, SigningTable};

/// A target's name as it is in most projects.
const BY_TARGET: &str = "$(PROJECT_NAME:identifier)__$(TARGET_NAME:identifier)__$(PRODUCT_TYPE:identifier)";

/// The same with the bundle ID, where it takes that to tell targets apart.
const BY_BUNDLE_ID: &str = "$(PROJECT_NAME:identifier)__$(TARGET_NAME:identifier)__$(PRODUCT_TYPE:identifier)__$(PRODUCT_BUNDLE_IDENTIFIER:default=none:identifier)";

/// The settings that sign a target. Nothing that they are looked up by may depend on them.
pub(crate) const SETTINGS: [&str; 5] = [
    "CODE_SIGN_IDENTITY",
    "CODE_SIGN_STYLE",
    "DEVELOPMENT_TEAM",
    "PROVISIONING_PROFILE",
    "PROVISIONING_PROFILE_SPECIFIER",
];

/// Why a scheme can't be signed by one xcconfig file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum XcconfigError {
    /// Two targets would have the same settings.
    #[error(
        "one xcconfig file can't sign the scheme: the targets `{first}` and `{second}` have the same name in it, `{name}`"
    )]
    Ambiguous {
        first: String,
        second: String,
        name: String,
    },
    /// The project files do not say what Xcode calls a target.
    #[error(
        "one xcconfig file can't sign the scheme: the name of the target `{target}` depends on {missing}, which the project files do not define"
    )]
    Unresolved { target: String, missing: String },
    /// The path can't stand between quotes.
    #[error("the path `{}` of XCODE_XCCONFIG_FILE can't be included: it contains a quote or a line break", .0.display())]
    Include(PathBuf),
}

/// A target that the file may meet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) target: &'a str,
    pub(crate) project: &'a Path,
    pub(crate) settings: &'a Settings,
    /// What it is signed for; `None` for a target that is not signed here.
    pub(crate) signed_for: Option<(&'a BundleIdentifier, Platform)>,
}

impl Candidate<'_> {
    fn described(&self) -> String {
        let project = self.project.file_name().unwrap_or_default().to_string_lossy();
        format!("{}` of `{project}", self.target)
    }

    fn bundle_id(&self) -> String {
        match self.signed_for {
            Some((bundle_id, _)) => bundle_id.to_string(),
            None => {
                let answer = self.settings.settled("PRODUCT_BUNDLE_IDENTIFIER");
                answer.value().unwrap_or_default().to_owned()
            }
        }
    }

    /// Whether another target of the same name may have the same settings.
    fn agrees_with(&self, other: &Self) -> bool {
        match (self.signed_for, other.signed_for) {
            (Some((_, own)), Some((_, others))) if own.sdk() != others.sdk() => true,
            (Some(own), Some(others)) => own == others,
            _ => self.bundle_id() == other.bundle_id(),
        }
    }
}

/// How the file names targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Naming {
    expression: &'static str,
}

impl Naming {
    /// The simplest naming that tells the targets which are signed from each other, and from their neighbors.
    ///
    /// # Errors
    /// When none does.
    pub(crate) fn of(candidates: &[Candidate<'_>]) -> Result<Self, XcconfigError> {
        let by_target = Self {
            expression: BY_TARGET,
        };
        if by_target.collision(candidates)?.is_none() {
            return Ok(by_target);
        }
        let by_bundle_id = Self {
            expression: BY_BUNDLE_ID,
        };
        let collision = by_bundle_id.collision(candidates)?;
        // A bundle ID with `$(DEVELOPMENT_TEAM)` in it would be another one for each setting that is looked up by it.
        let is_moving = |candidate: &&Candidate<'_>| {
            let depends = |name: &&str| candidate.settings.depends_on("PRODUCT_BUNDLE_IDENTIFIER", name);
            candidate.signed_for.is_some() && SETTINGS.iter().any(depends)
        };
        let collision = match candidates.iter().find(is_moving) {
            Some(_) => by_target.collision(candidates)?,
            None => collision,
        };
        match collision {
            None => Ok(by_bundle_id),
            Some((first, second, name)) => Err(XcconfigError::Ambiguous { first, second, name }),
        }
    }

    /// Two targets that have the same name, and must not.
    fn collision(
        self,
        candidates: &[Candidate<'_>],
    ) -> Result<Option<(String, String, String)>, XcconfigError> {
        let mut named: Vec<(String, &Candidate<'_>)> = Vec::new();
        for candidate in candidates {
            match self.name(candidate.target, candidate.settings) {
                Ok(name) => named.push((name, candidate)),
                Err(error) if candidate.signed_for.is_some() => return Err(error),
                Err(_) => {}
            }
        }
        for (at, (name, one)) in named.iter().enumerate() {
            for (other_name, other) in &named[at + 1..] {
                let is_signed = one.signed_for.is_some() || other.signed_for.is_some();
                if is_signed && name == other_name && !one.agrees_with(other) {
                    return Ok(Some((one.described(), other.described(), name.clone())));
                }
            }
        }
        Ok(None)
    }

    fn name(self, target: &str, settings: &Settings) -> Result<String, XcconfigError> {
        match settings.expand(self.expression) {
            Answer::Resolved(name) => Ok(name),
            Answer::Unresolved { missing, .. } => Err(XcconfigError::Unresolved {
                target: target.to_owned(),
                missing: missing.join(", "),
            }),
            Answer::Unset => Ok(String::new()),
        }
    }
}

/// The file's text. `include` is the file that `XCODE_XCCONFIG_FILE` names so far: its settings stay, and those of the
/// table win over them.
///
/// # Errors
/// When a target has no name of its own, or the other file can't be included.
pub(crate) fn text(
    table: &SigningTable,
    naming: Naming,
    include: Option<&Path>,
) -> Result<String, XcconfigError> {
    let mut text = format!(
        "// Signs the scheme {}, configuration {}, for distribution {}.\n// The targets of the table below are signed as it says. All others, those of packages and pods included, keep their settings.\n\n",
        comment(&table.scheme),
        comment(&table.configuration),
        table.distribution
    );
    if let Some(path) = include {
        text.push_str(&include_line(path)?);
    }
    let mut line = |key: &str, value: &str| {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{key} = {value}");
    };
    line("APPLE_STEPS_TARGET", naming.expression);
    let sdks: BTreeSet<&str> = table.targets.iter().map(|target| target.platform.sdk()).collect();
    for sdk in sdks {
        for setting in SETTINGS {
            line(
                &format!("{setting}[sdk={sdk}*]"),
                &format!("$(APPLE_STEPS_{setting}_$(APPLE_STEPS_TARGET):default=$(inherited))"),
            );
        }
    }
    for target in &table.targets {
        row(&mut text, target, &naming.name(&target.name, &target.settings)?);
    }
    Ok(text)
}

fn row(text: &mut String, target: &SignedTarget, name: &str) {
    let (with, sdk) = (&target.build, target.platform.sdk());
    let _ = write!(
        text,
        "\n// {}: {}, profile {}, certificate {}\n",
        comment(&target.name),
        comment(target.bundle_id.as_str()),
        comment(&with.profile_name),
        comment(&with.certificate.common_name)
    );
    for configuration in &target.configurations {
        for (setting, value) in SETTINGS.iter().zip([
            with.certificate.sha1.as_str(),
            "Manual",
            with.team_id.as_str(),
            &with.profile_uuid,
            &with.profile_uuid,
        ]) {
            let _ = writeln!(
                text,
                "APPLE_STEPS_{setting}_{name}[config={}][sdk={sdk}*] = {value}",
                pattern(configuration)
            );
        }
    }
}

/// The line that includes a file, with a blank one after it.
pub(crate) fn include_line(path: &Path) -> Result<String, XcconfigError> {
    // Two slashes would begin a comment.
    let path = normalized(path);
    let written = path.display().to_string();
    if written.contains(['"', '\n', '\r', '\u{2028}', '\u{2029}']) || path.to_str().is_none() {
        return Err(XcconfigError::Include(path));
    }
    Ok(format!("#include \"{written}\"\n\n"))
}

/// A text in a comment: on one line.
fn comment(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                c
            }
        })
        .collect()
}

/// A configuration's name as a pattern (`fnmatch`) that ends at the next bracket: what has a meaning there, or begins a
/// comment, is any character.
fn pattern(configuration: &str) -> String {
    configuration
        .chars()
        .map(|c| match c {
            '*' | '[' | ']' | '\\' | '/' => '?',
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => '?',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests;
