//! What the file says, as the view that both formats share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::json5::{Node, Value};
use crate::model::{
    BuildPhase, Configuration, CopyBase, CopyDestination, Dependency, DependencyKind, Details, Model,
    PhaseKind, Target, TargetModel,
};
use crate::paths::normalized;

use super::membership;
use super::schema::{Object, Outcome, Problem, text};
use super::settings;
use super::tree::{Number, Tree};

/// A target as the file has it, before names are followed.
pub(super) struct Draft<'a> {
    pub(super) object: Object<'a>,
    pub(super) name: &'a str,
    pub(super) id: &'a str,
    /// The reference of its product.
    pub(super) product: Option<Number>,
    pub(super) phases: Vec<DraftPhase<'a>>,
}

/// A build phase as the file has it.
pub(super) struct DraftPhase<'a> {
    /// Its kind, as memberships name it.
    pub(super) word: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) phase: BuildPhase,
}

/// Everything that names are looked up in.
pub(super) struct Names<'a> {
    pub(super) tree: Tree<'a>,
    pub(super) targets: HashMap<&'a str, usize>,
    /// The target whose product a reference is.
    pub(super) products: HashMap<Number, usize>,
}

/// Reads the root object of the project file of the project at `path`.
pub(super) fn model(root: &Node, path: &Path) -> Outcome<Model> {
    let root = Object::of(root, "the project")?;
    refuse_newer(root)?;
    let source_root = normalized(path.parent().unwrap_or(Path::new("")));
    let tree = Tree::read(root.required("files")?, &source_root)?;
    let listed = configurations(root, "configurations", &tree)?;
    let names: Vec<String> = listed.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut settings = settings::Reader::new(&names);
    let assigned = settings.read(root)?;
    let configurations = listed
        .into_iter()
        .zip(assigned)
        .map(|((name, base), settings)| Configuration {
            name: name.to_owned(),
            base,
            settings,
        })
        .collect();
    let mut drafts = Vec::new();
    for element in root.array("targets")? {
        drafts.push(draft(&element.node, &tree)?);
    }
    // An empty path means the top of the tree. Where the key is absent, `Products` is meant, and nothing here needs it.
    let products = root.get("products-group");
    if let Some(group) =
        products.filter(|group| !matches!(&group.value, Value::Array(path) if path.is_empty()))
    {
        tree.resolve(group)?;
    }
    let nested_projects = tree
        .references
        .iter()
        .enumerate()
        .filter(|(_, reference)| reference.name.ends_with(".xcodeproj"))
        .filter_map(|(number, _)| Some(normalized(&tree.path(number)?)))
        .collect();
    let mut local_packages = Vec::new();
    for element in root.array("packages")? {
        let package = Object::of(&element.node, "a package")?;
        if package.text("kind")? == Some("local") {
            let path = package.text("path")?;
            local_packages.extend(path.map(|path| normalized(&source_root.join(path))));
        }
    }
    let known = Names {
        targets: targets_by_name(&drafts)?,
        products: drafts
            .iter()
            .enumerate()
            .filter_map(|(number, draft)| Some((draft.product?, number)))
            .collect(),
        tree,
    };
    let phases = membership::Phases::of(&drafts);
    membership::fill(root, &known, &phases, &mut drafts)?;
    let folders = membership::folders(&known, &phases, &mut drafts)?;
    let mut targets = Vec::new();
    for (draft, folders) in drafts.iter().zip(folders) {
        targets.push(TargetModel {
            folders,
            ..target(draft, &drafts, &known, &mut settings)?
        });
    }
    Ok(Model {
        source_root,
        configurations,
        default_configuration: Some(root.required_text("default-configuration")?.to_owned()),
        nested_projects,
        local_packages,
        targets,
    })
}

/// A file that needs what this reader does not know must not be read as if it did not need it. No released Xcode
/// writes such a phrase yet (`Capability.swift`, September 2026).
fn refuse_newer(root: Object<'_>) -> Outcome<()> {
    match root.set("required-capabilities")?.first() {
        None => Ok(()),
        Some(capability) => Err(Problem::new(
            root.required("required-capabilities")?,
            format!("the project requires a newer version of Xcode with support for `{capability}`"),
        )),
    }
}

