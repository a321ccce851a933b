//! Memberships: each file says which build phases it belongs to, and each folder which targets.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::json5::{Node, Value};
use crate::model::{BuildFile, BuildItem, PhaseKind, SynchronizedFolder};
use crate::paths::normalized;

use super::read::{Draft, Names};
use super::schema::{Object, Outcome, Problem, array, set, text};
use super::tree::component;

/// Puts the files of copy-files and frameworks phases into them: those of the tree in its order, then products of
/// other projects, then those of packages.
pub(super) fn fill<'a>(
    root: Object<'a>,
    known: &Names<'a>,
    phases: &Phases<'a>,
    drafts: &mut [Draft<'a>],
) -> Outcome<()> {
    let ids: Vec<String> = drafts.iter().map(|draft| draft.id.to_owned()).collect();
    for (number, reference) in known.tree.references.iter().enumerate() {
        if reference.is_folder {
            continue;
        }
        let item = || {
            let name = reference.name.clone().into_owned();
            match known.products.get(&number) {
                Some(target) => BuildItem::Product {
                    target: ids[*target].clone(),
                    name,
                },
                None => BuildItem::File {
                    name,
                    path: known.tree.path(number),
                },
            }
        };
        for member in reference.object.array("target-membership")? {
            add(&member.node, &item, known, phases, drafts)?;
        }
    }
    for element in root.array("imported-products")? {
        let object = Object::of(&element.node, "a product of another project")?;
        let name = object
            .text("name")?
            .map_or_else(|| object.required_text("path"), Ok)?;
        let project = known.tree.resolve(object.required("project")?)?;
        let item = BuildItem::Remote {
            project: known.tree.path(project).as_deref().map(normalized),
            product_id: object.text("product-id")?.map(str::to_owned),
            target: object.text("target")?.map(str::to_owned),
            name: name.rsplit('/').next().unwrap_or_default().to_owned(),
        };
        for member in array(object.required("target-membership")?, "target-membership")? {
            add(&member.node, &|| item.clone(), known, phases, drafts)?;
        }
    }
    for number in 0..drafts.len() {
        for element in drafts[number].object.array("package-product-members")? {
            let object = Object::of(&element.node, "a product of a package")?;
            let item = BuildItem::Package {
                name: object.required_text("product-name")?.to_owned(),
            };
            let member = Member::of(object.required("build-phase")?)?;
            // Here the target goes without saying.
            let wanted = Wanted::within(number, member.phase)?;
            if let Some(at) = phases.find(wanted, drafts, member.phase)? {
                at.of(drafts).push(member.file(item)?);
            }
        }
    }
    Ok(())
}

/// Where a build phase is: the numbers of its target and of the phase.
#[derive(Debug, Clone, Copy)]
struct Place {
    target: usize,
    phase: usize,
}

impl Place {
    fn of<'d>(self, drafts: &'d mut [Draft<'_>]) -> &'d mut Vec<BuildFile> {
        &mut drafts[self.target].phases[self.phase].phase.files
    }
}

fn add<'a>(
    node: &'a Node<'a>,
    item: &dyn Fn() -> BuildItem,
    known: &Names<'a>,
    phases: &Phases<'a>,
    drafts: &mut [Draft<'a>],
) -> Outcome<()> {
    let member = Member::of(node)?;
    if member.is_of_no_matter() {
        return Ok(());
    }
    if let Some(wanted) = Wanted::of(member.phase, known)?
        && let Some(at) = phases.find(wanted, drafts, member.phase)?
    {
        let file = member.file(item())?;
        at.of(drafts).push(file);
    }
    Ok(())
}

/// A membership: the build phase that it names, and the attributes of the file there.
#[derive(Debug, Clone, Copy)]
struct Member<'a> {
    phase: &'a Node<'a>,
    attributes: Option<Object<'a>>,
}

impl<'a> Member<'a> {
    fn of(node: &'a Node<'a>) -> Outcome<Self> {
        if !matches!(node.value, Value::Object(_)) {
            return Ok(Self {
                phase: node,
                attributes: None,
            });
        }
        let object = Object::of(node, "a membership")?;
        Ok(Self {
            phase: object.required("build-phase")?,
            attributes: Some(object),
        })
    }

    /// Whether the phase is one whose files do not matter, such as that of sources, to which most files belong.
    fn is_of_no_matter(self) -> bool {
        let kind = |text: &str| {
            let kind = text.split_once('/')?.1.split('/').next();
            kind.map(|kind| !text.starts_with("id:") && !matches!(kind, "copy" | "frameworks"))
        };
        self.phase.as_text().and_then(kind) == Some(true)
    }

