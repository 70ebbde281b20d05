//! A script's tokens: words with their quoting, and the operators between them.
//!
//! It reads what people write in manifests (POSIX shell with bash's commonest additions), in one pass, without ever
//! failing: what is not closed ends with the script.

/// A token of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, in pieces.
    Word(Vec<Piece>),
    /// A newline, or an operator that ends a command: `;`, `&&`, `||`, `|`, `&`, `(`, `)`, `;;`.
    Operator(&'static str),
    /// A redirection, together with the word after it.
    Redirection,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A text.
    Text {
        /// The text, without its quotes.
        text: String,
        /// Whether it was quoted.
        quoted: bool,
    },
    /// `$NAME`, `${NAME}`, `${NAME:-default}`, `$1`, `$@`.
    Variable {
        /// Its name, or the digit or sign of a parameter.
        name: String,
        /// What stands for it where it is not set or empty, as written.
        default: Option<String>,
        /// Whether it stands in double quotes.
        quoted: bool,
        /// As written.
        raw: String,
    },
    /// What only running it tells: `$(…)`, backticks, `$((…))`, `${NAME#…}`.
    Substitution {
        /// As written.
        raw: String,
        /// Whether it stands in double quotes.
        quoted: bool,
    },
}

/// Reads the tokens of `script`.
pub(super) struct Tokens<'s> {
    rest: &'s str,
    /// Delimiters of here-documents that begin after this line.
    here: Vec<HereDocument>,
}

struct HereDocument {
    delimiter: String,
    tabs_stripped: bool,
}

/// Operators, longest first.
const OPERATORS: [&str; 10] = [";;&", ";;", ";&", "&&", "||", "|&", ";", "|", "(", ")"];

