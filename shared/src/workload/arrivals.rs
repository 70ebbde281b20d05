//! When requests come.

use super::random::Random;

/// How load is put on a server.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// So many clients, each of which sends its next request when it has the answer to the last.
    ClosedLoop {
        /// Requests in flight.
        in_flight: u32,
    },
    /// Independent arrivals at a mean rate.
    Poisson {
        /// Requests per second.
        requests_per_second: f64,
    },
    /// One request every `1 / rate` seconds.
    Constant {
        /// Requests per second.
        requests_per_second: f64,
    },
    /// All requests at once: a burst, or an offline run whose throughput is of interest.
    Burst,
    /// Given times in seconds, not falling.
    Trace(Vec<f64>),
}

impl Arrivals {
    /// Whether requests arrive whatever the server does.
    pub fn is_open_loop(&self) -> bool {
        !matches!(self, Self::ClosedLoop { .. })
    }

    /// Requests per second offered, where the load has a rate.
    pub fn requests_per_second(&self) -> Option<f64> {
        match self {
            Self::Poisson { requests_per_second } | Self::Constant { requests_per_second } => {
                Some(*requests_per_second)
            }
            Self::ClosedLoop { .. } | Self::Burst | Self::Trace(_) => None,
        }
    }

    /// The first `count` arrival times in seconds; none for a closed loop, whose requests follow answers.
    ///
    /// Of Poisson arrivals, every `block` take as long as the rate wants: a Poisson process of which it is known
    /// how many requests came in each such time. Chance moves requests about, not the load of a short run.
    pub fn times(&self, count: usize, block: usize, seed: u64) -> Vec<f64> {
        match self {
            Self::ClosedLoop { .. } => Vec::new(),
            Self::Burst => vec![0.0; count],
            Self::Trace(times) => times.iter().copied().take(count).collect(),
            Self::Constant { requests_per_second } => {
                (0..count).map(|place| place as f64 / requests_per_second).collect()
            }
            Self::Poisson { requests_per_second } => {
                let mut random = Random::new(seed, 3);
                let mut times: Vec<f64> = Vec::with_capacity(count);
                while times.len() < count {
                    let start = times.len();
                    let mut time = 0.0;
                    times.extend((0..block.clamp(1, count - start)).map(|_| {
                        time += random.exponential();
                        time
                    }));
                    let scale = (times.len() - start) as f64 / time / requests_per_second;
                    let offset = start as f64 / requests_per_second;
                    times[start..].iter_mut().for_each(|time| *time = offset + *time * scale);
                }
                times
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arrivals;

    #[test]
    fn poisson_arrivals_have_the_asked_rate_and_scatter() {
        let times = Arrivals::Poisson { requests_per_second: 4.0 }.times(10_000, 10_000, 5);
        assert!((times[9_999] - 2500.0).abs() < 1e-6);
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{} {mean}", variance.sqrt());
    }

    #[test]
    fn other_arrivals_come_when_they_say() {
        assert_eq!(Arrivals::Constant { requests_per_second: 2.0 }.times(3, 3, 0), [0.0, 0.5, 1.0]);
        assert_eq!(Arrivals::Burst.times(2, 2, 0), [0.0, 0.0]);
        assert_eq!(Arrivals::Trace(vec![1.0, 4.0, 9.0]).times(2, 2, 0), [1.0, 4.0]);
        assert!(Arrivals::ClosedLoop { in_flight: 3 }.times(2, 2, 0).is_empty());
    }
}
