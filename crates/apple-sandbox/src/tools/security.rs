//! `security`, as far as installing identities needs it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Call, Ended, value};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    keychains: BTreeMap<String, Keychain>,
    search: Vec<String>,
    default: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Keychain {
    password: String,
    unlocked: bool,
    /// SHA-1 and common name.
    identities: Vec<(String, String)>,
    partitions: bool,
}

/// The identities in all keychains: SHA-1 and common name.
pub(super) fn identities(folder: &Path) -> Vec<(String, String)> {
    let known: Known = std::fs::read(folder.join("security.json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let keychains = known.keychains.into_values();
    keychains.flat_map(|keychain| keychain.identities).collect()
}

/// The right to change what is known: macOS has one security server for all builds of a machine, which takes one change after
/// the other.
fn one_at_a_time(folder: &Path) -> std::io::Result<files::Lock> {
    loop {
        if let Some(lock) = files::try_lock(folder)? {
            return Ok(lock);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(super) fn play(call: &Call) -> anyhow::Result<Ended> {
    std::fs::create_dir_all(&call.directory)?;
    let _lock = one_at_a_time(&call.directory)?;
    let file = call.directory.join("security.json");
    let mut known: Known = std::fs::read(&file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let ended = command(&call.args, &mut known, &call.directory)?;
    files::replace(&file, &serde_json::to_vec_pretty(&known)?, 0o600)?;
    Ok(ended)
}

fn command(args: &[String], known: &mut Known, folder: &Path) -> anyhow::Result<Ended> {
    let last = args.last().cloned().unwrap_or_default();
    let password = || {
        value(args, "-p")
            .or_else(|| value(args, "-k"))
            .unwrap_or_default()
            .to_owned()
    };
    match args.first().map(String::as_str) {
        Some("create-keychain") => {
            if Path::new(&last).exists() {
                return Ok(failed(
                    "SecKeychainCreate",
                    "A keychain with the same name already exists.",
                ));
            }
            std::fs::write(&last, "")?;
            let keychain = Keychain {
                password: password(),
                unlocked: true,
                ..Keychain::default()
            };
            known.keychains.insert(last, keychain);
        }
        Some("unlock-keychain") => {
            if !Path::new(&last).exists() {
                return Ok(failed(
                    "SecKeychainUnlock",
                    "The specified keychain could not be found.",
                ));
            }
            // A keychain that was there before has the password that its user gives first.
            let keychain = known.keychains.entry(last).or_insert_with(|| Keychain {
                password: password(),
                ..Keychain::default()
            });
            if keychain.password != password() {
                return Ok(failed(
                    "SecKeychainUnlock",
                    "The user name or passphrase you entered is not correct.",
                ));
            }
            keychain.unlocked = true;
        }
        Some("import") => return import(args, known, folder),
        Some("set-key-partition-list") => {
            let Some(keychain) = known
                .keychains
                .get_mut(&last)
                .filter(|keychain| keychain.unlocked)
            else {
                return Ok(failed(
                    "SecKeychainItemSetAccessWithPassword",
                    "The specified keychain could not be found.",
                ));
            };
            if keychain.password != password() || value(args, "-S").is_none() {
                return Ok(failed(
                    "SecKeychainItemSetAccessWithPassword",
                    "The user name or passphrase you entered is not correct.",
                ));
            }
            keychain.partitions = true;
        }
        Some("set-keychain-settings") => {
            if !known.keychains.contains_key(&last) {
                return Ok(failed(
                    "SecKeychainSetSettings",
                    "The specified keychain could not be found.",
                ));
            }
        }
        Some("list-keychains") => match args.iter().position(|arg| arg == "-s") {
            Some(at) => known.search = args.get(at + 1..).unwrap_or_default().to_vec(),
            None => {
                let lines: Vec<String> = known
                    .search
                    .iter()
                    .map(|path| format!("    \"{path}\"\n"))
                    .collect();
                return Ok(Ended::well(lines.concat()));
            }
        },
        Some("default-keychain") => match value(args, "-s") {
            Some(path) => known.default = Some(path.to_owned()),
            None => {
                return Ok(Ended::well(format!(
                    "    \"{}\"\n",
                    known.default.clone().unwrap_or_default()
                )));
            }
        },
        // The certificates of the file `intermediates.pem` are those of the search list.
        Some("find-certificate") => {
            let text = std::fs::read_to_string(folder.join("intermediates.pem")).unwrap_or_default();
            if text.is_empty() && !args.iter().any(|arg| arg == "-a") {
                return Ok(Ended::badly(
                    44,
                    "security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.\n",
                ));
            }
            return Ok(Ended::well(text));
        }
        Some("find-identity") => {
            let identities: Vec<&(String, String)> = known
                .keychains
                .values()
                .flat_map(|keychain| &keychain.identities)
                .collect();
            let mut text = String::new();
            for (index, (hash, name)) in identities.iter().enumerate() {
                text.push_str(&format!("  {}) {} \"{name}\"\n", index + 1, hash.to_uppercase()));
            }
            return Ok(Ended::well(format!(
                "{text}     {} valid identities found\n",
                identities.len()
            )));
        }
        _ => {
            return Ok(Ended::badly(
                2,
                "Usage: security [-h] [-i] [-l] [-p prompt] [-q] [-v] [command] [opt ...]\n",
            ));
        }
    }
    Ok(Ended::well(""))
}

fn import(args: &[String], known: &mut Known, folder: &Path) -> anyhow::Result<Ended> {
    let (Some(file), Some(path)) = (args.get(1), value(args, "-k")) else {
        return Ok(Ended::badly(
            2,
            "Usage: import inputfile [-k keychain] [-P passphrase] [-A]\n",
        ));
    };
    let Some(keychain) = known.keychains.get_mut(path).filter(|keychain| keychain.unlocked) else {
        return Ok(failed(
            "SecKeychainItemImport",
            "User interaction is not allowed.",
        ));
    };
    let bytes = std::fs::read(file)?;
    if signing_assets::Certificate::parse(&bytes).is_ok() {
        let path = folder.join("intermediates.pem");
        let mut pem = std::fs::read_to_string(&path).unwrap_or_default();
        pem.push_str(&crate::pki::pem("CERTIFICATE", &bytes));
        std::fs::write(path, pem)?;
        return Ok(Ended::well("1 certificate imported.\n"));
    }
    match signing_assets::read_p12(&bytes, value(args, "-P").unwrap_or_default()) {
        Ok(identities) => {
            for identity in &identities {
                let entry = (
                    identity.certificate.sha1.clone(),
                    identity.certificate.common_name.clone(),
                );
                if !keychain.identities.contains(&entry) {
                    keychain.identities.push(entry);
                }
            }
            Ok(Ended::well(format!("{} identity imported.\n", identities.len())))
        }
        Err(_) => Ok(failed(
            "SecKeychainItemImport",
            "MAC verification failed during PKCS12 import (wrong password?)",
        )),
    }
}

fn failed(function: &str, text: &str) -> Ended {
    Ended::badly(1, format!("security: {function}: {text}\n"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;

    #[test]
    fn builds_at_the_same_time_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<String> = (0..8)
            .map(|number| folder.path().join(number.to_string()).display().to_string())
            .collect();
        std::thread::scope(|scope| {
            for path in &paths {
                scope.spawn(|| {
                    play(&call(folder.path(), &["create-keychain", "-p", "a", path])).unwrap();
                });
            }
        });
        for path in &paths {
            assert_eq!(
                play(&call(folder.path(), &["unlock-keychain", "-p", "a", path]))
                    .unwrap()
                    .status,
                0
            );
            // One that nobody knows would take any password.
            assert_eq!(
                play(&call(folder.path(), &["unlock-keychain", "-p", "b", path]))
                    .unwrap()
                    .status,
                1
            );
        }
    }

    #[test]
    fn a_keychain_wants_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.keychain").display().to_string();
        let run = |args: &[&str]| play(&call(folder.path(), args)).unwrap();
        assert_eq!(run(&["unlock-keychain", "-p", "a", &path]).status, 1);
        assert_eq!(run(&["create-keychain", "-p", "a", &path]).status, 0);
        assert_eq!(run(&["create-keychain", "-p", "a", &path]).status, 1);
        assert_eq!(run(&["unlock-keychain", "-p", "b", &path]).status, 1);
        assert_eq!(run(&["unlock-keychain", "-p", "a", &path]).status, 0);
        run(&["list-keychains", "-d", "user", "-s", &path, "/login.keychain-db"]);
        assert_eq!(
            run(&["list-keychains", "-d", "user"]).stdout,
            format!("    \"{path}\"\n    \"/login.keychain-db\"\n")
        );
        assert_eq!(run(&["delete-everything"]).status, 2);
    }
}
