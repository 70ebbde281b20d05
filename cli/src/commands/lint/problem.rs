//! What is printed of a finding, the same for every format.

use infer_core::documents::{Place, Trouble, TroubleKind};
use infer_core::inspect::Pointer;
use infer_core::lint::{FileReport, LocatedFinding, ObjectName, Unplaced};
use infer_core::policy::{Consequence, Judgement, Unfixed};
use infer_core::rules::{Rule, Severity};

/// Everything that one run has to say.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Problems in the order of the files and of their text.
    pub(super) problems: Vec<Problem>,
    /// Files read; none for a cluster.
    pub(super) files: usize,
    /// Objects looked at.
    pub(super) objects: usize,
    /// Objects that serve a model or scale what does.
    pub(super) inference: usize,
    /// Findings whose author wants to hear nothing of them.
    pub(super) ignored: usize,
    /// Fixes made.
    pub(super) fixed: usize,
    /// Fixes that could not be written.
    pub(super) unplaced: Vec<Unplaced>,
}

/// One thing to say.
#[derive(Debug)]
pub(super) struct Problem {
    /// File and place in it; `None` for an object of a cluster.
    pub(super) place: Option<(String, Place)>,
    /// The object; `None` where the text itself is wrong.
    pub(super) object: Option<ObjectName>,
    /// JSON pointer into the object.
    pub(super) path: Option<String>,
    /// Which check.
    pub(super) check: Checked,
    /// How much it matters.
    pub(super) severity: Severity,
    /// What is wrong.
    pub(super) what: String,
    /// Why it matters.
    pub(super) why: &'static str,
    /// What to do.
    pub(super) remedy: String,
    /// What its fix does.
    pub(super) fix: Option<FixNote>,
    /// Policy that has a say in it.
    pub(super) policy: Option<String>,
    /// Whether admission would refuse the object.
    pub(super) refused: bool,
}

/// What a fix does, and whether it may.
#[derive(Debug)]
pub(super) struct FixNote {
    /// What it does, in a few words.
    pub(super) summary: String,
    /// Why it is not made; `None` where `--fix` makes it.
    pub(super) unfixed: Option<Unfixed>,
}

/// Which check found something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Checked {
    /// A rule.
    Rule(&'static Rule),
    /// Reading the text.
    Text(TroubleKind),
}

/// Ways in which a text can be wrong, in the order of their ids.
pub(super) const TROUBLES: [TroubleKind; 4] = [
    TroubleKind::Malformed,
    TroubleKind::DuplicateKey,
    TroubleKind::Template,
    TroubleKind::MisplacedContainers,
];

impl Checked {
    /// Stable id.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.id,
            Self::Text(TroubleKind::Malformed) => "YAML001",
            Self::Text(TroubleKind::DuplicateKey) => "YAML002",
            Self::Text(TroubleKind::Template) => "YAML003",
            Self::Text(TroubleKind::MisplacedContainers) => "YAML004",
        }
    }

    /// Name in kebab case.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.name,
            Self::Text(TroubleKind::Malformed) => "malformed-document",
            Self::Text(TroubleKind::DuplicateKey) => "duplicate-key",
            Self::Text(TroubleKind::Template) => "template",
            Self::Text(TroubleKind::MisplacedContainers) => "misplaced-containers",
        }
    }

    /// How much it usually matters.
    pub(super) fn severity(self) -> Severity {
        match self {
            Self::Rule(rule) => rule.severity,
            Self::Text(TroubleKind::Template) => Severity::Information,
            Self::Text(
                TroubleKind::Malformed | TroubleKind::DuplicateKey | TroubleKind::MisplacedContainers,
            ) => Severity::Error,
        }
    }

    /// What it finds, in one sentence.
    pub(super) fn summary(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.summary,
            Self::Text(TroubleKind::Malformed) => "The document can be read neither as YAML nor as JSON",
            Self::Text(TroubleKind::DuplicateKey) => "A key stands twice in the same object",
            Self::Text(TroubleKind::Template) => "The document is a template that has to be rendered first",
            Self::Text(TroubleKind::MisplacedContainers) => {
                "The containers of a Pod stand below another field than its `spec`"
            }
        }
    }

    /// Why it matters.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.rationale,
            Self::Text(TroubleKind::Malformed) => {
                "kubectl refuses the document; nothing in it was checked. The other documents of the file were."
            }
            Self::Text(TroubleKind::DuplicateKey) => {
                "What was written first is lost without a word, or the API server refuses the object."
            }
            Self::Text(TroubleKind::Template) => {
                "Of a template no object can be known; nothing in it was checked."
            }
            Self::Text(TroubleKind::MisplacedContainers) => {
                "The API server refuses a Pod without containers; nothing of the server was checked."
            }
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Rule(_) => "",
            Self::Text(TroubleKind::Malformed) => "correct the syntax",
            Self::Text(TroubleKind::DuplicateKey) => "keep one of the two",
            Self::Text(TroubleKind::MisplacedContainers) => "indent `containers` as a field of `spec`",
            Self::Text(TroubleKind::Template) => {
                "check what it renders: `helm template … | kubectl infer lint -f -`"
            }
        }
    }
}

