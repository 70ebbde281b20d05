//! The commands of a script.

use std::collections::BTreeMap;

use super::token::{Piece, Token, Tokens};
use crate::inspect::variables::LONGEST_TOGETHER;
use crate::inspect::{PointerBuf, Told, Variables, Word};

/// How much one variable may hold, and how deep defaults may stand in defaults.
const LONGEST_VALUE: usize = 32 << 10;
const DEEPEST: usize = 8;

/// What a word costs beside its text when it is copied.
const WORD: usize = 64;

/// A command that a script runs.
#[derive(Debug, Clone, Copy)]
pub(in crate::inspect) struct Command<'r> {
    /// Its words, the program first.
    pub words: &'r [Word],
    /// What the script has exported before.
    pub exported: &'r BTreeMap<String, Told<String>>,
    /// What stands before the command itself: `A=b command`.
    pub own: &'r BTreeMap<String, Told<String>>,
}

/// Shows `visit` the commands of `script` in the order written, but for assignments. `parameters` begin with `$0`.
pub(in crate::inspect) fn read_script(
    script: &Word,
    parameters: &[Word],
    variables: &Variables<'_>,
    visit: &mut dyn FnMut(Command<'_>),
) {
    let mut reader = Reader {
        variables,
        at: &script.at,
        parameters: parameters.to_vec(),
        values: BTreeMap::new(),
        arrays: BTreeMap::new(),
        exported: BTreeMap::new(),
        blocks: Vec::new(),
        conditions: 0,
        functions: 0,
        sourced: false,
        chained: false,
        left: LONGEST_TOGETHER,
        visit,
    };
    reader.run(&script.text);
}

/// What a `(`, a keyword or a `{` opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// `if`, `for`, `while`, `until`, `select`.
    Conditional,
    /// The body of a function.
    Function,
    /// `case`, with whether the next word is a pattern.
    Case { at_pattern: bool },
    /// `{` or `(`.
    Group,
}

struct Reader<'s, 'v> {
    variables: &'s Variables<'v>,
    at: &'s PointerBuf,
    parameters: Vec<Word>,
    values: BTreeMap<String, Told<String>>,
    arrays: BTreeMap<String, Vec<Word>>,
    exported: BTreeMap<String, Told<String>>,
    blocks: Vec<Block>,
    /// How many of `blocks` decide whether their commands run, and how many are functions.
    conditions: usize,
    functions: usize,
    /// Whether another file may have set any variable.
    sourced: bool,
    /// Whether the command stands after `&&` or `||`.
    chained: bool,
    /// How much text may still be expanded: values of values grow without end.
    left: usize,
    visit: &'s mut dyn FnMut(Command<'_>),
}

impl Reader<'_, '_> {
    fn run(&mut self, script: &str) {
        let mut tokens = Tokens::of(script);
        let mut command: Vec<Vec<Piece>> = Vec::new();
        while let Some(token) = tokens.next() {
            if self.skips_as_pattern(&token) {
                continue;
            }
            match token {
                Token::Redirection => {}
                Token::Operator("(") => match command.as_slice() {
                    [word] if array_name(word).is_some() => {
                        self.array(&command.remove(0), &mut tokens);
                    }
                    [_] => {
                        // `name() {`
                        command.clear();
                        self.open(Block::Function);
                        self.function_head(&mut tokens);
                    }
                    _ => {
                        self.finish(&mut command);
                        self.open(Block::Group);
                    }
                },
                Token::Operator(operator) => {
                    self.finish(&mut command);
                    self.after(operator);
                }
                Token::Word(pieces) => {
                    let keyword = if command.is_empty() { plain(&pieces) } else { None };
                    if !keyword.is_some_and(|keyword| self.keyword(keyword, &mut tokens)) {
                        command.push(pieces);
                    }
                }
            }
        }
        self.finish(&mut command);
    }

    /// The patterns of a `case`, up to their `)`.
    fn skips_as_pattern(&mut self, token: &Token) -> bool {
        let Some(Block::Case { at_pattern }) = self.blocks.last_mut() else { return false };
        if !*at_pattern {
            return false;
        }
        match token {
            Token::Operator(")") => *at_pattern = false,
            Token::Word(pieces) if plain(pieces) == Some("esac") => self.close(),
            _ => {}
        }
        true
    }

    /// From after `name(` to the `{` of the body.
    fn function_head(&mut self, tokens: &mut Tokens<'_>) {
        for token in tokens.by_ref() {
            match token {
                Token::Operator(")" | "\n") => {}
                _ => return,
            }
        }
    }

    fn after(&mut self, operator: &'static str) {
        self.chained = matches!(operator, "&&" | "||");
        match operator {
            ")" if self.blocks.last() == Some(&Block::Group) => self.close(),
            ";;" | ";;&" | ";&" => {
                if let Some(Block::Case { at_pattern }) = self.blocks.last_mut() {
                    *at_pattern = true;
                }
            }
            _ => {}
        }
    }

