//! Writes what fuzzing begins with: each manifest of the corpus and each sample of the documentation, as an object and
//! in a review.
//!
//! ```sh
//! cargo run -p infer-webhook --example fuzz_seeds
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let webhook = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = webhook.join("fuzz/corpus");
    let (objects, reviews) = (corpus.join("object"), corpus.join("review"));
    fs::create_dir_all(&objects)?;
    fs::create_dir_all(&reviews)?;
    let mut count = 0;
    for folder in ["../shared/tests/corpus", "../docs/samples"] {
        for entry in fs::read_dir(webhook.join(folder))? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let documents: Vec<Value> = serde_saphyr::from_multiple(&fs::read_to_string(&path)?)?;
            for object in documents {
                fs::write(objects.join(format!("{count}.json")), object.to_string())?;
                let operation = if count % 3 == 0 { "UPDATE" } else { "CREATE" };
                let review = json!({
                    "apiVersion": "admission.k8s.io/v1",
                    "kind": "AdmissionReview",
                    "request": {
                        "uid": "seed",
                        "kind": { "group": "", "version": "v1", "kind": object["kind"] },
                        "namespace": "team",
                        "operation": operation,
                        "object": object,
                        "oldObject": null,
                    },
                });
                fs::write(reviews.join(format!("{count}.json")), review.to_string())?;
                count += 1;
            }
        }
    }
    println!("{count} objects and as many reviews in {}", corpus.display());
    Ok(())
}
