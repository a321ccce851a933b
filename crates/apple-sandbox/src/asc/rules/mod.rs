//! What no document says: limits, life cycles, and Apple's refusals, by kind of resource.
//!
//! A kind without rules of its own is created, changed, and deleted as its schema says.

mod assets;
pub(crate) mod certificates;
pub(crate) mod devices;
mod distribution;
pub(crate) mod identifiers;
pub(crate) mod lifecycle;
pub(crate) mod media;
mod profiles;
mod release;
pub(crate) mod review;
pub(crate) mod seeds;
pub(crate) mod situations;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use time::OffsetDateTime;

pub(crate) use assets::Assets;
pub(crate) use distribution::decide as decide_beta_review;

use super::body::Draft;
use super::document::{Api, Place, Table};
use super::objects::Key;
use super::view::View;
use crate::answer::Refusal;
use crate::state::State;
use crate::uploads;

/// A change of the state, by a request.
pub(crate) struct Change<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) api: &'a Api,
    /// Where the sandbox is, for links.
    pub(crate) base: &'a str,
    /// Whether an API key asks, rather than a session.
    pub(crate) by_key: bool,
    pub(crate) now: OffsetDateTime,
}

impl<'a> Change<'a> {
    /// A change by the older services of a session, whose answers have no links.
    pub(crate) fn by_session(state: &'a mut State) -> Self {
        Self {
            state,
            api: Table::get().api(false),
            base: "",
            by_key: false,
            now: OffsetDateTime::now_utc(),
        }
    }
}

impl Change<'_> {
    pub(crate) fn view(&self) -> View<'_> {
        View {
            state: self.state,
            api: self.api,
            base: self.base,
            now: self.now,
        }
    }

    /// Adds a resource that needs no type of its own.
    pub(crate) fn add(&mut self, kind: &str, id: &str, attributes: Map<String, Value>) -> Key {
        let hidden_until = self.state.lists.hidden_until(0);
        let object = self.state.objects.entry(kind, id);
        object.attributes.extend(attributes);
        object.hidden_until = hidden_until;
        Key::new(kind, id)
    }

    /// Adds a resource under an ID of its own.
    pub(crate) fn make(&mut self, kind: &str, attributes: Map<String, Value>) -> Key {
        let id = self.state.fresh.id();
        self.add(kind, &id, attributes)
    }

    /// Adds a resource with the attributes of another one.
    pub(crate) fn copy(&mut self, key: &Key) -> Key {
        let attributes = self.state.objects.attributes(key);
        self.make(&key.kind, attributes)
    }

    fn relate(&mut self, from: &Key, name: &str, to: &Key) {
        self.state.objects.relate(self.api, from, name, to);
    }

    /// Makes relationships lead to what a body names.
    fn relate_all(&mut self, key: &Key, draft: &Draft) {
        for (name, targets) in &draft.relationships {
            self.state.objects.sever_all(self.api, key, name);
            for target in targets {
                self.relate(key, name, target);
            }
        }
    }

    /// Removes a resource, and what can't be without it, with their files.
    fn remove(&mut self, key: &Key) {
        for gone in self.state.objects.remove(self.api, key) {
            if self.state.assets.remove(&gone.id) {
                self.state.storage.remove(&gone.id);
            }
        }
    }
}

/// Apple's words on what a relationship leads to and is not there.
pub(super) fn missing(target: &Key) -> String {
    format!(
        "There is no resource of type '{}' with id '{}'",
        target.kind, target.id
    )
}

/// Refuses relationships that lead to nothing.
fn check_targets(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let view = change.view();
    for (name, targets) in &draft.relationships {
        for target in targets {
            let is_inline = draft
                .included
                .iter()
                .any(|inner| inner.kind == target.kind && inner.id == target.id);
            if !is_inline && !view.has(&target.kind, &target.id) {
                return Err(Refusal::relationship(name, missing(target)));
            }
        }
    }
    draft
        .included
        .iter()
        .try_for_each(|inner| check_targets(change, inner))
}