    /// Whether `word`, the first of a command, is a keyword.
    fn keyword(&mut self, word: &str, tokens: &mut Tokens<'_>) -> bool {
        match word {
            "if" | "while" | "until" => self.open(Block::Conditional),
            "for" | "select" => {
                self.open(Block::Conditional);
                if let Some(Token::Word(name)) = tokens.next() {
                    self.values.insert(name.iter().map(Piece::raw).collect(), Told::Unknown);
                }
                for token in tokens.by_ref() {
                    if matches!(token, Token::Operator(";" | "\n")) {
                        break;
                    }
                }
            }
            "case" => {
                for token in tokens.by_ref() {
                    match token {
                        Token::Word(pieces) if plain(&pieces) != Some("in") => {}
                        _ => break,
                    }
                }
                self.open(Block::Case { at_pattern: true });
            }
            "function" => {
                self.open(Block::Function);
                for token in tokens.by_ref() {
                    if matches!(&token, Token::Word(pieces) if plain(pieces) == Some("{")) {
                        break;
                    }
                }
            }
            "{" => self.open(Block::Group),
            "fi" | "done" | "esac" | "}" => self.close(),
            "then" | "else" | "elif" | "do" | "!" => self.chained = false,
            _ => return false,
        }
        true
    }

    fn open(&mut self, block: Block) {
        self.conditions += usize::from(block != Block::Group);
        self.functions += usize::from(block == Block::Function);
        self.blocks.push(block);
    }

    fn close(&mut self) {
        if let Some(block) = self.blocks.pop() {
            self.conditions -= usize::from(block != Block::Group);
            self.functions -= usize::from(block == Block::Function);
        }
    }

    fn conditional(&self) -> bool {
        self.conditions > 0
    }

    /// In a function `$1` and `$@` are its own.
    fn in_function(&self) -> bool {
        self.functions > 0
    }

    /// `NAME=(…)` and `NAME+=(…)`.
    fn array(&mut self, word: &[Piece], tokens: &mut Tokens<'_>) {
        let mut elements = Vec::new();
        for token in tokens.by_ref() {
            match token {
                Token::Operator(")") => break,
                Token::Word(pieces) => elements.extend(self.expand(&pieces)),
                Token::Operator(_) | Token::Redirection => {}
            }
        }
        let Some((name, appends)) = array_name(word) else { return };
        if self.conditional() || self.chained {
            // Whether they are there only the run tells.
            let text = format!("${{{name}[@]}}");
            elements = vec![self.unknown(text, true)];
        }
        if appends {
            self.arrays.entry(name.to_owned()).or_default().extend(elements);
        } else {
            self.arrays.insert(name.to_owned(), elements);
        }
    }

    /// A command is complete: assigns, or notes it.
    fn finish(&mut self, command: &mut Vec<Vec<Piece>>) {
        let pieces = std::mem::take(command);
        let assignments = pieces.iter().take_while(|word| assignment(word).is_some()).count();
        let mut own = BTreeMap::new();
        for word in &pieces[..assignments] {
            if let Some((name, value)) = self.assigned(word) {
                own.insert(name, value);
            }
        }
        let mut words: Vec<Word> = Vec::new();
        for word in &pieces[assignments..] {
            words.extend(self.expand(word));
        }
        if words.is_empty() {
            for (name, value) in own {
                self.assign(name, value);
            }
        } else if !self.built_in(&words, &pieces[assignments..]) {
            (self.visit)(Command { words: &words, exported: &self.exported, own: &own });
        }
    }

    /// Commands that change what the shell knows.
    fn built_in(&mut self, words: &[Word], pieces: &[Vec<Piece>]) -> bool {
        match words[0].text.as_str() {
            "export" | "declare" | "local" | "readonly" | "typeset" => {
                let exports = words[0].text == "export";
                for word in &pieces[1..] {
                    match self.assigned(word) {
                        Some((name, value)) => {
                            self.assign(name.clone(), value);
                            if exports {
                                self.export(name);
                            }
                        }
                        None if exports => {
                            let name: String = word.iter().map(Piece::raw).collect();
                            self.export(name);
                        }
                        None => {}
                    }
                }
            }
            "read" | "mapfile" | "readarray" | "getopts" | "unset" => {
                for word in words.iter().skip(1).filter(|word| !word.text.starts_with('-')) {
                    self.assign(word.text.clone(), Told::Unknown);
                }
            }
            "source" | "." => self.sourced = true,
            "shift" => {
                let unknown = self.unknown("$@".to_owned(), true);
                self.parameters = vec![unknown.clone(), unknown];
            }
            "set" => {
                if let Some(dashes) = words.iter().position(|word| word.text == "--") {
                    let name = self.parameters.first().cloned();
                    let name = name.unwrap_or_else(|| self.unknown("$0".to_owned(), false));
                    self.parameters =
                        std::iter::once(name).chain(words[dashes + 1..].iter().cloned()).collect();
                }
            }
            _ => return false,
        }
        true
    }

