//! Lines of a shader that repeat: `#for i in 0..DEPTH` up to `#end`, for sums that must stay in registers, where WGSL
//! would want every copy written out.
//!
//! Between the two, `${i}` stands for the number and `${i / 2 + 1}` for arithmetic with it (whole numbers, `+ - * / %`,
//! from left to right); `${i:xyzw}` picks the letter. A bound is such an expression too; names are `const NAME: u32 = 8u;` seen before.

use super::linker::Linked;
use crate::error::{Error, Problem, Result};

/// Writes every repetition out; each line keeps its origin.
pub fn expand(linked: Linked) -> Result<Linked> {
    if !linked.text.contains("#for ") {
        return Ok(linked);
    }
    let lines: Vec<(&str, &(String, usize))> = linked.text.lines().zip(&linked.lines).collect();
    let mut writer = Writer { out: Linked { text: String::new(), lines: Vec::new() }, names: Vec::new() };
    writer.block(&lines)?;
    Ok(writer.out)
}

type Line<'a> = (&'a str, &'a (String, usize));

struct Writer {
    out: Linked,
    names: Vec<(String, u32)>,
}

impl Writer {
    fn block(&mut self, lines: &[Line<'_>]) -> Result<()> {
        let mut i = 0;
        while i < lines.len() {
            let (text, origin) = lines[i];
            if let Some(head) = text.trim().strip_prefix("#for ") {
                let end = closing(lines, i)?;
                let (name, from, to) = self.head(head, origin)?;
                for n in from..to {
                    self.names.push((name.clone(), n));
                    self.block(&lines[i + 1..end])?;
                    self.names.pop();
                }
                i = end + 1;
                continue;
            }
            self.constant(text);
            let line = self.line(text, origin)?;
            self.out.text.push_str(&line);
            self.out.text.push('\n');
            self.out.lines.push(origin.clone());
            i += 1;
        }
        Ok(())
    }

    fn head(&self, head: &str, origin: &(String, usize)) -> Result<(String, u32, u32)> {
        let parts = head.split_once(" in ").and_then(|(name, range)| Some((name, range.split_once("..")?)));
        let (name, (from, to)) = parts.ok_or_else(|| fault(origin, head, "`#for NAME in FROM..TO`"))?;
        Ok((name.trim().to_string(), self.value(from, origin)?, self.value(to, origin)?))
    }

    /// Remembers `const NAME: u32 = 8u;`.
    fn constant(&mut self, text: &str) {
        let parsed = text.strip_prefix("const ").and_then(|rest| {
            let (name, value) = rest.split_once(": u32 = ")?;
            Some((name.to_string(), value.strip_suffix("u;")?.parse().ok()?))
        });
        self.names.extend(parsed);
    }

    fn line(&self, text: &str, origin: &(String, usize)) -> Result<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (inside, tail) = after.split_once('}').ok_or_else(|| fault(origin, text, "`}` after `${`"))?;
            out.push_str(before);
            match inside.split_once(':') {
                None => out.push_str(&self.value(inside, origin)?.to_string()),
                Some((expression, letters)) => {
                    let n = self.value(expression, origin)? as usize;
                    let letter = letters.chars().nth(n).ok_or_else(|| fault(origin, inside, "a letter for it"))?;
                    out.push(letter);
                }
            }
            rest = tail;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, expression: &str, origin: &(String, usize)) -> Result<u32> {
        let bad = |expected: &str| fault(origin, expression, expected);
        let one = |word: &str| -> Result<u32> {
            let known = || self.names.iter().rev().find(|(name, _)| name == word).map(|(_, n)| *n);
            word.parse().ok().or_else(known).ok_or_else(|| bad("numbers and names known here"))
        };
        let words: Vec<&str> = expression.split_whitespace().collect();
        let [first, rest @ ..] = &words[..] else { return Err(bad("an expression")) };
        rest.chunks(2).try_fold(one(first)?, |sum, pair| {
            let [operator, word] = pair else { return Err(bad("a number after every operator")) };
            let n = one(word)?;
            match *operator {
                "+" => sum.checked_add(n),
                "-" => sum.checked_sub(n),
                "*" => sum.checked_mul(n),
                "/" => sum.checked_div(n),
                "%" => sum.checked_rem(n),
                _ => None,
            }
            .ok_or_else(|| bad("+ - * / % with a result that is a u32"))
        })
    }
}

/// The line of the `#end` that belongs to the `#for` in line `open`.
fn closing(lines: &[Line<'_>], open: usize) -> Result<usize> {
    let mut depth = 0;
    for (i, (text, _)) in lines.iter().enumerate().skip(open) {
        match text.trim() {
            t if t.starts_with("#for ") => depth += 1,
            "#end" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(i);
        }
    }
    Err(fault(lines[open].1, lines[open].0, "an `#end` after it"))
}

fn fault(origin: &(String, usize), found: &str, expected: &str) -> Error {
    let place = format!("shaders/{}:{}", origin.0, origin.1);
    Error::bug(Problem::new("a repetition in a shader cannot be written out").at(place).found(found).expected(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<Linked> {
        let lines = (1..=text.lines().count()).map(|n| ("a.wgsl".to_string(), n)).collect();
        expand(Linked { text: text.into(), lines })
    }

    #[test]
    fn lines_repeat_and_keep_their_origin() {
        let text =
            "const N: u32 = 2u;\n#for i in 0..N\na${i};\n#for j in 1..N + 1\nb${i * 2 + j}.${j:xyzw};\n#end\n#end\nend";
        let out = expanded(text).unwrap();
        assert_eq!(out.text, "const N: u32 = 2u;\na0;\nb1.y;\nb2.z;\na1;\nb3.y;\nb4.z;\nend\n");
        assert_eq!(out.origin(6), "shaders/a.wgsl:5");
        assert_eq!(out.text.lines().count(), out.lines.len());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let said = |text: &str| expanded(text).unwrap_err().to_string();
        assert!(said("x\n#for i in 0..2\ny").contains("an `#end` after it"));
        assert!(said("#for i in 0..M\n#end").contains("names known here"));
        assert!(said("#for i from 0\n#end").contains("#for NAME in FROM..TO"));
        assert!(said("#for i in 0..1\n${i / 0}\n#end").contains("shaders/a.wgsl:2"));
        assert!(said("#for i in 4..5\n${i:xyzw}\n#end").contains("a letter for it"));
    }
}
