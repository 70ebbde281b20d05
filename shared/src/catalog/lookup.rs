//! The catalog as a whole: embedded entries, overlaid by those of files, found by name.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::document::{Document, invalid};
use super::entry::{Entry, Problem, Reference, Section};
use super::error::nearest;
use super::{
    Accelerator, AcceleratorKind, CatalogError, Ceiling, Checkpoint, FlagTable, Machine, Model, Precision,
    Price, PriceTable, PricingModel, Profile, Server, ServerVersion, Signal, StartTimes, UseCase, embedded,
};

/// A catalog document of the user's: the text of a file, and what messages call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayDocument {
    /// Path or whatever else tells the user which document is meant.
    pub name: String,
    /// YAML.
    pub text: String,
}

/// Which catalog this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// Version of the embedded data.
    pub version: String,
    /// Day of the newest fact in it, `YYYY-MM-DD`.
    pub date: String,
    /// Day of the price book, `YYYY-MM-DD`.
    pub price_book_date: String,
}

/// A model found by one of its names, and the weights that this name means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    /// The model.
    pub model: &'a Model,
    /// The checkpoint that the name means: the stock one for the model's id and its aliases.
    pub checkpoint: &'a Checkpoint,
}

impl<'a> Found<'a> {
    /// The same weights in another precision; `None` where nobody published them. A checkpoint that stands beside
    /// another one of its precision holds weights of its own, which come in no other.
    pub fn of_precision(self, precision: Precision) -> Option<Self> {
        if self.checkpoint.precision == precision {
            return Some(self);
        }
        let stands_for_model = self.model.is_first_of_precision(self.checkpoint);
        let checkpoint = self.model.checkpoint_of(precision).filter(|_| stands_for_model)?;
        Some(Self { checkpoint, ..self })
    }

    /// The precisions that [`Self::of_precision`] finds.
    pub fn precisions(self) -> Vec<Precision> {
        let checkpoints = self.model.checkpoint_of_each_precision();
        let precisions = checkpoints.map(|checkpoint| checkpoint.precision);
        precisions.filter(|precision| self.of_precision(*precision).is_some()).collect()
    }
}

type Parsed<T> = OnceLock<Result<Vec<T>, CatalogError>>;

/// Everything that is known. Each section is parsed when it is first asked for, so creating one costs nothing.
#[derive(Debug, Default)]
pub struct Catalog {
    overlay: Document,
    models: Parsed<Model>,
    accelerators: Parsed<Accelerator>,
    machines: Parsed<Machine>,
    prices: Parsed<PriceTable>,
    servers: Parsed<Server>,
    signals: Parsed<Signal>,
    start_times: Parsed<StartTimes>,
    flags: Parsed<FlagTable>,
    use_cases: Parsed<UseCase>,
    ceilings: Parsed<Ceiling>,
    profiles: OnceLock<BTreeMap<String, ProfilesOfModel>>,
}

impl Catalog {
    /// The embedded catalog alone.
    pub fn embedded() -> Self {
        Self::default()
    }

    /// The embedded catalog with the entries of `documents` over it: an entry of the same key takes the place
    /// of the embedded one (of profiles: one of the same configuration, traffic and load kind; of prices: the
    /// same machine, region and pricing model), others are added. Later documents win over earlier ones.
    ///
    /// # Errors
    /// The first document that is too large, no YAML, of another form, or has an entry that makes no sense or
    /// names a model, accelerator, machine or server that there is not.
    pub fn with_overlays(documents: &[OverlayDocument]) -> Result<Self, CatalogError> {
        let mut parsed = Vec::new();
        let mut overlay = Document::default();
        for source in documents {
            let document = Document::parse(source)?;
            overlay = Document {
                models: merge(overlay.models, &document.models),
                accelerators: merge(overlay.accelerators, &document.accelerators),
                machines: merge(overlay.machines, &document.machines),
                prices: merge(overlay.prices, &document.prices),
                servers: merge(overlay.servers, &document.servers),
                signals: merge(overlay.signals, &document.signals),
                start_times: merge(overlay.start_times, &document.start_times),
                flags: merge(overlay.flags, &document.flags),
                use_cases: merge(overlay.use_cases, &document.use_cases),
                profiles: merge(overlay.profiles, &document.profiles),
                ceilings: merge(overlay.ceilings, &document.ceilings),
            };
            parsed.push((source.name.as_str(), document));
        }
        let catalog = Self { overlay, ..Self::default() };
        for (name, document) in &parsed {
            catalog.check_references(name, &document.machines)?;
            catalog.check_references(name, &document.prices)?;
            catalog.check_references(name, &document.servers)?;
            catalog.check_references(name, &document.signals)?;
            catalog.check_references(name, &document.flags)?;
            catalog.check_references(name, &document.profiles)?;
            catalog.check_references(name, &document.ceilings)?;
        }
        Ok(catalog)
    }

