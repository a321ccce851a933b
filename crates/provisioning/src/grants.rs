//! What a profile grants, held against what a target claims.
//!
//! A profile's `Entitlements` are the list of what code signed with it may claim (Apple's TN3125). Tables of capabilities
//! only say what to enable; whether a target can be signed, its profile alone says. The rule for each entitlement is from
//! TN3125, TN3161, Bazel's plisttool and profiles that were published, as of 2026-11-25.

use apple_types::BundleIdentifier;
use plist::{Dictionary, Value};

/// An entitlement of a target that a profile does not grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingEntitlement {
    /// Its key.
    pub entitlement: String,
    /// The values that are not granted; empty where the whole entitlement is.
    pub values: Vec<String>,
    /// How grave that is.
    pub kind: MissingEntitlementKind,
}

/// What follows from a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingEntitlementKind {
    /// The target can't be signed with the profile.
    NotGranted,
    /// Identifiers that are linked with the App ID apart from its capability, such as App Groups: the API can't link them,
    /// and the profile gets them once somebody did.
    Linked(&'static str),
    /// An entitlement that Apple does not document: Xcode decides what becomes of it.
    Undocumented,
}

impl std::fmt::Display for MissingEntitlement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.kind, self.values.is_empty()) {
            (MissingEntitlementKind::Linked(what), false) => {
                write!(f, "the {what} {}", self.values.join(", "))
            }
            (MissingEntitlementKind::Linked(what), true) => write!(f, "the {what}"),
            (_, true) => write!(f, "the entitlement `{}`", self.entitlement),
            (_, false) => write!(
                f,
                "the value `{}` of the entitlement `{}`",
                self.values.join("`, `"),
                self.entitlement
            ),
        }
    }
}

/// How an entitlement is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Not at all: Xcode writes it itself, the signature alone enforces it, or profiles never hold it.
    Skip,
    /// The profile must have the key. What it says is rewritten at export, or is a pattern for anything.
    Presence,
    /// Every value must be allowed by one of the profile's.
    Values,
    /// The same, where the profile has the key at all.
    ValuesIfPresent,
    /// The same, for identifiers that are linked with the App ID.
    Linked(&'static str),
}

const EXACT: &[(&str, Rule)] = &[
    ("application-identifier", Rule::Skip),
    ("com.apple.application-identifier", Rule::Skip),
    ("com.apple.developer.team-identifier", Rule::Skip),
    ("get-task-allow", Rule::Skip),
    ("beta-reports-active", Rule::Skip),
    ("com.apple.InAppPurchase", Rule::Skip),
    (
        "com.apple.developer.icloud-container-development-container-identifiers",
        Rule::Skip,
    ),
    ("keychain-access-groups", Rule::ValuesIfPresent),
    // Xcode writes the environment of the export.
    ("aps-environment", Rule::Presence),
    ("com.apple.developer.aps-environment", Rule::Presence),
    ("com.apple.developer.associated-domains", Rule::Presence),
    ("com.apple.developer.icloud-services", Rule::Presence),
    (
        "com.apple.security.application-groups",
        Rule::Linked("App Groups"),
    ),
    (
        "com.apple.developer.in-app-payments",
        Rule::Linked("merchant IDs"),
    ),
    (
        "com.apple.developer.icloud-container-identifiers",
        Rule::Linked("iCloud containers"),
    ),
    (
        "com.apple.developer.ubiquity-container-identifiers",
        Rule::Linked("iCloud containers"),
    ),
    (
        "com.apple.developer.parent-application-identifiers",
        Rule::Linked("parent app of the App Clip"),
    ),
    (
        "com.apple.developer.associated-appclip-app-identifiers",
        Rule::Linked("App Clips"),
    ),
    // Their App ID is an App Clip's, or it is not: no capability is missing.
    (
        "com.apple.developer.on-demand-install-capable",
        Rule::Linked("App Clip's kind of App ID"),
    ),
];

fn rule(key: &str) -> Rule {
    if let Some((_, rule)) = EXACT.iter().find(|(known, _)| *known == key) {
        return *rule;
    }
    // Documented as restricted since Xcode 26, with a value that changed its form since (rules_apple).
    if key.starts_with("com.apple.security.hardened-process") {
        return Rule::Presence;
    }
    // The App Sandbox and the Hardened Runtime are enforced by the signature alone.
    if key.starts_with("com.apple.security.") {
        return Rule::Skip;
    }
    Rule::Values
}

