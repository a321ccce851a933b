//! The files that the steps which follow read: where they lie, and what is in them. They hold no secret.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use signing_assets::{CertificateKind, Identity};
use step_kit::{Advice as _, Step};
use xcode_project::{Platform, normalized};

use super::export_options::{self, MethodNames, ProfileNames, Style};
use super::xcconfig::{self, Candidate, Naming, XcconfigError};
use super::{SigningTable, json};
use crate::options::{ApplyTo, Options};
use crate::project::Analysis;
use apple_types::XcodeVersion;

/// The variable that names an xcconfig file above all other settings (man xcodebuild).
pub(crate) const XCCONFIG_VARIABLE: &str = "XCODE_XCCONFIG_FILE";

/// Readable by all: other users of the machine may build.
const MODE: u32 = 0o644;

/// Larger than any xcconfig file, in bytes.
const LARGEST_XCCONFIG: u64 = 16 << 20;

/// More files than the steps of a Workflow ever write for one scheme.
const MOST_FILES: usize = 1000;

/// What is clear before anything is changed: that the files can be written, and where.
#[derive(Debug)]
pub(crate) struct Preparation {
    /// `None` where no xcconfig file is asked for.
    naming: Option<Naming>,
    /// The file that `XCODE_XCCONFIG_FILE` names so far.
    include: Option<PathBuf>,
    /// `None` for a new temporary directory.
    folder: Option<PathBuf>,
    /// What the names of the files begin with.
    stem: String,
}

impl Preparation {
    /// # Errors
    /// When one xcconfig file can't do what is asked for.
    pub(crate) fn of(step: &Step<Options>, analysis: &Analysis) -> anyhow::Result<Self> {
        let mut preparation = Self {
            naming: None,
            include: None,
            folder: folder(step, analysis),
            stem: format!("{}-{}", slug(&analysis.scheme), step.inputs.distribution),
        };
        if step.inputs.apply_to == ApplyTo::Xcconfig {
            preparation.naming = Some(naming(analysis)?);
            preparation.include = included(analysis.overrides.as_deref())?;
        }
        Ok(preparation)
    }

    /// Says what a run would write.
    pub(crate) fn describe(&self, apply_to: ApplyTo) -> Vec<String> {
        let folder = match &self.folder {
            Some(folder) => folder.display().to_string(),
            None => "a new temporary directory".to_owned(),
        };
        let own = match apply_to {
            ApplyTo::Project => "the signing settings of the project files".to_owned(),
            ApplyTo::Xcconfig => format!(
                "the xcconfig file {} in {folder}, exported as {XCCONFIG_VARIABLE}",
                self.xcconfig_name()
            ),
            ApplyTo::None => "no signing settings: apply_to is `none`".to_owned(),
        };
        let others = [&EXPORT_OPTIONS, &GYM_EXPORT_OPTIONS, &SIGNING];
        let others: Vec<String> = others.iter().map(|end| format!("{}{end}", self.stem)).collect();
        vec![own, format!("{} in {folder}", others.join(", "))]
    }

    /// The name of the xcconfig file: another one than those that it includes, however indirectly.
    fn xcconfig_name(&self) -> String {
        let included = self.include.as_deref().map(included_files).unwrap_or_default();
        let is_free = |name: &String| {
            let folder = self.folder.as_deref().unwrap_or(Path::new(""));
            !included.contains(&resolved(&folder.join(name)))
        };
        let first = format!("{}-signing.xcconfig", self.stem);
        let next = (2..MOST_FILES).map(|number| format!("{}-signing-{number}.xcconfig", self.stem));
        std::iter::once(first.clone())
            .chain(next)
            .find(is_free)
            .unwrap_or(first)
    }
}

const EXPORT_OPTIONS: &str = "-export-options.plist";
const GYM_EXPORT_OPTIONS: &str = "-gym-export-options.plist";
const SIGNING: &str = "-signing.json";

/// What decides on the content of the files beside the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) apply_to: ApplyTo,
    /// Whether Xcode signs with profiles that it manages itself.
    pub(crate) is_automatic: bool,
    /// Whether Xcode may change version and build number on export.
    pub(crate) manages_version: bool,
    pub(crate) xcode: Option<XcodeVersion>,
    pub(crate) identities: &'a [Identity],
}

/// The files of a run. They are gone, and older ones back, unless they are kept.
#[derive(Debug, Default)]
pub(crate) struct SigningFiles {
    pub(crate) xcconfig: Option<PathBuf>,
    pub(crate) export_options: PathBuf,
    pub(crate) gym_export_options: PathBuf,
    pub(crate) signing: PathBuf,
    /// Each with what was in its place.
    written: Vec<(PathBuf, Option<Vec<u8>>)>,
    made: Option<PathBuf>,
    is_kept: bool,
}

