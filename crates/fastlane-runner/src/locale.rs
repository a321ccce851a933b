//! The locale that Ruby needs.
//!
//! Fact: Ruby takes its external encoding from the locale. Without a UTF-8 one it reads the texts of gems and
//! projects as US-ASCII and fails with "invalid byte sequence in US-ASCII"; fastlane warns that it "requires your locale
//! to be set to UTF-8" (FL 2.237.0, 2026-07-21). A name that is set but not installed has the same effect.

use std::time::Duration;

use command::{Command, Runner};

/// `locale -a` only reads a directory.
const LIMIT: Duration = Duration::from_secs(10);

/// Candidates in order of preference: macOS has the first, glibc and musl the second.
const CANDIDATES: [&str; 3] = ["en_US.UTF-8", "C.UTF-8", "POSIX.UTF-8"];

/// The variables that decide about the encoding, strongest first (POSIX).
const VARIABLES: [&str; 3] = ["LC_ALL", "LC_CTYPE", "LANG"];

/// A UTF-8 locale to run Ruby with, and what is wrong with the present one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The locale, a value for `LC_ALL` and `LANG`.
    pub name: String,
    /// Why it is needed, as a clause.
    pub reason: String,
}

impl Replacement {
    /// The variables that select it.
    pub fn variables(&self) -> [(&'static str, &str); 2] {
        [("LC_ALL", self.name.as_str()), ("LANG", self.name.as_str())]
    }
}

/// The locale that children should get instead of the present one; `None` when that is fine. `variable` reads the
/// environment.
pub async fn replacement(runner: &Runner, variable: impl Fn(&str) -> Option<String>) -> Option<Replacement> {
    let current = VARIABLES
        .iter()
        .find_map(|name| Some((*name, variable(name).filter(|value| !value.is_empty())?)));
    let installed = installed(runner).await;
    choose(
        current.as_ref().map(|(name, value)| (*name, value.as_str())),
        installed.as_deref(),
    )
}

/// What `locale -a` lists; `None` where it can't be asked, as with musl, which needs no such list.
async fn installed(runner: &Runner) -> Option<Vec<String>> {
    let output = runner
        .output(Command::new("locale").arg("-a").timeout(LIMIT))
        .await
        .ok()?;
    let names: Vec<String> = output.stdout.lines().map(|line| line.trim().to_owned()).collect();
    (output.success() && names.iter().any(|name| !name.is_empty())).then_some(names)
}

fn choose(current: Option<(&str, &str)>, installed: Option<&[String]>) -> Option<Replacement> {
    let is_installed = |name: &str| {
        installed.is_none_or(|names| names.iter().any(|known| normalized(known) == normalized(name)))
    };
    let reason = match current {
        None => "no locale is set".to_owned(),
        Some((variable, value)) if !is_utf8(value) => {
            format!("{variable} is `{value}`, which is not a UTF-8 locale")
        }
        Some((variable, value)) if !is_installed(value) => {
            format!("{variable} is `{value}`, a locale that is not installed here")
        }
        Some(_) => return None,
    };
    let name = match installed {
        None => "C.UTF-8".to_owned(),
        Some(names) => CANDIDATES
            .iter()
            .find(|name| is_installed(name))
            .map(|name| (*name).to_owned())
            .or_else(|| names.iter().find(|name| is_utf8(name)).cloned())?,
    };
    Some(Replacement { name, reason })
}

fn is_utf8(locale: &str) -> bool {
    normalized(locale)
        .split_once('.')
        .is_some_and(|(_, codeset)| codeset == "utf8" || codeset.starts_with("utf8@"))
        || normalized(locale) == "utf8"
}

/// glibc lists `C.utf8` for `C.UTF-8`.
fn normalized(locale: &str) -> String {
    locale.to_ascii_lowercase().replace("utf-8", "utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(current: Option<(&str, &str)>, installed: Option<&[&str]>) -> Option<String> {
        let installed: Option<Vec<String>> =
            installed.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        choose(current, installed.as_deref()).map(|replacement| replacement.name)
    }

    #[test]
    fn a_utf8_locale_that_is_installed_stays() {
        let glibc = &["C", "C.utf8", "POSIX", "de_DE.utf8"][..];
        for value in ["C.UTF-8", "de_DE.UTF-8", "de_DE.utf8", "c.utf-8"] {
            assert_eq!(chosen(Some(("LANG", value)), Some(glibc)), None, "{value}");
        }
        assert_eq!(chosen(Some(("LC_ALL", "en_US.UTF-8")), None), None);
        // macOS names the codeset alone.
        assert_eq!(chosen(Some(("LC_CTYPE", "UTF-8")), None), None);
    }

    #[test]
    fn everything_else_is_replaced_by_one_that_is_installed() {
        for (current, installed, expected) in [
            (None, &["C", "C.utf8", "POSIX"][..], "C.UTF-8"),
            (None, &["C", "POSIX", "en_US.UTF-8"], "en_US.UTF-8"),
            (Some(("LC_ALL", "C")), &["C", "C.utf8"], "C.UTF-8"),
            (Some(("LC_ALL", "POSIX")), &["C.utf8"], "C.UTF-8"),
            (Some(("LANG", "en_US.ISO8859-1")), &["C.utf8"], "C.UTF-8"),
            (Some(("LANG", "en_US.UTF-8")), &["C", "C.utf8"], "C.UTF-8"),
            (None, &["C", "POSIX", "nl_NL.utf8"], "nl_NL.utf8"),
        ] {
            assert_eq!(
                chosen(current, Some(installed)).as_deref(),
                Some(expected),
                "{current:?}"
            );
        }
    }

    #[test]
    fn a_machine_without_the_list_gets_the_locale_that_musl_and_glibc_have() {
        assert_eq!(chosen(None, None).as_deref(), Some("C.UTF-8"));
    }

    #[test]
    fn a_machine_without_any_utf8_locale_is_left_alone() {
        assert_eq!(chosen(None, Some(&["C", "POSIX"])), None);
    }
}