/// Whether Apple documents the entitlement as one that a profile must grant.
fn is_restricted(key: &str) -> bool {
    key.starts_with("com.apple.developer.")
        || matches!(
            key,
            "aps-environment"
                | "keychain-access-groups"
                | "inter-app-audio"
                | "com.apple.external-accessory.wireless-configuration"
        )
}

/// Whether an entitlement claims anything: `false`, and an empty list or string, do not.
pub(crate) fn is_claimed(value: &Value) -> bool {
    match value {
        Value::Boolean(on) => *on,
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// What the profile does not grant of the claims of a target with this bundle ID, in the order of the claims.
pub fn missing_entitlements(
    claims: &Dictionary,
    granted: &Dictionary,
    bundle_id: &BundleIdentifier,
) -> Vec<MissingEntitlement> {
    let context = Context::of(granted, bundle_id);
    let mut missing_entitlements = Vec::new();
    for (key, claim) in claims.iter().filter(|(_, claim)| is_claimed(claim)) {
        let rule = rule(key);
        let grant = granted.get(key);
        let values = match (rule, grant) {
            (Rule::Skip, _) | (Rule::Presence, Some(_)) | (Rule::ValuesIfPresent, None) => continue,
            (Rule::Presence | Rule::Values, None) => Vec::new(),
            (Rule::Values | Rule::ValuesIfPresent, Some(grant)) => {
                match context.not_allowed(claim, Some(grant)) {
                    values if values.is_empty() => continue,
                    values => values,
                }
            }
            (Rule::Linked(_), grant) => match context.not_allowed(claim, grant) {
                values if values.is_empty() => continue,
                values => values,
            },
        };
        let kind = match rule {
            Rule::Linked(what) => MissingEntitlementKind::Linked(what),
            _ if is_restricted(key) => MissingEntitlementKind::NotGranted,
            _ => MissingEntitlementKind::Undocumented,
        };
        missing_entitlements.push(MissingEntitlement {
            entitlement: key.clone(),
            values,
            kind,
        });
    }
    missing_entitlements
}

/// What variables of a target's entitlements stand for.
struct Context<'a> {
    /// The App ID prefix with its dot. It is the profile's, and need not be the team's ID.
    prefix: String,
    bundle_id: &'a BundleIdentifier,
    is_mac: bool,
}

impl<'a> Context<'a> {
    fn of(granted: &Dictionary, bundle_id: &'a BundleIdentifier) -> Self {
        let text = |key: &str| granted.get(key).and_then(Value::as_string);
        let mac = text("com.apple.application-identifier");
        let prefix = text("application-identifier")
            .or(mac)
            .and_then(|id| id.split_once('.').map(|(prefix, _)| prefix))
            .or(text("com.apple.developer.team-identifier"))
            .map(|prefix| format!("{prefix}."))
            .unwrap_or_default();
        Self {
            prefix,
            bundle_id,
            is_mac: mac.is_some(),
        }
    }

    fn expanded(&self, text: &str) -> String {
        [
            ("AppIdentifierPrefix", self.prefix.as_str()),
            ("TeamIdentifierPrefix", self.prefix.as_str()),
            ("CFBundleIdentifier", self.bundle_id.as_str()),
            ("PRODUCT_BUNDLE_IDENTIFIER", self.bundle_id.as_str()),
        ]
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("$({name})"), value)
                .replace(&format!("${{{name}}}"), value)
        })
    }

    /// The values of a claim that a grant does not allow, in words.
    fn not_allowed(&self, claim: &Value, grant: Option<&Value>) -> Vec<String> {
        let items: &[Value] = match claim {
            Value::Array(items) => items,
            one => std::slice::from_ref(one),
        };
        items
            .iter()
            .filter(|item| !self.allows(grant, item))
            .map(|item| self.words(item))
            .collect()
    }

    fn words(&self, item: &Value) -> String {
        match item {
            Value::String(text) => self.expanded(text),
            Value::Boolean(on) => on.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Dictionary(pairs) => pairs
                .iter()
                .map(|(key, value)| format!("{key} {}", self.words(value)))
                .collect::<Vec<_>>()
                .join(", "),
            _ => "?".to_owned(),
        }
    }

    fn allows(&self, grant: Option<&Value>, item: &Value) -> bool {
        if let Value::String(text) = item {
            let text = self.expanded(text);
            // What only a build resolves can't be compared; groups with the team's prefix need nothing on the Mac.
            let is_open = crate::capability::has_variable(&text);
            let is_teams = self.is_mac && !self.prefix.is_empty() && text.starts_with(&self.prefix);
            return is_open || is_teams || grant.is_some_and(|grant| allows_text(grant, &text));
        }
        match (grant, item) {
            (None, _) => false,
            (Some(Value::Array(all)), item) => all.iter().any(|one| self.allows(Some(one), item)),
            (Some(Value::String(pattern)), _) if pattern == "*" => true,
            (Some(Value::Dictionary(granted)), Value::Dictionary(claimed)) => claimed
                .iter()
                .all(|(key, value)| self.allows(granted.get(key), value)),
            (Some(granted), item) => granted == item,
        }
    }
}

