//! Why a project can't be used.

use std::path::PathBuf;

use crate::pbxproj::SyntaxError;

/// Why a project can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read or written.
    #[error("could not {what} {}", path.display())]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else has changed the file since it was read.
    #[error("{} was changed by another program since it was read", .0.display())]
    Changed(PathBuf),
    /// The path is neither a project nor a workspace.
    #[error("{} is neither an .xcodeproj nor an .xcworkspace directory", .0.display())]
    NoContainer(PathBuf),
    /// The project file is broken.
    #[error("{} is not a readable project file", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: SyntaxError,
    },
    /// The project has a file in each format.
    #[error("{} holds both `project.pbxproj` and `project.xcproj`, and Xcode refuses to open such a project; delete the one that is out of date", .0.display())]
    TwoProjectFiles(PathBuf),
    /// The project file lacks something that every project has.
    #[error("{} has no {what}", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// A scheme or property list is broken.
    #[error("{} can't be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no such scheme.
    #[error("there is no scheme `{name}` in {}{}{}", path.display(), looked_in(looked), existing(name, known))]
    NoScheme {
        /// The scheme that was asked for.
        name: String,
        /// Where it was looked for.
        path: PathBuf,
        /// The projects of the workspace, where it was looked for as well.
        looked: Vec<PathBuf>,
        /// The schemes that are there.
        known: Vec<String>,
    },
    /// The scheme archives no app.
    #[error("the scheme `{0}` archives no app: check the Archive column of its Build action")]
    NothingToArchive(String),
    /// A target has no such configuration.
    #[error("the target `{target}` has no configuration `{configuration}`; it has: {}", known.join(", "))]
    NoConfiguration {
        /// The target.
        target: String,
        /// The configuration that was asked for.
        configuration: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// A setting depends on something that the project files do not say.
    #[error(
        "the setting `{setting}` of the target `{target}` depends on {}, which the project files do not define{}",
        quoted(missing),
        gone(files)
    )]
    Unresolved {
        /// The target.
        target: String,
        /// The setting.
        setting: String,
        /// What is not defined.
        missing: Vec<String>,
        /// xcconfig files that are named and are not there.
        files: Vec<PathBuf>,
    },
    /// A target has no bundle ID.
    #[error(
        "the target `{target}` has no bundle ID: neither PRODUCT_BUNDLE_IDENTIFIER nor its Info.plist gives one{}",
        gone(files)
    )]
    NoBundleId {
        /// The target.
        target: String,
        /// xcconfig files that are named and are not there.
        files: Vec<PathBuf>,
    },
    /// A bundle ID has characters or parts that none can have.
    #[error(
        "`{bundle_id}`, the bundle ID of the target `{target}`, is invalid: it takes letters, digits, and hyphens, in parts separated by single periods"
    )]
    InvalidBundleId {
        /// The target.
        target: String,
        /// Its bundle ID.
        bundle_id: String,
    },
    /// What a scheme archives is in a project that is not there.
    #[error("the scheme `{scheme}` archives `{target}` of {}, which does not exist", path.display())]
    MissingProject {
        /// The scheme.
        scheme: String,
        /// The target that it names.
        target: String,
        /// Where the project would be.
        path: PathBuf,
    },
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn gone(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    match files.len() {
        0 => String::new(),
        1 => format!("; the xcconfig file {} is missing", names[0]),
        _ => format!("; the xcconfig files {} are missing", names.join(", ")),
    }
}

fn looked_in(projects: &[PathBuf]) -> String {
    match projects {
        [] => String::new(),
        [one] => format!(" or its project {}", one.display()),
        many => format!(" or its {} projects", many.len()),
    }
}

fn existing(name: &str, known: &[String]) -> String {
    if known.is_empty() {
        return "; it has no schemes: share one in Xcode (Product > Scheme > Manage Schemes) and commit it"
            .to_owned();
    }
    let closest = known
        .iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase()),
                known,
            )
        })
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.chars().count() / 3)
        .map_or_else(
            || ".".to_owned(),
            |(_, known)| format!("; did you mean `{known}`?"),
        );
    format!(
        "{closest} Its schemes: {}. A scheme that only you see must be shared and committed (Product > Scheme > Manage Schemes)",
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_scheme_is_answered_with_the_closest_one() {
        let error = Error::NoScheme {
            name: "courier".to_owned(),
            path: "App.xcworkspace".into(),
            looked: vec!["App.xcodeproj".into()],
            known: vec!["Courier".to_owned(), "Pods".to_owned()],
        };
        let text = error.to_string();
        assert!(
            text.contains(
                "or its project App.xcodeproj; did you mean `Courier`? Its schemes: Courier, Pods."
            ),
            "{text}"
        );
        assert!(existing("Zebra", &["Courier".to_owned()]).starts_with(". Its schemes: Courier."));
    }
}
