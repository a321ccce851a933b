//! Running commands: one place that starts processes.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use redaction::{Redactor, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::signal::unix::{SignalKind, signal};

use crate::group::Group;
use crate::{Arg, Command, Error, Line, Output, Source};

/// Lines of output that an error quotes.
const QUOTED_LINES: usize = 20;

/// Characters of a command line that a heartbeat quotes.
const SHOWN_CHARACTERS: usize = 80;

/// Captured output beyond so many bytes loses its middle.
const MOST_CAPTURED: usize = 64 << 20;

/// What is kept of the start of such output, in bytes.
const KEPT_START: usize = 1 << 20;

/// A line that is longer, in bytes, is shown in pieces.
const LONGEST_LINE: usize = 1 << 20;

/// How long a group that was told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A limit that a child exceeded.
#[derive(Clone, Copy)]
enum Limit {
    /// It ran for longer than this.
    Duration(Duration),
    /// It printed nothing for this long.
    Silence(Duration),
}

/// A limit that a child exceeded, and what it had said last: what it says on its way out is not the reason.
struct Exceeded {
    limit: Limit,
    last_lines: String,
}

/// Runs commands with the environment and the redactor of one run.
#[derive(Debug, Clone)]
pub struct Runner {
    redactor: Redactor,
    environment: Vec<(OsString, OsString)>,
    /// Children that run now, of this runner and its clones.
    running: Arc<AtomicUsize>,
}

