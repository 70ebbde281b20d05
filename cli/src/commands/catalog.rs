//! Lists of what the catalog knows.

use infer_core::catalog::{
    AcceleratorKind, Catalog, CatalogError, Checkpoint, Model, Profile, Server, ServerVersion, UseCase,
};
use infer_core::estimate::memory::cache_bytes_per_token;
use infer_core::recommend::{Column, ColumnKind, Row, Value};
use serde_json::{Map, json};

use crate::arguments::{
    Format, ListOptions, ModelServerVersionsCommand, ModelServersCommand, ModelsCommand,
    ServingStackVersionsCommand, ServingStacksCommand, UseCasesCommand,
};
use crate::failure::{Failure, unknown};
use crate::output::{Item, Listing, Outcome};
use crate::requirements::{SERVING_STACK, SERVING_STACK_VERSION, check_serving_stack};
use crate::select::select;

const TEXT: ColumnKind = ColumnKind::Text;
const WHOLE: ColumnKind = ColumnKind::Number { decimals: 0 };
const TENTHS: ColumnKind = ColumnKind::Number { decimals: 1 };
const GIGA: f64 = 1e9;
const KIB: f64 = 1024.0;

/// A thing of the catalog, and how many curves were measured of it.
struct Known<T> {
    entry: T,
    curves: usize,
}

impl<T: Clone> Known<T> {
    fn new(entry: &T, profiles: &[&Profile], is_of: impl Fn(&Profile) -> bool) -> Self {
        let curves = profiles.iter().filter(|profile| is_of(profile)).count();
        Self { entry: entry.clone(), curves }
    }
}

impl<T> Known<T> {
    fn curves(&self) -> Value<'_> {
        // Far below 2^53.
        Value::Number(self.curves as f64)
    }
}

impl Row for Known<Model> {
    fn columns() -> &'static [Column<Self>] {
        fn stock(row: &Known<Model>) -> Option<&Checkpoint> {
            row.entry.stock_checkpoint()
        }
        const COLUMNS: &[Column<Known<Model>>] = &[
            Column::new("name", "Name", TEXT, |row| Value::of(&row.entry.id)),
            Column::new("parameters", "Parameters(B)", TENTHS, |row| {
                Value::Number(row.entry.parameters as f64 / GIGA)
            }),
            Column::new("activeParameters", "Active(B)", TENTHS, |row| {
                Value::Number(row.entry.active_parameters as f64 / GIGA)
            }),
            Column::new("precision", "Precision", TEXT, |row| {
                Value::text(stock(row).map(|stock| stock.precision.name()))
            }),
            Column::new("weights", "Weights(GB)", TENTHS, |row| {
                Value::number(stock(row).map(|stock| stock.bytes as f64 / GIGA))
            }),
            Column::new("maxContextTokens", "Context", WHOLE, |row| {
                Value::Number(row.entry.max_context_tokens as f64)
            }),
            Column::new("gated", "Gated", TEXT, |row| {
                Value::text(Some(if row.entry.gated { "true" } else { "false" }))
            }),
            Column::new("curves", "Curves", WHOLE, Known::curves),
            Column::new("architecture", "Architecture", TEXT, |row| Value::of(&row.entry.architecture.name)),
            Column::new("kvBytesPerToken", "KV(KiB/token)", TENTHS, |row| {
                Value::Number(cache_bytes_per_token(&row.entry) / KIB)
            }),
            Column::new("unverified", "Unverified", TEXT, |row| {
                Value::text(row.entry.evidence.unverified_fields())
            }),
            Column::new("checkpoints", "Checkpoints", TEXT, |row| {
                let ids = row.entry.checkpoints.iter().map(|checkpoint| checkpoint.id.as_str());
                Value::text(Some(ids.collect::<Vec<_>>().join(" ")))
            }),
        ];
        COLUMNS
    }
}

/// `models list`.
pub(super) fn models(catalog: &Catalog, command: ModelsCommand) -> Result<Outcome, Failure> {
    const SHOWN: &[&str] = &[
        "name",
        "parameters",
        "activeParameters",
        "precision",
        "weights",
        "maxContextTokens",
        "gated",
        "curves",
    ];
    let ModelsCommand::List(options) = command;
    let profiles: Vec<&Profile> = catalog.all_profiles().map_err(Failure::user)?;
    let models = catalog.models().map_err(Failure::user)?.iter();
    let known = models.map(|model| Known::new(model, &profiles, |profile| profile.model == model.id));
    let document = |row: &Known<Model>| {
        let mut fields = Map::new();
        fields.insert("name".to_owned(), json!(row.entry.id));
        if let serde_json::Value::Object(entry) = json!(row.entry) {
            fields.extend(entry.into_iter().filter(|(key, _)| key != "id"));
        }
        fields.insert("curves".to_owned(), json!(row.curves));
        serde_json::Value::Object(fields)
    };
    list("ModelList", known.collect(), SHOWN, &options.list, document)
}

