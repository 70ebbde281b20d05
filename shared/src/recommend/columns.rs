//! Named columns of a table: one list that sorting, filtering and printing share.

use std::borrow::Cow;
use std::cmp::Ordering;

use thiserror::Error;

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Words.
    Text(Cow<'a, str>),
    /// A number at full precision.
    Number(f64),
    /// Not known, not measured, no price.
    Missing,
}

impl<'a> Value<'a> {
    /// Text that is always there.
    pub fn of(text: &'a str) -> Self {
        Self::Text(text.into())
    }

    /// Text, or missing.
    pub fn text(text: Option<impl Into<Cow<'a, str>>>) -> Self {
        text.map_or(Self::Missing, |text| Self::Text(text.into()))
    }

    /// A number, or missing.
    pub fn number(number: Option<f64>) -> Self {
        number.map_or(Self::Missing, Self::Number)
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Words, sorted by their bytes.
    Text,
    /// Numbers, printed with this many decimals.
    Number {
        /// Digits after the point.
        decimals: usize,
    },
}

/// One column of rows of type `R`.
#[derive(Debug)]
pub struct Column<R> {
    /// Name in `--sort-by` and `--filter`, and in structured output.
    pub name: &'static str,
    /// Heading of a printed table.
    pub header: &'static str,
    /// Words or numbers.
    pub kind: ColumnKind,
    /// The cell of a row.
    pub value: for<'a> fn(&'a R) -> Value<'a>,
}

impl<R> Column<R> {
    /// All four in their order, which reads better in a table of columns than the names of the fields.
    pub const fn new(
        name: &'static str,
        header: &'static str,
        kind: ColumnKind,
        value: for<'a> fn(&'a R) -> Value<'a>,
    ) -> Self {
        Self { name, header, kind, value }
    }
}

/// Something that a table lists.
pub trait Row: Sized + 'static {
    /// Its columns, in the order in which a wide table shows them.
    fn columns() -> &'static [Column<Self>];
}

/// A name that no column has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown column `{name}`{}; the columns are {}", suggestion(.nearest.as_deref()), .known.join(", "))]
pub struct UnknownColumn {
    /// What was asked.
    pub name: String,
    /// The column that resembles it most.
    pub nearest: Option<String>,
    /// All columns.
    pub known: Vec<&'static str>,
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

/// Objects of the service's REST fields, and of ours beside them, whose members are columns.
const OBJECTS: &[&str] = &[
    "modelserverinfo",
    "resourcesused",
    "workloadspec",
    "performancestats",
    "operatingpoint",
    "pricing",
    "provenance",
];

/// The column of this name or heading; only letters and digits count, in either case. Of a path of the service's
/// REST fields (`performanceStats.ttftMilliseconds`) the last name counts, of a heading the unit may be left out
/// (`ttft` is `TTFT(ms)`). Members of other objects are no columns: `architecture.name` is not `name`.
pub fn find_column<R: Row>(name: &str) -> Result<&'static Column<R>, UnknownColumn> {
    let wanted = match name.rsplit_once('.') {
        Some((path, last)) if OBJECTS.contains(&folded(path).as_str()) => folded(last),
        Some(_) => String::new(),
        None => folded(name),
    };
    let without_unit = |header: &str| folded(header.split(['(', '/']).next().unwrap_or(header));
    let columns = || R::columns().iter();
    let found = columns()
        .find(|column| folded(column.name) == wanted)
        .or_else(|| columns().find(|column| folded(column.header) == wanted))
        .or_else(|| columns().find(|column| without_unit(column.header) == wanted))
        .filter(|_| !wanted.is_empty());
    found.ok_or_else(|| {
        const ALIKE: f64 = 0.7;
        let likeness = |column: &Column<R>| strsim::jaro_winkler(&wanted, &folded(column.name));
        let nearest = R::columns()
            .iter()
            .map(|column| (likeness(column), column.name))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        UnknownColumn {
            name: name.to_owned(),
            nearest: nearest.map(|(_, name)| name.to_owned()),
            known: R::columns().iter().map(|column| column.name).collect(),
        }
    })
}

