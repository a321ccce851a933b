//! What `project.pbxproj` says: objects that refer to each other by ID.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::model::{
    BuildFile, BuildItem, BuildPhase, BuildSettings, Configuration, CopyBase, CopyDestination, Dependency,
    DependencyKind, Details, Model, PhaseKind, SettingValue, SynchronizedFolder, Target, TargetModel,
};
use crate::paths::normalized;
use crate::pbxproj::{Document, Node, Value};

/// A project file in the format before Xcode 27.2.
#[derive(Debug)]
pub(crate) struct PbxFile {
    pub(crate) document: Document,
    /// Where each object stands among the document's objects.
    objects: HashMap<String, usize>,
}

impl PbxFile {
    pub(crate) fn new(document: Document) -> Self {
        let objects = document.root().get("objects").map(Node::entries);
        let keys = objects.unwrap_or_default().iter().map(|entry| entry.key.clone());
        let objects = keys.zip(0..).collect();
        Self { document, objects }
    }

    pub(crate) fn object(&self, id: &str) -> Option<&Node> {
        let objects = self.document.root().get("objects")?.entries();
        Some(&objects.get(*self.objects.get(id)?)?.value)
    }

    pub(crate) fn root(&self) -> Option<&Node> {
        self.object(self.document.root().text("rootObject")?)
    }

    /// How many objects of each kind (`isa`) there are.
    pub(crate) fn kinds(&self) -> BTreeMap<String, usize> {
        let objects = self.document.root().get("objects").map(Node::entries);
        let mut kinds = BTreeMap::new();
        for entry in objects.unwrap_or_default() {
            let kind = entry.value.text("isa").unwrap_or_default();
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
        kinds
    }

    /// What Xcode notes about the project's targets, by target ID: provisioning style, team and more.
    pub(crate) fn target_attributes(&self) -> Option<&Node> {
        self.root()?.get("attributes")?.get("TargetAttributes")
    }

    /// A target's configuration as it stands in the file.
    pub(crate) fn configuration(&self, target: &str, configuration: &str) -> Option<&Node> {
        self.configurations(self.object(target)?)
            .find(|node| node.text("name") == Some(configuration))
    }

    /// The configurations of a target or of the project.
    fn configurations<'a>(&'a self, owner: &Node) -> impl Iterator<Item = &'a Node> {
        let list = owner
            .text("buildConfigurationList")
            .and_then(|id| self.object(id));
        ids(list.and_then(|list| list.get("buildConfigurations"))).filter_map(|id| self.object(id))
    }

    /// Everything that the file of the project at `path` says.
    pub(crate) fn model(&self, path: &Path) -> Model {
        let folder = path.parent().unwrap_or(Path::new(""));
        let inner = self.root().and_then(|root| root.text("projectDirPath"));
        let reader = Reader {
            file: self,
            source_root: normalized(&folder.join(inner.unwrap_or_default())),
            parents: OnceCell::new(),
            products: OnceCell::new(),
            folders: OnceCell::new(),
        };
        reader.model()
    }
}

fn ids(node: Option<&Node>) -> impl Iterator<Item = &str> {
    node.map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(Node::as_text)
}

fn owned(node: &Node, key: &str) -> Option<String> {
    node.text(key).map(str::to_owned)
}

fn texts(node: Option<&Node>) -> Vec<String> {
    ids(node).map(str::to_owned).collect()
}

struct Reader<'a> {
    file: &'a PbxFile,
    source_root: PathBuf,
    /// The group that holds each object.
    parents: OnceCell<HashMap<&'a str, &'a str>>,
    /// The target whose product a reference is.
    products: OnceCell<HashMap<&'a str, &'a str>>,
    /// All synchronized folders.
    folders: OnceCell<Vec<(&'a str, &'a Node)>>,
}

