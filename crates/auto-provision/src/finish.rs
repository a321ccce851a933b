//! After the portal: install, edit the project, export, report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use apple_types::XcodeVersion;
use portal_access::{Portal, Reconciled};
use provisioning::{
    DesiredProfile, Distribution, Policy, PortalCertificate, Query, ResourceId, SignedProfile,
};
use signing_assets::{Certificate, Identity, Keychain, KeychainError, ProfileDirectories};
use step_kit::{Advice as _, Step};
use xcode_project::{ManualSigning, Project};

use crate::advice;
use crate::authorities;
use crate::certificate_creation::PLANNED;
use crate::expiry;
use crate::options::{ApplyTo, IdentityName, Mode, Options};
use crate::plan_log;
use crate::project::Analysis;
use crate::report;
use crate::signing::export_options::{self, MethodNames, ProfileNames};
use crate::signing::files::{Circumstances, Preparation, SigningFiles, XCCONFIG_VARIABLE};
use crate::signing::{self, SignedWith, SigningTable};
use crate::xcode;

/// `mode: plan`: prints what would change, as text and as JSON, and changes nothing.
pub(crate) async fn show_plan(
    step: &Step<Options>,
    portal: &dyn Portal,
    analysis: &Analysis,
    desired_profiles: &[DesiredProfile],
    policy: &Policy,
) -> anyhow::Result<()> {
    let mut query = Query::of(desired_profiles);
    query.serials.retain(|serial| !serial.starts_with(PLANNED));
    let mut snapshot = portal
        .snapshot(&query)
        .await
        .map_err(|error| advice::refused(error.into()))?;
    let planned = planned_certificates(desired_profiles);
    snapshot.certificates.extend(planned.iter().filter_map(|known| {
        Some(PortalCertificate {
            id: ResourceId::new(&known.serial)?,
            serial: known.serial.clone(),
        })
    }));
    let plan =
        provisioning::plan(desired_profiles, &snapshot, policy, clock::now()).map_err(advice::plan_failed)?;
    plan_log::show(&step.log, &plan, &planned);
    let tasks: Vec<String> = plan.manual_tasks.iter().map(advice::manual_task_text).collect();
    tasks.iter().for_each(|task| step.log.warn(task));
    step.report.is_plan();
    let mut lines: Vec<String> = planned
        .iter()
        .map(|known| format!("create the certificate {}", known.common_name))
        .collect();
    lines.extend(plan.actions.iter().map(ToString::to_string));
    if lines.is_empty() {
        step.report.markdown(report::UNCHANGED);
    }
    step.report.list("Planned changes (not applied)", &lines);
    step.report.list("Manual changes", &tasks);
    show_files(step, analysis)?;
    let mut actions: Vec<serde_json::Value> = planned
        .iter()
        .map(|known| serde_json::json!({"action": "create-certificate", "name": known.common_name}))
        .collect();
    for action in &plan.actions {
        actions.push(serde_json::to_value(action)?);
    }
    // For programs: as it is, without the margin of the section.
    step.log.output(serde_json::to_string_pretty(&actions)?);
    Ok(())
}

/// `mode: plan`: says what would be written.
pub(crate) fn show_files(step: &Step<Options>, analysis: &Analysis) -> anyhow::Result<()> {
    let apply_to = step.inputs.apply_to;
    let lines = Preparation::of(step, analysis)?.describe(apply_to);
    step.log.plain("Files a run would write:");
    for line in &lines {
        step.log.plain(format!("  {line}"));
    }
    step.report.list("Files a run would write", &lines);
    step.report.fact("Signing settings", apply_to.as_str());
    Ok(())
}

/// The certificates of a plan that do not exist yet, each once.
fn planned_certificates(desired_profiles: &[DesiredProfile]) -> Vec<&Certificate> {
    let mut planned: Vec<&Certificate> = Vec::new();
    for certificate in desired_profiles.iter().flat_map(|desired| &desired.certificates) {
        if certificate.serial.starts_with(PLANNED) && !planned.contains(&certificate) {
            planned.push(certificate);
        }
    }
    planned
}

