//! The commands that go with the objects, filled in and in the order in which to run them.

mod cluster;
mod run;
mod summary;
mod transfer;
mod weights;

use serde::Serialize;
pub(super) use transfer::TransferSteps;
pub(super) use weights::principal;

use super::storage::StoragePlan;
use super::{AutoscalingPlan, ManifestError, Plan};

/// Kubernetes version that accepted the manifests in the project's own tests. The only version named in them.
pub const TESTED_KUBERNETES: &str = "v1.36.3";

/// Where helm finds prometheus-adapter.
pub(super) const ADD_PROMETHEUS_ADAPTER: &str =
    "helm repo add prometheus-community https://prometheus-community.github.io/helm-charts";

/// Where helm finds KEDA.
pub(super) const ADD_KEDA: &str = "helm repo add kedacore https://kedacore.github.io/charts";

/// Columns of a comment line.
const WIDTH: usize = 110;

/// One step: what to do and why, and the commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comment {
    /// What the step is.
    pub title: String,
    /// What to know, one paragraph each.
    pub text: Vec<String>,
    /// Shell commands, in order; some over several lines.
    pub commands: Vec<String>,
}

/// What the comments take from outside of the request: it changes no object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// kubectl's `--context`.
    pub context: Option<String>,
    /// kubectl's `--kubeconfig`.
    pub kubeconfig: Option<String>,
    /// Google Cloud project; absent: that of gcloud's configuration.
    pub project: Option<String>,
    /// Day for the header, as it is to be printed; absent: none.
    pub date: Option<String>,
    /// File that the manifests are written to; absent: a name stands for it.
    pub path: Option<String>,
}

impl Surroundings {
    /// Refuses what could leave a comment line.
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        let texts = [
            ("context", &self.context),
            ("kubeconfig", &self.kubeconfig),
            ("project", &self.project),
            ("date", &self.date),
            ("output path", &self.path),
        ];
        for (what, text) in texts {
            if let Some(text) = text.as_ref().filter(|text| text.chars().any(char::is_control)) {
                return Err(ManifestError::ControlCharacters { what, text: text.clone() });
            }
        }
        Ok(())
    }

    /// `kubectl` with the flags that lead to the user's cluster.
    pub(super) fn kubectl(&self) -> String {
        let mut command = "kubectl".to_owned();
        for (flag, value) in [("--kubeconfig", &self.kubeconfig), ("--context", &self.context)] {
            if let Some(value) = value {
                command.push_str(&format!(" {flag}={}", quoted(value)));
            }
        }
        command
    }

    pub(super) fn file_or(&self, default: &str) -> String {
        quoted(self.path.as_deref().unwrap_or(default))
    }
}

/// What every step needs to know.
struct Steps<'a> {
    plan: &'a Plan<'a>,
    storage: &'a StoragePlan,
    autoscaling: Option<&'a AutoscalingPlan<'a>>,
    surroundings: &'a Surroundings,
}

impl Steps<'_> {
    /// `kubectl` for objects of the workload's namespace.
    fn kubectl(&self) -> String {
        let kubectl = self.surroundings.kubectl();
        match &self.plan.request.namespace {
            Some(namespace) => format!("{kubectl} --namespace={namespace}"),
            None => kubectl,
        }
    }

    /// Namespace for commands that cannot leave it to kubectl.
    fn namespace(&self) -> &str {
        self.plan.request.namespace.as_deref().unwrap_or("default")
    }
}

/// All steps.
pub(super) fn comments(
    plan: &Plan<'_>,
    storage: &StoragePlan,
    autoscaling: Option<&AutoscalingPlan<'_>>,
    surroundings: &Surroundings,
) -> Vec<Comment> {
    let steps = Steps { plan, storage, autoscaling, surroundings };
    let mut comments = vec![steps.summary()];
    comments.extend(steps.cluster());
    comments.extend(steps.weights());
    comments.extend(steps.observability());
    comments.extend(steps.run());
    comments
}

/// First lines of a manifest: what made it and what it was tried with.
pub(super) fn header(plan: &Plan<'_>, surroundings: &Surroundings) -> Vec<String> {
    let date = surroundings.date.as_ref().map(|date| format!(" on {date}")).unwrap_or_default();
    vec![
        format!("Generated{date} using:"),
        format!(
            "Kubernetes {TESTED_KUBERNETES} (API server and scheduler of the project's tests, no \
             accelerators)"
        ),
        format!("Model server {} {}", plan.server.display_name, plan.version.version),
        format!("Catalog {}", plan.catalog_version),
    ]
}

/// Lines of the header as YAML comments.
pub(super) fn render_header(header: &[String]) -> String {
    header.iter().map(|line| format!("# {line}\n")).collect()
}

/// Steps as YAML comments, numbered; commands stand alone on their lines, ready to be copied.
pub(super) fn render(comments: &[Comment]) -> String {
    let mut out = String::new();
    for (index, comment) in comments.iter().enumerate() {
        let title = if index == 0 { comment.title.clone() } else { format!("{index}. {}", comment.title) };
        out.push_str(&format!("#\n# {title}\n"));
        for paragraph in &comment.text {
            for line in wrapped(paragraph, WIDTH - 4) {
                out.push_str(&format!("#   {line}\n"));
            }
        }
        for command in &comment.commands {
            for line in command.lines() {
                out.push_str(&format!("#     {line}\n"));
            }
        }
    }
    out
}

/// Lines of a comment.
pub(crate) fn wrapped_text(text: &str) -> Vec<String> {
    wrapped(text, WIDTH - 2)
}

/// Lines of at most `width` characters, broken at spaces.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// One command of a shell over several lines.
pub(super) fn over_lines(lines: &[&str]) -> String {
    lines.join(" \\\n    ")
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/~@:+=-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_flags_stay_one_word_of_the_shell() {
        let surroundings = Surroundings {
            context: Some("gke_my-project_us-east5_a b'; rm -rf $HOME".to_owned()),
            kubeconfig: Some("/home/me/.kube/config".to_owned()),
            ..Surroundings::default()
        };
        let context = r"'gke_my-project_us-east5_a b'\''; rm -rf $HOME'";
        let expected = format!("kubectl --kubeconfig=/home/me/.kube/config --context={context}");
        assert_eq!(surroundings.kubectl(), expected);
    }

    #[test]
    fn what_could_leave_a_comment_is_refused() {
        for text in ["a\nb", "a\rb", "a\u{85}b"] {
            let text = Some(text.to_owned());
            let context = Surroundings { context: text.clone(), ..Surroundings::default() };
            let project = Surroundings { project: text.clone(), ..Surroundings::default() };
            assert!(context.check().is_err() && project.check().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_line_is_a_comment() {
        let comment = Comment {
            title: "Title".to_owned(),
            text: vec!["word ".repeat(100)],
            commands: vec!["a \\\n    --b".to_owned(), "c".to_owned()],
        };
        let text = render(&[comment.clone(), comment]);
        assert!(text.lines().all(|line| line.starts_with('#') && line.len() <= WIDTH), "{text}");
        assert!(text.contains("# 1. Title"), "{text}");
    }
}