impl<'a> Reader<'a> {
    fn model(&self) -> Model {
        let root = self.file.root();
        let list = root
            .and_then(|root| root.text("buildConfigurationList"))
            .and_then(|id| self.file.object(id));
        let nested = root.and_then(|root| root.get("projectReferences"));
        Model {
            source_root: self.source_root.clone(),
            configurations: root.map(|root| self.configurations(root)).unwrap_or_default(),
            default_configuration: list.and_then(|list| owned(list, "defaultConfigurationName")),
            nested_projects: nested
                .map(Node::items)
                .unwrap_or_default()
                .iter()
                .filter_map(|reference| self.path_of(reference.text("ProjectRef")?))
                .map(|path| normalized(&path))
                .collect(),
            local_packages: ids(root.and_then(|root| root.get("packageReferences")))
                .filter_map(|id| self.file.object(id))
                .filter(|package| package.text("isa") == Some("XCLocalSwiftPackageReference"))
                .filter_map(|package| package.text("relativePath"))
                .map(|path| normalized(&self.source_root.join(path)))
                .collect(),
            targets: self
                .target_ids()
                .filter_map(|id| self.target(id, self.file.object(id)?))
                .collect(),
        }
    }

    fn target_ids(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        ids(self.file.root().and_then(|root| root.get("targets")))
    }

    fn configurations(&self, owner: &Node) -> Vec<Configuration> {
        let configuration = |node: &Node| Configuration {
            name: node.text("name").unwrap_or_default().to_owned(),
            base: self.base_configuration(node),
            settings: settings(node.get("buildSettings")),
        };
        self.file.configurations(owner).map(configuration).collect()
    }

    /// The xcconfig file below a configuration.
    fn base_configuration(&self, configuration: &Node) -> Option<PathBuf> {
        if let Some(id) = configuration.text("baseConfigurationReference") {
            return self.path_of(id);
        }
        // Since object version 71 a file in a synchronized folder is named by the folder and its own path.
        let anchor = configuration.text("baseConfigurationReferenceAnchor")?;
        let name = configuration.text("baseConfigurationReferenceRelativePath")?;
        Some(self.path_of(anchor)?.join(name))
    }

    fn target(&self, id: &'a str, object: &'a Node) -> Option<TargetModel> {
        let name = object.text("name").unwrap_or_default();
        let dependencies: Vec<&Node> = ids(object.get("dependencies"))
            .filter_map(|id| self.file.object(id))
            .collect();
        let configurations = self.configurations(object);
        let attributes = self.file.target_attributes().and_then(|all| all.get(id));
        let attribute = |key: &str| attributes.and_then(|attributes| owned(attributes, key));
        let product = object.text("productReference");
        Some(TargetModel {
            target: Target {
                id: id.to_owned(),
                name: name.to_owned(),
                product_type: object.text("productType").unwrap_or_default().to_owned(),
                dependencies: dependencies
                    .iter()
                    .filter_map(|dependency| owned(dependency, "target"))
                    .collect(),
                configurations: configurations
                    .iter()
                    .map(|configuration| configuration.name.clone())
                    .collect(),
            },
            details: Details {
                isa: object.text("isa").unwrap_or_default().to_owned(),
                dependencies: dependencies
                    .iter()
                    .filter_map(|dependency| self.dependency(dependency))
                    .collect(),
                product: product
                    .and_then(|id| self.file.object(id))
                    .and_then(|product| owned(product, "path").or_else(|| owned(product, "name"))),
                product_id: product.map(str::to_owned),
                provisioning_style: attribute("ProvisioningStyle"),
                development_team: attribute("DevelopmentTeam"),
                test_host: attribute("TestTargetID"),
            },
            phases: ids(object.get("buildPhases"))
                .filter_map(|id| Some(self.phase(id, self.file.object(id)?)))
                .collect(),
            folders: self.folders(id, object),
            configurations,
        })
    }

