//! The sandbox as a program: `apple-sandbox serve`, and the stand-in tools under their own names.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a command-line program of its own, not part of a step"
)]

use std::fs::Permissions;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use apple_sandbox::tools::{self, Call};
use apple_sandbox::{Fault, Kind, Places, Ports, RandomFaults, Replay, Sandbox, Seed, blocks};
use clap::{Args, Parser, Subcommand};

/// A stand-in for Bitrise, App Store Connect, and the Developer Portal, on a loopback port.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Stand in for Bitrise and Apple until interrupted, and print the variables that a step needs.
    Serve(Serve),
    /// Run a step against a sandbox of its own, in this directory, and print its outputs.
    Run {
        /// The step, such as `fastlane`; its binary lies beside this one.
        step: String,
        /// Inputs of the step.
        #[arg(value_name = "KEY=VALUE", value_parser = input)]
        inputs: Vec<(String, String)>,
    },
    /// Play a support trace again: what a run with `support_trace: yes` left in its deploy directory.
    Replay {
        /// The file.
        trace: PathBuf,
        /// The port; 0 for any that is free.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Play a stand-in for a macOS tool.
    Tool {
        /// One of envman, security, sw_vers, xcode-select, xcodebuild, xcrun, fastlane.
        name: String,
        /// The tool's own arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// The port; 0 for any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// What the sandbox knows at first (YAML); without it, a small app with certificates and devices.
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Answer every request so many milliseconds late.
    #[arg(long, value_name = "MS")]
    latency: Option<u64>,
    /// Lay out stand-in tools in this directory, for PATH.
    #[arg(long, value_name = "DIRECTORY")]
    tools: Option<PathBuf>,
    /// Let faults strike at random: 401, 429, 5xx, delays, lists that lag and change their order. The number says where
    /// chance begins.
    #[arg(long, value_name = "SEED", num_args = 0..=1, default_missing_value = "1")]
    random_faults: Option<u64>,
    /// Listen for TLS too, under Apple's host names, vouched for by a CA of this run; on any free port, or on this one.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    tls: Option<u16>,
    /// Be an HTTP proxy too, which leads Apple's hosts here; on any free port, or on this one.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    proxy: Option<u16>,
    /// Where the CA's certificate is written; by default a file in a new temporary directory.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// An input of a step.
fn input(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let own = arguments.next().unwrap_or_default();
    let name = Path::new(&own)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if tools::is_known(&name) {
        return tool(&name, arguments.collect());
    }
    let outcome = match Arguments::parse().task {
        Task::Tool { name, arguments } => return tool(&name, arguments),
        Task::Serve(options) => serve(&options).map(|()| ExitCode::SUCCESS),
        Task::Replay { trace, port } => replay(&trace, port).map(|()| ExitCode::SUCCESS),
        Task::Run { step, inputs } => run(&step, &inputs),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
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
        eprintln!("error: there is no tool `{name}`; see `apple-sandbox tool --help`");
        return ExitCode::from(2);
    };
    let _ = std::io::stdout().write_all(ended.stdout.as_bytes());
    let _ = std::io::stderr().write_all(ended.stderr.as_bytes());
    ExitCode::from(ended.status)
}

fn serve(options: &Serve) -> anyhow::Result<()> {
    let mut seed = match &options.seed {
        None => Seed::default(),
        Some(path) => {
            Seed::parse(&std::fs::read_to_string(path).with_context(|| path.display().to_string())?)?
        }
    };
    if let Some(number) = options.random_faults {
        seed.random_faults = RandomFaults::Seed(number);
    }
    let ports = Ports {
        http: options.port,
        https: options.tls,
        proxy: options.proxy,
    };
    let sandbox = Sandbox::start_on(&seed, ports)?;
    if let Some(milliseconds) = options.latency {
        sandbox.fail(Fault::always("", Kind::Latency { milliseconds }));
    }
    for (key, value) in sandbox.environment() {
        println!("export {key}='{value}'");
    }
    if let Some(folder) = &options.tools {
        let folder = std::path::absolute(folder).with_context(|| folder.display().to_string())?;
        let path = std::env::var("PATH").unwrap_or_default();
        tools::lay_out_beside(&folder.join("bin"), &std::env::current_exe()?, &path)?;
        let quoted = |path: &Path| path.display().to_string().replace('\'', "'\\''");
        println!("export {}='{}'", tools::DIRECTORY, quoted(&folder));
        println!("export PATH='{}':\"$PATH\"", quoted(&folder.join("bin")));
    }
    std::io::stdout().flush()?;
    let ca = sandbox
        .ca()
        .map(|pem| write_ca(pem, options.ca.as_deref()))
        .transpose()?;
    let places = Places {
        http: sandbox.url(),
        https: sandbox.https_url(),
        proxy: sandbox.proxy_url(),
        ca: ca.as_deref(),
    };
    // Standard output is for scripts: it holds nothing but variables.
    eprintln!("{}", blocks(&places, &sandbox.state()));
    let others = [("TLS", &places.https), ("the proxy", &places.proxy)];
    for (what, url) in others
        .iter()
        .filter_map(|(what, url)| Some((what, url.as_ref()?)))
    {
        eprintln!("{what}: {url}");
    }
    eprintln!(
        "The sandbox listens on {} until it is interrupted; open the address for its page.",
        sandbox.url()
    );
    loop {
        std::thread::park();
    }
}

fn replay(trace: &Path, port: u16) -> anyhow::Result<()> {
    let named = || trace.display().to_string();
    let replay = Replay::parse(&std::fs::read_to_string(trace).with_context(named)?).with_context(named)?;
    let ports = Ports {
        http: port,
        ..Ports::default()
    };
    let sandbox = Sandbox::start_on(&Seed::default(), ports)?;
    let (step, exchanges) = (replay.run.step.clone(), replay.len());
    sandbox.state().play(replay);
    for (key, value) in sandbox.environment() {
        println!("export {key}='{value}'");
    }
    std::io::stdout().flush()?;
    eprintln!(
        "The sandbox plays {exchanges} exchanges of a run of \"{step}\" again on {} until it is interrupted.",
        sandbox.url()
    );
    loop {
        std::thread::park();
    }
}

/// Writes the CA's certificate where every client may read it. It is no secret; its key is written nowhere.
fn write_ca(pem: &str, path: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = match path {
        Some(path) => std::path::absolute(path)?,
        None => {
            let folder = tempfile::Builder::new()
                .prefix("apple-sandbox-ca-")
                .permissions(Permissions::from_mode(0o755))
                .tempdir()?;
            folder.keep().join("ca.pem")
        }
    };
    let named = || format!("the CA's certificate can't be written to {}", path.display());
    // Another file that is there is replaced whole, never written through a link.
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(named)?;
    file.write_all(pem.as_bytes()).with_context(named)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))
        .with_context(named)?;
    file.persist(&path).with_context(named)?;
    Ok(path)
}

/// Runs a step against a sandbox of its own. Its home and temporary directory are its own, too: nothing of the user's is
/// touched but what the inputs name.
fn run(step: &str, inputs: &[(String, String)]) -> anyhow::Result<ExitCode> {
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
    command.envs(inputs.iter().map(|(key, value)| (key, value)));
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