    fn file(self, item: BuildItem) -> Outcome<BuildFile> {
        file(item, self.attributes, |object| object.set("platforms"))
    }
}

fn file<'a>(
    item: BuildItem,
    attributes: Option<Object<'a>>,
    platforms: impl FnOnce(Object<'a>) -> Outcome<Vec<String>>,
) -> Outcome<BuildFile> {
    let has = |key: &str| Ok(attributes.map_or(Ok(None), |object| object.boolean(key))? == Some(true));
    let headers = attributes.map_or(Ok(None), |object| object.text("header-preservation"))?;
    Ok(BuildFile {
        item,
        code_sign_on_copy: has("code-sign-on-copy")?,
        remove_headers_on_copy: headers == Some("remove-on-copy"),
        is_weak: has("is-weak")?,
        platforms: attributes.map_or(Ok(Vec::new()), platforms)?,
    })
}

/// A build phase as a membership names it.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    Id(&'a str),
    Named {
        target: usize,
        kind: &'a str,
        name: Option<&'a str>,
    },
}

impl<'a> Wanted<'a> {
    /// `"Target/kind"`, `"Target/kind/name"`, the same as an array, or `"id:…"`. What names a target that is not there
    /// is nothing.
    fn of(node: &'a Node<'a>, known: &Names<'_>) -> Outcome<Option<Self>> {
        let parts = parts(node, 3)?;
        if let [id] = parts.as_slice()
            && let Some(id) = id.strip_prefix("id:")
        {
            return Ok(Some(Self::Id(id)));
        }
        let [target, kind, name @ ..] = parts.as_slice() else {
            return Err(Problem::new(
                node,
                "expected `Target/kind` or `Target/kind/name` for a build phase",
            ));
        };
        Ok(known.targets.get(target).map(|target| Self::Named {
            target: *target,
            kind,
            name: name.first().copied(),
        }))
    }

    /// `"kind"`, `"kind/name"` or `"id:…"`, of a target that is known.
    fn within(target: usize, node: &'a Node<'a>) -> Outcome<Self> {
        let parts = parts(node, 2)?;
        let [kind, name @ ..] = parts.as_slice() else {
            return Err(Problem::new(
                node,
                "expected `kind` or `kind/name` for a build phase",
            ));
        };
        Ok(match kind.strip_prefix("id:") {
            Some(id) => Self::Id(id),
            None => Self::Named {
                target,
                kind,
                name: name.first().copied(),
            },
        })
    }
}

/// The build phases whose files matter, by what memberships name.
pub(super) struct Phases<'a> {
    ids: HashMap<&'a str, Place>,
    /// By target, kind and name, and without a name by all of a kind; `None` where there are several.
    names: HashMap<(usize, &'a str, Option<String>), Option<Place>>,
}

impl<'a> Phases<'a> {
    pub(super) fn of(drafts: &[Draft<'a>]) -> Self {
        let mut found = Self {
            ids: HashMap::new(),
            names: HashMap::new(),
        };
        for (target, draft) in drafts.iter().enumerate() {
            for (number, phase) in draft.phases.iter().enumerate() {
                if !matches!(phase.phase.kind, PhaseKind::CopyFiles | PhaseKind::Frameworks) {
                    continue;
                }
                let place = Place {
                    target,
                    phase: number,
                };
                if let Some(id) = phase.id {
                    found.ids.entry(id).or_insert(place);
                }
                let name = phase.phase.name.clone();
                // A copy-files phase without a name can't be named, also when it is the only one.
                if name.is_none() && phase.phase.kind == PhaseKind::CopyFiles {
                    continue;
                }
                let mut add = |name| {
                    let slot = found.names.entry((target, phase.word, name));
                    slot.and_modify(|slot| *slot = None).or_insert(Some(place));
                };
                if name.is_some() {
                    add(name);
                }
                add(None);
            }
        }
        found
    }

    /// The phase that a membership names, where it is one whose files matter.
    ///
    /// # Errors
    /// When the name of a copy-files phase does not say which one: Xcode refuses such a project (XcodeProj, pull request
    /// 1181).
    fn find(&self, wanted: Wanted<'_>, drafts: &[Draft<'_>], node: &Node) -> Outcome<Option<Place>> {
        let (target, kind, name) = match wanted {
            Wanted::Id(id) => return Ok(self.ids.get(id).copied()),
            Wanted::Named { target, kind, name } => (target, kind, name),
        };
        let found = self.names.get(&(target, kind, name.map(str::to_owned)));
        match found.copied().flatten() {
            None if kind == "copy" => Err(Problem::new(
                node,
                format!(
                    "could not uniquely resolve the build phase name \"{}\" in the target \"{}\"",
                    name.unwrap_or(kind),
                    drafts[target].name
                ),
            )),
            place => Ok(place),
        }
    }
}