/// What becomes of the project files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Projects {
    /// They are edited.
    Edit,
    /// They stay as they are.
    Leave,
}

/// Installs certificates and profiles, signs the project, exports the outputs.
pub(crate) async fn finish(
    step: &Step<Options>,
    analysis: &Analysis,
    identities: &[Identity],
    reconciled: &Reconciled,
    machine: &Machine,
    projects: Projects,
) -> anyhow::Result<()> {
    reconciled
        .warnings
        .iter()
        .for_each(|warning| step.log.warn(advice::warning_text(warning)));
    if !reconciled.manual_tasks.is_empty() {
        bail!(
            anyhow::anyhow!(
                "the App IDs were created, but some need a manual change: {}",
                reconciled
                    .manual_tasks
                    .iter()
                    .map(advice::about_manual_task)
                    .collect::<Vec<_>>()
                    .join("; ")
            )
            .hint("do that, then rerun the step")
        );
    }
    let signed = &reconciled.signed;
    let preparation = Preparation::of(step, analysis)?;
    let table = SigningTable::of(analysis, signed, step.inputs.distribution)?;
    let packager = signing::files::installer(&table, identities);
    let used: Vec<Identity> = identities
        .iter()
        .filter(|identity| {
            signed
                .iter()
                .any(|signed| serial_of(signed) == Some(identity.certificate.serial.as_str()))
                || packager.is_some_and(|packager| packager.certificate == identity.certificate)
        })
        .cloned()
        .collect();
    let keychain = Keychain::at(
        Path::new(&step.inputs.keychain_path),
        step.inputs.keychain_password.secret().clone(),
        step.runner.clone(),
    );
    let installed = keychain.install(&used).await;
    installed.map_err(|error| match error {
        KeychainError::Temporary { what, source } => anyhow::Error::from(step.temp_dir_failed(source))
            .context(format!("could not hand {what} over to `security`")),
        error => anyhow::Error::from(error)
            .hint("check keychain_path and keychain_password, and that the keychain is not damaged"),
    })?;
    used.iter().for_each(|identity| {
        step.log.debug(format!(
            "{} is in the keychain.",
            identity.certificate.common_name
        ));
    });
    for authority in expiry::authorities(signed) {
        if keychain.has_authority(authority).await == Some(false) {
            authorities::install(step, &keychain, authority).await;
        }
    }
    for signed in signed {
        let profile = &signed.profile;
        let details = profile.details.as_ref().with_context(|| {
            format!(
                "could not read the profile `{}` that the portal returned",
                profile.name
            )
        })?;
        machine.directories.install(
            &profile.name,
            &details.uuid,
            &profile.content,
            signed.desired.profile_type.is_mac(),
        )?;
        step.log.debug(format!("{} is installed.", profile.name));
    }

    let apply_to = step.inputs.apply_to;
    let mut files = SigningFiles::write(
        step,
        &preparation,
        &table,
        Circumstances {
            apply_to,
            is_automatic: projects == Projects::Leave,
            manages_version: step.inputs.manages_version,
            xcode: machine.xcode,
            identities,
        },
    )?;
    if projects == Projects::Edit {
        match apply_to {
            ApplyTo::Project => {
                warn_of_overrides(step, analysis);
                sign(step, analysis, &table)?;
            }
            ApplyTo::Xcconfig => show_table(step, &table),
            ApplyTo::None => {}
        }
    }
    report::signed(step, analysis, signed, &reconciled.changes);
    report::expiry_warnings(step, &expiry::warnings(signed, clock::now()));
    show_settings(step, projects, &files, machine.xcode);
    step.log.heading("Outputs");
    for (key, value) in outputs(&table)? {
        step.export(key, &value).await?;
    }
    for (key, value) in file_outputs(&table, &files, projects)? {
        step.export(key, &value).await?;
    }
    files.keep();
    report::files(step, &files);
    Ok(())
}