impl Row for Known<Server> {
    fn columns() -> &'static [Column<Self>] {
        const COLUMNS: &[Column<Known<Server>>] = &[
            Column::new("name", "Name", TEXT, |row| Value::of(&row.entry.name)),
            Column::new("displayName", "Display Name", TEXT, |row| Value::of(&row.entry.display_name)),
            Column::new("latestVersion", "Latest Version", TEXT, |row| {
                Value::text(row.entry.versions.last().map(|latest| latest.version.as_str()))
            }),
            Column::new("manifestsFor", "Manifests", TEXT, |row| {
                Value::text(joined(&written_for_any(&row.entry)))
            }),
            Column::new("curves", "Curves", WHOLE, Known::curves),
        ];
        COLUMNS
    }
}

/// `model-servers list`.
pub(super) fn model_servers(catalog: &Catalog, command: ModelServersCommand) -> Result<Outcome, Failure> {
    const SHOWN: &[&str] = &["name", "displayName", "latestVersion", "manifestsFor", "curves"];
    let ModelServersCommand::List(options) = command;
    let profiles = profiles_of(catalog, &options.model)?;
    let servers = catalog.servers().map_err(Failure::user)?.iter();
    let known = servers.map(|server| Known::new(server, &profiles, |profile| profile.server == server.name));
    let serves = |row: &Known<Server>| row.curves > 0 || !written_for_any(&row.entry).is_empty();
    list("ModelServerList", known.filter(serves).collect(), SHOWN, &options.list, |row| {
        json!({
            "name": row.entry.name,
            "displayName": row.entry.display_name,
            "latestVersion": row.entry.versions.last().map(|latest| &latest.version),
            "manifestsFor": written_for_any(&row.entry),
            "curves": row.curves,
        })
    })
}

impl Row for Known<ServerVersion> {
    fn columns() -> &'static [Column<Self>] {
        const COLUMNS: &[Column<Known<ServerVersion>>] = &[
            Column::new("name", "Name", TEXT, |row| Value::of(&row.entry.version)),
            Column::new("manifestsFor", "Manifests", TEXT, |row| {
                Value::text(joined(&written_for(&row.entry)))
            }),
            Column::new("curves", "Curves", WHOLE, Known::curves),
            Column::new("images", "Images", TEXT, |row| {
                let images: Vec<&str> = row.entry.images.iter().map(|image| image.image.as_str()).collect();
                Value::text((!images.is_empty()).then(|| images.join(" ")))
            }),
        ];
        COLUMNS
    }
}

/// `model-server-versions list`.
pub(super) fn model_server_versions(
    catalog: &Catalog,
    command: ModelServerVersionsCommand,
) -> Result<Outcome, Failure> {
    const SHOWN: &[&str] = &["name", "manifestsFor", "curves"];
    let ModelServerVersionsCommand::List(options) = command;
    let profiles = profiles_of(catalog, &options.model)?;
    let server = catalog.find_server(&options.model_server).map_err(unknown)?;
    let is_of = |profile: &Profile, version: &ServerVersion| {
        profile.server == server.name && profile.server_version.as_deref() == Some(version.version.as_str())
    };
    let versions = server.versions.iter();
    let known = versions.map(|version| Known::new(version, &profiles, |profile| is_of(profile, version)));
    let serves = |row: &Known<ServerVersion>| row.curves > 0 || !written_for(&row.entry).is_empty();
    list("ModelServerVersionList", known.filter(serves).collect(), SHOWN, &options.list, |row| {
        json!({
            "name": row.entry.version,
            "modelServer": server.name,
            "manifestsFor": written_for(&row.entry),
            "images": row.entry.images,
            "changes": row.entry.changes,
            "curves": row.curves,
        })
    })
}

/// A way of running a server.
struct Stack {
    name: &'static str,
    version: &'static str,
    what: &'static str,
}

impl Row for Stack {
    fn columns() -> &'static [Column<Self>] {
        const COLUMNS: &[Column<Stack>] = &[
            Column::new("name", "Name", TEXT, |row| Value::of(row.name)),
            Column::new("version", "Version", TEXT, |row| Value::of(row.version)),
            Column::new("description", "Description", TEXT, |row| Value::text(Some(row.what))),
        ];
        COLUMNS
    }
}

/// `serving-stacks list`.
pub(super) fn serving_stacks(catalog: &Catalog, command: ServingStacksCommand) -> Result<Outcome, Failure> {
    let ServingStacksCommand::List(options) = command;
    check_names(catalog, options.model.as_deref(), options.model_server.as_deref())?;
    list_stacks("ServingStackList", &options.list)
}