    fn assign(&mut self, name: String, value: Told<String>) {
        let decided_elsewhere = self.conditional() || self.chained;
        let value = match self.values.get(&name) {
            _ if !decided_elsewhere => value,
            Some(before) if *before == value => value,
            _ => Told::Unknown,
        };
        // What the container's environment has stays exported.
        if self.exported.contains_key(&name) || self.variables.get(&name).is_written() {
            self.exported.insert(name.clone(), value.clone());
        }
        self.values.insert(name, value);
    }

    fn export(&mut self, name: String) {
        if let Some(value) = self.values.get(&name) {
            self.exported.insert(name, value.clone());
        }
    }

    /// Name and value of an assignment.
    fn assigned(&mut self, word: &[Piece]) -> Option<(String, Told<String>)> {
        let (name, appends, first) = assignment(word)?;
        let mut value = if appends { self.look_up(name, None, DEEPEST) } else { Told::Is(String::new()) };
        let first = Piece::Text { text: first.to_owned(), quoted: true };
        for piece in std::iter::once(&first).chain(&word[1..]) {
            value = match (value, self.text_of(piece, DEEPEST)) {
                (Told::Is(mut value), Told::Is(text)) if value.len() + text.len() <= LONGEST_VALUE => {
                    value.push_str(&text);
                    Told::Is(value)
                }
                _ => Told::Unknown,
            };
        }
        Some((name.to_owned(), value))
    }

    fn unknown(&self, text: String, several: bool) -> Word {
        Word { text, known: false, several, at: self.at.clone(), in_script: true }
    }

    /// The text of a piece as one.
    fn text_of(&mut self, piece: &Piece, depth: usize) -> Told<String> {
        match piece {
            Piece::Text { text, .. } => Told::Is(text.clone()),
            Piece::Substitution { .. } => Told::Unknown,
            Piece::Variable { name, default, .. } => self.look_up(name, default.as_deref(), depth),
        }
    }

    fn look_up(&mut self, name: &str, default: Option<&str>, depth: usize) -> Told<String> {
        let value = match self.values.get(name) {
            Some(value) => value.clone(),
            None => match self.parameter(name) {
                Some(word) if word.known => Told::Is(word.text.clone()),
                Some(_) => Told::Unknown,
                None => self.variables.get(name).map(str::to_owned),
            },
        };
        let value = match (value, default) {
            (Told::Is(text), Some(default)) if text.is_empty() => self.default(default, depth),
            (Told::Unset, Some(default)) if !self.sourced && !set_by_others(name) => {
                self.default(default, depth)
            }
            // The image may set it.
            (Told::Unset, _) => Told::Unknown,
            (value, _) => value,
        };
        let cost = value.known().map_or(0, String::len) + 1;
        self.left = self.left.saturating_sub(cost);
        if self.left == 0 { Told::Unknown } else { value }
    }

    fn default(&mut self, text: &str, depth: usize) -> Told<String> {
        if depth == 0 {
            return Told::Unknown;
        }
        let mut value = String::new();
        for token in Tokens::of(text) {
            let Token::Word(pieces) = token else { return Told::Unknown };
            if !value.is_empty() {
                value.push(' ');
            }
            for piece in pieces {
                match self.text_of(&piece, depth - 1) {
                    Told::Is(text) if value.len() + text.len() <= LONGEST_VALUE => value.push_str(&text),
                    _ => return Told::Unknown,
                }
            }
        }
        Told::Is(value)
    }

    /// `$1` and its like; in a function they are the function's own.
    fn parameter(&self, name: &str) -> Option<Word> {
        let index: usize = name.parse().ok()?;
        match self.parameters.get(index) {
            Some(word) if !self.in_function() => Some(word.clone()),
            _ => Some(self.unknown(format!("${name}"), false)),
        }
    }

