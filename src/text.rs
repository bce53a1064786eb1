//! Text that comes from files, made harmless where people and programs read it.
//!
//! A name in somebody else's store can hold an escape sequence of the terminal, a line break that ends a comment of LaTeX, or
//! a mark that turns the direction of writing. All of them are shown as Rust escapes them: `\u{1b}`.

use std::borrow::Cow;
use std::path::Path;

/// Text of several lines without any other control characters than line breaks and tabs.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_control(c) && !matches!(c, '\n' | '\t'))
}

/// Text without any control characters: one line.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_control)
}

/// A path as messages name it.
pub fn path(path: &Path) -> String {
    line(&path.to_string_lossy()).into_owned()
}

/// A cell of a table that spreadsheets may open: one line, and never a formula. Text that begins with `=`, `+`, `-` or `@` and
/// is no number gets an apostrophe in front, by which spreadsheets know that it's text.
pub fn cell(text: &str) -> Cow<'_, str> {
    let text = line(text);
    let begins = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let is_formula = text.trim_start().starts_with(begins) && text.parse::<f64>().is_err();
    if is_formula { Cow::Owned(format!("'{text}")) } else { text }
}

/// A JSON document whose strings have the same characters, but those that aren't seen escaped, which JSON would leave as they
/// are: a command to a terminal.
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for c in document.chars() {
        if is_control(c) && c != '\n' {
            // Beyond the first 65,536 characters an escape is two halves of one.
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character is none that is seen: control characters, marks that set the direction of writing, and those without a
/// width, by which two names can look alike.
pub fn is_control(c: char) -> bool {
    let is_unseen = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || is_unseen
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_escaped(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_all_else_stays() {
        assert_eq!(line("z2 → p4 ± 1 %"), "z2 → p4 ± 1 %");
        assert_eq!(line("a\x1b[31mb\u{9b}c\nd\u{202e}e"), r"a\u{1b}[31mb\u{9b}c\nd\u{202e}e");
        assert_eq!(line("z2\u{200b}\u{61c}\u{feff}"), r"z2\u{200b}\u{61c}\u{feff}");
        assert_eq!(visible("a\tb\nc\rd"), "a\tb\nc\\rd");
    }

    #[test]
    fn json_says_the_same_without_control_characters() {
        let value = serde_json::json!({ "a": "\u{9b}31m\u{7f}\u{202e}\u{e0041} → \n\u{1b}" });
        let document = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!document.chars().any(|c| is_control(c) && c != '\n'), "{document:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&document).unwrap(), value);
    }

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        for formula in ["=1+1", " =1+1", "＝1+1", "+SUM(A1)", "-x", "@A1", "=cmd|' /C calc'!A0"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        for harmless in ["-0.104", "+1", "-1e-7", "p4", "z2 - p4", ""] {
            assert_eq!(cell(harmless), harmless);
        }
        assert_eq!(cell("\t=1"), r"\t=1");
    }
}
