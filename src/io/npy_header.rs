//! The dictionary at the start of an NPY file.
//!
//! A small parser of exactly what NumPy writes: nothing is evaluated, nothing recurses.

use crate::error::printable;

/// What is accepted, for messages.
const ACCEPTED: &str = "float16, float32, float64, or integers of 8 to 64 bits";

/// The type of one number in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dtype {
    /// `b'f'`, `b'i'` or `b'u'`.
    pub kind: u8,
    /// Bytes.
    pub size: usize,
    pub big_endian: bool,
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub dtype: Dtype,
    pub fortran: bool,
    pub shape: Vec<u64>,
}

impl Header {
    /// Reads the dictionary. The error is the whole complaint.
    pub fn parse(text: &[u8]) -> Parsed<Self> {
        Parser { text, at: 0 }.header()
    }
}

/// A reader of the one dictionary that NPY headers consist of. Errors are the whole complaint.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

type Parsed<T> = std::result::Result<T, String>;

impl Parser<'_> {
    fn header(mut self) -> Parsed<Header> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.skip(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            let repeated = match key.as_str() {
                "descr" => descr.replace(self.descr()?).is_some(),
                "fortran_order" => fortran.replace(self.boolean()?).is_some(),
                "shape" => shape.replace(self.shape()?).is_some(),
                _ => return Err(format!("the NPY header has an unknown key '{}'", printable(&key))),
            };
            if repeated {
                return Err(format!("the NPY header has '{key}' twice"));
            }
            if !self.skip(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        if self.peek().is_some() {
            return Err("the NPY header goes on after its dictionary".into());
        }
        let missing = |key: &str| format!("the NPY header lacks '{key}'");
        Ok(Header {
            dtype: descr.ok_or_else(|| missing("descr"))?,
            fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Parsed<()> {
        if self.skip(byte) {
            return Ok(());
        }
        let found = self.peek().map_or("its end".into(), |b| format!("'{}'", (b as char).escape_default()));
        Err(format!("the NPY header has {found} at byte {} where '{}' belongs", self.at, byte as char))
    }

    /// A quoted text without escapes.
    fn string(&mut self) -> Parsed<String> {
        let quote = self.peek().filter(|b| matches!(b, b'\'' | b'"'));
        let Some(quote) = quote else { return self.expect(b'\'').map(|()| String::new()) };
        let rest = &self.text[self.at + 1..];
        let end = rest.iter().position(|&b| b == quote).ok_or("the NPY header has a text without an end")?;
        self.at += end + 2;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn boolean(&mut self) -> Parsed<bool> {
        self.peek();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err("the NPY header's fortran_order is neither True nor False".into())
    }

    /// A tuple of at most 32 sizes.
    fn shape(&mut self) -> Parsed<Vec<u64>> {
        let mut shape = Vec::new();
        self.expect(b'(')?;
        while !self.skip(b')') {
            shape.push(self.integer()?);
            if shape.len() > 32 {
                return Err("the NPY header's shape has more than 32 dimensions".into());
            }
            if !self.skip(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn integer(&mut self) -> Parsed<u64> {
        self.peek();
        let digits = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let text = String::from_utf8_lossy(&self.text[self.at..self.at + digits]).into_owned();
        self.at += digits;
        // Python 2 wrote long integers with an L
        self.skip(b'L');
        match text.parse() {
            Ok(n) => Ok(n),
            Err(_) if text.is_empty() => Err("the NPY header's shape holds something that is no size".into()),
            Err(_) => Err(format!("the NPY header's shape overflows with {}", printable(&text))),
        }
    }

    /// The type; a list is a structured array.
    fn descr(&mut self) -> Parsed<Dtype> {
        if self.peek() == Some(b'[') {
            return Err(format!("structured arrays are not read, only {ACCEPTED}"));
        }
        let text = self.string()?;
        let (order, code) = match text.as_bytes() {
            [order @ (b'<' | b'>' | b'|' | b'='), code @ ..] => (*order, code),
            code => (b'=', code),
        };
        let native_big = order == b'=' && cfg!(target_endian = "big");
        let big_endian = order == b'>' || native_big;
        match code {
            [kind @ b'f', size @ (b'2' | b'4' | b'8')] | [kind @ (b'i' | b'u'), size @ (b'1' | b'2' | b'4' | b'8')] => {
                Ok(Dtype { kind: *kind, size: usize::from(size - b'0'), big_endian })
            }
            [b'O', ..] => Err("object arrays are never loaded: they hold Python pickles".into()),
            _ => Err(format!("numbers of type '{}' are not read, only {ACCEPTED}", printable(&text))),
        }
    }
}
