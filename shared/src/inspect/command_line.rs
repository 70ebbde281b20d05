//! From a container's `command` and `args` to the server that they start and the words that it receives.

use std::collections::BTreeMap;

use serde_json::Value;

use super::image::Entrypoint;
use super::program::{Program, base_name, is_wrapper, program};
use super::shell::{Command, Invocation, is_shell, read_script};
use super::variables::LONGEST_TOGETHER;
use super::{Arguments, Container, Image, ServerKind, Told, Variables, Word};

/// A server, as a container starts it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CommandLine {
    /// Which server it is.
    pub server: ServerKind,
    /// Its arguments.
    pub arguments: Arguments,
    /// What its script sets in its environment.
    pub environment: BTreeMap<String, Told<String>>,
    /// Whether its script removes what lies in `/dev/shm`.
    pub empties_shm: bool,
}

/// `command` and `args` of a container.
struct Written<'c, 'a> {
    container: &'c Container<'a>,
    image: Image<'a>,
    words: Vec<Word>,
    has_command: bool,
}

impl CommandLine {
    /// The server that `container` starts; `None` where it starts none that is known.
    pub(super) fn of(container: &Container<'_>, image: Image<'_>, variables: &Variables<'_>) -> Option<Self> {
        let written = Written::of(container, image, variables);
        if let Some(shell) = written.shell() {
            return written.in_shell(shell, variables);
        }
        let texts: Vec<&str> = written.words.iter().map(|word| word.text.as_str()).collect();
        match program(&texts) {
            // Ray says neither what it serves nor whether it serves.
            (_, Program::Server(ServerKind::Ray, _)) => {
                Some(Self::plain(written.image.server()?, Arguments::default()))
            }
            (from, Program::Server(server, count)) => Some(written.server(server, from, count)),
            (_, Program::Beside) => None,
            // No program is called like an option: `args` were meant.
            (_, Program::Other) if written.words.first().is_some_and(Word::is_option) => written.of_image(),
            (_, Program::Other) if written.has_command => written.opaque(),
            (_, Program::Other) => written.of_image(),
        }
    }
}

/// Scripts that start scripts.
const DEEPEST: usize = 4;

/// Command lines of a script that are compared with each other; of more nothing is told.
const MOST_SERVERS: usize = 8;

/// What is looked for in scripts.
struct Search<'v, 'a> {
    variables: &'v Variables<'a>,
    found: Option<(ServerKind, Arguments)>,
    /// How many servers were found.
    servers: usize,
    environment: BTreeMap<String, Told<String>>,
    empties_shm: bool,
    /// Whether it runs a server's program that serves nothing.
    beside: bool,
    /// Whether it runs something that may start a server.
    opaque: bool,
    /// Whether it starts or joins a Ray cluster.
    joins_ray: bool,
    /// Whether the last command was the server.
    after_server: bool,
}

impl<'v, 'a> Search<'v, 'a> {
    fn of(variables: &'v Variables<'a>) -> Self {
        Self {
            variables,
            found: None,
            servers: 0,
            environment: BTreeMap::new(),
            empties_shm: false,
            beside: false,
            opaque: false,
            joins_ray: false,
            after_server: false,
        }
    }

    /// The words after a shell's name.
    fn invocation(&mut self, words: &[Word], depth: usize) {
        match Invocation::read(words) {
            Some(Invocation::Script { script, parameters }) if depth > 0 => {
                let variables = self.variables;
                read_script(script, parameters, variables, &mut |command| self.command(command, depth));
            }
            Some(Invocation::File(file)) if matches!(program(&[&file.text]), (_, Program::Server(..))) => {
                self.joins_ray = true;
            }
            _ => self.opaque = true,
        }
    }