impl Runner {
    /// A runner whose children get an empty environment, unless [`Runner::with_env`] gives them one.
    pub fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            environment: Vec::new(),
            running: Arc::default(),
        }
    }

    /// The variables that children start from.
    #[must_use]
    pub fn with_env(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        self.environment = variables.into_iter().collect();
        self
    }

    /// A variable that children start from.
    pub fn variable(&self, key: &str) -> Option<&OsStr> {
        let variable = self.environment.iter().rfind(|(name, _)| name == key);
        variable.map(|(_, value)| value.as_os_str())
    }

    /// The redactor that children's output passes.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// How many children of this runner and its clones run now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Where `program` is on the runner's `PATH`.
    pub fn find(&self, program: impl AsRef<OsStr>) -> Option<PathBuf> {
        let program = Path::new(program.as_ref());
        if program.components().count() > 1 {
            return is_executable(program).then(|| program.to_owned());
        }
        let path = self.variable("PATH")?;
        std::env::split_paths(path)
            .map(|folder| folder.join(program))
            .find(|candidate| is_executable(candidate))
    }

    /// Runs to the end and captures both streams as they are. An exit status other than 0 is not an error.
    ///
    /// # Errors
    /// When there is no such program, it can't be started, or it exceeds its limits.
    pub async fn output(&self, command: Command) -> Result<Output, Error> {
        self.run(&command, None).await
    }

    /// [`Runner::output`], where an exit status other than 0 is an error that quotes the last lines.
    ///
    /// # Errors
    /// As [`Runner::output`], and [`Error::Failed`].
    pub async fn checked(&self, command: Command) -> Result<Output, Error> {
        let output = self.run(&command, None).await?;
        if output.success() {
            return Ok(output);
        }
        let quoted = output.last_lines(QUOTED_LINES);
        Err(Error::Failed {
            command: self.shown(&command),
            status: output.code(),
            output: self.redactor.redact(&quoted).into_owned(),
        })
    }

    /// Runs to the end, hands each redacted line to `sink` as it comes, and captures the same.
    ///
    /// # Errors
    /// As [`Runner::output`].
    pub async fn stream(
        &self,
        command: Command,
        mut sink: impl FnMut(Line<'_>) + Send,
    ) -> Result<Output, Error> {
        self.run(&command, Some(&mut sink)).await
    }

    fn shown(&self, command: &Command) -> String {
        self.redactor.redact(&command.printable()).into_owned()
    }

    fn activity(&self, command: &Command) -> String {
        let shown = self.shown(command);
        match shown.char_indices().nth(SHOWN_CHARACTERS) {
            Some((end, _)) => format!("running `{}…`", &shown[..end]),
            None => format!("running `{shown}`"),
        }
    }

    /// Runs a command, and keeps it for a support trace where one is recorded.
    async fn run(
        &self,
        command: &Command,
        sink: Option<&mut (dyn FnMut(Line<'_>) + Send)>,
    ) -> Result<Output, Error> {
        let started = Instant::now();
        let outcome = self.perform(command, sink).await;
        support_trace::record(|| {
            let mut process = support_trace::Process {
                command: self.shown(command),
                milliseconds: support_trace::milliseconds(started.elapsed()),
                ..Default::default()
            };
            match &outcome {
                Ok(output) => {
                    process.ended = output.code().to_string();
                    process.stdout = support_trace::body(output.stdout.as_bytes());
                    process.stderr = support_trace::body(output.stderr.as_bytes());
                }
                Err(error) => process.ended = error.to_string(),
            }
            support_trace::Event::Process(process)
        });
        outcome
    }

    async fn perform(
        &self,
        command: &Command,
        mut sink: Option<&mut (dyn FnMut(Line<'_>) + Send)>,
    ) -> Result<Output, Error> {
        for secret in &command.secrets {
            self.redactor.learn_secret(secret);
        }
        let io = |source| Error::Io {
            command: self.shown(command),
            source,
        };
        tracing::debug!("$ {}", self.shown(command));
        // The step's heartbeat says what is running while a child is silent.
        let _activity = tracing::info_span!("activity", what = self.activity(command));
        let started = Instant::now();
        let mut child = self.start(command)?;
        let mut group = Group::led_by(child.id());
        let _running = Running::count_in(&self.running);
        let mut stdin = child.stdin.take();
        let input = command.stdin.clone().unwrap_or_default();
        let feed = async move {
            if let Some(pipe) = &mut stdin {
                // A child that ends without reading its input is its own business.
                let _ = pipe.write_all(&input).await;
            }
            drop(stdin);
        };
        let mut outs = [
            Capture::new(Source::Stdout, self.redactor.stream()),
            Capture::new(Source::Stderr, self.redactor.stream()),
        ];
        let mut stdout = child.stdout.take();
        let mut stderr = child.stderr.take();
        let mut buffers = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let mut interrupt = signal(SignalKind::interrupt()).map_err(io)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(io)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(io)?;
        let mut deadline = command.timeout.map(|limit| started + limit);
        let mut heard = Instant::now();
        let mut feed = std::pin::pin!(feed);
        let mut fed = false;
        let mut status = None;
        let mut exceeded: Option<Exceeded> = None;
        let mut last_heard = 0;
        while status.is_none() || stdout.is_some() || stderr.is_some() {
            let silence = command.silence_timeout.map(|limit| heard + limit);
            tokio::select! {
                () = &mut feed, if !fed => fed = true,
                read = read_some(stdout.as_mut(), &mut buffers.0), if stdout.is_some() => {
                    let count = read.map_err(io)?;
                    heard = Instant::now();
                    if count == 0 { stdout = None; } else { last_heard = 0; }
                    outs[0].take(&buffers.0[..count], &mut sink);
                }
                read = read_some(stderr.as_mut(), &mut buffers.1), if stderr.is_some() => {
                    let count = read.map_err(io)?;
                    heard = Instant::now();
                    if count == 0 { stderr = None; } else { last_heard = 1; }
                    outs[1].take(&buffers.1[..count], &mut sink);
                }
                ended = child.wait(), if status.is_none() => {
                    status = Some(ended.map_err(io)?);
                    if exceeded.is_some() {
                        // What the leader started and did not take along.
                        group.signal(Signal::SIGKILL);
                    }
                    // A grandchild that keeps the pipes open must not block the run forever.
                    deadline = Some(deadline.unwrap_or(Instant::now() + GRACE).min(Instant::now() + GRACE));
                }
                _ = interrupt.recv() => group.signal(Signal::SIGINT),
                _ = terminate.recv() => group.signal(Signal::SIGTERM),
                _ = hangup.recv() => group.signal(Signal::SIGHUP),
                () = until(deadline) => {
                    if status.is_some() { break; }
                    if exceeded.is_some() {
                        group.signal(Signal::SIGKILL);
                        deadline = None;
                    } else {
                        exceeded = command.timeout.map(|after| Exceeded {
                            limit: Limit::Duration(after),
                            last_lines: outs[last_heard].last_lines(),
                        });
                        group.signal(Signal::SIGTERM);
                        deadline = Some(Instant::now() + GRACE);
                    }
                }
                () = until(silence), if status.is_none() && exceeded.is_none() => {
                    exceeded = command.silence_timeout.map(|after| Exceeded {
                        limit: Limit::Silence(after),
                        last_lines: outs[last_heard].last_lines(),
                    });
                    group.signal(Signal::SIGTERM);
                    deadline = Some(Instant::now() + GRACE);
                }
            }
        }
        group.release();
        let Some(status) = status else {
            return Err(io(std::io::Error::other("the process was not seen to end")));
        };
        let [stdout, stderr] = outs.map(|out| out.finish(&mut sink));
        match exceeded {
            Some(exceeded) => Err(self.stopped(command, exceeded)),
            None => Ok(Output {
                status,
                stdout,
                stderr,
                duration: started.elapsed(),
            }),
        }
    }

    fn stopped(&self, command: &Command, exceeded: Exceeded) -> Error {
        let command = self.shown(command);
        let output = self.redactor.redact(&exceeded.last_lines).into_owned();
        match exceeded.limit {
            Limit::Duration(after) => Error::TimedOut {
                command,
                after,
                output,
            },
            Limit::Silence(after) => Error::Silent {
                command,
                after,
                output,
            },
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that starts processes"
    )]
    fn start(&self, command: &Command) -> Result<tokio::process::Child, Error> {
        let program = self.find(&command.program).ok_or_else(|| Error::NotFound {
            program: command.program.to_string_lossy().into_owned(),
        })?;
        let mut process = tokio::process::Command::new(program);
        process.env_clear();
        if !command.clear_environment {
            process.envs(self.environment.iter().map(|(key, value)| (key, value)));
        }
        for (key, value) in &command.changes {
            match value {
                Some(value) => process.env(key, value),
                None => process.env_remove(key),
            };
        }
        for arg in &command.args {
            match arg {
                Arg::Plain(arg) => process.arg(arg),
                Arg::Secret(arg) => process.arg(secrecy::ExposeSecret::expose_secret(arg)),
            };
        }
        if let Some(directory) = &command.directory {
            process.current_dir(directory);
        }
        let stdin = if command.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        process
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| Error::Spawn {
                command: self.shown(command),
                source,
            })
    }
}

/// Counts a child as running until dropped.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn count_in(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counter))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

async fn read_some<R: tokio::io::AsyncRead + Unpin>(
    pipe: Option<&mut R>,
    buffer: &mut [u8],
) -> std::io::Result<usize> {
    match pipe {
        Some(pipe) => pipe.read(buffer).await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// One stream of a child: raw where it is only captured, redacted and cut into lines where it is shown.
struct Capture {
    source: Source,
    redactor: Option<Stream>,
    captured: Vec<u8>,
    line: Vec<u8>,
}

impl Capture {
    fn new(source: Source, redactor: Stream) -> Self {
        Self {
            source,
            redactor: Some(redactor),
            captured: Vec::new(),
            line: Vec::new(),
        }
    }

    fn take(&mut self, piece: &[u8], sink: &mut Option<&mut (dyn FnMut(Line<'_>) + Send)>) {
        let Some(sink) = sink else {
            self.keep(piece);
            return;
        };
        let shown = self
            .redactor
            .as_mut()
            .map(|redactor| redactor.push(piece))
            .unwrap_or_default();
        self.show(&shown, *sink);
    }

    fn show(&mut self, shown: &[u8], sink: &mut (dyn FnMut(Line<'_>) + Send)) {
        self.keep(shown);
        self.line.extend_from_slice(shown);
        let mut start = 0;
        while let Some(length) = self.line[start..]
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'))
        {
            let end = start + length;
            sink(Line {
                source: self.source,
                text: &String::from_utf8_lossy(&self.line[start..end]),
            });
            // A carriage return redraws a progress line; before a line feed it is half a line break.
            let is_pair = self.line[end] == b'\r' && self.line.get(end + 1) == Some(&b'\n');
            start = end + if is_pair { 2 } else { 1 };
        }
        self.line.drain(..start);
        if self.line.len() > LONGEST_LINE {
            let line = std::mem::take(&mut self.line);
            sink(Line {
                source: self.source,
                text: &String::from_utf8_lossy(&line),
            });
        }
    }

    /// Captures the start and the end of what was printed: a program that prints without end must not fill the memory.
    fn keep(&mut self, shown: &[u8]) {
        self.captured.extend_from_slice(shown);
        if self.captured.len() > MOST_CAPTURED {
            let cut = self.captured.len() - MOST_CAPTURED / 2;
            self.captured.drain(KEPT_START..cut);
        }
    }

    /// The last lines so far.
    fn last_lines(&self) -> String {
        let text = String::from_utf8_lossy(&self.captured);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
    }

    fn finish(mut self, sink: &mut Option<&mut (dyn FnMut(Line<'_>) + Send)>) -> String {
        if let (Some(sink), Some(redactor)) = (sink, self.redactor.take()) {
            let rest = redactor.finish();
            self.show(&rest, *sink);
            if !self.line.is_empty() {
                let line = std::mem::take(&mut self.line);
                sink(Line {
                    source: self.source,
                    text: &String::from_utf8_lossy(&line),
                });
            }
        }
        String::from_utf8_lossy(&self.captured).into_owned()
    }
}
