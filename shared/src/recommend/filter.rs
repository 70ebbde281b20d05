//! The filter language of `--filter`: the documented core of gcloud's, over named columns.
//!
//! ```text
//! acceleratorType=nvidia-l4                      equal, whatever the letter case
//! model:gemma                                    contains, whatever the letter case
//! model:google*                                  starts with
//! ntpotMilliseconds:*                            has a value
//! ntpotMilliseconds<=100                         numbers; also <, >, >=, !=
//! modelServer=(vllm sglang)                      any of several
//! NOT model:gemma, -model:gemma                  negation
//! a AND b, a b, a OR b, ( … )                    a b is a AND b, and binds less than OR
//! ```
//! As in gcloud, an expression with both `AND` and `OR` needs parentheses. Its regular expressions (`~`) and
//! functions are not part of it.

use thiserror::Error;

use super::columns::{Column, ColumnKind, Row, UnknownColumn, Value, find_column};

/// Longest expression in bytes.
const LONGEST: usize = 4096;

/// Deepest nesting of parentheses and negations.
const DEEPEST: usize = 32;

/// An expression that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterError {
    /// Longer than any filter needs to be.
    #[error("filter has {bytes} bytes, at most {LONGEST} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Nested deeper than any filter needs to be.
    #[error("filter is nested deeper than {DEEPEST} levels")]
    TooDeep,
    /// Something else stands where something is needed.
    #[error("filter, at character {at}: expected {expected}, found {found}")]
    Expected {
        /// Character, from 1.
        at: usize,
        /// What is needed.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// `AND` and `OR` side by side.
    #[error("filter, at character {at}: `AND` and `OR` in one expression need parentheses")]
    Mixed {
        /// Character, from 1.
        at: usize,
    },
    /// No such column.
    #[error("filter: {0}")]
    Column(#[from] UnknownColumn),
    /// A number column compared with words.
    #[error("filter: column `{column}` holds numbers, `{value}` is none")]
    NotANumber {
        /// The column.
        column: &'static str,
        /// What it was compared with.
        value: String,
    },
    /// A text column compared by size.
    #[error("filter: column `{column}` holds text: compare it by `=`, `!=` or `:`")]
    NotComparable {
        /// The column.
        column: &'static str,
    },
}

/// A filter over rows of type `R`.
#[derive(Debug)]
pub struct Filter<R: Row>(Expression<R>);

#[derive(Debug)]
enum Expression<R: Row> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Term(&'static Column<R>, Test),
}

#[derive(Debug)]
enum Test {
    HasValue,
    Is(Vec<Operand>),
    Matches(Vec<Pattern>),
    Less(f64),
    AtMost(f64),
    Greater(f64),
    AtLeast(f64),
}

/// In lower case.
#[derive(Debug)]
enum Pattern {
    Contains(String),
    StartsWith(String),
}

#[derive(Debug)]
enum Operand {
    Number(f64),
    /// Lower case.
    Text(String),
}

impl<R: Row> Filter<R> {
    /// From an expression of the filter language; the empty one lets every row through.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > LONGEST {
            return Err(FilterError::TooLong { bytes: text.len() });
        }
        let mut parser = Parser { characters: text.chars().collect(), next: 0 };
        parser.skip_spaces();
        if parser.peek().is_none() {
            return Ok(Self(Expression::All(Vec::new())));
        }
        let expression = parser.group(0)?;
        match parser.peek() {
            None => Ok(Self(expression)),
            Some(_) => Err(parser.expected("`AND`, `OR` or another term")),
        }
    }

    /// Whether a row passes.
    pub fn matches(&self, row: &R) -> bool {
        self.0.matches(row)
    }
}

impl<R: Row> Expression<R> {
    fn matches(&self, row: &R) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(row)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(row)),
            Self::Not(part) => !part.matches(row),
            Self::Term(column, test) => test.matches(&(column.value)(row)),
        }
    }
}

