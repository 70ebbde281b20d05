//! Turns the catalog's YAML files into JSON, one text a section and one for the profiles of each model, which the
//! crate embeds.
//!
//! People edit YAML; the program reads JSON, because a process of 30 ms cannot spend 40 ms on parsing YAML
//! (345 KB of profiles: 34 ms as YAML, 1 ms as JSON). Whether the entries make sense is not checked here but by
//! the crate's tests, which read the same YAML files and name file, entry and field.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

/// The sections that hold lists of entries, as `Document` in `src/catalog/document.rs` has them.
const LISTS: [&str; 11] = [
    "models",
    "accelerators",
    "machines",
    "prices",
    "servers",
    "signals",
    "startTimes",
    "flags",
    "useCases",
    "profiles",
    "ceilings",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=data");
    println!("cargo::rerun-if-changed=build.rs");
    let mut lists: BTreeMap<&str, Vec<Value>> = LISTS.iter().map(|name| (*name, Vec::new())).collect();
    let mut release = None;
    for path in yaml_files(Path::new("data"))? {
        let name = path.display();
        let text = fs::read_to_string(&path)?;
        let document: BTreeMap<String, Value> =
            serde_saphyr::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
        for (section, content) in document {
            match (section.as_str(), content) {
                ("release", content) => release = Some(content),
                (section, Value::Array(entries)) => lists
                    .get_mut(section)
                    .ok_or_else(|| format!("{name}: unknown section `{section}`"))?
                    .extend(entries),
                (section, _) => return Err(format!("{name}: `{section}` is not a list").into()),
            }
        }
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let release = release.ok_or("no file under data/ has a `release`")?;
    fs::write(out.join("release.json"), serde_json::to_string(&release)?)?;
    let profiles = lists.remove("profiles").unwrap_or_default();
    fs::write(out.join("profiles.rs"), table_of_profiles(profiles)?)?;
    for (section, entries) in lists {
        fs::write(out.join(format!("{section}.json")), serde_json::to_string(&entries)?)?;
    }
    Ok(())
}

/// A Rust expression: the profiles of each model as `(model, JSON)`, since most runs ask for one model only.
fn table_of_profiles(profiles: Vec<Value>) -> Result<String, Box<dyn Error>> {
    let mut by_model: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for profile in profiles {
        let model = profile.get("model").and_then(Value::as_str).ok_or("a profile names no model")?;
        by_model.entry(model.to_owned()).or_default().push(profile);
    }
    let mut table = String::from("&[\n");
    for (model, profiles) in by_model {
        let json = serde_json::to_string(&profiles)?;
        writeln!(table, "({model:?}, {json:?}),")?;
    }
    Ok(table + "]\n")
}

/// All `.yaml` files below `folder`, in the order of their paths.
fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut entries =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(yaml_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    Ok(files)
}
