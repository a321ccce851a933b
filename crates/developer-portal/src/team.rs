//! Which team an Apple ID works for.

use apple_types::TeamId;
use serde::Deserialize;

/// A team that the Apple ID is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Team {
    /// Its ID.
    pub team_id: TeamId,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// `Company/Organization`, `Individual` or `In-House`.
    #[serde(default, rename = "type")]
    pub kind: String,
}

impl Team {
    /// Whether it is one of the Enterprise Program.
    pub fn is_enterprise(&self) -> bool {
        self.kind == "In-House"
    }
}

/// Why no team is chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TeamError {
    /// The Apple ID has no membership.
    #[error("the Apple ID is not a member of any developer team")]
    None,
    /// There are several, and none was named.
    #[error("the Apple ID belongs to several teams: {0}")]
    Several(String),
    /// The one that was named is not among them.
    #[error("the Apple ID is not a member of the team `{wanted}`; its teams are: {known}")]
    Unknown {
        /// The team that was asked for.
        wanted: TeamId,
        /// Name, ID and kind of each team.
        known: String,
    },
}

/// The only team, or the one with this ID.
///
/// # Errors
/// With name, ID and kind of each team, when it is not clear which is meant.
pub fn choose<'a>(teams: &'a [Team], wanted: Option<&TeamId>) -> Result<&'a Team, TeamError> {
    let list = || {
        let lines: Vec<String> = teams
            .iter()
            .map(|team| format!("{} ({}, {})", team.name, team.team_id, team.kind))
            .collect();
        lines.join("; ")
    };
    match (teams, wanted) {
        ([], _) => Err(TeamError::None),
        (_, Some(wanted)) => {
            teams
                .iter()
                .find(|team| team.team_id == *wanted)
                .ok_or_else(|| TeamError::Unknown {
                    wanted: wanted.clone(),
                    known: list(),
                })
        }
        ([only], None) => Ok(only),
        (_, None) => Err(TeamError::Several(list())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(id: &str, kind: &str) -> Team {
        Team {
            team_id: id.parse().unwrap(),
            name: format!("Team {id}"),
            kind: kind.to_owned(),
        }
    }

    #[test]
    fn a_team_is_chosen_only_where_it_is_clear() {
        let both = [team("A", "Individual"), team("B", "In-House")];
        assert_eq!(choose(&both[..1], None).unwrap().team_id, "A");
        assert!(choose(&both, TeamId::new("B").as_ref()).unwrap().is_enterprise());
        assert_eq!(choose(&[], None), Err(TeamError::None));
        let several = choose(&both, None).unwrap_err().to_string();
        assert!(
            several.contains("Team A (A, Individual); Team B (B, In-House)"),
            "{several}"
        );
        assert!(
            choose(&both, TeamId::new("C").as_ref())
                .unwrap_err()
                .to_string()
                .contains("not a member of the team `C`")
        );
    }
}