impl Test {
    fn matches(&self, value: &Value<'_>) -> bool {
        let number = |test: &dyn Fn(f64) -> bool| matches!(value, Value::Number(number) if test(*number));
        match self {
            Self::HasValue => *value != Value::Missing,
            Self::Is(operands) => operands.iter().any(|operand| operand.is(value)),
            Self::Matches(patterns) => match value {
                Value::Text(text) => {
                    let text = text.to_lowercase();
                    patterns.iter().any(|pattern| pattern.is_in(&text))
                }
                _ => false,
            },
            Self::Less(limit) => number(&|number| number < *limit),
            Self::AtMost(limit) => number(&|number| number <= *limit),
            Self::Greater(limit) => number(&|number| number > *limit),
            Self::AtLeast(limit) => number(&|number| number >= *limit),
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let text = text.to_lowercase();
        match text.strip_suffix('*') {
            Some(start) => Self::StartsWith(start.to_owned()),
            None => Self::Contains(text),
        }
    }

    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Contains(part) => text.contains(part),
            Self::StartsWith(start) => text.starts_with(start),
        }
    }
}

impl Operand {
    fn is(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Number(wanted), Value::Number(number)) => wanted == number,
            (Self::Text(wanted), Value::Text(text)) => *wanted == text.to_lowercase(),
            _ => false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    And,
    Or,
    Adjacent,
}

struct Parser {
    characters: Vec<char>,
    next: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.next).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next += 1;
        }
    }

    fn expected(&self, expected: &'static str) -> FilterError {
        let found: String = self
            .characters
            .iter()
            .skip(self.next)
            .take_while(|letter| !letter.is_whitespace())
            .take(20)
            .collect();
        FilterError::Expected {
            at: self.next + 1,
            expected,
            found: if found.is_empty() { "the end".to_owned() } else { format!("`{found}`") },
        }
    }

    /// Takes `word` if it stands here as a word of its own.
    fn take_word(&mut self, word: &str) -> bool {
        let end = self.next + word.chars().count();
        let here = self.characters.get(self.next..end);
        let is_word = here.is_some_and(|here| here.iter().copied().eq(word.chars()));
        let ends = self
            .characters
            .get(end)
            .is_none_or(|letter| letter.is_whitespace() || matches!(letter, '(' | ')'));
        if is_word && ends {
            self.next = end;
            self.skip_spaces();
        }
        is_word && ends
    }

    /// Terms joined by `AND`, `OR` or nothing, up to a closing parenthesis or the end.
    fn group<R: Row>(&mut self, depth: usize) -> Result<Expression<R>, FilterError> {
        let mut alternatives = vec![vec![self.factor(depth)?]];
        let mut explicit: Option<Joint> = None;
        while self.peek().is_some_and(|letter| letter != ')') {
            let at = self.next + 1;
            let joint = self.joint();
            if joint != Joint::Adjacent && *explicit.get_or_insert(joint) != joint {
                return Err(FilterError::Mixed { at });
            }
            let factor = self.factor(depth)?;
            match (joint, alternatives.last_mut()) {
                (Joint::Or, Some(last)) => last.push(factor),
                _ => alternatives.push(vec![factor]),
            }
        }
        Ok(Expression::All(alternatives.into_iter().map(Expression::Any).collect()))
    }

    fn joint(&mut self) -> Joint {
        if self.take_word("AND") {
            Joint::And
        } else if self.take_word("OR") {
            Joint::Or
        } else {
            Joint::Adjacent
        }
    }

    fn factor<R: Row>(&mut self, depth: usize) -> Result<Expression<R>, FilterError> {
        if depth >= DEEPEST {
            return Err(FilterError::TooDeep);
        }
        if self.take_word("NOT") {
            return Ok(Expression::Not(Box::new(self.factor(depth + 1)?)));
        }
        match self.peek() {
            Some('-') => {
                self.next += 1;
                Ok(Expression::Not(Box::new(self.factor(depth + 1)?)))
            }
            Some('(') => {
                self.next += 1;
                self.skip_spaces();
                let inner = self.group(depth + 1)?;
                self.take(')', "`)`")?;
                Ok(inner)
            }
            _ => self.term(),
        }
    }

    fn take(&mut self, letter: char, name: &'static str) -> Result<(), FilterError> {
        if self.peek() != Some(letter) {
            return Err(self.expected(name));
        }
        self.next += 1;
        self.skip_spaces();
        Ok(())
    }

    fn term<R: Row>(&mut self) -> Result<Expression<R>, FilterError> {
        let key = self.letters(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'));
        if key.is_empty() {
            return Err(self.expected("the name of a column"));
        }
        let column = find_column::<R>(&key)?;
        self.skip_spaces();
        let operator = self.operator()?;
        self.skip_spaces();
        let values = self.values()?;
        let term = |test| Expression::Term(column, test);
        match operator {
            "=" => Ok(term(equals(column, values)?)),
            "!=" => Ok(Expression::Not(Box::new(term(equals(column, values)?)))),
            ":" => Ok(term(contains(column, values)?)),
            _ => Ok(term(self.comparison(column, operator, values)?)),
        }
    }

    fn operator(&mut self) -> Result<&'static str, FilterError> {
        const OPERATORS: [&str; 7] = ["<=", ">=", "!=", "<", ">", "=", ":"];
        let rest = self.characters.get(self.next..).unwrap_or_default();
        let stands_here = |operator: &&&str| {
            let mut letters = operator.chars().zip(rest);
            rest.len() >= operator.len() && letters.all(|(wanted, found)| wanted == *found)
        };
        let operator = OPERATORS.iter().find(stands_here);
        let operator = operator.ok_or_else(|| self.expected("`=`, `!=`, `<`, `<=`, `>`, `>=` or `:`"))?;
        self.next += operator.len();
        Ok(operator)
    }

    /// One value, or several in parentheses.
    fn values(&mut self) -> Result<Vec<String>, FilterError> {
        if self.peek() != Some('(') {
            return Ok(vec![self.value()?]);
        }
        self.take('(', "`(`")?;
        let mut values = Vec::new();
        while self.peek() != Some(')') {
            values.push(self.value()?);
        }
        self.take(')', "`)`")?;
        if values.is_empty() {
            return Err(self.expected("a value before `)`"));
        }
        Ok(values)
    }

    fn value(&mut self) -> Result<String, FilterError> {
        let value = match self.peek() {
            Some(quote @ ('"' | '\'')) => {
                self.next += 1;
                let value = self.letters(|letter| letter != quote);
                if self.peek() != Some(quote) {
                    return Err(self.expected("a closing quote"));
                }
                self.next += 1;
                value
            }
            _ => self.letters(|letter| !letter.is_whitespace() && !matches!(letter, '(' | ')')),
        };
        if value.is_empty() {
            return Err(self.expected("a value"));
        }
        self.skip_spaces();
        Ok(value)
    }

    fn letters(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let start = self.next;
        while self.peek().is_some_and(&belongs) {
            self.next += 1;
        }
        self.characters.get(start..self.next).unwrap_or_default().iter().collect()
    }

    fn comparison<R: Row>(
        &self,
        column: &Column<R>,
        operator: &str,
        values: Vec<String>,
    ) -> Result<Test, FilterError> {
        if column.kind == ColumnKind::Text {
            return Err(FilterError::NotComparable { column: column.name });
        }
        let [value] = values.as_slice() else {
            return Err(self.expected("one number to compare with"));
        };
        let limit = number(column, value)?;
        Ok(match operator {
            "<" => Test::Less(limit),
            "<=" => Test::AtMost(limit),
            ">" => Test::Greater(limit),
            _ => Test::AtLeast(limit),
        })
    }
}

