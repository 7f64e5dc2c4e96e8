//! What flags have in common, below all rooms that have options: defaults, and help texts made from tables.

/// The defaults of a group of flags: what an empty command line gives. So a default is written once, beside its flag.
pub fn defaults<T: clap::Args>() -> T {
    #[derive(clap::Parser)]
    struct Only<T: clap::Args> {
        #[command(flatten)]
        inner: T,
    }
    // invariant: every flag of a group has a default, which a test of the command line holds
    <Only<T> as clap::Parser>::try_parse_from(["defaults"])
        .unwrap_or_else(|e| panic!("a flag has no default: {e}"))
        .inner
}

/// Help for a flag that names a row of a table: `what`, then the names.
pub fn choices<T>(what: &str, table: &[T], name: fn(&T) -> &'static str) -> String {
    format!("{what}: {}", table.iter().map(name).collect::<Vec<_>>().join(", "))
}
