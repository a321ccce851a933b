//! What the project says about the certificate that signs it.

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
