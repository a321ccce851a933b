//! `envman`, which hands outputs to the steps that follow.
//!
//! Facts: envman's `cli/add.go` and `configs.go`: the value comes from `--value`, `--valuefile` or standard
//! input; it is expanded later unless `--no-expand` is given; 256 KB per value and for all.

use serde_yaml::{Mapping, Value};

use super::{Call, Ended, value};

const LIMIT: usize = 256 * 1024;

/// The variable that names the store.
const STORE: &str = "ENVMAN_ENVSTORE_PATH";

pub(super) fn play(call: &Call) -> anyhow::Result<Ended> {
    match call.args.first().map(String::as_str) {
        Some("add") => add(call),
        Some("--version" | "version") => Ok(Ended::well("2.5.3\n")),
        _ => Ok(Ended::badly(1, "envman: the sandbox's envman only adds\n")),
    }
}

fn add(call: &Call) -> anyhow::Result<Ended> {
    let args = &call.args;
    let Some(key) = value(args, "--key")
        .or_else(|| value(args, "-k"))
        .filter(|key| !key.is_empty())
    else {
        return Ok(Ended::badly(1, "envman: key is required\n"));
    };
    let given = match (
        value(args, "--value").or_else(|| value(args, "-v")),
        value(args, "--valuefile"),
    ) {
        (Some(text), _) => text.to_owned(),
        (None, Some(file)) => std::fs::read_to_string(file)?,
        (None, None) => call.stdin.clone(),
    };
    if given.is_empty() && args.iter().any(|arg| arg == "--skip-if-empty") {
        return Ok(Ended::well(""));
    }
    let store = call
        .env
        .get(STORE)
        .map_or_else(|| call.directory.join("envstore.yml"), std::path::PathBuf::from);
    let text = std::fs::read_to_string(&store).unwrap_or_default();
    let mut document: Mapping = serde_yaml::from_str(&text).unwrap_or_default();
    let mut envs = document
        .get("envs")
        .and_then(Value::as_sequence)
        .cloned()
        .unwrap_or_default();
    let size: usize = envs.iter().filter_map(Value::as_mapping).map(size_of).sum();
    if given.len() > LIMIT || size + given.len() > LIMIT {
        let message = format!(
            "env var value too large: {key}: {} KB; the limit is {} KB\n",
            given.len() / 1024,
            LIMIT / 1024
        );
        return Ok(Ended::badly(1, message));
    }
    envs.retain(|item| item.as_mapping().is_none_or(|item| !item.contains_key(key)));
    let mut opts = Mapping::new();
    opts.insert(
        "is_expand".into(),
        (!args.iter().any(|arg| arg == "--no-expand")).into(),
    );
    opts.insert(
        "is_sensitive".into(),
        args.iter().any(|arg| arg == "--sensitive").into(),
    );
    let mut item = Mapping::new();
    item.insert(key.into(), given.into());
    item.insert("opts".into(), opts.into());
    envs.push(item.into());
    document.insert("envs".into(), envs.into());
    std::fs::write(store, serde_yaml::to_string(&document)?)?;
    Ok(Ended::well(""))
}

fn size_of(item: &Mapping) -> usize {
    item.iter()
        .filter(|(key, _)| key.as_str() != Some("opts"))
        .filter_map(|(_, value)| value.as_str())
        .map(str::len)
        .sum()
}

/// What is in a store, in its order.
pub fn read(store: &str) -> Vec<(String, String)> {
    let document: Mapping = serde_yaml::from_str(store).unwrap_or_default();
    let envs = document.get("envs").and_then(Value::as_sequence);
    envs.into_iter()
        .flatten()
        .filter_map(Value::as_mapping)
        .filter_map(|item| {
            let (key, value) = item.iter().find(|(key, _)| key.as_str() != Some("opts"))?;
            Some((key.as_str()?.to_owned(), value.as_str()?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;

    #[test]
    fn values_are_kept_in_order_and_within_limits() {
        let folder = tempfile::tempdir().unwrap();
        let mut piped = call(folder.path(), &["add", "--key", "A", "--no-expand"]);
        piped.stdin = "one$TWO\nthree".to_owned();
        assert_eq!(play(&piped).unwrap().status, 0);
        assert_eq!(
            play(&call(folder.path(), &["add", "--key", "B", "--value", "x"]))
                .unwrap()
                .status,
            0
        );
        let store = std::fs::read_to_string(folder.path().join("envstore.yml")).unwrap();
        assert_eq!(
            read(&store),
            [
                ("A".to_owned(), "one$TWO\nthree".to_owned()),
                ("B".to_owned(), "x".to_owned())
            ]
        );
        piped.stdin = "x".repeat(LIMIT + 1);
        let ended = play(&piped).unwrap();
        assert!(ended.status == 1 && ended.stderr.contains("256 KB"));
    }
}
