//! The sections of `shared/data`, as the build script wrote them.

macro_rules! section {
    ($file:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/", $file, ".json"))
    };
}

pub(super) const RELEASE: &str = section!("release");
pub(super) const MODELS: &str = section!("models");
pub(super) const ACCELERATORS: &str = section!("accelerators");
pub(super) const MACHINES: &str = section!("machines");
pub(super) const PRICES: &str = section!("prices");
pub(super) const SERVERS: &str = section!("servers");
pub(super) const SIGNALS: &str = section!("signals");
pub(super) const START_TIMES: &str = section!("startTimes");
pub(super) const FLAGS: &str = section!("flags");
pub(super) const USE_CASES: &str = section!("useCases");
pub(super) const CEILINGS: &str = section!("ceilings");
/// The profiles of each model, in the order of their ids.
pub(super) const PROFILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));
