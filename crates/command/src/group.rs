//! A child's process group: signalled as one, and never left behind.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Kills the whole group when dropped before the child was seen to end.
pub struct Group {
    leader: Option<Pid>,
}

impl Group {
    /// The group that the child with this process ID leads.
    pub fn led_by(id: Option<u32>) -> Self {
        Self {
            leader: id.and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw),
        }
    }

    /// Sends a signal to every process of the group; one that is gone already is fine.
    pub fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // The only failure that matters here is "no such process", which is what we want.
            let _ = killpg(leader, signal);
        }
    }

    /// The child has ended: its group is not ours to kill any more.
    pub fn release(&mut self) {
        self.leader = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}
