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

    /// The first `count` arrival times in seconds at one of `ranks` that share the load evenly, each made when it is asked
    /// for; none for a closed loop, whose requests follow answers.
    ///
    /// Of Poisson arrivals, every `block` take as long as the rate wants: a Poisson process of which it is known
    /// how many requests came in each such time. Chance moves requests about, not the load of a short run.
    pub fn times(&self, ranks: usize, count: usize, block: usize, seed: u64) -> ArrivalTimes<'_> {
        let count = match self {
            Self::ClosedLoop { .. } => 0,
            Self::Trace(times) => count.min(times.len().div_ceil(ranks)),
            _ => count,
        };
        ArrivalTimes {
            of: self,
            ranks,
            made: 0,
            count,
            block: block.max(1),
            random: Random::new(seed, 3),
            scattered: Vec::new(),
        }
    }
}

/// Arrival times, in order.
#[derive(Debug, Clone)]
pub struct ArrivalTimes<'a> {
    of: &'a Arrivals,
    ranks: usize,
    made: usize,
    count: usize,
    /// Poisson arrivals whose rate is kept together.
    block: usize,
    random: Random,
    /// Times of the present block.
    scattered: Vec<f64>,
}

impl ArrivalTimes<'_> {
    /// A Poisson arrival at this rate.
    fn scattered(&mut self, requests_per_second: f64) -> f64 {
        let place = self.made % self.block;
        if place == 0 {
            self.scatter(requests_per_second);
        }
        self.scattered[place]
    }

    /// Makes the block that begins now.
    fn scatter(&mut self, requests_per_second: f64) {
        let mut time = 0.0;
        self.scattered.clear();
        for _ in 0..self.block.min(self.count - self.made) {
            time += self.random.exponential();
            self.scattered.push(time);
        }
        let scale = self.scattered.len() as f64 / time / requests_per_second;
        let offset = self.made as f64 / requests_per_second;
        self.scattered.iter_mut().for_each(|time| *time = offset + *time * scale);
    }
}

impl Iterator for ArrivalTimes<'_> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        if self.made == self.count {
            return None;
        }
        let at_a_rank = |requests_per_second: &f64| requests_per_second / self.ranks as f64;
        let time = match self.of {
            Arrivals::ClosedLoop { .. } | Arrivals::Burst => 0.0,
            Arrivals::Constant { requests_per_second } => self.made as f64 / at_a_rank(requests_per_second),
            Arrivals::Poisson { requests_per_second } => self.scattered(at_a_rank(requests_per_second)),
            Arrivals::Trace(times) => times[self.made * self.ranks],
        };
        self.made += 1;
        Some(time)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count - self.made, Some(self.count - self.made))
    }
}

impl ExactSizeIterator for ArrivalTimes<'_> {}

#[cfg(test)]
mod tests {
    use super::Arrivals;

    #[test]
    fn poisson_arrivals_have_the_asked_rate_and_scatter() {
        let arrivals = Arrivals::Poisson { requests_per_second: 4.0 };
        let times: Vec<f64> = arrivals.times(1, 10_000, 10_000, 5).collect();
        assert!((times[9_999] - 2500.0).abs() < 1e-6);
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{} {mean}", variance.sqrt());
    }

    #[test]
    fn every_block_of_poisson_arrivals_takes_as_long_as_the_rate_wants() {
        let arrivals = Arrivals::Poisson { requests_per_second: 4.0 };
        let times: Vec<f64> = arrivals.times(1, 250, 100, 5).collect();
        assert_eq!(times.len(), 250);
        for (last, seconds) in [(99, 25.0), (199, 50.0), (249, 62.5)] {
            assert!((times[last] - seconds).abs() < 1e-9, "{last}: {}", times[last]);
        }
        assert!(times.is_sorted());
    }

    #[test]
    fn other_arrivals_come_when_they_say() {
        let times = |arrivals: Arrivals, count| arrivals.times(1, count, count, 0).collect::<Vec<f64>>();
        assert_eq!(times(Arrivals::Constant { requests_per_second: 2.0 }, 3), [0.0, 0.5, 1.0]);
        assert_eq!(times(Arrivals::Burst, 2), [0.0, 0.0]);
        assert_eq!(times(Arrivals::Trace(vec![1.0, 4.0, 9.0]), 2), [1.0, 4.0]);
        assert_eq!(times(Arrivals::Trace(vec![1.0]), 2), [1.0]);
        assert!(times(Arrivals::ClosedLoop { in_flight: 3 }, 2).is_empty());
    }

    #[test]
    fn ranks_share_a_load() {
        let of_two = |arrivals: Arrivals| arrivals.times(2, 3, 3, 0).collect::<Vec<f64>>();
        assert_eq!(of_two(Arrivals::Constant { requests_per_second: 2.0 }), [0.0, 1.0, 2.0]);
        assert_eq!(of_two(Arrivals::Trace(vec![1.0, 4.0, 9.0])), [1.0, 9.0]);
    }
}