    /// This catalog with one more model, which takes the place of an entry of the same id.
    pub fn with_model(&self, model: Model) -> Self {
        let mut overlay = self.overlay.clone();
        overlay.models = merge(overlay.models, &[model]);
        Self { overlay, ..Self::default() }
    }

    /// Which catalog this is.
    pub fn release(&self) -> Result<Release, CatalogError> {
        serde_json::from_str(embedded::RELEASE).map_err(|error| unreadable("release", &error))
    }

    /// All models, by id.
    pub fn models(&self) -> Result<&[Model], CatalogError> {
        section(&self.models, "models", embedded::MODELS, &self.overlay.models)
    }

    /// All accelerators, by id.
    pub fn accelerators(&self) -> Result<&[Accelerator], CatalogError> {
        section(&self.accelerators, "accelerators", embedded::ACCELERATORS, &self.overlay.accelerators)
    }

    /// All machine types, by name.
    pub fn machines(&self) -> Result<&[Machine], CatalogError> {
        section(&self.machines, "machines", embedded::MACHINES, &self.overlay.machines)
    }

    /// The price book, by machine.
    pub fn prices(&self) -> Result<&[PriceTable], CatalogError> {
        section(&self.prices, "prices", embedded::PRICES, &self.overlay.prices)
    }

    /// All model servers, by name.
    pub fn servers(&self) -> Result<&[Server], CatalogError> {
        section(&self.servers, "servers", embedded::SERVERS, &self.overlay.servers)
    }

    /// Metrics that autoscalers can scale by, by exporter and name.
    pub fn signals(&self) -> Result<&[Signal], CatalogError> {
        section(&self.signals, "signals", embedded::SIGNALS, &self.overlay.signals)
    }

    /// What one version of a server exports of them.
    pub fn signals_of(&self, server: &Server, version: &ServerVersion) -> Result<Vec<&Signal>, CatalogError> {
        Ok(self.signals()?.iter().filter(|signal| signal.is_exported_by(server, version)).collect())
    }

    /// How long a start on this kind of accelerator takes; `None` where no entry says.
    pub fn start_times(&self, kind: AcceleratorKind) -> Result<Option<&StartTimes>, CatalogError> {
        let all = section(&self.start_times, "startTimes", embedded::START_TIMES, &self.overlay.start_times)?;
        Ok(all.iter().find(|times| times.accelerator_kind == kind))
    }

    /// Options of the servers' command lines, by server.
    pub fn flags(&self) -> Result<&[FlagTable], CatalogError> {
        section(&self.flags, "flags", embedded::FLAGS, &self.overlay.flags)
    }

    /// All use cases, by name.
    pub fn use_cases(&self) -> Result<&[UseCase], CatalogError> {
        section(&self.use_cases, "useCases", embedded::USE_CASES, &self.overlay.use_cases)
    }

    /// The most that configurations gave with everything sent at once, by model and configuration.
    pub fn ceilings(&self) -> Result<&[Ceiling], CatalogError> {
        section(&self.ceilings, "ceilings", embedded::CEILINGS, &self.overlay.ceilings)
    }

    /// All measured curves, by model, configuration and traffic.
    pub fn all_profiles(&self) -> Result<Vec<&Profile>, CatalogError> {
        let mut all = Vec::new();
        for profiles in self.profiles_by_model().values() {
            all.extend(profiles.parsed()?);
        }
        Ok(all)
    }