    fn command(&mut self, command: Command<'_>, depth: usize) {
        let texts: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
        let after_server = std::mem::take(&mut self.after_server);
        if let Some((_, arguments)) =
            self.found.as_mut().filter(|_| after_server && texts[0].starts_with("--"))
        {
            arguments.cut_off.extend(command.words.iter().cloned());
            return;
        }
        let wrappers = texts.iter().take(8).take_while(|word| is_wrapper(word)).count();
        let name = texts.get(wrappers).copied().unwrap_or_default();
        if is_shell(name) {
            return self.invocation(&command.words[wrappers + 1..], depth - 1);
        }
        if matches!(base_name(name), "rm" | "find") && texts.iter().any(|word| word.starts_with("/dev/shm")) {
            self.empties_shm = true;
        }
        match program(&texts) {
            (_, Program::Server(ServerKind::Ray, _)) => self.joins_ray = true,
            (from, Program::Server(server, count)) => self.server(server, command, from, count),
            (_, Program::Beside) => self.beside = true,
            (_, Program::Other) => self.opaque |= !is_chore(name) && !is_shell_word(name),
        }
    }

    fn server(&mut self, server: ServerKind, command: Command<'_>, from: usize, count: usize) {
        self.after_server = true;
        self.servers += 1;
        let split = (from + count).min(command.words.len());
        let (before, words) = command.words.split_at(split);
        let program = before[from.min(split)..].iter().map(|word| word.text.clone()).collect();
        let arguments = Arguments { program, ..Arguments::read(server, words.to_vec(), true) };
        self.found = Some(match self.found.take() {
            None => {
                self.environment = command.exported.clone();
                self.environment
                    .extend(command.own.iter().map(|(name, value)| (name.clone(), value.clone())));
                (server, arguments)
            }
            Some((first, found)) if first == server && self.servers < MOST_SERVERS => {
                (first, found.either(arguments))
            }
            // Which of two servers runs is not told, so nothing is of either.
            Some((first, _)) => (first, Arguments::default()),
        });
    }
}

impl CommandLine {
    /// One that sets no variables of its own.
    pub(super) fn plain(server: ServerKind, arguments: Arguments) -> Self {
        Self { server, arguments, environment: BTreeMap::new(), empties_shm: false }
    }
}

impl<'c, 'a> Written<'c, 'a> {
    fn of(container: &'c Container<'a>, image: Image<'a>, variables: &Variables<'_>) -> Self {
        let mut left = LONGEST_TOGETHER;
        let mut words = Vec::new();
        for field in ["command", "args"] {
            let list = container.value.get(field).and_then(Value::as_array);
            for (index, word) in list.into_iter().flatten().enumerate() {
                let at = container.pointer([field, &index.to_string()]);
                // A number where a text belongs is refused by the API server; people still mean its digits.
                let written =
                    word.as_str().map_or_else(|| word.to_string().into(), std::borrow::Cow::Borrowed);
                let (text, known) = variables.expand(&written, &mut left);
                // A template engine may make several words of its placeholder.
                let several = !known && (text.starts_with("${") || text.starts_with("{{"));
                words.push(Word { text: text.into_owned(), known, several, at, in_script: false });
            }
        }
        let has_command =
            container.value.get("command").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        Self { container, image, words, has_command }
    }

    /// Index of the word that names a shell, which is told more than the name of a file.
    fn shell(&self) -> Option<usize> {
        let index = self.words.iter().take(8).position(|word| is_shell(&word.text))?;
        let starts = index == 0 || is_wrapper(&self.words[0].text);
        let told = self.words.get(index + 1).is_some_and(|word| word.text.starts_with(['-', '+']));
        (starts && told).then_some(index)
    }

    fn in_shell(self, shell: usize, variables: &Variables<'_>) -> Option<CommandLine> {
        let mut search = Search::of(variables);
        search.invocation(&self.words[shell + 1..], DEEPEST);
        let Search { found, environment, empties_shm, beside, opaque, joins_ray, .. } = search;
        let (server, arguments) = match found {
            Some(found) => found,
            None if joins_ray || (opaque && !beside && self.answers()) => {
                (self.image.server()?, Arguments::default())
            }
            None => return None,
        };
        Some(CommandLine { server, arguments, environment, empties_shm })
    }

