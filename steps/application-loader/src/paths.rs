//! Which file the inputs name: a path, a `file://` URL, a glob with one match, or a list of which one exists.

use std::path::{Path, PathBuf};

use app_package::Format;
use step_kit::InputProblem;

use crate::inputs::Inputs;

/// The file that the inputs name: exactly one, and there.
pub(crate) fn choose(inputs: &Inputs) -> Result<(PathBuf, Format), InputProblem> {
    let (key, text, format) = match (&inputs.ipa_path, &inputs.pkg_path) {
        (Some(_), Some(_)) => {
            return Err(InputProblem::new(
                "ipa_path",
                "both ipa_path and pkg_path have a value, and one upload takes one package; empty the other one (both take the variables of earlier steps by default, so a workflow that builds both needs this step twice)",
            ));
        }
        (None, None) => {
            return Err(InputProblem::new(
                "ipa_path",
                "neither it nor pkg_path has a value; accepted: the path of an .ipa or .pkg, such as the one that the Xcode Archive step exports",
            ));
        }
        (Some(path), None) => ("ipa_path", path, Format::Ipa),
        (None, Some(path)) => ("pkg_path", path, Format::Pkg),
    };
    let items = items(text);
    let problem = |problem: String| InputProblem::new(key, problem);
    if let Some(variable) = items.iter().find(|item| item.starts_with('$')) {
        return Err(problem(format!(
            "`{variable}` is the name of a variable that no step has set; does the step that builds the package run before this one?"
        )));
    }
    let mut found: Vec<PathBuf> = Vec::new();
    for item in &items {
        for path in matches(item).map_err(&problem)? {
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
    match found.as_slice() {
        [path] => match path.metadata() {
            Ok(data) if data.is_file() => Ok((path.clone(), format)),
            _ => Err(problem(format!("`{}` is not a file", path.display()))),
        },
        [] => Err(problem(format!(
            "there is no file at `{}`; does the step that builds the package run before this one?",
            items.join("`, `")
        ))),
        several => {
            let list: Vec<String> = several
                .iter()
                .map(|path| format!("`{}`", path.display()))
                .collect();
            Err(problem(format!(
                "it names {} files, and one upload takes one package: {}",
                several.len(),
                list.join(", ")
            )))
        }
    }
}

/// The items of a list; a path that exists as it is written is no list.
fn items(text: &str) -> Vec<String> {
    let text = text.trim();
    if Path::new(text).exists() {
        return vec![text.to_owned()];
    }
    text.split(['|', '\n', '\r'])
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The files that an item names.
fn matches(item: &str) -> Result<Vec<PathBuf>, String> {
    let path = match item.strip_prefix("file://") {
        Some(rest) => of_url(rest).ok_or_else(|| {
            format!("`{item}` is not the URL of a file on this machine; accepted: `file:///path/to/App.ipa`")
        })?,
        None => item.to_owned(),
    };
    let absolute = std::path::absolute(&path).unwrap_or_else(|_| PathBuf::from(&path));
    if absolute.exists() || !path.contains(['*', '?', '[']) {
        return Ok(absolute.exists().then_some(absolute).into_iter().collect());
    }
    let pattern = absolute.to_string_lossy();
    let found = glob::glob(&pattern).map_err(|error| format!("`{item}` is not a usable pattern: {error}"))?;
    Ok(found.filter_map(Result::ok).collect())
}

/// The path in a file URL, after `file://`.
fn of_url(rest: &str) -> Option<String> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return None;
    }
    // A path that was only prefixed may hold anything.
    if Path::new(path).exists() {
        return Some(path.to_owned());
    }
    let url = transport::Url::parse(&format!("file://{path}")).ok()?;
    url.to_file_path()
        .ok()
        .map(|path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MANIFEST;

    fn chosen(variables: &[(&str, &str)]) -> Result<PathBuf, String> {
        let inputs = step_kit::testing::inputs(MANIFEST, variables).unwrap();
        choose(&inputs)
            .map(|(path, _)| path)
            .map_err(|problem| problem.problem)
    }

    #[test]
    fn exactly_one_package_must_be_there() {
        for (variables, expected) in [
            (&[][..], "neither it nor pkg_path"),
            (
                &[("ipa_path", "a"), ("pkg_path", "b")],
                "both ipa_path and pkg_path",
            ),
            (
                &[("ipa_path", " "), ("pkg_path", "/no.pkg")],
                "no file at `/no.pkg`",
            ),
            (&[("ipa_path", "$BITRISE_IPA_PATH")], "no step has set"),
            (&[("ipa_path", "/")], "not a file"),
            (&[("ipa_path", "/no|/neither")], "no file at `/no`, `/neither`"),
            (&[("ipa_path", "file://elsewhere/x")], "file:///path"),
            (&[("ipa_path", "/no/[a")], "not a usable pattern"),
        ] {
            let problem = chosen(variables).unwrap_err();
            assert!(problem.contains(expected), "{variables:?}: {problem}");
        }
    }

    #[test]
    fn a_file_has_several_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, "x").unwrap();
            path
        };
        let (plain, spaced, odd) = (file("App.ipa"), file("My App.IPA"), file("a|b[1].ipa"));
        let root = folder.path().display().to_string();
        for (text, expected) in [
            (plain.display().to_string(), &plain),
            (format!("file://{}", plain.display()), &plain),
            (format!("file://localhost{}", plain.display()), &plain),
            (format!("file://{root}/My%20App.IPA"), &spaced),
            (format!("file://{}", spaced.display()), &spaced),
            (odd.display().to_string(), &odd),
            (format!("{root}/App*.ipa"), &plain),
            (format!("{root}/none.ipa|{}", plain.display()), &plain),
            (format!("{root}/none.ipa\n{}\n", plain.display()), &plain),
            (format!("{0}|{0}", plain.display()), &plain),
        ] {
            assert_eq!(chosen(&[("ipa_path", &text)]).as_ref(), Ok(expected), "{text}");
        }
        let several = chosen(&[("ipa_path", &format!("{root}/*"))]).unwrap_err();
        assert!(several.contains("it names 3 files"), "{several}");
    }
}
