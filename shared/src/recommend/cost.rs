//! What an operating point costs.

use crate::catalog::{Price, PricingModel};

/// Cost of a replica at its operating point, or why there is none. A missing price is never zero.
#[derive(Debug, Clone, PartialEq)]
pub enum Cost {
    /// The price is known.
    Priced(PricedCost),
    /// The price book has no such entry.
    NoPrice(NoPrice),
}

/// Cost of a replica whose machine has a price.
#[derive(Debug, Clone, PartialEq)]
pub struct PricedCost {
    /// USD an hour for the replica's share of its machines.
    pub usd_per_hour: f64,
    /// USD an hour for all machines it runs on, as when the rest of them stays empty.
    pub usd_per_hour_whole: f64,
    /// USD for a million input tokens, by the replica's share.
    pub usd_per_million_input_tokens: f64,
    /// USD for a million output tokens, by the replica's share.
    pub usd_per_million_output_tokens: f64,
    /// Price of one machine: region, pricing model, listed or derived.
    pub price: Price,
}

/// What has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPrice {
    /// Machine type.
    pub machine: String,
    /// Region asked for.
    pub region: String,
    /// Pricing model asked for.
    pub pricing_model: PricingModel,
}

/// Replicas that serve a request rate, and what they cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fleet {
    /// Replicas, each at most at its operating point.
    pub replicas: u32,
    /// USD a month of 730 hours for their machines, where these have a price. Replicas that take a part of a machine
    /// share machines: as many whole ones are paid as hold them all.
    pub usd_per_month: Option<f64>,
}

impl Fleet {
    /// Hours of a month as price lists reckon it: 365 × 24 ÷ 12.
    const HOURS_PER_MONTH: f64 = 730.0;

    /// For `requests_per_second`, with replicas of so many requests a second that take `share` of their machines.
    /// `None` where a replica serves nothing.
    pub(super) fn of(requests_per_second: f64, each: f64, share: f64, cost: &Cost) -> Option<Self> {
        let replicas = (requests_per_second / each).ceil().max(1.0);
        if !(replicas.is_finite() && replicas <= f64::from(u32::MAX)) {
            return None;
        }
        let whole = (replicas * share - 1e-9).ceil().max(1.0);
        let per_machines = |cost: &PricedCost| cost.usd_per_hour_whole * whole * Self::HOURS_PER_MONTH;
        Some(Self { replicas: replicas as u32, usd_per_month: cost.priced().map(per_machines) })
    }
}

impl Cost {
    /// The priced cost, where there is one.
    pub fn priced(&self) -> Option<&PricedCost> {
        match self {
            Self::Priced(cost) => Some(cost),
            Self::NoPrice(_) => None,
        }
    }
}

impl PricedCost {
    /// The same when the rest of the machines stays empty: the replica then pays for them whole.
    pub fn alone(&self) -> Self {
        let times = self.usd_per_hour_whole / self.usd_per_hour;
        Self {
            usd_per_hour: self.usd_per_hour_whole,
            usd_per_million_input_tokens: self.usd_per_million_input_tokens * times,
            usd_per_million_output_tokens: self.usd_per_million_output_tokens * times,
            ..self.clone()
        }
    }
}

/// USD for one input and one output token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenCost {
    /// USD for an input token.
    pub usd_per_input_token: f64,
    /// USD for an output token.
    pub usd_per_output_token: f64,
}

impl TokenCost {
    /// The service's two equations: `$/output token = $/s ÷ (input tokens/s ÷ ratio + output tokens/s)` and
    /// `$/input token = $/output token ÷ ratio`, so that both costs times their flows give the price.
    ///
    /// `None` when nothing flows or the ratio is not positive.
    pub fn of(
        usd_per_hour: f64,
        input_tokens_per_second: f64,
        output_tokens_per_second: f64,
        output_input_cost_ratio: f64,
    ) -> Option<Self> {
        const SECONDS_PER_HOUR: f64 = 3600.0;
        let flow = input_tokens_per_second / output_input_cost_ratio + output_tokens_per_second;
        let usable = output_input_cost_ratio > 0.0 && flow.is_finite() && flow > 0.0;
        usable.then(|| {
            let usd_per_output_token = usd_per_hour / SECONDS_PER_HOUR / flow;
            Self { usd_per_input_token: usd_per_output_token / output_input_cost_ratio, usd_per_output_token }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_services_equations_by_hand() {
        // $3.60 an hour are a tenth of a cent a second; 4000 input tokens/s count as 1000 output tokens/s.
        let cost = TokenCost::of(3.6, 4000.0, 1000.0, 4.0).unwrap();
        assert!((cost.usd_per_output_token - 0.5e-6).abs() < 1e-18);
        assert!((cost.usd_per_input_token - 0.125e-6).abs() < 1e-18);
    }

    #[test]
    fn what_does_not_flow_has_no_cost() {
        assert_eq!(TokenCost::of(3.6, 0.0, 0.0, 4.0), None);
        assert_eq!(TokenCost::of(3.6, 1.0, 1.0, 0.0), None);
    }

    proptest! {
        #[test]
        fn both_costs_times_their_flows_give_the_price(
            usd_per_hour in 0.01_f64..200.0,
            input in 0.1_f64..1e6,
            output in 0.1_f64..1e6,
            ratio in 0.1_f64..20.0,
        ) {
            let cost = TokenCost::of(usd_per_hour, input, output, ratio).unwrap();
            let usd_per_second = cost.usd_per_input_token * input + cost.usd_per_output_token * output;
            prop_assert!((usd_per_second * 3600.0 - usd_per_hour).abs() <= 1e-9 * usd_per_hour);
        }

        #[test]
        fn cost_falls_as_throughput_rises(
            usd_per_hour in 0.01_f64..200.0,
            input in 0.1_f64..1e6,
            output in 0.1_f64..1e6,
            more in 1.01_f64..10.0,
        ) {
            let slow = TokenCost::of(usd_per_hour, input, output, 4.0).unwrap();
            let fast = TokenCost::of(usd_per_hour, input * more, output * more, 4.0).unwrap();
            prop_assert!(fast.usd_per_output_token < slow.usd_per_output_token);
            prop_assert!(fast.usd_per_input_token < slow.usd_per_input_token);
        }
    }
}