fn folded(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// What `--sort-by` asks: columns in order of weight, each rising or falling.
#[derive(Debug)]
pub struct SortOrder<R: Row> {
    keys: Vec<(&'static Column<R>, bool)>,
}

impl<R: Row> SortOrder<R> {
    /// From names separated by commas, `~` before those that fall, as `gcloud` writes it.
    pub fn parse(text: &str) -> Result<Self, UnknownColumn> {
        let key = |name: &str| {
            let name = name.trim();
            match name.strip_prefix('~') {
                Some(name) => Ok((find_column::<R>(name.trim())?, true)),
                None => Ok((find_column::<R>(name)?, false)),
            }
        };
        let keys = text.split(',').map(key).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Sorts rows; those that are equal keep their order, those without a value come last either way.
    pub fn sort(&self, rows: &mut [R]) {
        rows.sort_by(|a, b| {
            let by_key = |(column, falls): &(&Column<R>, bool)| {
                compare(&(column.value)(a), &(column.value)(b), *falls)
            };
            self.keys.iter().map(by_key).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
    }
}

fn compare(a: &Value<'_>, b: &Value<'_>, falls: bool) -> Ordering {
    let order = match (a, b) {
        (Value::Missing, Value::Missing) => return Ordering::Equal,
        (Value::Missing, _) => return Ordering::Greater,
        (_, Value::Missing) => return Ordering::Less,
        (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Number(_), Value::Text(_)) => Ordering::Less,
        (Value::Text(_), Value::Number(_)) => Ordering::Greater,
    };
    if falls { order.reverse() } else { order }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::recommend::Recommendation;

    /// A row of a table of dishes.
    #[derive(Debug, Clone, PartialEq)]
    pub(in super::super) struct Dish {
        pub(in super::super) name: &'static str,
        pub(in super::super) price: Option<f64>,
    }

    impl Row for Dish {
        fn columns() -> &'static [Column<Self>] {
            &[
                Column {
                    name: "dishName",
                    header: "Dish",
                    kind: ColumnKind::Text,
                    value: |dish| Value::Text(dish.name.into()),
                },
                Column {
                    name: "price",
                    header: "Price",
                    kind: ColumnKind::Number { decimals: 2 },
                    value: |dish| Value::number(dish.price),
                },
            ]
        }
    }

    pub(in super::super) const SOUP: Dish = Dish { name: "Tomato soup", price: Some(4.5) };
    pub(in super::super) const RICE: Dish = Dish { name: "rice", price: Some(10.0) };
    pub(in super::super) const FISH: Dish = Dish { name: "fish", price: None };

    fn sorted(order: &str) -> Vec<&'static str> {
        let mut rows = [RICE, FISH, SOUP];
        SortOrder::parse(order).unwrap().sort(&mut rows);
        rows.map(|dish| dish.name).to_vec()
    }

    #[test]
    fn numbers_sort_by_size_and_what_has_none_comes_last_either_way() {
        assert_eq!(sorted("price"), ["Tomato soup", "rice", "fish"]);
        assert_eq!(sorted("~price"), ["rice", "Tomato soup", "fish"]);
    }

    #[test]
    fn names_are_found_whatever_their_dashes_and_case() {
        for name in ["dishName", "dish-name", "DISH_NAME"] {
            assert_eq!(find_column::<Dish>(name).unwrap().header, "Dish");
        }
    }

    #[test]
    fn later_columns_decide_between_equals() {
        let mut rows = [Dish { name: "b", ..RICE }, Dish { name: "a", ..RICE }, SOUP];
        SortOrder::parse("price, ~dish-name").unwrap().sort(&mut rows);
        assert_eq!(rows.map(|dish| dish.name), ["Tomato soup", "b", "a"]);
    }

    #[test]
    fn an_unknown_column_names_the_nearest_and_all() {
        let error = SortOrder::<Dish>::parse("prize").unwrap_err();
        let wanted = "unknown column `prize` (did you mean `price`?); the columns are dishName, price";
        assert_eq!(error.to_string(), wanted);
    }

    #[test]
    fn a_column_is_found_by_its_name_its_path_and_its_heading() {
        for name in
            ["ttftMilliseconds", "performanceStats.ttftMilliseconds", "ttft-milliseconds", "TTFT(ms)", "ttft"]
        {
            let found = find_column::<Recommendation>(name).unwrap();
            assert_eq!(found.name, "ttftMilliseconds", "{name}");
        }
        assert!(find_column::<Recommendation>("").is_err());
        assert!(find_column::<Recommendation>("-").is_err());
    }
}