/// Creates a resource.
///
/// # Errors
/// Apple's refusal.
pub(crate) fn create(change: &mut Change<'_>, draft: Draft) -> Result<Key, Refusal> {
    check_targets(change, &draft)?;
    match draft.kind.as_str() {
        "certificates" => certificates::create(change, &draft),
        "devices" => devices::register(change, &draft),
        "bundleIds" => identifiers::create(change, &draft),
        "bundleIdCapabilities" => identifiers::enable(change, &draft),
        "profiles" => profiles::create(change, &draft),
        "buildUploads" => uploads::begin(change, &draft),
        "buildUploadFiles" => uploads::reserve(change, &draft),
        _ => create_object(change, draft),
    }
}

/// Creates a resource that needs no type of its own.
fn create_object(change: &mut Change<'_>, draft: Draft) -> Result<Key, Refusal> {
    check_unique(change, &draft)?;
    assets::check_creation(&draft)?;
    identifiers::check_pass_type(change, &draft)?;
    release::check_creation(change, &draft)?;
    review::check_creation(change, &draft)?;
    media::check_creation(change, &draft)?;
    distribution::check_creation(change, &draft)?;
    if let Some(known) = distribution::known(change, &draft) {
        return Ok(known);
    }
    let id = seeds::id_of(&draft).unwrap_or_else(|| change.state.fresh.id());
    let mut attributes = seeds::defaults(change, &draft);
    attributes.extend(draft.attributes.clone());
    // A schedule of prices replaces the one before.
    change.remove(&Key::new(&draft.kind, &id));
    let key = change.add(&draft.kind, &id, attributes);
    let mut made = draft;
    for inner in std::mem::take(&mut made.included) {
        let id = change.state.fresh.id();
        let own = change.add(&inner.kind, &id, inner.attributes.clone());
        change.relate_all(&own, &inner);
        for targets in made.relationships.values_mut() {
            for target in targets
                .iter_mut()
                .filter(|target| target.kind == inner.kind && target.id == inner.id)
            {
                target.id.clone_from(&id);
            }
        }
    }
    change.relate_all(&key, &made);
    assets::reserve(change, &key);
    release::follow_creation(change, &key);
    review::follow_creation(change, &key);
    media::follow_creation(change, &key, &made);
    distribution::follow_creation(change, &key, &made);
    Ok(key)
}

/// Refuses a second resource where its parent can have one only, or one of a locale or size.
fn check_unique(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let Some(body) = change.api.creation(&draft.kind) else {
        return Ok(());
    };
    let objects = &change.state.objects;
    for (name, targets) in &draft.relationships {
        let (Some(target), false) = (
            targets.first(),
            body.relationships
                .as_ref()
                .is_none_or(|all| all.get(name).is_none_or(|one| one.many)),
        ) else {
            continue;
        };
        let Some((back, relationship)) = change.api.inverse(&draft.kind, name, &target.kind) else {
            continue;
        };
        let others = objects.links(&target.kind, &target.id, back);
        let replaces = draft.kind == "appPriceSchedules";
        if !relationship.many && body.required.contains(name) && !others.is_empty() && !replaces {
            let words = format!(
                "The resource '{}' with id '{}' already has a resource of type '{}'",
                target.kind, target.id, draft.kind
            );
            return Err(Refusal::relationship(name, words));
        }
        for attribute in ["locale", "screenshotDisplayType", "previewType"] {
            let given = draft.text(attribute);
            let is_taken = |key: &Key| {
                objects.text(&key.kind, &key.id, attribute) == given
                    && !objects.is(&key.kind, &key.id, lifecycle::DELETED)
            };
            if !given.is_empty() && others.iter().any(is_taken) {
                let words = format!("Entity with {attribute}: {given} already exists. Try updating.");
                return Err(Refusal::duplicate(attribute, words));
            }
        }
    }
    Ok(())
}

