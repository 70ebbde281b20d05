//! Containers of a Pod template.

use serde_json::Value;

use super::{AcceleratorRequest, Mount, PodTemplate, PointerBuf, parse_quantity};

/// A container of a Pod template.
#[derive(Debug, Clone, PartialEq)]
pub struct Container<'a> {
    /// Its name.
    pub name: &'a str,
    /// The container itself.
    pub value: &'a Value,
    /// Where it stands in the object.
    pub at: PointerBuf,
    /// Whether it is among the init containers.
    pub is_init: bool,
    /// Whether it runs beside the others: a container, or an init container with `restartPolicy: Always`.
    pub runs_along: bool,
    /// Image as written; absent in patches and values files.
    pub image: Option<&'a str>,
    /// `env` in the order written; a later entry of a name wins.
    pub environment: Vec<Environment<'a>>,
    /// `volumeMounts`.
    pub mounts: Vec<Mount<'a>>,
    /// Memory, processors and disk that it asks for.
    pub resources: Resources,
    /// Accelerators that it asks for.
    pub accelerator: Option<AcceleratorRequest>,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is set to.
    pub value: EnvironmentValue<'a>,
    /// Its `value` as written, references and all.
    pub text: Option<&'a str>,
    /// Index of the entry in `env`; [`Container::place_of`] says where that stands. Few entries are ever pointed at,
    /// and a workload may have hundreds.
    pub index: usize,
}

/// What an environment variable is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentValue<'a> {
    /// A text that stands in the object, without references.
    Literal(&'a str),
    /// A key of a Secret.
    Secret,
    /// Anything that the object alone does not tell.
    Reference,
}

/// Amounts that a container requests and is limited to; `None` where nothing readable is written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Resources {
    /// Memory request in bytes.
    pub memory_request_bytes: Option<f64>,
    /// Memory limit in bytes.
    pub memory_limit_bytes: Option<f64>,
    /// Processors requested.
    pub vcpus_request: Option<f64>,
    /// Ephemeral storage request in bytes.
    pub ephemeral_request_bytes: Option<f64>,
    /// Ephemeral storage limit in bytes.
    pub ephemeral_limit_bytes: Option<f64>,
}

impl<'a> Container<'a> {
    /// Pointer to a place below the container: `container.pointer(["resources", "limits"])`.
    pub fn pointer<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) -> PointerBuf {
        self.at.concat(&PointerBuf::from_tokens(tokens))
    }

    /// Where an entry of `environment` stands in the object.
    pub fn place_of(&self, variable: &Environment<'_>) -> PointerBuf {
        self.pointer(["env", &variable.index.to_string()])
    }

    /// The variable `name` as the process sees it: the last entry of that name.
    pub fn variable(&self, name: &str) -> Option<&Environment<'a>> {
        self.environment.iter().rev().find(|variable| variable.name == name)
    }

    /// Whether `text` stands in any word of `command` or `args`, scripts included.
    pub fn command_line_mentions(&self, text: &str) -> bool {
        let words = |field| self.value.get(field).and_then(Value::as_array).into_iter().flatten();
        words("command")
            .chain(words("args"))
            .any(|word| word.as_str().is_some_and(|word| word.contains(text)))
    }

    /// Whether it takes variables from a whole ConfigMap, whose names the object does not tell.
    pub fn takes_variables_from_config(&self) -> bool {
        let sets = self.value.get("envFrom").and_then(Value::as_array);
        sets.into_iter().flatten().any(|set| set.get("configMapRef").is_some())
    }

    /// The mount that holds `path`: the one with the longest path that is `path` or a directory above it.
    pub fn mount_of(&self, path: &str) -> Option<&Mount<'a>> {
        let holds = |mount: &&Mount<'_>| {
            path.strip_prefix(mount.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.mounts.iter().filter(holds).max_by_key(|mount| mount.path.len())
    }
}