impl Report {
    /// What is said of files.
    pub(super) fn of_files(reports: &[FileReport]) -> Self {
        let mut all = Self { files: reports.len(), ..Self::default() };
        for report in reports {
            all.objects += report.objects;
            all.inference += report.inference;
            let troubles = report.troubles.iter().map(|trouble| Problem::of_text(&report.name, trouble));
            let mut problems: Vec<_> = troubles.collect();
            for LocatedFinding { object, place, judgement } in &report.findings {
                match Problem::of(object, judgement) {
                    Some(problem) => {
                        problems.push(Problem { place: Some((report.name.clone(), *place)), ..problem });
                    }
                    None => all.ignored += 1,
                }
            }
            problems.sort_by_key(|problem| problem.place.as_ref().map(|(_, place)| *place));
            all.problems.extend(problems);
        }
        all
    }

    /// How many problems of a severity there are.
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    /// How many problems `--fix` would put right.
    pub(super) fn fixable(&self) -> usize {
        self.problems.iter().filter(|problem| problem.is_fixable()).count()
    }

    /// Whether something has to be done.
    pub(super) fn fails(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity > Severity::Information)
    }
}

impl Problem {
    /// What is said of a finding, without its place; `None` where its author wants to hear nothing of it.
    pub(super) fn of(object: &ObjectName, judgement: &Judgement) -> Option<Self> {
        let finding = &judgement.finding;
        let severity = match judgement.consequence {
            Consequence::Ignored => return None,
            Consequence::Denied => Severity::Error,
            Consequence::Recorded => Severity::Information,
            Consequence::Warned | Consequence::Fixed => finding.severity,
        };
        let fix = finding.fix.as_ref();
        Some(Self {
            place: None,
            object: Some(object.clone()),
            path: Some(Pointer::as_str(&finding.at).to_owned()),
            check: Checked::Rule(finding.rule),
            severity,
            what: finding.what.clone(),
            why: finding.rule.rationale,
            remedy: finding.remedy.clone(),
            fix: fix.map(|fix| FixNote { summary: fix.summary.clone(), unfixed: judgement.unfixed }),
            policy: judgement.ruling.policy.as_deref().map(str::to_owned),
            refused: judgement.consequence == Consequence::Denied,
        })
    }

    fn of_text(file: &str, trouble: &Trouble) -> Self {
        let check = Checked::Text(trouble.kind);
        Self {
            place: Some((file.to_owned(), trouble.place)),
            object: None,
            path: None,
            check,
            severity: check.severity(),
            what: trouble.what.clone(),
            why: check.why(),
            remedy: check.remedy().to_owned(),
            fix: None,
            policy: None,
            refused: false,
        }
    }

    /// Whether `--fix` puts it right.
    pub(super) fn is_fixable(&self) -> bool {
        self.fix.as_ref().is_some_and(|fix| fix.unfixed.is_none())
    }

    /// The object as messages call it: `Deployment default/llm`.
    pub(super) fn object_name(&self) -> Option<String> {
        let object = self.object.as_ref()?;
        let name = object.name.as_deref().unwrap_or("(no name)");
        Some(match &object.namespace {
            Some(namespace) => format!("{} {namespace}/{name}", object.kind),
            None => format!("{} {name}", object.kind),
        })
    }
}
