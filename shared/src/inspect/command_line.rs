//! From a container's `command` and `args` to the server that they start and the words that it receives.

use serde_json::Value;

use super::image::Entrypoint;
use super::program::{Program, base_name, program};
use super::variables::LONGEST_TOGETHER;
use super::{Arguments, Container, Image, ServerKind, Variables, Word};

/// A server, as a container starts it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CommandLine {
    /// Which server it is.
    pub server: ServerKind,
    /// Its arguments.
    pub arguments: Arguments,
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
            return written.in_shell(shell);
        }
        let texts: Vec<&str> = written.words.iter().map(|word| word.text.as_str()).collect();
        match program(&texts) {
            (from, Program::Server(server, count)) => Some(written.server(server, from, count)),
            (_, Program::Beside) => None,
            (_, Program::Other) if written.has_command => written.opaque(),
            (_, Program::Other) => written.of_image(),
        }
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
                words.push(Word { text: text.into_owned(), known, at, in_script: false });
            }
        }
        let has_command =
            container.value.get("command").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        Self { container, image, words, has_command }
    }

    /// Index of the word that names a shell.
    fn shell(&self) -> Option<usize> {
        let names_shell = |word: &Word| {
            matches!(base_name(&word.text), "sh" | "bash" | "ash" | "dash" | "zsh") && word.known
        };
        let index = self.words.iter().take(4).position(names_shell)?;
        self.words.get(index + 1).is_some_and(|word| word.text.starts_with('-')).then_some(index)
    }

    fn in_shell(&self, _shell: usize) -> Option<CommandLine> {
        let server = self.image.server()?;
        Some(CommandLine { server, arguments: Arguments::default() })
    }

    fn server(self, server: ServerKind, from: usize, count: usize) -> CommandLine {
        let entrypoint = self.entrypoint();
        let mut words = self.words;
        let rest = words.split_off((from + count).min(words.len()));
        let program = words.into_iter().skip(from).map(|word| word.text).collect();
        CommandLine {
            server,
            arguments: Arguments { program, entrypoint, ..Arguments::read(server, rest, true) },
        }
    }

    fn entrypoint(&self) -> Option<Entrypoint> {
        (!self.has_command).then(|| self.image.entrypoint())
    }

    /// No command is written: the image's entrypoint starts its server with `args`.
    fn of_image(self) -> Option<CommandLine> {
        let server = self.image.server()?;
        let entrypoint = self.image.entrypoint();
        let mut words = self.words;
        let mut program = Vec::new();
        if entrypoint == Entrypoint::Other && words.first().is_some_and(|word| word.text == "serve") {
            program.push(words.remove(0).text);
        }
        let read = Arguments::read(server, words, true);
        Some(CommandLine { server, arguments: Arguments { program, entrypoint: Some(entrypoint), ..read } })
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
        let answers = self.container.ports().next().is_some()
            || ["readinessProbe", "livenessProbe", "startupProbe"]
                .iter()
                .any(|probe| self.container.value.get(probe).is_some());
        let server = match written_as_one {
            Some(server) => server,
            None if answers && !is_chore(&first.text) => self.image.server()?,
            None => return None,
        };
        let words = self.words;
        Some(CommandLine { server, arguments: Arguments { words, ..Arguments::default() } })
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
