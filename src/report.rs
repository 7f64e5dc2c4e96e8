//! One HTML file that needs nothing else: pictures as data URIs, no script, no network.

use std::fmt::Write;

/// A page under construction.
pub struct Page {
    body: String,
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1b1f24;background:#fff}h1{line-height:1.2}h2{margin-top:2.5rem;border-bottom:1px solid #d8dde3}\
table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{border-bottom:1px solid #e4e8ec;padding:.3rem .6rem;\
text-align:left;vertical-align:top;font-variant-numeric:tabular-nums}img{max-width:100%;height:auto}\
figure{margin:1rem 0}figcaption{color:#57606a;font-size:.9rem}pre{background:#f5f7f9;padding:1rem;overflow-x:auto;\
font-size:.85rem}.warns{color:#a40e26;font-weight:600}";

/// Text made safe between tags and within attributes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Base64 (RFC 4648).
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for piece in bytes.chunks(3) {
        let byte = |i: usize| u32::from(piece.get(i).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= piece.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

impl Page {
    /// A page with a title.
    pub fn new(title: &str) -> Self {
        Self { body: format!("<h1>{}</h1>\n", escaped(title)) }
    }
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        // writing to a string cannot fail
        let _ = self.body.write_fmt(text);
    }
    /// A section.
    pub fn section(&mut self, title: &str) {
        self.add(format_args!("<h2>{}</h2>\n", escaped(title)));
    }
    /// A paragraph.
    pub fn say(&mut self, text: &str) {
        self.add(format_args!("<p>{}</p>\n", escaped(text)));
    }
    /// Text as it is, such as a file or a command.
    pub fn code(&mut self, text: &str) {
        self.add(format_args!("<pre>{}</pre>\n", escaped(text)));
    }
    /// A picture (`image/png`, `image/gif`) with what it is.
    pub fn picture(&mut self, kind: &str, bytes: &[u8], caption: &str) {
        let (data, caption) = (base64(bytes), escaped(caption));
        self.add(format_args!(
            "<figure><img alt=\"{caption}\" src=\"data:{kind};base64,{data}\"><figcaption>{caption}</figcaption></figure>\n"
        ));
    }
    /// A table; rows that begin with `!` in their first cell are marked.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let line = |cells: &mut dyn Iterator<Item = String>, tag: &str, class: &str| -> String {
            let inner: String = cells.map(|c| format!("<{tag}>{}</{tag}>", escaped(&c))).collect();
            format!("<tr{class}>{inner}</tr>\n")
        };
        let mut text = line(&mut head.iter().map(|h| (*h).to_string()), "th", "");
        for row in rows {
            let marked = row.first().is_some_and(|c| c.starts_with('!'));
            let mut cells = row.iter().map(|c| c.trim_start_matches('!').to_string());
            text.push_str(&line(&mut cells, "td", if marked { " class=\"warns\"" } else { "" }));
        }
        self.add(format_args!("<table>\n{text}</table>\n"));
    }
    /// The whole file.
    pub fn finish(self, title: &str) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style></head>\n<body>\n{}</body></html>\n",
            escaped(title),
            self.body
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_the_vectors_of_rfc_4648() {
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, code) in vectors {
            assert_eq!(base64(text.as_bytes()), code);
        }
    }

    #[test]
    fn what_comes_from_outside_cannot_become_markup() {
        let mut page = Page::new("<script>");
        page.table(&["a"], &[vec!["!<b>\"".into()]]);
        let text = page.finish("x");
        assert!(!text.contains("<script>") && !text.contains("<b>") && text.contains("&lt;b&gt;&quot;"));
    }
}
