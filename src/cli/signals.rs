//! Ctrl-C and termination: the first asks for a clean stop, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Problem};

/// Flags that signals raise.
#[derive(Clone, Default)]
pub struct Signals {
    interrupted: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the handlers; where that is not possible, signals keep their usual meaning.
    pub fn install() -> Self {
        let signals = Self::default();
        let pairs = [
            (signal_hook::consts::SIGINT, &signals.interrupted, 130),
            (signal_hook::consts::SIGTERM, &signals.terminated, 143),
        ];
        for (signal, flag, code) in pairs {
            // in this order: a second signal finds the flag raised and exits, the first one raises it
            let _ = signal_hook::flag::register_conditional_shutdown(signal, code, flag.clone());
            let _ = signal_hook::flag::register(signal, flag.clone());
        }
        signals
    }

    /// The error to end with, once somebody asked.
    pub fn stop(&self) -> Option<Error> {
        self.stop_saying(Problem::new("stopped as asked; no unfinished file is left"))
    }

    /// The same for a training, which can go on.
    pub fn stop_saved(&self) -> Option<Error> {
        self.stop_saying(
            Problem::new("stopped as asked; everything up to here is saved").hint("--resume goes on from here"),
        )
    }

    fn stop_saying(&self, left: Problem) -> Option<Error> {
        match (self.interrupted.load(Ordering::Relaxed), self.terminated.load(Ordering::Relaxed)) {
            (true, _) => Some(Error::interrupted(left)),
            (_, true) => Some(Error::terminated(left)),
            _ => None,
        }
    }
}

/// A file-size limit must be an error of a write, not the death of the process.
#[cfg(unix)]
pub fn survive_file_limits() {
    const SIGXFSZ: i32 = 25;
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// Nothing to do elsewhere.
#[cfg(not(unix))]
pub fn survive_file_limits() {}