impl SigningFiles {
    /// Writes all of them, or none.
    ///
    /// # Errors
    /// When one can't be written.
    pub(crate) fn write(
        step: &Step<Options>,
        preparation: &Preparation,
        table: &SigningTable,
        circumstances: Circumstances<'_>,
    ) -> anyhow::Result<Self> {
        let mut files = Self::default();
        let folder = match &preparation.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("could not create the directory {}", folder.display()))
                    .map_err(|error| error.hint("check BITRISE_DEPLOY_DIR"))?;
                folder.clone()
            }
            None => {
                let folder = temporary(step).context("could not create a temporary directory")?;
                files.made = Some(folder.clone());
                folder
            }
        };
        let place = |end: &str| folder.join(format!("{}{end}", preparation.stem));
        if let Some(naming) = preparation.naming.filter(|_| !circumstances.is_automatic) {
            let text = xcconfig::text(table, naming, preparation.include.as_deref())?;
            let path = folder.join(preparation.xcconfig_name());
            files.put(&path, text.as_bytes())?;
            files.xcconfig = Some(path);
        }
        let installer = installer(table, circumstances.identities);
        let style = Style {
            methods: MethodNames::of(circumstances.xcode),
            profiles: ProfileNames::Uuid,
            xcode: circumstances.xcode,
            is_automatic: circumstances.is_automatic,
            manages_version: circumstances.manages_version,
            installer: installer.map(|identity| identity.certificate.sha1.as_str()),
        };
        let for_gym = Style {
            methods: MethodNames::BeforeXcode15_3,
            profiles: ProfileNames::Name,
            ..style
        };
        for (style, end) in [(style, EXPORT_OPTIONS), (for_gym, GYM_EXPORT_OPTIONS)] {
            let content = export_options::xml(export_options::options(table, style)?)?;
            files.put(&place(end), &content)?;
        }
        (files.export_options, files.gym_export_options) = (place(EXPORT_OPTIONS), place(GYM_EXPORT_OPTIONS));
        files.signing = place(SIGNING);
        let named: Vec<(&str, &Path)> = [
            ("export_options", Some(files.export_options.as_path())),
            ("gym_export_options", Some(files.gym_export_options.as_path())),
            ("xcconfig", files.xcconfig.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, path)| Some((name, path?)))
        .collect();
        let document = json::document(table, circumstances.apply_to, circumstances.is_automatic, &named)?;
        let text = format!("{}\n", serde_json::to_string_pretty(&document)?);
        files.put(&place(SIGNING), text.as_bytes())?;
        Ok(files)
    }

    fn put(&mut self, path: &Path, content: &[u8]) -> anyhow::Result<()> {
        let before = files::read(path, LARGEST_XCCONFIG).ok();
        files::replace(path, content, MODE).with_context(|| format!("could not write {}", path.display()))?;
        self.written.push((path.to_owned(), before));
        Ok(())
    }

    /// Where the files are, the one for builds first.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let own = [&self.export_options, &self.gym_export_options, &self.signing];
        self.xcconfig.iter().chain(own).map(PathBuf::as_path)
    }

    /// Leaves them where they are.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for SigningFiles {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // There is nobody left to tell what goes wrong.
        for (path, before) in self.written.drain(..).rev() {
            let _ = match before {
                Some(content) => files::replace(&path, &content, MODE),
                None => std::fs::remove_file(&path),
            };
        }
        if let Some(folder) = &self.made {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// The identity that signs the installer package of a Mac app for the store: the one that lasts longest.
pub(crate) fn installer<'a>(table: &SigningTable, identities: &'a [Identity]) -> Option<&'a Identity> {
    let (main, with) = table.main().ok()?;
    let is_packaged = matches!(main.platform, Platform::Macos | Platform::MacCatalyst)
        && table.distribution == provisioning::Distribution::AppStore;
    let now = clock::now();
    identities
        .iter()
        .filter(|identity| {
            let certificate = &identity.certificate;
            is_packaged
                && certificate.kind == CertificateKind::MacInstaller
                && certificate.team_id.as_ref() == Some(&with.team_id)
                && certificate.not_after > now
        })
        .max_by_key(|identity| identity.certificate.not_after)
}