/// The parts of a name that is written with slashes, at most so many, or as an array.
fn parts<'a>(node: &'a Node<'a>, most: usize) -> Outcome<Vec<&'a str>> {
    match &node.value {
        Value::Array(elements) => elements.iter().map(|element| component(&element.node)).collect(),
        _ => {
            let text = text(node, "build-phase")?;
            Ok(if text.starts_with("id:") {
                vec![text]
            } else {
                text.splitn(most, '/').collect()
            })
        }
    }
}

/// The synchronized folders of each target; files of folders that belong to a build phase are put into it.
pub(super) fn folders<'a>(
    known: &Names<'a>,
    phases: &Phases<'a>,
    drafts: &mut [Draft<'a>],
) -> Outcome<Vec<Vec<SynchronizedFolder>>> {
    let mut all: Vec<Vec<SynchronizedFolder>> = drafts.iter().map(|_| Vec::new()).collect();
    for (number, reference) in known.tree.references.iter().enumerate() {
        if !reference.is_folder {
            continue;
        }
        let path = known.tree.path(number);
        let members = reference.object.set("target-membership")?;
        let mut own: Vec<(usize, SynchronizedFolder)> = members
            .iter()
            .filter_map(|name| known.targets.get(name.as_str()))
            .map(|number| (*number, folder(path.clone(), true)))
            .collect();
        let mut positions: HashMap<usize, usize> = own.iter().map(|(number, _)| *number).zip(0..).collect();
        for element in reference.object.array("membership-exceptions")? {
            let exception = Object::of(&element.node, "an exception of a folder")?;
            let (inclusions, exclusions) = (exception.set("inclusions")?, exception.set("exclusions")?);
            if exception.get("inclusions").is_some() && exception.get("exclusions").is_some() {
                let message =
                    "multiple exception set senses: `inclusions` and `exclusions` exclude each other";
                return Err(Problem::new(&element.node, message));
            }
            // The target counts where a build phase is named too.
            if let Some(target) = exception.text("target")? {
                let Some(&number) = known.targets.get(target) else {
                    continue;
                };
                let position = positions.get(&number).copied();
                let is_member = position.is_some_and(|position| own[position].1.is_member);
                let paths = if is_member { exclusions } else { inclusions };
                match position {
                    Some(position) => own[position].1.exceptions.extend(paths),
                    None if paths.is_empty() => {}
                    None => {
                        let mut folder = folder(path.clone(), false);
                        folder.exceptions = paths;
                        positions.insert(number, own.len());
                        own.push((number, folder));
                    }
                }
            } else {
                include(exception, path.as_ref(), &inclusions, known, phases, drafts)?;
            }
        }
        for (number, folder) in own {
            all[number].push(folder);
        }
    }
    Ok(all)
}

fn folder(path: Option<PathBuf>, is_member: bool) -> SynchronizedFolder {
    SynchronizedFolder {
        path,
        is_member,
        exceptions: Vec::new(),
    }
}

/// Puts files of a folder into a build phase.
fn include<'a>(
    exception: Object<'a>,
    folder: Option<&PathBuf>,
    paths: &[String],
    known: &Names<'a>,
    phases: &Phases<'a>,
    drafts: &mut [Draft<'a>],
) -> Outcome<()> {
    let phase = exception.required("build-phase")?;
    let Some(wanted) = Wanted::of(phase, known)? else {
        return Ok(());
    };
    let Some(at) = phases.find(wanted, drafts, phase)? else {
        return Ok(());
    };
    let (filters, attributes) = (exception.object("platforms")?, exception.object("attributes")?);
    for path in paths {
        let item = BuildItem::File {
            name: path.rsplit('/').next().unwrap_or_default().to_owned(),
            path: folder.map(|folder| folder.join(path)),
        };
        let own = attributes.map_or(Ok(None), |attributes| attributes.object(path))?;
        let mut added = file(item, own, |_| Ok(Vec::new()))?;
        if let Some(platforms) = filters.and_then(|filters| filters.get(path)) {
            added.platforms = set(platforms, "platforms")?;
        }
        at.of(drafts).push(added);
    }
    Ok(())
}
