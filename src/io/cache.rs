//! Where a user's caches lie.

use std::path::PathBuf;

/// The directory for what this program may lose at any time, by the custom of the system: `XDG_CACHE_HOME` or `~/.cache`,
/// `~/Library/Caches`, `LOCALAPPDATA`. None where the variables are not set to absolute paths. Not made here.
pub fn cache_dir() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let home = |below: &str| variable("HOME").map(|h| h.join(below));
    let base = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_CACHE_HOME").or_else(|| home(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" }))
    };
    base.map(|b| b.join("scorefield"))
}