/// Changes a resource.
///
/// # Errors
/// Apple's refusal.
pub(crate) fn update(change: &mut Change<'_>, draft: Draft) -> Result<(), Refusal> {
    check_targets(change, &draft)?;
    match draft.kind.as_str() {
        "devices" => return devices::change(change, &draft),
        "bundleIds" => return identifiers::rename(change, &draft),
        "bundleIdCapabilities" => return identifiers::change(change, &draft),
        "buildUploadFiles" => return uploads::commit(change, &draft),
        "builds" => distribution::check_build(change, &draft)?,
        "apps" => release::change_app(change, &draft)?,
        _ => {}
    }
    release::check_update(change, &draft)?;
    review::check_update(change, &draft)?;
    media::check_update(change, &draft)?;
    distribution::check_update(&draft)?;
    let key = Key::new(&draft.kind, &draft.id);
    assets::commit(change, &key, &draft)?;
    let object = change.state.objects.entry(&key.kind, &key.id);
    for (name, value) in &draft.attributes {
        if value.is_null() {
            object.attributes.remove(name);
        } else {
            object.attributes.insert(name.clone(), value.clone());
        }
    }
    change.relate_all(&key, &draft);
    release::follow_update(change, &key);
    review::follow_update(change, &key, &draft);
    distribution::follow_update(change, &key, &draft);
    Ok(())
}

/// Deletes a resource.
///
/// # Errors
/// Apple's refusal.
pub(crate) fn delete(change: &mut Change<'_>, key: &Key) -> Result<(), Refusal> {
    match key.kind.as_str() {
        "certificates" => certificates::revoke(change, &key.id),
        "bundleIds" => identifiers::delete(change, &key.id)?,
        "bundleIdCapabilities" => identifiers::disable(change, &key.id),
        "profiles" => drop(change.state.profiles.remove(&key.id)),
        "buildUploads" => uploads::withdraw(change.state, &key.id)?,
        _ => {
            release::check_deletion(change, key)?;
            review::check_deletion(change, key)?;
            media::check_deletion(change, key)?;
            review::follow_deletion(change, key);
            media::follow_deletion(change, key);
            if key.kind.starts_with("appScreenshot") || key.kind.starts_with("appPreview") {
                lifecycle::forget_later(change, key);
                return Ok(());
            }
        }
    }
    change.remove(key);
    Ok(())
}

/// Changes what a relationship leads to.
///
/// # Errors
/// Apple's refusal.
pub(crate) fn relate(
    change: &mut Change<'_>,
    method: &str,
    key: &Key,
    name: &str,
    targets: &[Key],
) -> Result<(), Refusal> {
    let view = change.view();
    if let Some(target) = targets.iter().find(|target| !view.has(&target.kind, &target.id)) {
        let words = missing(target);
        return Err(Refusal::entity("ENTITY_ERROR.RELATIONSHIP.INVALID", words).at("/data"));
    }
    let known = view.related(&key.kind, &key.id, name);
    match method {
        "DELETE" => {
            for target in targets {
                change.state.objects.sever(change.api, key, name, target);
            }
        }
        "PATCH" => {
            release::check_link(change, key, name, targets)?;
            // The order of screenshots takes all of them.
            let many = change
                .api
                .relationships(&key.kind)
                .get(name)
                .is_some_and(|one| one.many);
            if many && (known.len() != targets.len() || !targets.iter().all(|target| known.contains(target)))
            {
                let words = format!("'{name}' has to list every resource of the relationship once");
                return Err(Refusal::entity("ENTITY_ERROR.RELATIONSHIP.INVALID", words).at("/data"));
            }
            change.state.objects.sever_all(change.api, key, name);
            for target in targets {
                change.relate(key, name, target);
            }
            media::follow_order(change, key);
        }
        _ => {
            distribution::check_link(change, key, name, targets)?;
            for target in targets {
                change.relate(key, name, target);
            }
            distribution::follow_link(change, key, targets);
        }
    }
    Ok(())
}

/// A request moves on what takes time at Apple; `kind` is what it is about.
pub(crate) fn arrive(change: &mut Change<'_>, kind: &str) {
    lifecycle::advance(change, kind);
}

/// A read moves on what was uploaded.
pub(crate) fn observe(change: &mut Change<'_>, place: Place<'_>, kind: &str) {
    match place {
        Place::Instance("buildUploads", id) => uploads::look(change.state, id),
        // Clients that wait for a build ask for builds.
        Place::Related("apps", id, "buildUploads" | "builds") => uploads::look_at_all_of(change.state, id),
        Place::Collection("builds") => uploads::look_at_all(change.state),
        _ => {}
    }
    seeds::prepare(change.state, change.api, change.now);
    media::observe(change, kind);
}