    /// What a `PBXTargetDependency` points to. It names a target of this project, a product of a package, or
    /// a proxy, which may be for a target of another project.
    fn dependency(&self, object: &Node) -> Option<Dependency> {
        let target_name = |id: &str| Some(self.file.object(id)?.text("name").unwrap_or_default().to_owned());
        let platforms = platforms(object);
        if let Some((id, name)) = object.text("target").and_then(|id| Some((id, target_name(id)?))) {
            return Some(Dependency {
                name,
                kind: DependencyKind::Target,
                id: Some(id.to_owned()),
                project: None,
                platforms,
            });
        }
        if let Some(product) = object.text("productRef").and_then(|id| self.file.object(id)) {
            return Some(Dependency {
                name: product.text("productName").unwrap_or_default().to_owned(),
                kind: DependencyKind::Package,
                id: None,
                project: None,
                platforms,
            });
        }
        let proxy = object.text("targetProxy").and_then(|id| self.file.object(id))?;
        let portal = proxy.text("containerPortal")?;
        let remote = owned(proxy, "remoteGlobalIDString");
        let name = object
            .text("name")
            .or_else(|| proxy.text("remoteInfo"))
            .unwrap_or_default()
            .to_owned();
        if Some(portal) == self.file.document.root().text("rootObject") {
            return Some(Dependency {
                name: remote.as_deref().and_then(target_name).unwrap_or(name),
                kind: DependencyKind::Target,
                id: remote,
                project: None,
                platforms,
            });
        }
        Some(Dependency {
            name,
            kind: DependencyKind::Remote,
            id: remote,
            project: self.path_of(portal),
            platforms,
        })
    }

    fn phase(&self, id: &str, object: &Node) -> BuildPhase {
        let kind = match object.text("isa") {
            Some("PBXSourcesBuildPhase") => PhaseKind::Sources,
            Some("PBXFrameworksBuildPhase") => PhaseKind::Frameworks,
            Some("PBXResourcesBuildPhase") => PhaseKind::Resources,
            Some("PBXHeadersBuildPhase") => PhaseKind::Headers,
            Some("PBXCopyFilesBuildPhase") => PhaseKind::CopyFiles,
            Some("PBXShellScriptBuildPhase") => PhaseKind::Script,
            _ => PhaseKind::Other,
        };
        let mut files = Vec::new();
        if matches!(kind, PhaseKind::CopyFiles | PhaseKind::Frameworks) {
            let listed = ids(object.get("files")).filter_map(|id| self.build_file(self.file.object(id)?));
            files.extend(listed);
            files.extend(self.files_of_folders(id));
        }
        BuildPhase {
            kind,
            name: owned(object, "name"),
            destination: (kind == PhaseKind::CopyFiles).then(|| CopyDestination {
                base: copy_base(object),
                path: object.text("dstPath").unwrap_or_default().to_owned(),
            }),
            install_only: object.text("runOnlyForDeploymentPostprocessing") == Some("1"),
            files,
        }
    }

    fn build_file(&self, object: &'a Node) -> Option<BuildFile> {
        let has = |key: &str, word: &str| {
            let list = object.get("settings").and_then(|settings| settings.get(key));
            ids(list).any(|attribute| attribute == word)
        };
        let item = match (object.text("fileRef"), object.text("productRef")) {
            (Some(id), _) => self.build_item(id)?,
            (None, Some(id)) => BuildItem::Package {
                name: owned(self.file.object(id)?, "productName").unwrap_or_default(),
            },
            (None, None) => return None,
        };
        Some(BuildFile {
            item,
            platforms: platforms(object),
            code_sign_on_copy: has("ATTRIBUTES", "CodeSignOnCopy"),
            remove_headers_on_copy: has("ATTRIBUTES", "RemoveHeadersOnCopy"),
            is_weak: has("ATTRIBUTES", "Weak"),
        })
    }

