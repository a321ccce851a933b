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
       apple-sandbox tool NAME [ARGUMENT …]

  serve    stand in for Bitrise and App Store Connect on a loopback port, until interrupted; prints the variables
           that a step needs, and with --tools lays out stand-in tools for PATH
  tool     play a stand-in tool: envman, security, sw_vers, xcode-select, xcodebuild, xcrun";

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let own = arguments.next().unwrap_or_default();
    let name = Path::new(&own)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let rest: Vec<String> = arguments.collect();
    if tools::NAMES.contains(&name.as_str()) {
        return tool(&name, rest);
    }
    let outcome = match rest.first().map(String::as_str) {
        Some("tool") if rest.len() > 1 => return tool(&rest[1].clone(), rest[2..].to_vec()),
        Some("serve") => serve(&rest[1..]),
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
        tools::lay_out(&folder.join("bin"), &std::env::current_exe()?)?;
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