/// Configurations with the xcconfig files below them.
fn configurations<'a>(
    owner: Object<'a>,
    key: &str,
    tree: &Tree<'a>,
) -> Outcome<Vec<(&'a str, Option<PathBuf>)>> {
    let mut all = Vec::new();
    for element in owner.array(key)? {
        if let Some(name) = element.node.as_text() {
            all.push((name, None));
            continue;
        }
        let object = Object::of(&element.node, "a configuration")?;
        let file = object.get("file").map(|file| base_file(file, tree));
        all.push((object.required_text("name")?, file.transpose()?.flatten()));
    }
    Ok(all)
}

/// An xcconfig file: a reference, or a path below a folder.
fn base_file(file: &Node, tree: &Tree<'_>) -> Outcome<Option<PathBuf>> {
    if !matches!(file.value, Value::Object(_)) {
        return Ok(tree.path(tree.resolve(file)?));
    }
    let object = Object::of(file, "`file`")?;
    let anchor = tree.resolve(object.required("anchor")?)?;
    let below = object.required_text("relative-path")?;
    Ok(tree.path(anchor).map(|folder| folder.join(below)))
}

fn targets_by_name<'a>(drafts: &[Draft<'a>]) -> Outcome<HashMap<&'a str, usize>> {
    let mut names = HashMap::new();
    for (number, draft) in drafts.iter().enumerate() {
        if names.insert(draft.name, number).is_some() {
            return Err(Problem::new(
                draft.object.required("name")?,
                format!(
                    "target names must be unique, but two targets are called `{}`",
                    draft.name
                ),
            ));
        }
    }
    Ok(names)
}

fn draft<'a>(node: &'a Node<'a>, tree: &Tree<'a>) -> Outcome<Draft<'a>> {
    let object = Object::of(node, "a target")?;
    let mut phases = Vec::new();
    for element in object.array("build-phases")? {
        phases.push(phase(&element.node)?);
    }
    Ok(Draft {
        object,
        name: object.required_text("name")?,
        id: object.required_text("id")?,
        product: object.get("product").map(|node| tree.resolve(node)).transpose()?,
        phases,
    })
}

fn phase<'a>(node: &'a Node<'a>) -> Outcome<DraftPhase<'a>> {
    let object = match node.as_text() {
        Some(_) => None,
        None => Some(Object::of(node, "a build phase")?),
    };
    let word = match object {
        Some(object) => object.required_text("kind")?,
        None => text(node, "build-phases")?,
    };
    let kind = match word {
        "compile-sources" => PhaseKind::Sources,
        "frameworks" => PhaseKind::Frameworks,
        "resources" => PhaseKind::Resources,
        "headers" => PhaseKind::Headers,
        "copy" => PhaseKind::CopyFiles,
        "script" => PhaseKind::Script,
        _ => PhaseKind::Other,
    };
    let of = |key: &str| object.map_or(Ok(None), |object| object.text(key));
    Ok(DraftPhase {
        word,
        id: of("id")?,
        phase: BuildPhase {
            kind,
            name: of("name")?.map(str::to_owned),
            destination: match kind {
                PhaseKind::CopyFiles => Some(CopyDestination {
                    base: copy_base(of("bundle-base-path")?),
                    path: of("relative-path")?.unwrap_or_default().to_owned(),
                }),
                _ => None,
            },
            install_only: of("scope")? == Some("install"),
            files: Vec::new(),
        },
    })
}

/// The words of `BundleBasePath.swift`; without one, the path is absolute.
fn copy_base(word: Option<&str>) -> CopyBase {
    match word {
        None => CopyBase::Absolute,
        Some("root") => CopyBase::Wrapper,
        Some("executables-directory") => CopyBase::Executables,
        Some("resources-directory") => CopyBase::Resources,
        Some("java-directory") => CopyBase::JavaResources,
        Some("frameworks-directory") => CopyBase::Frameworks,
        Some("shared-frameworks-directory") => CopyBase::SharedFrameworks,
        Some("shared-support-directory") => CopyBase::SharedSupport,
        Some("plugins-directory") => CopyBase::PlugIns,
        Some("build-products-directory") => CopyBase::Products,
        Some(other) => CopyBase::Other(other.to_owned()),
    }
}