/// How one xcconfig file tells the targets apart that are signed, and all others of the projects.
fn naming(analysis: &Analysis) -> anyhow::Result<Naming> {
    let items = analysis.archived.iter().chain(&analysis.ui_tests);
    let signed = items.map(|item| Candidate {
        target: &item.target.name,
        project: item.project.path(),
        settings: &item.settings,
        signed_for: Some((&item.need.bundle_id, item.platform)),
    });
    let others = analysis.neighbors.iter().map(|neighbor| Candidate {
        target: &neighbor.target,
        project: &neighbor.project,
        settings: &neighbor.settings,
        signed_for: None,
    });
    let candidates: Vec<Candidate<'_>> = signed.chain(others).collect();
    Naming::of(&candidates).map_err(|error| {
        anyhow::Error::from(error).hint("rename one of the targets, or set apply_to to `project` or `none`")
    })
}

/// The file that the variable names, if it can be included.
fn included(path: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    let Some(path) = path else { return Ok(None) };
    if let Err(error) = files::read(path, LARGEST_XCCONFIG) {
        return Err(anyhow::Error::from(error)
            .context(format!(
                "could not read `{}`, which {XCCONFIG_VARIABLE} names",
                path.display()
            ))
            .hint("correct the variable, or unset it"));
    }
    xcconfig::include_line(path).map_err(|error: XcconfigError| {
        anyhow::Error::from(error).hint("move the file, or set apply_to to `project` or `none`")
    })?;
    Ok(Some(path.to_owned()))
}

/// A file and the files that it includes, however indirectly: also those that are not there, which must not come to be.
fn included_files(path: &Path) -> Vec<PathBuf> {
    let read = xcode_project::xcconfig::read(path, None);
    let missing = read.missing.iter().map(|missing| &missing.path);
    read.files
        .iter()
        .chain(missing)
        .map(|path| resolved(path))
        .collect()
}

/// The path without links, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = path
            .parent()
            .and_then(|folder| std::fs::canonicalize(folder).ok());
        match (folder, path.file_name()) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => normalized(path),
        }
    })
}

/// `BITRISE_DEPLOY_DIR`, which outlives the step; `None` without it, or where it lies in the checkout, which stays clean.
fn folder(step: &Step<Options>, analysis: &Analysis) -> Option<PathBuf> {
    let folder = step.env.path("BITRISE_DEPLOY_DIR")?;
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let project = analysis.archived.first()?.project.path();
    let project = resolved(&std::path::absolute(project).unwrap_or(project.to_owned()));
    let checkout = project.ancestors().find(|above| above.join(".git").exists());
    let is_inside = checkout.is_some_and(|checkout| resolved(&folder).starts_with(checkout));
    (!is_inside).then_some(folder)
}

/// A directory that stays after the step, under a name that nobody can foresee.
fn temporary(step: &Step<Options>) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = step.env.path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
    let folder = tempfile::Builder::new()
        .prefix("signing-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir_in(parent)?;
    Ok(folder.keep())
}

/// A scheme's name as the beginning of a file's.
fn slug(name: &str) -> String {
    let kept = |c: char| {
        if c.is_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let text: String = name.chars().map(kept).collect();
    let text = text.trim_start_matches(['.', '-']);
    if text.is_empty() {
        "scheme".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain_whatever_the_scheme_is_called() {
        for (scheme, expected) in [
            ("Courier", "Courier"),
            ("My App (Beta)", "My-App--Beta-"),
            ("../../etc/passwd", "etc-passwd"),
            ("日本", "日本"),
            ("/", "scheme"),
        ] {
            assert_eq!(slug(scheme), expected);
        }
    }

    #[test]
    fn a_chain_of_includes_is_followed_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(
            at("a.xcconfig"),
            format!("#include \"{}\"\n", at("b.xcconfig").display()),
        )
        .unwrap();
        std::fs::write(at("b.xcconfig"), "#include? \"c.xcconfig\" // more\nX = 1\n").unwrap();
        std::fs::write(
            at("c.xcconfig"),
            format!(
                "#include \"{}\"\n#include? \"d.xcconfig\"\n",
                at("a.xcconfig").display()
            ),
        )
        .unwrap();
        let names: Vec<String> = included_files(&at("a.xcconfig"))
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a.xcconfig", "b.xcconfig", "c.xcconfig", "d.xcconfig"]);
    }

    #[test]
    fn files_that_are_not_kept_are_gone_and_older_ones_are_back() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        std::fs::write(&old, "before").unwrap();
        let mut files = SigningFiles::default();
        files.put(&old, b"after").unwrap();
        files.put(&new, b"after").unwrap();
        drop(files);
        assert_eq!(std::fs::read(&old).unwrap(), b"before");
        assert!(!new.exists());
        let mut files = SigningFiles::default();
        files.put(&new, b"after").unwrap();
        files.keep();
        drop(files);
        assert_eq!(std::fs::read(&new).unwrap(), b"after");
    }
}
