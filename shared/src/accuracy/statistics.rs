//! Statistics of errors, among which infinite ones are.

/// The quantile at `share` (0 to 1) of `sorted`, linear between the two values beside it (the seventh definition of
/// Hyndman and Fan, which NumPy and R take unless told otherwise); infinite as soon as it leans on an infinite value;
/// `None` of nothing.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let below = *sorted.get(place.floor() as usize)?;
    let above = *sorted.get(place.ceil() as usize)?;
    let part = place.fract();
    Some(if part == 0.0 || below == above { below } else { below + (above - below) * part })
}

/// Arithmetic mean; `None` of nothing.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_quantiles() {
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 0.5), Some(3.0));
        assert_eq!(quantile(&values, 1.0), Some(8.0));
        assert!((quantile(&values, 0.9).unwrap() - 6.8).abs() < 1e-12);
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(mean(&values), Some(3.75));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn a_quantile_is_infinite_once_it_leans_on_an_infinite_value() {
        let values = [1.0, 2.0, f64::INFINITY];
        assert_eq!(quantile(&values, 0.5), Some(2.0));
        assert_eq!(quantile(&values, 0.51), Some(f64::INFINITY));
        let infinite = [f64::INFINITY; 2];
        assert_eq!(quantile(&infinite, 0.5), Some(f64::INFINITY));
        assert_eq!(mean(&values), Some(f64::INFINITY));
    }

    proptest! {
        #[test]
        fn quantiles_rise_with_their_share_and_stay_among_the_values(
            mut values in prop::collection::vec(0.0..1e6_f64, 1..40),
            shares in (0.0..=1.0_f64, 0.0..=1.0_f64),
        ) {
            values.sort_by(f64::total_cmp);
            let (low, high) = (shares.0.min(shares.1), shares.0.max(shares.1));
            let (low, high) = (quantile(&values, low).unwrap(), quantile(&values, high).unwrap());
            prop_assert!(low <= high + 1e-9);
            prop_assert!(values[0] <= low && high <= values[values.len() - 1]);
        }

        #[test]
        fn half_of_the_values_lie_on_either_side_of_the_median(
            mut values in prop::collection::vec(0.0..1e6_f64, 1..40),
        ) {
            values.sort_by(f64::total_cmp);
            let median = quantile(&values, 0.5).unwrap();
            let below = values.iter().filter(|value| **value < median).count();
            let above = values.iter().filter(|value| **value > median).count();
            prop_assert!(2 * below <= values.len() && 2 * above <= values.len());
        }
    }
}
