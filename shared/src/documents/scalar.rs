//! What a scalar means: as kubectl reads it, which is YAML 1.1 where that says more than YAML 1.2.

use granit_parser::ScalarStyle;
use serde_json::{Number, Value};

/// Meaning of a scalar.
pub(super) fn meaning(text: &str, style: ScalarStyle, tag: Option<&str>) -> Value {
    match tag {
        Some("str") => return Value::String(text.to_owned()),
        Some("int" | "float" | "bool" | "null") => return plain(text),
        _ => {}
    }
    if style == ScalarStyle::Plain { plain(text) } else { Value::String(text.to_owned()) }
}

/// Meaning of a text without quotes.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            return Value::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    // Nothing else that has a meaning begins with another character.
    if text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'))
        && let Some(number) = integer(text).or_else(|| float(text))
    {
        return Value::Number(number);
    }
    Value::String(text.to_owned())
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.replace('_', "");
    let of = |digits: &str, radix| {
        let starts_with_digit = digits.starts_with(|first: char| first.is_digit(radix));
        starts_with_digit.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
    };
    let magnitude = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => of(digits.get(2..)?, 16)?,
        [b'0', b'b' | b'B', ..] => of(digits.get(2..)?, 2)?,
        [b'0', b'o' | b'O', ..] => of(digits.get(2..)?, 8)?,
        [b'0', _, ..] => of(&digits, 8)?,
        _ => of(&digits, 10)?,
    };
    if negative { 0_i64.checked_sub_unsigned(magnitude).map(Number::from) } else { Some(magnitude.into()) }
}

fn float(text: &str) -> Option<Number> {
    // `.5` and `5.` are numbers, `1.2.3` and `1e` are not; Rust also takes `inf` and `nan`, which JSON has not.
    let written = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = written.then(|| text.parse::<f64>().ok()).flatten()?;
    Number::from_f64(number)
}

#[cfg(test)]
mod tests {
    use super::plain;
    use serde_json::json;

    #[test]
    fn scalars_mean_what_kubectl_takes_them_for() {
        let cases = [
            ("on", json!(true)),
            ("No", json!(false)),
            ("~", json!(null)),
            ("0644", json!(420)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("1_000", json!(1000)),
            ("-3", json!(-3)),
            ("08", json!(8.0)),
            ("0.90", json!(0.9)),
            ("1e3", json!(1000.0)),
            ("1.2.3", json!("1.2.3")),
            ("8Gi", json!("8Gi")),
            ("-", json!("-")),
            ("--model", json!("--model")),
            ("v0.9.1", json!("v0.9.1")),
            (".inf", json!(".inf")),
            ("infinity", json!("infinity")),
            ("12e", json!("12e")),
            ("99999999999999999999", json!(1e20)),
        ];
        for (text, value) in cases {
            assert_eq!(plain(text), value, "{text}");
        }
    }
}