/// All containers of a template: first the containers, then the init containers.
pub(super) fn containers<'a>(template: &PodTemplate<'a>) -> Vec<Container<'a>> {
    let of = |field: &'static str, is_init: bool| {
        let list = template.value.pointer(&format!("/spec/{field}")).and_then(Value::as_array);
        let at = template.at.concat(&PointerBuf::from_tokens(["spec", field]));
        let list = list.into_iter().flatten().enumerate();
        list.map(move |(index, value)| container(value, at.with_trailing_token(index), is_init))
    };
    of("containers", false).chain(of("initContainers", true)).collect()
}

fn container(value: &Value, at: PointerBuf, is_init: bool) -> Container<'_> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let restarts = text("restartPolicy") == Some("Always");
    Container {
        name: text("name").unwrap_or_default(),
        image: text("image"),
        environment: environment(value),
        mounts: mounts(value, &at),
        resources: resources(value),
        accelerator: AcceleratorRequest::of(value, &at),
        runs_along: !is_init || restarts,
        value,
        at,
        is_init,
    }
}

fn environment(container: &Value) -> Vec<Environment<'_>> {
    let list = container.get("env").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut environment = Vec::with_capacity(list.len());
    environment.extend(list.iter().enumerate().filter_map(|(index, entry)| {
        let [name, value, from] = fields(entry, ["name", "value", "valueFrom"]);
        let name = name.and_then(Value::as_str)?;
        let text = value.and_then(Value::as_str);
        let value = match text {
            Some(text) if text.as_bytes().windows(2).any(|pair| pair == b"$(") => EnvironmentValue::Reference,
            Some(text) => EnvironmentValue::Literal(text),
            None => match from {
                Some(from) if from.get("secretKeyRef").is_some() => EnvironmentValue::Secret,
                Some(_) => EnvironmentValue::Reference,
                None if value.is_some_and(|value| !value.is_null()) => EnvironmentValue::Reference,
                None => EnvironmentValue::Literal(""),
            },
        };
        Some(Environment { name, value, text, index })
    }));
    environment
}

/// The fields of these names. A few names are compared sooner than one is hashed, and objects in lists are small.
fn fields<'a, const N: usize>(entry: &'a Value, names: [&str; N]) -> [Option<&'a Value>; N] {
    let mut found = [None; N];
    let Some(object) = entry.as_object() else { return found };
    // Of an object of a stranger, however large, each field is looked at once.
    for (key, value) in object {
        if let Some(place) = names.iter().position(|name| name == key) {
            found[place] = Some(value);
        }
    }
    found
}

fn mounts<'a>(container: &'a Value, at: &PointerBuf) -> Vec<Mount<'a>> {
    let list = container.get("volumeMounts").and_then(Value::as_array);
    let list = list.into_iter().flatten().enumerate();
    let read = list.filter_map(|(index, entry)| {
        let path = entry.get("mountPath").and_then(Value::as_str)?;
        Some(Mount {
            volume: entry.get("name").and_then(Value::as_str)?,
            path: if path.len() > 1 { path.trim_end_matches('/') } else { path },
            sub_path: ["subPath", "subPathExpr"].iter().find_map(|name| entry.get(*name)?.as_str()),
            read_only: entry.get("readOnly").and_then(Value::as_bool).unwrap_or(false),
            at: at.concat(&PointerBuf::from_tokens(["volumeMounts", &index.to_string()])),
        })
    });
    read.collect()
}

fn resources(container: &Value) -> Resources {
    let amount = |part: &str, name: &str| {
        let value = container.get("resources")?.get(part)?.get(name)?;
        value.as_f64().or_else(|| parse_quantity(value.as_str()?))
    };
    Resources {
        // Without a request Kubernetes takes the limit for it.
        memory_request_bytes: amount("requests", "memory").or_else(|| amount("limits", "memory")),
        memory_limit_bytes: amount("limits", "memory"),
        vcpus_request: amount("requests", "cpu").or_else(|| amount("limits", "cpu")),
        ephemeral_request_bytes: amount("requests", "ephemeral-storage")
            .or_else(|| amount("limits", "ephemeral-storage")),
        ephemeral_limit_bytes: amount("limits", "ephemeral-storage"),
    }
}