/// `serving-stack-versions list`.
pub(super) fn serving_stack_versions(
    catalog: &Catalog,
    command: ServingStackVersionsCommand,
) -> Result<Outcome, Failure> {
    let ServingStackVersionsCommand::List(options) = command;
    check_names(catalog, options.model.as_deref(), options.model_server.as_deref())?;
    check_serving_stack(Some(&options.serving_stack), None)?;
    list_stacks("ServingStackVersionList", &options.list)
}

fn list_stacks(kind: &'static str, options: &ListOptions) -> Result<Outcome, Failure> {
    const SHOWN: &[&str] = &["name", "version", "description"];
    let stack = Stack {
        name: SERVING_STACK,
        version: SERVING_STACK_VERSION,
        what: "Deployment and Service of Kubernetes",
    };
    list(
        kind,
        vec![stack],
        SHOWN,
        options,
        |row| json!({ "name": row.name, "version": row.version, "description": row.what }),
    )
}

/// A kind of traffic.
struct Traffic(UseCase);

impl Row for Traffic {
    fn columns() -> &'static [Column<Self>] {
        const COLUMNS: &[Column<Traffic>] = &[
            Column::new("name", "Use Case", TEXT, |row| Value::text(Some(row.0.name.as_str()))),
            Column::new("averageInputLength", "Average Input Length", WHOLE, |row| {
                Value::Number(row.0.traffic.mean_input_tokens())
            }),
            Column::new("averageOutputLength", "Average Output Length", WHOLE, |row| {
                Value::Number(row.0.traffic.mean_output_tokens())
            }),
            Column::new("source", "Source", TEXT, |row| Value::text(Some(row.0.evidence.source.as_str()))),
        ];
        COLUMNS
    }
}

/// `use-cases list`.
pub(super) fn use_cases(catalog: &Catalog, command: UseCasesCommand) -> Result<Outcome, Failure> {
    const SHOWN: &[&str] = &["name", "averageInputLength", "averageOutputLength"];
    let UseCasesCommand::List(options) = command;
    let cases = catalog.use_cases().map_err(Failure::user)?.iter().cloned().map(Traffic).collect();
    list("UseCaseList", cases, SHOWN, &options.list, |row| {
        json!({
            "name": row.0.name,
            "useCase": row.0.name,
            "averageInputLength": row.0.traffic.mean_input_tokens(),
            "averageOutputLength": row.0.traffic.mean_output_tokens(),
            "source": row.0.evidence.source,
        })
    })
}

/// Filters, sorts and prints rows; `name` of a row's document identifies it.
fn list<R: Row>(
    kind: &'static str,
    rows: Vec<R>,
    shown: &[&str],
    options: &ListOptions,
    document: impl Fn(&R) -> serde_json::Value,
) -> Result<Outcome, Failure> {
    let rows = select(rows, options)?;
    let item = |row: &R| {
        let document = document(row);
        let name = document.get("name").and_then(|name| name.as_str()).unwrap_or_default();
        Item { name: name.to_owned(), document }
    };
    let listing = Listing {
        kind,
        rows: &rows,
        shown,
        csv: None,
        items: &|rows| Box::new(rows.iter().map(&item)),
        notes: Vec::new(),
    };
    listing.outcome(options, Format::Table)
}

/// What manifests of a version can be written for, in the order GPU, TPU.
fn written_for(version: &ServerVersion) -> Vec<AcceleratorKind> {
    let has_image =
        |kind: &AcceleratorKind| version.images.iter().any(|image| image.accelerator_kind == *kind);
    let known = [AcceleratorKind::Gpu, AcceleratorKind::Tpu].into_iter().filter(has_image);
    known.filter(|_| version.arguments.is_some()).collect()
}

fn written_for_any(server: &Server) -> Vec<AcceleratorKind> {
    let mut kinds: Vec<AcceleratorKind> = server.versions.iter().flat_map(written_for).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn joined(kinds: &[AcceleratorKind]) -> Option<String> {
    let name = |kind: &AcceleratorKind| match kind {
        AcceleratorKind::Gpu => "GPU",
        AcceleratorKind::Tpu => "TPU",
    };
    (!kinds.is_empty()).then(|| kinds.iter().map(name).collect::<Vec<_>>().join(","))
}

fn profiles_of<'a>(catalog: &'a Catalog, model: &str) -> Result<Vec<&'a Profile>, Failure> {
    let found = catalog.find_model(model).map_err(unknown)?;
    catalog.profiles(&found.model.id).map_err(Failure::user)
}

fn check_names(catalog: &Catalog, model: Option<&str>, server: Option<&str>) -> Result<(), Failure> {
    let check = || -> Result<(), CatalogError> {
        model.map(|name| catalog.find_model(name)).transpose()?;
        server.map(|name| catalog.find_server(name)).transpose()?;
        Ok(())
    };
    check().map_err(unknown)
}