    fn server(self, server: ServerKind, from: usize, count: usize) -> CommandLine {
        let entrypoint = self.entrypoint();
        let mut words = self.words;
        let rest = words.split_off((from + count).min(words.len()));
        let program = words.into_iter().skip(from).map(|word| word.text).collect();
        CommandLine::plain(server, Arguments { program, entrypoint, ..Arguments::read(server, rest, true) })
    }

    fn entrypoint(&self) -> Option<Entrypoint> {
        (!self.has_command).then(|| self.image.entrypoint())
    }

    /// No command is written: the image's entrypoint starts its server with `args`.
    fn of_image(self) -> Option<CommandLine> {
        let server = self.image.server().or_else(|| self.server_of_options())?;
        let entrypoint = self.image.entrypoint();
        let mut words = self.words;
        let mut program = Vec::new();
        if entrypoint == Entrypoint::Other && words.first().is_some_and(|word| word.text == "serve") {
            program.push(words.remove(0).text);
        }
        let read = Arguments::read(server, words, true);
        let complete = read.complete && server != ServerKind::Ray;
        let arguments = Arguments { program, entrypoint: Some(entrypoint), complete, ..read };
        Some(CommandLine::plain(server, arguments))
    }

    /// The server that alone has an option among the words, where the image's name tells nothing: a placeholder, or a
    /// name of the author's own.
    fn server_of_options(&self) -> Option<ServerKind> {
        let is_vllm = |word: &Word| {
            let name = word.text.split('=').next().unwrap_or_default().trim_start_matches('-');
            word.is_option() && name.replace('_', "-") == "gpu-memory-utilization"
        };
        let may_serve = !self.has_command && !self.image.stands_beside();
        (may_serve && self.words.iter().any(is_vllm)).then_some(ServerKind::Vllm)
    }

    /// The command is a script or program of the author's own, or a whole command line in one element, which no
    /// program is called. An image that carries a server still serves if something asks it to answer.
    fn opaque(self) -> Option<CommandLine> {
        let first = self.words.first()?;
        let parts: Vec<&str> = first.text.split_whitespace().take(8).collect();
        let written_as_one = match (parts.len(), program(&parts)) {
            (2.., (_, Program::Server(server, _))) => Some(server),
            (2.., (_, Program::Beside)) => return None,
            _ => None,
        };
        let server = match written_as_one {
            Some(server) => server,
            None if self.answers() && !is_chore(&first.text) => self.image.server()?,
            None => return None,
        };
        let words = self.words;
        Some(CommandLine::plain(server, Arguments { words, ..Arguments::default() }))
    }

    /// Whether something expects answers of the container.
    fn answers(&self) -> bool {
        const PROBES: [&str; 3] = ["readinessProbe", "livenessProbe", "startupProbe"];
        self.container.ports().next().is_some()
            || PROBES.iter().any(|probe| self.container.value.get(probe).is_some())
    }
}

/// Programs that certainly serve nothing.
fn is_chore(program: &str) -> bool {
    const CHORES: [&str; 18] = [
        "sleep",
        "tail",
        "true",
        "hf",
        "huggingface-cli",
        "gsutil",
        "gcloud",
        "aws",
        "s5cmd",
        "rclone",
        "git",
        "curl",
        "wget",
        "pip",
        "torchrun",
        "accelerate",
        "cat",
        "echo",
    ];
    CHORES.contains(&base_name(program))
}

/// Words of the shell's own language, and what scripts do before they start a server.
fn is_shell_word(word: &str) -> bool {
    const WORDS: [&str; 22] = [
        "cd", "test", "[", "[[", "((", "exit", "return", "wait", "trap", "mkdir", "rm", "cp", "mv", "ln",
        "chmod", "chown", "ls", "date", "printf", "kill", "ulimit", "find",
    ];
    WORDS.contains(&base_name(word))
}
