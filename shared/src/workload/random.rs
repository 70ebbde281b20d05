//! Random numbers that are the same on every machine, for a seed.

/// SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"): one 64-bit counter,
/// good enough for simulations of a few million draws, and nothing to go wrong between versions of a library.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A stream of numbers; streams of one `seed` and different `purpose` have nothing in common.
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut random = Self(seed ^ purpose.wrapping_mul(0xD1B5_4A32_D192_ED03));
        random.bits();
        random
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Uniform from 0 (exclusive) to 1 (exclusive).
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Uniform from 0 to `below`, exclusive; 0 where `below` is 0.
    pub fn below(&mut self, below: u32) -> u32 {
        ((u128::from(self.bits()) * u128::from(below)) >> 64) as u32
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }

    /// `count` uniform numbers; of each hundred, one in each hundredth of 0 to 1, in random order.
    ///
    /// Such numbers have the mean and the percentiles of their distribution almost exactly, any few hundred in a
    /// row, so that a short simulation is not off by the luck of its draw.
    pub fn stratified(&mut self, count: usize) -> Vec<f64> {
        let mut numbers = Vec::with_capacity(count);
        while numbers.len() < count {
            let start = numbers.len();
            let block = STRATA.min(count - start);
            numbers.extend((0..block).map(|place| (place as f64 + self.unit()) / block as f64));
            for place in (1..block).rev() {
                let other = self.below(place as u32 + 1) as usize;
                numbers.swap(start + place, start + other);
            }
        }
        numbers
    }
}

/// Numbers that are stratified together.
const STRATA: usize = 100;

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_purpose_others() {
        let draw = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            (0..8).map(|_| random.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(7, 0);
        let count = 200_000;
        let exponential: Vec<f64> = (0..count).map(|_| random.exponential()).collect();
        let mean = exponential.iter().sum::<f64>() / f64::from(count);
        let variance = exponential.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / f64::from(count);
        assert!((mean - 1.0).abs() < 0.01 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let stratified = random.stratified(1000);
        let mean = stratified.iter().sum::<f64>() / 1000.0;
        assert!((mean - 0.5).abs() < 1e-4, "{mean}");
        // In random order: neighbours do not follow each other.
        let rising = stratified.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((400..600).contains(&rising), "{rising}");
    }
}