fn sign(step: &Step<Options>, analysis: &Analysis, table: &SigningTable) -> anyhow::Result<()> {
    let edits = edits(analysis, table, step.inputs.identity);
    for (_, (target, configuration, signing)) in &edits {
        step.log.debug(format!(
            "{} ({configuration}): team {}, profile {}",
            target.name, signing.team_id, signing.profile_uuid
        ));
    }
    save(step, edits)
}

/// Says which settings the xcconfig file gives to whom.
fn show_table(step: &Step<Options>, table: &SigningTable) {
    for target in &table.targets {
        step.log.debug(format!(
            "{} ({}): team {}, profile {}",
            target.name,
            target.configurations.join(", "),
            target.build.team_id,
            target.build.profile_uuid
        ));
    }
}

/// Says where the signing settings are, and how the export options name the method.
fn show_settings(
    step: &Step<Options>,
    projects: Projects,
    files: &SigningFiles,
    xcode: Option<XcodeVersion>,
) {
    match (projects, &files.xcconfig, step.inputs.apply_to) {
        (Projects::Leave, ..) => {}
        (Projects::Edit, Some(path), _) => step.log.plain(format!(
            "The signing settings are in {}; the project files are unchanged.",
            path.display()
        )),
        (Projects::Edit, None, ApplyTo::None) => step
            .log
            .plain("No signing settings were written: apply_to is `none`."),
        (Projects::Edit, None, _) => step.log.plain("The signing settings are in the project files."),
    }
    let method = MethodNames::of(xcode).method(step.inputs.distribution);
    step.log.plain(match xcode {
        Some(version) => format!("Export method: {method} (Xcode {version})."),
        None => format!("Export method: {method} (as in Xcode 15.3 and later; no Xcode was found)."),
    });
}

/// The file that `XCODE_XCCONFIG_FILE` names beats the project: signing settings in it would undo the edit.
fn warn_of_overrides(step: &Step<Options>, analysis: &Analysis) {
    let Some(path) = &analysis.overrides else { return };
    let assigned = xcode_project::xcconfig::read(path, None).assignments;
    let set: Vec<&str> = signing::xcconfig::SETTINGS
        .into_iter()
        .filter(|setting| {
            assigned
                .iter()
                .any(|(key, _)| key.split('[').next() == Some(setting))
        })
        .collect();
    if !set.is_empty() {
        step.log.warn(format!(
            "{XCCONFIG_VARIABLE} names {}, which sets {} and overrides the project's settings. With apply_to `xcconfig`, the step includes that file and its own settings take precedence.",
            path.display(),
            set.join(", ")
        ));
    }
}

/// What is known of the machine.
#[derive(Debug)]
pub struct Machine {
    /// Where profiles live.
    pub(crate) directories: ProfileDirectories,
    /// The selected Xcode; `None` where there is none.
    pub(crate) xcode: Option<XcodeVersion>,
}

impl Machine {
    /// Asks `xcodebuild` for its version, which takes a second on a Mac: run it beside what waits for the account. A plan
    /// installs nothing, and asks nothing.
    ///
    /// # Errors
    /// When `xcodebuild` does not answer.
    pub async fn of(step: &Step<Options>) -> anyhow::Result<Self> {
        let home = step.env.path("HOME").unwrap_or_else(|| PathBuf::from("/"));
        let xcode = match step.inputs.mode {
            Mode::Plan => None,
            _ => xcode::selected(step).await?,
        };
        Ok(Self {
            directories: ProfileDirectories::of(&home, xcode.map(|version| version.major)),
            xcode,
        })
    }
}

/// The first certificate of a desired profile is the one that the project uses.
fn serial_of(signed: &SignedProfile) -> Option<&str> {
    signed
        .desired
        .certificates
        .first()
        .map(|certificate| certificate.serial.as_str())
}

/// A target of a project, its configuration, and how it is signed.
type Edit = (Arc<Project>, (xcode_project::Target, String, ManualSigning));

fn edits(analysis: &Analysis, table: &SigningTable, named: IdentityName) -> Vec<Edit> {
    let items = analysis.archived.iter().chain(&analysis.ui_tests);
    let rows = items.zip(&table.targets).flat_map(|(item, row)| {
        let signing = row.build.manual_signing(item.platform, named);
        row.configurations.iter().map(move |configuration| {
            let edit = (item.target.clone(), configuration.clone(), signing.clone());
            (Arc::clone(&item.project), edit)
        })
    });
    rows.collect()
}