/// Wildcards are a profile's alone: an asterisk at the end of a string.
fn allows_text(grant: &Value, text: &str) -> bool {
    match grant {
        Value::Array(all) => all.iter().any(|one| allows_text(one, text)),
        Value::String(pattern) => match pattern.strip_suffix('*') {
            Some(stem) => text.starts_with(stem),
            None => pattern == text,
        },
        Value::Boolean(on) => *on,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> Value {
        Value::Array(
            items
                .iter()
                .map(|item| Value::String((*item).to_owned()))
                .collect(),
        )
    }

    fn usb(vendor: Value) -> Value {
        let pairs = [("idVendor".to_owned(), vendor)];
        Value::Array(vec![Value::Dictionary(pairs.into_iter().collect())])
    }

    /// Forms of values as in the profiles of buck #798 and quill #24, and in Apple's documents of the entitlements.
    #[test]
    fn each_entitlement_is_compared_by_its_own_rule() {
        let d = "com.apple.developer.";
        for (key, claim, grant, expected) in [
            // Patterns and environments: the key decides.
            (
                "aps-environment".to_owned(),
                "development".into(),
                Some("production".into()),
                true,
            ),
            (
                format!("{d}associated-domains"),
                list(&["applinks:x.org"]),
                Some("*".into()),
                true,
            ),
            (
                format!("{d}associated-domains"),
                list(&["applinks:x.org"]),
                None,
                false,
            ),
            (
                format!("{d}icloud-services"),
                list(&["CloudKit"]),
                Some("*".into()),
                true,
            ),
            (
                format!("{d}icloud-services"),
                list(&["CloudKit"]),
                Some(list(&["CloudKit"])),
                true,
            ),
            // Switches.
            (format!("{d}siri"), true.into(), Some(true.into()), true),
            (format!("{d}siri"), true.into(), Some(false.into()), false),
            (format!("{d}siri"), true.into(), None, false),
            (format!("{d}siri"), false.into(), None, true),
            (format!("{d}carplay-audio"), true.into(), None, false),
            // Lists and single values.
            (
                format!("{d}networking.networkextension"),
                list(&["packet-tunnel-provider"]),
                Some(list(&["packet-tunnel-provider", "dns-proxy"])),
                true,
            ),
            (
                format!("{d}networking.networkextension"),
                list(&["packet-tunnel-provider"]),
                Some(list(&["packet-tunnel-provider-systemextension"])),
                false,
            ),
            (
                format!("{d}nfc.readersession.formats"),
                list(&["TAG", "PACE"]),
                Some(list(&["NDEF", "TAG"])),
                false,
            ),
            (format!("{d}healthkit.access"), list(&[]), None, true),
            (
                format!("{d}default-data-protection"),
                "NSFileProtectionComplete".into(),
                Some("NSFileProtectionCompleteUnlessOpen".into()),
                false,
            ),
            (
                format!("{d}ClassKit-environment"),
                "production".into(),
                Some(list(&["development", "production"])),
                true,
            ),
            (
                format!("{d}icloud-container-environment"),
                "Development".into(),
                Some("Production".into()),
                false,
            ),
            (
                format!("{d}devicecheck.appattest-environment"),
                "production".into(),
                Some("production".into()),
                true,
            ),
            // Wildcards and prefixes.
            (
                "keychain-access-groups".to_owned(),
                list(&["$(AppIdentifierPrefix)org.x"]),
                Some(list(&["SEED123456.*", "com.apple.token"])),
                true,
            ),
            (
                "keychain-access-groups".to_owned(),
                list(&["OTHER.org.x"]),
                Some(list(&["SEED123456.*"])),
                false,
            ),
            (
                format!("{d}ubiquity-kvstore-identifier"),
                "$(TeamIdentifierPrefix)$(CFBundleIdentifier)".into(),
                Some("SEED123456.*".into()),
                true,
            ),
            (
                format!("{d}pass-type-identifiers"),
                list(&["$(TeamIdentifierPrefix)*"]),
                Some(list(&["SEED123456.*"])),
                true,
            ),
            (
                format!("{d}pass-type-identifiers"),
                list(&["$(SOMETHING)x"]),
                Some(list(&["SEED123456.*"])),
                true,
            ),
            // DriverKit: dictionaries, with a wildcard vendor in development.
            (
                format!("{d}driverkit.transport.usb"),
                usb(4660.into()),
                Some(usb("*".into())),
                true,
            ),
            (
                format!("{d}driverkit.transport.usb"),
                usb(4660.into()),
                Some(usb(4661.into())),
                false,
            ),
            // What is no matter of profiles.
            (
                "com.apple.security.app-sandbox".to_owned(),
                true.into(),
                None,
                true,
            ),
            (
                "com.apple.security.files.user-selected.read-only".to_owned(),
                true.into(),
                None,
                true,
            ),
            ("get-task-allow".to_owned(), true.into(), None, true),
            // A key of next year.
            (
                format!("{d}from-next-year"),
                list(&["a"]),
                Some(list(&["a", "b"])),
                true,
            ),
            (
                format!("{d}from-next-year"),
                list(&["c"]),
                Some(list(&["a", "b"])),
                false,
            ),
        ] {
            let mut granted = Dictionary::new();
            granted.insert("application-identifier".to_owned(), "SEED123456.org.x".into());
            granted.extend(grant.clone().map(|grant| (key.clone(), grant)));
            let claims = [(key.clone(), claim.clone())].into_iter().collect();
            let found = missing_entitlements(
                &claims,
                &granted,
                &BundleIdentifier::new("org.x").expect("a bundle ID"),
            );
            assert_eq!(
                found.is_empty(),
                expected,
                "{key}: {claim:?} by {grant:?}: {found:?}"
            );
            assert!(
                found
                    .iter()
                    .all(|gap| gap.kind == MissingEntitlementKind::NotGranted),
                "{found:?}"
            );
        }
    }

    #[test]
    fn linked_identifiers_are_told_one_by_one() {
        let key = "com.apple.security.application-groups";
        let claims = [(key.to_owned(), list(&["group.a", "group.b", "TEAM123456.c"]))]
            .into_iter()
            .collect();
        let granted = |prefix: &str| {
            [
                (
                    format!("{prefix}application-identifier"),
                    Value::from("TEAM123456.org.x"),
                ),
                (key.to_owned(), list(&["group.b"])),
            ]
            .into_iter()
            .collect()
        };
        let values = |prefix| {
            missing_entitlements(
                &claims,
                &granted(prefix),
                &BundleIdentifier::new("org.x").expect("a bundle ID"),
            )
            .remove(0)
            .values
        };
        assert_eq!(values(""), ["group.a", "TEAM123456.c"]);
        // On the Mac groups with the team's prefix need no profile.
        assert_eq!(values("com.apple."), ["group.a"]);
    }

    #[test]
    fn an_entitlement_that_apple_does_not_document_is_xcodes_business() {
        let claims = [("org.example.own".to_owned(), Value::Boolean(true))]
            .into_iter()
            .collect();
        assert_eq!(
            missing_entitlements(
                &claims,
                &Dictionary::new(),
                &BundleIdentifier::new("org.x").expect("a bundle ID")
            )[0]
            .kind,
            MissingEntitlementKind::Undocumented
        );
    }
}