fn equals<R: Row>(column: &Column<R>, values: Vec<String>) -> Result<Test, FilterError> {
    let operand = |value: String| match column.kind {
        ColumnKind::Text => Ok(Operand::Text(value.to_lowercase())),
        ColumnKind::Number { .. } => Ok(Operand::Number(number(column, &value)?)),
    };
    let operands: Result<Vec<Operand>, FilterError> = values.into_iter().map(operand).collect();
    operands.map(Test::Is)
}

/// `:` on text is a substring, or a prefix with `*` after it; on numbers equality; with `*` alone any value.
fn contains<R: Row>(column: &Column<R>, values: Vec<String>) -> Result<Test, FilterError> {
    if values.iter().any(|value| value == "*") {
        return Ok(Test::HasValue);
    }
    match column.kind {
        ColumnKind::Number { .. } => equals(column, values),
        ColumnKind::Text => {
            let patterns = values.iter().map(|value| Pattern::parse(value));
            Ok(Test::Matches(patterns.collect()))
        }
    }
}

fn number<R: Row>(column: &Column<R>, value: &str) -> Result<f64, FilterError> {
    let parsed = value.parse::<f64>().ok().filter(|number| number.is_finite());
    parsed.ok_or_else(|| FilterError::NotANumber { column: column.name, value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::columns::tests::{Dish, FISH, RICE, SOUP};
    use super::*;

    /// Names of the dishes that pass.
    fn passing(text: &str) -> Vec<&'static str> {
        let filter = Filter::parse(text).unwrap();
        let passing = [SOUP, RICE, FISH].into_iter().filter(|dish| filter.matches(dish));
        passing.map(|dish| dish.name).collect()
    }

    fn error(text: &str) -> String {
        Filter::<Dish>::parse(text).unwrap_err().to_string()
    }

    const S: &str = SOUP.name;
    const R: &str = RICE.name;
    const F: &str = FISH.name;

    #[test]
    fn text_is_equal_contained_or_started_with() {
        assert_eq!(passing("dishName=RICE"), [R]);
        assert_eq!(passing("dishName='tomato soup'"), [S]);
        assert_eq!(passing("dishName!=rice"), [S, F]);
        assert_eq!(passing("dishName:SO"), [S]);
        assert_eq!(passing("dishName:o*"), Vec::<&str>::new());
        assert_eq!(passing("dishName:tom*"), [S]);
        assert_eq!(passing("dishName=(rice fish)"), [R, F]);
        assert_eq!(passing("dishName:(ice ish)"), [R, F]);
    }

    #[test]
    fn numbers_compare_by_size_and_missing_ones_never_do() {
        assert_eq!(passing("price<10"), [S]);
        assert_eq!(passing("price <= 1e1"), [S, R]);
        assert_eq!(passing("price>4.5"), [R]);
        assert_eq!(passing("price>=4.5"), [S, R]);
        assert_eq!(passing("price=10.0"), [R]);
        assert_eq!(passing("price:*"), [S, R]);
        assert_eq!(passing("-price:*"), [F]);
    }

    #[test]
    fn terms_combine() {
        assert_eq!(passing(""), [S, R, F]);
        assert_eq!(passing("price:* AND NOT dishName:soup"), [R]);
        assert_eq!(passing("price:* -dishName:soup"), [R]);
        assert_eq!(passing("dishName=fish OR price<5"), [S, F]);
        assert_eq!(passing("NOT (dishName=fish OR price<5)"), [R]);
        assert_eq!(passing("(dishName=fish OR price<5) AND dishName:s"), [S, F]);
    }

    #[test]
    fn terms_side_by_side_bind_less_than_or() {
        assert_eq!(passing("dishName=fish OR dishName=rice price:*"), [R]);
    }

    #[test]
    fn what_cannot_be_understood_says_where_and_what_is_needed() {
        let mixed = "filter, at character 21: `AND` and `OR` in one expression need parentheses";
        assert_eq!(error("price:* AND price<5 OR dishName=rice"), mixed);
        assert_eq!(error("price<"), "filter, at character 7: expected a value, found the end");
        assert_eq!(error("(price<5"), "filter, at character 9: expected `)`, found the end");
        assert_eq!(
            error("price<5)"),
            "filter, at character 8: expected `AND`, `OR` or another term, found `)`"
        );
        assert_eq!(
            error("price ~ 5"),
            "filter, at character 7: expected `=`, `!=`, `<`, `<=`, `>`, `>=` or `:`, found `~`"
        );
        assert_eq!(error("price<cheap"), "filter: column `price` holds numbers, `cheap` is none");
        assert_eq!(error("price<NaN"), "filter: column `price` holds numbers, `NaN` is none");
        assert_eq!(
            error("dishName<5"),
            "filter: column `dishName` holds text: compare it by `=`, `!=` or `:`"
        );
        assert_eq!(error("dishName='x"), "filter, at character 12: expected a closing quote, found the end");
        assert!(error("cost<5").starts_with("filter: unknown column `cost`"));
    }

    #[test]
    fn hostile_lengths_and_depths_are_refused() {
        assert_eq!(error(&"(".repeat(4000)), "filter is nested deeper than 32 levels");
        assert_eq!(error(&"NOT ".repeat(1000)), "filter is nested deeper than 32 levels");
        assert_eq!(error(&" ".repeat(5000)), "filter has 5000 bytes, at most 4096 are read");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "[a-z():=<>!~*'\"0-9 .ANDORT-]{0,80}|\\PC{0,40}") {
            if let Ok(filter) = Filter::<Dish>::parse(&text) {
                filter.matches(&SOUP);
            }
        }

        #[test]
        fn negation_splits_the_rows(limit in 0.0_f64..20.0) {
            let here = passing(&format!("price<{limit}"));
            let there = passing(&format!("NOT price<{limit}"));
            prop_assert_eq!(here.len() + there.len(), 3);
        }
    }
}