/// How often the edit of a project that another program changes at the same time is attempted.
const EDITS: usize = 3;

/// Saves the edits of all projects, or of none.
fn save(step: &Step<Options>, edits: Vec<Edit>) -> anyhow::Result<()> {
    let mut by_project: BTreeMap<PathBuf, (Arc<Project>, Vec<_>)> = BTreeMap::new();
    for (project, edit) in edits {
        let path = project.path().to_owned();
        by_project
            .entry(path)
            .or_insert_with(|| (project, Vec::new()))
            .1
            .push(edit);
    }
    let mut saved: Vec<(Arc<Project>, String)> = Vec::new();
    for (project, edits) in by_project.into_values() {
        match save_one(step, project, &edits) {
            Ok(done) => saved.push(done),
            Err(error) => {
                for (project, text) in &saved {
                    project.restore(text)?;
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Edits a project as it is now: another program may have changed it since it was read.
fn save_one(
    step: &Step<Options>,
    mut project: Arc<Project>,
    edits: &[(xcode_project::Target, String, ManualSigning)],
) -> anyhow::Result<(Arc<Project>, String)> {
    let mut edit = 1;
    loop {
        let text = project.sign_manually(edits)?;
        match project.save(&text) {
            Err(xcode_project::Error::Changed(path)) if edit < EDITS => {
                edit += 1;
                step.log.warn(format!(
                    "{} was changed by another program during this run. Applying the signing settings to its new content.",
                    path.display()
                ));
                project = Arc::new(Project::open(project.path())?);
            }
            result => return result.map(|()| (project, text)).map_err(Into::into),
        }
    }
}

/// The outputs that the originals have, in the order in which they are exported.
fn outputs(table: &SigningTable) -> anyhow::Result<Vec<(&'static str, String)>> {
    let (target, export) = table.main()?;
    let mut outputs = vec![
        ("BITRISE_EXPORT_METHOD", table.distribution.to_string()),
        ("BITRISE_DEVELOPER_TEAM", target.build.team_id.to_string()),
    ];
    let mut put = |with: &SignedWith, identity, profile| {
        outputs.push((identity, with.certificate.common_name.clone()));
        outputs.push((profile, with.profile_uuid.clone()));
    };
    if target.build.distribution == Distribution::Development {
        put(
            &target.build,
            "BITRISE_DEVELOPMENT_CODESIGN_IDENTITY",
            "BITRISE_DEVELOPMENT_PROFILE",
        );
    }
    if table.distribution != Distribution::Development && export.distribution == table.distribution {
        put(
            export,
            "BITRISE_PRODUCTION_CODESIGN_IDENTITY",
            "BITRISE_PRODUCTION_PROFILE",
        );
    }
    Ok(outputs)
}

/// The outputs that name files, and the map of profiles.
fn file_outputs(
    table: &SigningTable,
    files: &SigningFiles,
    projects: Projects,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let path = |path: &Path| path.display().to_string();
    let mut outputs = vec![
        ("BITRISE_EXPORT_OPTIONS_PLIST_PATH", path(&files.export_options)),
        (
            "BITRISE_GYM_EXPORT_OPTIONS_PLIST_PATH",
            path(&files.gym_export_options),
        ),
        ("BITRISE_SIGNING_JSON_PATH", path(&files.signing)),
    ];
    if projects == Projects::Edit {
        let specifiers: BTreeMap<String, String> = export_options::specifiers(table, ProfileNames::Name)
            .into_iter()
            .collect();
        outputs.push((
            "BITRISE_PROVISIONING_PROFILE_SPECIFIERS",
            serde_json::to_string(&specifiers)?,
        ));
    }
    if let Some(file) = &files.xcconfig {
        outputs.push((XCCONFIG_VARIABLE, path(file)));
    }
    Ok(outputs)
}