fn target(
    draft: &Draft<'_>,
    drafts: &[Draft<'_>],
    known: &Names<'_>,
    settings: &mut settings::Reader<'_>,
) -> Outcome<TargetModel> {
    let object = draft.object;
    let mut dependencies = Vec::new();
    for element in object.array("dependencies")? {
        dependencies.push(dependency(&element.node, drafts, known)?);
    }
    let own = configurations(object, "specialized-configurations", &known.tree)?;
    let assigned = settings.read(object)?;
    let own: HashMap<&str, &Option<PathBuf>> = own.iter().rev().map(|(name, base)| (*name, base)).collect();
    let configurations: Vec<Configuration> = settings
        .configurations
        .iter()
        .zip(assigned)
        .map(|(name, settings)| Configuration {
            name: name.clone(),
            base: own.get(name.as_str()).and_then(|base| (*base).clone()),
            settings,
        })
        .collect();
    let product_type = match object.text("product-type")? {
        Some(kind) => format!("com.apple.product-type.{kind}"),
        None => object.text("full-product-type")?.unwrap_or_default().to_owned(),
    };
    let product = draft.product.map(|number| &known.tree.references[number]);
    let host = object.text("test-host-target")?;
    Ok(TargetModel {
        target: Target {
            id: draft.id.to_owned(),
            name: draft.name.to_owned(),
            product_type,
            dependencies: dependencies
                .iter()
                .filter(|dependency| dependency.kind == DependencyKind::Target)
                .filter_map(|dependency| dependency.id.clone())
                .collect(),
            configurations: settings.configurations.to_vec(),
        },
        details: Details {
            isa: isa(object)?.to_owned(),
            dependencies,
            product: product.map(|product| product.name.clone().into_owned()),
            product_id: product.and_then(|product| product.id).map(str::to_owned),
            provisioning_style: object.text("legacy-provisioning-style")?.map(|style| {
                match style {
                    "automatic" => "Automatic",
                    "manual" => "Manual",
                    other => other,
                }
                .to_owned()
            }),
            development_team: object.text("legacy-team-id")?.map(str::to_owned),
            test_host: host
                .and_then(|host| known.targets.get(host))
                .map(|number| drafts[*number].id.to_owned()),
        },
        phases: draft.phases.iter().map(|draft| draft.phase.clone()).collect(),
        folders: Vec::new(),
        configurations,
    })
}

/// What the kind of a target is called in the older format.
fn isa(object: Object<'_>) -> Outcome<&'static str> {
    match object.text("kind")? {
        None | Some("native") => Ok("PBXNativeTarget"),
        Some("aggregate") => Ok("PBXAggregateTarget"),
        Some("external-build-system") => Ok("PBXLegacyTarget"),
        Some(other) => Err(Problem::new(
            object.required("kind")?,
            format!("expected `native`, `aggregate` or `external-build-system`, not `{other}`, for `kind`"),
        )),
    }
}

fn dependency(node: &Node, drafts: &[Draft<'_>], known: &Names<'_>) -> Outcome<Dependency> {
    let local = |name: &str, platforms| Dependency {
        name: name.to_owned(),
        kind: DependencyKind::Target,
        id: known
            .targets
            .get(name)
            .map(|number| drafts[*number].id.to_owned()),
        project: None,
        platforms,
    };
    if let Some(name) = node.as_text() {
        return Ok(local(name, Vec::new()));
    }
    let object = Object::of(node, "a dependency")?;
    let platforms = object.set("platforms")?;
    match object.text("kind")? {
        None | Some("localTarget") => Ok(local(object.required_text("target")?, platforms)),
        Some("remoteTarget") => {
            let project = known.tree.resolve(object.required("project")?)?;
            Ok(Dependency {
                name: object.text("target")?.unwrap_or_default().to_owned(),
                kind: DependencyKind::Remote,
                id: object.text("target-id")?.map(str::to_owned),
                project: known.tree.path(project),
                platforms,
            })
        }
        Some("package") => Ok(Dependency {
            name: object.required_text("product-name")?.to_owned(),
            kind: DependencyKind::Package,
            id: None,
            project: None,
            platforms,
        }),
        Some(other) => Err(Problem::new(
            object.required("kind")?,
            format!("expected `localTarget`, `remoteTarget` or `package`, not `{other}`, for `kind`"),
        )),
    }
}