    /// The measured curves of one model, by its exact id. Only these are parsed.
    pub fn profiles(&self, model_id: &str) -> Result<Vec<&Profile>, CatalogError> {
        match self.profiles_by_model().get(model_id) {
            Some(profiles) => Ok(profiles.parsed()?.iter().collect()),
            None => Ok(Vec::new()),
        }
    }

    fn profiles_by_model(&self) -> &BTreeMap<String, ProfilesOfModel> {
        self.profiles.get_or_init(|| {
            let mut by_model: BTreeMap<String, ProfilesOfModel> = BTreeMap::new();
            for (model, json) in embedded::PROFILES {
                by_model.entry((*model).to_owned()).or_default().embedded = json;
            }
            for profile in &self.overlay.profiles {
                by_model.entry(profile.model.clone()).or_default().overlay.push(profile.clone());
            }
            by_model
        })
    }

    /// The model of this id, checkpoint id or alias (in this order), whatever the letter case.
    pub fn find_model(&self, name: &str) -> Result<Found<'_>, CatalogError> {
        let models = self.models()?;
        self.known_model(name)?.ok_or_else(|| CatalogError::Unknown {
            kind: Model::KIND,
            name: name.to_owned(),
            nearest: nearest(name, models.iter().flat_map(model_names)),
        })
    }

    /// What [`Self::find_model`] finds, `None` where it finds nothing: without a search for the nearest name, for
    /// callers to whom most names mean nothing.
    ///
    /// # Errors
    /// The models cannot be read.
    pub fn known_model(&self, name: &str) -> Result<Option<Found<'_>>, CatalogError> {
        let models = self.models()?;
        let by_id = models.iter().find(|model| model.id.eq_ignore_ascii_case(name));
        if let Some(found) = by_id.and_then(stock_of) {
            return Ok(Some(found));
        }
        let by_checkpoint = models.iter().find_map(|model| {
            let checkpoint =
                model.checkpoints.iter().find(|checkpoint| checkpoint.id.eq_ignore_ascii_case(name))?;
            Some(Found { model, checkpoint })
        });
        let by_alias = || models.iter().find(|model| any_is(&model.aliases, name)).and_then(stock_of);
        Ok(by_checkpoint.or_else(by_alias))
    }

    /// The accelerator of this id or alias.
    pub fn find_accelerator(&self, name: &str) -> Result<&Accelerator, CatalogError> {
        let all = self.accelerators()?;
        find(all, name, |entry| &entry.id, |entry| &entry.aliases)
    }

    /// What [`Self::find_accelerator`] finds, `None` where it finds nothing, without a search for the nearest name.
    ///
    /// # Errors
    /// The accelerators cannot be read.
    pub fn known_accelerator(&self, name: &str) -> Result<Option<&Accelerator>, CatalogError> {
        Ok(known(self.accelerators()?, name, |entry| &entry.id, |entry| &entry.aliases))
    }

    /// The machine type of this name.
    pub fn find_machine(&self, name: &str) -> Result<&Machine, CatalogError> {
        find(self.machines()?, name, |entry| &entry.name, |_| &[])
    }

    /// The machine types that hold this accelerator (catalog id), the one with the fewest first.
    pub fn machines_with(&self, accelerator: &str) -> Result<Vec<&Machine>, CatalogError> {
        let mut machines: Vec<&Machine> =
            self.machines()?.iter().filter(|machine| machine.accelerator == accelerator).collect();
        machines.sort_by(|a, b| {
            a.accelerators
                .total_cmp(&b.accelerators)
                .then(a.vcpus.cmp(&b.vcpus))
                .then_with(|| a.name.cmp(&b.name))
        });
        Ok(machines)
    }

    /// Accelerators that a replica of one Pod can have, the fewest first: of a GPU machine any power of two,
    /// since tensor parallelism takes no other number, of a TPU machine all.
    ///
    /// `only` leaves out every other machine type.
    pub fn replica_sizes(
        &self,
        accelerator: &Accelerator,
        only: Option<&str>,
    ) -> Result<Vec<u32>, CatalogError> {
        let mut machines = self.machines_with(&accelerator.id)?;
        machines.retain(|machine| only.is_none_or(|only| machine.name == only));
        if accelerator.kind == AcceleratorKind::Tpu {
            machines.retain(|machine| machine.single_host_topology().is_some());
            let mut sizes: Vec<u32> = machines.iter().map(|machine| machine.whole_accelerators()).collect();
            sizes.dedup();
            return Ok(sizes);
        }
        let most = machines.iter().map(|machine| machine.whole_accelerators()).max().unwrap_or(0);
        Ok((0..u32::BITS).map(|power| 1 << power).take_while(|size| *size <= most).collect())
    }

    /// The model server of this name or alias.
    pub fn find_server(&self, name: &str) -> Result<&Server, CatalogError> {
        find(self.servers()?, name, |entry| &entry.name, |entry| &entry.aliases)
    }

    /// What [`Self::find_server`] finds, `None` where it finds nothing, without a search for the nearest name.
    ///
    /// # Errors
    /// The servers cannot be read.
    pub fn known_server(&self, name: &str) -> Result<Option<&Server>, CatalogError> {
        Ok(known(self.servers()?, name, |entry| &entry.name, |entry| &entry.aliases))
    }

    /// The use case of this name.
    pub fn find_use_case(&self, name: &str) -> Result<&UseCase, CatalogError> {
        find(self.use_cases()?, name, |entry| &entry.name, |entry| &entry.aliases)
    }

    /// What a machine costs; `None` where the price book has no figure.
    pub fn price(
        &self,
        machine: &str,
        region: &str,
        pricing_model: PricingModel,
    ) -> Result<Option<Price>, CatalogError> {
        let table = self.prices()?.iter().find(|table| table.machine == machine);
        Ok(table.and_then(|table| table.price(region, pricing_model)))
    }

    /// Regions for which the price book has a price of any machine, by name.
    pub fn regions(&self) -> Result<Vec<&str>, CatalogError> {
        let mut regions: Vec<&str> =
            self.prices()?.iter().flat_map(|table| table.usd_per_hour.keys().map(String::as_str)).collect();
        regions.sort_unstable();
        regions.dedup();
        Ok(regions)
    }

    /// The region whose price is shown when the user names none: `us-east5`, for A3 machines `us-central1`
    /// (the service's own rule).
    pub fn default_region(machine: &str) -> &'static str {
        if machine.starts_with("a3-") { "us-central1" } else { "us-east5" }
    }

    fn check_references<T: Entry>(&self, document: &str, entries: &[T]) -> Result<(), CatalogError> {
        for entry in entries {
            for reference in entry.references() {
                self.check_reference(&reference)?
                    .map_err(|problem| invalid::<T>(document, &entry.key(), problem))?;
            }
        }
        Ok(())
    }

    /// The outer error: the embedded catalog cannot be read; the inner: there is no such entry.
    fn check_reference(&self, reference: &Reference<'_>) -> Result<Result<(), Problem>, CatalogError> {
        let names: Vec<&str> = match reference.section {
            Section::Models => self.models()?.iter().map(|entry| entry.id.as_str()).collect(),
            Section::Accelerators => self.accelerators()?.iter().map(|entry| entry.id.as_str()).collect(),
            Section::Machines => self.machines()?.iter().map(|entry| entry.name.as_str()).collect(),
            Section::Servers => self.servers()?.iter().map(|entry| entry.name.as_str()).collect(),
        };
        if names.contains(&reference.name) {
            return Ok(Ok(()));
        }
        let unknown = CatalogError::Unknown {
            kind: match reference.section {
                Section::Models => Model::KIND,
                Section::Accelerators => Accelerator::KIND,
                Section::Machines => Machine::KIND,
                Section::Servers => Server::KIND,
            },
            name: reference.name.to_owned(),
            nearest: nearest(reference.name, names.into_iter()),
        };
        Ok(Err(Problem::new(reference.field, format!("names an {unknown}"))))
    }
}

