//! Least squares by Levenberg and Marquardt (Marquardt 1963), with derivatives by differences.

/// Difference by which derivatives are taken: far above the rounding of a sum of some thousand terms.
const DIFFERENCE: f64 = 1e-4;

/// Damping before the first step, and how it changes when a step succeeds or fails.
const FIRST_DAMPING: f64 = 1e-2;
const SUCCESS: f64 = 0.2;
const FAILURE: f64 = 5.0;

/// Damping above which no step can help any more.
const HOPELESS: f64 = 1e8;

/// Relative gain below which the search ends.
const LEAST_GAIN: f64 = 1e-5;

/// The minimum that was found.
pub(super) struct Minimum {
    /// Where.
    pub(super) at: Vec<f64>,
    /// Derivative of each residual by each unknown there, by unknown.
    pub(super) slopes: Vec<Vec<f64>>,
}

/// Minimises the sum of the squares of `residuals`, from `start`, in at most `rounds` rounds.
///
/// `columns` gives the residuals at several places at once, so that the caller may compute them side by side.
pub(super) fn minimise<F>(residuals: F, start: Vec<f64>, rounds: usize) -> Minimum
where
    F: Fn(&[Vec<f64>]) -> Vec<Vec<f64>>,
{
    let one = |at: &[f64]| residuals(&[at.to_vec()]).pop().unwrap_or_default();
    let mut at = start;
    let mut current = one(&at);
    let mut slopes = slopes_at(&residuals, &at, &current);
    let mut damping = FIRST_DAMPING;
    for _ in 0..rounds {
        let cost = squares(&current);
        let Some((next, found)) = step(&one, &at, &current, &slopes, &mut damping) else { break };
        let gain = cost - squares(&found);
        (at, current) = (next, found);
        slopes = slopes_at(&residuals, &at, &current);
        if gain < LEAST_GAIN * cost {
            break;
        }
    }
    Minimum { at, slopes }
}

fn squares(residuals: &[f64]) -> f64 {
    residuals.iter().map(|residual| residual * residual).sum()
}

fn slopes_at<F>(residuals: &F, at: &[f64], current: &[f64]) -> Vec<Vec<f64>>
where
    F: Fn(&[Vec<f64>]) -> Vec<Vec<f64>>,
{
    let moved: Vec<Vec<f64>> = (0..at.len())
        .map(|unknown| {
            let mut moved = at.to_vec();
            moved[unknown] += DIFFERENCE;
            moved
        })
        .collect();
    let differences = |there: Vec<f64>| -> Vec<f64> {
        there.iter().zip(current).map(|(there, here)| (there - here) / DIFFERENCE).collect()
    };
    residuals(&moved).into_iter().map(differences).collect()
}

/// The next place that is better, with its residuals; `None` when no damping finds one.
fn step(
    one: &impl Fn(&[f64]) -> Vec<f64>,
    at: &[f64],
    current: &[f64],
    slopes: &[Vec<f64>],
    damping: &mut f64,
) -> Option<(Vec<f64>, Vec<f64>)> {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let normal: Vec<Vec<f64>> =
        slopes.iter().map(|a| slopes.iter().map(|b| product(a, b)).collect()).collect();
    let gradient: Vec<f64> = slopes.iter().map(|slope| -product(slope, current)).collect();
    while *damping < HOPELESS {
        let mut damped = normal.clone();
        for (unknown, row) in damped.iter_mut().enumerate() {
            row[unknown] += *damping * (1.0 + row[unknown]);
        }
        if let Some(change) = solve(damped, gradient.clone()) {
            let next: Vec<f64> = at.iter().zip(&change).map(|(at, change)| at + change).collect();
            let found = one(&next);
            if squares(&found) < squares(current) {
                *damping *= SUCCESS;
                return Some((next, found));
            }
        }
        *damping *= FAILURE;
    }
    None
}

/// Solves a symmetric, positive definite system by Cholesky's decomposition; `None` where it is not definite.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for row in 0..size {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| matrix[row][k] * matrix[column][k]).sum();
            let rest = matrix[row][column] - known;
            if row == column {
                if rest <= 0.0 || !rest.is_finite() {
                    return None;
                }
                matrix[row][row] = rest.sqrt();
            } else {
                matrix[row][column] = rest / matrix[column][column];
            }
        }
    }
    for row in 0..size {
        let known: f64 = (0..row).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|k| matrix[k][row] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decay_is_found_again_from_its_own_points() {
        let times: Vec<f64> = (0..20).map(|step| f64::from(step) * 0.25).collect();
        let value = |at: &[f64], time: f64| at[0] * (-at[1] * time).exp();
        let residuals = |places: &[Vec<f64>]| {
            let of = |at: &Vec<f64>| times.iter().map(|t| value(at, *t) - value(&[3.0, 0.7], *t)).collect();
            places.iter().map(of).collect()
        };
        let found = minimise(residuals, vec![1.0, 0.1], 50).at;
        assert!((found[0] - 3.0).abs() < 1e-4 && (found[1] - 0.7).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn an_unknown_that_changes_nothing_stays_where_it_was() {
        let residuals = |places: &[Vec<f64>]| places.iter().map(|at| vec![at[0] - 2.0]).collect();
        let found = minimise(residuals, vec![0.0, 5.0], 20).at;
        assert!((found[0] - 2.0).abs() < 1e-6, "{found:?}");
        assert!((found[1] - 5.0).abs() < 1e-12, "{found:?}");
    }
}