    /// The words that `pieces` come to.
    fn expand(&mut self, pieces: &[Piece]) -> Vec<Word> {
        let mut fields = Fields { alone: pieces.len() == 1, ..Fields::default() };
        for piece in pieces {
            match piece {
                Piece::Text { text, quoted } => fields.push(text, *quoted),
                Piece::Substitution { raw, quoted } => match self.array_of(raw) {
                    Some(words) => fields.words(words),
                    None => fields.unknown(raw, !quoted),
                },
                Piece::Variable { name, raw, .. } if matches!(name.as_str(), "@" | "*") => {
                    match self.arguments() {
                        Some(words) => fields.words(words),
                        None => fields.unknown(raw, true),
                    }
                }
                Piece::Variable { name, default, raw, quoted } => {
                    match self.look_up(name, default.as_deref(), DEEPEST) {
                        Told::Is(text) if *quoted => fields.push(&text, true),
                        Told::Is(text) => fields.split(&text),
                        // What is named after the model is one word.
                        _ => fields.unknown(raw, !quoted && !name.to_ascii_uppercase().contains("MODEL")),
                    }
                }
            }
        }
        fields.finish(self.at)
    }

    /// What `$@` comes to; unknown in a function.
    fn arguments(&mut self) -> Option<Vec<Word>> {
        let words = self.parameters.get(1..).unwrap_or_default();
        if self.in_function() || words.len() > self.left / WORD {
            return None;
        }
        let words = words.to_vec();
        self.paid(words)
    }

    /// What `${NAME[@]}` comes to.
    fn array_of(&mut self, raw: &str) -> Option<Vec<Word>> {
        let inner = raw.strip_prefix("${")?.strip_suffix('}')?;
        let name = inner.strip_suffix("[@]").or_else(|| inner.strip_suffix("[*]"))?;
        let words = self.arrays.get(name)?;
        if words.len() > self.left / WORD {
            return None;
        }
        let words = words.clone();
        self.paid(words)
    }

    /// `words`, if so many may still be expanded.
    fn paid(&mut self, words: Vec<Word>) -> Option<Vec<Word>> {
        let cost = words.iter().map(|word| word.text.len() + WORD).sum();
        self.left = self.left.saturating_sub(cost);
        (self.left > 0).then_some(words)
    }
}

/// The words that a word's pieces come to, while they are put together.
#[derive(Default)]
struct Fields {
    done: Vec<(String, bool, bool, Option<Word>)>,
    text: String,
    started: bool,
    unknown: bool,
    several: bool,
    /// Whether the word is a single piece.
    alone: bool,
}

impl Fields {
    fn push(&mut self, text: &str, quoted: bool) {
        self.text.push_str(text);
        self.started |= quoted || !text.is_empty();
    }

    fn unknown(&mut self, raw: &str, several: bool) {
        self.push(raw, true);
        self.unknown = true;
        self.several |= several && self.alone;
    }

    /// An unquoted value is split where it has blanks.
    fn split(&mut self, text: &str) {
        if text.starts_with(char::is_whitespace) {
            self.close();
        }
        let mut parts = text.split_whitespace().peekable();
        while let Some(part) = parts.next() {
            self.push(part, false);
            if parts.peek().is_some() {
                self.close();
            }
        }
        if text.ends_with(char::is_whitespace) {
            self.close();
        }
    }

    fn words(&mut self, words: Vec<Word>) {
        self.close();
        self.done.extend(words.into_iter().map(|word| (String::new(), false, false, Some(word))));
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.started) {
            let text = std::mem::take(&mut self.text);
            self.done.push((
                text,
                !std::mem::take(&mut self.unknown),
                std::mem::take(&mut self.several),
                None,
            ));
        }
    }

    fn finish(mut self, at: &PointerBuf) -> Vec<Word> {
        self.close();
        let word = |(text, known, several, word): (String, bool, bool, Option<Word>)| {
            word.unwrap_or_else(|| Word { text, known, several, at: at.clone(), in_script: true })
        };
        self.done.into_iter().map(word).collect()
    }
}

/// The text of a word of one unquoted piece.
fn plain(pieces: &[Piece]) -> Option<&str> {
    match pieces {
        [Piece::Text { text, quoted: false }] => Some(text),
        _ => None,
    }
}

/// Name, whether it appends, and the beginning of the value of `NAME=value`.
fn assignment(pieces: &[Piece]) -> Option<(&str, bool, &str)> {
    let [Piece::Text { text, quoted: false }, ..] = pieces else { return None };
    let (name, value) = text.split_once('=')?;
    let (name, appends) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, appends, value))
}

fn array_name(word: &[Piece]) -> Option<(&str, bool)> {
    let (name, appends, value) = assignment(word)?;
    (value.is_empty() && word.len() == 1).then_some((name, appends))
}

/// Variables that the cluster or a controller sets without the template saying so.
fn set_by_others(name: &str) -> bool {
    const BEGINNINGS: [&str; 9] =
        ["LWS_", "KUBERNETES_", "RAY_", "TPU_", "JOB_", "JOBSET_", "NVIDIA_", "CUDA_", "MEGASCALE_"];
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || ["HOSTNAME", "HOME", "PATH", "USER", "RANK", "NODE_RANK", "WORLD_SIZE", "GROUP_INDEX"]
            .contains(&name)
}