/// The profiles of one model, parsed when they are first asked for.
#[derive(Debug, Default)]
struct ProfilesOfModel {
    /// JSON list; empty: none.
    embedded: &'static str,
    overlay: Vec<Profile>,
    parsed: Parsed<Profile>,
}

impl ProfilesOfModel {
    fn parsed(&self) -> Result<&[Profile], CatalogError> {
        let embedded = if self.embedded.is_empty() { "[]" } else { self.embedded };
        section(&self.parsed, "profiles", embedded, &self.overlay)
    }
}

impl Server {
    /// The version of this name or alias.
    ///
    /// # Errors
    /// Lists the versions that there are.
    pub fn find_version(&self, name: &str) -> Result<&ServerVersion, CatalogError> {
        self.known_version(name).ok_or_else(|| CatalogError::UnknownVersion {
            server: self.display_name.clone(),
            version: name.to_owned(),
            known: self.versions.iter().map(|version| version.version.clone()).collect(),
        })
    }

    /// What [`Self::find_version`] finds, without a list of the others where it finds nothing.
    pub fn known_version(&self, name: &str) -> Option<&ServerVersion> {
        let is = |version: &&ServerVersion| {
            version.version.eq_ignore_ascii_case(name) || any_is(&version.aliases, name)
        };
        self.versions.iter().find(is)
    }
}

