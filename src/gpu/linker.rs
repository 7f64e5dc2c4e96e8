//! The WGSL linker: `#import lib/x` pulls a file in once, `#import <slot>` the file bound to that slot.
//!
//! Lines between `#for` and `#end` repeat ([`super::repeat`]). Nothing else is understood: no conditions, no pasted strings. A variant of a kernel is another file, either in a
//! slot or under a family's name: `network/linear` is looked up as `network/linear.<family>.wgsl` and then as
//! `network/linear.wgsl`. A line map leads from the linked text back to the file and line somebody wrote.

use include_dir::{Dir, include_dir};

use crate::error::{Error, Problem, Result};

/// Every shader, embedded in the binary.
pub static SHADERS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/shaders");

/// A shader text with all its imports in place.
#[derive(Debug, Clone)]
pub struct Linked {
    /// The whole text.
    pub text: String,
    /// For each line of `text`: the file and the line it came from.
    pub lines: Vec<(String, usize)>,
}

impl Linked {
    /// Where line `line` (from 1) of the linked text was written.
    pub fn origin(&self, line: usize) -> String {
        match self.lines.get(line.saturating_sub(1)) {
            Some((file, n)) => format!("shaders/{file}:{n}"),
            None => format!("line {line} of the linked text"),
        }
    }
}

/// Where shader texts come from: the binary, or a test.
pub trait Source {
    /// The text of `path` below `shaders/`, when there is such a file.
    fn text(&self, path: &str) -> Option<&str>;
}

/// The shaders in the binary.
pub struct Embedded;

impl Source for Embedded {
    fn text(&self, path: &str) -> Option<&str> {
        SHADERS.get_file(path).and_then(|f| f.contents_utf8())
    }
}

/// Links `kernel` for `family` with its slots filled.
pub fn link(source: &dyn Source, kernel: &str, slots: &[(&str, &str)], family: &str) -> Result<Linked> {
    let mut linker = Linker {
        source,
        slots,
        family,
        out: Linked { text: String::new(), lines: Vec::new() },
        done: Vec::new(),
        open: Vec::new(),
        used: Vec::new(),
    };
    linker.include(kernel)?;
    if let Some((name, file)) = slots.iter().find(|(name, _)| !linker.used.iter().any(|u| u == name)) {
        return Err(fault(format!("slot <{name}> is filled with {file} but {kernel} imports no such slot")));
    }
    super::repeat::expand(linker.out)
}

/// The path of the file that `name` stands for in `family`.
pub fn resolve(source: &dyn Source, name: &str, family: &str) -> Option<String> {
    // families but the panels rest on the tiles
    let below = if family == "panel" { family } else { "tile" };
    let paths = [format!("{name}.{family}.wgsl"), format!("{name}.{below}.wgsl"), format!("{name}.wgsl")];
    paths.into_iter().find(|path| source.text(path).is_some())
}

struct Linker<'a> {
    source: &'a dyn Source,
    slots: &'a [(&'a str, &'a str)],
    family: &'a str,
    out: Linked,
    done: Vec<String>,
    open: Vec<String>,
    used: Vec<String>,
}

impl Linker<'_> {
    fn include(&mut self, name: &str) -> Result<()> {
        let path = resolve(self.source, name, self.family)
            .ok_or_else(|| fault(format!("there is no shader file for {name}{}", self.importer())))?;
        if self.done.contains(&path) {
            return Ok(());
        }
        if self.open.contains(&path) {
            return Err(fault(format!("shaders import each other in a circle: {} -> {path}", self.open.join(" -> "))));
        }
        self.open.push(path.clone());
        // invariant: resolve found the text above
        let text = self.source.text(&path).unwrap_or_default();
        for (i, line) in text.lines().enumerate() {
            match line.trim().strip_prefix("#import ") {
                Some(target) => self.import(target.trim())?,
                None => {
                    self.out.text.push_str(line);
                    self.out.text.push('\n');
                    self.out.lines.push((path.clone(), i + 1));
                }
            }
        }
        self.open.pop();
        self.done.push(path);
        Ok(())
    }

    fn import(&mut self, target: &str) -> Result<()> {
        let Some(slot) = target.strip_prefix('<').and_then(|t| t.strip_suffix('>')) else {
            return self.include(target);
        };
        let Some((_, file)) = self.slots.iter().find(|(name, _)| *name == slot) else {
            return Err(fault(format!("slot <{slot}> is not filled{}", self.importer())));
        };
        self.used.push(slot.to_string());
        self.include(file)
    }

    fn importer(&self) -> String {
        self.open.last().map(|f| format!(", imported by shaders/{f}")).unwrap_or_default()
    }
}

fn fault(what: String) -> Error {
    Error::bug(Problem::new(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files(&'static [(&'static str, &'static str)]);
    impl Source for Files {
        fn text(&self, path: &str) -> Option<&str> {
            self.0.iter().find(|(p, _)| *p == path).map(|(_, t)| *t)
        }
    }

    const FILES: Files = Files(&[
        ("a.wgsl", "// a\n#import lib/b\n#import lib/b\n#import <s>\nlast"),
        ("lib/b.wgsl", "b1\nb2"),
        ("x.wgsl", "plain x"),
        ("x.fast.wgsl", "fast x"),
        ("c.wgsl", "#import d"),
        ("d.wgsl", "#import c"),
    ]);

    #[test]
    fn imports_come_once_and_lines_lead_back() {
        let linked = link(&FILES, "a", &[("s", "x")], "fast").unwrap();
        assert_eq!(linked.text, "// a\nb1\nb2\nfast x\nlast\n");
        assert_eq!(linked.origin(3), "shaders/lib/b.wgsl:2");
        assert_eq!(linked.origin(5), "shaders/a.wgsl:5");
        assert_eq!(link(&FILES, "a", &[("s", "x")], "slow").unwrap().text.lines().nth(3), Some("plain x"));
    }

    #[test]
    fn missing_surplus_and_circular_imports_are_named() {
        let said = |kernel, slots: &[(&str, &str)]| link(&FILES, kernel, slots, "").unwrap_err().to_string();
        assert!(said("a", &[]).contains("slot <s> is not filled, imported by shaders/a.wgsl"));
        assert!(said("x", &[("s", "x")]).contains("imports no such slot"));
        assert!(said("c", &[]).contains("circle"));
        assert!(said("nothing", &[]).contains("no shader file"));
    }
}
