//! What a project file says beyond what signing needs: for tools that compare projects, or look into them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::{BaseConfiguration, BuildPhase, BuildSettings, Details, SynchronizedFolder, Target};
use crate::pbxproj::Format;
use crate::project::{Project, Source};

impl Project {
    /// The form of the project file.
    pub fn format(&self) -> Format {
        match &self.source {
            Source::Pbxproj(file) => file.document.format(),
            Source::Xcproj(_) => Format::Xcproj,
        }
    }

    /// A text at the top of a `project.pbxproj`, such as `objectVersion`; `project.xcproj` has none of these.
    pub fn header(&self, key: &str) -> Option<&str> {
        match &self.source {
            Source::Pbxproj(file) => file.document.root().text(key),
            Source::Xcproj(_) => None,
        }
    }

    /// How many objects of each kind (`isa`) a `project.pbxproj` has; `project.xcproj` has no objects.
    pub fn kinds(&self) -> BTreeMap<String, usize> {
        match &self.source {
            Source::Pbxproj(file) => file.kinds(),
            Source::Xcproj(_) => BTreeMap::new(),
        }
    }

    /// The projects that this one holds references to, in its order.
    pub fn nested_projects(&self) -> Vec<PathBuf> {
        self.model.nested_projects.clone()
    }

    /// The folders of the local packages that this project refers to.
    pub fn local_packages(&self) -> &[PathBuf] {
        &self.model.local_packages
    }

    /// The project's configurations.
    pub fn configuration_names(&self) -> Vec<String> {
        let configurations = self.model.configurations.iter();
        configurations
            .map(|configuration| configuration.name.clone())
            .collect()
    }

    /// The configuration that is used when none is named.
    pub fn default_configuration(&self) -> Option<String> {
        self.model.default_configuration.clone()
    }

    /// The build settings that a configuration of a target, or of the project, assigns, as they are written; each
    /// configuration has its own in either format.
    pub fn assigned(&self, target: Option<&Target>, configuration: &str) -> Option<&BuildSettings> {
        let id = target.map(|target| target.id.as_str());
        Some(&self.model.configuration(id, configuration)?.settings)
    }

    /// The xcconfig file below a configuration of a target, or of the project.
    pub fn base_configuration_of(
        &self,
        target: Option<&Target>,
        configuration: &str,
    ) -> Option<BaseConfiguration> {
        let id = target.map(|target| target.id.as_str());
        let path = self.model.configuration(id, configuration)?.base.clone()?;
        Some(BaseConfiguration {
            present: path.is_file(),
            path,
        })
    }

    /// What a target is.
    pub fn details(&self, target: &Target) -> Details {
        let model = self.model.target(&target.id);
        model.map(|model| model.details.clone()).unwrap_or_default()
    }

    /// A target's build phases, in its order, with what its copy-files and frameworks phases hold.
    pub fn build_phases(&self, target: &Target) -> &[BuildPhase] {
        self.model
            .target(&target.id)
            .map_or(&[], |model| model.phases.as_slice())
    }

    /// The synchronized folders that belong to a target, or of which single files do.
    pub fn synchronized_folders(&self, target: &Target) -> &[SynchronizedFolder] {
        self.model
            .target(&target.id)
            .map_or(&[], |model| model.folders.as_slice())
    }
}
