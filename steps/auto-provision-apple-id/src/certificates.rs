//! Which certificate signs: one for each purpose, in the order in which the project and the inputs narrow the choice.

use provisioning::{CertificateUse, Distribution, Platform};
use signing_assets::Certificate;

/// What was chosen, and what a person should know about it.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) warnings: Vec<String>,
}

/// What the targets of a project sign with, as one name: the longest, where each contains the next. The second part is a
/// warning where they contradict each other.
pub(crate) fn common_identity(identities: &[Option<String>]) -> (Option<String>, Option<String>) {
    let mut common: Option<&str> = None;
    for identity in identities.iter().flatten() {
        common = match common {
            None => Some(identity),
            Some(known) if contains(known, identity) => Some(known),
            Some(known) if contains(identity, known) => Some(identity),
            Some(known) => {
                let warning = format!(
                    "The targets sign with different identities (`{known}`, `{identity}`), so they do not help to choose a certificate."
                );
                return (None, Some(warning));
            }
        };
    }
    (common.map(str::to_owned), None)
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// One certificate for each platform and each of the wanted distribution and development: the one that the project names,
/// else the first.
pub(crate) fn choose(
    certificates: &[Certificate],
    platforms: &[Platform],
    distribution: Distribution,
    identity: Option<&str>,
) -> Chosen {
    let mut chosen = Chosen::default();
    for platform in platforms {
        for distribution in [distribution, Distribution::Development] {
            let needed_for = CertificateUse {
                platform: *platform,
                distribution,
            };
            let mut serving: Vec<&Certificate> = certificates
                .iter()
                .filter(|certificate| needed_for.takes(certificate.kind))
                .collect();
            let is_named = |certificate: &&Certificate| {
                identity.is_some_and(|identity| contains(&certificate.common_name, identity))
            };
            if serving.iter().any(is_named) {
                serving.retain(is_named);
            }
            let Some(first) = serving.first() else { continue };
            if chosen.certificates.contains(first) {
                continue;
            }
            if serving.len() > 1 {
                let names: Vec<&str> = serving
                    .iter()
                    .map(|certificate| certificate.common_name.as_str())
                    .collect();
                chosen.warnings.push(format!(
                    "Several certificates serve {distribution}: {}; the first is used.",
                    names.join(", ")
                ));
            }
            chosen.certificates.push((*first).clone());
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use signing_assets::CertificateKind;
    use time::macros::datetime;

    use super::*;

    fn certificate(name: &str) -> Certificate {
        Certificate {
            serial: name.len().to_string(),
            common_name: name.to_owned(),
            team_id: "TEAM123456".to_owned(),
            team_name: "Example".to_owned(),
            sha1: String::new(),
            not_before: datetime!(2026-01-01 0:00 UTC),
            not_after: datetime!(2027-01-01 0:00 UTC),
            kind: CertificateKind::of(name),
            der: Vec::new(),
        }
    }

    fn names(chosen: &Chosen) -> Vec<&str> {
        chosen
            .certificates
            .iter()
            .map(|certificate| certificate.common_name.as_str())
            .collect()
    }

    #[test]
    fn identities_agree_where_each_contains_the_next() {
        let all = |names: &[&str]| {
            names
                .iter()
                .map(|name| Some((*name).to_owned()))
                .collect::<Vec<_>>()
        };
        let (common, warning) =
            common_identity(&all(&["iPhone", "iphone developer", "iPhone Developer: Ada"]));
        assert_eq!(
            (common.as_deref(), warning),
            (Some("iPhone Developer: Ada"), None)
        );
        let (common, warning) = common_identity(&all(&["iPhone Developer", "Apple Development"]));
        assert!(common.is_none() && warning.is_some_and(|text| text.contains("different identities")));
        assert_eq!(common_identity(&[None]), (None, None));
    }

    #[test]
    fn the_project_narrows_the_choice_and_one_certificate_remains_for_each_purpose() {
        let all = [
            certificate("Apple Development: Ada (A)"),
            certificate("iPhone Developer: Grace (B2)"),
            certificate("Apple Distribution: Example (TEAM123456)"),
        ];
        let ios = [Platform::Ios, Platform::Watchos];
        let free = choose(&all, &ios, Distribution::AppStore, None);
        assert_eq!(
            names(&free),
            [all[2].common_name.as_str(), all[0].common_name.as_str()]
        );
        assert!(free.warnings[0].contains("Several certificates serve development"));
        let narrowed = choose(&all, &ios, Distribution::Development, Some("iphone developer"));
        assert_eq!(names(&narrowed), [all[1].common_name.as_str()]);
        assert!(narrowed.warnings.is_empty());
    }

    #[test]
    fn a_name_that_no_certificate_has_narrows_nothing() {
        let all = [certificate("Apple Development: Ada (A)")];
        let chosen = choose(&all, &[Platform::Ios], Distribution::Development, Some("Nobody"));
        assert_eq!(chosen.certificates.len(), 1);
    }
}
