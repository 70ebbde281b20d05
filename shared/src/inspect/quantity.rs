//! Kubernetes quantities.

/// The number that a Kubernetes quantity such as `128Gi`, `500m` or `1e3` stands for, in base units (bytes, cores);
/// `None` for what is not a quantity.
pub fn parse_quantity(text: &str) -> Option<f64> {
    let number_end =
        text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(number_end);
    let scale = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024_f64.powi(2),
        "Gi" => 1024_f64.powi(3),
        "Ti" => 1024_f64.powi(4),
        "Pi" => 1024_f64.powi(5),
        "Ei" => 1024_f64.powi(6),
        // Decimal exponents: `1e3`, `2E6`.
        _ => return text.parse().ok().filter(|value: &f64| value.is_finite()),
    };
    number.parse().ok().map(|value: f64| value * scale).filter(|value| value.is_finite())
}