    fn build_item(&self, id: &str) -> Option<BuildItem> {
        let object = self.file.object(id)?;
        let name = || {
            let path = object.text("path").or_else(|| object.text("name"));
            let file = path.and_then(|path| path.rsplit('/').next());
            file.unwrap_or_default().to_owned()
        };
        let targets = || {
            let all = self.target_ids();
            all.filter_map(|id| Some((self.file.object(id)?.text("productReference")?, id)))
                .collect()
        };
        if let Some(target) = self.products.get_or_init(targets).get(id) {
            return Some(BuildItem::Product {
                target: (*target).to_owned(),
                name: name(),
            });
        }
        if object.text("isa") == Some("PBXReferenceProxy") {
            let proxy = object.text("remoteRef").and_then(|id| self.file.object(id));
            return Some(BuildItem::Remote {
                project: proxy
                    .and_then(|proxy| self.path_of(proxy.text("containerPortal")?))
                    .map(|path| normalized(&path)),
                product_id: proxy.and_then(|proxy| owned(proxy, "remoteGlobalIDString")),
                target: proxy.and_then(|proxy| owned(proxy, "remoteInfo")),
                name: name(),
            });
        }
        Some(BuildItem::File {
            name: name(),
            path: self.path_of(id),
        })
    }

    /// The synchronized folders that belong to a target, and those of which single files do.
    fn folders(&self, target: &str, object: &'a Node) -> Vec<SynchronizedFolder> {
        let members: Vec<&str> = ids(object.get("fileSystemSynchronizedGroups")).collect();
        let mut folders: Vec<SynchronizedFolder> = members
            .iter()
            .filter_map(|id| {
                let folder = self.file.object(id)?;
                let sets = self.exception_sets(folder);
                Some(SynchronizedFolder {
                    path: self.path_of(id),
                    is_member: true,
                    exceptions: sets
                        .filter(|set| set.text("target") == Some(target))
                        .flat_map(|set| texts(set.get("membershipExceptions")))
                        .collect(),
                })
            })
            .collect();
        for &(id, folder) in self.all_folders() {
            if members.contains(&id) {
                continue;
            }
            let mut of_target = self
                .exception_sets(folder)
                .filter(|set| set.text("target") == Some(target))
                .peekable();
            if of_target.peek().is_some() {
                folders.push(SynchronizedFolder {
                    path: self.path_of(id),
                    is_member: false,
                    exceptions: of_target
                        .flat_map(|set| texts(set.get("membershipExceptions")))
                        .collect(),
                });
            }
        }
        folders
    }

    fn all_folders(&self) -> &[(&'a str, &'a Node)] {
        self.folders.get_or_init(|| {
            let objects = self.file.document.root().get("objects").map(Node::entries);
            let entries = objects.unwrap_or_default().iter();
            entries
                .filter(|entry| entry.value.text("isa") == Some("PBXFileSystemSynchronizedRootGroup"))
                .map(|entry| (entry.key.as_str(), &entry.value))
                .collect()
        })
    }

    fn exception_sets(&self, folder: &'a Node) -> impl Iterator<Item = &'a Node> + use<'a> {
        let file = self.file;
        ids(folder.get("exceptions")).filter_map(move |id| file.object(id))
    }

    /// The files of synchronized folders that are put into a build phase.
    fn files_of_folders(&self, phase: &str) -> Vec<BuildFile> {
        let mut files = Vec::new();
        for &(id, folder) in self.all_folders() {
            for set in self
                .exception_sets(folder)
                .filter(|set| set.text("buildPhase") == Some(phase))
            {
                let root = self.path_of(id);
                let attributes = set.get("attributesByRelativePath");
                let filters = set.get("platformFiltersByRelativePath");
                for path in ids(set.get("membershipExceptions")) {
                    let has = |word: &str| {
                        let list = attributes.and_then(|all| all.get(path));
                        ids(list).any(|attribute| attribute == word)
                    };
                    files.push(BuildFile {
                        item: BuildItem::File {
                            name: path.rsplit('/').next().unwrap_or_default().to_owned(),
                            path: root.as_ref().map(|root| root.join(path)),
                        },
                        platforms: texts(filters.and_then(|all| all.get(path))),
                        code_sign_on_copy: has("CodeSignOnCopy"),
                        remove_headers_on_copy: has("RemoveHeadersOnCopy"),
                        is_weak: has("Weak"),
                    });
                }
            }
        }
        files
    }