impl<'s> Tokens<'s> {
    pub(super) fn of(script: &'s str) -> Self {
        Self { rest: script, here: Vec::new() }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Blanks, continued lines, and comments, which reach to the end of their line.
    fn skip_blanks(&mut self) {
        loop {
            let trimmed = self.rest.trim_start_matches([' ', '\t', '\r']);
            self.rest = trimmed;
            if let Some(after) = trimmed.strip_prefix("\\\n").or_else(|| trimmed.strip_prefix("\\\r\n")) {
                self.rest = after;
            } else if trimmed.starts_with('#') {
                self.skip(trimmed.find('\n').unwrap_or(trimmed.len()));
            } else {
                return;
            }
        }
    }

    /// Skips the here-documents that this line announced.
    fn skip_here_documents(&mut self) {
        for document in std::mem::take(&mut self.here) {
            while !self.rest.is_empty() {
                let line = self.rest.split('\n').next().unwrap_or_default();
                self.skip(line.len() + 1);
                let line = line.trim_end_matches('\r');
                let line = if document.tabs_stripped { line.trim_start_matches('\t') } else { line };
                if line == document.delimiter {
                    break;
                }
            }
        }
    }

    /// A redirection at this place: `>`, `2>&1`, `<<EOF`, `&>log`, `<<<word`. Its target goes with it.
    fn redirection(&mut self) -> Option<Token> {
        let after_digits = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = self.rest.len() - after_digits.len();
        let operator = ["<<<", "<<-", "<<", "&>>", "&>", ">>", ">&", "<&", ">|", "<>", ">", "<"]
            .into_iter()
            .find(|operator| after_digits.starts_with(operator))?;
        // `<(…)` is a file that a command writes: a word.
        if operator.len() == 1 && after_digits[1..].starts_with('(')
            || (digits > 0 && operator.starts_with('&'))
        {
            return None;
        }
        self.skip(digits + operator.len());
        self.skip_blanks();
        let target = if self.at_end_of_word() { Vec::new() } else { self.word() };
        if matches!(operator, "<<" | "<<-") {
            let delimiter = target.iter().map(Piece::raw).collect();
            self.here.push(HereDocument { delimiter, tabs_stripped: operator == "<<-" });
        }
        Some(Token::Redirection)
    }

    fn at_end_of_word(&self) -> bool {
        matches!(self.peek(), None | Some(' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>'))
    }

    fn word(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let flush = |text: &mut String, pieces: &mut Vec<Piece>, quoted: bool| {
            if !text.is_empty() || quoted {
                pieces.push(Piece::Text { text: std::mem::take(text), quoted });
            }
        };
        loop {
            if self.rest.starts_with("<(") || self.rest.starts_with(">(") {
                flush(&mut text, &mut pieces, false);
                let raw = self.bracketed(1, '(', ')');
                pieces.push(Piece::Substitution { raw, quoted: true });
                continue;
            }
            if self.at_end_of_word() {
                break;
            }
            let Some(c) = self.peek() else { break };
            match c {
                '\\' => {
                    let mut after = self.rest.chars().skip(1);
                    match after.next() {
                        Some('\n') => self.skip(2),
                        Some(escaped) => {
                            self.skip(1 + escaped.len_utf8());
                            flush(&mut text, &mut pieces, false);
                            pieces.push(Piece::Text { text: escaped.to_string(), quoted: true });
                        }
                        None => self.skip(1),
                    }
                }
                '\'' => {
                    flush(&mut text, &mut pieces, false);
                    let mut inner = self.single_quoted();
                    flush(&mut inner, &mut pieces, true);
                }
                '"' => {
                    flush(&mut text, &mut pieces, false);
                    self.skip(1);
                    self.double_quoted(&mut pieces);
                }
                '$' | '`' => {
                    flush(&mut text, &mut pieces, false);
                    pieces.push(self.expansion(false));
                }
                c => {
                    self.skip(c.len_utf8());
                    text.push(c);
                }
            }
        }
        flush(&mut text, &mut pieces, false);
        pieces
    }

    fn single_quoted(&mut self) -> String {
        self.skip(1);
        let end = self.rest.find('\'').unwrap_or(self.rest.len());
        let text = self.rest[..end].to_owned();
        self.skip(end + 1);
        text
    }

    /// From after the opening quote to after the closing one.
    fn double_quoted(&mut self, pieces: &mut Vec<Piece>) {
        let mut text = String::new();
        let before = pieces.len();
        while let Some(c) = self.peek() {
            match c {
                '"' => break,
                '\\' => {
                    let next = self.rest.chars().nth(1);
                    match next {
                        Some('\n') => self.skip(2),
                        Some(escaped @ ('$' | '`' | '"' | '\\')) => {
                            self.skip(2);
                            text.push(escaped);
                        }
                        _ => {
                            self.skip(1);
                            text.push('\\');
                        }
                    }
                }
                '$' | '`' => {
                    if !text.is_empty() {
                        pieces.push(Piece::Text { text: std::mem::take(&mut text), quoted: true });
                    }
                    pieces.push(self.expansion(true));
                }
                c => {
                    self.skip(c.len_utf8());
                    text.push(c);
                }
            }
        }
        self.skip(1);
        if !text.is_empty() || pieces.len() == before {
            pieces.push(Piece::Text { text, quoted: true });
        }
    }

    /// At a `$` or a backtick.
    fn expansion(&mut self, quoted: bool) -> Piece {
        if self.rest.starts_with('`') {
            let end = self.rest[1..].find('`').map_or(self.rest.len(), |end| end + 2);
            let raw = self.rest[..end].to_owned();
            self.skip(end);
            return Piece::Substitution { raw, quoted };
        }
        let after = &self.rest[1..];
        if after.starts_with('(') {
            return Piece::Substitution { raw: self.bracketed(1, '(', ')'), quoted };
        }
        if after.starts_with('{') {
            let raw = self.bracketed(1, '{', '}');
            return braced(raw, quoted);
        }
        // `$'…'` and `$"…"`: the quotes follow by themselves.
        if after.starts_with('\'') && !quoted {
            self.skip(1);
            let text = self.single_quoted();
            return Piece::Text { text, quoted: true };
        }
        let name_end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let starts_with_digit = after.starts_with(|c: char| c.is_ascii_digit());
        let length = match name_end {
            0 if after.starts_with(['@', '*', '#', '?', '$', '!', '-']) => 1,
            0 => {
                self.skip(1);
                return Piece::Text { text: "$".to_owned(), quoted: true };
            }
            // `$10` is `$1` and a nought.
            _ if starts_with_digit => 1,
            end => end,
        };
        let raw = self.rest[..=length].to_owned();
        self.skip(length + 1);
        Piece::Variable { name: raw[1..].to_owned(), default: None, quoted, raw }
    }

    /// What stands in brackets that open after `from` bytes, with everything before and both brackets. Quotes inside
    /// hide brackets.
    fn bracketed(&mut self, from: usize, open: char, close: char) -> String {
        let mut depth = 0_usize;
        let mut quote = None;
        let mut escaped = false;
        let mut end = self.rest.len();
        for (index, c) in self.rest.char_indices().skip(from) {
            match c {
                _ if escaped => escaped = false,
                '\\' if quote != Some('\'') => escaped = true,
                c if quote == Some(c) => quote = None,
                _ if quote.is_some() => {}
                '\'' | '"' => quote = Some(c),
                c if c == open => depth += 1,
                c if c == close => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        end = index + c.len_utf8();
                        break;
                    }
                }
                _ => {}
            }
        }
        let raw = self.rest[..end].to_owned();
        self.skip(end);
        raw
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blanks();
        let first = self.peek()?;
        if first == '\n' {
            self.skip(1);
            self.skip_here_documents();
            return Some(Token::Operator("\n"));
        }
        if let Some(redirection) = self.redirection() {
            return Some(redirection);
        }
        if let Some(operator) = OPERATORS.into_iter().find(|operator| self.rest.starts_with(operator)) {
            self.skip(operator.len());
            return Some(Token::Operator(operator));
        }
        if first == '&' {
            self.skip(1);
            return Some(Token::Operator("&"));
        }
        let before = self.rest.len();
        let pieces = self.word();
        if self.rest.len() == before {
            // Nothing that a word can hold: never stand still.
            self.skip(first.len_utf8());
        }
        Some(Token::Word(pieces))
    }
}

impl Piece {
    /// The piece as written, without quotes.
    pub(super) fn raw(&self) -> &str {
        match self {
            Self::Text { text, .. } => text,
            Self::Variable { raw, .. } | Self::Substitution { raw, .. } => raw,
        }
    }
}

/// `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:=default}`, `${@}`; other forms only the shell tells.
fn braced(raw: String, quoted: bool) -> Piece {
    let inner = raw.strip_prefix("${").and_then(|inner| inner.strip_suffix('}')).unwrap_or_default();
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let default = [":-", "-", ":=", "="].iter().find_map(|mark| rest.strip_prefix(mark)).map(str::to_owned);
    match (name, rest) {
        ("", "@" | "*") => Piece::Variable { name: rest.to_owned(), default: None, quoted, raw },
        ("", _) => Piece::Substitution { raw, quoted },
        // `${NAME:?message}` stops where it is not set.
        (_, rest) if rest.is_empty() || default.is_some() || rest.starts_with(":?") => {
            Piece::Variable { name: name.to_owned(), default, quoted, raw }
        }
        _ => Piece::Substitution { raw, quoted },
    }
}
