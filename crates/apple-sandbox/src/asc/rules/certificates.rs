//! Certificates: made for the key of a request, limited in number, revoked by their deletion.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::Duration;

use super::Change;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::document::Place;
use crate::asc::objects::Key;
use crate::asc::query::Query;
use crate::pki::Subject;
use crate::signing::Certificate;
use crate::state::State;

/// How many certificates of a type a team, or for development a person, can have. Apple's help, "Certificates overview":
/// two for development and a person; Distribution three (codemagic-cli-tools #262).
fn limit(kind: &str) -> usize {
    match kind {
        "DISTRIBUTION" | "IOS_DISTRIBUTION" => 3,
        kind if kind.starts_with("DEVELOPER_ID") => 5,
        "DEVELOPMENT" | "IOS_DEVELOPMENT" | "MAC_APP_DEVELOPMENT" => 2,
        "MAC_APP_DISTRIBUTION" | "MAC_INSTALLER_DISTRIBUTION" => 3,
        _ => usize::MAX,
    }
}

/// A type that Apple took out of the filter for a year, although lists held such certificates (fastlane #29587).
const G2: &str = "DEVELOPER_ID_APPLICATION_G2";

/// Refuses what the filter did not know then.
pub(crate) fn check_filter(query: &Query, place: Place<'_>, state: &State) -> Result<(), Refusal> {
    let kinds = query.filters.get("certificateType");
    let names_it = kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == G2));
    if place == Place::Collection("certificates") && names_it && !state.switches.developer_id_g2 {
        let words = format!("'{G2}' is not a valid filter value for the attribute 'certificateType'.");
        return Err(Refusal::parameter("filter[certificateType]", words));
    }
    Ok(())
}

/// What Apple calls certificates of a type.
fn label(kind: &str) -> &'static str {
    match kind {
        "DEVELOPMENT" => "Apple Development",
        "DISTRIBUTION" => "Apple Distribution",
        "IOS_DEVELOPMENT" => "iPhone Developer",
        "IOS_DISTRIBUTION" => "iPhone Distribution",
        "MAC_APP_DEVELOPMENT" => "Mac Developer",
        "MAC_APP_DISTRIBUTION" => "3rd Party Mac Developer Application",
        "MAC_INSTALLER_DISTRIBUTION" => "3rd Party Mac Developer Installer",
        "PASS_TYPE_ID" | "PASS_TYPE_ID_WITH_NFC" => "Pass Type ID",
        "IDENTITY_ACCESS" => "Identity Access",
        kind if kind.starts_with("APPLE_PAY") => "Apple Pay",
        _ => "Developer ID",
    }
}

/// The kind in Apple's words on the limit.
fn kind_in_words(kind: &str) -> &'static str {
    if kind.ends_with("DEVELOPMENT") {
        "Development"
    } else {
        "Distribution"
    }
}

pub(super) fn create(change: &mut Change<'_>, draft: &Draft) -> Result<Key, Refusal> {
    let kind = draft.text("certificateType").to_owned();
    // Apple creates them for the Account Holder only, who no API key is (asc #2350).
    if kind.starts_with("DEVELOPER_ID") {
        return Err(Refusal::new(
            403,
            "FORBIDDEN_ERROR",
            "This request is forbidden for security reasons",
            "You are not allowed to perform this operation. Please check with one of your Team Admins, or, if you need further assistance, please contact Apple Developer Program Support.",
        ));
    }
    let owner = match kind.as_str() {
        "PASS_TYPE_ID" | "PASS_TYPE_ID_WITH_NFC" => "passTypeId",
        kind if kind.starts_with("APPLE_PAY") => "merchantId",
        _ => "",
    };
    if !owner.is_empty() && draft.one(owner).is_empty() {
        return Err(Refusal::needs_relationship(owner));
    }
    if let Some(name) = draft.relationships.keys().find(|name| *name != owner) {
        let words = format!("A certificate of type {kind} has no '{name}'");
        return Err(Refusal::relationship(name, words));
    }
    let request = request_of(draft.text("csrContent")).ok_or_else(|| {
        Refusal::attribute(
            "csrContent",
            "An attribute value is invalid. The CSR is not valid",
        )
    })?;
    let state = &mut *change.state;
    let current = state
        .certificates
        .iter()
        .filter(|known| known.on_portal && known.certificate_type == kind && known.expires > change.now);
    if current.count() >= limit(&kind) {
        return Err(Refusal::entity(
            "ENTITY_ERROR",
            format!(
                "You already have a current {} certificate or a pending certificate request.",
                kind_in_words(&kind)
            ),
        ));
    }
    let made = issue(state, &kind, &request, change.now + Duration::days(365)).map_err(|error| {
        Refusal::attribute("csrContent", format!("An attribute value is invalid. {error:#}"))
    })?;
    let key = Key::new("certificates", &made.id);
    state.certificates.push(made);
    if let Some(target) = draft.relationships.get("passTypeId").and_then(|all| all.first()) {
        let target = target.clone();
        change.relate(&key, "passTypeId", &target);
    }
    Ok(key)
}

impl State {
    /// Adds a certificate of a type for the key of a request in PEM, which ends in so many days, and returns its DER.
    ///
    /// # Errors
    /// When the request is none.
    pub fn certify(&mut self, kind: &str, request: &str, days: i64) -> anyhow::Result<Vec<u8>> {
        let request = request_of(request).context("the request is not in PEM")?;
        let expires = time::OffsetDateTime::now_utc() + Duration::days(days);
        let made = issue(self, kind, &request, expires)?;
        let der = made.der.clone();
        self.certificates.push(made);
        Ok(der)
    }
}

/// The DER of a request for a certificate, which is given in PEM or as its bare content.
fn request_of(text: &str) -> Option<Vec<u8>> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("-----"));
    STANDARD
        .decode(lines.collect::<String>())
        .ok()
        .filter(|der| !der.is_empty())
}

fn issue(
    state: &mut State,
    kind: &str,
    request: &[u8],
    expires: time::OffsetDateTime,
) -> anyhow::Result<Certificate> {
    let serial = state.fresh.serial();
    let team_id = state.team_id.clone();
    let name = if kind.ends_with("DEVELOPMENT") {
        format!("{}: Created via API ({})", label(kind), state.key_id)
    } else {
        format!("{}: Example GmbH ({team_id})", label(kind))
    };
    let subject = Subject {
        common_name: &name,
        team_id: &team_id,
        serial,
        expires,
        issuer: None,
    };
    let der = state.authority.certify(&subject, request)?;
    Ok(Certificate {
        id: state.fresh.id(),
        name: name.clone(),
        certificate_type: kind.to_owned(),
        serial: format!("{serial:X}"),
        expires,
        der,
        p12: Vec::new(),
        on_portal: true,
    })
}

/// Profiles with a revoked certificate are invalid.
pub(super) fn revoke(change: &mut Change<'_>, id: &str) {
    let state = &mut *change.state;
    if let Some(known) = state.certificates.by_id_mut(id) {
        known.on_portal = false;
    }
    state.invalidate_profiles(|profile| profile.certificates.iter().any(|other| other == id));
}
