//! The package that is uploaded.

use std::path::{Path, PathBuf};

use app_package::Format;
use step_kit::InputProblem;

use crate::inputs::Inputs;

/// The package that is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Artifact {
    pub(crate) format: Format,
    pub(crate) path: PathBuf,
}

/// The package that the inputs name; the IPA wins over the PKG.
pub(crate) fn choose(inputs: &Inputs) -> Result<Artifact, InputProblem> {
    let (key, format, text) = match (&inputs.ipa_path, &inputs.pkg_path) {
        (Some(path), _) => ("ipa_path", Format::Ipa, path),
        (None, Some(path)) => ("pkg_path", Format::Pkg, path),
        (None, None) => {
            return Err(InputProblem::new(
                "ipa_path",
                "neither it nor pkg_path has a value; accepted: the path of an .ipa or .pkg, such as the one that the Xcode Archive step exports",
            ));
        }
    };
    // The Bitrise CLI leaves the name of a variable that does not exist where a template is used.
    if text.starts_with('$') {
        return Err(InputProblem::new(
            key,
            format!(
                "`{text}` is the name of a variable that no step has set; does the step that builds the package run before this one?"
            ),
        ));
    }
    let path = PathBuf::from(text);
    match path.metadata() {
        Ok(data) if data.is_file() => Ok(Artifact { format, path }),
        Ok(_) => Err(InputProblem::new(key, format!("`{text}` is not a file"))),
        Err(_) => Err(InputProblem::new(
            key,
            format!(
                "there is no file at `{text}`; does the step that builds the package run before this one?"
            ),
        )),
    }
}

impl Artifact {
    #[cfg(test)]
    pub(crate) fn ipa(path: &str) -> Self {
        Self {
            format: Format::Ipa,
            path: PathBuf::from(path),
        }
    }

    /// The option that takes it.
    pub(crate) fn option(&self) -> &'static str {
        match self.format {
            Format::Ipa => "--ipa",
            Format::Pkg => "--pkg",
        }
    }

    /// Its file name.
    pub(crate) fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// The path that deliver gets: this one, or a link in `directory` where the name has characters that
    /// Apple's Transporter trips over. A link costs nothing where a copy costs gigabytes.
    pub(crate) fn given_as(&self, directory: &Path) -> std::io::Result<PathBuf> {
        let path = std::path::absolute(&self.path)?;
        if path.to_string_lossy().chars().all(is_harmless) {
            return Ok(path);
        }
        let stem: String = self
            .path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .chars()
            .map(|c| if is_harmless(c) && c != '/' { c } else { '-' })
            .collect();
        let extension = match self.format {
            Format::Ipa => "ipa",
            Format::Pkg => "pkg",
        };
        let link = directory.join(format!("{stem}.{extension}"));
        // A hard link is the file itself under another name; it only works within a file system.
        std::fs::hard_link(&path, &link).or_else(|_| std::os::unix::fs::symlink(&path, &link))?;
        Ok(link)
    }
}

fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-+".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MANIFEST;

    fn chosen(variables: &[(&str, &str)]) -> Result<Artifact, InputProblem> {
        choose(&step_kit::testing::inputs(MANIFEST, variables).unwrap())
    }

    #[test]
    fn the_ipa_wins_and_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        let ipa = folder.path().join("a.ipa");
        std::fs::write(&ipa, "x").unwrap();
        let ipa = ipa.to_str().unwrap();
        assert_eq!(
            chosen(&[("ipa_path", ipa), ("pkg_path", "/x.pkg")])
                .unwrap()
                .option(),
            "--ipa"
        );
        assert_eq!(
            chosen(&[("ipa_path", " "), ("pkg_path", ipa)]).unwrap().option(),
            "--pkg"
        );
        for (variables, expected) in [
            (&[][..], "neither it nor pkg_path"),
            (&[("pkg_path", "/no/x.pkg")], "there is no file at `/no/x.pkg`"),
            (&[("ipa_path", "$BITRISE_IPA_PATH")], "no step has set"),
            (&[("ipa_path", "/tmp")], "not a file"),
        ] {
            let problem = chosen(variables).unwrap_err();
            assert!(problem.problem.contains(expected), "{}", problem.problem);
        }
    }

    #[test]
    fn odd_names_get_a_link_and_plain_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let links = tempfile::tempdir().unwrap();
        let odd = folder.path().join("Über App (1).ipa");
        std::fs::write(&odd, "content").unwrap();
        let given = Artifact::ipa(odd.to_str().unwrap())
            .given_as(links.path())
            .unwrap();
        assert_eq!(given, links.path().join("-ber-App--1-.ipa"));
        assert_eq!(std::fs::read_to_string(given).unwrap(), "content");
        assert_eq!(
            Artifact::ipa("/work/App.ipa").given_as(links.path()).unwrap(),
            Path::new("/work/App.ipa")
        );
    }
}
