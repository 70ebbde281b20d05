//! Reads `config.json` files of Hugging Face models and says what they describe.
//!
//! `cargo run --release -p infer-core --example read-configs -- FOLDER`: the folder holds `OWNER--NAME_config.json`
//! and, where a model has one, `OWNER--NAME_hf_quant_config.json`. Exit status 1 if any cannot be read.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use infer_core::catalog::{Catalog, Model, model_from_config};

const CONFIG: &str = "_config.json";
const QUANTIZATION: &str = "_hf_quant_config.json";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("name a folder of config.json files")?);
    let mut names: Vec<String> = fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(CONFIG) && !name.ends_with(QUANTIZATION))
        .collect();
    names.sort();
    let catalog = Catalog::embedded();
    let mut unread = 0;
    for name in &names {
        let stem = name.trim_end_matches(CONFIG);
        match read(&folder, stem) {
            Ok(model) => println!("{}", line(&catalog, &model)?),
            Err(error) => {
                unread += 1;
                println!("{stem}: {error}");
            }
        }
    }
    println!("{} read, {unread} not", names.len() - unread);
    Ok(if unread == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(folder: &Path, stem: &str) -> Result<Model, Box<dyn Error>> {
    let config = fs::read_to_string(folder.join(format!("{stem}{CONFIG}")))?;
    let quantization = fs::read_to_string(folder.join(format!("{stem}{QUANTIZATION}"))).ok();
    Ok(model_from_config(&stem.replace("--", "/"), &config, quantization.as_deref())?)
}

/// Parameters in billions, precision, GB, and how far the catalog's figures are from these.
fn line(catalog: &Catalog, model: &Model) -> Result<String, Box<dyn Error>> {
    let checkpoint = model.stock_checkpoint().ok_or("no checkpoint")?;
    let compared = match catalog.known_model(&model.id)? {
        None => "not in the catalog".to_owned(),
        Some(found) => format!(
            "catalog {:+.2} % parameters, {:+.2} % active, {:+.2} % bytes{}{}",
            percent(found.model.parameters, model.parameters),
            percent(found.model.active_parameters, model.active_parameters),
            percent(found.checkpoint.bytes, checkpoint.bytes),
            if found.checkpoint.precision == checkpoint.precision { "" } else { ", another precision" },
            if found.model.architecture == model.architecture { "" } else { ", another architecture" },
        ),
    };
    let cache = checkpoint.cache_element.map_or(String::new(), |element| format!(", cache {element:?}"));
    Ok(format!(
        "{}: {:.3} billion, {:.3} active, {} {:.1} GB{cache}; {compared}",
        model.id,
        model.parameters as f64 / 1e9,
        model.active_parameters as f64 / 1e9,
        checkpoint.precision,
        checkpoint.bytes as f64 / 1e9,
    ))
}

fn percent(other: u64, this: u64) -> f64 {
    (other as f64 / this as f64 - 1.0) * 100.0
}