    /// Where a file reference points to.
    fn path_of(&self, id: &str) -> Option<PathBuf> {
        let object = self.file.object(id)?;
        let path = object.text("path").unwrap_or_default();
        match object.text("sourceTree").unwrap_or("<group>") {
            "<absolute>" => Some(PathBuf::from(path)),
            "SOURCE_ROOT" => Some(self.source_root.join(path)),
            "<group>" => Some(self.folder_around(id, 0)?.join(path)),
            _ => None,
        }
    }

    /// The folder of the group that holds an object.
    fn folder_around(&self, id: &str, depth: usize) -> Option<PathBuf> {
        // A group that holds itself is no group.
        if depth > 64 {
            return None;
        }
        let parents = self.parents.get_or_init(|| parents(&self.file.document));
        let Some(id) = parents.get(id) else {
            return Some(self.source_root.clone());
        };
        let parent = self.file.object(id)?;
        if self.file.root()?.text("mainGroup") == Some(id) && parent.get("path").is_none() {
            return Some(self.source_root.clone());
        }
        let path = parent.text("path").unwrap_or_default();
        match parent.text("sourceTree").unwrap_or("<group>") {
            "<absolute>" => Some(PathBuf::from(path)),
            "SOURCE_ROOT" => Some(self.source_root.join(path)),
            _ => Some(self.folder_around(id, depth + 1)?.join(path)),
        }
    }
}

/// Which group holds which object.
fn parents(document: &Document) -> HashMap<&str, &str> {
    let objects = document.root().get("objects").map(Node::entries);
    let groups = objects.unwrap_or_default().iter().filter(|entry| {
        let kind = entry.value.text("isa");
        matches!(kind, Some("PBXGroup" | "PBXVariantGroup" | "XCVersionGroup"))
    });
    groups
        .flat_map(|group| ids(group.value.get("children")).map(|child| (child, group.key.as_str())))
        .collect()
}

/// `platformFilters`, or the older `platformFilter`.
fn platforms(object: &Node) -> Vec<String> {
    let many = texts(object.get("platformFilters"));
    if many.is_empty() {
        owned(object, "platformFilter").into_iter().collect()
    } else {
        many
    }
}

/// `dstSubfolder`, a word since object version 90, or the older number `dstSubfolderSpec`.
fn copy_base(object: &Node) -> CopyBase {
    let word = object.text("dstSubfolder").or_else(|| {
        Some(match object.text("dstSubfolderSpec")? {
            "0" => "AbsolutePath",
            "1" => "Wrapper",
            "6" => "Executables",
            "7" => "Resources",
            "10" => "Frameworks",
            "11" => "SharedFrameworks",
            "12" => "SharedSupport",
            "13" => "PlugIns",
            "15" => "JavaResources",
            "16" => "ProductsDirectory",
            other => other,
        })
    });
    match word.unwrap_or("AbsolutePath") {
        "AbsolutePath" => CopyBase::Absolute,
        "Wrapper" => CopyBase::Wrapper,
        "Executables" => CopyBase::Executables,
        "Resources" => CopyBase::Resources,
        "JavaResources" => CopyBase::JavaResources,
        "Frameworks" => CopyBase::Frameworks,
        "SharedFrameworks" => CopyBase::SharedFrameworks,
        "SharedSupport" => CopyBase::SharedSupport,
        "PlugIns" => CopyBase::PlugIns,
        "ProductsDirectory" => CopyBase::Products,
        other => CopyBase::Other(other.to_owned()),
    }
}

/// The build settings of a configuration. Values of other kinds than Xcode writes count as empty.
fn settings(node: Option<&Node>) -> BuildSettings {
    let entries = node.map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            let value = match &entry.value.value {
                Value::Text(text) => SettingValue::Text(text.clone()),
                Value::Array(_) => SettingValue::List(texts(Some(&entry.value))),
                Value::Data(_) | Value::Dictionary(_) => SettingValue::Text(String::new()),
            };
            (entry.key.clone(), value)
        })
        .collect()
}
