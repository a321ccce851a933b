//! What a project file says beyond what signing needs: for tools that compare projects, or look into them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use crate::paths::normalized;
use crate::pbxproj::{Format, Node};
use crate::project::{Project, Target};

/// How a target depends on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyKind {
    /// On a target of the same project.
    Target,
    /// On a target of another project.
    Remote,
    /// On a product of a package.
    Package,
}

/// Something that a target depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: DependencyKind,
    /// The target's ID, in whichever project it is.
    pub id: Option<String>,
    /// The other project, for a remote one.
    pub project: Option<PathBuf>,
}

/// The xcconfig file below a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseConfiguration {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is there.
    pub present: bool,
}

/// What a target is, beyond its name and configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// `PBXNativeTarget`, `PBXAggregateTarget` or `PBXLegacyTarget`.
    pub isa: String,
    /// What it depends on, in the project's order.
    pub dependencies: Vec<Dependency>,
    /// The product's file name.
    pub product: Option<String>,
    /// `ProvisioningStyle` of the project's attributes of the target.
    pub provisioning_style: Option<String>,
    /// `DevelopmentTeam` of the project's attributes of the target.
    pub development_team: Option<String>,
}

/// A target and everything executable that it depends on, directly or not, also in other projects; the target first.
///
/// A project that is not there is passed over: what is not checked out can't be built either.
pub fn executables(project: Arc<Project>, target: &Target) -> Vec<(Arc<Project>, Target)> {
    let mut projects = BTreeMap::from([(normalized(project.path()), Some(Arc::clone(&project)))]);
    let mut seen = BTreeSet::new();
    let mut open = VecDeque::from([(project, target.clone())]);
    let mut found = Vec::new();
    while let Some((project, current)) = open.pop_front() {
        if !seen.insert((normalized(project.path()), current.id.clone())) {
            continue;
        }
        for dependency in project.details(&current).dependencies {
            let holder = match (dependency.kind, dependency.project) {
                (DependencyKind::Package, _) => None,
                (_, None) => Some(Arc::clone(&project)),
                (_, Some(path)) => {
                    let path = normalized(&path);
                    let opened = || Project::open(&path).ok().map(Arc::new);
                    projects.entry(path.clone()).or_insert_with(opened).clone()
                }
            };
            let next = dependency.id.zip(holder);
            open.extend(next.and_then(|(id, holder)| {
                let target = holder.target(&id).filter(|target| !target.name.is_empty())?;
                Some((holder, target))
            }));
        }
        if found.is_empty() || current.is_executable() {
            found.push((project, current));
        }
    }
    found
}

impl Project {
    /// The form of the project file.
    pub fn format(&self) -> Format {
        self.document.format()
    }

    /// A text at the top of the project file, such as `objectVersion`.
    pub fn header(&self, key: &str) -> Option<&str> {
        self.document.root().text(key)
    }

    /// How many objects of each kind (`isa`) there are.
    pub fn kinds(&self) -> BTreeMap<String, usize> {
        let objects = self.document.root().get("objects").map(Node::entries);
        let mut kinds = BTreeMap::new();
        for entry in objects.unwrap_or_default() {
            let kind = entry.value.text("isa").unwrap_or_default();
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
        kinds
    }

    /// The projects that this one holds references to, in its order.
    pub fn nested_projects(&self) -> Vec<PathBuf> {
        let references = self.root().and_then(|root| root.get("projectReferences"));
        references
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(|reference| self.path_of(reference.text("ProjectRef")?))
            .map(|path| normalized(&path))
            .collect()
    }

    /// The project's configurations.
    pub fn configuration_names(&self) -> Vec<String> {
        self.root()
            .map(|root| {
                self.configurations(root)
                    .filter_map(|(_, node)| node.text("name").map(str::to_owned))
                    .collect()
            })
            .unwrap_or_default()
    }

    /// The configuration that is used when none is named.
    pub fn default_configuration(&self) -> Option<String> {
        let list = self.object(self.root()?.text("buildConfigurationList")?)?;
        list.text("defaultConfigurationName").map(str::to_owned)
    }

    /// The build settings that a configuration of a target, or of the project, assigns, as they are written.
    pub fn assigned(&self, target: Option<&Target>, configuration: &str) -> Option<&Node> {
        self.owned_configuration(target, configuration)?
            .get("buildSettings")
    }

    /// The xcconfig file below a configuration of a target, or of the project.
    pub fn base_configuration_of(
        &self,
        target: Option<&Target>,
        configuration: &str,
    ) -> Option<BaseConfiguration> {
        let node = self.owned_configuration(target, configuration)?;
        let path = self.base_configuration_path(node)?;
        Some(BaseConfiguration {
            present: path.is_file(),
            path,
        })
    }

    fn owned_configuration(&self, target: Option<&Target>, configuration: &str) -> Option<&Node> {
        let owner = match target {
            Some(target) => self.object(&target.id)?,
            None => self.root()?,
        };
        self.configuration(owner, configuration)
    }

    /// What a target is.
    pub fn details(&self, target: &Target) -> Details {
        let Some(object) = self.object(&target.id) else {
            return Details::default();
        };
        let attribute = |key: &str| {
            self.target_attributes()?
                .get(&target.id)?
                .text(key)
                .map(str::to_owned)
        };
        let product = object
            .text("productReference")
            .and_then(|id| self.object(id))
            .and_then(|product| product.text("path").or_else(|| product.text("name")))
            .map(str::to_owned);
        Details {
            isa: object.text("isa").unwrap_or_default().to_owned(),
            dependencies: Self::ids(object.get("dependencies"))
                .filter_map(|id| self.dependency(self.object(id)?))
                .collect(),
            product,
            provisioning_style: attribute("ProvisioningStyle"),
            development_team: attribute("DevelopmentTeam"),
        }
    }

    /// What a `PBXTargetDependency` points to. It names a target of this project, a product of a package, or
    /// a proxy, which may be for a target of another project.
    pub(crate) fn dependency(&self, object: &Node) -> Option<Dependency> {
        if let Some(target) = object.text("target").and_then(|id| self.target(id)) {
            return Some(Dependency {
                name: target.name,
                kind: DependencyKind::Target,
                id: Some(target.id),
                project: None,
            });
        }
        if let Some(product) = object.text("productRef").and_then(|id| self.object(id)) {
            return Some(Dependency {
                name: product.text("productName").unwrap_or_default().to_owned(),
                kind: DependencyKind::Package,
                id: None,
                project: None,
            });
        }
        let proxy = object.text("targetProxy").and_then(|id| self.object(id))?;
        let portal = proxy.text("containerPortal")?;
        let remote = proxy.text("remoteGlobalIDString").map(str::to_owned);
        let name = object
            .text("name")
            .or_else(|| proxy.text("remoteInfo"))
            .unwrap_or_default()
            .to_owned();
        if Some(portal) == self.header("rootObject") {
            let target = remote.as_deref().and_then(|id| self.target(id));
            return Some(Dependency {
                name: target.as_ref().map_or(name, |target| target.name.clone()),
                kind: DependencyKind::Target,
                id: remote,
                project: None,
            });
        }
        Some(Dependency {
            name,
            kind: DependencyKind::Remote,
            id: remote,
            project: self.path_of(portal),
        })
    }
}
