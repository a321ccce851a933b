//! Signals: children end first, then what only a request can undo, then everything that guards clean up.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use command::Runner;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long children, and then the hooks, may take to end after a signal.
const GRACE: Duration = Duration::from_secs(10);

/// What is done when a signal ends the run.
#[derive(Clone, Default)]
pub(crate) struct ShutdownHooks {
    hooks: Rc<RefCell<Vec<Hook>>>,
    is_stopping: Rc<Cell<bool>>,
}

type Hook = Pin<Box<dyn Future<Output = ()>>>;

impl ShutdownHooks {
    pub(crate) fn add(&self, hook: impl Future<Output = ()> + 'static) {
        self.hooks.borrow_mut().push(Box::pin(hook));
    }

    /// Whether a signal has come.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.get()
    }

    async fn run(&self) {
        let all = self.hooks.take();
        for hook in all {
            hook.await;
        }
    }
}

impl std::fmt::Debug for ShutdownHooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShutdownHooks({})", self.hooks.borrow().len())
    }
}

/// A signal that ends a run, and the exit status that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interruption {
    pub(crate) name: &'static str,
    pub(crate) status: u8,
}

/// The signals that end a run. A closed terminal (SIGHUP) ends it like the others: what it holds must not stay behind.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Interruption {
        let (name, status) = tokio::select! {
            _ = self.hangup.recv() => ("SIGHUP", 129),
            _ = self.interrupt.recv() => ("SIGINT", 130),
            _ = self.terminate.recv() => ("SIGTERM", 143),
        };
        Interruption { name, status }
    }
}

/// Runs the step until it ends or a signal comes. Children get the signal from their runner and some time to
/// end by themselves; then the hooks run; then the step is dropped, with everything that its guards clean up. A second
/// signal ends the waiting at once.
pub(crate) async fn until_signal(
    step: impl Future<Output = anyhow::Result<()>>,
    runner: &Runner,
    hooks: &ShutdownHooks,
) -> anyhow::Result<Result<(), Interruption>> {
    let mut step = std::pin::pin!(step);
    let mut signals = Signals::listen()?;
    let first = tokio::select! {
        ended = &mut step => return ended.map(Ok),
        first = signals.next() => first,
    };
    hooks.is_stopping.set(true);
    let children_end = async {
        while runner.running() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let orderly = async {
        tokio::select! {
            _ = &mut step => {}
            _ = tokio::time::timeout(GRACE, children_end) => {}
        }
        // Bitrise ends an aborted build soon: what can't be done in time is left undone.
        let _ = tokio::time::timeout(GRACE, hooks.run()).await;
    };
    tokio::select! {
        () = orderly => {}
        _ = signals.next() => {}
    }
    Ok(Err(first))
}