fn any_is(names: &[String], name: &str) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}

fn stock_of(model: &Model) -> Option<Found<'_>> {
    let checkpoint = model.stock_checkpoint()?;
    Some(Found { model, checkpoint })
}

fn model_names(model: &Model) -> impl Iterator<Item = &str> {
    let checkpoints = model.checkpoints.iter().map(|checkpoint| checkpoint.id.as_str());
    std::iter::once(model.id.as_str()).chain(checkpoints)
}

fn find<'a, T: Entry>(
    entries: &'a [T],
    name: &str,
    key: impl Fn(&T) -> &str,
    aliases: impl Fn(&T) -> &[String],
) -> Result<&'a T, CatalogError> {
    known(entries, name, &key, aliases).ok_or_else(|| CatalogError::Unknown {
        kind: T::KIND,
        name: name.to_owned(),
        nearest: nearest(name, entries.iter().map(key)),
    })
}

/// The entry of this key, else that with this alias.
fn known<'a, T>(
    entries: &'a [T],
    name: &str,
    key: impl Fn(&T) -> &str,
    aliases: impl Fn(&T) -> &[String],
) -> Option<&'a T> {
    let exact = entries.iter().find(|entry| key(entry).eq_ignore_ascii_case(name));
    exact.or_else(|| entries.iter().find(|entry| any_is(aliases(entry), name)))
}

fn section<'a, T: Entry>(
    parsed: &'a Parsed<T>,
    name: &str,
    embedded: &str,
    overlay: &[T],
) -> Result<&'a [T], CatalogError> {
    let load = || {
        let entries: Vec<T> = serde_json::from_str(embedded).map_err(|error| unreadable(name, &error))?;
        let mut entries = merge(entries, overlay);
        entries.sort_by_cached_key(T::key);
        Ok(entries)
    };
    parsed.get_or_init(load).as_deref().map_err(Clone::clone)
}

/// `entries` with those of `overlay` in the place of the ones that they replace.
fn merge<T: Entry>(entries: Vec<T>, overlay: &[T]) -> Vec<T> {
    if overlay.is_empty() {
        return entries;
    }
    let mut replaced: BTreeMap<String, T> = BTreeMap::new();
    let slots: BTreeMap<String, &T> = overlay.iter().map(|entry| (entry.slot(), entry)).collect();
    let mut kept = Vec::with_capacity(entries.len() + overlay.len());
    for entry in entries {
        match slots.get(&entry.slot()) {
            Some(_) => {
                replaced.insert(entry.slot(), entry);
            }
            None => kept.push(entry),
        }
    }
    for entry in overlay {
        kept.push(match replaced.get(&entry.slot()) {
            Some(old) => old.overlaid_by(entry),
            None => entry.clone(),
        });
    }
    kept
}

fn unreadable(section: &str, error: &serde_json::Error) -> CatalogError {
    CatalogError::Malformed {
        document: "embedded catalog".to_owned(),
        place: format!("{section}: "),
        message: error.to_string(),
    }
}
