//! The sandbox as a program: `apple-sandbox serve`, and the stand-in tools under their own names.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a command-line program of its own, not part of a step"
)]

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use apple_sandbox::tools::{self, Call};
use apple_sandbox::{Fault, Kind, Sandbox, Seed};

const USAGE: &str = "usage: apple-sandbox serve [--port PORT] [--seed FILE] [--latency MS] [--tools FOLDER]
       apple-sandbox run STEP [KEY=VALUE …]
       apple-sandbox tool NAME [ARGUMENT …]

  serve    stand in for Bitrise and App Store Connect on a loopback port, until interrupted; prints the variables
           that a step needs, and with --tools lays out stand-in tools for PATH
  run      run a step's binary, which lies beside this one, against a sandbox of its own, in this folder; the keys are
           the step's inputs; prints the outputs
  tool     play a stand-in tool: envman, security, sw_vers, xcode-select, xcodebuild, xcrun, fastlane";

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let own = arguments.next().unwrap_or_default();
    let name = Path::new(&own)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let rest: Vec<String> = arguments.collect();
    if tools::is_known(&name) {
        return tool(&name, rest);
    }
    let outcome = match rest.first().map(String::as_str) {
        Some("tool") if rest.len() > 1 => return tool(&rest[1].clone(), rest[2..].to_vec()),
        Some("serve") => serve(&rest[1..]),
        Some("run") if rest.len() > 1 => match run(&rest[1], &rest[2..]) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tool(name: &str, args: Vec<String>) -> ExitCode {
    let mut stdin = String::new();
    // Only envman reads its input; the others must not wait for one.
    let reads = name == "envman" && !args.iter().any(|arg| arg == "--value" || arg == "--valuefile");
    if reads && !std::io::stdin().is_terminal() {
        let _ = std::io::stdin().read_to_string(&mut stdin);
    }
    let directory = std::env::var_os(tools::DIRECTORY).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let call = Call {
        args,
        env: std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        stdin,
        directory,
    };
    let Some(ended) = tools::play(name, &call) else {
        eprintln!("error: there is no tool `{name}`\n{USAGE}");
        return ExitCode::from(2);
    };
    let _ = std::io::stdout().write_all(ended.stdout.as_bytes());
    let _ = std::io::stderr().write_all(ended.stderr.as_bytes());
    ExitCode::from(ended.status)
}

fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let mut seed = Seed::default();
    let (mut port, mut latency, mut folder) = (0, None, None);
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let value = rest.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--port" => port = value.parse().with_context(|| format!("`{value}` is no port"))?,
            "--latency" => {
                latency = Some(
                    value
                        .parse()
                        .with_context(|| format!("`{value}` is no number of milliseconds"))?,
                );
            }
            "--seed" => seed = Seed::parse(&std::fs::read_to_string(value).with_context(|| value.clone())?)?,
            "--tools" => folder = Some(PathBuf::from(value)),
            other => bail!("unknown option {other}\n{USAGE}"),
        }
    }
    let sandbox = Sandbox::start_on(&seed, port)?;
    if let Some(milliseconds) = latency {
        sandbox.fail(Fault::always("", Kind::Latency { milliseconds }));
    }
    for (key, value) in sandbox.environment() {
        println!("export {key}='{value}'");
    }
    if let Some(folder) = folder {
        let path = std::env::var("PATH").unwrap_or_default();
        tools::lay_out_beside(&folder.join("bin"), &std::env::current_exe()?, &path)?;
        println!("export {}='{}'", tools::DIRECTORY, folder.display());
        println!("export PATH='{}':\"$PATH\"", folder.join("bin").display());
    }
    std::io::stdout().flush()?;
    eprintln!(
        "The sandbox listens on {} until it is interrupted.",
        sandbox.url()
    );
    loop {
        std::thread::park();
    }
}

/// Runs a step against a sandbox of its own. Its home and temporary directory are its own, too: nothing of the user's is
/// touched but what the inputs name.
fn run(step: &str, inputs: &[String]) -> anyhow::Result<ExitCode> {
    let own = std::env::current_exe()?;
    let binary = own.with_file_name(format!("step-{step}"));
    anyhow::ensure!(
        binary.is_file(),
        "there is no step `{step}`: {} is not there",
        binary.display()
    );
    let lab = tempfile::Builder::new().prefix("apple-sandbox-").tempdir()?;
    let (home, state) = (lab.path().join("home"), lab.path().join("tools"));
    std::fs::create_dir_all(home.join("Library/Keychains"))?;
    std::fs::create_dir_all(lab.path().join("tmp"))?;
    let path = std::env::var("PATH").unwrap_or_default();
    tools::lay_out_beside(&state.join("bin"), &own, &path)?;
    let sandbox = Sandbox::start(&Seed::default())?;
    let mut command = std::process::Command::new(binary);
    command
        .envs(sandbox.environment())
        .env("PATH", format!("{}:{path}", state.join("bin").display()))
        .env(tools::DIRECTORY, &state)
        .env("ENVMAN_ENVSTORE_PATH", state.join("envstore.yml"))
        .env("HOME", &home)
        .env("TMPDIR", lab.path().join("tmp"))
        .env("BITRISE_KEYCHAIN_PASSWORD", "sandbox-keychain");
    for input in inputs {
        let (key, value) = input
            .split_once('=')
            .with_context(|| format!("`{input}` is not KEY=VALUE\n{USAGE}"))?;
        command.env(key, value);
    }
    let status = command.status().context("the step can't be run")?;
    let store = std::fs::read_to_string(state.join("envstore.yml")).unwrap_or_default();
    println!("\nOutputs:");
    for (key, value) in tools::envman::read(&store) {
        println!("{key}={value}");
    }
    Ok(ExitCode::from(
        u8::try_from(status.code().unwrap_or(1)).unwrap_or(1),
    ))
}
